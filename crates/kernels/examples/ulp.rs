//! The worst error of every function and level in units in the last place.
//!
//!     cargo run --release -p wengert-kernels --example ulp -- \
//!         [NAME...] [--exhaustive] [--level L] [--json]
//!     cargo run -p wengert-kernels --example ulp -- --formulas | python3 tools/reference.py
//!
//! For f32, without `--exhaustive`, every 61st bit pattern is visited; f64 is sampled, on the
//! arguments of `tests/data/reference.csv`. The exit status is 1 if a function misses its published
//! bound, 2 if the arguments make no sense.

#[path = "../tests/support/reference.rs"]
mod reference;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::ulp;

use reference::{Function, functions, lines_of, worst_double};

/// The worst error of every function and level in units in the last place (ULP), over the bit
/// patterns of f32.
#[derive(Parser)]
#[command(name = "ulp")]
struct Arguments {
    /// The functions; all if none is named
    names: Vec<String>,
    /// Visit all 2^32 inputs instead of every 61st
    #[arg(long)]
    exhaustive: bool,
    /// Only this SIMD level instead of all this machine has
    #[arg(long)]
    level: Option<Level>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print the formulas from which tools/reference.py computes tests/data/reference.csv
    #[arg(long)]
    formulas: bool,
}

/// The worst case found.
#[derive(Clone, Copy, Default)]
struct Worst {
    error: f64,
    input: f32,
    output: f32,
}

/// Inputs a thread takes at a time: small enough that a kernel call stays on the thread.
const CHUNK: u64 = 1 << 14;

/// A prime, so that every exponent and every kind of mantissa is met.
const STRIDE: u64 = 61;

/// The worst case of each level.
fn sweep(function: &Function, levels: &[Level], exhaustive: bool, quiet: bool) -> Vec<Worst> {
    let stride = if exhaustive { 1 } else { STRIDE };
    let count = (1_u64 << 32).div_ceil(stride);
    let chunks = count.div_ceil(CHUNK) as u32;
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{prefix:16} {wide_bar} {percent:>3} % {eta}")
        .expect("a valid template");
    let bar = ProgressBar::with_draw_target(Some(u64::from(chunks)), target)
        .with_style(style)
        .with_prefix(function.name.clone());
    let next = AtomicU32::new(0);
    let worst = Mutex::new(vec![Worst::default(); levels.len()]);
    let work = || {
        let mut mine = vec![Worst::default(); levels.len()];
        let (mut x, mut expected) = (Vec::new(), Vec::new());
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks {
                break;
            }
            let first = u64::from(chunk) * CHUNK;
            let last = count.min(first + CHUNK);
            x.clear();
            x.extend((first..last).map(|i| f32::from_bits((i * stride) as u32)));
            expected.clear();
            expected.extend(x.iter().map(|&x| function.reference(f64::from(x))));
            let mut y = vec![0.0; x.len()];
            for (level, worst) in levels.iter().zip(&mut mine) {
                with_level(*level, || function.single(&x, &mut y)).expect("an available level");
                for ((&input, &output), &expected) in x.iter().zip(&y).zip(&expected) {
                    // Most results are the correctly rounded ones.
                    if output == expected as f32 && worst.error >= 0.5 {
                        continue;
                    }
                    let error = ulp::error(output, expected, 0.0);
                    if error > worst.error {
                        *worst = Worst { error, input, output };
                    }
                }
            }
            bar.inc(1);
        }
        let mut all = worst.lock().expect("no thread panicked");
        for (all, mine) in all.iter_mut().zip(mine) {
            // In favour of the smaller bit pattern, so that the table does not depend on the
            // threads.
            let before = mine.input.to_bits() < all.input.to_bits();
            if mine.error > all.error || (mine.error == all.error && before) {
                *all = mine;
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    bar.finish_and_clear();
    worst.into_inner().expect("no thread panicked")
}

/// A JSON object for each function, one a line.
fn print_formulas(functions: &[Function]) {
    for function in functions {
        let numbers: serde_json::Map<_, _> = function
            .exact
            .numbers
            .iter()
            .map(|&(name, value)| (name.to_owned(), json!(value)))
            .collect();
        let line = json!({
            "name": function.name,
            "formula": function.exact.formula,
            "derivative": function.exact.derivative,
            "numbers": numbers,
            "domain": function.exact.domain,
        });
        println!("{line}");
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let functions = functions();
    if arguments.formulas {
        print_formulas(&functions);
        return ExitCode::SUCCESS;
    }
    let levels: Vec<Level> = match arguments.level {
        Some(level) if !level.is_available() => {
            eprintln!("the SIMD level {level} was asked for, but this CPU lacks it");
            return ExitCode::from(2);
        }
        Some(level) => vec![level],
        None => Level::available(),
    };
    for name in &arguments.names {
        if !functions.iter().any(|f| f.name == *name) {
            let known: Vec<&str> = functions.iter().map(|f| &*f.name).collect();
            eprintln!("there is no function {name}; there are {}", known.join(", "));
            return ExitCode::from(2);
        }
    }
    let asked = |f: &&Function| arguments.names.is_empty() || arguments.names.contains(&f.name);
    if !arguments.json {
        println!(
            "{:16} {:8} {:>7} {:>6}  {:>15} {:>15}  {:>7}",
            "function", "level", "worst", "bound", "at", "gives", "f64"
        );
    }
    let mut kept = true;
    let mut rows = Vec::new();
    for function in functions.iter().filter(asked) {
        let found = sweep(function, &levels, arguments.exhaustive, arguments.json);
        for (level, worst) in levels.iter().zip(found) {
            let bound = function.bound(*level);
            let lines = lines_of(function);
            let double = with_level(*level, || worst_double(function, &lines).0);
            let double = double.expect("an available level");
            let bound_double = if *level == Level::Portable { 3.0 } else { 2.0 };
            let holds = worst.error <= bound && double <= bound_double;
            kept &= holds;
            if arguments.json {
                rows.push(json!({
                    "function": function.name,
                    "level": level.to_string(),
                    "exhaustive": arguments.exhaustive,
                    "worst": if worst.error.is_finite() { json!(worst.error) } else { json!("inf") },
                    "bound": bound,
                    "worst_f64": double,
                    "bound_f64": bound_double,
                    "holds": holds,
                    "input_bits": format!("{:08x}", worst.input.to_bits()),
                    "output_bits": format!("{:08x}", worst.output.to_bits()),
                }));
            } else {
                println!(
                    "{:16} {:8} {:7.4} {:6.1}  {:15e} {:15e}  {:7.4}{}",
                    function.name,
                    level.to_string(),
                    worst.error,
                    bound,
                    worst.input,
                    worst.output,
                    double,
                    if holds { "" } else { "  MISSED" }
                );
            }
        }
    }
    if arguments.json {
        println!("{:#}", serde_json::Value::Array(rows));
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
