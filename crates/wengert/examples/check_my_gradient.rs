//! Checking the gradient of one's own loss, and what a wrong gradient looks like.
//!
//! `cargo run --example check_my_gradient -p wengert`

use wengert::prelude::*;
use wengert::{Cotangents, Forward, Gradcheck, Op, Result, Vjp};

/// A loss as a user might write it: the log-cosh of the residuals, weighted by confidence.
fn loss<'t>(
    prediction: Var<'t, f64>,
    target: Var<'t, f64>,
    confidence: Var<'t, f64>,
) -> Var<'t, f64> {
    let residual = prediction - target;
    let log_cosh = ((residual.exp() + (-residual).exp()) * 0.5).log();
    (log_cosh * confidence.logistic()).mean()
}

/// `x^3` with a derivative that forgets a factor.
#[derive(Debug)]
struct Cube;

impl Op<f64> for Cube {
    fn name(&self) -> &'static str {
        "cube"
    }
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }
    fn forward(&self, inputs: &[&Tensor<f64>], _: &mut Forward<'_, f64>) -> Result<Tensor<f64>> {
        Ok(inputs[0].square().mul(inputs[0]))
    }
    fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
        let x = node.input(0);
        Ok([Some(node.gy() * x * x * 2.0)].into_iter().collect()) // 3, not 2
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = Pcg64::seed_from_u64(1);
    let mut draw = |shape: [usize; 2]| Tensor::<f64>::uniform(shape, -1.5, 1.5, &mut rng);
    let (prediction, target, confidence) = (draw([4, 3]), draw([4, 3]), draw([4, 1]));

    let report = gradgradcheck(|[p, t, c]| loss(p, t, c), [&prediction, &target, &confidence])?;
    println!("The loss, to second order: {report}\n");

    let x = Tensor::from_slice(&[0.5, -1.0, 2.0], [3])?;
    let check = Gradcheck::new();
    match check.run(|[x]| x.tape().apply(Cube, &[x]).expect("a shape is taken").sum(), [&x]) {
        Ok(report) => println!("The cube: {report}"),
        Err(error) => println!("The cube: {error}"),
    }
    Ok(())
}
