//! Runs test cases in a child process with a limited address space, and finds the cases that panic,
//! abort or do not end. The tests of `autodiff` and `nn` on hostile shapes share this file.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// A case with its name. It succeeds, or returns an error of one line.
pub type Case<E> = (String, Box<dyn Fn() -> Result<(), E>>);

/// The address space of the child in KiB, so that results do not depend on the memory of the
/// machine.
const KIB: usize = 1 << 20;

/// The time after which a case counts as endless, far more than any case takes.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Set in the environment of the child, to the index of its first case.
const CHILD: &str = "WENGERT_TEST_CASES_CHILD";

/// Runs the cases of the test function with the name `test` in child processes.
///
/// # Panics
/// If a case panics, aborts, does not end, or returns an error of several lines or none; and if
/// there are not more than `least` cases.
pub fn run_in_children<E: Display>(test: &str, cases: impl FnOnce() -> Vec<Case<E>>, least: usize) {
    if let Ok(first) = std::env::var(CHILD) {
        return run_from(first.parse().expect("the index of a case"), cases());
    }
    let (mut faults, mut count) = (Vec::new(), 0);
    // A child that does not complete is followed by one that starts after the failing case.
    while !run_child(test, &mut count, &mut faults) {
        assert!(faults.len() < 100, "too many faults:\n{}", faults.join("\n"));
    }
    assert!(faults.is_empty(), "{} faults in {count} cases:\n{}", faults.len(), faults.join("\n"));
    assert!(count > least, "only {count} cases");
}

/// In the child: runs the cases from an index on. Prints the name of each before it, and the fault
/// after it.
fn run_from<E: Display>(first: usize, cases: Vec<Case<E>>) {
    for (name, case) in cases.into_iter().skip(first) {
        println!("at {name}");
        if let Err(fault) = check(&*case) {
            println!("fault {name}: {fault}");
        }
    }
    println!("done");
}

/// The fault of a case, if it has one.
fn check<E: Display>(case: &dyn Fn() -> Result<(), E>) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(case)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => match error.to_string() {
            text if text.is_empty() || text.contains('\n') => Err(format!("not one line: {text}")),
            _ => Ok(()),
        },
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            Err(format!("panicked: {text}"))
        }
    }
}

/// Runs the cases after the first `count` in a child process. Returns whether all have been run.
fn run_child(test: &str, count: &mut usize, faults: &mut Vec<String>) -> bool {
    let program = std::env::current_exe().expect("the path of the test program");
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -v {KIB} && exec \"$0\" --exact {test} --nocapture"))
        .arg(program)
        .env(CHILD, count.to_string())
        .env("RAYON_NUM_THREADS", "2")
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh runs");
    let (to, lines) = channel();
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|l| to.send(l)));
    let mut stderr = child.stderr.take().expect("piped");
    let messages = std::thread::spawn(move || {
        let mut messages = Vec::new();
        let _ = stderr.read_to_end(&mut messages);
        String::from_utf8_lossy(&messages).into_owned()
    });
    let (mut current, mut done) = (String::new(), false);
    loop {
        match lines.recv_timeout(TIMEOUT) {
            Ok(line) => {
                if let Some(name) = line.strip_prefix("at ") {
                    name.clone_into(&mut current);
                    *count += 1;
                } else if let Some(text) = line.strip_prefix("fault ") {
                    faults.push(text.to_owned());
                }
                done |= line == "done";
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                faults.push(format!("{current} does not end"));
                break;
            }
        }
    }
    let status = child.wait().expect("the child was started");
    if !done {
        let messages = messages.join().expect("reading does not panic");
        let last = messages.lines().rev().find(|line| !line.is_empty()).unwrap_or_default();
        faults.push(format!("the process ended with {status} at {current}: {last}"));
        assert!(*count > 0, "{messages}");
    }
    done
}
