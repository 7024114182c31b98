//! An operation defined outside the engine has the same abilities as a built-in one.

use wengert::prelude::*;
use wengert::testing::{Domain, Spec, check_op};
use wengert::{Cotangents, Error, Forward, Op, Result, Vjp};

/// `y = x sin(w x)`, with the value and the derivative written by the user.
#[derive(Clone, Copy, Debug)]
struct Wave {
    w: f64,
}

/// `cos(w x)` and `sin(w x)` up to signs: the n-th derivative of `sin(w x)` over `w^n`.
#[derive(Clone, Copy, Debug)]
struct Sine {
    w: f64,
    derivative: u8,
}

impl<E: Element> Op<E> for Sine {
    fn name(&self) -> &'static str {
        "sine"
    }
    fn arity(&self) -> Option<usize> {
        Some(1)
    }
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }
    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let quarter = f64::from(self.derivative) * std::f64::consts::FRAC_PI_2;
        ctx.map(inputs[0], |x| E::from_f64((self.w * x.to_f64() + quarter).sin()))
    }
    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let next = Sine { derivative: (self.derivative + 1) % 4, ..*self };
        let slope = node.tape().apply(next, &[node.input(0)])? * E::from_f64(self.w);
        Ok([Some(node.gy() * slope)].into_iter().collect())
    }
}

impl<E: Element> Op<E> for Wave {
    fn name(&self) -> &'static str {
        "wave"
    }
    fn arity(&self) -> Option<usize> {
        Some(1)
    }
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        if !self.w.is_finite() {
            let message = format!("the frequency must be finite, got {}", self.w);
            return Err(Error::Argument { op: "wave", message });
        }
        Ok(inputs[0].clone())
    }
    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        ctx.map(inputs[0], |x| {
            let x = x.to_f64();
            E::from_f64(x * (self.w * x).sin())
        })
    }
    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let x = node.input(0);
        let sine = |derivative| node.tape().apply(Sine { w: self.w, derivative }, &[x]);
        let slope = sine(0)? + x * sine(1)? * E::from_f64(self.w);
        Ok([Some(node.gy() * slope)].into_iter().collect())
    }
}

fn wave(x: Var<'_, f64>, w: f64) -> Var<'_, f64> {
    x.tape().apply(Wave { w }, &[x]).unwrap()
}

#[test]
fn it_passes_gradcheck_to_second_order() {
    let x = Tensor::from_fn([3, 4], |i| 0.7 * i[0] as f64 - 0.4 * i[1] as f64);
    let report = gradgradcheck(|[x]| wave(x, 1.3), [&x]).unwrap();
    assert!(report.kinks.is_empty() && report.checked > 12 * 12, "{report}");
    // Combined with other operations, on a strided operand.
    let strided = x.transpose(0, 1);
    gradgradcheck(|[x]| wave(x.tanh().matmul(x.transpose(0, 1)), 0.8).mean(), [&strided]).unwrap();
}

#[test]
fn it_passes_the_catalogue_test() {
    check_op(&Wave { w: 1.3 }, Spec::elementwise(Domain::REAL, |x| x * (1.3 * x).sin())).unwrap();
    let wrong = Spec::elementwise(Domain::REAL, |x| x * (1.4 * x).sin());
    let failure = check_op(&Wave { w: 1.3 }, wrong).unwrap_err().to_string();
    assert!(failure.starts_with("wave at seed "), "{failure}");
}

#[test]
fn its_errors_are_its_own_and_third_derivatives_exist() {
    let tape = Tape::new();
    let x = tape.variable(&Tensor::scalar(0.5_f64));
    let error = tape.apply(Wave { w: f64::NAN }, &[x]).unwrap_err();
    assert_eq!(error.to_string(), "wave: the frequency must be finite, got NaN");
    let error = tape.apply(Wave { w: 1.0 }, &[x, x]).unwrap_err();
    assert_eq!(error.to_string(), "wave takes 1 operands, got 2");
    let third = wave(x, 2.0).grad(x).unwrap().unwrap().grad(x).unwrap().unwrap().grad(x).unwrap();
    // d^3/dx^3 x sin(2x) = -12 sin(2x) - 8 x cos(2x)
    let expected = -12.0 * 1.0_f64.sin() - 4.0 * 1.0_f64.cos();
    assert!((third.unwrap().item() - expected).abs() < 1e-12);
}
