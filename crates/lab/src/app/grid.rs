//! The command `grid`: every pair of an activation and an initialization.

use std::process::ExitCode;
use std::time::Instant;

use wengert::kernels::simd::Level;

use super::{show, width};
use crate::args::{Common, Grid, hidden};
use crate::data::Dataset;
use crate::error::LabError;
use crate::grid::lesson::{lessons, paragraph};
use crate::grid::report::{PairReport, Report, SettingsReport};
use crate::grid::summary::Summary;
use crate::grid::table::{legend, table};
use crate::grid::verdict::verdict;
use crate::grid::{PairRuns, Settings, run_grid};
use crate::progress;
use crate::report::{Output, RunConditions};
use crate::task::Task;
use crate::text::{list, wrap};

/// Trains the grid, writes `grid.json`, prints the table.
pub(super) fn run(common: &Common, grid: &Grid, level: Level) -> Result<ExitCode, LabError> {
    let data = match &grid.data {
        Some(directory) => Dataset::from_directory(directory)?,
        None => Dataset::digits(),
    };
    let output = Output::new(common.out(), "grid.json")?;
    let task = Task::new(&data, &hidden(grid.data.as_deref()));
    drop(data);
    let settings = grid.settings(common.seed);
    let threads = common.threads().min(settings.runs());

    let started = Instant::now();
    let bar = progress::bar(settings.runs() * settings.training.epochs, "epochs", common.quiet);
    bar.tick();
    let grid = run_grid(&task, &settings, threads, &|| bar.inc(1))?;
    bar.finish_and_clear();

    let conditions = RunConditions::new(level, threads, started.elapsed().as_secs_f64());
    let findings = Findings::new(&grid, &task);
    let report = findings.report(&task, &settings, &grid, conditions);
    let path = output.write(&report)?;
    show(common, &report, || {
        let mut lines = heading(&report.conditions, &task, &settings, width());
        lines.extend(findings.lines(width()));
        lines.push(format!("All numbers: {}", path.display()));
        lines
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The summaries of a grid, and what follows from them.
struct Findings {
    guessing: f64,
    summaries: Vec<Summary>,
    verdicts: Vec<String>,
    lessons: Vec<String>,
}

impl Findings {
    fn new(grid: &[PairRuns], task: &Task) -> Self {
        let guessing = task.guessing();
        let summaries: Vec<Summary> = grid.iter().map(Summary::new).collect();
        let verdicts = summaries.iter().map(|summary| verdict(summary, guessing)).collect();
        let lessons = lessons(&summaries, guessing);
        Self { guessing, summaries, verdicts, lessons }
    }

    fn report(
        &self,
        task: &Task,
        settings: &Settings,
        grid: &[PairRuns],
        conditions: RunConditions,
    ) -> Report {
        let rows = grid.iter().zip(&self.summaries).zip(&self.verdicts);
        Report {
            settings: SettingsReport::new(task, settings),
            conditions,
            guessing_accuracy: self.guessing,
            pairs: rows
                .map(|((runs, summary), verdict)| PairReport::new(runs, summary, verdict.clone()))
                .collect(),
            lessons: self.lessons.clone(),
        }
    }

    fn lines(&self, width: usize) -> Vec<String> {
        let mut lines = table(&self.summaries, &self.verdicts, width);
        lines.push(String::new());
        lines.extend(wrap(legend(), width, 0));
        lines.push(String::new());
        lines.extend(wrap(&paragraph(&self.lessons), width, 0));
        lines.push(String::new());
        lines
    }
}

/// The data, the network and the training, in a paragraph.
fn heading(
    conditions: &RunConditions,
    task: &Task,
    settings: &Settings,
    width: usize,
) -> Vec<String> {
    let [height, breadth] = task.image;
    let sizes: Vec<String> = task.architecture.iter().map(usize::to_string).collect();
    let seeds: Vec<String> = settings.seeds.iter().map(u64::to_string).collect();
    let text = format!(
        "{}: {} training and {} test images of {height} x {breadth}. {} network, softmax \
         cross-entropy, gradient descent with learning rate {} and momentum {}, batches of {}, epochs: \
         {}, seeds {}. \
         {} runs in {:.1} s on {} thread{} with {} instructions.",
        task.name,
        task.train.len(),
        task.test.len(),
        sizes.join("-"),
        settings.training.learning_rate,
        settings.training.momentum,
        settings.training.batch,
        settings.training.epochs,
        list(&seeds),
        settings.runs(),
        conditions.seconds,
        conditions.threads,
        if conditions.threads == 1 { "" } else { "s" },
        conditions.simd_level,
    );
    let mut lines = wrap(&text, width, 0);
    lines.push(String::new());
    lines
}
