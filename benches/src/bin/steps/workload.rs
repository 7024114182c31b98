//! The workloads: a whole training step each, from numbers every engine starts from.

use std::hint::black_box;

use clap::ValueEnum;
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
}

/// A fully connected network and how it is trained.
pub(crate) struct Mlp {
    pub(crate) widths: Vec<usize>,
    pub(crate) batch: usize,
    pub(crate) activation: Activation,
    pub(crate) adam: bool,
    /// Mean squared error in place of softmax cross-entropy.
    pub(crate) squares: bool,
}

impl Mlp {
    /// The network of a workload, if it is one.
    pub(crate) fn of(name: Name) -> Option<Self> {
        let (relu, tanh) = (Activation::Relu, Activation::Tanh);
        let deep = || std::iter::once(64).chain([100; 20]).chain([10]).collect();
        let (widths, batch, activation) = match name {
            Name::W1 => (vec![784, 128, 10], 64, relu),
            Name::W2 => (vec![784, 512, 512, 10], 128, relu),
            Name::W3 => (vec![2, 8, 1], 4, tanh),
            Name::W4 => (deep(), 32, tanh),
            Name::W7 => return None,
        };
        let (adam, squares) = (name == Name::W2, name == Name::W3);
        Some(Self { widths, batch, activation, adam, squares })
    }

    /// Weights `[out, in]` and biases, layer by layer.
    pub(crate) fn parameters(&self) -> Vec<Tensor<f32>> {
        let mut lcg = Lcg::new(1);
        let mut all = Vec::new();
        for pair in self.widths.windows(2) {
            let bound = 1.0 / (pair[0] as f32).sqrt();
            all.push(lcg.uniform([pair[1], pair[0]], bound));
            all.push(lcg.uniform([pair[1]], bound));
        }
        all
    }

    pub(crate) fn inputs(&self) -> Tensor<f32> {
        Lcg::new(2).uniform([self.batch, self.widths[0]], 1.0)
    }

    pub(crate) fn labels(&self) -> Vec<usize> {
        Lcg::new(3).labels(self.batch)
    }

    pub(crate) fn targets(&self) -> Tensor<f32> {
        Lcg::new(3).uniform([self.batch, 1], 1.0)
    }

    pub(crate) fn bound(&self) -> Bound {
        let layers = self.widths.windows(2).enumerate();
        let products = layers.map(|(i, pair)| {
            // Forward, by the weights, and but for the first layer by the inputs.
            let times = if i == 0 { 2 } else { 3 };
            (2 * times * self.batch * pair[0] * pair[1]) as f64
        });
        let parameters: usize = self.widths.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum();
        // The weights and what the optimizer remembers are read and written, the gradient read.
        let arrays = if self.adam { 7 } else { 3 };
        Bound { flops: products.sum(), bytes: (arrays * parameters * 4) as f64 }
    }
}

/// One training step after another. Returns the loss before the update.
pub(crate) type Step = Box<dyn FnMut() -> f32 + Send>;

/// The workload on this engine.
pub(crate) fn wengert(name: Name) -> Step {
    let Some(mlp) = Mlp::of(name) else { return elementwise() };
    let mut model = model(&mlp);
    let mut optimizer: Box<dyn Optimizer<f32> + Send> =
        if mlp.adam { Box::new(Adam::new(1e-3)) } else { Box::new(Sgd::new(0.1)) };
    let (inputs, labels, targets) = (mlp.inputs(), mlp.labels(), mlp.targets());
    let labels: std::sync::Arc<[usize]> = labels.into();
    let mut tape = Tape::new();
    Box::new(move || {
        tape.clear();
        let output = model.forward(tape.constant(&inputs));
        let loss = if mlp.squares {
            output.mse_loss(tape.constant(&targets))
        } else {
            output.cross_entropy(labels.clone())
        };
        let value = loss.item();
        optimizer.step(&mut model, &loss.backward_once());
        value
    })
}

fn model(mlp: &Mlp) -> Sequential<f32> {
    let mut builder = Sequential::builder();
    for (i, pair) in mlp.widths.windows(2).enumerate() {
        let last = i + 2 == mlp.widths.len();
        let activation = if last { Activation::Identity } else { mlp.activation };
        builder = builder.linear(pair[0], pair[1], activation);
    }
    let mut model =
        builder.build::<f32>(&mut Pcg64::seed_from_u64(0)).expect("widths that fit one another");
    let mut values = mlp.parameters().into_iter();
    model.visit_mut(&mut wengert::nn::VisitorMut::new(&mut |_, parameter| {
        *parameter.value_mut() = values.next().expect("a value for each parameter");
    }));
    model
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
