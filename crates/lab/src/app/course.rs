//! The commands without a name, `claim` and `list`: experiments, table, report and page.

use std::process::ExitCode;
use std::time::Instant;

use wengert::kernels::simd::Level;

use super::{show, width};
use crate::args::Common;
use crate::course::{self, Claim, Context, Event, Outcome};
use crate::error::LabError;
use crate::page::{self, CourseReport, Kernels};
use crate::progress;
use crate::report::{Output, RunConditions};
use crate::text::wrap;

/// Tests the given claims, or all. The exit status is 1 if a verdict is not expected.
pub(super) fn run(
    common: &Common,
    level: Level,
    ids: Option<&[String]>,
) -> Result<ExitCode, LabError> {
    let claims = selected(ids)?;
    // A run of some claims does not replace the report of all.
    let [data, page] =
        if ids.is_none() { ["report.json", "index.html"] } else { ["claims.json", "claims.html"] };
    let json = Output::new(common.out(), data)?;
    let html = Output::new(common.out(), page)?;
    let context = Context::new(common.seed, common.threads());

    let started = Instant::now();
    let bar = progress::bar(claims.len(), "claims", common.quiet);
    bar.tick();
    let outcomes = course::run(&claims, &context, &|claim, event| match event {
        Event::Begins => bar.set_message(format!("{}: {}", claim.id, claim.title)),
        Event::Ends => bar.inc(1),
    })?;
    bar.set_message("measuring the speed of the activations");
    let kernels = if ids.is_none() { Some(Kernels::measure()?) } else { None };
    bar.finish_and_clear();

    let seconds = started.elapsed().as_secs_f64();
    let conditions = RunConditions::new(level, context.threads, seconds);
    let report = CourseReport::new(&outcomes, kernels, conditions, common.seed);
    // Both are complete before either replaces an older one.
    let page = html.stage_text(&page::html(&report, data)?)?;
    let figures = json.stage(&report)?;
    let (path, data) = (page.publish()?, figures.publish()?);
    show(common, &report, || {
        let mut lines = table(&outcomes, width());
        lines.push(String::new());
        lines.push(closing(&outcomes, seconds));
        lines.push(format!("Report: {} (all numbers: {})", path.display(), data.display()));
        lines
    })?;
    let surprises: Vec<&Outcome> = outcomes.iter().filter(|o| !o.is_expected()).collect();
    for outcome in &surprises {
        eprintln!(
            "wengert-lab: the verdict on claim {} is \"{}\", but \"{}\" was expected",
            outcome.claim.id,
            outcome.verdict,
            outcome.claim.expected_text(),
        );
        for check in outcome.evidence.checks.iter().filter(|check| !check.passed) {
            eprintln!("  {}: measured {}, threshold {}", check.what, check.measured, check.need);
        }
    }
    Ok(ExitCode::from(status(&outcomes)))
}

/// The exit status: 1 if a verdict is not expected.
fn status(outcomes: &[Outcome]) -> u8 {
    u8::from(!outcomes.iter().all(Outcome::is_expected))
}

/// The claims with these ids, in the order of the notes.
fn selected(ids: Option<&[String]>) -> Result<Vec<Claim>, LabError> {
    let mut claims = course::claims();
    let Some(ids) = ids else { return Ok(claims) };
    for id in ids {
        if !claims.iter().any(|claim| claim.id.eq_ignore_ascii_case(id)) {
            return Err(LabError::Request(format!(
                "there is no claim `{id}`; the claims are A1 to A14 (activation functions) and B1 to B8 (initialization)"
            )));
        }
    }
    claims.retain(|claim| ids.iter().any(|id| claim.id.eq_ignore_ascii_case(id)));
    Ok(claims)
}

/// Prints the claims.
pub(super) fn list(common: &Common) -> Result<ExitCode, LabError> {
    let claims = course::claims();
    let entries: Vec<_> = claims
        .iter()
        .map(|claim| {
            serde_json::json!({
                "id": claim.id, "title": claim.title, "says": claim.says, "method": claim.method,
                "stated": claim.expected(),
            })
        })
        .collect();
    show(common, &entries, || {
        let line = |claim: &Claim| {
            format!("{:<4} {:<50} {}", claim.id, claim.title, claim.expected_text())
        };
        claims.iter().map(line).collect()
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The width of the column of ids.
const ID: usize = 5;

/// The width of the column of verdicts.
const VERDICT: usize = 22;

/// The table of claims, verdicts and main measurements.
fn table(outcomes: &[Outcome], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for outcome in outcomes {
        let mark = if outcome.is_expected() { "" } else { "  (!)" };
        let verdict = format!("{}{mark}", outcome.verdict);
        let title = outcome.claim.title;
        let id = outcome.claim.id;
        if width >= 72 {
            let room = width - ID - VERDICT;
            lines.push(format!("{id:<ID$}{title:<room$}{verdict}").trim_end().to_owned());
        } else {
            lines.push(format!("{id:<ID$}{verdict}"));
            lines.extend(wrap(title, width, ID));
        }
        lines.extend(wrap(&outcome.evidence.summary, width, ID));
    }
    lines
}

fn closing(outcomes: &[Outcome], seconds: f64) -> String {
    use crate::course::evidence::Verdict::{DoesNotHold, Holds, HoldsWithCaveat};
    let count = |verdict| outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
    format!(
        "Claims that hold: {}, of which with a caveat: {}. Claims that do not hold: {}. {} checks in \
         {seconds:.1} s.",
        count(Holds) + count(HoldsWithCaveat),
        count(HoldsWithCaveat),
        count(DoesNotHold),
        outcomes.iter().map(|outcome| outcome.evidence.checks.len()).sum::<usize>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::{Evidence, Verdict};

    #[test]
    fn an_unexpected_verdict_makes_the_status_1() {
        let outcome = |id: &str, verdict| {
            let claim = course::claims().into_iter().find(|claim| claim.id == id).unwrap();
            Outcome { claim, evidence: Evidence::default(), verdict, seconds: 0.0 }
        };
        let expected = || vec![outcome("A1", Verdict::Holds), outcome("A13", Verdict::DoesNotHold)];
        assert_eq!(status(&expected()), 0);
        for (id, verdict) in [
            ("A7", Verdict::DoesNotHold),
            ("A1", Verdict::HoldsWithCaveat),
            // A claim that holds although it is expected not to.
            ("A13", Verdict::Holds),
            ("A9", Verdict::DoesNotHold),
        ] {
            let mut outcomes = expected();
            outcomes.push(outcome(id, verdict));
            assert_eq!(status(&outcomes), 1, "{id}");
        }
    }
}
