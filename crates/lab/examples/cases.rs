//! Trains cases of a JSON file from three starts each and compares their scores with the recorded
//! ones.
//!
//! `cargo run --release -p wengert-lab --example cases -- FILE.json [ID ...]`
//!
//! Prints a line for each version of a case, and at the end in how many cases the given version
//! stays below the pass mark and the fixed one reaches it.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use wengert_lab::cases::{self, Case, Judged, Runs, Trained, Variant};

/// The starts of each case.
const STARTS: [u64; 3] = [1, 2, 3];

/// The time for one training, in seconds.
const BUDGET: f64 = 60.0;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cases: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: cases FILE.json [ID ...]")?;
    let wanted: Vec<String> = arguments.collect();
    let mut all = cases::read(Path::new(&file))?;
    all.retain(|case| wanted.is_empty() || wanted.contains(&case.id));
    let begin = Instant::now();
    let (mut fails, mut marked, mut works, mut repairs) = (0, 0, 0, 0);
    for case in &all {
        let mark = mark(case);
        let given = versions(case, Variant::Given)?;
        if let Some(mark) = mark {
            marked += 1;
            fails += usize::from(given.iter().all(|score| !(*score >= mark)));
        }
        if case.fixed.is_some() {
            let fixed = versions(case, Variant::Fixed)?;
            if let Some(mark) = mark {
                repairs += 1;
                works += usize::from(fixed.iter().all(|score| *score >= mark));
            }
        }
    }
    println!("the given version stays below the pass mark at every start in {fails} of {marked}");
    println!("the fixed version reaches the pass mark at every start in {works} of {repairs}");
    println!("{} cases in {:.1} s", all.len(), begin.elapsed().as_secs_f64());
    Ok(())
}

/// The score that the given version does not reach. That of a seeded case is 30 % of the gain over
/// a constant output below the score of the healthy case.
fn mark(case: &Case) -> Option<f64> {
    if let Some(verdict) = &case.verdict {
        return verdict.pass_mark;
    }
    let measured = case.measured.as_ref()?;
    let (healthy, baseline) = (measured.healthy_score?, measured.baseline?);
    Some(healthy - 0.3 * (healthy - baseline))
}

/// Trains a version from every start, prints a line, and returns the scores that are judged.
fn versions(case: &Case, variant: Variant) -> Result<Vec<f64>, Box<dyn Error>> {
    let setup = case.variant(variant)?;
    let trained = STARTS
        .iter()
        .map(|&start| cases::train(&setup, start, BUDGET))
        .collect::<Result<Vec<Trained>, _>>()?;
    let judged = case.verdict.as_ref().map_or(Judged::Score, |verdict| verdict.judged_on);
    let scores: Vec<f64> = trained
        .iter()
        .map(|trained| match judged {
            Judged::Score => trained.score,
            Judged::HeldOutScore => trained.held_out_score.unwrap_or(f64::NAN),
        })
        .collect();
    let recorded = case.measured.as_ref().and_then(|measured| match variant {
        Variant::Given => measured.buggy.as_ref(),
        Variant::Fixed => measured.fixed.as_ref(),
    });
    let losses = &trained[0].losses;
    println!(
        "{:<32} {:<8} {:<6} {} loss {:.4e} -> {:.4e} {:.2} s; recorded {}",
        case.id,
        format!("{:?}", case.class),
        format!("{variant:?}"),
        list(scores.iter().copied()),
        losses.first().copied().unwrap_or(f64::NAN),
        losses.last().copied().unwrap_or(f64::NAN),
        trained.iter().map(|trained| trained.seconds).sum::<f64>(),
        recorded.map_or_else(|| "-".to_owned(), |runs| recorded_scores(runs, judged)),
    );
    Ok(scores)
}

fn recorded_scores(runs: &Runs, judged: Judged) -> String {
    let scores = match judged {
        Judged::Score => &runs.score,
        Judged::HeldOutScore => &runs.held_out_score,
    };
    list(scores.iter().map(|score| score.unwrap_or(f64::NAN)))
}

fn list(scores: impl Iterator<Item = f64>) -> String {
    scores.map(|score| format!("{score:.3}")).collect::<Vec<_>>().join(" ")
}
