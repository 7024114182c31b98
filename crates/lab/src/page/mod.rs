//! `index.html`: one page with everything in it, and the report it is made of.

use minijinja::{Environment, context};
use serde::Serialize;

use crate::course::Outcome;
use crate::course::claim::{Check, Verdict};
use crate::error::LabError;
use crate::figure::draw::{palette, svg};
use crate::figure::{Figure, Mark, Plot};
use crate::reference::referenced;
use crate::report::RunConditions;
use crate::sweep::{self, Errors};
use crate::text::figure;
use crate::timing::{Cost, costs};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// Everything a run of the course found: `report.json`.
#[derive(Debug, Serialize)]
pub struct CourseReport {
    /// The first seed.
    pub seed: u64,
    /// The claims in the course's order.
    pub claims: Vec<ClaimReport>,
    /// Under which conditions; times are here, and in what A9 measures.
    pub conditions: RunConditions,
    /// The tables of kernels; none where only some claims were asked for.
    pub kernels: Option<Kernels>,
}

/// What was found on a claim.
#[derive(Debug, Serialize)]
pub struct ClaimReport {
    /// Its number.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// What the course says.
    pub says: &'static str,
    /// What was measured, and how.
    pub method: &'static str,
    /// What follows.
    pub verdict: Verdict,
    /// The verdicts that the repository states.
    pub stated: &'static [Verdict],
    /// Whether it is one of them.
    pub as_stated: bool,
    /// How long the experiment took; apart from this and A9's, no number depends on the machine's speed.
    pub seconds: f64,
    /// The measurements in a few words.
    pub summary: String,
    /// The measurements with their thresholds.
    pub checks: Vec<Check>,
    /// What is to be added or put right.
    pub remarks: Vec<String>,
    /// What there is to see.
    pub figures: Vec<Figure>,
}

/// What the activation kernels are worth on the machine at hand.
#[derive(Debug, Serialize)]
pub struct Kernels {
    /// Each so-manieth f32 was looked at.
    pub stride: usize,
    /// The worst errors.
    pub errors: Vec<Errors>,
    /// The times.
    pub costs: Vec<Cost>,
}

impl Kernels {
    /// Sweeps and times the kernels that have a reference.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn measure() -> Result<Self, LabError> {
        let points = sweep::points(sweep::STRIDE);
        let activations: Vec<_> = referenced().skip(1).collect();
        let errors = activations.iter().filter_map(|&a| sweep::errors(a, a, &points)).collect();
        Ok(Self { stride: sweep::STRIDE, errors, costs: costs(&activations)? })
    }
}

impl CourseReport {
    /// Of what was found.
    pub fn new(
        outcomes: &[Outcome],
        kernels: Option<Kernels>,
        conditions: RunConditions,
        seed: u64,
    ) -> Self {
        let of = |outcome: &Outcome| ClaimReport {
            id: outcome.claim.id,
            title: outcome.claim.title,
            says: outcome.claim.says,
            method: outcome.claim.method,
            verdict: outcome.verdict,
            stated: outcome.claim.expected(),
            as_stated: outcome.is_expected(),
            seconds: outcome.seconds,
            summary: outcome.evidence.summary.clone(),
            checks: outcome.evidence.checks.clone(),
            remarks: outcome.evidence.remarks.clone(),
            figures: outcome.evidence.figures.clone(),
        };
        Self { seed, claims: outcomes.iter().map(of).collect(), conditions, kernels }
    }
}

/// The page of a report whose numbers are in the file `data` beside it.
///
/// # Errors
/// If the template does not fit the report.
pub fn html(report: &CourseReport, data: &str) -> Result<String, LabError> {
    let mut environment = Environment::new();
    environment.add_template("page.html", TEMPLATE)?;
    let claims: Vec<_> = report.claims.iter().map(claim).collect();
    let count = |verdict| report.claims.iter().filter(|claim| claim.verdict == verdict).count();
    let kernels = report.kernels.as_ref().map(kernels);
    let page = environment.get_template("page.html")?.render(context! {
        style => STYLE,
        data,
        light => palette(false),
        dark => palette(true),
        claims,
        kernels,
        hold => count(Verdict::Holds),
        caveat => count(Verdict::HoldsWithCaveat),
        fail => count(Verdict::DoesNotHold),
        seed => report.seed,
        version => report.conditions.version.clone(),
        simd_level => report.conditions.simd_level.clone(),
        platform => report.conditions.platform.clone(),
        processor => report.conditions.processor.clone(),
        threads => report.conditions.threads,
        seconds => format!("{:.0}", report.conditions.seconds),
    })?;
    Ok(page)
}

