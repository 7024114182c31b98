//! Pooling: the maximum or the mean of what a window sees, forward and backward.
//!
//! Arrays are contiguous, planes of rows of columns. A plane is pooled by itself, and the planes
//! are divided among the threads: results have the same bits for any number of them.
//!
//! # The maximum
//!
//! Padding never wins: it counts as negative infinity. A NaN in the window makes the output NaN.
//! The gradient goes to the first maximum of each window, in row-major order, or to the first NaN;
//! windows that overlap add up. Which one that is is found again from the input, instead of being
//! kept: a pass over the input costs less than an array of indices.
//!
//! # The mean
//!
//! The mean divides by the number of positions the window sees, those in the padding included if
//! `count_include_pad`; what a window sees beyond the padding (with
//! [`PoolGeometry::ceil`]) never counts. A mean of `k` elements is within `(k + 2) eps` of the mean
//! of their magnitudes, and so is a gradient that is a sum of `k` terms.

mod adaptive;
mod average;
mod geometry;
pub(crate) mod kernels;
mod max;
mod quads;
#[cfg(test)]
mod tests;
mod windows;

use crate::Element;
pub use geometry::{AdaptiveGeometry, PoolGeometry};

/// The maximum of what the window sees of `x`, in `y`.
///
/// # Shapes
/// `x` has `planes` planes of the geometry's input, `y` as many of its output.
///
/// ```
/// use wengert_kernels::pool::{self, PoolGeometry};
/// use wengert_kernels::window::Window;
///
/// let geometry = PoolGeometry::new(1, [1, 4], Window::line(2, 2, 0, 1))?;
/// let mut y = [0.0; 2];
/// pool::max_pool(&geometry, &[1.0_f32, 3.0, 2.0, f32::NAN], &mut y);
/// assert!(y[0] == 3.0 && y[1].is_nan());
/// # Ok::<(), wengert_kernels::window::WindowError>(())
/// ```
///
/// # Panics
/// If an array does not have the length of its shape.
#[track_caller]
pub fn max_pool<E: Element>(geometry: &PoolGeometry, x: &[E], y: &mut [E]) {
    geometry.check(("x", x.len()), ("y", y.len()));
    E::max_pool(geometry, x, y);
}

/// The gradient of [`max_pool`] by its input: `gx` is what the outputs' gradients `gy` add up to at
/// the first maximum of each window, and zero elsewhere.
///
/// # Shapes
/// `x` and `gx` have `planes` planes of the geometry's input, `gy` as many of its output.
///
/// ```
/// use wengert_kernels::pool::{self, PoolGeometry};
/// use wengert_kernels::window::Window;
///
/// let geometry = PoolGeometry::new(1, [1, 4], Window::line(2, 2, 0, 1))?;
/// let mut gx = [0.0; 4];
/// pool::max_pool_grad(&geometry, &[1.0_f32, 3.0, 2.0, 2.0], &[1.0, 5.0], &mut gx);
/// assert_eq!(gx, [0.0, 1.0, 5.0, 0.0]);
/// # Ok::<(), wengert_kernels::window::WindowError>(())
/// ```
///
/// # Panics
/// If an array does not have the length of its shape.
#[track_caller]
pub fn max_pool_grad<E: Element>(geometry: &PoolGeometry, x: &[E], gy: &[E], gx: &mut [E]) {
    geometry.check(("x", x.len()), ("gy", gy.len()));
    geometry.check(("gx", gx.len()), ("gy", gy.len()));
    E::max_pool_grad(geometry, x, gy, gx);
}

