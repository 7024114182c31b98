//! The progress bar, which is shown on standard error if that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that counts `steps` of a unit, hidden if `quiet`.
pub fn bar(steps: usize, unit: &str, quiet: bool) -> ProgressBar {
    // indicatif draws nothing if standard error is not a terminal.
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
    bar.set_style(style(unit));
    bar
}

/// The style of the bar: without colours, so that none must be disabled, and as wide as the
/// terminal.
fn style(unit: &str) -> ProgressStyle {
    ProgressStyle::with_template(&format!("[{{wide_bar}}] {{pos}}/{{len}} {unit}  {{msg}}"))
        .unwrap_or_else(|error| unreachable!("the template is a constant: {error}"))
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_bar_is_hidden_and_counts() {
        let bar = bar(12, "epochs", true);
        assert!(bar.is_hidden());
        bar.inc(5);
        assert_eq!((bar.position(), bar.length()), (5, Some(12)));
    }
}
