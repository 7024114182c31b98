//! [`Loss`]: a loss with what it takes, so that rules can compare it with outputs and targets.

use std::fmt;
use std::sync::Arc;

use wengert_autodiff::{Element, Error, Result, Tensor, Var, ops};

use super::data::Targets;

/// What a loss takes as predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Takes {
    /// Any numbers, compared with targets that are numbers.
    Numbers,
    /// Numbers that are not negative, such as rates of counts.
    Rates,
    /// A probability for each output, independent of the others.
    Probabilities,
    /// The logit of a probability for each output.
    Logits,
    /// The probabilities of classes, which sum to 1.
    ClassProbabilities,
    /// The logits of classes.
    ClassLogits,
    /// Not stated: rules about the loss are not judged.
    Unknown,
}

impl Takes {
    /// Whether the targets are classes of which exactly one holds.
    pub fn classes(self) -> bool {
        matches!(self, Self::ClassProbabilities | Self::ClassLogits)
    }

    /// Whether the targets are probabilities of independent events.
    pub fn events(self) -> bool {
        matches!(self, Self::Probabilities | Self::Logits)
    }

    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Numbers => "numbers",
            Self::Rates => "rates that are not negative",
            Self::Probabilities => "probabilities in 0..=1",
            Self::Logits => "logits",
            Self::ClassProbabilities => "probabilities that sum to 1 over the classes",
            Self::ClassLogits => "logits of classes",
            Self::Unknown => "unknown predictions",
        }
    }
}

type Compute<E> =
    dyn for<'t> Fn(Var<'t, E>, &Targets<E>) -> Result<Var<'t, E>> + Send + Sync + 'static;

/// A loss: what it takes, and how it is computed from outputs and targets.
///
/// ```
/// use wengert_nn::diagnose::{Loss, Takes};
/// use wengert_nn::loss::{Reduction, huber_loss};
/// let standard = Loss::<f32>::cross_entropy();
/// let own = Loss::new("huber", Takes::Numbers, |output, targets| {
///     huber_loss(output, output.tape().constant(targets.values()?), 1.0, Reduction::Mean)
/// });
/// # let _: (Loss<f32>, Loss<f32>) = (standard, own);
/// ```
#[derive(Clone)]
pub struct Loss<E: Element = f32> {
    name: String,
    takes: Takes,
    compute: Arc<Compute<E>>,
}

impl<E: Element> Loss<E> {
    /// A loss of your own. `compute` returns the loss of a batch, a scalar.
    pub fn new(
        name: impl Into<String>,
        takes: Takes,
        compute: impl for<'t> Fn(Var<'t, E>, &Targets<E>) -> Result<Var<'t, E>> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), takes, compute: Arc::new(compute) }
    }

    /// The mean squared error.
    pub fn mse() -> Self {
        Self::new("mse_loss", Takes::Numbers, |y, targets| {
            ops::mse_loss(y, y.tape().constant(targets.values()?))
        })
    }

    /// The mean absolute error.
    pub fn l1() -> Self {
        Self::new("l1_loss", Takes::Numbers, |y, targets| {
            ops::l1_loss(y, y.tape().constant(targets.values()?), ops::Reduction::Mean)
        })
    }

    /// The cross-entropy of logits, for class labels, or for rows of probabilities as targets.
    pub fn cross_entropy() -> Self {
        Self::new("cross_entropy", Takes::ClassLogits, |y, targets| match targets {
            Targets::Classes(labels) => ops::cross_entropy(y, labels.as_slice()),
            Targets::Values(values) => {
                ops::soft_cross_entropy(y, y.tape().constant(values), ops::Reduction::Mean)
            }
        })
    }

    /// The binary cross-entropy of logits.
    pub fn binary_cross_entropy_with_logits() -> Self {
        Self::new("binary_cross_entropy_with_logits", Takes::Logits, |y, targets| {
            let targets = y.tape().constant(targets.values()?);
            ops::binary_cross_entropy_with_logits(y, targets, None, ops::Reduction::Mean)
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the loss takes.
    pub fn takes(&self) -> Takes {
        self.takes
    }

    /// Computes the loss of a batch.
    ///
    /// # Errors
    /// Those of the loss, and if it is not a scalar.
    pub fn compute<'t>(&self, output: Var<'t, E>, targets: &Targets<E>) -> Result<Var<'t, E>> {
        let loss = (self.compute)(output, targets)?;
        let shape = loss.shape();
        if shape.numel() == 1 {
            return Ok(loss);
        }
        let message = format!("the loss {:?} must be a scalar, but has shape {shape}", self.name);
        Err(Error::Argument { op: "diagnose", message })
    }

    /// The loss of the best constant prediction: the mean of the targets, as this loss takes it.
    pub(crate) fn of_constant(&self, targets: &Targets<E>, width: usize) -> Option<f64> {
        let means = targets.means(width)?;
        let sum: f64 = means.iter().sum();
        let clipped = |p: f64| p.clamp(1e-7, 1.0 - 1e-7);
        let constant: Vec<f64> = match self.takes {
            Takes::Numbers => means,
            Takes::Rates => means.into_iter().map(|m| m.max(1e-7)).collect(),
            Takes::Probabilities => means.into_iter().map(clipped).collect(),
            Takes::Logits => {
                means.into_iter().map(|p| clipped(p) / (1.0 - clipped(p))).map(f64::ln).collect()
            }
            Takes::ClassProbabilities => {
                means.into_iter().map(|p| clipped(p / sum.max(1e-12))).collect()
            }
            Takes::ClassLogits => means.into_iter().map(|p| clipped(p).ln()).collect(),
            Takes::Unknown => return None,
        };
        let rows = targets.rows();
        let tape = wengert_autodiff::Tape::new();
        let output = Tensor::from_fn([rows, width], |at| E::from_f64(constant[at[1]]));
        let loss = tape.no_grad(|| self.compute(tape.constant(&output), targets)).ok()?;
        Some(loss.try_value().ok()?.try_item().ok()?.to_f64())
    }
}

impl<E: Element> fmt::Debug for Loss<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loss {} of {}", self.name, self.takes.described())
    }
}
