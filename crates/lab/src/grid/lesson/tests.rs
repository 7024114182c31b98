use super::*;
use crate::grid::Pair;
use crate::grid::summary::Ends;
use crate::grid::summary::tests::{pair, run};

/// A grid in which every pair has the figures `of` gives it.
fn grid(of: impl Fn(Pair, Summary) -> Summary) -> Vec<Summary> {
    let plain = Summary::new(&pair(vec![run(&[0.5, 0.6])]));
    Pair::all().into_iter().map(|pair| of(pair, Summary { pair, ..plain.clone() })).collect()
}

fn is_scaled(pair: Pair) -> bool {
    matches!(pair.initialization, Xavier | He | Computed)
}

/// The sentence that begins so, if it is there.
fn sentence(summaries: &[Summary], beginning: &str) -> Option<String> {
    let found = lessons(summaries, 0.1).into_iter().find(|text| text.starts_with(beginning));
    assert!(found.as_ref().is_none_or(|text| text.ends_with('.') && !text.contains("  ")));
    found
}

#[test]
fn a_grid_of_equals_teaches_only_that() {
    let all = lessons(&grid(|_, summary| summary), 0.1);
    assert_eq!(all.len(), 1, "{all:#?}");
    assert!(all[0].starts_with("In a network of three layers xavier and he"), "{all:#?}");
    assert!(paragraph(&[]).contains("None of the usual conclusions"));
}

#[test]
fn scaled_weights_are_praised_only_where_all_of_them_do_better() {
    let with = |worst_scaled: f64| {
        grid(|pair, summary| {
            let accuracy = match (is_scaled(pair), pair.activation, pair.initialization) {
                (true, Activation::Relu, He) => worst_scaled,
                (true, ..) => 0.97,
                (false, Activation::Tanh, Large) => 0.8,
                _ => 0.1,
            };
            Summary { accuracy, ..summary }
        })
    };
    let text = sentence(&with(0.81), "The initialization decides").unwrap();
    assert!(text.contains("24 pairs") && text.contains("81.0 % to 97.0 %"), "{text}");
    assert!(text.contains("24 others 80.0 % at most"), "{text}");
    assert_eq!(sentence(&with(0.8), "The initialization decides"), None);
}

#[test]
fn equal_units_are_told_unless_a_finite_pair_parts_them() {
    let with = |end: bool, diverged: usize| {
        grid(|pair, summary| {
            let start = !is_scaled(pair) && pair.initialization != Large;
            let last = matches!(pair.activation, Activation::LeakyRelu { .. }) && start;
            Summary {
                units_equal: Ends { start, end: start && (!last || end) },
                diverged: if last { diverged } else { 0 },
                ..summary
            }
        })
    };
    let text = sentence(&with(true, 0), "Units that are equal").unwrap();
    assert!(text.contains("all 16 such pairs") && text.contains("reaches 60.0 %"), "{text}");
    let text = sentence(&with(false, 3), "Units that are equal").unwrap();
    assert!(text.contains("the 14 of 16 such pairs"), "{text}");
    assert_eq!(sentence(&with(false, 0), "Units that are equal"), None);
}

#[test]
fn a_first_layer_that_learns_after_all_is_not_counted_as_still() {
    let with = |hidden_moves: [bool; 2]| {
        grid(|pair, summary| {
            let zero = pair.initialization == Initialization::Zero;
            let moves = hidden_moves[usize::from(pair.activation == Activation::Logistic)];
            Summary { no_gradient: zero, weights_moved: [!zero || moves, true], ..summary }
        })
    };
    let text = sentence(&with([false, true]), "In 8 pairs").unwrap();
    assert!(text.contains("in 7 of these"), "{text}");
    assert_eq!(sentence(&with([true, true]), "In 8 pairs"), None);
}

#[test]
fn saturation_is_blamed_where_it_costs_accuracy() {
    let with = |logistic: f64| {
        grid(|pair, summary| {
            let (share, accuracy) = match (pair.initialization, pair.activation) {
                (Large, Activation::Logistic) => (0.8, logistic),
                (Large, _) => (0.9, 0.5),
                _ => (0.0, 0.9),
            };
            let start = Some(share);
            Summary { saturated: Ends { start, end: start }, accuracy, ..summary }
        })
    };
    let text = sentence(&with(0.7), "Large weights saturate units").unwrap();
    assert!(text.contains("80 % of the logistic outputs (0 % with xavier) and 90 %"), "{text}");
    assert!(text.contains("20.0 and 40.0 points lower"), "{text}");
    let text = sentence(&with(0.9), "Large weights saturate units").unwrap();
    assert!(!text.contains("logistic") && text.contains(" 40.0 points lower"), "{text}");
}

