//! [`check_op`]: the test that the operations of this crate pass, for an operation of a user.

use std::fmt;
use std::rc::Rc;

use super::case::{Case, Failure, Row, check, check_gradients};
use super::{Dense, Domain, Fault, Sampler};
use crate::error::Result;
use crate::gradcheck::check_order;
use crate::op::Op;
use crate::tensor::Tensor;

type Operands = Rc<dyn Fn(&mut Sampler) -> Vec<Tensor<f64>>>;
type SharedReference = Rc<dyn Fn(&[Dense]) -> Dense>;

/// The specification of an operation: random operands for test cases, and a reference, the same
/// function written naively in f64.
#[derive(Clone)]
pub struct Spec {
    operands: Operands,
    reference: SharedReference,
    order: u8,
    reorders: bool,
    cases: u64,
    seed: u64,
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spec of {} cases from seed {} to order {}", self.cases, self.seed, self.order)
    }
}

impl Spec {
    /// A specification with a function that draws the operands, and the reference.
    pub fn new(
        operands: impl Fn(&mut Sampler) -> Vec<Tensor<f64>> + 'static,
        reference: impl Fn(&[Dense]) -> Dense + 'static,
    ) -> Self {
        Spec {
            operands: Rc::new(operands),
            reference: Rc::new(reference),
            order: 2,
            reorders: false,
            cases: 24,
            seed: 0,
        }
    }

    /// One operand of any shape; the reference `f` is applied to each element.
    pub fn elementwise(domain: Domain<'static>, f: impl Fn(f64) -> f64 + 'static) -> Self {
        let operands = move |sampler: &mut Sampler| {
            let shape = sampler.shape();
            vec![sampler.tensor(&shape, &domain)]
        };
        Self::new(operands, move |x| x[0].map(&f))
    }

    /// Two operands that broadcast; the reference `f` is applied to each pair of elements.
    pub fn pairwise(domain: Domain<'static>, f: impl Fn(f64, f64) -> f64 + 'static) -> Self {
        let operands = move |sampler: &mut Sampler| {
            let (a, b) = sampler.broadcast_pair();
            vec![sampler.tensor(&a, &domain), sampler.tensor(&b, &domain)]
        };
        Self::new(operands, move |x| Dense::zip(&x[0], &x[1], &f))
    }

    /// Sets the highest order of derivatives to check, 1 or 2; 2 by default.
    ///
    /// # Panics
    /// If the order is neither 1 nor 2.
    #[track_caller]
    pub fn order(mut self, order: u8) -> Self {
        check_order(order);
        self.order = order;
        self
    }

    /// Permits the layout of the operands to change the last bits of the value.
    pub fn reorders(mut self) -> Self {
        self.reorders = true;
        self
    }

    /// Sets the number of cases, 24 by default.
    pub fn cases(mut self, cases: u64) -> Self {
        self.cases = cases;
        self
    }

    /// Sets the seed of the first case. The following cases have the following seeds.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Runs the check on every case, which `make` creates from operands and the reference.
    fn run(
        &self,
        name: &'static str,
        make: impl Fn(Vec<Tensor<f64>>, SharedReference) -> Case,
    ) -> Result<(), Failure> {
        let sample = |_: &mut Sampler| unreachable!("the cases are drawn here");
        let row = Row { name, order: self.order, reorders: self.reorders, sample };
        let draw =
            |seed| make((self.operands)(&mut Sampler::new(seed)), Rc::clone(&self.reference));
        let seeds = (0..self.cases).map(|case| self.seed.wrapping_add(case));
        for seed in seeds.clone() {
            check(&row, &draw(seed)).map_err(|failure| failure.at(name, seed))?;
        }
        // The check must be able to fail: with these operands it must detect each planted fault.
        for fault in Fault::ALL {
            // An operation of order 1 may refuse to record its gradient.
            if matches!(fault, Fault::Detached | Fault::Recorded) && self.order < 2 {
                continue;
            }
            let seen = seeds.clone().any(|seed| {
                check_gradients(&draw(seed), self.order, |op| fault.plant(op)).is_err()
            });
            if !seen {
                return Err(Failure::blind(name, fault));
            }
        }
        Ok(())
    }
}

