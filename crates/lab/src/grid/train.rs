//! One run: builds a network, and measures it before and after training.

use wengert::prelude::*;

use crate::fit::fit;
use crate::grid::{Pair, Settings};
use crate::measure::{
    Judgement, LayerGradient, LayerParameters, Units, gradients, hidden_units, judge,
    layer_parameters,
};
use crate::network::Mlp;
use crate::task::Task;

/// The results of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingRun {
    /// The seed of the weights and of the order of the examples.
    pub seed: u64,
    /// Accuracy and loss on the test examples before training.
    pub before: Judgement,
    /// The results of each epoch.
    pub epochs: Vec<EpochResult>,
    /// The hidden layers before training.
    pub units_start: Vec<Units>,
    /// The hidden layers after training.
    pub units_end: Vec<Units>,
    /// The gradient of the training loss before training, layer by layer.
    pub gradients: Vec<LayerGradient>,
    /// Whether training changed anything, layer by layer.
    pub changes: Vec<Change>,
    /// The number of training steps with a loss that was NaN or infinite.
    pub non_finite_losses: usize,
}

/// The results of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochResult {
    /// The mean loss of the training examples, each before the step of its batch.
    pub train_loss: f64,
    /// Accuracy and loss on the test examples after the epoch.
    pub test: Judgement,
}

/// Whether training changed a layer's parameters, in any bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The weight.
    pub weight: bool,
    /// The bias.
    pub bias: bool,
}

impl TrainingRun {
    /// Accuracy and loss on the test examples after training.
    pub fn after(&self) -> Judgement {
        self.epochs.last().map_or(self.before, |epoch| epoch.test)
    }

    /// The number of epochs until the test accuracy is first at least `accuracy`.
    pub fn epochs_to(&self, accuracy: f64) -> Option<usize> {
        self.epochs.iter().position(|epoch| epoch.test.accuracy >= accuracy).map(|i| i + 1)
    }

    /// The norm of the first layer's gradient divided by that of the last layer's, before training.
    pub fn gradient_ratio(&self) -> f64 {
        match (self.gradients.first(), self.gradients.last()) {
            (Some(first), Some(last)) => first.norm() / last.norm(),
            _ => f64::NAN,
        }
    }
}

/// Trains one network, and calls `epoch_done` after each epoch.
pub fn train(
    task: &Task,
    settings: &Settings,
    pair: Pair,
    seed: u64,
    epoch_done: &dyn Fn(),
) -> TrainingRun {
    let mut model = network(&task.architecture, pair, seed);
    let mut tape = Tape::new();
    let at_start = parameter_bits(&model);
    let before = judge(&model, &task.test, &mut tape);
    let units_start = hidden_units(&model, &task.train, &mut tape);
    let gradients = gradients(&model, &task.train, &mut tape);

    let mut non_finite_losses = 0;
    let mut epochs = Vec::with_capacity(settings.training.epochs);
    fit(&mut model, &task.train, settings.training, seed, |model, loss, tape| {
        non_finite_losses += loss.non_finite;
        epochs.push(EpochResult { train_loss: loss.mean, test: judge(model, &task.test, tape) });
        epoch_done();
    });

    let units_end = hidden_units(&model, &task.train, &mut tape);
    let changes = at_start
        .iter()
        .zip(parameter_bits(&model))
        .map(|(before, after)| Change {
            weight: before.weight != after.weight,
            bias: before.bias != after.bias,
        })
        .collect();
    TrainingRun {
        seed,
        before,
        epochs,
        units_start,
        units_end,
        gradients,
        changes,
        non_finite_losses,
    }
}

/// The network of a pair, before training.
pub fn network(architecture: &[usize], pair: Pair, seed: u64) -> Sequential<f32> {
    let Pair { activation, initialization } = pair;
    Mlp::new(architecture, activation, initialization.init(activation))
        .last(initialization.init(Activation::Identity))
        .build(seed)
        .unwrap_or_else(|error| unreachable!("every scheme of the grid suits a layer: {error}"))
}

/// The bits of a layer's parameters.
struct LayerBits {
    weight: Vec<u32>,
    bias: Vec<u32>,
}

