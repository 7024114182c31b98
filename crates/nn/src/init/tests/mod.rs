//! Tests of the initializers and the theory. Values computed by other programs are in
//! `tests/init_reference`, with the program that computes them.

mod advice;
mod gain;
mod kinds;
mod lsuv;
mod measured;
mod schemes;
mod structured;
mod theory;

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::Tensor;

use super::nonlinearity::{Evaluation, Nonlinearity};
use super::{Init, TheoryError};

/// The records of a kind: their names and numbers.
pub(super) fn reference(kind: &str) -> Vec<(&'static str, Vec<f64>)> {
    let records: Vec<_> = include_str!("../../../tests/init_reference/values.csv")
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(',');
            let of_kind = fields.next() == Some(kind);
            let name = fields.next().unwrap();
            of_kind.then(|| (name, fields.map(|field| field.parse().unwrap()).collect()))
        })
        .collect();
    assert!(!records.is_empty(), "no record of kind {kind}");
    records
}

fn rng(seed: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed)
}

fn normal(shape: [usize; 2], seed: u64) -> Tensor<f32> {
    Init::Normal { mean: 0.0, std: 1.0 }.sample(shape, &mut rng(seed)).unwrap()
}

#[track_caller]
fn near(got: f64, want: f64, tolerance: f64, what: &str) {
    let off = (got - want).abs() / want.abs().max(1.0);
    assert!(off <= tolerance, "{what}: {got} is not {want} to {tolerance:e}, but off by {off:e}");
}

/// A function given with its derivative, without the tape.
#[derive(Debug)]
struct Direct {
    name: &'static str,
    f: fn(f64) -> f64,
    d: fn(f64) -> f64,
}

impl Nonlinearity for Direct {
    fn name(&self) -> String {
        self.name.to_owned()
    }
    fn evaluate(&self, points: &[f64]) -> Result<Evaluation, TheoryError> {
        let map = |f: fn(f64) -> f64| points.iter().map(|&x| f(x)).collect();
        Ok(Evaluation { values: map(self.f), derivatives: map(self.d) })
    }
}

/// The density of the standard normal distribution.
fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The distribution function of the standard normal, by Simpson's rule on its density.
fn normal_cdf(x: f64) -> f64 {
    let n = 2000;
    let (low, high) = (-9.0, x.clamp(-9.0, 9.0));
    let h = (high - low) / f64::from(n);
    let inner: f64 =
        (1..n).map(|i| density(low + f64::from(i) * h) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    (density(low) + inner + density(high)) * h / 3.0
}

/// The functions of the reference by name: built-in activations, or pairs of value and derivative.
fn function(name: &str) -> Box<dyn Nonlinearity> {
    use wengert_autodiff::Activation;
    match name {
        "identity" => Box::new(Activation::Identity),
        "tanh" => Box::new(Activation::Tanh),
        "logistic" => Box::new(Activation::Logistic),
        "relu" => Box::new(Activation::Relu),
        "leaky_relu(0.2)" => Box::new(Activation::LeakyRelu { slope: 0.2 }),
        "silu" => Box::new(Activation::Silu),
        "softplus" => Box::new(Activation::Softplus { beta: 1.0 }),
        "mish" => Box::new(Activation::Mish),
        "elu" => Box::new(Activation::Elu { alpha: 1.0 }),
        "selu" => Box::new(Activation::Selu),
        "softsign" => Box::new(Activation::Softsign),
        "sin" => Box::new(Direct { name: "sin", f: f64::sin, d: f64::cos }),
        "gelu" => Box::new(Activation::Gelu),
        other => panic!("no function {other}"),
    }
}
