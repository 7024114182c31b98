//! [`gradcheck`]: compares gradients with finite differences of values.
//!
//! The differences are central ones in f64. They are extrapolated to step zero, and have an
//! estimate of their own error (C. J. F. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)",
//! Advances in Engineering Software 4(2), 1982), so that a mismatch indicates a wrong gradient and
//! not a badly chosen step.

mod function;
mod linearity;
mod recorded;
mod report;
mod ridders;
mod verdict;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::error::Result;
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::testing::Layout;
use crate::var::Var;
pub(crate) use function::both_signs;
use function::{Jacobian, evaluate, gradient_of, jacobian, one_hot, unravel};
pub(crate) use recorded::Differing;
use recorded::RecordedDiffers;
use report::Quantity;
pub use report::{Comparison, GradcheckError, NonlinearVjp, OpPath, OpStep, Report};
pub(crate) use report::{brackets, distinct};
use ridders::{Difference, differentiate, finer};
use verdict::Verdict;

/// Compares the first derivatives of `f` at `inputs` with finite differences.
///
/// ```
/// use wengert_autodiff::{Tensor, gradcheck};
/// let a = Tensor::from_slice(&[0.3, -0.7, 1.1], [3])?;
/// let b = Tensor::from_slice(&[1.4, 0.2, -0.6], [3])?;
/// let report = gradcheck(|[a, b]| (a * b).tanh().sum(), [&a, &b])?;
/// assert_eq!(report.checked, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`GradcheckError::Mismatch`] if a derivative is wrong; [`GradcheckError`] lists the others.
pub fn gradcheck<const N: usize>(
    f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    inputs: [&Tensor<f64>; N],
) -> Result<Report, GradcheckError> {
    Gradcheck::new().run(f, inputs)
}

/// Compares the first and second derivatives of `f` at `inputs` with finite differences, and the
/// recorded gradient with the unrecorded one. See [`gradcheck`].
///
/// # Errors
/// [`GradcheckError::Mismatch`] if a derivative is wrong, and [`GradcheckError::Recorded`] if the
/// recorded gradient has another value; [`GradcheckError`] lists the others.
pub fn gradgradcheck<const N: usize>(
    f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    inputs: [&Tensor<f64>; N],
) -> Result<Report, GradcheckError> {
    Gradcheck::new().order(2).run(f, inputs)
}

/// The derivatives that a [`Gradcheck`] compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Every element of the Jacobian if there are at most 2048, otherwise a projection.
    #[default]
    Auto,
    /// Every element of the Jacobian.
    Full,
    /// The derivatives of one random linear combination of the outputs.
    Projection,
}

/// A gradient check and its options.
///
/// The check compares derivatives with finite differences. It also tests that the gradient is
/// linear in the cotangent of the output: with cotangents of both signs and several scales, with a
/// sum of two, and with the rows of the Jacobian. (A vector-Jacobian product that ignores its
/// cotangent gives the right derivatives of a scalar output, whose cotangent is 1. One that is
/// wrong for more than one nonzero element gives the right Jacobian, which is computed row by row.)
///
/// A check of order 2 also compares the gradient that [`CreateGraph::Yes`](crate::CreateGraph)
/// records with the one that `CreateGraph::No` returns. They may differ by the tolerances and by
/// rounding: a rule may compute the two by different methods. If they do not agree, the check
/// returns without second derivatives, which would be those of another gradient.
///
/// # Cost
/// For each element of the inputs, at least 20 evaluations of the function, and for order 2 as many
/// of its gradient. For each order, a backward pass for each row of the Jacobian (one for a
/// projection), and six to eight for the test of linearity. For order 2, two more backward passes
/// compare the recorded gradient.
///
/// # Limits
/// The steps of the differences range from the largest, [`step`](Self::step), to one about 70 times
/// smaller; steps far smaller are used where these do not agree with the derivative. A term that is
/// nonzero only within a ten-thousandth of the point does not change the differences. A derivative
/// of half the slope is counted as a kink if the point is closer to a kink than the smallest step.
/// A smaller `step` reveals both.
#[derive(Clone, Copy, Debug)]
pub struct Gradcheck {
    order: u8,
    relative: f64,
    absolute: f64,
    kinks: f64,
    step: f64,
    mode: Mode,
    non_contiguous: bool,
    recorded: bool,
    seed: u64,
}

