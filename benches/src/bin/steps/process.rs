//! What the system knows of this process, zeros where there is no `/proc`, and this program run again.

use std::fs::read_to_string;
use std::io;
use std::process::Command;

/// The minor page faults so far.
pub(crate) fn minor_faults() -> u64 {
    // Behind the command's name, which ends at the last parenthesis: state, five numbers, flags, and
    // then the faults.
    let stat = read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    fields.split(' ').nth(7).and_then(|field| field.parse().ok()).unwrap_or_default()
}

/// The most memory the process has had, in MB.
pub(crate) fn peak_memory() -> f64 {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kilobytes = line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}

/// What engines that do not ask the surrounding pool take the number of threads from.
const THREADS: &str = "RAYON_NUM_THREADS";

/// This program again, for a process of its own.
pub(crate) fn again(threads: usize) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(THREADS, threads.to_string());
    Ok(command)
}

/// Whether the environment says as many threads.
pub(crate) fn says(threads: usize) -> bool {
    std::env::var(THREADS).is_ok_and(|value| value == threads.to_string())
}
