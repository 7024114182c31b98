//! Tests of the checker: what it accepts, what it detects, and the text of its reports.

use super::*;
use crate::error::Error;
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::ops;

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::from_slice(values, [values.len()]).unwrap()
}

/// `y = x^2` with a vector-Jacobian product that is wrong by a factor at one element.
#[derive(Debug)]
struct WrongAt {
    element: usize,
    factor: f64,
}

impl Op<f64> for WrongAt {
    fn name(&self) -> &'static str {
        "wrong"
    }
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }
    fn forward(&self, inputs: &[&Tensor<f64>], _: &mut Forward<'_, f64>) -> Result<Tensor<f64>> {
        Ok(inputs[0].square())
    }
    fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
        let x = node.input(0);
        let mut factors = vec![2.0; x.shape().numel()];
        factors[self.element] *= self.factor;
        let factors = node.tape().constant(&vector(&factors));
        Ok([Some(node.gy() * x * factors)].into_iter().collect())
    }
}

fn wrong_at(element: usize, factor: f64) -> impl for<'t> Fn([Var<'t, f64>; 1]) -> Var<'t, f64> {
    move |[x]| x.tape().apply(WrongAt { element, factor }, &[x]).unwrap()
}

#[test]
fn a_wrong_derivative_is_named() {
    let x = vector(&[1.0, -2.0, 3.0]);
    assert!(gradcheck(wrong_at(1, 1.0), [&x]).is_ok());
    let error = gradcheck(wrong_at(1, 1.001), [&x]).unwrap_err();
    let GradcheckError::Mismatch { count: 1, of: 9, first } = &error else { panic!("{error}") };
    assert_eq!((first[0].input, &first[0].index[..], first[0].output), (0, &[1][..], 1));
    assert_eq!(first[0].value, -2.0);
    assert!((first[0].analytic + 4.004).abs() < 1e-12, "{error}");
    assert!((first[0].numeric + 4.0).abs() < 1e-9, "{error}");
    let message = error.to_string();
    assert!(message.contains("1 of 9 derivatives are wrong"), "{error}");
    let derivative = "order 1: d output[1] / d input 0[1] at input 0[1] = -2: analytic -4.004, ";
    assert!(message.contains(derivative), "{error}");
    assert!(message.contains("numeric -4 ") && message.contains(" = 1.001, "), "{error}");
}

#[test]
fn every_mode_catches_it() {
    let x = vector(&[1.0, -2.0, 3.0]);
    for mode in [Mode::Auto, Mode::Full, Mode::Projection] {
        let check = Gradcheck::new().mode(mode).seed(3);
        assert!(check.run(wrong_at(2, 1.0), [&x]).is_ok());
        assert!(check.run(wrong_at(2, -1.0), [&x]).is_err(), "{mode:?}");
    }
}

#[test]
fn kinks_are_counted_and_too_many_are_a_failure() {
    // One of twenty elements sits at relu's kink.
    let mut values = [0.5; 20];
    values[3] = 0.0;
    let report = gradcheck(|[x]| x.relu().sum(), [&vector(&values)]).unwrap();
    assert_eq!((report.checked, report.kinks.len()), (19, 1));
    assert_eq!(report.kinks[0].index, [3]);
    let error = gradcheck(|[x]| x.relu().sum(), [&vector(&[0.0, 1.0])]).unwrap_err();
    assert!(
        matches!(&error, GradcheckError::Kinks { kinks, of: 2 } if kinks.len() == 1),
        "{error}"
    );
    assert!(Gradcheck::new().kinks(0.5).run(|[x]| x.relu().sum(), [&vector(&[0.0, 1.0])]).is_ok());
}

