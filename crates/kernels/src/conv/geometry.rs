//! The sizes of a convolution, checked when they are put together.

use thiserror::Error;

use crate::window::{self, Window, WindowError};

/// The channels of a convolution.
///
/// The channels are divided into `groups` of equal size, and each group of outputs sees its group
/// of inputs alone. With as many groups as inputs a convolution is *depthwise*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// The channels of the input.
    pub input: usize,
    /// The channels of the output.
    pub output: usize,
    /// The groups.
    pub groups: usize,
}

impl Channels {
    /// One group.
    #[must_use]
    pub const fn new(input: usize, output: usize) -> Self {
        Channels { input, output, groups: 1 }
    }

    /// A group for every input channel, with `multiplier` outputs each.
    #[must_use]
    pub const fn depthwise(input: usize, multiplier: usize) -> Self {
        Channels { input, output: input.saturating_mul(multiplier), groups: input }
    }
}

/// The sizes of a convolution of `batch` images of `[rows, columns]`.
///
/// A line (`conv1d`) is an image of one row.
///
/// ```
/// use wengert_kernels::conv::{Channels, ConvGeometry};
/// use wengert_kernels::window::Window;
///
/// let window = Window::new([5, 5]).padding([2, 2]);
/// let geometry = ConvGeometry::new(64, Channels::new(1, 6), [28, 28], window)?;
/// assert_eq!(geometry.output(), [28, 28]);
/// assert_eq!(geometry.weight_shape(), [6, 1, 5, 5]);
/// # Ok::<(), wengert_kernels::conv::ConvError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    batch: usize,
    channels: Channels,
    input: [usize; 2],
    output: [usize; 2],
    window: Window,
}

impl ConvGeometry {
    /// A convolution of `batch` images of `input` rows and columns.
    ///
    /// # Errors
    /// If the groups do not divide the channels, the window does not fit into the padded input, or
    /// a size cannot be counted.
    pub fn new(
        batch: usize,
        channels: Channels,
        input: [usize; 2],
        window: Window,
    ) -> Result<Self, ConvError> {
        let output = window.output(input)?;
        ConvGeometry { batch, channels, input, output, window }.checked()
    }

    /// The convolution whose transpose takes `batch` images of `output` rows and columns and
    /// `channels.output` channels to images of `channels.input` channels, of size
    /// `stride (output - 1) + dilation (kernel - 1) + 1 - paddings + extra` along each axis.
    ///
    /// `extra` is what other libraries call `output_padding`: the convolution takes images of
    /// `stride` different sizes to the same one.
    ///
    /// ```
    /// use wengert_kernels::conv::{Channels, ConvGeometry};
    /// use wengert_kernels::window::Window;
    ///
    /// // From 16 channels of 7 x 7 to 8 of 14 x 14.
    /// let window = Window::new([3, 3]).stride([2, 2]).padding([1, 1]);
    /// let geometry = ConvGeometry::transposed(1, Channels::new(8, 16), [7, 7], window, [1, 1])?;
    /// assert_eq!((geometry.input(), geometry.output()), ([14, 14], [7, 7]));
    /// # Ok::<(), wengert_kernels::conv::ConvError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`new`](Self::new); if an image would be empty, or `extra` is neither below the
    /// stride nor below the dilation.
    pub fn transposed(
        batch: usize,
        channels: Channels,
        output: [usize; 2],
        window: Window,
        extra: [usize; 2],
    ) -> Result<Self, ConvError> {
        let mut input = [0; 2];
        for axis in 0..2 {
            let (stride, dilation) = (window.stride[axis], window.dilation[axis]);
            let (extent, _) = window.check_axis(axis, output[axis])?;
            if extra[axis] >= stride.max(dilation) {
                return Err(ConvError::Extra { extra: extra[axis], stride, dilation });
            }
            let grown = output[axis]
                .checked_sub(1)
                .and_then(|steps| steps.checked_mul(stride))
                .and_then(|span| span.checked_add(extent)?.checked_add(extra[axis]));
            let [before, behind] = window.padding[axis];
            input[axis] = grown
                .and_then(|grown| grown.checked_sub(before)?.checked_sub(behind))
                .filter(|&input| input > 0)
                .ok_or(ConvError::Empty { output: output[axis], window, axis })?;
            window.check_axis(axis, input[axis])?;
        }
        ConvGeometry { batch, channels, input, output, window }.checked()
    }

