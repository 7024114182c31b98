//! The report of a check: the derivatives it compared, and the operations between input and output.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::error::Error;
use crate::var::Var;

/// A derivative that was compared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// 1 or 2. At order 2 the function is the gradient of a random combination of the outputs, and
    /// the weights of the combination are one more input after the others.
    pub order: u8,
    /// The output's element (row-major), or 0 under a projection.
    pub output: usize,
    /// Which input.
    pub input: usize,
    /// Which element of it.
    pub index: Vec<usize>,
    /// That element's value.
    pub value: f64,
    /// What the engine computed.
    pub analytic: f64,
    /// The derivative by differences.
    pub numeric: f64,
    /// The differences' estimate of their own error.
    pub uncertainty: f64,
    /// Whether the inputs lay in row-major order, or as
    /// [`non_contiguous`](super::Gradcheck::non_contiguous) lays them.
    pub contiguous: bool,
    /// The operations between the input and the output.
    pub path: OpPath,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "order {}: output {} by input {} at {:?} (value {:e}): analytic {:e}, numeric {:e} (± {:.1e})",
            self.order,
            self.output,
            self.input,
            self.index,
            self.value,
            self.analytic,
            self.numeric,
            self.uncertainty
        )?;
        if !self.contiguous {
            f.write_str(", inputs not contiguous")?;
        }
        write!(f, ", through {}", self.path)
    }
}

/// A vector-Jacobian product that is not linear in the output's cotangent.
///
/// `g` and `h` are random cotangents with elements of both signs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NonlinearVjp {
    /// 1 or 2, as in [`Comparison::order`].
    pub order: u8,
    /// The cotangent in terms of `g` and `h`.
    pub cotangent: &'static str,
    /// Which input.
    pub input: usize,
    /// Which element of it.
    pub index: Vec<usize>,
    /// The gradient's element under `g`.
    pub by_g: f64,
    /// The gradient's element under `h`.
    pub by_h: f64,
    /// The gradient's element under [`cotangent`](Self::cotangent).
    pub got: f64,
    /// The same combination of `by_g` and `by_h`.
    pub expected: f64,
    /// The operations between the input and the output.
    pub path: OpPath,
}

impl fmt::Display for NonlinearVjp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "order {}: by input {} at {:?}: {:e} under the cotangent g, {:e} under h, so {:e} is right \
             under {}, but the gradient is {:e}, through {}",
            self.order,
            self.input,
            self.index,
            self.by_g,
            self.by_h,
            self.expected,
            self.cotangent,
            self.got,
            self.path
        )
    }
}

/// The summary of a check that passed.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The number of derivatives that agreed.
    pub checked: usize,
    /// Points where one-sided differences disagree: nothing to compare with.
    pub kinks: Vec<Comparison>,
    /// The agreement that was worst, relative to its tolerance.
    pub worst: Option<Comparison>,
    /// Its distance in units of the tolerance.
    pub worst_ratio: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.checked == 0 && self.kinks.is_empty() {
            return f.write_str("nothing was checked: the inputs or the output have no elements");
        }
        write!(f, "{} derivatives agree, {} kinks left out", self.checked, self.kinks.len())?;
        if let Some(worst) = &self.worst {
            write!(f, "; worst at {:.2} of the tolerance: {worst}", self.worst_ratio)?;
        }
        Ok(())
    }
}

/// Why a check did not pass.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GradcheckError {
    /// Derivatives that disagree; at most ten are listed.
    #[error("{count} of {of} derivatives are wrong:{}", lines(first))]
    Mismatch {
        /// Their number.
        count: usize,
        /// The number of derivatives compared.
        of: usize,
        /// The first of them.
        first: Vec<Comparison>,
    },
    /// A gradient that is not linear in the output's cotangent; at most ten elements are listed.
    #[error(
        "the gradient is not linear in the output's cotangent at {count} elements; a rule that forgets, squares or rectifies its cotangent does this:{}",
        lines(first)
    )]
    Nonlinear {
        /// The number of elements of the gradient, over all cotangents tried.
        count: usize,
        /// The first of them.
        first: Vec<NonlinearVjp>,
    },
    /// Derivatives that could not be compared: the differences leave the domain or do not converge
    /// with shrinking steps; at most ten are listed.
    #[error(
        "{count} of {of} derivatives could not be differenced, the differences are not finite or do not settle at any step; move the inputs, or set another largest step (`Gradcheck::step`):{}",
        lines(first)
    )]
    Undifferenced {
        /// Their number.
        count: usize,
        /// The number of derivatives compared.
        of: usize,
        /// The first of them.
        first: Vec<Comparison>,
    },
    /// Too many kinks for the check to mean much. Move the inputs, or allow more.
    #[error("{} of {of} derivatives lie at kinks, where there is nothing to compare with; move the inputs or allow more kinks:{}", kinks.len(), lines(kinks))]
    Kinks {
        /// Where.
        kinks: Vec<Comparison>,
        /// The number of derivatives compared.
        of: usize,
    },
    /// The function's value is not finite at the inputs.
    #[error("the function's value is not finite at the inputs: element {output} is {value}")]
    NotFinite {
        /// The output's element.
        output: usize,
        /// Its value.
        value: f64,
    },
    /// The function or its gradient failed.
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
    /// Its name.
    pub op: &'static str,
    /// The source line that recorded it.
    pub recorded_at: &'static Location<'static>,
}

impl OpPath {
    /// Every recorded operation that depends on `from` and that `to` depends on.
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

    /// The operations.
    pub fn steps(&self) -> &[OpStep] {
        &self.0
    }
}

/// `mul > sum`; of a long path its ends.
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

fn lines(comparisons: &[impl fmt::Display]) -> String {
    use std::fmt::Write as _;
    comparisons.iter().take(10).fold(String::new(), |mut lines, comparison| {
        let _ = write!(lines, "\n  {comparison}");
        lines
    })
}
