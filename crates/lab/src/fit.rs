//! Training: mini-batches, softmax cross-entropy, gradient descent with momentum. What is looked at
//! between the epochs is the caller's business.

use wengert::prelude::*;

use crate::task::Examples;

/// Keeps the generator that shuffles apart from the one that draws the weights.
const SHUFFLING: u64 = 0x9E37_79B9_7F4A_7C15;

/// How a network is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// The rate of gradient descent.
    pub learning_rate: f64,
    /// Its momentum.
    pub momentum: f64,
    /// The examples in a mini-batch.
    pub batch: usize,
    /// The passes over the examples.
    pub epochs: usize,
}

/// What an epoch was like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochLoss {
    /// The mean loss of the examples, each as it was met.
    pub mean: f64,
    /// The steps whose loss was NaN or infinite.
    pub non_finite: usize,
}

/// Trains a network; `epoch_done` sees it after each epoch, with an empty tape.
///
/// `seed` decides the order of the examples.
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
