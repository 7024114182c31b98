//! Convolutions of images and lines, their transposes and their gradients, as implicit matrix
//! products.
//!
//! With `s` the stride, `p` the padding before and `d` the dilation of an axis, a convolution is
//!
//! ```text
//! y[n, o, i, j] = bias[o] + sum over c, r, t of
//!     x[n, c, i s - p + r d, j s - p + t d] w[o, c, r, t]
//! ```
//!
//! where `x` is zero outside its image and `c` runs over the channels of the group of `o`; it is
//! what the field calls a convolution, and signal processing a cross-correlation. [`ConvGeometry`]
//! holds the sizes, [`Conv`] computes it, [`ConvTranspose`] its transpose, which is both the
//! gradient by the input and the layer known as transposed convolution, and [`ConvWeightGrad`] the
//! gradient by the weights. All arrays are contiguous: images as
//! `[batch, channels, rows, columns]`, weights as `[outputs, inputs / groups, rows, columns]`.
//!
//! # How it runs
//!
//! For one image and group, the output is the product of the weights and a matrix whose columns are
//! the patches of the image under the window. The blocked loops of [`gemm`](crate::gemm) compute
//! it; when they come to a block of patches, the part of the image it draws from is copied with its
//! padding (a *band*) and the block is packed from there. The matrix of patches is never whole in
//! memory. The transpose is the same with the weights turned round; with a stride, it falls into as
//! many convolutions without one as the stride has residues, and no product with a zero in between
//! is formed. The weight's gradient is the product of the patches of all images with the output's
//! gradients. Convolutions with few channels to a group, among them the depthwise ones, do not
//! repay the packing: they have kernels that read the band in place. Where a batch is large and its
//! images are small, the lanes of a vector are not neighbouring results but images: no lane is lost
//! to short rows, and a transpose multiplies only what there is. Which it is depends on the
//! geometry, the element and the level.
//!
//! # Threads
//!
//! Work is cut into pieces by image, group, residue and block of results, and for the weight's
//! gradient by group and rows of the kernel; the sum of an element is never divided, and its
//! order is fixed by the geometry and the level. Results have the same bits for any number of
//! threads.
//!
//! # Accuracy
//!
//! An element that is a sum of `k` products is within `(k + 2) eps` of the sum of their magnitudes,
//! as in a matrix product.
//!
//! # Special values
//!
//! Infinities and NaN follow the arithmetic: they reach every result whose window sees them.
//! Padding is zeros like any others: an infinity that meets it makes NaN, as it would with padding
//! stored. What surrounds the output that a transpose takes back is zeros or nothing, as the kernel
//! has it: an infinite weight may make NaN near the edge, or not. With `beta = 0` the output is
//! overwritten without being read.

pub(crate) mod axis;
pub(crate) mod band;
mod gather;
mod geometry;
mod interleaved;
pub(crate) mod kernels;
mod narrow;
mod narrow_grad;
mod patch_rows;
mod patches;
#[cfg(test)]
mod tests;
mod tuning;
mod weight;

use crate::Element;
use crate::activation::{Activation, checked};
pub use geometry::{Channels, ConvError, ConvGeometry};
use tuning::{DIVIDED, Tuning};

/// A convolution to be computed: `output = act(conv(input, weight) + beta output + bias)`.
///
/// ```
/// use wengert_kernels::conv::{Channels, Conv, ConvGeometry};
/// use wengert_kernels::window::Window;
///
/// let geometry = ConvGeometry::new(1, Channels::new(1, 1), [1, 4], Window::line(2, 1, 0, 1))?;
/// let (input, weight, mut output) = ([1.0_f32, 2.0, 4.0, 8.0], [-1.0, 1.0], [0.0; 3]);
/// Conv::new(geometry, &input, &weight, &mut output).run();
/// assert_eq!(output, [1.0, 2.0, 4.0]);
/// # Ok::<(), wengert_kernels::conv::ConvError>(())
/// ```
#[derive(Debug)]
pub struct Conv<'a, E> {
    /// The sizes.
    pub geometry: ConvGeometry,
    /// The images, of [`input_shape`](ConvGeometry::input_shape).
    pub input: &'a [E],
    /// The weights, of [`weight_shape`](ConvGeometry::weight_shape).
    pub weight: &'a [E],
    /// The factor of what the output held before; with zero it is overwritten and not read.
    pub beta: E,
    /// The result, of [`output_shape`](ConvGeometry::output_shape).
    pub output: &'a mut [E],
    /// What is added to each output channel.
    pub bias: Option<&'a [E]>,
    /// What is applied to the sum.
    pub activation: Activation,
}

impl<'a, E: Element> Conv<'a, E> {
    /// The plain convolution.
    pub fn new(
        geometry: ConvGeometry,
        input: &'a [E],
        weight: &'a [E],
        output: &'a mut [E],
    ) -> Self {
        let activation = Activation::Identity;
        Conv { geometry, input, weight, beta: E::ZERO, output, bias: None, activation }
    }

    /// Computes the convolution.
    ///
    /// # Panics
    /// If an array does not have the length of its shape, or a number of the activation is outside
    /// its domain.
    #[track_caller]
    pub fn run(self) {
        self.run_with(Tuning::default());
    }

    #[track_caller]
    fn run_with(self, tuning: Tuning) {
        let Conv { geometry, input, weight, beta, output, bias, activation } = self;
        geometry.check(input.len(), weight.len(), output.len());
        if let Some(bias) = bias {
            ConvGeometry::check_bias(geometry.channels().output, bias.len());
        }
        let (source, to, transposed) = (input, output, false);
        let activation = checked::<E>(activation);
        let finish = gather::Finish { beta, bias, activation };
        E::conv_gather(gather::Task { geometry, transposed, source, weight, to, finish, tuning });
    }
}

