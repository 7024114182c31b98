//! The networks of the command `train`.

use wengert::ops::{self, Conv2dOptions, Pool2d};
use wengert::prelude::*;

use crate::args::{InitName, Model};
use crate::error::LabError;
use crate::grid::Initialization;
use crate::network::Mlp;
use crate::task::Task;

/// A network of this kind for a task's images, its weights drawn by a seed.
pub(super) fn build(
    model: Model,
    task: &Task,
    activation: Activation,
    init: InitName,
    seed: u64,
) -> Result<Sequential<f32>, LabError> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut network = match model {
        Model::Mlp | Model::Deep => fully_connected(task, activation, init, &mut rng)?,
        Model::Cnn => convolutional(task, activation, init, &mut rng)?,
    };
    if init == InitName::Advised {
        recommend(&network)
            .map_err(LabError::request)?
            .apply(&mut network, &mut rng)
            .map_err(LabError::request)?;
    }
    Ok(network)
}

/// The scheme of a layer with this activation.
fn scheme(init: InitName, activation: Activation) -> Result<Init, LabError> {
    Ok(match init {
        InitName::Zero => Initialization::Zero.init(activation),
        InitName::Constant => Initialization::Constant.init(activation),
        InitName::Large => Initialization::Large.init(activation),
        InitName::Xavier => Initialization::Xavier.init(activation),
        InitName::He => Initialization::He.init(activation),
        // The recommendation replaces these weights.
        InitName::Computed | InitName::Advised => Initialization::Computed.init(activation),
        InitName::Orthogonal => {
            Init::orthogonal().gain(gain(&activation).map_err(LabError::request)?.forward)
        }
    })
}

fn fully_connected(
    task: &Task,
    activation: Activation,
    init: InitName,
    rng: &mut Pcg64,
) -> Result<Sequential<f32>, LabError> {
    Mlp::new(&task.architecture, activation, scheme(init, activation)?)
        .last(scheme(init, Activation::Identity)?)
        .build_with(rng)
        .map_err(LabError::request)
}

/// The channels of the two convolutions.
const CHANNELS: [usize; 2] = [8, 16];

fn convolutional(
    task: &Task,
    activation: Activation,
    init: InitName,
    rng: &mut Pcg64,
) -> Result<Sequential<f32>, LabError> {
    let [rows, columns] = task.image;
    if rows < 4 || columns < 4 {
        return Err(LabError::Request(format!(
            "the convolutional network needs images of at least 4 x 4 pixels, but these have {rows} x {columns}"
        )));
    }
    let options = Conv2dOptions::new().padding(1).activation(activation);
    let hidden = scheme(init, activation)?;
    let mut network = Sequential::empty();
    network.push(Image { rows, columns });
    let mut channels = 1;
    for outputs in CHANNELS {
        network.push(
            Conv2d::new(channels, outputs, 3, options, &hidden, rng).map_err(LabError::request)?,
        );
        network.push(MaxPool2d(Pool2d::new(2)));
        channels = outputs;
    }
    network.push(Flatten);
    let features = channels * (rows / 4) * (columns / 4);
    let classes = task.architecture[task.architecture.len() - 1];
    let last = scheme(init, Activation::Identity)?;
    let linear = Linear::new(features, classes, Activation::Identity, &last, rng);
    network.push(linear.map_err(LabError::request)?);
    Ok(network)
}

/// Reshapes rows of pixels to images of one channel.
#[derive(Clone, Copy, Debug, Module)]
struct Image {
    rows: usize,
    columns: usize,
}

impl<E: Element> Layer<E> for Image {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> wengert::Result<Var<'t, E>> {
        let batch = x.shape().first().copied().unwrap_or(0);
        ops::reshape(x, [batch, 1, self.rows, self.columns])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;

    #[test]
    fn every_model_has_a_logit_for_each_class_of_the_digits() {
        for (model, hidden) in
            [(Model::Mlp, vec![64, 32]), (Model::Deep, vec![64; 20]), (Model::Cnn, vec![])]
        {
            let task = Task::new(&Dataset::digits(), &hidden);
            for init in [InitName::He, InitName::Advised] {
                let network = build(model, &task, Activation::Relu, init, 1).unwrap();
                let tape = Tape::new();
                let logits = network.forward(tape.constant(task.test.inputs()));
                assert_eq!(logits.shape(), [450, 10], "{model:?}");
            }
        }
    }
}
