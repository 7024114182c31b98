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

use wengert_autodiff::{Element, Error, Result, Shape, Tensor, Var, ops};

/// Reduces the losses of a batch.
fn reduce<E: Element>(losses: Var<'_, E>, reduction: Reduction) -> Result<Var<'_, E>> {
    match reduction {
        Reduction::Mean => ops::mean(losses),
        Reduction::Sum => ops::sum(losses),
        Reduction::BatchMean => {
            let batch = losses.shape().first().copied().unwrap_or(1);
            // Divided before they are added, because the sum alone may be out of range.
            ops::sum(ops::mul_scalar(losses, E::from_f64(1.0 / batch as f64))?)
        }
        Reduction::None => Ok(losses),
        other => {
            let message = format!("the reduction {other:?} is not supported by this loss");
            Err(Error::Argument { op: "reduction", message })
        }
    }
}

/// The largest absolute value of each of the rows along the first axis; NaN for a row with a NaN.
fn sizes<E: Element>(op: &'static str, x: Var<'_, E>, rows: usize) -> Result<Vec<f64>> {
    let x = x.try_value()?.try_contiguous()?;
    let (elements, columns) = (x.as_slice().unwrap_or_default(), x.len() / rows.max(1));
    let mut sizes = Vec::new();
    sizes.try_reserve_exact(rows).map_err(|_| {
        let (shape, bytes) = (Shape::from([rows]), rows.saturating_mul(size_of::<f64>()));
        Error::OutOfMemory { op, shape, bytes, limit: None }
    })?;
    sizes.extend((0..rows).map(|row| {
        let elements = &elements[row * columns..(row + 1) * columns];
        elements.iter().fold(0.0, |largest: f64, x| {
            let size = x.to_f64().abs();
            if size > largest || size.is_nan() { size } else { largest }
        })
    }));
    Ok(sizes)
}

/// The power of two near a size, by which elements are divided without rounding; 1 for sizes of 0,
/// infinity and NaN.
fn magnitude(size: f64) -> f64 {
    if size > 0.0 && size.is_finite() {
        // The logarithm of the largest f64 rounds up to 1024.
        size.log2().floor().min(1023.0).exp2()
    } else {
        1.0
    }
}

/// Whether the squares of numbers of these magnitudes are in the range of every element type.
fn ordinary(magnitudes: &[f64]) -> bool {
    magnitudes.iter().all(|magnitude| (1e-6..=1e6).contains(magnitude))
}

/// A constant of these numbers on the tape of `like`.
fn constant<E: Element>(
    like: Var<'_, E>,
    numbers: impl Iterator<Item = f64>,
    shape: impl Into<Shape>,
) -> Result<Var<'_, E>> {
    let elements = numbers.map(E::from_f64).collect();
    Ok(like.tape().constant(&Tensor::from_vec(elements, shape)?))
}

/// Returns an error for operands of different shapes, so that nothing is broadcast by mistake.
fn same_shape<E: Element>(op: &'static str, operands: &[Var<'_, E>]) -> Result<()> {
    let got: Vec<Shape> = operands.iter().map(|operand| operand.shape()).collect();
    if got.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(());
    }
    Err(Error::Shapes { op, expected: "operands of one shape".to_owned(), got })
}

/// Returns an error for a number outside its domain, when rounded to the element type.
fn domain<E: Element>(op: &'static str, what: &str, number: f64, positive: bool) -> Result<()> {
    let rounded = E::from_f64(number).to_f64();
    if rounded.is_finite() && if positive { rounded > 0.0 } else { number >= 0.0 } {
        return Ok(());
    }
    let domain = if positive { "positive" } else { "not negative" };
    let given = if number.is_finite() && number > 0.0 {
        format!("{number:e}, which is {rounded} as {}", std::any::type_name::<E>())
    } else {
        number.to_string()
    };
    let message = format!("{what} must be finite and {domain}, got {given}");
    Err(Error::Argument { op, message })
}
