//! A fused operation has the gradient of its composition: value, gradient, and the gradient's
//! gradient, in f64, for every fused operation of the catalogue.

mod more;

use wengert_autodiff::testing::{Domain, Sampler, catalogue};
use wengert_autodiff::{Activation, CreateGraph, Shape, Tape, Tensor, Var, grad, ops};

type Function = for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>;

/// A fused operation and its composition of simpler ones.
struct Pair {
    name: &'static str,
    shapes: &'static [&'static [usize]],
    fused: Function,
    composed: Function,
}

const LABELS: [usize; 4] = [2, 0, 1, 2];

fn number(x: Var<'_, f64>, value: f64) -> Var<'_, f64> {
    x.tape().constant(&Tensor::scalar(value))
}

fn sigmoid(z: Var<'_, f64>) -> Var<'_, f64> {
    number(z, 1.0) / ((-z).exp() + 1.0)
}

fn tanh(z: Var<'_, f64>) -> Var<'_, f64> {
    let (up, down) = (z.exp(), (-z).exp());
    (up - down) / (up + down)
}

/// One where positive, `slope` elsewhere.
fn steps(z: Var<'_, f64>, slope: f64) -> Var<'_, f64> {
    let values = z.value();
    let step = |i: &[usize]| if values.get(i) > Some(0.0) { 1.0 } else { slope };
    z.tape().constant(&Tensor::from_fn(values.shape(), step))
}

fn affine<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    x[0].matmul(x[1].transpose(0, 1)) + x[2]
}

fn normalized(x: Var<'_, f64>) -> Var<'_, f64> {
    x.exp() / x.exp().sum_axes(&[-1], true)
}

fn linear<'t>(x: &[Var<'t, f64>], activation: Activation) -> Var<'t, f64> {
    x[0].linear(x[1], Some(x[2]), activation)
}

const LINEAR: &[&[usize]] = &[&[4, 5], &[3, 5], &[3]];
const ROWS: &[&[usize]] = &[&[4, 3]];
const SLOPE: f64 = 0.1;

const PAIRS: &[Pair] = &[
    Pair {
        name: "linear",
        shapes: LINEAR,
        fused: |x| linear(x, Activation::Identity),
        composed: affine,
    },
    Pair {
        name: "linear",
        shapes: LINEAR,
        fused: |x| linear(x, Activation::Logistic),
        composed: |x| sigmoid(affine(x)),
    },
    Pair {
        name: "linear",
        shapes: LINEAR,
        fused: |x| linear(x, Activation::Tanh),
        composed: |x| tanh(affine(x)),
    },
    Pair {
        name: "linear",
        shapes: LINEAR,
        fused: |x| linear(x, Activation::Relu),
        composed: |x| affine(x) * steps(affine(x), 0.0),
    },
    Pair {
        name: "linear",
        shapes: LINEAR,
        fused: |x| linear(x, Activation::LeakyRelu { slope: SLOPE }),
        composed: |x| affine(x) * steps(affine(x), SLOPE),
    },
    Pair {
        name: "logistic",
        shapes: ROWS,
        fused: |x| x[0].logistic(),
        composed: |x| sigmoid(x[0]),
    },
    Pair { name: "tanh", shapes: ROWS, fused: |x| x[0].tanh(), composed: |x| tanh(x[0]) },
    Pair {
        name: "relu",
        shapes: ROWS,
        fused: |x| x[0].relu(),
        composed: |x| x[0] * steps(x[0], 0.0),
    },
    Pair {
        name: "leaky_relu",
        shapes: ROWS,
        fused: |x| x[0].leaky_relu(SLOPE),
        composed: |x| x[0] * steps(x[0], SLOPE),
    },
    Pair {
        name: "softmax",
        shapes: ROWS,
        fused: |x| x[0].softmax(-1),
        composed: |x| normalized(x[0]),
    },
    Pair {
        name: "log_softmax",
        shapes: ROWS,
        fused: |x| x[0].log_softmax(-1),
        composed: |x| normalized(x[0]).log(),
    },
    Pair {
        name: "cross_entropy",
        shapes: ROWS,
        fused: |x| x[0].cross_entropy(LABELS.to_vec()),
        composed: |x| {
            let hit = |i: &[usize]| f64::from(LABELS[i[0]] == i[1]);
            let picked =
                normalized(x[0]).log() * x[0].tape().constant(&Tensor::from_fn([4, 3], hit));
            picked.sum() * -0.25
        },
    },
    Pair {
        name: "mse_loss",
        shapes: &[&[4, 3], &[4, 3]],
        fused: |x| ops::mse_loss(x[0], x[1]).unwrap(),
        composed: |x| ((x[0] - x[1]) * (x[0] - x[1])).sum() / 12.0,
    },
    Pair {
        name: "mean",
        shapes: ROWS,
        fused: |x| x[0].mean_axes(&[0], false),
        composed: |x| x[0].sum_axes(&[0], false) / 4.0,
    },
    Pair { name: "square", shapes: ROWS, fused: |x| x[0].square(), composed: |x| x[0] * x[0] },
];

/// The value, the gradients of a weighted sum of it, and the gradients of a sum of those' squares.
fn derivatives(f: Function, inputs: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
    let tape = Tape::new();
    let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x)).collect();
    let y = f(&vars);
    let weigh = |shape: Shape| {
        let mut place = 0.0;
        tape.constant(&Tensor::from_fn(shape, |_| {
            place += 1.0;
            0.6 + (1.7_f64 * place).sin()
        }))
    };
    let weights = weigh(y.shape());
    let first = grad(&[y], &[weights], &vars, CreateGraph::Yes).unwrap();
    let first: Vec<_> = first.into_iter().map(|g| g.unwrap()).collect();
    // The gradient of a linear function is constant; adding a term of the operand gives it a
    // gradient.
    let terms =
        first.iter().zip(&vars).map(|(&g, &x)| (g * g * weigh(x.shape())).sum() + (x * x).sum());
    let total = terms.reduce(|a, b| a + b).unwrap();
    let second = total.backward();
    let mut all = vec![y.value()];
    all.extend(first.iter().map(|g| g.value()));
    all.extend(vars.iter().map(|&x| second.get(x).unwrap().clone()));
    all
}

#[test]
fn a_fused_operation_has_the_gradients_of_its_composition() {
    for (number, pair) in PAIRS.iter().chain(more::PAIRS).enumerate() {
        let mut negative = false;
        for seed in 0..8 {
            let mut sampler = Sampler::new(100 * number as u64 + seed);
            let shapes = pair.shapes.iter().map(|&shape| Shape::from(shape));
            let inputs: Vec<_> =
                shapes.map(|shape| sampler.tensor(&shape, &Domain::AWAY_FROM_ZERO)).collect();
            let fused = derivatives(pair.fused, &inputs);
            let composed = derivatives(pair.composed, &inputs);
            negative |= inputs[0].to_vec().iter().any(|&x| x < 0.0);
            for (which, (a, b)) in fused.iter().zip(&composed).enumerate() {
                assert_eq!(a.shape(), b.shape());
                for (a, b) in a.to_vec().into_iter().zip(b.to_vec()) {
                    let near = (a - b).abs() <= 1e-10 * (1.0 + b.abs());
                    assert!(near, "{} ({number}), result {which}, seed {seed}: {a} {b}", pair.name);
                }
            }
        }
        assert!(negative, "{}: operands of both signs", pair.name);
        assert!(catalogue().any(|row| row.name == pair.name), "{} is in the catalogue", pair.name);
    }
}
