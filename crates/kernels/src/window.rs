//! The window that convolution and pooling slide over an image, and where it fits.

use std::fmt;

use thiserror::Error;

/// A window sliding over the rows and columns of an image. Pairs are (rows, columns).
///
/// Output position i of an axis sees the input positions `i * stride - padding + j * dilation` for
/// `j < kernel`. In one dimension the image has one row: see [`line`](Self::line).
///
/// ```
/// use wengert_kernels::window::Window;
///
/// let window = Window::new([3, 3]).stride([2, 2]).padding([1, 1]);
/// assert_eq!(window.output([56, 56])?, [28, 28]);
/// assert!(window.output([0, 56]).unwrap_err().to_string().contains("spans 3 rows"));
/// # Ok::<(), wengert_kernels::window::WindowError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The positions the window sees along each axis.
    pub kernel: [usize; 2],
    /// The distance from one output's window to the next.
    pub stride: [usize; 2],
    /// The number of positions added before and after the image on each axis.
    pub padding: [[usize; 2]; 2],
    /// The distance between the positions it sees.
    pub dilation: [usize; 2],
}

impl Window {
    /// A dense window that moves by one, without padding.
    #[must_use]
    pub const fn new(kernel: [usize; 2]) -> Self {
        Window { kernel, stride: [1, 1], padding: [[0, 0]; 2], dilation: [1, 1] }
    }

    /// A window of one dimension: of one row, `kernel` columns wide, moving by `stride`, with
    /// `padding` columns on either side, its columns `dilation` apart.
    #[must_use]
    pub const fn line(kernel: usize, stride: usize, padding: usize, dilation: usize) -> Self {
        let padding = [[0, 0], [padding, padding]];
        Window { kernel: [1, kernel], stride: [1, stride], padding, dilation: [1, dilation] }
    }

    /// With these strides.
    #[must_use]
    pub const fn stride(self, stride: [usize; 2]) -> Self {
        Window { stride, ..self }
    }

    /// With `rows` rows of padding above and below, and `cols` columns left and right.
    #[must_use]
    pub const fn padding(self, [rows, cols]: [usize; 2]) -> Self {
        self.padding_sides([[rows, rows], [cols, cols]])
    }

    /// With padding of its own on each side: `[[above, below], [left, right]]`.
    #[must_use]
    pub const fn padding_sides(self, padding: [[usize; 2]; 2]) -> Self {
        Window { padding, ..self }
    }

    /// With these dilations.
    #[must_use]
    pub const fn dilation(self, dilation: [usize; 2]) -> Self {
        Window { dilation, ..self }
    }

    /// The size of the output for an input of `[rows, columns]`:
    /// `floor((input + paddings - dilation (kernel - 1) - 1) / stride) + 1` along each axis.
    ///
    /// # Errors
    /// If the kernel, a stride or a dilation is zero, or the window does not fit into the padded
    /// input.
    pub fn output(&self, input: [usize; 2]) -> Result<[usize; 2], WindowError> {
        Ok([self.output_axis(0, input[0])?, self.output_axis(1, input[1])?])
    }

    fn output_axis(&self, axis: usize, input: usize) -> Result<usize, WindowError> {
        let (extent, padded) = self.check_axis(axis, input)?;
        if extent > padded {
            return Err(WindowError::DoesNotFit {
                kernel: self.kernel[axis],
                dilation: self.dilation[axis],
                axis: AXES[axis],
                extent,
                input,
                padding: self.padding[axis],
                padded,
            });
        }
        Ok((padded - extent) / self.stride[axis] + 1)
    }

    /// As [`output`](Self::output), rounding up: a last window may reach beyond the padded input,
    /// if it begins within the input or the padding before it.
    ///
    /// # Errors
    /// As there.
    pub fn output_ceil(&self, input: [usize; 2]) -> Result<[usize; 2], WindowError> {
        let mut output = self.output(input)?;
        for (axis, output) in output.iter_mut().enumerate() {
            let (extent, padded) = self.check_axis(axis, input[axis])?;
            let rest = (padded - extent) % self.stride[axis];
            let begin = *output * self.stride[axis];
            if rest > 0 && begin < input[axis] + self.padding[axis][0] {
                *output += 1;
            }
        }
        Ok(output)
    }

    /// The positions the window spans and those of the padded input along an axis.
    pub(crate) fn check_axis(
        &self,
        axis: usize,
        input: usize,
    ) -> Result<(usize, usize), WindowError> {
        let (kernel, dilation) = (self.kernel[axis], self.dilation[axis]);
        for (what, value) in
            [("kernel", kernel), ("stride", self.stride[axis]), ("dilation", dilation)]
        {
            if value == 0 {
                return Err(WindowError::Zero { what, axis: AXES[axis] });
            }
        }
        let [before, behind] = self.padding[axis];
        let extent = (kernel - 1).checked_mul(dilation).and_then(|span| span.checked_add(1));
        let padded = input.checked_add(before).and_then(|sum| sum.checked_add(behind));
        match (extent, padded) {
            (Some(extent), Some(padded))
                if extent.max(padded).max(self.stride[axis]) <= LONGEST =>
            {
                Ok((extent, padded))
            }
            _ => Err(WindowError::TooLong { axis: AXES[axis], window: *self, input }),
        }
    }

