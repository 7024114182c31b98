//! `gw = sum over images and positions of y x`: the gradient of a convolution by its weight, from
//! its input `x` and its output's cotangent `y`. It is linear in both: with `g` the cotangent of
//! `gw`, the cotangents are the transposed convolution of `y` with `g` and the convolution of `x`
//! with `g`.

use wengert_kernels::Element;
use wengert_kernels::conv::ConvWeightGrad as Kernel;

#[cfg(any(test, feature = "testing"))]
use super::conv_reference;
use super::convolution::{self, Sizes};
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Row;

#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvWeightGrad {
    pub(crate) sizes: Sizes,
}

impl<E: Element> Op<E> for ConvWeightGrad {
    fn name(&self) -> &'static str {
        convolution::name(self.sizes.axes())
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let expected = [self.sizes.input(), self.sizes.output()];
        convolution::check(convolution::name(self.sizes.axes()), inputs, expected, None)?;
        Ok(self.sizes.weight())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (x, y) = (inputs[0].try_contiguous()?, inputs[1].try_contiguous()?);
        ctx.output_by(|out| {
            Kernel::new(self.sizes.geometry, support::slice(&x), support::slice(&y), out).run();
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (g, x, y) = (node.gy(), node.input(0), node.input(1));
        cotangents([
            node.needs(0).then(|| self.sizes.back(y, g)).transpose()?,
            node.needs(1).then(|| self.sizes.forward(x, g)).transpose()?,
        ])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("conv_weight_grad", |s| {
    let sizes = conv_reference::draw(s);
    let [x, _, y] = sizes.shapes();
    conv_reference::case(s, ConvWeightGrad { sizes }, &[x, y], move |x| {
        conv_reference::weight_grad(sizes, &x[0], &x[1])
    })
})];
