//! The workloads: a whole training step each, from numbers every engine starts from.

use std::hint::black_box;
use std::sync::Arc;

use clap::ValueEnum;
use wengert::ops::{Conv2dOptions, Pool2d};
use wengert::prelude::*;

use crate::lcg::Lcg;

/// A workload's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Name {
    /// 784-128-10, batch 64, relu, softmax cross-entropy, SGD 0.1.
    W1,
    /// 784-512-512-10, batch 128, relu, softmax cross-entropy, Adam 0.001.
    W2,
    /// 2-8-1, batch 4, tanh, mean squared error, SGD 0.1.
    W3,
    /// 64-20x100-10, batch 32, tanh, softmax cross-entropy, SGD 0.1.
    W4,
    /// `LeNet`: 1x28x28, conv 6@5x5 pad 2, relu, max-pool 2, conv 16@5x5, relu, max-pool 2, 400-120-84-10
    /// with relu, batch 64, softmax cross-entropy, SGD 0.01.
    W5,
    /// 20 elementwise operations on 2^20 elements, reduced to a mean; no update.
    W7,
}

/// What is computed for how many bytes: the bound a step is held against.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bound {
    /// Multiplications and additions of matrix products.
    pub(crate) flops: f64,
    /// Bytes an optimizer reads and writes.
    pub(crate) bytes: f64,
    /// The elements of the arrays it works on.
    pub(crate) places: usize,
}

/// A layer with weights.
#[derive(Clone, Copy, Debug)]
enum Layer {
    /// So many inputs and outputs.
    Linear(usize, usize),
    /// Channels in and out, padding, and the side of the square that comes in; the kernel is 5 by 5,
    /// and a maximum over squares of 2 follows.
    Conv(usize, usize, usize, usize),
}

impl Layer {
    /// The weight's shape.
    fn weight(self) -> Vec<usize> {
        match self {
            Layer::Linear(inputs, outputs) => vec![outputs, inputs],
            Layer::Conv(inputs, outputs, _, _) => vec![outputs, inputs, 5, 5],
        }
    }

    /// How often each weight is used for an example.
    fn uses(self) -> usize {
        match self {
            Layer::Linear(..) => 1,
            Layer::Conv(_, _, padding, side) => (side + 2 * padding - 4).pow(2),
        }
    }
}

/// A network and how it is trained.
pub(crate) struct Network {
    layers: Vec<Layer>,
    inputs: Vec<usize>,
    activation: Activation,
    /// Adam with this rate in place of SGD.
    adam: bool,
    rate: f64,
    /// Mean squared error in place of softmax cross-entropy.
    squares: bool,
}

impl Network {
    /// The network of a workload, if it is one.
    pub(crate) fn of(name: Name) -> Option<Self> {
        let dense = |widths: &[usize]| -> Vec<Layer> {
            widths.windows(2).map(|pair| Layer::Linear(pair[0], pair[1])).collect()
        };
        let deep: Vec<usize> = std::iter::once(64).chain([100; 20]).chain([10]).collect();
        let (layers, inputs) = match name {
            Name::W1 => (dense(&[784, 128, 10]), vec![64, 784]),
            Name::W2 => (dense(&[784, 512, 512, 10]), vec![128, 784]),
            Name::W3 => (dense(&[2, 8, 1]), vec![4, 2]),
            Name::W4 => (dense(&deep), vec![32, 64]),
            Name::W5 => {
                let mut layers = vec![Layer::Conv(1, 6, 2, 28), Layer::Conv(6, 16, 0, 14)];
                layers.extend(dense(&[400, 120, 84, 10]));
                (layers, vec![64, 1, 28, 28])
            }
            Name::W7 => return None,
        };
        let tanh = matches!(name, Name::W3 | Name::W4);
        Some(Self {
            layers,
            inputs,
            activation: if tanh { Activation::Tanh } else { Activation::Relu },
            adam: name == Name::W2,
            rate: match name {
                Name::W2 => 1e-3,
                Name::W5 => 0.01,
                _ => 0.1,
            },
            squares: name == Name::W3,
        })
    }

    /// Weights and biases, layer by layer.
    fn parameters(&self) -> Vec<Tensor<f32>> {
        let mut lcg = Lcg::new(1);
        let mut all = Vec::new();
        for layer in &self.layers {
            let shape = layer.weight();
            let fan_in: usize = shape[1..].iter().product();
            let bound = 1.0 / (fan_in as f32).sqrt();
            let outputs = shape[0];
            all.push(lcg.uniform(shape, bound));
            all.push(lcg.uniform([outputs], bound));
        }
        all
    }