#[test]
fn deaths_and_infinite_losses_are_told_where_they_happen() {
    let with = |end: f64, diverged: usize| {
        grid(|pair, summary| match (pair.activation, pair.initialization) {
            (Activation::Relu, Large) => {
                Summary { dead: Ends { start: Some(0.02), end: Some(end) }, ..summary }
            }
            (Activation::LeakyRelu { .. }, Large) => Summary { diverged, ..summary },
            _ => summary,
        })
    };
    let text = sentence(&with(1.0, 0), "Relu does not saturate").unwrap();
    assert!(text.contains("2 % are dead before training, 100 % after"), "{text}");
    assert_eq!(sentence(&with(0.1, 0), "Relu does not saturate"), None);
    let text = sentence(&with(1.0, 2), "One pair ends").unwrap();
    assert!(text.contains("leaky_relu") && text.ends_with("with large."), "{text}");
}

#[test]
fn tanh_is_called_faster_only_with_the_gradient_to_show_for_it() {
    let with = |logistic_epochs: Option<usize>, logistic_ratio: f64| {
        grid(|pair, summary| match pair.activation {
            Activation::Logistic => Summary {
                epochs_to_goal: logistic_epochs,
                gradient_ratio: logistic_ratio,
                ..summary
            },
            _ => Summary { epochs_to_goal: Some(1), gradient_ratio: 1.5, ..summary },
        })
    };
    let text = sentence(&with(Some(6), 0.1), "With xavier, tanh").unwrap();
    assert!(text.contains("after 1 epoch and logistic after 6"), "{text}");
    assert!(text.contains("is 1.50 with tanh and 0.10"), "{text}");
    for (epochs, ratio) in [(None, 0.1), (Some(1), 0.1), (Some(6), 2.0)] {
        assert_eq!(sentence(&with(epochs, ratio), "With xavier, tanh"), None);
    }
}

#[test]
fn whether_each_activation_wants_its_own_scheme_is_read_off() {
    let with = |own: f64, other: f64, logistic_own: f64| {
        grid(|pair, summary| {
            let own_is_xavier = matches!(pair.activation, Activation::Logistic | Activation::Tanh);
            let accuracy = match (own_is_xavier, pair.initialization) {
                (true, Xavier) if pair.activation == Activation::Logistic => logistic_own,
                (true, Xavier) | (false, He) => own,
                _ => other,
            };
            Summary { accuracy, ..summary }
        })
    };
    let text = sentence(&with(0.97, 0.9, 0.98), "Each activation is better").unwrap();
    assert!(text.contains("by 7.0 points at least"), "{text}");
    assert!(sentence(&with(0.97, 0.96, 0.97), "In a network of three layers").is_some());
    for beginning in ["Each activation", "In a network of three layers"] {
        assert_eq!(sentence(&with(0.97, 0.9, 0.8), beginning), None);
    }
}

#[test]
fn dead_units_that_do_no_harm_are_told() {
    let with = |dead: f64, leaky: f64| {
        grid(|pair, summary| match pair.activation {
            Activation::Relu => {
                Summary { dead: Ends { start: Some(0.0), end: Some(dead) }, ..summary }
            }
            Activation::LeakyRelu { .. } => Summary { accuracy: leaky, ..summary },
            _ => summary,
        })
    };
    let text = sentence(&with(0.05, 0.61), "With he, 5 % of the relu units").unwrap();
    assert!(text.ends_with("1.0 points higher."), "{text}");
    assert!(sentence(&with(0.05, 0.6), "With he").unwrap().ends_with("is the same."));
    assert!(sentence(&with(0.05, 0.59), "With he").unwrap().ends_with("1.0 points lower."));
    assert_eq!(sentence(&with(0.0, 0.6), "With he"), None);
    assert_eq!(sentence(&with(0.05, 0.7), "With he"), None);
}
