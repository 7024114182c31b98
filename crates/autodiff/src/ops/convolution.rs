//! The options of convolutions, and the sizes that relate an input, a weight and an output.
//!
//! The value `sum y conv(x, w)` is linear in each of `x`, `w` and `y`. Its derivative by `y` is the
//! convolution, by `x` the transposed convolution, by `w` the weight's gradient; each of these is
//! linear in the two others, and its derivatives are again among the three. The three operations
//! are therefore closed under differentiation of any order.

use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::conv::{Channels, ConvError, ConvGeometry};
use wengert_kernels::window::Window;

use super::conv::Conv;
use super::conv_transpose::ConvTranspose;
use super::conv_weight_grad::ConvWeightGrad;
use super::window::{check_padding, check_positive};
use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::tape::Var;

/// Sizes along the axes that a window slides over: one number for all axes, or one per axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent<const AXES: usize>(pub [usize; AXES]);

impl<const AXES: usize> From<usize> for Extent<AXES> {
    fn from(size: usize) -> Self {
        Extent([size; AXES])
    }
}

impl<const AXES: usize> From<[usize; AXES]> for Extent<AXES> {
    fn from(sizes: [usize; AXES]) -> Self {
        Extent(sizes)
    }
}

/// Sizes along rows and columns; a line is a single row, whose size is `one`.
pub(super) fn plane<T: Copy, const AXES: usize>(sizes: [T; AXES], one: T) -> [T; 2] {
    const { assert!(AXES == 1 || AXES == 2, "windows slide along one axis or two") };
    if AXES == 1 { [one, sizes[0]] } else { [sizes[0], sizes[1]] }
}

/// How a convolution's window moves over its input, and the activation of its output.
///
/// ```
/// use wengert_autodiff::ops::Conv2dOptions;
/// let halving = Conv2dOptions::new().stride(2).padding([1, 2]);
/// let depthwise = Conv2dOptions::new().groups(16);
/// assert_ne!(halving, depthwise);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvOptions<const AXES: usize> {
    stride: [usize; AXES],
    padding: [[usize; 2]; AXES],
    dilation: [usize; AXES],
    groups: usize,
    pub(super) activation: Activation,
}

/// The options of convolutions over lines.
pub type Conv1dOptions = ConvOptions<1>;

/// The options of convolutions over images.
pub type Conv2dOptions = ConvOptions<2>;

impl<const AXES: usize> Default for ConvOptions<AXES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const AXES: usize> ConvOptions<AXES> {
    /// Stride and dilation 1, no padding, one group, no activation.
    pub const fn new() -> Self {
        ConvOptions {
            stride: [1; AXES],
            padding: [[0; 2]; AXES],
            dilation: [1; AXES],
            groups: 1,
            activation: Activation::Identity,
        }
    }

    /// Number of positions between the windows of adjacent outputs.
    pub fn stride(self, stride: impl Into<Extent<AXES>>) -> Self {
        ConvOptions { stride: stride.into().0, ..self }
    }

    /// Number of zeros added before and after the input on each axis.
    pub fn padding(self, padding: impl Into<Extent<AXES>>) -> Self {
        self.padding_sides(padding.into().0.map(|size| [size; 2]))
    }

    /// Number of zeros added on each side of the input: `[before, after]` for each axis.
    pub fn padding_sides(self, padding: [[usize; 2]; AXES]) -> Self {
        ConvOptions { padding, ..self }
    }

    /// Distance between adjacent positions in a window.
    pub fn dilation(self, dilation: impl Into<Extent<AXES>>) -> Self {
        ConvOptions { dilation: dilation.into().0, ..self }
    }

    /// Number of groups into which the channels are divided. Each group of output channels depends
    /// only on the corresponding group of input channels.
    pub fn groups(self, groups: usize) -> Self {
        ConvOptions { groups, ..self }
    }

    /// Activation of the output, fused into the convolution's pass.
    pub fn activation(self, activation: Activation) -> Self {
        ConvOptions { activation, ..self }
    }

