//! The progress bar: on standard error, and only if that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of so many of something, or one that shows nothing.
pub fn bar(steps: usize, of: &str, quiet: bool) -> ProgressBar {
    // Drawing to standard error is left out by indicatif itself where that is no terminal.
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
    bar.set_style(style(of));
    bar
}

/// No colours, so there are none to switch off; the bar takes what the terminal's width leaves.
fn style(of: &str) -> ProgressStyle {
    ProgressStyle::with_template(&format!("[{{wide_bar}}] {{pos}}/{{len}} {of}  {{msg}}"))
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
