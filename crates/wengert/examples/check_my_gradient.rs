//! Checking the gradient of a loss, and the report for a wrong gradient.
//!
//! `cargo run --example check_my_gradient -p wengert`

use wengert::prelude::*;
use wengert::testing::{Domain, Spec, check_op_f64};
use wengert::{Cotangents, Forward, Gradcheck, GradcheckError, Op, Result, Vjp};

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

/// `x^3`, with a derivative whose factor should be 3.
#[derive(Clone, Debug)]
struct Cube {
    factor: f64,
}

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
        Ok([Some(node.gy() * x * x * self.factor)].into_iter().collect())
    }
}

fn cube(x: Var<'_, f64>, factor: f64) -> Var<'_, f64> {
    x.tape().apply(Cube { factor }, &[x]).expect("every shape is taken")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = Pcg64::seed_from_u64(1);
    let mut draw = |shape: [usize; 2]| Tensor::<f64>::uniform(shape, -1.5, 1.5, &mut rng);
    let (prediction, target, confidence) = (draw([4, 3]), draw([4, 3]), draw([4, 1]));

    let report = gradgradcheck(|[p, t, c]| loss(p, t, c), [&prediction, &target, &confidence])?;
    println!("The loss, to second order: {report}\n");

    // A planted bug: the report names the element, both derivatives, and the operations between.
    let x = Tensor::from_slice(&[0.5, -1.0, 2.0], [3])?;
    let planted = Gradcheck::new().run(|[x]| cube(x * 2.0, 2.0).sum(), [&x]);
    let Err(GradcheckError::Mismatch { count: 3, .. }) = &planted else {
        return Err("the planted bug was not found".into());
    };
    println!("The cube with a bug: {}\n", planted.unwrap_err());

    // The correct factor, checked also on operands that are not contiguous.
    let check = Gradcheck::new().order(2).non_contiguous(true);
    println!("The cube: {}\n", check.run(|[x]| cube(x * 2.0, 3.0).sum(), [&x])?);

    // The operation also passes the test of the built-in operations.
    check_op_f64(&Cube { factor: 3.0 }, Spec::elementwise(Domain::REAL, |x| x * x * x))?;
    println!("The cube is as good as a built-in operation.");
    Ok(())
}
