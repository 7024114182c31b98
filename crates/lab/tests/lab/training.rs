//! Networks with weights scaled to the number of connections learn the digits.

use wengert::Activation;
use wengert_lab::args::hidden;
use wengert_lab::data::Dataset;
use wengert_lab::grid::train::train;
use wengert_lab::grid::{ACTIVATIONS, Initialization, Pair};
use wengert_lab::task::Task;

use crate::support::defaults;

#[test]
fn scaled_weights_reach_95_percent_except_with_logistic_and_selu() {
    let (task, settings) = (Task::new(&Dataset::digits(), &hidden(None)), defaults().settings(1));
    // The logistic function learns slowly, and selu, whose slope exceeds 1, is unstable at this
    // rate.
    let slow = [Activation::Logistic, Activation::Selu];
    for activation in ACTIVATIONS.into_iter().filter(|it| !slow.contains(it)) {
        for initialization in [Initialization::Xavier, Initialization::He, Initialization::Computed]
        {
            let pair = Pair { activation, initialization };
            let run = train(&task, &settings, pair, settings.seeds[0], &|| {});
            let accuracy = run.after().accuracy;
            assert!(accuracy >= 0.95, "{activation} with {initialization}: {accuracy}");
            assert!(run.epochs_to(0.9).is_some_and(|epochs| epochs <= 10), "{:?}", run.epochs);
        }
    }
}