    fn checked(self) -> Result<Self, ConvError> {
        let Channels { input, output, groups } = self.channels;
        if groups == 0 || !input.is_multiple_of(groups) || !output.is_multiple_of(groups) {
            return Err(ConvError::Groups { groups, input, output });
        }
        for shape in [self.input_shape(), self.output_shape(), self.weight_shape()] {
            window::count(shape)?;
        }
        self.window.check_padded(self.input)?;
        Ok(self)
    }

    /// The number of images.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The channels.
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// The rows and columns of the input.
    pub fn input(&self) -> [usize; 2] {
        self.input
    }

    /// The rows and columns of the output.
    pub fn output(&self) -> [usize; 2] {
        self.output
    }

    /// The window.
    pub fn window(&self) -> Window {
        self.window
    }

    /// `[batch, input channels, rows, columns]`.
    pub fn input_shape(&self) -> [usize; 4] {
        [self.batch, self.channels.input, self.input[0], self.input[1]]
    }

    /// `[batch, output channels, rows, columns]`.
    pub fn output_shape(&self) -> [usize; 4] {
        [self.batch, self.channels.output, self.output[0], self.output[1]]
    }

    /// `[output channels, input channels / groups, rows, columns]`.
    pub fn weight_shape(&self) -> [usize; 4] {
        let [rows, cols] = self.window.kernel;
        [self.channels.output, self.channels.input / self.channels.groups, rows, cols]
    }

    /// The input channels of a group.
    pub(super) fn group_inputs(&self) -> usize {
        self.channels.input / self.channels.groups
    }

    /// The output channels of a group.
    pub(super) fn group_outputs(&self) -> usize {
        self.channels.output / self.channels.groups
    }

    /// Panics unless the arrays have the lengths of their shapes.
    #[track_caller]
    pub(super) fn check(&self, input: usize, weight: usize, output: usize) {
        for (name, shape, len) in [
            ("input", self.input_shape(), input),
            ("weight", self.weight_shape(), weight),
            ("output", self.output_shape(), output),
        ] {
            let right = window::count(shape).expect("counted when the geometry was made");
            assert!(
                len == right,
                "the {name} of this convolution has the shape {shape:?}, {right} elements, but {len} \
                 were given"
            );
        }
    }

    /// Panics unless a bias of `channels` channels has an element for each.
    #[track_caller]
    pub(super) fn check_bias(channels: usize, bias: usize) {
        assert!(
            bias == channels,
            "a bias of {channels} channels has as many elements, but {bias} were given"
        );
    }
}

/// Why there is no convolution of the sizes asked for.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvError {
    /// The window does not fit.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// The groups do not divide the channels.
    #[error(
        "{groups} groups were asked for, but their number must be positive and divide both the \
         {input} input channels and the {output} output channels"
    )]
    Groups {
        /// The groups asked for.
        groups: usize,
        /// The input channels.
        input: usize,
        /// The output channels.
        output: usize,
    },
    /// An output padding of a transposed convolution that is as large as the stride.
    #[error(
        "an output padding of {extra} was asked of a transposed convolution, but it must be below \
         the stride {stride} or the dilation {dilation}"
    )]
    Extra {
        /// What was asked for.
        extra: usize,
        /// The stride along the axis.
        stride: usize,
        /// The dilation along the axis.
        dilation: usize,
    },
    /// A transposed convolution would have no output.
    #[error(
        "the transpose of {window} would make nothing of {output} positions along the {}: \
         stride * (positions - 1) + dilation * (kernel - 1) + 1 must exceed the padding and be below \
         2^60",
        crate::window::AXES[*axis]
    )]
    Empty {
        /// The positions there are.
        output: usize,
        /// The window.
        window: Window,
        /// Zero for rows, one for columns.
        axis: usize,
    },
}