fn claim(claim: &ClaimReport) -> minijinja::Value {
    let check = |check: &Check| {
        context! {
            what => check.what.clone(),
            measured => check.measured.to_string(),
            count => check.measured.count,
            predicted => check.predicted.map(figure),
            need => check.need.to_string(),
            because => check.because.clone(),
            passed => check.passed,
            strict => check.weight == crate::course::claim::Weight::Strict,
        }
    };
    let passed = claim.checks.iter().filter(|check| check.passed).count();
    context! {
        id => claim.id,
        title => claim.title,
        says => claim.says,
        method => claim.method,
        verdict => claim.verdict.to_string(),
        class => class(claim.verdict),
        as_stated => claim.as_stated,
        summary => claim.summary.clone(),
        remarks => claim.remarks.clone(),
        passed,
        total => claim.checks.len(),
        checks => claim.checks.iter().map(check).collect::<Vec<_>>(),
        figures => claim.figures.iter().map(figure_value).collect::<Vec<_>>(),
    }
}

/// The style of a verdict.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::HoldsWithCaveat => "caveat",
        Verdict::DoesNotHold => "fails",
    }
}

fn figure_value(figure: &Figure) -> minijinja::Value {
    let mark = |mark| match mark {
        Mark::Line => "line",
        Mark::Dashed => "dashed",
        Mark::Dots => "dots",
        Mark::DotsOnLine => "dots line",
    };
    let heat = figure.panels.iter().any(|panel| matches!(panel.plot, Plot::Heat(_)));
    let layout = match figure.panels.len() {
        3 if !heat => "three",
        7.. => "many",
        _ => "",
    };
    let panels: Vec<_> = figure
        .panels
        .iter()
        .map(|panel| {
            let label = match panel.title.as_str() {
                "" => figure.title.clone(),
                title => format!("{}: {title}", figure.title),
            };
            context! { title => panel.title.clone(), svg => svg(panel, &label, !layout.is_empty()), heat }
        })
        .collect();
    let legend: Vec<_> = figure
        .legend
        .iter()
        .map(|key| context! { name => key.name.clone(), colour => key.colour % 8, mark => mark(key.mark) })
        .collect();
    context! {
        id => figure.id.clone(),
        title => figure.title.clone(),
        caption => figure.caption.clone(),
        layout,
        panels,
        legend,
    }
}

fn kernels(kernels: &Kernels) -> minijinja::Value {
    let short = |value: f64| figure(value);
    let relu = kernels.costs.iter().find(|cost| cost.activation.0.name() == "relu");
    let rows: Vec<_> = kernels
        .errors
        .iter()
        .zip(&kernels.costs)
        .map(|(errors, cost)| {
            let ratio = relu.map(|relu| figure(cost.forward_in_cache / relu.forward_in_cache));
            context! {
                name => errors.activation.clone(),
                value => format!("{:.3}", errors.value),
                derivative => format!("{:.3}", errors.derivative),
                forward => short(cost.forward_in_cache),
                backward => short(cost.backward_in_cache),
                forward_out => short(cost.forward_out_of_cache),
                backward_out => short(cost.backward_out_of_cache),
                ratio,
            }
        })
        .collect();
    context! { stride => kernels.stride, rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{Claim, Context, run};
    use crate::report::RunConditions;
    use wengert::kernels::simd::Level;

    fn page(ids: &[&str]) -> (CourseReport, String) {
        let claims: Vec<Claim> =
            Claim::all().into_iter().filter(|claim| ids.contains(&claim.id)).collect();
        let outcomes = run(&claims, &Context::new(1, 1), &|_, _| {}).unwrap();
        let conditions = RunConditions::new(Level::current(), 1, 1.0);
        let report = CourseReport::new(&outcomes, None, conditions, 1);
        let html = html(&report, "report.json").unwrap();
        (report, html)
    }

    #[test]
    fn a_page_has_its_claims_and_figures_and_nothing_from_elsewhere() {
        let (report, html) = page(&["A5", "B5"]);
        assert_eq!(report.claims.len(), 2);
        for text in
            ["f(-2)", "-0.02", "holds, with a caveat", "id=\"B5\"", "aria-label=", "@media print"]
        {
            assert!(html.contains(text), "{text} is not in the page");
        }
        for text in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!html.contains(text), "{text} is in the page");
        }
        let panels: usize = report
            .claims
            .iter()
            .flat_map(|claim| &claim.figures)
            .map(|figure| figure.panels.len())
            .sum();
        assert_eq!(html.matches("<svg").count(), panels);
    }

    #[test]
    fn what_comes_from_elsewhere_is_escaped() {
        let (mut report, _) = page(&["A5"]);
        report.claims[0].remarks.push("<script>".into());
        let html = html(&report, "report.json").unwrap();
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"));
    }
}
