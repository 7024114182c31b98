//! Losses: functions of predictions and targets, each named after its quantity, with a
//! [`Reduction`] or options where there are several.
//!
//! All return their errors. The gradient of a loss can be differentiated again, unless the loss
//! says otherwise.
//!
//! | | |
//! |---|---|
//! | classes | [`cross_entropy`], [`cross_entropy_with`], [`soft_cross_entropy`], [`nll_loss`], [`binary_cross_entropy_with_logits`], [`focal_loss`], [`multi_margin_loss`], [`hinge_loss`] |
//! | numbers | [`mse_loss`], [`squared_error`], [`l1_loss`], [`huber_loss`], [`smooth_l1_loss`] |
//! | distributions | [`kl_div`], [`gaussian_nll_loss`], [`poisson_nll_loss`] |
//! | embeddings | [`cosine_embedding_loss`], [`triplet_margin_loss`], [`info_nce_loss`] |
//! | sequences | [`ctc_loss`] |
//! | areas | [`dice_loss`] |
//!
//! ```
//! use wengert_autodiff::{Tape, Tensor};
//! use wengert_nn::loss::{self, Reduction};
//! let tape = Tape::new();
//! let rate = tape.variable(&Tensor::from([0.1_f64, 1.2]));
//! let counts = tape.constant(&Tensor::from([1.0, 4.0]));
//! let loss = loss::poisson_nll_loss(rate, counts, loss::PoissonNll::default())?;
//! let gradients = loss.backward();
//! # assert!(gradients.get(rate).is_some());
//! # Ok::<(), wengert_autodiff::Error>(())
//! ```

mod areas;
mod ctc;
mod embeddings;
mod likelihoods;
mod margins;

pub use areas::{FocalOptions, dice_loss, focal_loss};
pub use ctc::{CtcOptions, ctc_loss};
pub use embeddings::{TripletOptions, cosine_embedding_loss, info_nce_loss, triplet_margin_loss};
pub use likelihoods::{GaussianNll, PoissonNll, gaussian_nll_loss, poisson_nll_loss};
pub use margins::{hinge_loss, multi_margin_loss};
pub use wengert_autodiff::ops::{
    CrossEntropyOptions, Reduction, binary_cross_entropy_with_logits, cross_entropy,
    cross_entropy_with, huber_loss, kl_div, l1_loss, mse_loss, nll_loss, smooth_l1_loss,
    soft_cross_entropy, squared_error,
};

use wengert_autodiff::{Element, Error, Result, Shape, Var, ops};

/// Reduces the losses of a batch.
fn reduce<E: Element>(losses: Var<'_, E>, reduction: Reduction) -> Result<Var<'_, E>> {
    match reduction {
        Reduction::Mean => ops::mean(losses),
        Reduction::Sum => ops::sum(losses),
        Reduction::BatchMean => {
            let batch = losses.shape().first().copied().unwrap_or(1);
            ops::mul_scalar(ops::sum(losses)?, E::from_f64(1.0 / batch as f64))
        }
        Reduction::None => Ok(losses),
        other => {
            let message = format!("the reduction {other:?} is not supported by this loss");
            Err(Error::Argument { op: "reduction", message })
        }
    }
}

/// Returns an error for operands of different shapes, so that nothing is broadcast by mistake.
fn same_shape<E: Element>(op: &'static str, operands: &[Var<'_, E>]) -> Result<()> {
    let got: Vec<Shape> = operands.iter().map(|operand| operand.shape()).collect();
    if got.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(());
    }
    Err(Error::Shapes { op, expected: "operands of one shape".to_owned(), got })
}

/// Returns an error for a number outside its domain.
fn domain(op: &'static str, what: &str, number: f64, positive: bool) -> Result<()> {
    if number.is_finite() && (number > 0.0 || !positive && number == 0.0) {
        return Ok(());
    }
    let domain = if positive { "positive" } else { "not negative" };
    let message = format!("{what} must be finite and {domain}, got {number}");
    Err(Error::Argument { op, message })
}
