//! The gradient by the bias.

use super::geometry::ConvGeometry;
use crate::slices::Shared;
use crate::window;
use crate::{Element, reduce, threads};

/// The gradient of a convolution by its bias: `bias[o] = sum over n, i, j of output[n, o, i, j] +
/// beta bias[o]`, with `output` the output's gradient. With `beta = 0` the bias is overwritten
/// without being read.
///
/// # Panics
/// If an array does not have the length of its shape.
///
/// ```
/// use wengert_kernels::conv::{Channels, ConvGeometry, conv_bias_grad};
/// use wengert_kernels::window::Window;
///
/// let geometry = ConvGeometry::new(1, Channels::new(1, 2), [1, 3], Window::line(2, 1, 0, 1))?;
/// let mut bias = [0.0_f32; 2];
/// conv_bias_grad(geometry, &[1.0, 2.0, 3.0, 4.0], 0.0, &mut bias);
/// assert_eq!(bias, [3.0, 7.0]);
/// # Ok::<(), wengert_kernels::conv::ConvError>(())
/// ```
#[track_caller]
pub fn conv_bias_grad<E: Element>(geometry: ConvGeometry, output: &[E], beta: E, bias: &mut [E]) {
    let [batch, channels, rows, cols] = geometry.output_shape();
    ConvGeometry::check_bias(channels, bias.len());
    let right = window::count([batch, channels, rows, cols]);
    assert!(
        right == Ok(output.len()),
        "the output of this convolution has the shape {:?}, but {} elements were given",
        geometry.output_shape(),
        output.len()
    );
    // Of no images or channels, the sizes may be beyond counting.
    let (batch, plane) = if output.is_empty() { (0, 0) } else { (batch, rows * cols) };
    let one = |channel: usize| {
        let mut total = E::ZERO;
        for image in 0..batch {
            let start = (image * channels + channel) * plane;
            total += reduce::sum(&output[start..start + plane]);
        }
        total
    };
    let shared = Shared::new(bias);
    let grain = (GRAIN / (batch * plane).max(1)).max(1);
    threads::for_ranges(channels, grain, |range| {
        // SAFETY: the ranges are disjoint parts of the channels, of which there is a bias each.
        let bias = unsafe { shared.part(range.clone()) };
        for (bias, channel) in bias.iter_mut().zip(range) {
            let total = one(channel);
            *bias = if beta == E::ZERO { total } else { beta * *bias + total };
        }
    });
}

/// The elements worth handing to another thread.
const GRAIN: usize = threads::work(1 << 17);
