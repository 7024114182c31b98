//! `y = f(conv(x, w) + b)`: the convolution of images or lines with a weight, with bias and
//! activation fused into its pass. With `gz = gy f'(y)` the cotangents are the transposed
//! convolution of `gz` with `w`, the weight's gradient for `x` and `gz`, and the sum of `gz` over
//! all axes but the channels.

use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::conv::Conv as Kernel;

use super::activate::check;
#[cfg(any(test, feature = "testing"))]
use super::conv_reference;
use super::convolution::{self, Conv1dOptions, Conv2dOptions, ConvOptions, Sizes};
use super::{epilogue, support};
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Row;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Conv {
    pub(crate) sizes: Sizes,
    pub(crate) activation: Activation,
}

impl<E: Element> Op<E> for Conv {
    fn name(&self) -> &'static str {
        convolution::name(self.sizes.axes())
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let op = convolution::name(self.sizes.axes());
        check::<E>(op, self.activation)?;
        let expected = [self.sizes.input(), self.sizes.weight()];
        let channels = self.sizes.geometry.channels().output;
        convolution::check(op, inputs, expected, Some(channels))?;
        Ok(self.sizes.output())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (x, weight) = (inputs[0].try_contiguous()?, inputs[1].try_contiguous()?);
        let bias = inputs.get(2).map(|bias| bias.try_contiguous()).transpose()?;
        epilogue::finish(self.activation, ctx, |out| {
            let (x, weight) = (support::slice(&x), support::slice(&weight));
            let bias = bias.as_ref().map(support::slice);
            let activation = epilogue::fused(self.activation);
            Kernel { bias, activation, ..Kernel::new(self.sizes.geometry, x, weight, out) }.run();
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (x, weight) = (node.input(0), node.input(1));
        let plain = Conv { activation: Activation::Identity, ..*self };
        let gz = epilogue::cotangent(self.activation, node, plain)?;
        let mut result = Cotangents::new();
        result.push(node.needs(0).then(|| self.sizes.back(gz, weight)).transpose()?);
        result.push(node.needs(1).then(|| self.sizes.weight_grad(x, gz)).transpose()?);
        if node.len() > 2 {
            result.push(node.needs(2).then(|| convolution::bias_grad(gz)).transpose()?);
        }
        Ok(result)
    }
}

/// The convolution along one axis ([`conv1d`]) or two ([`conv2d`]), for code that is generic over
/// the number of axes.
///
/// # Errors
/// If the shapes or options do not fit; the message states the expected ones.
#[track_caller]
pub fn conv<'t, E: Element, const AXES: usize>(
    x: Var<'t, E>,
    weight: Var<'t, E>,
    bias: Option<Var<'t, E>>,
    options: ConvOptions<AXES>,
) -> Result<Var<'t, E>> {
    let name = convolution::name(AXES);
    let sizes = Sizes::conv(name, (&x.shape(), &weight.shape()), &options)?;
    let op = Conv { sizes, activation: options.activation };
    match bias {
        Some(bias) => x.tape().apply(op, &[x, weight, bias]),
        None => x.tape().apply(op, &[x, weight]),
    }
}

/// The convolution of lines: with stride `s`, padding `p` and dilation `d`, `y[n, o, j] =
/// f(bias[o] + sum over c, t of x[n, c, j s - p + t d] weight[o, c, t])`, where `x` is zero outside
/// its bounds and `c` runs over the channels of the group of `o`.
///
/// # Shapes
/// `x` is `[batch, in, length]`, `weight` `[out, in / groups, kernel]`, `bias` `[out]`; the result
/// is `[batch, out, floor((length + paddings - d (kernel - 1) - 1) / s) + 1]`.
///
/// # Errors
/// If the shapes or options do not fit; the message states the expected ones.
#[track_caller]
pub fn conv1d<'t, E: Element>(
    x: Var<'t, E>,
    weight: Var<'t, E>,
    bias: Option<Var<'t, E>>,
    options: Conv1dOptions,
) -> Result<Var<'t, E>> {
    conv(x, weight, bias, options)
}

/// The convolution of images: [`conv1d`] along rows and columns.
///
/// ```
/// use wengert_autodiff::{Tensor, ops::Conv2dOptions};
/// let image = Tensor::<f32>::ones([1, 1, 3, 3]);
/// let y = image.conv2d(&Tensor::ones([1, 1, 3, 3]), None, Conv2dOptions::new().padding(1));
/// assert_eq!(y.to_vec(), [4.0, 6.0, 4.0, 6.0, 9.0, 6.0, 4.0, 6.0, 4.0]);
/// ```
///
/// # Shapes
/// `x` is `[batch, in, rows, columns]`, `weight` `[out, in / groups, kernel rows, kernel columns]`,
/// `bias` `[out]`; the result is `[batch, out, ..]`, its sizes by the formula of [`conv1d`].
///
/// # Errors
/// If the shapes or options do not fit; the message states the expected ones.
#[track_caller]
pub fn conv2d<'t, E: Element>(
    x: Var<'t, E>,
    weight: Var<'t, E>,
    bias: Option<Var<'t, E>>,
    options: Conv2dOptions,
) -> Result<Var<'t, E>> {
    conv(x, weight, bias, options)
}

methods! {
    /// The convolution of lines.
    conv1d / try_conv1d(weight [bias]; options: Conv1dOptions)
}

methods! {
    /// The convolution of images.
    conv2d / try_conv2d(weight [bias]; options: Conv2dOptions)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("conv", |s| {
    let sizes = conv_reference::draw(s);
    let ([x, weight, _], bias) = (sizes.shapes(), Shape::from([sizes.geometry.channels().output]));
    let with_bias = s.coin();
    let shapes = [x, weight, bias];
    let shapes = &shapes[..2 + usize::from(with_bias)];
    let (activation, f) = conv_reference::activation(s);
    let op = Conv { sizes, activation };
    conv_reference::case(s, op, shapes, move |x| {
        let z = conv_reference::conv(sizes, &x[0], &x[1]);
        conv_reference::finish(&z, x.get(2), f)
    })
})];
