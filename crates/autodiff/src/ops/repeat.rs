//! A tensor tiled along its axes: an axis of size 1 is inserted before each axis, broadcast and
//! merged. The cotangent is `gy` summed over the copies, as these operations compute it.

use wengert_kernels::Element;

use super::{broadcast_to, reshape};
use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::tape::Var;

/// The tensor tiled `times[i]` times along axis `i` (`tile` in other libraries). If there are more
/// numbers than axes, leading axes are added.
///
/// # Shapes
/// `[n_0, .., n_r]` gives `[times_0 n_0, .., times_r n_r]`.
///
/// # Errors
/// If there are fewer numbers than axes, or the result would be too large.
#[track_caller]
pub fn repeat<'t, E: Element>(x: Var<'t, E>, times: &[usize]) -> Result<Var<'t, E>> {
    let shape = x.shape();
    let Some(front) = times.len().checked_sub(shape.rank()) else {
        let message = format!(
            "got {} numbers for a tensor of shape {shape}; give one for each axis, 1 for no repetition",
            times.len()
        );
        return Err(Error::Argument { op: "repeat", message });
    };
    let sizes = || std::iter::repeat_n(1, front).chain(shape.iter().copied());
    let result: Shape = sizes().zip(times).map(|(n, &times)| n.saturating_mul(times)).collect();
    let ones: Shape = sizes().flat_map(|n| [1, n]).collect();
    let copies: Shape = sizes().zip(times).flat_map(|(n, &times)| [times, n]).collect();
    // Checked here because an empty result would not refuse a number that is too large.
    copies.checked_len::<E>("repeat")?;
    reshape(broadcast_to(reshape(x, ones)?, copies)?, result)
}

/// The tensor with each position along an axis repeated `times` times; the copies are adjacent.
///
/// # Shapes
/// The axis grows from `n` to `times n`.
///
/// # Errors
/// If the axis does not exist, or the result would be too large.
#[track_caller]
pub fn repeat_interleave<E: Element>(
    x: Var<'_, E>,
    times: usize,
    axis: isize,
) -> Result<Var<'_, E>> {
    let shape = x.shape();
    let axis = shape.axis("repeat_interleave", axis)?;
    let mut result = shape.clone();
    result.dims_mut()[axis] = shape[axis].saturating_mul(times);
    let (mut ones, mut copies) = (shape.clone(), shape);
    ones.dims_mut().insert(axis + 1, 1);
    copies.dims_mut().insert(axis + 1, times);
    copies.checked_len::<E>("repeat_interleave")?;
    reshape(broadcast_to(reshape(x, ones)?, copies)?, result)
}

methods! {
    /// The tensor tiled along each axis.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from_fn([2], |i| i[0] as f32);
    /// assert_eq!(x.repeat(&[2]).to_vec(), [0.0, 1.0, 0.0, 1.0]);
    /// assert_eq!(x.repeat_interleave(2, 0).to_vec(), [0.0, 0.0, 1.0, 1.0]);
    /// ```
    ///
    repeat / try_repeat(; times: &[usize])
}

methods! {
    /// The tensor with each position along an axis repeated; the copies are adjacent.
    repeat_interleave / try_repeat_interleave(; times: usize, axis: isize)
}