/// Runs the test that the operations of this crate pass. The value must agree with the reference in
/// f64 and f32, and must have the same bits for every layout of the operands (unless
/// [`Spec::reorders`] is set). The derivatives must agree with finite differences, the gradient
/// must be linear in the cotangent, and it must depend neither on which operands are variables nor
/// on whether it is recorded ([`CreateGraph`](crate::CreateGraph)). The test also plants each
/// [`Fault`] of [`Fault::ALL`] in the gradient, such as a zero or doubled gradient, one of the
/// wrong sign, one that ignores its cotangent, or one that is doubled where it is recorded, and
/// fails if it does not detect the fault.
///
/// ```
/// use wengert_autodiff::testing::{Domain, Spec, check_op};
/// use wengert_autodiff::{Cotangents, Element, Forward, Op, Result, Shape, Tensor, Vjp};
///
/// #[derive(Clone, Debug)]
/// struct Cube;
/// impl<E: Element> Op<E> for Cube {
///     fn name(&self) -> &'static str {
///         "cube"
///     }
///     fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
///         Ok(inputs[0].clone())
///     }
///     fn forward(&self, inputs: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
///         Ok(&inputs[0].square() * inputs[0])
///     }
///     fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
///         let x = node.input(0);
///         Ok([Some(node.gy() * x * x * E::from_f64(3.0))].into_iter().collect())
///     }
/// }
///
/// check_op(&Cube, Spec::elementwise(Domain::REAL, |x| x * x * x))?;
/// # Ok::<(), wengert_autodiff::testing::Failure>(())
/// ```
///
/// # Errors
/// [`Failure`] describes the case, its seed, and what is wrong with it.
#[allow(clippy::needless_pass_by_value, reason = "a specification is written where it is used")]
pub fn check_op<O: Op<f32> + Op<f64> + Clone>(op: &O, spec: Spec) -> Result<(), Failure> {
    spec.run(Op::<f64>::name(op), |inputs, reference| {
        Case::new(op.clone(), inputs, move |x| reference(x))
    })
}

/// Runs the test that the operations of this crate pass, for an operation on f64 only. See
/// [`check_op`].
///
/// # Errors
/// [`Failure`] describes the case, its seed, and what is wrong with it.
#[allow(clippy::needless_pass_by_value, reason = "a specification is written where it is used")]
pub fn check_op_f64<O: Op<f64> + Clone>(op: &O, spec: Spec) -> Result<(), Failure> {
    spec.run(op.name(), |inputs, reference| Case::double(op.clone(), inputs, move |x| reference(x)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Cotangents, Forward, Vjp};
    use crate::shape::Shape;

    /// `y = c x^2` with a chosen factor in value and slope.
    #[derive(Clone, Debug)]
    struct Parabola {
        value: f64,
        slope: f64,
    }

    impl Op<f64> for Parabola {
        fn name(&self) -> &'static str {
            "parabola"
        }
        fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
            Ok(inputs[0].clone())
        }
        fn forward(
            &self,
            inputs: &[&Tensor<f64>],
            _: &mut Forward<'_, f64>,
        ) -> Result<Tensor<f64>> {
            Ok(inputs[0].square().mul_scalar(self.value))
        }
        fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
            Ok([Some(node.gy() * node.input(0) * self.slope)].into_iter().collect())
        }
    }

    fn spec(domain: Domain<'static>) -> Spec {
        Spec::elementwise(domain, |x| x * x)
    }

    #[test]
    fn what_is_right_passes_and_what_is_wrong_is_named() {
        check_op_f64(&Parabola { value: 1.0, slope: 2.0 }, spec(Domain::REAL)).unwrap();
        let wrong = check_op_f64(&Parabola { value: 1.0, slope: 2.1 }, spec(Domain::REAL));
        let message = wrong.unwrap_err().to_string();
        assert!(message.contains("parabola at seed ") && message.contains("analytic"), "{message}");
        let wrong = check_op_f64(&Parabola { value: 1.1, slope: 2.2 }, spec(Domain::REAL));
        assert!(wrong.unwrap_err().to_string().contains("f64 value"));
    }

    #[test]
    fn the_last_seeds_wrap_around() {
        let last = spec(Domain::REAL).seed(u64::MAX);
        check_op_f64(&Parabola { value: 1.0, slope: 2.0 }, last).unwrap();
    }

    #[test]
    #[should_panic(expected = "the order must be 1 or 2, got 3")]
    fn an_order_there_is_no_check_for_is_refused() {
        let _ = spec(Domain::REAL).order(3);
    }

    #[test]
    fn operands_that_could_not_show_a_fault_are_refused() {
        let empty = Spec::new(|_| vec![Tensor::zeros([0])], |x| x[0].clone());
        let failure = check_op_f64(&Parabola { value: 1.0, slope: 7.0 }, empty).unwrap_err();
        assert!(failure.to_string().contains("Zeroed"), "{failure}");
    }
}
