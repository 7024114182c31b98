//! [`verdict()`]: the results of a pair in a few words, which depend on its numbers alone and not
//! on the names of the activation and the initialization.

use crate::grid::summary::{GOAL, Summary};

/// The test accuracy at which a network has learned the task.
pub const LEARNED: f64 = 0.95;

/// The length of the longest verdict.
pub const WIDTH: usize = 34;

/// An accuracy up to this above guessing counts as guessing.
const MARGIN: f64 = 0.02;

/// The result of a pair, with the cause. `guessing` is the accuracy of always predicting the most
/// frequent class.
pub fn verdict(summary: &Summary, guessing: f64) -> String {
    let all = |share: Option<f64>| share == Some(1.0);
    let half = |share: Option<f64>| share.is_some_and(|share| share >= 0.5);
    if summary.diverged > 0 {
        return format!("diverges: loss not finite ({} of {})", summary.diverged, summary.runs);
    }
    let guesses = summary.accuracy <= guessing + MARGIN;
    let words = match summary.weights_moved {
        [false, false] => "only the last bias learns",
        [false, true] if all(summary.saturated.start) => "saturated: only last layer learns",
        [false, true] => "only the last layer learns",
        _ if all(summary.dead.end) => "every unit died: guesses",
        _ if summary.units_equal.end && guesses => "units stay equal: guesses",
        _ if summary.units_equal.end => "units stay equal: worth one unit",
        _ if summary.accuracy >= LEARNED && half(summary.saturated.start) => {
            "learns despite saturation"
        }
        _ if summary.accuracy >= LEARNED && half(summary.dead.end) => "learns with half its units",
        _ if summary.accuracy >= LEARNED => return learned(summary),
        _ if half(summary.saturated.start) && guesses => "saturated: guesses",
        _ if half(summary.saturated.start) => "saturated at start: learns poorly",
        _ if half(summary.dead.end) && guesses => "most units died: guesses",
        _ if half(summary.dead.end) => "most units died: learns poorly",
        _ if guesses => "guesses",
        _ if summary.accuracy >= GOAL => "learns, less well",
        _ => "learns too slowly",
    };
    words.to_owned()
}

fn learned(summary: &Summary) -> String {
    match summary.epochs_to_goal {
        Some(1) => "learns at once".to_owned(),
        Some(epochs) if epochs <= 3 => "learns fast".to_owned(),
        _ => "learns, slowly at first".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::summary::Ends;
    use crate::grid::summary::tests::{pair, run};

    fn summary(accuracy: f64) -> Summary {
        let summary = Summary::new(&pair(vec![run(&[0.5, 0.6, 0.7, 0.8, accuracy])]));
        Summary { saturated: Ends { start: None, end: None }, ..summary }
    }

    fn check(summary: &Summary, expected: &str) {
        let words = verdict(summary, 0.1);
        assert_eq!(words, expected);
        assert!(words.len() <= WIDTH, "{words:?} is {} long", words.len());
    }

    #[test]
    fn the_words_follow_from_the_numbers() {
        let good = summary(0.97);
        check(&good, "learns, slowly at first");
        check(&Summary { epochs_to_goal: Some(1), ..good.clone() }, "learns at once");
        check(&Summary { epochs_to_goal: Some(3), ..good.clone() }, "learns fast");
        check(&summary(0.94), "learns, less well");
        check(&summary(0.7), "learns too slowly");
        check(&summary(0.11), "guesses");
        let saturated = Ends { start: Some(0.8), end: Some(0.9) };
        check(&Summary { saturated, ..good.clone() }, "learns despite saturation");
        check(&Summary { saturated, ..summary(0.6) }, "saturated at start: learns poorly");
        check(&Summary { saturated, ..summary(0.1) }, "saturated: guesses");
        let dead = Ends { start: Some(0.0), end: Some(0.5) };
        check(&Summary { dead, ..good.clone() }, "learns with half its units");
        check(&Summary { dead, ..summary(0.1) }, "most units died: guesses");
        check(&Summary { dead, ..summary(0.6) }, "most units died: learns poorly");
        let dead = Ends { start: Some(0.0), end: Some(1.0) };
        check(&Summary { dead, ..summary(0.1) }, "every unit died: guesses");
    }

    #[test]
    fn unchanged_weights_have_priority_over_the_accuracy() {
        let units_equal = Ends { start: true, end: true };
        let equal = |accuracy| Summary { units_equal, ..summary(accuracy) };
        check(&equal(0.4), "units stay equal: worth one unit");
        check(&equal(0.1), "units stay equal: guesses");
        let still = |weights_moved| Summary { weights_moved, ..equal(0.1) };
        check(&still([false, false]), "only the last bias learns");
        check(&still([false, true]), "only the last layer learns");
        let saturated = Ends { start: Some(1.0), end: Some(1.0) };
        let words = "saturated: only last layer learns";
        check(&Summary { saturated, ..still([false, true]) }, words);
        check(
            &Summary { diverged: 2, runs: 3, ..still([true; 2]) },
            "diverges: loss not finite (2 of 3)",
        );
    }

    #[test]
    fn units_that_become_different_are_not_called_equal() {
        let units_equal = Ends { start: true, end: false };
        check(&Summary { units_equal, ..summary(0.97) }, "learns, slowly at first");
    }
}
