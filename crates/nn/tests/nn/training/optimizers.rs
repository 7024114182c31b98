//! Trajectories of optimizers in f64 against those of PyTorch
//! (`../../training_reference/optimizers.py`).

use wengert_autodiff::{Gradients, Parameter, Tape, Tensor};
use wengert_nn::{
    Adadelta, Adagrad, Adam, Adamax, Average, Groups, Lamb, Lbfgs, Lion, Lookahead, Module, Muon,
    NAdam, Optimizer, RAdam, RmsProp, Sgd,
};

#[derive(Clone, Debug, Module)]
struct Affine {
    weight: Parameter<f64>,
    bias: Parameter<f64>,
    /// The loss does not depend on it.
    unused: Parameter<f64>,
    frozen: Parameter<f64>,
}

/// The mean squared error of `tanh(x w^T + b)`.
fn problem() -> Affine {
    let weight = |i: &[usize]| 0.3 * ((1 + 4 * i[0] + i[1]) as f64).cos();
    let idle = || Tensor::from_fn([3, 2], |i| (i[0] as f64) - 0.7 * i[1] as f64);
    let mut affine = Affine {
        weight: Parameter::weight(Tensor::from_fn([3, 4], weight), 4, 3),
        bias: Parameter::bias(Tensor::from_fn([3], |i| 0.1 * (i[0] as f64 - 1.0))),
        unused: Parameter::weight(idle(), 2, 3),
        frozen: Parameter::weight(idle(), 2, 3),
    };
    affine.frozen.set_frozen(true);
    affine
}

fn loss_and_gradients(affine: &Affine) -> (f64, Gradients<f64>) {
    let x = Tensor::from_fn([8, 4], |i| ((1 + 3 * i[0] + i[1]) as f64).sin());
    let y = Tensor::from_fn([8, 3], |i| 0.5 * (i[0] as f64 - 2.0 * i[1] as f64).cos());
    let tape = Tape::new();
    let (weight, bias) = (tape.parameter(&affine.weight), tape.parameter(&affine.bias));
    let output = (tape.constant(&x).matmul(weight.transpose(0, 1)) + bias).tanh();
    let loss = (output - tape.constant(&y)).square().mean();
    (loss.item(), loss.backward())
}

fn numbers(affine: &Affine) -> Vec<f64> {
    [affine.weight.value().to_vec(), affine.bias.value().to_vec()].concat()
}

/// The lines of the table of this name: the number of steps and the weights.
fn reference(name: &str) -> Vec<(usize, Vec<f64>)> {
    let all = super::table(include_str!("../../training_reference/optimizers.csv"));
    let own = all.filter(|(other, _)| *other == name);
    let lines: Vec<_> = own.map(|(_, row)| (row[0] as usize, row[1..].to_vec())).collect();
    assert_eq!(lines.len(), 3, "{name}");
    lines
}

fn compare(name: &str, step: usize, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-9,
            "{name} after {step} steps: {found} for {expected}"
        );
    }
}

fn follow(name: &str, mut optimizer: impl Optimizer<f64>) {
    let mut affine = problem();
    let mut done = 0;
    for (step, expected) in reference(name) {
        for _ in done..step {
            let gradients = loss_and_gradients(&affine).1;
            optimizer.step(&mut affine, &gradients);
        }
        done = step;
        compare(name, step, &numbers(&affine), &expected);
    }
    let start = problem();
    assert_eq!(affine.unused.value(), start.unused.value(), "{name} moves an unused parameter");
    assert_eq!(affine.frozen.value(), start.frozen.value(), "{name} moves a frozen parameter");
}

#[test]
fn gradient_descent() {
    follow("sgd", Sgd::new(0.1).weight_decay(0.01));
    follow("momentum", Sgd::new(0.1).momentum(0.9).dampening(0.2).weight_decay(0.01));
    follow("nesterov", Sgd::new(0.1).momentum(0.9).nesterov());
}

