//! Tests whether the gradient is linear in the cotangent of the output.
//!
//! A vector-Jacobian product is a matrix times the cotangent, and therefore linear in the cotangent
//! at any point. A comparison with differences does not test this for a scalar output, whose
//! cotangent is 1: a vector-Jacobian product that ignores its cotangent, squares it, or takes its
//! magnitude gives the right result for 1. Nor does it for other outputs: each row of the Jacobian
//! is the gradient for a cotangent with one nonzero element, which is 1, and the cotangent of a
//! projection has positive elements only.

use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::function::{Jacobian, both_signs, jacobian, unravel};
use super::report::{Law, NonlinearVjp};
use super::{Gradcheck, GradcheckError, VarFn};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The combinations `a g + b h` of two random cotangents `g` and `h` for which the gradient is
/// computed: the other sign, a larger and a smaller scale, and a sum. The scales are powers of two,
/// so that scaling causes no rounding.
const COMBINATIONS: [(f64, f64, &str); 4] = [
    (-1.0, 0.0, "-g"),
    (1024.0, 0.0, "1024 g"),
    (1.0 / 1024.0, 0.0, "g / 1024"),
    (1.0, 1.0, "g + h"),
];

/// The relative rounding error that is permitted where the tolerances are smaller: a few hundred
/// units in the last place.
pub(super) const ROUNDING: f64 = 1e-13;

