//! The report of a gradient check: the derivatives that were compared, and the operations between
//! input and output.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::error::Error;
use crate::var::Var;

/// A derivative that was compared with finite differences.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// 1 or 2. At order 2, the function is the gradient of a random linear combination of the
    /// outputs with respect to all inputs, as one flat vector. The weights of the combination,
    /// which are the cotangent of the output, are an additional last input.
    pub order: u8,
    /// The row-major position of the element of the function's value, or 0 for a projection.
    pub output: usize,
    /// The number of the input.
    pub input: usize,
    /// The index of the element of that input.
    pub index: Vec<usize>,
    /// The value of that element.
    pub value: f64,
    /// The derivative that the vector-Jacobian products give.
    pub analytic: f64,
    /// The derivative that the finite differences give.
    pub numeric: f64,
    /// An estimate of the error of `numeric`.
    pub uncertainty: f64,
    /// Whether the inputs were contiguous, or had the layout that
    /// [`non_contiguous`](super::Gradcheck::non_contiguous) describes.
    pub contiguous: bool,
    /// The operations between the input and the output.
    pub path: OpPath,
    /// The quantity that was differentiated: element `output` of the function's value.
    pub(super) quantity: Quantity,
    /// Whether the input is the cotangent of the output.
    pub(super) is_cotangent: bool,
}

/// A quantity that a check differentiates.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Quantity {
    /// The element of the output at an index.
    Output(Vec<usize>),
    /// The element of the gradient with respect to an input, at an index.
    Gradient(usize, Vec<usize>),
    /// A random linear combination of the elements of the function's value.
    Projection,
}

impl fmt::Display for Comparison {
    /// For example `order 1: d output[1] / d input 0[1] at input 0[1] = -2: analytic -4.004,
    /// numeric -4 (estimated error 1.2e-10), analytic / numeric = 1.001, through wrong`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantity = match &self.quantity {
            Quantity::Output(index) => format!("output{}", brackets(index)),
            Quantity::Gradient(input, index) => {
                format!("(gradient of input {input}{})", brackets(index))
            }
            Quantity::Projection if self.order == 1 => "(random projection of the output)".into(),
            Quantity::Projection => "(random projection of the gradient)".into(),
        };
        let input = element(self.input, &self.index, self.is_cotangent);
        let [analytic, numeric] = distinct(self.analytic, self.numeric);
        write!(
            f,
            "order {}: d {quantity} / d {input} at {input} = {}: analytic {analytic}, \
             numeric {numeric} (estimated error {:.1e})",
            self.order,
            rounded(self.value, 6),
            self.uncertainty
        )?;
        let ratio = self.analytic / self.numeric;
        if ratio.is_finite() {
            let [ratio, _] = distinct(ratio, 1.0);
            write!(f, ", analytic / numeric = {ratio}")?;
        }
        if !self.contiguous {
            f.write_str(", inputs not contiguous")?;
        }
        write!(f, ", through {}", self.path)
    }
}

/// `[1, 2]` for an index, nothing for that of a single number.
pub(crate) fn brackets(index: &[usize]) -> String {
    if index.is_empty() { String::new() } else { format!("{index:?}") }
}

/// The name of an element of an input, or of the cotangent of the output.
fn element(input: usize, index: &[usize], is_cotangent: bool) -> String {
    if is_cotangent {
        format!("cotangent{}", brackets(index))
    } else {
        format!("input {input}{}", brackets(index))
    }
}

/// A number with at most `digits` significant digits.
fn rounded(x: f64, digits: usize) -> String {
    let decimals = digits - 1;
    let x: f64 = format!("{x:.decimals$e}").parse().unwrap_or(x);
    let is_plain = x == 0.0 || !x.is_finite() || (1e-4..1e7).contains(&x.abs());
    if is_plain { format!("{x}") } else { format!("{x:e}") }
}

/// Two numbers with at most six significant digits, or nine if six do not distinguish them.
pub(crate) fn distinct(a: f64, b: f64) -> [String; 2] {
    let digits = if rounded(a, 6) == rounded(b, 6) { 9 } else { 6 };
    [rounded(a, digits), rounded(b, digits)]
}