/// What `from` holds at the first maximum (or the first NaN) that each window sees of `x`, in `y`;
/// zero where a window sees nothing. It is the transpose of [`max_pool_grad`], and so the gradient
/// of that by `gy`.
///
/// # Shapes
/// `x` and `from` have `planes` planes of the geometry's input, `y` as many of its output.
///
/// ```
/// use wengert_kernels::pool::{self, PoolGeometry};
/// use wengert_kernels::window::Window;
///
/// let geometry = PoolGeometry::new(1, [1, 4], Window::line(2, 2, 0, 1))?;
/// let mut y = [0.0; 2];
/// pool::max_pool_pick(&geometry, &[1.0_f32, 3.0, 2.0, 2.0], &[5.0, 6.0, 7.0, 8.0], &mut y);
/// assert_eq!(y, [6.0, 7.0]);
/// # Ok::<(), wengert_kernels::window::WindowError>(())
/// ```
///
/// # Panics
/// If an array does not have the length of its shape.
#[track_caller]
pub fn max_pool_pick<E: Element>(geometry: &PoolGeometry, x: &[E], from: &[E], y: &mut [E]) {
    geometry.check(("x", x.len()), ("y", y.len()));
    geometry.check(("from", from.len()), ("y", y.len()));
    E::max_pool_pick(geometry, x, from, y);
}

/// The mean of what the window sees of `x`, in `y`.
///
/// # Shapes
/// `x` has `planes` planes of the geometry's input, `y` as many of its output.
///
/// ```
/// use wengert_kernels::pool::{self, PoolGeometry};
/// use wengert_kernels::window::Window;
///
/// let geometry = PoolGeometry::new(1, [1, 2], Window::line(2, 1, 1, 1))?;
/// let mut y = [0.0_f64; 3];
/// pool::avg_pool(&geometry, false, &[1.0, 3.0], &mut y);
/// assert_eq!(y, [1.0, 2.0, 3.0]);
/// # Ok::<(), wengert_kernels::window::WindowError>(())
/// ```
///
/// # Panics
/// If an array does not have the length of its shape.
#[track_caller]
pub fn avg_pool<E: Element>(
    geometry: &PoolGeometry,
    count_include_pad: bool,
    x: &[E],
    y: &mut [E],
) {
    geometry.check(("x", x.len()), ("y", y.len()));
    E::avg_pool(geometry, count_include_pad, x, y);
}

/// The gradient of [`avg_pool`] by its input.
///
/// # Shapes
/// `gx` has `planes` planes of the geometry's input, `gy` as many of its output.
///
/// # Panics
/// If an array does not have the length of its shape.
#[track_caller]
pub fn avg_pool_grad<E: Element>(
    geometry: &PoolGeometry,
    count_include_pad: bool,
    gy: &[E],
    gx: &mut [E],
) {
    geometry.check(("gx", gx.len()), ("gy", gy.len()));
    E::avg_pool_grad(geometry, count_include_pad, gy, gx);
}

/// The means of bins that divide the input evenly: see [`AdaptiveGeometry`].
///
/// # Shapes
/// `x` has `planes` planes of the geometry's input, `y` as many of its output.
///
/// ```
/// use wengert_kernels::pool::{self, AdaptiveGeometry};
///
/// let geometry = AdaptiveGeometry::new(1, [1, 3], [1, 2])?;
/// let mut y = [0.0_f64; 2];
/// pool::adaptive_avg_pool(&geometry, &[1.0, 3.0, 5.0], &mut y);
/// assert_eq!(y, [2.0, 4.0]);
/// # Ok::<(), wengert_kernels::window::WindowError>(())
/// ```
///
/// # Panics
/// If an array does not have the length of its shape.
#[track_caller]
pub fn adaptive_avg_pool<E: Element>(geometry: &AdaptiveGeometry, x: &[E], y: &mut [E]) {
    geometry.check(("x", x.len()), ("y", y.len()));
    E::adaptive_avg_pool(geometry, x, y);
}

/// The gradient of [`adaptive_avg_pool`] by its input.
///
/// # Shapes
/// `gx` has `planes` planes of the geometry's input, `gy` as many of its output.
///
/// # Panics
/// If an array does not have the length of its shape.
#[track_caller]
pub fn adaptive_avg_pool_grad<E: Element>(geometry: &AdaptiveGeometry, gy: &[E], gx: &mut [E]) {
    geometry.check(("gx", gx.len()), ("gy", gy.len()));
    E::adaptive_avg_pool_grad(geometry, gy, gx);
}