    /// Number of positions added at the end of each axis of a transposed convolution's output. A
    /// convolution maps inputs of `stride` different sizes to outputs of the same size; this
    /// selects the one that its transpose returns. It must be below the stride or below the
    /// dilation.
    pub fn output_padding(self, extra: impl Into<Extent<AXES>>) -> ConvTransposeOptions<AXES> {
        ConvTransposeOptions { conv: self, extra: extra.into().0 }
    }

    fn window(&self, kernel: [usize; AXES]) -> Window {
        Window::new(plane(kernel, 1))
            .stride(plane(self.stride, 1))
            .padding_sides(plane(self.padding, [0, 0]))
            .dilation(plane(self.dilation, 1))
    }

    /// The output's sizes for an input of these sizes.
    ///
    /// ```
    /// use wengert_autodiff::ops::Conv2dOptions;
    /// assert_eq!(Conv2dOptions::new().padding(2).output_size([5, 5], [28, 28])?, [28, 28]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the window does not fit into the padded input.
    pub fn output_size(
        &self,
        kernel: impl Into<Extent<AXES>>,
        input: impl Into<Extent<AXES>>,
    ) -> Result<[usize; AXES]> {
        let output = self
            .window(kernel.into().0)
            .output(plane(input.into().0, 1))
            .map_err(|error| Error::Argument { op: name(AXES), message: error.to_string() })?;
        Ok(std::array::from_fn(|axis| output[axis + 2 - AXES]))
    }

    /// The activation.
    pub fn fused_activation(&self) -> Activation {
        self.activation
    }

    /// The number of groups.
    pub fn group_count(&self) -> usize {
        self.groups
    }

    /// The stride along each axis.
    pub fn strides(&self) -> Extent<AXES> {
        Extent(self.stride)
    }

    /// The shape of the weight of a convolution from `inputs` to `outputs` channels:
    /// `[outputs, inputs / groups, kernel ..]`.
    ///
    /// # Errors
    /// If the kernel, the stride or the dilation is zero along an axis, or the groups do not divide
    /// the channels.
    pub fn weight_shape(
        &self,
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<AXES>>,
    ) -> Result<Shape> {
        let kernel = kernel.into().0;
        self.check_sizes(name(AXES), [inputs, outputs], kernel)?;
        Ok([outputs, inputs / self.groups].into_iter().chain(kernel).collect())
    }

    fn check_sizes(
        &self,
        op: &'static str,
        [inputs, outputs]: [usize; 2],
        kernel: [usize; AXES],
    ) -> Result<()> {
        check_positive(op, kernel, self.stride, self.dilation)?;
        let groups = self.groups;
        if groups == 0 || !inputs.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
            let error = ConvError::Groups { groups, input: inputs, output: outputs };
            return Err(Error::Argument { op, message: error.to_string() });
        }
        Ok(())
    }
}

/// The options of a transposed convolution: those of the convolution that it transposes, and an
/// output padding. See [`ConvOptions::output_padding`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvTransposeOptions<const AXES: usize> {
    pub(super) conv: ConvOptions<AXES>,
    extra: [usize; AXES],
}

impl<const AXES: usize> ConvTransposeOptions<AXES> {
    /// The shape of the weight of a transposed convolution from `inputs` to `outputs` channels:
    /// `[inputs, outputs / groups, kernel ..]`.
    ///
    /// # Errors
    /// If the kernel, the stride or the dilation is zero along an axis, or the groups do not divide
    /// the channels.
    pub fn weight_shape(
        &self,
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<AXES>>,
    ) -> Result<Shape> {
        let kernel = kernel.into().0;
        self.conv.check_sizes(transposed_name(AXES), [inputs, outputs], kernel)?;
        Ok([inputs, outputs / self.conv.groups].into_iter().chain(kernel).collect())
    }

    /// The options of the convolution that it transposes.
    pub fn convolution(&self) -> ConvOptions<AXES> {
        self.conv
    }

    /// Activation of the output, fused into the transposed convolution's pass.
    pub fn activation(self, activation: Activation) -> Self {
        ConvTransposeOptions { conv: self.conv.activation(activation), ..self }
    }