#[test]
fn a_wrong_second_derivative_is_caught() {
    let x = vector(&[0.4, -0.9]);
    let report = gradgradcheck(|[x]| x.tanh().sum(), [&x]).unwrap();
    assert!(report.checked > 2);
    // The first derivative is right; the second is lost with the constant.
    let error = gradgradcheck(|[x]| x.tape().apply(Lossy, &[x]).unwrap().sum(), [&x]).unwrap_err();
    assert!(
        matches!(&error, GradcheckError::Mismatch { first, .. } if first[0].order == 2),
        "{error}"
    );
    let derivative = "order 2: d (gradient of input 0[0]) / d input 0[0] at input 0[0] = 0.4: ";
    assert!(error.to_string().contains(derivative), "{error}");
}

/// `y = x^2`, its rule reading the value out of the variable.
#[derive(Debug)]
struct Lossy;

impl Op<f64> for Lossy {
    fn name(&self) -> &'static str {
        "lossy"
    }
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }
    fn forward(&self, inputs: &[&Tensor<f64>], _: &mut Forward<'_, f64>) -> Result<Tensor<f64>> {
        Ok(inputs[0].square())
    }
    fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
        let twice = node.tape().constant(&node.input(0).value().mul_scalar(2.0));
        Ok([Some(node.gy() * twice)].into_iter().collect())
    }
}

#[test]
fn what_cannot_be_checked_is_said() {
    let x = vector(&[-1.0]);
    let error = gradcheck(|[x]| x.log(), [&x]).unwrap_err();
    assert!(matches!(error, GradcheckError::NotFinite { output: 0, .. }), "{error}");
    let error = Gradcheck::new().run_slice(&|vars| ops::reshape(vars[0], [7]), &[&x]).unwrap_err();
    assert!(matches!(error, GradcheckError::Function(Error::Shapes { .. })), "{error}");
}

#[test]
fn inputs_may_be_strided_empty_or_unused() {
    let x = Tensor::from_fn([3, 4], |i| 0.1 * (i[0] * 4 + i[1]) as f64 - 0.55).transpose(0, 1);
    let y = Tensor::scalar(0.3).broadcast_to([3, 1]);
    let report = gradcheck(|[x, y]| x.tanh().matmul(y), [&x, &y]).unwrap();
    assert_eq!(report.checked, 4 * (12 + 3));
    let empty = Tensor::zeros([0, 2]);
    assert!(gradcheck(|[x, y]| x.sum() + y.sum() * y.mean(), [&empty, &y]).is_ok());
    assert!(gradcheck(|[_, y]| y * y, [&x, &y]).is_ok());
}

#[test]
fn a_report_names_the_operations_on_the_way() {
    fn f(x: Var<'_, f64>) -> Var<'_, f64> {
        let y = x.tape().apply(WrongAt { element: 0, factor: 1.5 }, &[x]).unwrap();
        let _beside = x.exp();
        (y * 2.0).sum()
    }
    let x = vector(&[0.5, -1.0]);
    let error = gradcheck(|[x]| f(x), [&x]).unwrap_err();
    let GradcheckError::Mismatch { first, .. } = &error else { panic!("{error}") };
    let names: Vec<_> = first[0].path.steps().iter().map(|step| step.op).collect();
    assert_eq!(names, ["wrong", "mul_scalar", "sum"]);
    assert!(first[0].path.steps()[0].recorded_at.file().ends_with("tests.rs"));
    assert!(error.to_string().contains("through wrong > mul_scalar > sum"), "{error}");
    // Of an input that leads nowhere, and of a long way.
    let report = gradcheck(|[x, _]| x.sum(), [&x, &x]).unwrap();
    assert!(report.worst.unwrap().path.to_string() == "sum");
    let path =
        gradcheck(|[x]| (0..20).fold(x, |x, _| x * 1.1).sum(), [&x]).unwrap().worst.unwrap().path;
    assert_eq!(path.steps().len(), 21);
    assert!(path.to_string().contains(" > .. 9 more .. > "), "{path}");
}

/// `y = 2 x`, wrong where the operand does not lie in row-major order.
#[derive(Debug)]
struct Careless;

impl Op<f64> for Careless {
    fn name(&self) -> &'static str {
        "careless"
    }
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }
    fn forward(&self, inputs: &[&Tensor<f64>], _: &mut Forward<'_, f64>) -> Result<Tensor<f64>> {
        Ok(inputs[0].mul_scalar(2.0))
    }
    fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
        let factor = if node.input(0).value().is_contiguous() { 2.0 } else { 3.0 };
        Ok([Some(node.gy() * factor)].into_iter().collect())
    }
}

