//! The linear recurrence `s_i = x_i + a_i s_(i-1)` along an axis, where the element before the
//! first is zero. With `u` the cotangent of `s`, `x` has the cotangent
//! `r_i = u_i + a_(i+1) r_(i+1)`, the same recurrence from the other end, and `a` has
//! `r_i s_(i-1)`.

use wengert_kernels::{Element, scan};

use super::slice::{Slice, slice};
use super::slice_grad::SliceGrad;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
use crate::tensor::view::Step;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row, Sampler};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Recurrence {
    pub(crate) axis: isize,
    /// Whether the recurrence runs from the last element to the first.
    pub(crate) reverse: bool,
}

impl<E: Element> Op<E> for Recurrence {
    described!("gradient of cumprod", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        inputs[0].axis("gradient of cumprod", self.axis)?;
        support::same("gradient of cumprod", inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let dims = dims("gradient of cumprod", inputs[0].shape(), self.axis)?;
        support::rows(ctx, inputs[0], inputs[1], |x, a, out| {
            scan::recurrence_axis(x, a, dims, self.reverse, out);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let Self { axis, reverse } = *self;
        let factors = shifted(node.input(1), axis, !reverse)?;
        let back = Recurrence { axis, reverse: !reverse };
        let sums = node.tape().apply(back, &[node.gy(), factors])?;
        let for_factors = if node.needs(1) {
            Some(sums.mul_absorbing(shifted(node.output(), axis, reverse)?))
        } else {
            None
        };
        cotangents([Some(sums), for_factors])
    }
}

/// The numbers of elements before, along and after an axis.
pub(super) fn dims(op: &'static str, shape: &Shape, axis: isize) -> Result<[usize; 3]> {
    let axis = shape.axis(op, axis)?;
    Ok([shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product()])
}

/// Each element replaced by the preceding one along an axis, or by the following one if `ahead`;
/// zero where there is none.
pub(super) fn shifted<E: Element>(x: Var<'_, E>, axis: isize, ahead: bool) -> Result<Var<'_, E>> {
    let shape = x.shape();
    let last = shape[shape.axis("slice", axis)?].saturating_sub(1) as isize;
    let without_last = Step { start: Some(0), stop: Some(last), step: 1 };
    let without_first = Step { start: Some(1), stop: None, step: 1 };
    let (from, to) =
        if ahead { (without_first, without_last) } else { (without_last, without_first) };
    let part = slice(x, axis, from)?;
    x.tape().apply(SliceGrad { slice: Slice { axis, range: to }, shape }, &[part])
}

/// A shape with at least one axis, and an axis, which may be counted from the last.
#[cfg(any(test, feature = "testing"))]
pub(super) fn sample_axis(s: &mut Sampler) -> (Shape, isize) {
    let shape = s.shape_with_axis();
    let rank = shape.rank();
    let axis = s.below(rank) as isize - if s.coin() { rank as isize } else { 0 };
    (shape, axis)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("recurrence", |s| {
    let (shape, axis) = sample_axis(s);
    let reverse = s.coin();
    let inputs = vec![s.tensor(&shape, &Domain::REAL), s.tensor(&shape, &Domain::REAL)];
    Case::new(Recurrence { axis, reverse }, inputs, move |x| {
        let axis = shape.axis("recurrence", axis).expect("a drawn axis");
        // The sum of each preceding element times the factors in between.
        Dense::from_fn(&shape, |at| {
            let here = at[axis];
            let there = if reverse { here..shape[axis] } else { 0..here + 1 };
            let value = |x: &Dense, i: usize| {
                let mut at = at.clone();
                at[axis] = i;
                x.at(&at)
            };
            let factors = |i: usize| if reverse { here..i } else { i + 1..here + 1 };
            let term = |i| value(&x[0], i) * factors(i).map(|j| value(&x[1], j)).product::<f64>();
            there.map(term).sum()
        })
    })
})];