/// A vector-Jacobian product that is not linear in the cotangent of the output.
///
/// `g` and `h` are random cotangents with elements of both signs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NonlinearVjp {
    /// 1 or 2, as in [`Comparison::order`].
    pub order: u8,
    /// The cotangent in terms of `g` and `h`.
    pub cotangent: &'static str,
    /// The number of the input.
    pub input: usize,
    /// The index of the element of that input.
    pub index: Vec<usize>,
    /// The element of the gradient for the cotangent `g`.
    pub by_g: f64,
    /// The element of the gradient for the cotangent `h`.
    pub by_h: f64,
    /// The element of the gradient for [`cotangent`](Self::cotangent).
    pub got: f64,
    /// The element that linearity requires: the same combination of `by_g` and `by_h`. If
    /// [`cotangent`](Self::cotangent) is `"g"`, the combination of the rows of the Jacobian with
    /// the elements of `g`, or (in a projection) of the gradients for the positive and for the
    /// negative elements of `g`.
    pub expected: f64,
    /// The operations between the input and the output.
    pub path: OpPath,
    /// Whether the input is the cotangent of the output.
    pub(super) is_cotangent: bool,
    /// What determines `expected`.
    pub(super) law: Law,
}

/// The gradients that determine the gradient for another cotangent by linearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Law {
    /// Those for `g` and `h`.
    Combination,
    /// The rows of the Jacobian, which are the gradients for cotangents with one nonzero element.
    Rows,
    /// Those for the positive and for the negative elements of `g`.
    Signs,
}

impl fmt::Display for NonlinearVjp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [expected, got] = distinct(self.expected, self.got);
        let element = element(self.input, &self.index, self.is_cotangent);
        write!(f, "order {}: the gradient of {element} ", self.order)?;
        match self.law {
            Law::Combination => write!(
                f,
                "is {} under the cotangent g and {} under h, so it must be {expected} under {}, \
                 but it is {got}",
                rounded(self.by_g, 6),
                rounded(self.by_h, 6),
                self.cotangent
            ),
            Law::Rows => write!(
                f,
                "must be {expected} under the cotangent g by the gradients under cotangents with \
                 one nonzero element, but it is {got}"
            ),
            Law::Signs => write!(
                f,
                "must be {expected} under the cotangent g by the gradients under its positive and \
                 under its negative elements, but it is {got}"
            ),
        }?;
        write!(f, ", through {}", self.path)
    }
}

/// The result of a check that passed.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The number of derivatives that agree.
    pub checked: usize,
    /// The derivatives that were not compared, because they are at kinks: one-sided differences
    /// disagree there.
    pub kinks: Vec<Comparison>,
    /// The derivative with the largest deviation, relative to its tolerance.
    pub worst: Option<Comparison>,
    /// The deviation of `worst` divided by its tolerance.
    pub worst_ratio: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.checked == 0 && self.kinks.is_empty() {
            return f.write_str("nothing was checked: the inputs or the output have no elements");
        }
        let (checked, kinks) = (self.checked, self.kinks.len());
        write!(f, "{checked} derivatives agree, {kinks} at kinks were not compared")?;
        if let Some(worst) = &self.worst {
            write!(
                f,
                "; the largest deviation is {:.2} of the tolerance: {worst}",
                self.worst_ratio
            )?;
        }
        Ok(())
    }
}

/// The reason for which a check did not pass.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GradcheckError {
    /// Derivatives disagree with the differences; at most ten are listed.
    #[error("{count} of {of} derivatives are wrong:{}", lines(first))]
    Mismatch {
        /// The number of derivatives that disagree.
        count: usize,
        /// The number of derivatives compared.
        of: usize,
        /// The first of these derivatives.
        first: Vec<Comparison>,
    },
    /// A gradient is not linear in the cotangent of the output; at most ten elements are listed.
    #[error(
        "the gradient is not linear in the output's cotangent at {count} elements; a vector-Jacobian product that ignores, squares or rectifies the cotangent, or branches on its elements, is the usual cause:{}",
        lines(first)
    )]
    Nonlinear {
        /// The number of elements of the gradient, over all cotangents tried.
        count: usize,
        /// The first of them.
        first: Vec<NonlinearVjp>,
    },
    /// The recorded gradient ([`CreateGraph::Yes`](crate::CreateGraph)) has other values than the
    /// unrecorded one ([`CreateGraph::No`](crate::CreateGraph)) for the same cotangent.
    #[error(
        "the gradients with `CreateGraph::Yes` and `CreateGraph::No` differ at {count} of {of} elements; a vector-Jacobian product that branches on `creates_graph` is the usual cause:\n  {}",
        recorded_line(*input, index, *recorded, *unrecorded, path)
    )]
    Recorded {
        /// The number of elements of the gradient that differ.
        count: usize,
        /// The number of elements of the gradient.
        of: usize,
        /// The number of the input of the first of them.
        input: usize,
        /// The index of that element of the input.
        index: Vec<usize>,
        /// The element of the recorded gradient.
        recorded: f64,
        /// The element of the unrecorded gradient.
        unrecorded: f64,
        /// The operations between the input and the output.
        path: OpPath,
    },
    /// Derivatives could not be compared: the differences leave the domain of the function, or do
    /// not converge as the step shrinks. At most ten are listed.
    #[error(
        "{count} of {of} derivatives could not be compared: the differences are not finite, or do not converge as the step shrinks; move the inputs, or set another largest step (`Gradcheck::step`):{}",
        lines(first)
    )]
    Undifferenced {
        /// The number of derivatives that could not be compared.
        count: usize,
        /// The number of derivatives, including these.
        of: usize,
        /// The first of these derivatives.
        first: Vec<Comparison>,
    },
    /// Too many derivatives are at kinks. Move the inputs, or accept more kinks.
    #[error("{} of {of} derivatives are at kinks, where one-sided differences disagree and there is no derivative to compare with; move the inputs, or accept more kinks (`Gradcheck::kinks`):{}", kinks.len(), lines(kinks))]
    Kinks {
        /// The derivatives at kinks.
        kinks: Vec<Comparison>,
        /// The number of derivatives, including these.
        of: usize,
    },
    /// The value of the function is not finite at the inputs.
    #[error(
        "the function's value is not finite at the inputs: element {output} of the output is {value}"
    )]
    NotFinite {
        /// The row-major position of the element.
        output: usize,
        /// The value of that element.
        value: f64,
    },
    /// The function or its gradient returned an error.
    #[error(transparent)]
    Function(#[from] Error),
}

