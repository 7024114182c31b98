//! Tests with faults that only some cotangents, operands or modes of the backward pass reveal.

use super::*;
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::ops::NormOptions;
use crate::testing::{Domain, Spec, check_op_f64};

/// A fault in the rule of [`Product`].
#[derive(Clone, Copy, Debug, PartialEq)]
enum Planted {
    /// No fault.
    Right,
    /// The cotangent of operand 0 is 10 % too large if it is recorded.
    Recorded,
    /// Recording is an error.
    Refused,
    /// The cotangent of operand 0 is doubled if operand 1 needs none.
    Alone,
    /// The same, if it is recorded too.
    AloneRecorded,
    /// The first element of the cotangent of operand 0 is doubled if more than one element of the
    /// cotangent of the output is nonzero.
    Dense,
    /// The cotangent of operand 0 is doubled if the cotangent of the output has a negative element.
    Negative,
    /// The cotangent of operand 0 is NaN if it is recorded.
    Undefined,
}

/// `y = a b`.
#[derive(Clone, Debug)]
struct Product(Planted);

impl Op<f64> for Product {
    fn name(&self) -> &'static str {
        "product"
    }
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].broadcast(inputs[1]).expect("shapes that broadcast"))
    }
    fn forward(&self, inputs: &[&Tensor<f64>], _: &mut Forward<'_, f64>) -> Result<Tensor<f64>> {
        Ok(inputs[0].mul(inputs[1]))
    }
    fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
        let gy = node.gy();
        let elements = gy.value().to_vec();
        let recorded = node.creates_graph();
        let factor = match self.0 {
            Planted::Recorded if recorded => 1.1,
            Planted::Undefined if recorded => f64::NAN,
            Planted::Refused if recorded => {
                return Err(crate::Error::NoGradient { reason: "refused" });
            }
            Planted::Alone if !node.needs(1) => 2.0,
            Planted::AloneRecorded if !node.needs(1) && recorded => 2.0,
            Planted::Negative if elements.iter().any(|&g| g < 0.0) => 2.0,
            _ => 1.0,
        };
        let mut factors = Tensor::full(gy.shape(), factor);
        if self.0 == Planted::Dense && elements.iter().filter(|&&g| g != 0.0).count() > 1 {
            factors.as_mut_slice()[0] = 2.0;
        }
        let ga = gy * node.input(1) * node.tape().constant(&factors);
        Ok([Some(ga), Some(gy * node.input(0))].into_iter().collect())
    }
}

fn product<'t>(a: Var<'t, f64>, b: Var<'t, f64>, planted: Planted) -> Var<'t, f64> {
    a.tape().apply(Product(planted), &[a, b]).unwrap()
}

fn operands() -> [Tensor<f64>; 2] {
    let [a, b] = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]];
    [a, b].map(|values| Tensor::from_slice(&values, [3]).unwrap())
}

fn run(check: Gradcheck, planted: Planted) -> Result<Report, GradcheckError> {
    let [a, b] = operands();
    check.run(|[a, b]| product(a, b, planted), [&a, &b])
}

fn spec() -> Spec {
    Spec::pairwise(Domain::REAL, |a, b| a * b)
}

/// The message of `check_op` of both orders.
fn messages(planted: Planted) -> [String; 2] {
    [1, 2].map(|order| {
        let failure = check_op_f64(&Product(planted), spec().order(order)).unwrap_err();
        failure.to_string()
    })
}

#[test]
fn a_rule_without_a_fault_passes() {
    for mode in [Mode::Full, Mode::Projection] {
        run(Gradcheck::new().order(2).mode(mode), Planted::Right).unwrap();
    }
    check_op_f64(&Product(Planted::Right), spec()).unwrap();
    check_op_f64(&Product(Planted::Right), spec().order(1)).unwrap();
}

#[test]
fn a_recorded_gradient_of_another_value_is_refused() {
    // Nothing is recorded at order 1.
    run(Gradcheck::new(), Planted::Recorded).unwrap();
    for mode in [Mode::Full, Mode::Projection] {
        let error = run(Gradcheck::new().order(2).mode(mode), Planted::Recorded).unwrap_err();
        let GradcheckError::Recorded { count, of, input, index, recorded, unrecorded, path } =
            &error
        else {
            panic!("{error}")
        };
        assert_eq!((*count, *of, *input, &index[..]), (3, 6, 0, &[0][..]));
        assert!((recorded / unrecorded - 1.1).abs() < 1e-12, "{error}");
        assert_eq!(path.to_string(), "product");
        let message = error.to_string();
        assert!(message.contains("differ at 3 of 6 elements"), "{message}");
        assert!(message.contains("order 1: the gradient of input 0[0] is "), "{message}");
        assert!(message.contains("recorded / unrecorded = 1.1, through product"), "{message}");
    }
    for message in messages(Planted::Recorded) {
        assert!(
            message.contains("`CreateGraph::Yes` and `CreateGraph::No` differ at"),
            "{message}"
        );
    }
}

#[test]
fn a_recorded_gradient_that_is_nan_is_refused() {
    let error = run(Gradcheck::new().order(2), Planted::Undefined).unwrap_err();
    assert!(matches!(&error, GradcheckError::Recorded { recorded, .. } if recorded.is_nan()));
}

