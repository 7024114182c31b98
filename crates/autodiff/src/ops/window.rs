//! Checks of the windows of convolutions and pools.

use wengert_kernels::window::Window;

use crate::error::{Error, Result};

/// Refuses a window with a size of zero, whatever its input.
pub(super) fn check_positive<const AXES: usize>(
    op: &'static str,
    kernel: [usize; AXES],
    stride: [usize; AXES],
    dilation: [usize; AXES],
) -> Result<()> {
    for (what, sizes) in [("kernel", kernel), ("stride", stride), ("dilation", dilation)] {
        if sizes.contains(&0) {
            let message = format!(
                "a {what} of {sizes:?} was asked for, but it must be at least 1 along each axis"
            );
            return Err(Error::Argument { op, message });
        }
    }
    Ok(())
}

/// The largest padded plane that may exceed 16 times the plane without padding. Kernels buffer
/// lines of the padded plane and visit all of it.
const MOST_PADDED: usize = 1 << 26;

/// Refuses padding that is much larger than the input. A large stride keeps the output small, so
/// the output's size does not bound it.
pub(super) fn check_padding(op: &'static str, input: [usize; 2], window: Window) -> Result<()> {
    let padded = |axis: usize| {
        let [before, after] = window.padding[axis];
        input[axis].saturating_add(before).saturating_add(after)
    };
    let (plane, whole) = (input[0].saturating_mul(input[1]), padded(0).saturating_mul(padded(1)));
    if whole <= MOST_PADDED || whole / 16 <= plane {
        return Ok(());
    }
    let message = format!(
        "the padding {:?} makes {whole} positions of the {plane} of an input; at most \
         {MOST_PADDED}, or 16 times the positions of the input, are accepted",
        window.padding
    );
    Err(Error::Argument { op, message })
}