impl Default for Gradcheck {
    fn default() -> Self {
        Gradcheck {
            order: 1,
            relative: 1e-6,
            absolute: 1e-7,
            kinks: 0.1,
            step: 0.05,
            mode: Mode::Auto,
            non_contiguous: false,
            recorded: false,
            seed: 0,
        }
    }
}

#[track_caller]
pub(crate) fn check_order(order: u8) {
    assert!(matches!(order, 1 | 2), "the order must be 1 or 2, got {order}");
}

/// A function of any number of variables.
type VarFn<'a> = dyn for<'t> Fn(&[Var<'t, f64>]) -> Result<Var<'t, f64>> + 'a;

impl Gradcheck {
    /// A check of first derivatives with the default tolerances: a derivative may deviate from the
    /// differences by `1e-7 + 1e-6 |derivative|`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the highest order of derivatives to check: 1 or 2.
    ///
    /// # Panics
    /// If the order is neither 1 nor 2.
    #[track_caller]
    pub fn order(mut self, order: u8) -> Self {
        check_order(order);
        self.order = order;
        self
    }

    /// Sets the tolerances. The derivative `a` and the difference `n` agree if their distance
    /// `|a - n|` is at most `absolute + relative * max(|a|, |n|)`.
    ///
    /// # Panics
    /// If a tolerance is negative or not finite.
    #[track_caller]
    pub fn tolerance(mut self, relative: f64, absolute: f64) -> Self {
        let bound = |tolerance: f64| tolerance >= 0.0 && tolerance.is_finite();
        assert!(
            bound(relative) && bound(absolute),
            "the tolerances must be finite and not negative, got {relative} and {absolute}"
        );
        (self.relative, self.absolute) = (relative, absolute);
        self
    }

    /// Sets the share of derivatives that may be at kinks; 0.1 by default.
    ///
    /// # Panics
    /// If the share is not in `0..=1`.
    #[track_caller]
    pub fn kinks(mut self, share: f64) -> Self {
        assert!((0.0..=1.0).contains(&share), "the share of kinks must be 0 to 1, got {share}");
        self.kinks = share;
        self
    }

    /// Sets the largest step of the differences in units of `max(1, |x|)`; 0.05 by default. Ten
    /// steps are used, the smallest of which is 69 times smaller. Where the differences do not
    /// agree with the derivative, far smaller steps follow.
    ///
    /// # Panics
    /// If the step is not positive and finite.
    #[track_caller]
    pub fn step(mut self, step: f64) -> Self {
        assert!(step > 0.0 && step.is_finite(), "the step must be positive and finite, got {step}");
        self.step = step;
        self
    }

    /// Sets whether to repeat the check with inputs that are not contiguous: with axes in reverse
    /// order in memory, or with gaps between the elements. Use this for an operation that reads the
    /// buffers of its operands.
    pub fn non_contiguous(mut self, also: bool) -> Self {
        self.non_contiguous = also;
        self
    }

    /// Compares the recorded gradient with the unrecorded one at order 1 too. An operation that is
    /// checked at order 1 only may return an error where it is recorded: that is no failure.
    pub(crate) fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }

    /// Sets which derivatives are compared.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the seed of the random projections and cotangents.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Checks `f` at `inputs`.
    ///
    /// # Errors
    /// See [`GradcheckError`].
    pub fn run<const N: usize>(
        &self,
        f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
        inputs: [&Tensor<f64>; N],
    ) -> Result<Report, GradcheckError> {
        self.run_slice(&|vars| Ok(f(std::array::from_fn(|i| vars[i]))), &inputs)
    }

    /// Checks `f`, a function of any number of inputs that may return an error.
    ///
    /// # Errors
    /// See [`GradcheckError`].
    pub fn run_slice(
        &self,
        f: &VarFn<'_>,
        inputs: &[&Tensor<f64>],
    ) -> Result<Report, GradcheckError> {
        let mut report = Report::default();
        let mut findings = Findings::default();
        self.orders(f, inputs, true, &mut report, &mut findings)?;
        if self.non_contiguous {
            let scattered: Vec<Tensor<f64>> = inputs.iter().map(|x| scattered(x)).collect();
            let scattered: Vec<&Tensor<f64>> = scattered.iter().collect();
            self.orders(f, &scattered, false, &mut report, &mut findings)?;
        }
        let Findings { mut wrong, mut nonlinear, recorded, mut unclear } = findings;
        let of = report.checked + report.kinks.len() + wrong.len() + unclear.len();
        if !wrong.is_empty() {
            let count = wrong.len();
            wrong.truncate(10);
            return Err(GradcheckError::Mismatch { count, of, first: wrong });
        }
        if !nonlinear.is_empty() {
            let count = nonlinear.len();
            nonlinear.truncate(10);
            return Err(GradcheckError::Nonlinear { count, first: nonlinear });
        }
        if let Some(differs) = recorded {
            return Err(differs.into());
        }
        if !unclear.is_empty() {
            let count = unclear.len();
            unclear.truncate(10);
            return Err(GradcheckError::Undifferenced { count, of, first: unclear });
        }
        if report.kinks.len() as f64 > self.kinks * of as f64 {
            return Err(GradcheckError::Kinks { kinks: report.kinks, of });
        }
        Ok(report)
    }

    /// Compares the derivatives up to the requested order.
    fn orders(
        &self,
        f: &VarFn<'_>,
        inputs: &[&Tensor<f64>],
        contiguous: bool,
        report: &mut Report,
        findings: &mut Findings,
    ) -> Result<(), GradcheckError> {
        let (shape, rows) = self.compare(1, f, inputs, contiguous, report, findings)?;
        findings.nonlinear.extend(self.nonlinear_vjps(1, f, inputs, &shape, rows.as_ref())?);
        if self.order >= 2 || self.recorded {
            let differs = self.recorded_differs(f, inputs)?;
            if differs.is_some() {
                // The second derivatives are those of another gradient.
                findings.recorded = findings.recorded.take().or(differs);
                return Ok(());
            }
        }
        if self.order >= 2 {
            // Random weights are the cotangent of the output. They are an input too, so that the
            // derivative with respect to the cotangent is also checked.
            let mut rng = Pcg64::seed_from_u64(self.seed ^ 0x9e37_79b9);
            let weights = Tensor::from_fn(shape, |_| rng.random_range(0.5..1.5));
            let with_weights: Vec<&Tensor<f64>> =
                inputs.iter().copied().chain([&weights]).collect();
            let gradient = gradient_of(f);
            let inputs = &with_weights[..];
            let (shape, rows) = self.compare(2, &gradient, inputs, contiguous, report, findings)?;
            let rows = rows.as_ref();
            findings.nonlinear.extend(self.nonlinear_vjps(2, &gradient, inputs, &shape, rows)?);
        }
        Ok(())
    }

    /// Compares the Jacobian of `f` with differences. Returns the shape of the output, and the rows
    /// of the Jacobian unless they were projected.
    fn compare(
        &self,
        order: u8,
        f: &VarFn<'_>,
        inputs: &[&Tensor<f64>],
        contiguous: bool,
        report: &mut Report,
        findings: &mut Findings,
    ) -> Result<(Shape, Option<Jacobian>), GradcheckError> {
        let value = evaluate(f, inputs)?;
        let shape = value.shape().clone();
        if let Some((output, &value)) =
            value.to_vec().iter().enumerate().find(|(_, value)| !value.is_finite())
        {
            return Err(GradcheckError::NotFinite { output, value });
        }
        let elements: usize = inputs.iter().map(|x| x.len()).sum();
        let project = match self.mode {
            Mode::Full => false,
            Mode::Projection => true,
            Mode::Auto => elements * shape.numel() > 2048,
        };
        let mut rng = Pcg64::seed_from_u64(self.seed);
        let weights = Tensor::from_fn(shape.clone(), |_| rng.random_range(0.5..1.5));
        let cotangents: Vec<Tensor<f64>> = if project {
            vec![weights.clone()]
        } else {
            (0..shape.numel()).map(|k| one_hot(&shape, k)).collect()
        };
        let (analytic, paths) = jacobian(f, inputs, &cotangents)?;
        let observe = |inputs: &[&Tensor<f64>]| -> Result<Vec<f64>> {
            let value = evaluate(f, inputs)?.to_vec();
            if project {
                Ok(vec![value.iter().zip(weights.to_vec()).map(|(y, w)| y * w).sum()])
            } else {
                Ok(value)
            }
        };
        for (input, x) in inputs.iter().enumerate() {
            let values = x.to_vec();
            for (place, &value) in values.iter().enumerate() {
                let moved = |to: f64| {
                    let mut values = values.clone();
                    values[place] = to;
                    let moved = Tensor::from_vec(values, x.shape().clone())?;
                    let mut all = inputs.to_vec();
                    all[input] = &moved;
                    observe(&all)
                };
                let coarse = differentiate(moved, value, self.step)?;
                // Computed only if the differences with the first steps do not agree.
                let mut again: Option<Vec<Vec<Difference>>> = None;
                for (output, numeric) in coarse.into_iter().enumerate() {
                    let analytic = analytic[output][input][place];
                    let mut all = vec![numeric];
                    if !self.agrees(analytic, &all[0]) {
                        let again = match &mut again {
                            Some(again) => again,
                            None => again.insert(finer(moved, value, self.step)?),
                        };
                        all.extend(again.iter().map(|found| found[output].clone()));
                    }
                    let (verdict, numeric) = self.judge(analytic, &all);
                    let comparison = Comparison {
                        order,
                        output,
                        quantity: if project {
                            Quantity::Projection
                        } else {
                            quantity(order, output, &shape, inputs)
                        },
                        is_cotangent: order == 2 && input + 1 == inputs.len(),
                        input,
                        index: unravel(place, x.shape()),
                        value,
                        analytic,
                        numeric: numeric.value,
                        uncertainty: numeric.uncertainty,
                        contiguous,
                        path: paths[input].clone(),
                    };
                    match verdict {
                        Verdict::Agrees => {
                            report.checked += 1;
                            let tolerance = self.allowed(analytic, numeric.value);
                            let ratio = (analytic - numeric.value).abs() / tolerance;
                            if report.worst.is_none() || ratio > report.worst_ratio {
                                (report.worst, report.worst_ratio) = (Some(comparison), ratio);
                            }
                        }
                        Verdict::Kink => report.kinks.push(comparison),
                        Verdict::Wrong => findings.wrong.push(comparison),
                        Verdict::Unclear => findings.unclear.push(comparison),
                    }
                }
            }
        }
        Ok((shape, (!project).then_some(analytic)))
    }
}

/// The quantity that is element `output` of the function of this order, whose output has `shape`.
/// The function of order 2 is the gradient with respect to `inputs`, as one flat vector.
fn quantity(order: u8, output: usize, shape: &Shape, inputs: &[&Tensor<f64>]) -> Quantity {
    if order == 1 {
        return Quantity::Output(unravel(output, shape));
    }
    let mut element = output;
    for (input, x) in inputs.iter().enumerate() {
        if element < x.len() {
            return Quantity::Gradient(input, unravel(element, x.shape()));
        }
        element -= x.len();
    }
    unreachable!("the gradient has an element for each element of an input")
}

/// The derivatives that make a check fail.
#[derive(Debug, Default)]
struct Findings {
    wrong: Vec<Comparison>,
    nonlinear: Vec<NonlinearVjp>,
    recorded: Option<RecordedDiffers>,
    unclear: Vec<Comparison>,
}

/// The tensor with its axes in reverse order in memory, or with gaps between the elements.
fn scattered(x: &Tensor<f64>) -> Tensor<f64> {
    match x.rank() {
        0 => x.clone(),
        1 => Layout::Stepped(0).apply(x),
        rank => Layout::Permuted((0..rank).rev().collect()).apply(x),
    }
}

#[cfg(test)]
mod planted;
#[cfg(test)]
mod tests;
