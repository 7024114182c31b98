//! What the system knows of this process; zeros where there is no `/proc`.

use std::fs::read_to_string;

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
