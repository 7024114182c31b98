//! The program from its arguments to its output, in order: what can be refused is refused before
//! the training begins.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use console::Term;
use wengert::kernels::simd::Level;

use crate::args::Args;
use crate::data::Dataset;
use crate::error::LabError;
use crate::experiment::{PairRuns, Settings, run_grid};
use crate::lesson::{lessons, paragraph};
use crate::progress;
use crate::report::{Output, PairReport, Report, RunConditions, SettingsReport};
use crate::summary::Summary;
use crate::table::{self, legend, table};
use crate::task::Task;
use crate::text::{list, wrap};
use crate::verdict::verdict;

/// Runs the lab: trains the grid, writes the report, prints the table.
///
/// # Errors
/// If `WENGERT_SIMD`, the data or the output directory is at fault, or the system refuses a thread
/// or the output.
pub fn run(args: &Args) -> Result<(), LabError> {
    let level = Level::from_env()?;
    let data = match &args.data {
        Some(directory) => Dataset::from_directory(directory)?,
        None => Dataset::digits(),
    };
    let output = Output::new(&args.out)?;
    let task = Task::new(&data, &args.hidden());
    drop(data);
    let settings = args.settings();
    let threads = args.threads().min(settings.runs());

    let started = Instant::now();
    let bar = progress::bar(settings.runs() * settings.epochs, args.quiet);
    bar.tick();
    let grid = run_grid(&task, &settings, threads, &|| bar.inc(1))?;
    bar.finish_and_clear();

    let conditions = RunConditions {
        simd_level: level.to_string(),
        simd_levels_available: Level::available().iter().map(Level::to_string).collect(),
        threads,
        seconds: started.elapsed().as_secs_f64(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    };
    let findings = Findings::new(&grid, &task);
    let report = findings.report(&task, &settings, &grid, conditions);
    let path = output.write(&report)?;
    if args.quiet {
        return Ok(());
    }
    let mut lines = heading(&report.conditions, &task, &settings, width());
    lines.extend(findings.lines(width()));
    lines.push(format!("Every figure: {}", path.display()));
    print(&lines)
}

/// What follows from the figures.
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

/// What was trained on what.
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
         cross-entropy, SGD with rate {} and momentum {}, batches of {}, epochs: {}, seeds {}. \
         {} runs in {:.1} s on {} thread{}, SIMD level {}.",
        task.name,
        task.train.len(),
        task.test.len(),
        sizes.join("-"),
        settings.learning_rate,
        settings.momentum,
        settings.batch,
        settings.epochs,
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

/// The columns there are: the terminal's, and elsewhere as many as the table wants.
fn width() -> usize {
    let columns = || Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let terminal = if io::stdout().is_terminal() { columns() } else { None };
    terminal.filter(|&columns| columns > 0).unwrap_or(table::WIDTH).min(table::WIDTH)
}

/// Prints to standard output; a reader that has gone away has seen what it wanted.
fn print(lines: &[String]) -> Result<(), LabError> {
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(LabError::Print(error)),
        _ => Ok(()),
    }
}
