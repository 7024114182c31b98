//! [`fit()`]: trains a classifier with mini-batches, softmax cross-entropy and gradient descent
//! with momentum.

use wengert::prelude::*;

use crate::task::Examples;

/// Distinguishes the random stream of the shuffling from that of the weights.
const SHUFFLING: u64 = 0x9E37_79B9_7F4A_7C15;

/// The parameters of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// The learning rate.
    pub learning_rate: f64,
    /// The momentum; 0 for plain gradient descent.
    pub momentum: f64,
    /// The number of examples in a mini-batch.
    pub batch: usize,
    /// The number of passes over the examples.
    pub epochs: usize,
}

/// The training losses of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochLoss {
    /// The mean loss of the examples, each before the step of its batch.
    pub mean: f64,
    /// The number of steps with a loss that was NaN or infinite.
    pub non_finite: usize,
}

/// Trains a network, and calls `epoch_done` with the network and an empty tape after each epoch.
///
/// `seed` determines the order of the examples.
pub fn fit(
    model: &mut Sequential<f32>,
    examples: &Examples,
    training: Training,
    seed: u64,
    mut epoch_done: impl FnMut(&Sequential<f32>, EpochLoss, &mut Tape<f32>),
) {
    let mut sgd = Sgd::new(training.learning_rate).momentum(training.momentum);
    let mut batches = Batches::new(examples.inputs(), examples.labels(), training.batch)
        .unwrap_or_else(|error| unreachable!("{error}"))
        .shuffled(seed ^ SHUFFLING);
    let mut tape = Tape::new();
    for _ in 0..training.epochs {
        let (mut total, mut non_finite) = (0.0, 0);
        for batch in batches.epoch() {
            let loss =
                model.forward(tape.constant(&batch.inputs)).cross_entropy(batch.targets.clone());
            let value = f64::from(loss.item());
            total += value * batch.targets.len() as f64;
            non_finite += usize::from(!value.is_finite());
            sgd.step(model, &loss.backward());
            tape.clear();
        }
        let loss = EpochLoss { mean: total / examples.len() as f64, non_finite };
        epoch_done(model, loss, &mut tape);
    }
}
