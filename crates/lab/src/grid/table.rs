//! The table of all pairs as plain text, for any width.

use crate::grid::summary::{Ends, Summary};
use crate::grid::verdict;
use crate::text::{accuracy, percent, ratio, wrap};

/// The widths of the columns: initialization, accuracy, epochs, saturated and dead before and after
/// training, ratio of gradients. The verdict follows after [`GAP`].
const COLUMNS: [usize; 8] = [14, 9, 8, 6, 6, 6, 6, 9];

const GAP: usize = 2;

/// The width of the columns without the verdict.
const FIGURES: usize = {
    let (mut sum, mut i) = (0, 0);
    while i < COLUMNS.len() {
        sum += COLUMNS[i];
        i += 1;
    }
    sum
};

/// The full width of the table.
pub const WIDTH: usize = FIGURES + GAP + verdict::WIDTH;

/// The headings of the columns.
const HEADINGS: [&str; 2] = [
    "                   test  epochs   saturated        dead gradient",
    "               accuracy to 90 % start   end start   end    ratio",
];

/// The lines of the table. `verdicts` has one for each pair. If `width` is less than [`WIDTH`] the
/// verdict is below the numbers, and if it is less than that of the columns each number has a line.
pub fn table(summaries: &[Summary], verdicts: &[String], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if width >= FIGURES {
        lines.extend(HEADINGS.map(String::from));
        if width >= WIDTH {
            lines[1] = format!("{}{:GAP$}verdict", HEADINGS[1], "");
        }
    }
    let mut activation = None;
    for (summary, verdict) in summaries.iter().zip(verdicts) {
        if activation.replace(summary.pair.activation) != Some(summary.pair.activation) {
            lines.push(summary.pair.activation.to_string());
        }
        let cells = cells(summary);
        if width >= WIDTH {
            lines.push(format!("{}{:GAP$}{verdict}", row(&cells), ""));
        } else if width >= FIGURES {
            lines.push(row(&cells));
            lines.extend(wrap(verdict, width, 4));
        } else {
            lines.extend(record(&cells, verdict, width));
        }
        let Ends { start, end } = summary.not_finite;
        if start > 0.0 || end > 0.0 {
            let text = format!(
                "NaN or infinite: {} of the hidden outputs before training, {} after training",
                percent(start),
                percent(end)
            );
            lines.extend(wrap(&text, width, 4));
        }
    }
    lines
}

/// The cells of a row.
fn cells(summary: &Summary) -> [String; 8] {
    let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
    let Ends { start: saturated_start, end: saturated_end } = summary.saturated;
    let Ends { start: dead_start, end: dead_end } = summary.dead;
    [
        format!("  {}", summary.pair.initialization),
        accuracy(summary.accuracy),
        summary.epochs_to_goal.map_or_else(|| "-".to_owned(), |epochs| epochs.to_string()),
        share(saturated_start),
        share(saturated_end),
        share(dead_start),
        share(dead_end),
        ratio(summary.gradient_ratio),
    ]
}

/// Aligns the first cell to the left, the others to the right.
fn row(cells: &[String; 8]) -> String {
    let align = |(i, cell): (usize, &String)| {
        let width = COLUMNS[i];
        if i == 0 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
    };
    cells.iter().enumerate().map(align).collect()
}

/// The lines of a pair for a terminal that is too narrow for columns.
fn record(cells: &[String; 8], verdict: &str, width: usize) -> Vec<String> {
    let [name, accuracy, epochs, saturated_start, saturated_end, dead_start, dead_end, ratio] =
        cells;
    let mut lines = vec![name.clone()];
    for text in [
        verdict.to_owned(),
        format!("test accuracy {accuracy}"),
        format!("epochs to 90 %: {epochs}"),
        format!("saturated {saturated_start}, then {saturated_end}"),
        format!("dead {dead_start}, then {dead_end}"),
        format!("gradient ratio {ratio}"),
    ] {
        lines.extend(wrap(&text, width, 4));
    }
    lines
}

/// The meaning of the columns.
pub fn legend() -> &'static str {
    "All numbers are medians over the seeds; start and end are before and after training. Saturated: \
     the fraction of hidden outputs within 1 % of an end of the activation's range, where its \
     derivative is almost zero. Dead: the fraction of hidden units whose derivative is zero for every \
     training image, so that they do not learn. Gradient ratio: the norm of the first layer's \
     gradient divided by that of the last layer's, before training. A dash: never, or not defined for \
     this activation."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Pair;
    use crate::grid::summary::tests::{pair, run};

    fn summaries() -> Vec<Summary> {
        let of =
            |pair_of| Summary { pair: pair_of, ..Summary::new(&pair(vec![run(&[0.5, 0.97])])) };
        Pair::all().into_iter().map(of).collect()
    }

    fn at(width: usize) -> Vec<String> {
        let summaries = summaries();
        let verdict = "v".repeat(verdict::WIDTH);
        table(&summaries, &vec![verdict; summaries.len()], width)
    }

    fn widest(lines: &[String]) -> usize {
        lines.iter().map(|line| line.chars().count()).max().unwrap_or(0)
    }

    #[test]
    fn no_line_exceeds_the_width() {
        const { assert!(WIDTH <= 100) };
        assert_eq!(HEADINGS.map(str::len), [FIGURES; 2]);
        for width in [40, 50, FIGURES - 1, FIGURES, 80, WIDTH - 1, WIDTH, 100, 300] {
            let lines = at(width);
            assert!(widest(&lines) <= width.min(WIDTH), "{width}: {lines:#?}");
            assert!(lines.iter().all(|line| line.trim_end() == line), "{lines:#?}");
        }
    }

    #[test]
    fn every_pair_has_a_row_under_its_activation() {
        let lines = at(100);
        assert_eq!(lines.len(), 2 + 8 + 48);
        assert_eq!(lines[2], "logistic");
        let expected = "  zero           97.0 %       2  25 %  25 %     -     -     0.50  ";
        assert_eq!(lines[3], format!("{expected}{}", "v".repeat(verdict::WIDTH)));
        assert!(lines[1].ends_with("ratio  verdict"), "{}", lines[1]);
        assert!(lines[23].starts_with("leaky_relu"), "{}", lines[23]);
    }

    #[test]
    fn outputs_that_are_not_finite_are_mentioned() {
        let mut summary = summaries().remove(0);
        assert_eq!(table(&[summary.clone()], &["v".to_owned()], 100).len(), 4);
        summary.not_finite = Ends { start: 0.0, end: 0.5 };
        for width in [40, FIGURES, 100] {
            let text = table(&[summary.clone()], &["v".to_owned()], width).join(" ");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let told =
                "NaN or infinite: 0 % of the hidden outputs before training, 50 % after training";
            assert!(text.contains(told), "{text}");
        }
    }

    #[test]
    fn a_narrow_terminal_has_verdicts_below_and_a_tiny_one_a_line_for_each_number() {
        let lines = at(FIGURES);
        assert_eq!(lines.len(), 2 + 8 + 2 * 48);
        assert_eq!(lines[4], format!("    {}", "v".repeat(verdict::WIDTH)));
        let lines = at(40);
        assert_eq!(lines.len(), 8 + 7 * 48);
        assert_eq!(lines[1], "  zero");
        assert_eq!(lines[3], "    test accuracy 97.0 %");
        assert_eq!(lines[6], "    dead -, then -");
    }
}
