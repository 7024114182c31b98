//! The workloads on this engine.

use std::hint::black_box;
use std::sync::Arc;

use wengert::nn::Layer as _;
use wengert::ops::{Conv2dOptions, Pool2d};
use wengert::prelude::*;

use super::Step;
use crate::workload::{Array, Layer, Name, Network, Targets, elements};

pub(super) fn step(name: Name) -> Step {
    match Network::of(name) {
        Some(described) => network(&described),
        None => elementwise(elements()),
    }
}

/// A copy in memory aligned to a cache line, where a tensor of an operation is. `from_vec` would
/// adopt the vector of `values`, which is not aligned so: wide loads from it take longer.
fn tensor(Array { shape, values }: Array) -> Tensor<f32> {
    Tensor::from_slice(&values, shape).expect("as many values as the shape says")
}

fn model(network: &Network) -> Sequential<f32> {
    let between = if network.tanh { Activation::Tanh } else { Activation::Relu };
    let mut builder = Sequential::builder();
    let last = network.layers.len() - 1;
    for (i, layer) in network.layers.iter().enumerate() {
        let activation = if i == last { Activation::Identity } else { between };
        builder = match *layer {
            Layer::Linear(inputs, outputs) => builder.linear(inputs, outputs, activation),
            Layer::Conv(inputs, outputs, padding, _) => {
                let options = Conv2dOptions::new().padding(padding).activation(activation);
                builder.conv2d(inputs, outputs, 5, options).max_pool2d(Pool2d::new(2))
            }
        };
        let flat_next = matches!(network.layers.get(i + 1), Some(Layer::Linear(..)));
        if matches!(layer, Layer::Conv(..)) && flat_next {
            builder = builder.flatten();
        }
    }
    let mut model = builder.build(&mut Pcg64::seed_from_u64(0)).expect("layers that fit");
    let mut values = network.parameters().flatten();
    model.visit_mut(&mut VisitorMut::new(&mut |_, parameter| {
        *parameter.value_mut() = tensor(values.next().expect("a value for each parameter"));
    }));
    model
}

fn network(network: &Network) -> Step {
    enum Wanted {
        Classes(Arc<[usize]>),
        Values(Tensor<f32>),
    }
    let mut model = model(network);
    let mut optimizer: Box<dyn Optimizer<f32>> = if network.adam {
        Box::new(Adam::new(network.rate))
    } else {
        Box::new(Sgd::new(network.rate))
    };
    let inputs = tensor(network.inputs());
    let wanted = match network.targets() {
        Targets::Classes(labels) => Wanted::Classes(labels.into()),
        Targets::Values(values) => Wanted::Values(tensor(values)),
    };
    let mut tape = Tape::new();
    Box::new(move || {
        tape.clear();
        let output = model.forward(tape.constant(&inputs));
        let loss = match &wanted {
            Wanted::Classes(labels) => output.cross_entropy(labels.clone()),
            Wanted::Values(values) => output.mse_loss(tape.constant(values)),
        };
        let value = loss.item();
        optimizer.step(&mut model, &loss.backward_once());
        value
    })
}

fn elementwise(arrays: [Array; 2]) -> Step {
    let [x, w] = arrays.map(tensor);
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
        // Reads the elements: a deferred result that is not read would not be computed.
        black_box(gradient.as_slice());
        loss.item()
    })
}