/// The transpose of a convolution: `input = act(conv^T(output, weight) + beta input + bias)`.
///
/// Names are those of the convolution: this is its gradient by the input, with the output's
/// gradient as `output`. It is also the layer called transposed convolution, from `output` to
/// `input`; see [`ConvGeometry::transposed`] for its sizes. The gradients of that layer are
/// [`Conv`] (by what it takes) and [`ConvWeightGrad`].
///
/// ```
/// use wengert_kernels::conv::{Channels, ConvGeometry, ConvTranspose};
/// use wengert_kernels::window::Window;
///
/// let window = Window::line(2, 2, 0, 1);
/// let geometry = ConvGeometry::transposed(1, Channels::new(1, 1), [1, 2], window, [0, 0])?;
/// let (output, weight, mut input) = ([1.0_f32, 2.0], [1.0, 10.0], [0.0; 4]);
/// ConvTranspose::new(geometry, &output, &weight, &mut input).run();
/// assert_eq!(input, [1.0, 10.0, 2.0, 20.0]);
/// # Ok::<(), wengert_kernels::conv::ConvError>(())
/// ```
#[derive(Debug)]
pub struct ConvTranspose<'a, E> {
    /// The sizes.
    pub geometry: ConvGeometry,
    /// What is taken back, of [`output_shape`](ConvGeometry::output_shape).
    pub output: &'a [E],
    /// The weights, of [`weight_shape`](ConvGeometry::weight_shape).
    pub weight: &'a [E],
    /// The factor of what the result held before; with zero it is overwritten and not read.
    pub beta: E,
    /// The result, of [`input_shape`](ConvGeometry::input_shape).
    pub input: &'a mut [E],
    /// What is added to each channel of the result.
    pub bias: Option<&'a [E]>,
    /// What is applied to the sum.
    pub activation: Activation,
}

impl<'a, E: Element> ConvTranspose<'a, E> {
    /// The plain transpose.
    pub fn new(
        geometry: ConvGeometry,
        output: &'a [E],
        weight: &'a [E],
        input: &'a mut [E],
    ) -> Self {
        let activation = Activation::Identity;
        ConvTranspose { geometry, output, weight, beta: E::ZERO, input, bias: None, activation }
    }

    /// Computes the transpose.
    ///
    /// # Panics
    /// If an array does not have the length of its shape, or a number of the activation is outside
    /// its domain.
    #[track_caller]
    pub fn run(self) {
        self.run_with(Tuning::default());
    }

    #[track_caller]
    fn run_with(self, tuning: Tuning) {
        let ConvTranspose { geometry, output, weight, beta, input, bias, activation } = self;
        geometry.check(input.len(), weight.len(), output.len());
        if let Some(bias) = bias {
            ConvGeometry::check_bias(geometry.channels().input, bias.len());
        }
        let (source, to, transposed) = (output, input, true);
        let activation = checked::<E>(activation);
        let finish = gather::Finish { beta, bias, activation };
        E::conv_gather(gather::Task { geometry, transposed, source, weight, to, finish, tuning });
    }
}

/// The gradient of a convolution by its weight: `weight = grad + beta weight`, with
/// `grad[o, c, r, t]` the sum over `n, i, j` of
/// `output[n, o, i, j] input[n, c, i s - p + r d, j s - p + t d]`.
///
/// For a transposed convolution, `output` is what it takes and `input` the gradient of its result.
///
/// ```
/// use wengert_kernels::conv::{Channels, ConvGeometry, ConvWeightGrad};
/// use wengert_kernels::window::Window;
///
/// let geometry = ConvGeometry::new(1, Channels::new(1, 1), [1, 4], Window::line(2, 1, 0, 1))?;
/// let (input, output, mut weight) = ([1.0_f32, 2.0, 4.0, 8.0], [1.0, 0.0, 1.0], [0.0; 2]);
/// ConvWeightGrad::new(geometry, &input, &output, &mut weight).run();
/// assert_eq!(weight, [5.0, 10.0]);
/// # Ok::<(), wengert_kernels::conv::ConvError>(())
/// ```
#[derive(Debug)]
pub struct ConvWeightGrad<'a, E> {
    /// The sizes.
    pub geometry: ConvGeometry,
    /// The images, of [`input_shape`](ConvGeometry::input_shape).
    pub input: &'a [E],
    /// The output's gradient, of [`output_shape`](ConvGeometry::output_shape).
    pub output: &'a [E],
    /// The factor of what the gradient held before; with zero it is overwritten and not read.
    pub beta: E,
    /// The weight's gradient, of [`weight_shape`](ConvGeometry::weight_shape).
    pub weight: &'a mut [E],
}

impl<'a, E: Element> ConvWeightGrad<'a, E> {
    /// The plain gradient.
    pub fn new(
        geometry: ConvGeometry,
        input: &'a [E],
        output: &'a [E],
        weight: &'a mut [E],
    ) -> Self {
        ConvWeightGrad { geometry, input, output, beta: E::ZERO, weight }
    }

    /// Computes the gradient.
    ///
    /// # Panics
    /// If an array does not have the length of its shape.
    #[track_caller]
    pub fn run(self) {
        self.run_with(Tuning::default());
    }

    #[track_caller]
    fn run_with(self, tuning: Tuning) {
        let ConvWeightGrad { geometry, input, output, beta, weight } = self;
        geometry.check(input.len(), weight.len(), output.len());
        E::conv_weight(weight::Task { geometry, input, output, beta, weight, tuning });
    }
}
