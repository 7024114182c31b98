//! [`gradcheck`]: compares gradients with finite differences of values.
//!
//! The differences are central ones in f64. They are extrapolated to step zero, and have an
//! estimate of their own error (C. J. F. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)",
//! Advances in Engineering Software 4(2), 1982), so that a mismatch indicates a wrong gradient and
//! not a badly chosen step.

mod linearity;
mod report;
mod ridders;
mod verdict;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::backward::{CreateGraph, grad};
use crate::error::{Error, Result};
use crate::ops::{self, slice_grad::SliceGrad};
use crate::shape::Shape;
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::testing::Layout;
use crate::var::Var;
use report::Quantity;
pub(crate) use report::distinct;
pub use report::{Comparison, GradcheckError, NonlinearVjp, OpPath, OpStep, Report};
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

/// Compares the first and second derivatives of `f` at `inputs` with finite differences. See
/// [`gradcheck`].
///
/// # Errors
/// [`GradcheckError::Mismatch`] if a derivative is wrong; [`GradcheckError`] lists the others.
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
/// linear in the cotangent of the output, with cotangents of both signs and several scales, and
/// with a sum of two. (A vector-Jacobian product that ignores its cotangent gives the right
/// derivatives of a scalar output, whose cotangent is 1.)
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
    /// If it is not positive and finite.
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
        let Findings { mut wrong, mut nonlinear, mut unclear } = findings;
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
        let shape = self.compare(1, f, inputs, contiguous, report, findings)?;
        findings.nonlinear.extend(self.nonlinear_vjps(1, f, inputs, &shape)?);
        if self.order >= 2 {
            // Random weights are the cotangent of the output. They are an input too, so that the
            // derivative with respect to the cotangent is also checked.
            let mut rng = Pcg64::seed_from_u64(self.seed ^ 0x9e37_79b9);
            let weights = Tensor::from_fn(shape, |_| rng.random_range(0.5..1.5));
            let with_weights: Vec<&Tensor<f64>> =
                inputs.iter().copied().chain([&weights]).collect();
            let gradient = gradient_of(f);
            let shape = self.compare(2, &gradient, &with_weights, contiguous, report, findings)?;
            findings.nonlinear.extend(self.nonlinear_vjps(2, &gradient, &with_weights, &shape)?);
        }
        Ok(())
    }

    /// Compares the Jacobian of `f` with differences. Returns the shape of the output.
    fn compare(
        &self,
        order: u8,
        f: &VarFn<'_>,
        inputs: &[&Tensor<f64>],
        contiguous: bool,
        report: &mut Report,
        findings: &mut Findings,
    ) -> Result<Shape, GradcheckError> {
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
        Ok(shape)
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
    unclear: Vec<Comparison>,
}

/// The function whose value is the gradient of the outputs of `f`, weighted with one more variable,
/// with respect to all inputs of `f`, as one flat vector.
fn gradient_of(f: &VarFn<'_>) -> impl for<'t> Fn(&[Var<'t, f64>]) -> Result<Var<'t, f64>> {
    move |vars| {
        let Some((weights, inputs)) = vars.split_last() else {
            return Err(Error::NoGradient { reason: "the function has no inputs" });
        };
        let tape = weights.tape();
        let output = f(inputs)?;
        let total: usize = inputs.iter().map(|x| x.shape().numel()).sum();
        let mut flat = tape.constant(&Tensor::zeros([total]));
        if !output.requires_grad() {
            return Ok(flat);
        }
        let gradients = grad(&[output], &[*weights], inputs, CreateGraph::Yes)?;
        let mut start = 0;
        for (x, gradient) in inputs.iter().zip(gradients) {
            let len = x.shape().numel();
            if let Some(gradient) = gradient {
                let gradient = ops::reshape(gradient, [len])?;
                let placed = SliceGrad::along_first(start, len, total);
                flat = ops::add(flat, tape.apply(placed, &[gradient])?)?;
            }
            start += len;
        }
        Ok(flat)
    }
}

/// The value of `f` at `inputs`. The inputs are variables, because `f` may compute gradients.
fn evaluate(f: &VarFn<'_>, inputs: &[&Tensor<f64>]) -> Result<Tensor<f64>> {
    let tape = Tape::new();
    let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x)).collect();
    Ok(f(&vars)?.value())
}

/// The tensor with its axes in reverse order in memory, or with gaps between the elements.
fn scattered(x: &Tensor<f64>) -> Tensor<f64> {
    match x.rank() {
        0 => x.clone(),
        1 => Layout::Stepped(0).apply(x),
        rank => Layout::Permuted((0..rank).rev().collect()).apply(x),
    }
}

/// For each cotangent and each input, the elements of the gradient.
type Jacobian = Vec<Vec<Vec<f64>>>;

/// The rows of the Jacobian, and for each input the operations between it and the output.
fn jacobian(
    f: &VarFn<'_>,
    inputs: &[&Tensor<f64>],
    cotangents: &[Tensor<f64>],
) -> Result<(Jacobian, Vec<OpPath>)> {
    let tape = Tape::new();
    let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x)).collect();
    let output = f(&vars)?;
    let paths = vars.iter().map(|&x| OpPath::between(x, output)).collect();
    let rows: Result<Jacobian> = cotangents
        .iter()
        .map(|cotangent| {
            let cotangent = tape.constant(cotangent);
            let gradients = grad(&[output], &[cotangent], &vars, CreateGraph::No)?;
            Ok(gradients
                .into_iter()
                .zip(inputs)
                .map(|(gradient, x)| gradient.map_or(vec![0.0; x.len()], |g| g.to_vec()))
                .collect())
        })
        .collect();
    Ok((rows?, paths))
}

fn one_hot(shape: &Shape, k: usize) -> Tensor<f64> {
    let mut tensor = Tensor::zeros(shape.clone());
    tensor.as_mut_slice()[k] = 1.0;
    tensor
}

fn unravel(mut place: usize, shape: &Shape) -> Vec<usize> {
    let mut index = vec![0; shape.rank()];
    for (i, &dim) in index.iter_mut().zip(shape.iter()).rev() {
        *i = place % dim;
        place /= dim;
    }
    index
}

#[cfg(test)]
mod tests;