#[test]
fn only_order_1_accepts_an_error_where_the_gradient_is_recorded() {
    run(Gradcheck::new(), Planted::Refused).unwrap();
    check_op_f64(&Product(Planted::Refused), spec().order(1)).unwrap();
    let error = run(Gradcheck::new().order(2), Planted::Refused).unwrap_err();
    assert!(matches!(error, GradcheckError::Function(_)), "{error}");
    assert!(check_op_f64(&Product(Planted::Refused), spec()).is_err());
}

#[test]
fn a_gradient_that_depends_on_which_operands_are_variables_is_refused() {
    for (planted, how) in
        [(Planted::Alone, ""), (Planted::AloneRecorded, " with `CreateGraph::Yes`")]
    {
        for message in messages(planted) {
            let start = "the gradients depend on which operands are variables, at ";
            assert!(message.contains(start), "{message}");
            let (_, detail) = message.split_once("the gradient of operand 0").unwrap();
            let detail = detail.lines().next().unwrap();
            assert!(detail.contains(&format!("{how} is ")), "{message}");
            assert!(detail.contains("where the variables are the operands [0], but "), "{message}");
            assert!(detail.ends_with("where they are the operands [0, 1]"), "{message}");
        }
    }
}

#[test]
fn a_rule_that_is_right_for_one_nonzero_element_alone_is_refused() {
    for order in [1, 2] {
        let check = Gradcheck::new().order(order);
        let error = run(check.mode(Mode::Full), Planted::Dense).unwrap_err();
        let GradcheckError::Nonlinear { first, .. } = &error else { panic!("{error}") };
        assert_eq!((first[0].cotangent, first[0].input, &first[0].index[..]), ("g", 0, &[0][..]));
        assert!((first[0].got / first[0].expected - 2.0).abs() < 1e-12, "{error}");
        assert_eq!(first.iter().filter(|found| found.order == 1).count(), 1, "{error}");
        let message = error.to_string();
        assert!(message.contains("order 1: the gradient of input 0[0] must be "), "{message}");
        assert!(message.contains("cotangents with one nonzero element, but it is "), "{message}");
        // The differences of a projection use a cotangent without zeros.
        let error = run(check.mode(Mode::Projection), Planted::Dense).unwrap_err();
        assert!(matches!(error, GradcheckError::Mismatch { .. }), "{error}");
    }
    for message in messages(Planted::Dense) {
        assert!(message.contains("cotangents with one nonzero element, but it is "), "{message}");
    }
}

#[test]
fn a_rule_that_is_wrong_for_negative_elements_is_refused() {
    let texts = [
        (Mode::Full, "by the gradients under cotangents with one nonzero element, but it is "),
        (Mode::Projection, "by the gradients under its positive and under its negative elements"),
    ];
    for (mode, text) in texts {
        for seed in 0..8 {
            let error = run(Gradcheck::new().mode(mode).seed(seed), Planted::Negative).unwrap_err();
            assert!(matches!(error, GradcheckError::Nonlinear { .. }), "{error}");
            assert!(error.to_string().contains(text), "{seed}: {error}");
        }
    }
    for message in messages(Planted::Negative) {
        assert!(message.contains("the gradient is not linear in the output's"), "{message}");
    }
}

#[test]
fn cotangents_have_both_signs() {
    use rand::SeedableRng;
    for seed in 0..20 {
        let mut rng = Pcg64::seed_from_u64(seed);
        assert_eq!([0, 1].map(|len| both_signs(&mut rng, len).len()), [0, 1]);
        for len in 2..5 {
            let elements = both_signs(&mut rng, len);
            assert!(elements.iter().any(|&g| g < 0.0) && elements.iter().any(|&g| g > 0.0));
            assert!(elements.iter().all(|g| (0.5..1.5).contains(&g.abs())));
        }
    }
}

#[test]
fn rules_that_round_differently_where_they_are_recorded_pass() {
    let x = Tensor::from_fn([3, 4], |i| 0.3 * (i[0] * 4 + i[1]) as f64 - 1.7);
    let w = Tensor::from_slice(&[0.5, -1.5, 1.0, 2.0], [4]).unwrap();
    gradgradcheck(|[x, w]| x.layer_norm(Some(w), None, NormOptions::default()), [&x, &w]).unwrap();
    gradgradcheck(|[x, w]| x.rms_norm(Some(w), NormOptions::default()), [&x, &w]).unwrap();
    gradgradcheck(|[x]| x.cumprod(1), [&x]).unwrap();
}

#[test]
fn a_derivative_that_is_not_finite_is_not_called_nonlinear() {
    let x = Tensor::from_slice(&[0.0, 1.0, 2.0], [3]).unwrap();
    for mode in [Mode::Full, Mode::Projection] {
        for seed in 0..8 {
            let check = Gradcheck::new().mode(mode).seed(seed).recorded();
            let error = check.run(|[x]| x.sqrt(), [&x]).unwrap_err();
            assert!(matches!(error, GradcheckError::Undifferenced { .. }), "{mode:?}: {error}");
        }
    }
}