    /// The output's sizes for an input of these sizes.
    ///
    /// # Errors
    /// If the output would be empty, or the output padding is too large.
    pub fn output_size(
        &self,
        kernel: impl Into<Extent<AXES>>,
        input: impl Into<Extent<AXES>>,
    ) -> Result<[usize; AXES]> {
        let (kernel, input) = (kernel.into().0, input.into().0);
        // The output's sizes do not depend on the channels: one channel in one group will do.
        let single = Self { conv: self.conv.groups(1), ..*self };
        let y: Shape = [1, 1].into_iter().chain(input).collect();
        let weight: Shape = [1, 1].into_iter().chain(kernel).collect();
        let sizes = Sizes::transposed(transposed_name(AXES), (&y, &weight), &single)?;
        let output = sizes.geometry.input();
        Ok(std::array::from_fn(|axis| output[axis + 2 - AXES]))
    }
}

impl<const AXES: usize> From<ConvOptions<AXES>> for ConvTransposeOptions<AXES> {
    fn from(conv: ConvOptions<AXES>) -> Self {
        conv.output_padding(0)
    }
}

/// The name of the transposed convolution along `axes` axes.
pub(super) fn transposed_name(axes: usize) -> &'static str {
    if axes == 1 { "conv_transpose1d" } else { "conv_transpose2d" }
}

/// The name of the convolution along `axes` axes.
pub(super) fn name(axes: usize) -> &'static str {
    if axes == 1 { "conv1d" } else { "conv2d" }
}

/// The sizes that relate an input, a weight and an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(super) geometry: ConvGeometry,
    /// Whether the convolution is over lines, which have no rows.
    line: bool,
}

impl Sizes {
    /// The sizes of the convolution of an input with a weight.
    pub(super) fn conv<const AXES: usize>(
        op: &'static str,
        (x, weight): (&Shape, &Shape),
        options: &ConvOptions<AXES>,
    ) -> Result<Self> {
        let (Some((batch, inputs, size)), Some((outputs, group_inputs, kernel))) =
            (axes::<AXES>(x), axes::<AXES>(weight))
        else {
            return Err(mismatch(op, AXES, "out, in / groups", [x, weight]));
        };
        let groups = options.groups;
        if groups == 0 {
            let error = ConvError::Groups { groups, input: inputs, output: outputs };
            return Err(Error::Argument { op, message: error.to_string() });
        }
        if group_inputs.checked_mul(groups) != Some(inputs) {
            return Err(unequal(op, groups, [x, weight]));
        }
        let channels = Channels { input: inputs, output: outputs, groups: options.groups };
        let window = options.window(kernel);
        let geometry = ConvGeometry::new(batch, channels, plane(size, 1), window);
        Self::checked(op, geometry, AXES)
    }

    /// The sizes of the convolution whose transpose maps `y` to its result.
    pub(super) fn transposed<const AXES: usize>(
        op: &'static str,
        (y, weight): (&Shape, &Shape),
        options: &ConvTransposeOptions<AXES>,
    ) -> Result<Self> {
        let (Some((batch, outputs, size)), Some((taken, group_inputs, kernel))) =
            (axes::<AXES>(y), axes::<AXES>(weight))
        else {
            return Err(mismatch(op, AXES, "in, out / groups", [y, weight]));
        };
        let groups = options.conv.groups;
        if groups == 0 {
            let error = ConvError::Groups { groups, input: outputs, output: group_inputs };
            return Err(Error::Argument { op, message: error.to_string() });
        }
        if taken != outputs {
            return Err(unequal(op, 1, [y, weight]));
        }
        let input = group_inputs.saturating_mul(groups);
        let channels = Channels { input, output: outputs, groups };
        let (window, extra) = (options.conv.window(kernel), plane(options.extra, 0));
        let geometry = ConvGeometry::transposed(batch, channels, plane(size, 1), window, extra);
        Self::checked(op, geometry, AXES)
    }

    fn checked(
        op: &'static str,
        geometry: Result<ConvGeometry, ConvError>,
        axes: usize,
    ) -> Result<Self> {
        match geometry {
            Ok(geometry) => {
                check_padding(op, geometry.input(), geometry.window())?;
                Ok(Sizes { geometry, line: axes == 1 })
            }
            Err(error) => Err(Error::Argument { op, message: error.to_string() }),
        }
    }

    /// The number of axes that the window slides over.
    pub(super) fn axes(self) -> usize {
        if self.line { 1 } else { 2 }
    }