    fn batch(&self) -> usize {
        self.inputs[0]
    }

    pub(crate) fn bound(&self) -> Bound {
        let weights = |layer: &Layer| layer.weight().iter().product::<usize>();
        let products = self.layers.iter().enumerate().map(|(i, layer)| {
            // Forward, by the weights, and but for the first layer by the inputs.
            let times = if i == 0 { 2 } else { 3 };
            (2 * times * self.batch() * layer.uses() * weights(layer)) as f64
        });
        let parameters: usize =
            self.layers.iter().map(|layer| weights(layer) + layer.weight()[0]).sum();
        // The weights and what the optimizer remembers are read and written, the gradient read.
        let (passes, arrays) = if self.adam { (7, 4) } else { (3, 2) };
        let bytes = (passes * parameters * size_of::<f32>()) as f64;
        Bound { flops: products.sum(), bytes, places: arrays * parameters }
    }

    fn model(&self) -> Sequential<f32> {
        let mut builder = Sequential::builder();
        let last = self.layers.len() - 1;
        for (i, layer) in self.layers.iter().enumerate() {
            let activation = if i == last { Activation::Identity } else { self.activation };
            builder = match *layer {
                Layer::Linear(inputs, outputs) => builder.linear(inputs, outputs, activation),
                Layer::Conv(inputs, outputs, padding, _) => {
                    let options = Conv2dOptions::new().padding(padding).activation(activation);
                    builder.conv2d(inputs, outputs, 5, options).max_pool2d(Pool2d::new(2))
                }
            };
            let flat_next = matches!(self.layers.get(i + 1), Some(Layer::Linear(..)));
            if matches!(layer, Layer::Conv(..)) && flat_next {
                builder = builder.flatten();
            }
        }
        let mut model =
            builder.build::<f32>(&mut Pcg64::seed_from_u64(0)).expect("layers that fit");
        let mut values = self.parameters().into_iter();
        model.visit_mut(&mut wengert::nn::VisitorMut::new(&mut |_, parameter| {
            *parameter.value_mut() = values.next().expect("a value for each parameter");
        }));
        model
    }
}

/// One training step after another. Returns the loss before the update.
pub(crate) type Step = Box<dyn FnMut() -> f32 + Send>;

/// The workload on this engine.
pub(crate) fn wengert(name: Name) -> Step {
    let Some(network) = Network::of(name) else { return elementwise() };
    let mut model = network.model();
    let mut optimizer: Box<dyn Optimizer<f32> + Send> = if network.adam {
        Box::new(Adam::new(network.rate))
    } else {
        Box::new(Sgd::new(network.rate))
    };
    let inputs = Lcg::new(2).uniform(network.inputs.clone(), 1.0);
    let labels: Arc<[usize]> = Lcg::new(3).labels(network.batch()).into();
    let targets = Lcg::new(3).uniform([network.batch(), 1], 1.0);
    let mut tape = Tape::new();
    Box::new(move || {
        tape.clear();
        let output = model.forward(tape.constant(&inputs));
        let loss = if network.squares {
            output.mse_loss(tape.constant(&targets))
        } else {
            output.cross_entropy(labels.clone())
        };
        let value = loss.item();
        optimizer.step(&mut model, &loss.backward_once());
        value
    })
}

/// The number of elements of the elementwise workload.
pub(crate) const ELEMENTS: usize = 1 << 20;

/// `mean(z)` of a chain of 20 operations, and its gradient with respect to `x`.
fn elementwise() -> Step {
    let x = Lcg::new(2).uniform([ELEMENTS], 1.0);
    let w = Lcg::new(3).uniform([ELEMENTS], 1.0);
    let mut tape = Tape::new();
    Box::new(move || {
        tape.clear();
        let (x, w) = (tape.variable(&x), tape.constant(&w));
        let mut z = x;
        for _ in 0..2 {
            z = ((z * w + 0.1).square() * 0.5 - x).tanh();
            z = (z * x + w).relu().logistic();
        }
        let loss = z.mean();
        let gradients = loss.backward_once();
        let gradient = gradients.get(x).expect("the loss depends on x");
        // Looked at: what nobody looks at is not computed.
        black_box(gradient.as_slice());
        loss.item()
    })
}
