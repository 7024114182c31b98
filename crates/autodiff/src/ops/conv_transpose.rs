//! `x = f(conv^T(y, w) + b)`: the transpose of a convolution, a map from its outputs to its inputs.
//! With `gz = gx f'(x)` the cotangents are the convolution of `gz` with `w`, the weight's gradient
//! for `gz` and `y`, and the sum of `gz` over all axes but the channels.

use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::conv::ConvTranspose as Kernel;

use super::activate::check;
#[cfg(any(test, feature = "testing"))]
use super::conv_reference;
use super::convolution::{self, ConvTransposeOptions, Sizes};
use super::{epilogue, support};
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Row;

#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvTranspose {
    pub(crate) sizes: Sizes,
    pub(crate) activation: Activation,
}

impl<E: Element> Op<E> for ConvTranspose {
    fn name(&self) -> &'static str {
        convolution::transposed_name(self.sizes.axes())
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let op = convolution::transposed_name(self.sizes.axes());
        check::<E>(op, self.activation)?;
        let expected = [self.sizes.output(), self.sizes.weight()];
        let channels = self.sizes.geometry.channels().input;
        convolution::check(op, inputs, expected, Some(channels))?;
        Ok(self.sizes.input())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (y, weight) = (inputs[0].try_contiguous()?, inputs[1].try_contiguous()?);
        let bias = inputs.get(2).map(|bias| bias.try_contiguous()).transpose()?;
        epilogue::finish(self.activation, ctx, |out| {
            let (y, weight) = (support::slice(&y), support::slice(&weight));
            let bias = bias.as_ref().map(support::slice);
            let activation = epilogue::fused(self.activation);
            Kernel { bias, activation, ..Kernel::new(self.sizes.geometry, y, weight, out) }.run();
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (y, weight) = (node.input(0), node.input(1));
        let plain = ConvTranspose { activation: Activation::Identity, ..*self };
        let gz = epilogue::cotangent(self.activation, node, plain)?;
        let mut result = Cotangents::new();
        result.push(node.needs(0).then(|| self.sizes.forward(gz, weight)).transpose()?);
        result.push(node.needs(1).then(|| self.sizes.weight_grad(gz, y)).transpose()?);
        if node.len() > 2 {
            result.push(node.needs(2).then(|| convolution::bias_grad(gz)).transpose()?);
        }
        Ok(result)
    }
}

/// The transposed convolution along one axis ([`conv_transpose1d`]) or two ([`conv_transpose2d`]),
/// for code that is generic over the number of axes.
///
/// # Errors
/// If the shapes or options do not fit; the message states the expected ones.
#[track_caller]
pub fn conv_transpose<'t, E: Element, const AXES: usize>(
    x: Var<'t, E>,
    weight: Var<'t, E>,
    bias: Option<Var<'t, E>>,
    options: impl Into<ConvTransposeOptions<AXES>>,
) -> Result<Var<'t, E>> {
    let options = options.into();
    let name = convolution::transposed_name(AXES);
    let sizes = Sizes::transposed(name, (&x.shape(), &weight.shape()), &options)?;
    let op = ConvTranspose { sizes, activation: options.conv.activation };
    match bias {
        Some(bias) => x.tape().apply(op, &[x, weight, bias]),
        None => x.tape().apply(op, &[x, weight]),
    }
}

/// The transposed convolution of lines: the gradient of a convolution of the same options by its
/// input, as a function of its output's cotangent. Each element of `x` adds a multiple of the
/// weight to the output; the multiples are `stride` positions apart.
///
/// # Shapes
/// `x` is `[batch, in, length]`, `weight` `[in, out / groups, kernel]`, `bias` `[out]`; the result
/// is `[batch, out, stride (length - 1) + dilation (kernel - 1) + 1 - paddings + output padding]`.
///
/// # Errors
/// If the shapes or options do not fit; the message states the expected ones.
#[track_caller]
pub fn conv_transpose1d<'t, E: Element>(
    x: Var<'t, E>,
    weight: Var<'t, E>,
    bias: Option<Var<'t, E>>,
    options: impl Into<ConvTransposeOptions<1>>,
) -> Result<Var<'t, E>> {
    conv_transpose(x, weight, bias, options)
}

/// The transposed convolution of images: [`conv_transpose1d`] along rows and columns.
///
/// ```
/// use wengert_autodiff::{Tensor, ops::Conv2dOptions};
/// let x = Tensor::<f32>::ones([1, 1, 1, 2]);
/// let weight = Tensor::from_fn([1, 1, 1, 2], |i| (1 + i[3]) as f32);
/// let y = x.conv_transpose2d(&weight, None, Conv2dOptions::new().stride([1, 2]));
/// assert_eq!(y.to_vec(), [1.0, 2.0, 1.0, 2.0]);
/// ```
///
/// # Shapes
/// `x` is `[batch, in, rows, columns]`, `weight` `[in, out / groups, kernel rows, kernel columns]`,
/// `bias` `[out]`; the result is `[batch, out, ..]`, its sizes by the formula of
/// [`conv_transpose1d`].
///
/// # Errors
/// If the shapes or options do not fit; the message states the expected ones.
#[track_caller]
pub fn conv_transpose2d<'t, E: Element>(
    x: Var<'t, E>,
    weight: Var<'t, E>,
    bias: Option<Var<'t, E>>,
    options: impl Into<ConvTransposeOptions<2>>,
) -> Result<Var<'t, E>> {
    conv_transpose(x, weight, bias, options)
}

methods! {
    /// The transposed convolution of lines.
    conv_transpose1d / try_conv_transpose1d(weight [bias]; options: impl Into<ConvTransposeOptions<1>>)
}

methods! {
    /// The transposed convolution of images.
    conv_transpose2d / try_conv_transpose2d(weight [bias]; options: impl Into<ConvTransposeOptions<2>>)
}

instances!(conv_transpose<E>: Tape::<E>::apply::<ConvTranspose>);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("conv_transpose", |s| {
    let sizes = conv_reference::draw(s);
    let ([_, weight, y], bias) = (sizes.shapes(), Shape::from([sizes.geometry.channels().input]));
    let with_bias = s.coin();
    let shapes = [y, weight, bias];
    let shapes = &shapes[..2 + usize::from(with_bias)];
    let (activation, f) = conv_reference::activation(s);
    let op = ConvTranspose { sizes, activation };
    conv_reference::case(s, op, shapes, move |x| {
        let z = conv_reference::conv_transpose(sizes, &x[0], &x[1]);
        conv_reference::finish(&z, x.get(2), f)
    })
})];
