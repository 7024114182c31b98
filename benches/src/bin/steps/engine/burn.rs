//! The workloads on burn's CPU backend, Flex, under its automatic differentiation. They call the
//! backend as burn's tensors, layers and optimizers do. Threads are those of the surrounding pool.

use std::hint::black_box;

use burn_autodiff::Autodiff;
use burn_backend::ops::{ActivationOps, ConvOptions, FloatTensorOps, IntTensorOps, ModuleOps};
use burn_backend::{AutodiffBackend, Shape, TensorData, TensorMetadata, read_sync};
use burn_flex::{Flex, FlexDevice, FlexTensor};

use super::Step;
use crate::workload::{Array, Layer, Name, Network, Targets, elements};

pub(super) fn step(name: Name) -> Step {
    match Network::of(name) {
        Some(described) => network(described),
        None => elementwise(elements()),
    }
}

type Traced = Autodiff<Flex>;
type Variable = burn_backend::tensor::FloatTensor<Traced>;

fn tensor(Array { shape, values }: Array) -> FlexTensor {
    Flex::float_from_data(TensorData::new(values, shape), &FlexDevice)
}

/// A variable that begins a step's graph.
fn leaf(value: FlexTensor) -> Variable {
    Traced::float_set_require_grad(Traced::from_inner(value), true)
}

fn scalar(loss: Variable) -> f32 {
    let data = read_sync(Traced::float_into_data(loss)).expect("burn computes what it is given");
    data.as_slice::<f32>().expect("a loss is in single precision")[0]
}

/// A parameter and Adam's state for it.
struct Parameter {
    value: FlexTensor,
    moments: Option<[FlexTensor; 2]>,
}

impl Parameter {
    fn sgd(self, gradient: FlexTensor, rate: f32) -> Self {
        let change = Flex::float_mul_scalar(gradient, rate.into());
        Self { value: Flex::float_sub(self.value, change), ..self }
    }

    fn adam(self, gradient: FlexTensor, rate: f32, steps: i32) -> Self {
        let [beta1, beta2] = [0.9_f32, 0.999];
        let squares = Flex::float_mul(gradient.clone(), gradient.clone());
        let new = [
            Flex::float_mul_scalar(gradient, (1.0 - beta1).into()),
            Flex::float_mul_scalar(squares, (1.0 - beta2).into()),
        ];
        let [first, second] = match self.moments {
            None => new,
            Some([first, second]) => {
                let [new_first, new_second] = new;
                [
                    Flex::float_add(Flex::float_mul_scalar(first, beta1.into()), new_first),
                    Flex::float_add(Flex::float_mul_scalar(second, beta2.into()), new_second),
                ]
            }
        };
        let root = (1.0 - beta2.powi(steps)).sqrt();
        let factor = root / (1.0 - beta1.powi(steps));
        let change = Flex::float_div(
            Flex::float_mul_scalar(first.clone(), factor.into()),
            Flex::float_add_scalar(Flex::float_sqrt(second.clone()), (1e-8 * root).into()),
        );
        let change = Flex::float_mul_scalar(change, rate.into());
        let value = Flex::float_sub(self.value, change);
        Self { value, moments: Some([first, second]) }
    }
}

/// The outputs, from the weight and the bias of every layer.
fn forward(network: &Network, parameters: &[Variable], mut x: Variable) -> Variable {
    let last = network.layers.len() - 1;
    for (i, (pair, layer)) in parameters.chunks_exact(2).zip(&network.layers).enumerate() {
        let (weight, bias) = (pair[0].clone(), Some(pair[1].clone()));
        x = match *layer {
            Layer::Linear(inputs, _) => {
                if x.shape().num_dims() > 2 {
                    x = Traced::float_reshape(x, Shape::new([network.batch(), inputs]));
                }
                Traced::linear(x, weight, bias)
            }
            Layer::Conv(_, _, padding, _) => {
                let options = ConvOptions::new([1, 1], [padding; 2], [1, 1], 1);
                Traced::conv2d(x, weight, bias, options)
            }
        };
        if i < last {
            x = if network.tanh { Traced::float_tanh(x) } else { Traced::relu(x) };
        }
        if matches!(layer, Layer::Conv(..)) {
            x = Traced::max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], false);
        }
    }
    x
}

enum Wanted {
    Classes(FlexTensor),
    Values(FlexTensor),
}

impl Wanted {
    fn of(network: &Network) -> Self {
        match network.targets() {
            Targets::Classes(labels) => {
                let shape = [labels.len(), 1];
                let labels: Vec<i32> = labels.into_iter().map(|label| label as i32).collect();
                Wanted::Classes(Flex::int_from_data(TensorData::new(labels, shape), &FlexDevice))
            }
            Targets::Values(values) => Wanted::Values(tensor(values)),
        }
    }

    fn loss(&self, output: Variable) -> Variable {
        match self {
            Wanted::Classes(labels) => {
                let logarithms = Traced::log_softmax(output, 1);
                let picked = Traced::float_gather(1, logarithms, labels.clone());
                Traced::float_neg(Traced::float_mean(picked))
            }
            Wanted::Values(values) => {
                let errors = Traced::float_sub(output, Traced::from_inner(values.clone()));
                Traced::float_mean(Traced::float_mul(errors.clone(), errors))
            }
        }
    }
}

fn network(network: Network) -> Step {
    let fresh = |array: Array| Parameter { value: tensor(array), moments: None };
    let mut parameters = Vec::new();
    for [weight, bias] in network.parameters() {
        // Matrices are `[inputs, outputs]`, as in burn's layers.
        let weight = if weight.shape.len() == 2 { weight.transposed() } else { weight };
        parameters.extend([weight, bias].map(fresh));
    }
    let inputs = tensor(network.inputs());
    let wanted = Wanted::of(&network);
    let mut steps = 0;
    Box::new(move || {
        let leaves: Vec<Variable> = parameters.iter().map(|p| leaf(p.value.clone())).collect();
        let output = forward(&network, &leaves, Traced::from_inner(inputs.clone()));
        let loss = wanted.loss(output);
        let mut gradients = Traced::backward(loss.clone());
        steps += 1;
        let rate = network.rate as f32;
        let update = |(parameter, leaf): (Parameter, Variable)| {
            let gradient = Traced::grad_remove(&leaf, &mut gradients).expect("it has a gradient");
            // The parameter then has the only reference to its value, which can change in place.
            drop(leaf);
            if network.adam {
                parameter.adam(gradient, rate, steps)
            } else {
                parameter.sgd(gradient, rate)
            }
        };
        parameters = parameters.drain(..).zip(leaves).map(update).collect();
        scalar(loss)
    })
}

fn elementwise(arrays: [Array; 2]) -> Step {
    let [x, w] = arrays.map(tensor);
    Box::new(move || {
        let (x, w) = (leaf(x.clone()), Traced::from_inner(w.clone()));
        let mut z = x.clone();
        for _ in 0..2 {
            z = Traced::float_add_scalar(Traced::float_mul(z, w.clone()), 0.1_f32.into());
            z = Traced::float_mul_scalar(Traced::float_mul(z.clone(), z), 0.5_f32.into());
            z = Traced::float_tanh(Traced::float_sub(z, x.clone()));
            z = Traced::float_add(Traced::float_mul(z, x.clone()), w.clone());
            z = Traced::sigmoid(Traced::relu(z));
        }
        let loss = Traced::float_mean(z);
        let gradients = Traced::backward(loss.clone());
        black_box(Traced::grad(&x, &gradients));
        scalar(loss)
    })
}
