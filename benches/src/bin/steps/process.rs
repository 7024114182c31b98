//! Statistics of this process, zeros where there is no `/proc`, and running this program again.

use std::fs::read_to_string;
use std::io;
use std::process::Command;

/// Number of minor page faults so far.
pub(crate) fn minor_faults() -> u64 {
    // The fields after the command's name, which ends at the last parenthesis: the state, five
    // numbers, the flags, and the faults.
    let stat = read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    fields.split(' ').nth(7).and_then(|field| field.parse().ok()).unwrap_or_default()
}

/// The peak memory of the process, in MB.
pub(crate) fn peak_memory() -> f64 {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kilobytes = line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}

/// The variable from which engines that do not use the surrounding pool take the number of threads.
const THREADS: &str = "RAYON_NUM_THREADS";

/// A command that runs this program again, in a process of its own.
pub(crate) fn again(threads: usize) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(THREADS, threads.to_string());
    Ok(command)
}

/// Whether the variable has this number of threads.
pub(crate) fn says(threads: usize) -> bool {
    std::env::var(THREADS).is_ok_and(|value| value == threads.to_string())
}