/// The operations between an input and an output, in the order in which they were recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct OpPath(Arc<[OpStep]>);

/// An operation on an [`OpPath`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OpStep {
    /// The name of the operation.
    pub op: &'static str,
    /// The source line that recorded the operation.
    pub recorded_at: &'static Location<'static>,
}

impl OpPath {
    /// Every recorded operation that depends on `from` and on which `to` depends.
    pub(super) fn between(from: Var<'_, f64>, to: Var<'_, f64>) -> Self {
        let nodes = to.tape().nodes();
        let (first, last) = (from.index() as usize, to.index() as usize);
        if first >= last {
            return OpPath(Arc::new([]));
        }
        let inputs = |index: usize| nodes[index].rule.iter().flat_map(|rule| rule.inputs.iter());
        let mut depends = vec![false; last + 1];
        depends[first] = true;
        for index in first + 1..=last {
            depends[index] = inputs(index).any(|&input| depends[input as usize]);
        }
        let mut leads = vec![false; last + 1];
        leads[last] = true;
        for index in (first + 1..=last).rev().filter(|&index| depends[index]) {
            if leads[index] {
                inputs(index).for_each(|&input| leads[input as usize] = true);
            }
        }
        let on_path = (first + 1..=last).filter(|&index| depends[index] && leads[index]);
        let steps = on_path.filter_map(|index| {
            let op = nodes[index].rule.as_ref()?.op.name();
            Some(OpStep { op, recorded_at: nodes[index].recorded_at })
        });
        OpPath(steps.collect())
    }

    /// The operations in the order in which they were recorded.
    pub fn steps(&self) -> &[OpStep] {
        &self.0
    }
}

/// Prints the names of the operations, `mul > sum`. A long path is printed as its first and last
/// operations.
impl fmt::Display for OpPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const END: usize = 6;
        let names: Vec<_> = self.0.iter().map(|step| step.op).collect();
        match &names[..] {
            [] => f.write_str("no operation"),
            all if all.len() <= 2 * END => f.write_str(&all.join(" > ")),
            all => {
                let (first, last) = (&all[..END], &all[all.len() - END..]);
                write!(
                    f,
                    "{} > .. {} more .. > {}",
                    first.join(" > "),
                    all.len() - 2 * END,
                    last.join(" > ")
                )
            }
        }
    }
}

/// For example `order 1: the gradient of input 0[1] is 1.1 recorded, but 1 unrecorded, recorded /
/// unrecorded = 1.1, through mul`.
fn recorded_line(
    input: usize,
    index: &[usize],
    recorded: f64,
    unrecorded: f64,
    path: &OpPath,
) -> String {
    let element = element(input, index, false);
    let [recorded_text, unrecorded_text] = distinct(recorded, unrecorded);
    let ratio = recorded / unrecorded;
    let ratio = if ratio.is_finite() {
        format!(", recorded / unrecorded = {}", distinct(ratio, 1.0)[0])
    } else {
        String::new()
    };
    format!(
        "order 1: the gradient of {element} is {recorded_text} recorded, but {unrecorded_text} \
         unrecorded{ratio}, through {path}"
    )
}

fn lines(comparisons: &[impl fmt::Display]) -> String {
    use std::fmt::Write as _;
    comparisons.iter().take(10).fold(String::new(), |mut lines, comparison| {
        let _ = write!(lines, "\n  {comparison}");
        lines
    })
}