impl Gradcheck {
    /// Computes the gradients of `f` for combinations of two cotangents, compares them with the
    /// same combinations of the gradients for each cotangent, and returns the differences.
    ///
    /// The gradient for one of the two, which has elements of both signs, is also compared with the
    /// same combination of the `rows` of the Jacobian. Without rows, it is compared with the
    /// gradients for the positive and for the negative elements of this cotangent.
    pub(super) fn nonlinear_vjps(
        &self,
        order: u8,
        f: &VarFn<'_>,
        inputs: &[&Tensor<f64>],
        shape: &Shape,
        rows: Option<&Jacobian>,
    ) -> Result<Vec<NonlinearVjp>, GradcheckError> {
        let mut rng = Pcg64::seed_from_u64(self.seed ^ 0x517c_c1b7);
        let [g, h] = [(); 2].map(|()| both_signs(&mut rng, shape.numel()));
        let combined =
            |a: f64, b: f64| -> Vec<f64> { g.iter().zip(&h).map(|(g, h)| a * g + b * h).collect() };
        let part = |sign: f64| -> Vec<f64> { g.iter().map(|g| (sign * g).max(0.0)).collect() };
        let parts = if rows.is_some() { vec![] } else { vec![part(1.0), part(-1.0)] };
        let cotangents = [combined(1.0, 0.0), combined(0.0, 1.0)]
            .into_iter()
            .chain(COMBINATIONS.iter().map(|&(a, b, _)| combined(a, b)))
            .chain(parts)
            .map(|values| Tensor::from_vec(values, shape.clone()))
            .collect::<crate::error::Result<Vec<_>>>()?;
        let (gradients, paths) = jacobian(f, inputs, &cotangents)?;
        let (combinations, parts) = gradients[2..].split_at(COMBINATIONS.len());
        let (rows, factors, of_g) = match rows {
            Some(rows) => (&rows[..], &g[..], Law::Rows),
            None => (parts, &[1.0, -1.0][..], Law::Signs),
        };
        let mut found = Vec::new();
        let mut differs = |law, cotangent, input: usize, place: usize, got, expected| {
            found.push(NonlinearVjp {
                order,
                cotangent,
                input,
                index: unravel(place, inputs[input].shape()),
                by_g: gradients[0][input][place],
                by_h: gradients[1][input][place],
                got,
                expected,
                path: paths[input].clone(),
                is_cotangent: order == 2 && input + 1 == inputs.len(),
                law,
            });
        };
        for (&(a, b, cotangent), gradient) in COMBINATIONS.iter().zip(combinations) {
            for (input, gradient) in gradient.iter().enumerate() {
                for (place, &got) in gradient.iter().enumerate() {
                    let (by_g, by_h) = (gradients[0][input][place], gradients[1][input][place]);
                    let expected = a * by_g + if b == 0.0 { 0.0 } else { b * by_h };
                    let allowed = self.absolute * a.abs()
                        + self.relative * (a * by_g).abs().max((b * by_h).abs());
                    // A derivative that is infinite or NaN is so for each cotangent. The
                    // differences judge it.
                    let finite = [by_g, by_h, got].into_iter().filter(|g| g.is_finite()).count();
                    let wrong = (got - expected).abs() > allowed;
                    if finite == 3 && wrong || (1..3).contains(&finite) {
                        differs(Law::Combination, cotangent, input, place, got, expected);
                    }
                }
            }
        }
        for (input, gradient) in gradients[0].iter().enumerate() {
            for (place, &got) in gradient.iter().enumerate() {
                // As far as each row may deviate, so may their combination.
                let (mut expected, mut allowed) = (0.0, 0.0);
                for (factor, row) in factors.iter().zip(rows) {
                    let row = row[input][place];
                    expected += factor * row;
                    allowed += factor.abs() * (self.allowed(row, row) + ROUNDING * row.abs());
                }
                // The differences judge a row that is infinite or NaN.
                if expected.is_finite() && !(got.is_finite() && (got - expected).abs() <= allowed) {
                    differs(of_g, "g", input, place, got, expected);
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::gradcheck::{gradcheck, gradgradcheck};
    use crate::op::{Cotangents, Forward, Op, Vjp};
    use crate::shape::Shape;
    use crate::testing::{Domain, Spec, check_op_f64};
    use crate::var::Var;

    /// What a faulty rule makes of its cotangent.
    type Of = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;

    const FAULTS: [(&str, Of); 7] = [
        ("forgotten", |gy| gy * 0.0 + 1.0),
        ("squared", |gy| gy * gy),
        ("absolute", |gy| gy.abs()),
        ("rectified", |gy| gy.relu()),
        ("root", |gy| gy.sqrt()),
        ("sign and root", |gy| gy.sign() * gy.abs().sqrt()),
        ("cubed", |gy| gy * gy * gy),
    ];

    /// The sum of squares, or the square of each element, with a rule that is right where its
    /// cotangent is one.
    #[derive(Clone, Copy, Debug)]
    struct Squares {
        sum: bool,
        of: Of,
    }

    impl Op<f64> for Squares {
        fn name(&self) -> &'static str {
            "squares"
        }
        fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
            Ok(if self.sum { Shape::from([]) } else { inputs[0].clone() })
        }
        fn forward(
            &self,
            inputs: &[&Tensor<f64>],
            _: &mut Forward<'_, f64>,
        ) -> Result<Tensor<f64>> {
            let squares = inputs[0].square();
            Ok(if self.sum { squares.sum() } else { squares })
        }
        fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
            Ok([Some((self.of)(node.gy()) * node.input(0) * 2.0)].into_iter().collect())
        }
    }

    fn x() -> Tensor<f64> {
        Tensor::from_slice(&[0.3, -0.7, 1.1], [3]).unwrap()
    }

    #[test]
    fn a_rule_that_is_right_for_a_cotangent_of_one_alone_is_refused() {
        let identity: Of = |gy| gy;
        for sum in [true, false] {
            let check = |of: Of| {
                gradcheck(|[x]| x.tape().apply(Squares { sum, of }, &[x]).unwrap(), [&x()])
            };
            check(identity).unwrap();
            for (name, of) in FAULTS {
                let error = check(of).unwrap_err();
                assert!(
                    matches!(
                        error,
                        GradcheckError::Nonlinear { .. } | GradcheckError::Mismatch { .. }
                    ),
                    "{name}, {sum}: {error}"
                );
                assert!(
                    !sum || matches!(error, GradcheckError::Nonlinear { .. }),
                    "{name}: {error}"
                );
            }
        }
    }

    #[test]
    fn the_second_order_and_the_catalogues_check_refuse_it_too() {
        let spec = |sum: bool| {
            let shape = |sampler: &mut crate::testing::Sampler| {
                let shape = sampler.shape();
                vec![sampler.tensor(&shape, &Domain::REAL)]
            };
            Spec::new(shape, move |x| {
                let squares = x[0].map(|x| x * x);
                let total = squares.data.iter().sum();
                if sum {
                    crate::testing::Dense { shape: vec![], data: vec![total] }
                } else {
                    squares
                }
            })
        };
        for sum in [true, false] {
            check_op_f64(&Squares { sum, of: |gy| gy }, spec(sum)).unwrap();
            for (name, of) in FAULTS {
                let op = Squares { sum, of };
                let found = gradgradcheck(|[x]| x.tape().apply(op, &[x]).unwrap(), [&x()]);
                assert!(found.is_err(), "{name}, {sum}");
                assert!(check_op_f64(&op, spec(sum)).is_err(), "{name}, {sum}");
            }
        }
    }

    #[test]
    fn every_mode_refuses_it_inside_other_operations() {
        for mode in [crate::gradcheck::Mode::Full, crate::gradcheck::Mode::Projection] {
            let check = Gradcheck::new().mode(mode);
            for (name, of) in FAULTS {
                let loss = check.run(
                    |[x]| x.tape().apply(Squares { sum: true, of }, &[x.tanh()]).unwrap().exp(),
                    [&x()],
                );
                assert!(loss.is_err(), "{name}, {mode:?}");
            }
        }
    }

    #[test]
    fn the_message_says_what_the_gradient_should_be() {
        let op = Squares { sum: true, of: FAULTS[0].1 };
        let error = gradcheck(|[x]| x.tape().apply(op, &[x]).unwrap(), [&x()]).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("the gradient is not linear in the output's cotangent at "));
        assert!(message.contains("under -g") && message.contains("through squares"), "{message}");
    }
}
