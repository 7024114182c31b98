//! The sizes of a pool, checked when they are put together.

use crate::window::{self, AXES, Window, WindowError};

/// The sizes of a pool of `planes` planes of `[rows, columns]`, each pooled by itself: images of
/// some channels have `batch * channels` planes. Lines have one row.
///
/// ```
/// use wengert_kernels::pool::PoolGeometry;
/// use wengert_kernels::window::Window;
///
/// let window = Window::new([2, 2]).stride([2, 2]);
/// let geometry = PoolGeometry::new(64 * 6, [28, 28], window)?;
/// assert_eq!(geometry.output(), [14, 14]);
/// # Ok::<(), wengert_kernels::window::WindowError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolGeometry {
    planes: usize,
    input: [usize; 2],
    output: [usize; 2],
    window: Window,
}

/// The most positions of a window: their numbers are kept as elements.
const MOST: usize = 1 << 24;

impl PoolGeometry {
    /// A pool whose windows lie in the padded input; see [`Window::output`].
    ///
    /// # Errors
    /// If the window does not fit into the padded input or sees more than 2^24 positions, if a
    /// padding exceeds half of what it spans, or a size cannot be counted.
    pub fn new(planes: usize, input: [usize; 2], window: Window) -> Result<Self, WindowError> {
        Self::checked(planes, input, window.output(input)?, window)
    }

    /// A pool whose last windows may reach beyond the padded input; see [`Window::output_ceil`]
    /// (`ceil_mode` elsewhere).
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn ceil(planes: usize, input: [usize; 2], window: Window) -> Result<Self, WindowError> {
        Self::checked(planes, input, window.output_ceil(input)?, window)
    }

    fn checked(
        planes: usize,
        input: [usize; 2],
        output: [usize; 2],
        window: Window,
    ) -> Result<Self, WindowError> {
        for axis in 0..2 {
            let (extent, _) = window.check_axis(axis, input[axis])?;
            let (most, padding) = (extent / 2, window.padding[axis]);
            if padding[0].max(padding[1]) > most {
                let axis = AXES[axis];
                return Err(WindowError::TooMuchPadding { axis, padding, most, extent });
            }
        }
        window.check_padded(input)?;
        let [rows, cols] = window.kernel;
        if rows.saturating_mul(cols) > MOST {
            return Err(WindowError::TooMany { shape: [1, 1, rows, cols] });
        }
        window::count([planes, 1, input[0], input[1]])?;
        window::count([planes, 1, output[0], output[1]])?;
        Ok(PoolGeometry { planes, input, output, window })
    }

    /// The number of planes.
    pub fn planes(&self) -> usize {
        self.planes
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

    /// Panics unless both arrays have their lengths.
    #[track_caller]
    pub(super) fn check(&self, (input, x): (&str, usize), (output, y): (&str, usize)) {
        check(self.planes, (input, x, self.input), (output, y, self.output));
    }
}

/// The sizes of an adaptive pool: of `planes` planes of `input` rows and columns to `output` ones.
///
/// Output position i of an axis is the mean of the input positions from `floor(i input / output)`
/// up to but without `ceil((i + 1) input / output)`.
///
/// ```
/// use wengert_kernels::pool::AdaptiveGeometry;
///
/// let geometry = AdaptiveGeometry::new(512, [7, 7], [1, 1])?;
/// assert_eq!(geometry.output(), [1, 1]);
/// # Ok::<(), wengert_kernels::window::WindowError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveGeometry {
    planes: usize,
    input: [usize; 2],
    output: [usize; 2],
}

impl AdaptiveGeometry {
    /// A pool of `planes` planes.
    ///
    /// # Errors
    /// If there are outputs of no inputs, or a size cannot be counted.
    pub fn new(planes: usize, input: [usize; 2], output: [usize; 2]) -> Result<Self, WindowError> {
        for axis in 0..2 {
            if input[axis] == 0 && output[axis] > 0 {
                let output = output[axis];
                return Err(WindowError::Nothing { axis: AXES[axis], output });
            }
            // Positions of both are multiplied.
            window::count([1, 1, input[axis], output[axis]])?;
        }
        window::count([planes, 1, input[0], input[1]])?;
        window::count([planes, 1, output[0], output[1]])?;
        Ok(AdaptiveGeometry { planes, input, output })
    }

    /// The number of planes.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// The rows and columns of the input.
    pub fn input(&self) -> [usize; 2] {
        self.input
    }

    /// The rows and columns of the output.
    pub fn output(&self) -> [usize; 2] {
        self.output
    }

    /// The input positions of output position `i` along an axis.
    pub(super) fn bin(&self, axis: usize, i: usize) -> std::ops::Range<usize> {
        let (input, output) = (self.input[axis], self.output[axis]);
        i * input / output..((i + 1) * input).div_ceil(output)
    }

    /// Panics unless both arrays have their lengths.
    #[track_caller]
    pub(super) fn check(&self, (input, x): (&str, usize), (output, y): (&str, usize)) {
        check(self.planes, (input, x, self.input), (output, y, self.output));
    }
}

#[track_caller]
fn check(planes: usize, x: (&str, usize, [usize; 2]), y: (&str, usize, [usize; 2])) {
    for (name, len, [rows, cols]) in [x, y] {
        let right = window::count([planes, 1, rows, cols]);
        let right = right.expect("counted when the geometry was made");
        assert!(
            len == right,
            "`{name}` of this pool has {planes} planes of {rows}x{cols}, {right} elements, but {len} \
             were given"
        );
    }
}