    fn shape(self, [first, second, rows, columns]: [usize; 4]) -> Shape {
        if self.line {
            [first, second, columns].into()
        } else {
            [first, second, rows, columns].into()
        }
    }

    pub(super) fn input(self) -> Shape {
        self.shape(self.geometry.input_shape())
    }

    pub(super) fn output(self) -> Shape {
        self.shape(self.geometry.output_shape())
    }

    pub(super) fn weight(self) -> Shape {
        self.shape(self.geometry.weight_shape())
    }

    /// The shapes of the input, the weight and the output.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn shapes(self) -> [Shape; 3] {
        [self.input(), self.weight(), self.output()]
    }

    /// The convolution of an input with a weight, without bias and activation.
    pub(super) fn forward<'t, E: Element>(
        self,
        x: Var<'t, E>,
        weight: Var<'t, E>,
    ) -> Result<Var<'t, E>> {
        x.tape().apply(Conv { sizes: self, activation: Activation::Identity }, &[x, weight])
    }

    /// The transposed convolution of an output with a weight, without bias and activation.
    pub(super) fn back<'t, E: Element>(
        self,
        y: Var<'t, E>,
        weight: Var<'t, E>,
    ) -> Result<Var<'t, E>> {
        y.tape()
            .apply(ConvTranspose { sizes: self, activation: Activation::Identity }, &[y, weight])
    }

    /// The weight's gradient for an input and an output's cotangent.
    pub(super) fn weight_grad<'t, E: Element>(
        self,
        x: Var<'t, E>,
        y: Var<'t, E>,
    ) -> Result<Var<'t, E>> {
        x.tape().apply(ConvWeightGrad { sizes: self }, &[x, y])
    }
}

/// Checks the shapes of the operands, and that a bias has `channels` elements.
pub(super) fn check(
    op: &'static str,
    inputs: &[&Shape],
    expected: [Shape; 2],
    channels: Option<usize>,
) -> Result<()> {
    let bias = channels.map(|channels| Shape::from([channels]));
    let most = 2 + usize::from(bias.is_some());
    if !(2..=most).contains(&inputs.len()) {
        return Err(Error::Arity { op, expected: most, got: inputs.len() });
    }
    if inputs.iter().zip(expected.iter().chain(&bias)).all(|(&got, expected)| got == expected) {
        return Ok(());
    }
    let [first, second] = expected;
    let mut expected = format!("operands of the shapes {first} and {second}");
    if let (3, Some(bias)) = (inputs.len(), bias) {
        expected = format!("{expected} and a bias of shape {bias}");
    }
    Err(Error::Shapes { op, expected, got: inputs.iter().map(|&shape| shape.clone()).collect() })
}

/// The cotangent of a bias: the sum over all axes but the channels.
pub(super) fn bias_grad<E: Element>(gy: Var<'_, E>) -> Result<Var<'_, E>> {
    let axes: Vec<isize> = (0..gy.shape().rank() as isize).filter(|&axis| axis != 1).collect();
    super::sum_axes(gy, &axes, false)
}

/// The first two sizes, and those along the axes that the window slides over.
fn axes<const AXES: usize>(shape: &Shape) -> Option<(usize, usize, [usize; AXES])> {
    match shape.dims() {
        [first, second, rest @ ..] => Some((*first, *second, rest.try_into().ok()?)),
        _ => None,
    }
}

fn mismatch(op: &'static str, axes: usize, weight: &str, got: [&Shape; 2]) -> Error {
    let [image, kernel] = if axes == 1 {
        ["length", "kernel"]
    } else {
        ["rows, columns", "kernel rows, kernel columns"]
    };
    let expected = format!("x [batch, in, {image}] and a weight [{weight}, {kernel}]");
    Error::Shapes { op, expected, got: got.map(Clone::clone).into() }
}

fn unequal(op: &'static str, groups: usize, [x, weight]: [&Shape; 2]) -> Error {
    let expected = match groups {
        1 => "x with as many channels as the weight takes".to_owned(),
        groups => {
            format!("x with as many channels as {groups} groups of the weight's {} take", weight[1])
        }
    };
    Error::Shapes { op, expected, got: vec![x.clone(), weight.clone()] }
}
