//! [`Reduction`]: how the losses of elements or rows are combined.

use wengert_kernels::Element;

use crate::error::Result;
use crate::tape::Var;

/// How the losses of a batch are combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduction {
    /// The mean of the losses; NaN if there are none.
    #[default]
    Mean,
    /// The sum of the losses.
    Sum,
    /// The sum of the losses divided by the size of the first axis: the mean over the batch of each
    /// sample's summed losses.
    BatchMean,
    /// The losses are not combined.
    None,
}

impl Reduction {
    pub(super) fn apply<E: Element>(self, losses: Var<'_, E>) -> Result<Var<'_, E>> {
        match self {
            Reduction::Mean => super::mean(losses),
            Reduction::Sum => super::sum(losses),
            Reduction::BatchMean => {
                let batch = losses.shape().first().copied().unwrap_or(1);
                super::mean::sum_over(losses, batch)
            }
            Reduction::None => Ok(losses),
        }
    }
}