    /// Checks that the padded image is not out of all proportion: a band of it is made in memory.
    pub(crate) fn check_padded(&self, input: [usize; 2]) -> Result<(), WindowError> {
        let padded = [self.check_axis(0, input[0])?.1, self.check_axis(1, input[1])?.1];
        let [all, seen] = [padded, input].map(|[rows, cols]| rows.saturating_mul(cols));
        if all > PADDED_MOST && all / PADDED_TIMES > seen {
            return Err(WindowError::Padded { padded, input });
        }
        Ok(())
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Window { kernel, stride, padding: [rows, cols], dilation } = self;
        write!(
            f,
            "a window of {}x{} with stride {}x{}, dilation {}x{} and padding {}+{} x {}+{}",
            kernel[0],
            kernel[1],
            stride[0],
            stride[1],
            dilation[0],
            dilation[1],
            rows[0],
            rows[1],
            cols[0],
            cols[1]
        )
    }
}

/// The names of the axes, for messages.
pub(crate) const AXES: [&str; 2] = ["rows", "columns"];

/// Positions are counted with a sign, and added to each other a few times.
const LONGEST: usize = isize::MAX as usize / 8;

/// A padded image of more positions must not be larger than its input by more than
/// [`PADDED_TIMES`].
const PADDED_MOST: usize = 1 << 24;
const PADDED_TIMES: usize = 16;

/// Why a window does not fit an image.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowError {
    /// A size that must be at least one is zero.
    #[error("a window's {what} along the {axis} is 0, but must be at least 1")]
    Zero {
        /// Which of its sizes.
        what: &'static str,
        /// The axis, `"rows"` or `"columns"`.
        axis: &'static str,
    },
    /// The window is larger than the padded input.
    #[error(
        "a kernel of {kernel} with dilation {dilation} spans {extent} {axis}, but the input has \
         {input}, and {padded} with its padding of {} before and {} after: it needs {extent} or more",
        padding[0], padding[1]
    )]
    DoesNotFit {
        /// The kernel's size along the axis.
        kernel: usize,
        /// Its dilation.
        dilation: usize,
        /// The axis, `"rows"` or `"columns"`.
        axis: &'static str,
        /// The positions it spans.
        extent: usize,
        /// The positions of the input.
        input: usize,
        /// The padding before the first and after the last element.
        padding: [usize; 2],
        /// The positions of the padded input.
        padded: usize,
    },
    /// A size is beyond what can be counted.
    #[error(
        "the positions of {window} on an input of {input} {axis} cannot be counted: they must be below 2^60"
    )]
    TooLong {
        /// The axis, `"rows"` or `"columns"`.
        axis: &'static str,
        /// The window.
        window: Window,
        /// The positions of the input.
        input: usize,
    },
    /// Padding that lets a window of a pool see nothing.
    #[error(
        "a pool's padding along the {axis} is {} before and {} after, but must be at most {most}, half \
         of the {extent} its window spans",
        padding[0], padding[1]
    )]
    TooMuchPadding {
        /// The axis, `"rows"` or `"columns"`.
        axis: &'static str,
        /// The padding before the first and after the last element.
        padding: [usize; 2],
        /// The most there may be.
        most: usize,
        /// The positions the window spans.
        extent: usize,
    },
    /// An image that is nearly all padding.
    #[error(
        "padding makes {}x{} positions of an image of {}x{}: beyond 2^24 there must be no more than 16 \
         times those of the image",
        padded[0], padded[1], input[0], input[1]
    )]
    Padded {
        /// The rows and columns of the padded image.
        padded: [usize; 2],
        /// Those of the image.
        input: [usize; 2],
    },
    /// Outputs that would be means of nothing.
    #[error("{output} {axis} were asked of an input that has none: it needs at least one")]
    Nothing {
        /// The axis, `"rows"` or `"columns"`.
        axis: &'static str,
        /// The outputs asked for along it.
        output: usize,
    },
    /// The elements of an array cannot be counted.
    #[error("an array of {shape:?} elements cannot be counted: there must be below 2^60 in all")]
    TooMany {
        /// Its shape.
        shape: [usize; 4],
    },
}

/// The product of the sizes, if it can be counted.
pub(crate) fn count(shape: [usize; 4]) -> Result<usize, WindowError> {
    // Zeros first: an empty array is empty, whatever its other sizes.
    if shape.contains(&0) {
        return Ok(0);
    }
    shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
        .filter(|&product| product <= LONGEST)
        .ok_or(WindowError::TooMany { shape })
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn messages_name_what_they_speak_of() {
        let window = Window::new([5, 3]).padding_sides([[1, 2], [0, 0]]);
        let small = window.output([1, 9]).unwrap_err().to_string();
        let says =
            "the input has 1, and 4 with its padding of 1 before and 2 after: it needs 5 or more";
        assert!(small.contains(says), "{small}");
        let long = window.stride([usize::MAX, 1]).output([9, 9]).unwrap_err().to_string();
        let says = format!(
            "a window of 5x3 with stride {}x1, dilation 1x1 and padding 1+2 x 0+0 on an input",
            usize::MAX
        );
        assert!(long.contains(&says), "{long}");
    }
}