#[test]
fn non_contiguous_inputs_are_tried_if_asked() {
    fn f(x: Var<'_, f64>) -> Var<'_, f64> {
        x.tape().apply(Careless, &[x]).unwrap().sum()
    }
    for shape in [&[4][..], &[2, 3]] {
        let x = Tensor::from_fn(shape, |i| 0.3 + i.iter().sum::<usize>() as f64);
        assert!(gradcheck(|[x]| f(x), [&x]).is_ok());
        let error = Gradcheck::new().non_contiguous(true).run(|[x]| f(x), [&x]).unwrap_err();
        let GradcheckError::Mismatch { count, of, first } = &error else { panic!("{error}") };
        assert_eq!((*count, *of), (x.len(), 2 * x.len()));
        assert!(!first[0].contiguous && error.to_string().contains("not contiguous"), "{error}");
        let right = Gradcheck::new().order(2).non_contiguous(true);
        assert!(right.run(|[x]| x.tanh().sum(), [&x]).is_ok());
    }
}

#[test]
fn close_to_a_kink_right_is_right_and_wrong_is_wrong() {
    for distance in [2e-9, 1e-7, 5e-6, 2e-5, 4e-4, 7e-4, 1e-3, 1.1e-3, 2e-3] {
        for x in [distance, -distance] {
            let report = gradcheck(|[x]| x.relu().sum(), [&vector(&[x])]);
            assert!(report.as_ref().is_ok_and(|report| report.checked == 1), "{x}: {report:?}");
        }
    }
    for x in [4e-4, 7e-4, 1e-3, 1.1e-3] {
        let error = gradcheck(|[x]| wrong_relu(x), [&vector(&[x])]).unwrap_err();
        let GradcheckError::Mismatch { first, .. } = &error else { panic!("{x}: {error}") };
        assert!((first[0].numeric - 1.0).abs() < 1e-6, "{x}: {error}");
    }
}

/// relu with half its gradient.
fn wrong_relu(x: Var<'_, f64>) -> Var<'_, f64> {
    let y = x.relu();
    (y * 0.5 + y.detach() * 0.5).sum()
}

#[test]
fn steps_that_leave_the_domain_are_shrunk() {
    fn inverse(x: Var<'_, f64>) -> Var<'_, f64> {
        (x.tape().constant(&Tensor::ones([1])) / x).sum()
    }
    for x in [1e-9, 1e-6, 1e-4, 1e-3, 8.5e-3, 0.01, 0.05] {
        let x = vector(&[x]);
        gradcheck(|[x]| x.log().sum(), [&x]).unwrap();
        gradcheck(|[x]| x.sqrt().sum(), [&x]).unwrap();
        gradcheck(|[x]| inverse(x), [&x]).unwrap();
    }
    let error = gradcheck(|[x]| x.sqrt().sum(), [&vector(&[0.0])]).unwrap_err();
    assert!(matches!(error, GradcheckError::Undifferenced { count: 1, of: 1, .. }), "{error}");
    assert!(error.to_string().contains("derivatives could not be compared"), "{error}");
}

#[test]
fn a_steep_point_is_no_kink() {
    fn half(x: Var<'_, f64>, steepness: f64) -> Var<'_, f64> {
        let y = (x * steepness).tanh();
        (y * 0.5 + y.detach() * 0.5).sum()
    }
    for steepness in [200.0, 1e3, 1e4] {
        let mut values = [1.0; 20];
        values[7] = 0.3 / steepness;
        let x = vector(&values);
        assert_eq!(gradcheck(|[x]| (x * steepness).tanh().sum(), [&x]).unwrap().checked, 20);
        let error = gradcheck(|[x]| half(x, steepness), [&x]).unwrap_err();
        assert!(matches!(error, GradcheckError::Mismatch { count: 1, .. }), "{error}");
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    use std::panic::catch_unwind;
    let check = Gradcheck::new();
    for order in [0, 3, 9] {
        assert!(catch_unwind(|| check.order(order)).is_err(), "{order}");
    }
    for step in [f64::NAN, f64::INFINITY, 0.0] {
        assert!(catch_unwind(|| check.step(step)).is_err(), "{step}");
    }
    for share in [f64::NAN, -0.1, 1.1] {
        assert!(catch_unwind(|| check.kinks(share)).is_err(), "{share}");
    }
    for bound in [f64::NAN, f64::INFINITY, -1e-9] {
        assert!(catch_unwind(|| check.tolerance(bound, 0.0)).is_err(), "{bound}");
        assert!(catch_unwind(|| check.tolerance(0.0, bound)).is_err(), "{bound}");
    }
}

#[test]
fn an_empty_check_says_so() {
    let report = gradcheck(|[x]| x.sum(), [&Tensor::zeros([0])]).unwrap();
    assert!(report.to_string().starts_with("nothing was checked"), "{report}");
}

#[test]
fn an_infinite_derivative_agrees_with_nothing() {
    let x = vector(&[1.0, -2.0, 3.0]);
    for factor in [f64::INFINITY, f64::NEG_INFINITY] {
        let wrong = wrong_at(1, factor);
        assert!(gradcheck(|[x]| wrong([x]).sum(), [&x]).is_err(), "{factor}");
    }
}

#[test]
fn rounding_is_no_mistake_of_the_gradient() {
    // Values so large that the differences of a small element drown.
    let x = vector(&[0.3, 0.7, 1.1, 1e7 + 0.7]);
    let wrong = |error: GradcheckError| matches!(error, GradcheckError::Mismatch { .. });
    assert!(!gradcheck(|[x]| x.square().sum(), [&x]).is_err_and(wrong));
    let x = vector(&[0.3, -0.7, 1.1]);
    assert!(!gradcheck(|[x]| x.exp().sum() + 1e8, [&x]).is_err_and(wrong));
    let x = vector(&[0.0, 0.7]);
    assert!(!gradcheck(|[x]| (x * 50.0).exp().sum(), [&x]).is_err_and(wrong));
}

/// `y = sin x`, with the wrong sign of its derivative for large arguments.
#[derive(Debug)]
struct SineWrongFarOut;

impl Op<f64> for SineWrongFarOut {
    fn name(&self) -> &'static str {
        "sine"
    }
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }
    fn forward(&self, inputs: &[&Tensor<f64>], _: &mut Forward<'_, f64>) -> Result<Tensor<f64>> {
        let values: Vec<f64> = inputs[0].to_vec().iter().map(|x| x.sin()).collect();
        Ok(vector(&values))
    }
    fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
        let slope = |x: &f64| if x.abs() > 1e5 { -x.cos() } else { x.cos() };
        let slopes: Vec<f64> = node.input(0).value().to_vec().iter().map(slope).collect();
        let slopes = node.tape().constant(&vector(&slopes));
        Ok([Some(node.gy() * slopes)].into_iter().collect())
    }
}

fn sine_wrong_far_out() -> impl for<'t> Fn([Var<'t, f64>; 1]) -> Var<'t, f64> {
    |[x]| x.tape().apply(SineWrongFarOut, &[x]).unwrap()
}

#[test]
fn a_bend_over_large_steps_is_no_kink() {
    for far in [3e5, 1e6, 1e8] {
        let values: Vec<f64> = (0..38).map(|i| 0.1 * f64::from(i)).chain([far]).collect();
        let sine = sine_wrong_far_out();
        assert!(gradcheck(|[x]| sine([x]).sum(), [&vector(&values)]).is_err(), "{far}");
    }
}
