//! Tests whose body runs in a process of its own, because what they look for kills it: an access
//! beyond a mapping, an abort, an endless loop.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Names the test whose body the process runs.
const VARIABLE: &str = "WENGERT_TEST_CHILD";

/// How long a child may run: a hundred times what it takes.
const PATIENCE: Duration = Duration::from_secs(540);

/// The lines of a child that died that are shown.
const SHOWN: usize = 8;

/// The last line of a child that has run the body.
const DONE: &str = "the body has run";

/// Runs `body` in a child process, which is this test binary with the test `name` alone.
///
/// # Panics
/// If the child fails, with the last lines it wrote by [`note`].
pub fn in_child(name: &str, body: impl FnOnce()) {
    if std::env::var(VARIABLE).is_ok_and(|test| test == name) {
        body();
        return note(DONE);
    }
    let binary = std::env::current_exe().expect("a test binary knows its path");
    let mut child = Command::new(binary)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, name)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a test binary can be run");
    let lines = BufReader::new(child.stderr.take().expect("standard error is a pipe")).lines();
    let reader = std::thread::spawn(move || {
        let mut last = std::collections::VecDeque::new();
        for line in lines.map_while(Result::ok) {
            if last.len() == SHOWN {
                last.pop_front();
            }
            last.push_back(line);
        }
        Vec::from(last).join("\n")
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break Some(status);
        }
        if start.elapsed() > PATIENCE {
            child.kill().expect("a child can be ended");
            child.wait().expect("a child can be waited for");
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let last = reader.join().expect("reading lines does not panic");
    match status {
        Some(status) if status.success() => {
            assert!(last.ends_with(DONE), "the test's process did not find the test {name}");
        }
        Some(status) => panic!("the test's process ended with {status}, at last doing\n{last}"),
        None => panic!("the test's process ran for {PATIENCE:?}, at last doing\n{last}"),
    }
}

/// Writes a line that is shown if the process dies.
pub fn note(line: &str) {
    let mut stderr = std::io::stderr().lock();
    // A parent that has gone needs no notes.
    let _ = writeln!(stderr, "{line}");
}
