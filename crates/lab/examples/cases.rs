//! Trains cases of a JSON file from several starts and compares their scores with the recorded
//! ones.
//!
//! `cargo run --release -p wengert-lab --example cases -- FILE.json [--starts N] [ID ...]`
//!
//! Prints a line for each version of a case. At the end it prints in how many cases every start of
//! the given version stays below the pass mark, and every start of the fixed version, or of a
//! healthy case, reaches it.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use wengert_lab::cases::{self, Case, Class, Judged, Runs, Trained, Variant};

/// The number of starts of each case, if the command line states none.
const STARTS: u64 = 3;

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
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut starts = STARTS;
    if let Some(at) = arguments.iter().position(|argument| argument == "--starts") {
        starts = arguments.get(at + 1).ok_or("--starts needs a number")?.parse()?;
        arguments.drain(at..at + 2);
    }
    let Some((file, wanted)) = arguments.split_first() else {
        return Err("usage: cases FILE.json [--starts N] [ID ...]".into());
    };
    let mut all = cases::read(Path::new(file))?;
    all.retain(|case| wanted.is_empty() || wanted.contains(&case.id));
    let begin = Instant::now();
    let (mut below, mut reach) = ([0, 0], [0, 0]);
    let count = |counts: &mut [usize; 2], holds: bool| {
        counts[0] += usize::from(holds);
        counts[1] += 1;
    };
    for case in &all {
        let mark = mark(case);
        let given = versions(case, Variant::Given, starts)?;
        let fixed = case.fixed.is_some().then(|| versions(case, Variant::Fixed, starts));
        let fixed = fixed.transpose()?;
        let Some(mark) = mark else { continue };
        if case.class == Class::Healthy {
            count(&mut reach, given.iter().all(|&score| score >= mark));
        } else {
            // NaN is below.
            count(&mut below, !given.iter().any(|&score| score >= mark));
        }
        if let Some(fixed) = fixed {
            count(&mut reach, fixed.iter().all(|&score| score >= mark));
        }
    }
    println!("below the pass mark: the given version with a fault in {} of {}", below[0], below[1]);
    println!("at the pass mark: the fixed or healthy version in {} of {}", reach[0], reach[1]);
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
fn versions(case: &Case, variant: Variant, starts: u64) -> Result<Vec<f64>, Box<dyn Error>> {
    let setup = case.variant(variant)?;
    let trained = (1..=starts)
        .map(|start| cases::train(&setup, start, BUDGET))
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
    let losses: Vec<String> = trained
        .iter()
        .map(|trained| {
            let [first, last] = [trained.losses.first(), trained.losses.last()]
                .map(|loss| loss.copied().unwrap_or(f64::NAN));
            format!("{first:.3e} -> {last:.3e}")
        })
        .collect();
    println!(
        "{:<32} {:<8} {:<6} {} loss {} {:.2} s; recorded {}",
        case.id,
        format!("{:?}", case.class),
        format!("{variant:?}"),
        list(scores.iter().copied()),
        losses.join(", "),
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