#[test]
fn adam_and_its_kin() {
    follow("adam", Adam::new(0.01).weight_decay(0.1));
    follow("amsgrad", Adam::new(0.01).betas(0.8, 0.95).amsgrad());
    follow("adamw", Adam::new(0.01).decoupled(0.1));
    follow("nadam", NAdam::new(0.01).weight_decay(0.1));
    follow("nadamw", NAdam::new(0.002).decoupled(0.1).momentum_decay(0.01));
    follow("radam", RAdam::new(0.01).betas(0.9, 0.95).weight_decay(0.1));
    follow("radamw", RAdam::new(0.01).decoupled(0.1));
    follow("adamax", Adamax::new(0.01).weight_decay(0.1));
    follow("lamb", Lamb::new(0.01).weight_decay(0.1));
    follow("lion", Lion::new(0.01).weight_decay(0.1));
}

#[test]
fn adaptive_rates() {
    follow("rmsprop", RmsProp::new(0.002).alpha(0.9).weight_decay(0.1));
    follow("adagrad", Adagrad::new(0.1).rate_decay(0.01).weight_decay(0.1).initial_sum(0.1));
    follow("adadelta", Adadelta::new(1.0).weight_decay(0.1));
}

#[test]
fn muon_for_weights_and_adam_for_biases() {
    let biases = Adam::new(0.01).decoupled(0.1);
    follow("muon", Muon::new(0.002).momentum(0.9).weight_decay(0.1).others(biases));
}

#[test]
fn parameter_groups() {
    follow("groups", Groups::new(Adam::new(0.01).weight_decay(0.1)).group("bias", Adam::new(0.05)));
}

#[test]
fn lookahead() {
    follow("lookahead", Lookahead::new(Sgd::new(0.1), 5, 0.5));
}

#[test]
fn averages_of_weights() {
    for (name, mut average) in [("ema", Average::ema(0.9)), ("swa", Average::swa())] {
        let (mut affine, mut sgd, mut done) = (problem(), Sgd::new(0.1), 0);
        for (step, expected) in reference(name) {
            for _ in done..step {
                let gradients = loss_and_gradients(&affine).1;
                sgd.step(&mut affine, &gradients);
                average.update(&affine);
            }
            done = step;
            let weights = numbers(&affine);
            average.swap(&mut affine);
            compare(name, step, &numbers(&affine), &expected);
            average.swap(&mut affine);
            assert_eq!(numbers(&affine), weights, "{name}: swapped twice");
        }
        average.copy_to(&mut affine);
        compare(name, done, &numbers(&affine), &reference(name)[2].1);
    }
}

#[test]
fn lbfgs() {
    let mut affine = problem();
    let mut lbfgs = Lbfgs::new(0.5).max_iter(4).history(3).tolerances(0.0, 0.0);
    let mut done = 0;
    for (step, expected) in reference("lbfgs") {
        for _ in done..step {
            lbfgs.step(&mut affine, loss_and_gradients);
        }
        done = step;
        compare("lbfgs", step, &numbers(&affine), &expected);
    }
    let start = problem();
    assert_eq!(affine.unused.value(), start.unused.value());
    assert_eq!(affine.frozen.value(), start.frozen.value());
}

/// With a line search each step ends below the loss it began at, and the last at a minimum.
#[test]
fn lbfgs_with_a_line_search() {
    let mut affine = problem();
    let mut lbfgs = Lbfgs::new(1.0).strong_wolfe().tolerances(1e-9, 0.0);
    let mut losses = vec![f64::INFINITY];
    for _ in 0..6 {
        losses.push(lbfgs.step(&mut affine, loss_and_gradients));
    }
    assert!(losses.windows(2).all(|pair| pair[1] <= pair[0]), "{losses:?}");
    let (loss, gradients) = loss_and_gradients(&affine);
    assert!(gradients.norm() < 1e-6, "{} at {loss}", gradients.norm());
    let best = &reference("lbfgs")[2].1;
    for (found, expected) in numbers(&affine).iter().zip(best) {
        assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
    }
}