fn parameter_bits(model: &Sequential<f32>) -> Vec<LayerBits> {
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    let of = |layer: LayerParameters<'_>| LayerBits {
        weight: bits(layer.weight.value().to_vec()),
        bias: bits(layer.bias.value().to_vec()),
    };
    layer_parameters(model).into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;
    use crate::fit::Training;
    use crate::grid::{ACTIVATIONS, Initialization};

    fn task() -> Task {
        let Dataset { name, train, test } = Dataset::digits();
        let some: Vec<usize> = (0..96).collect();
        Task::new(&Dataset { name, train: train.subset(&some), test }, &[24, 16])
    }

    fn settings(epochs: usize) -> Settings {
        let training = Training { learning_rate: 0.05, momentum: 0.9, batch: 16, epochs };
        Settings { training, seeds: vec![] }
    }

    fn run(task: &Task, activation: Activation, initialization: Initialization) -> TrainingRun {
        train(task, &settings(3), Pair { activation, initialization }, 1, &|| {})
    }

    #[test]
    fn the_initial_weights_are_those_of_the_scheme_and_the_biases_zero() {
        for initialization in Initialization::ALL {
            let pair = Pair { activation: Activation::Tanh, initialization };
            let model = network(&[64, 64, 32, 10], pair, 3);
            for layer in layer_parameters(&model) {
                let weights = layer.weight.value().to_vec();
                assert!(layer.bias.value().to_vec().iter().all(|&bias| bias == 0.0));
                let mean_square = weights.iter().map(|w| w * w).sum::<f32>() / weights.len() as f32;
                let &[out, inputs] = layer.weight.value().shape().dims() else { unreachable!() };
                let variance = match initialization {
                    Initialization::Zero | Initialization::Constant => {
                        assert!(weights.iter().all(|w| *w == weights[0]), "{initialization}");
                        weights[0] * weights[0]
                    }
                    Initialization::Large => 25.0,
                    Initialization::Xavier => 2.0 / (inputs + out) as f32,
                    Initialization::He => 2.0 / inputs as f32,
                    // 1 / E[tanh(z)^2] = 2.536; the last layer is linear.
                    Initialization::Computed if out == 10 => 1.0 / inputs as f32,
                    Initialization::Computed => 2.536 / inputs as f32,
                };
                // The mean square of n normal numbers has the relative deviation sqrt(2 / n), and n
                // is at least 320.
                assert!((mean_square - variance).abs() <= 0.4 * variance, "{initialization}");
            }
            let first = layer_parameters(&model)[0].weight.value().to_vec()[0];
            match initialization {
                Initialization::Zero => assert_eq!(first, 0.0),
                Initialization::Constant => assert_eq!(first, 0.5),
                _ => assert!(first != 0.0),
            }
        }
    }

    #[test]
    fn a_run_is_determined_by_its_seed_and_learns() {
        let task = task();
        let pair = Pair { activation: Activation::Tanh, initialization: Initialization::Xavier };
        let epochs = std::cell::Cell::new(0);
        let count = || epochs.set(epochs.get() + 1);
        let first = train(&task, &settings(6), pair, 1, &count);
        assert_eq!((epochs.get(), first.epochs.len()), (6, 6));
        assert_eq!(first, train(&task, &settings(6), pair, 1, &|| {}));
        let other = train(&task, &settings(6), pair, 2, &|| {});
        assert!(other.epochs != first.epochs);
        assert!(first.after().accuracy > 0.5 && first.before.accuracy < 0.3, "{first:?}");
        assert!(first.epochs[5].train_loss < first.epochs[0].train_loss, "{first:?}");
        assert_eq!(first.changes, [Change { weight: true, bias: true }; 3]);
        assert_eq!(first.non_finite_losses, 0);
    }

    #[test]
    fn zero_weights_stay_zero_except_with_the_logistic_function() {
        let task = task();
        let still = Change { weight: false, bias: false };
        for activation in ACTIVATIONS {
            let run = run(&task, activation, Initialization::Zero);
            if activation == Activation::Logistic {
                assert!(run.changes[2].weight, "its outputs are 1/2 and not 0");
            } else {
                let expected = [still, still, Change { weight: false, bias: true }];
                assert_eq!(run.changes, expected, "{activation}");
            }
            assert_eq!(run.gradient_ratio(), 0.0, "{activation}");
        }
    }

    #[test]
    fn equal_units_stay_equal_to_the_bit() {
        let task = task();
        for activation in ACTIVATIONS {
            for initialization in [Initialization::Zero, Initialization::Constant] {
                let run = run(&task, activation, initialization);
                if run.non_finite_losses == 0 {
                    let distinct: Vec<usize> =
                        run.units_end.iter().map(|layer| layer.distinct).collect();
                    assert_eq!(distinct, [1, 1], "{activation} {initialization}");
                }
            }
        }
    }

    #[test]
    fn the_first_epoch_that_reaches_an_accuracy_counts() {
        let run = crate::grid::summary::tests::run(&[0.5, 0.9, 0.8, 0.95]);
        assert_eq!(
            [0.4, 0.9, 0.91, 0.96].map(|goal| run.epochs_to(goal)),
            [Some(1), Some(2), Some(4), None]
        );
        assert_eq!(run.after().accuracy, 0.95);
    }
}
