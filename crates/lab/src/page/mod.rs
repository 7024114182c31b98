//! The page of the course, and the report from which it is rendered.

use minijinja::{Environment, context};
use serde::Serialize;
use wengert::Activation;

use crate::course::Outcome;
use crate::course::evidence::{Check, Verdict};
use crate::error::LabError;
use crate::figure::draw::{palette, svg};
use crate::figure::{Figure, Mark, Plot};
use crate::report::RunConditions;
use crate::sweep::{self, Errors};
use crate::text::figure;
use crate::timing::{Cost, costs};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// The results of a run of the course: `report.json`.
#[derive(Debug, Serialize)]
pub struct CourseReport {
    /// The first seed.
    pub seed: u64,
    /// The claims in the order of the notes.
    pub claims: Vec<ClaimReport>,
    /// The conditions of the run.
    pub conditions: RunConditions,
    /// Accuracy and speed of the activations; `None` for a run of some claims.
    pub kernels: Option<Kernels>,
}

/// The results for a claim.
#[derive(Debug, Serialize)]
pub struct ClaimReport {
    /// The id of the claim.
    pub id: &'static str,
    /// The subject.
    pub title: &'static str,
    /// The statement of the notes.
    pub says: &'static str,
    /// The quantities that were measured, and how.
    pub method: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// The verdicts that the repository expects.
    pub stated: &'static [Verdict],
    /// Whether the verdict is one of them.
    pub as_stated: bool,
    /// The duration of the experiment. Of the other numbers, only those of A9 depend on the
    /// machine's speed.
    pub seconds: f64,
    /// The main measurements in a few words.
    pub summary: String,
    /// The measurements with their thresholds.
    pub checks: Vec<Check>,
    /// Corrections of the claim, and related observations.
    pub remarks: Vec<String>,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// Accuracy and speed of the activation kernels on this machine.
#[derive(Debug, Serialize)]
pub struct Kernels {
    /// The distance of the evaluated `f32` numbers, in bit patterns.
    pub stride: usize,
    /// The largest errors.
    pub errors: Vec<Errors>,
    /// The times.
    pub costs: Vec<Cost>,
}

impl Kernels {
    /// Measures all activations but the identity.
    ///
    /// # Errors
    /// If the system does not start a thread.
    pub fn measure() -> Result<Self, LabError> {
        let points = sweep::points(sweep::STRIDE);
        let is_identity = |activation: &Activation| *activation == Activation::Identity;
        let activations: Vec<_> = Activation::ALL.into_iter().filter(|a| !is_identity(a)).collect();
        let errors = activations.iter().map(|&a| sweep::errors(a, a, &points)).collect();
        Ok(Self { stride: sweep::STRIDE, errors, costs: costs(&activations, 3)? })
    }
}

impl CourseReport {
    /// The report of these outcomes.
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

/// Renders the page of a report, with a link to the file `data` with its numbers.
///
/// # Errors
/// If the template is invalid for the report.
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
            strict => check.weight == crate::course::evidence::Weight::Strict,
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

/// The CSS class of a verdict.
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
    use crate::course::{Claim, Context, claims, run};
    use crate::report::RunConditions;
    use wengert::kernels::simd::Level;

    fn page(ids: &[&str]) -> (CourseReport, String) {
        let claims: Vec<Claim> =
            claims().into_iter().filter(|claim| ids.contains(&claim.id)).collect();
        let outcomes = run(&claims, &Context::new(1, 1), &|_, _| {}).unwrap();
        let conditions = RunConditions::new(Level::current(), 1, 1.0);
        let report = CourseReport::new(&outcomes, None, conditions, 1);
        let html = html(&report, "report.json").unwrap();
        (report, html)
    }

    #[test]
    fn a_page_has_its_claims_and_figures_and_no_external_resources() {
        let (report, html) = page(&["A5", "B5"]);
        assert_eq!(report.claims.len(), 2);
        for text in [
            "f(-2)",
            "-0.02",
            "holds, with a caveat",
            "id=\"B5\"",
            "aria-label=",
            "@media print",
            "href=\"report.json\"",
        ] {
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
    fn texts_are_escaped() {
        let (mut report, _) = page(&["A5"]);
        report.claims[0].remarks.push("<script>".into());
        let html = html(&report, "report.json").unwrap();
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"));
    }
}
