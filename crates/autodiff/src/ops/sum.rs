//! `y = sum of x over some axes`; the cotangent is `gy`, repeated along them.

use wengert_kernels::Element;

use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

/// The axes of a reduction, and whether they stay with size 1.
#[derive(Clone, Debug)]
pub(crate) struct Axes {
    /// `None` stands for all axes.
    pub(crate) axes: Option<Vec<isize>>,
    pub(crate) keep: bool,
}

impl Axes {
    /// All axes, none of which stays.
    pub(super) const ALL: Axes = Axes { axes: None, keep: false };

    /// The named axes.
    pub(super) fn of(axes: &[isize], keep: bool) -> Self {
        Axes { axes: Some(axes.to_vec()), keep }
    }

    /// One flag per axis: whether it is reduced.
    pub(crate) fn flags(&self, op: &'static str, shape: &Shape) -> Result<Vec<bool>> {
        match &self.axes {
            None => Ok(vec![true; shape.rank()]),
            Some(axes) => Ok(shape.axis_set(op, axes)?.to_vec()),
        }
    }

    pub(crate) fn reduced(&self, op: &'static str, shape: &Shape) -> Result<Shape> {
        let flags = self.flags(op, shape)?;
        Ok(if self.keep { shape.with_ones(&flags) } else { shape.without(&flags) })
    }

    /// Number of elements that are reduced to one.
    pub(crate) fn count(&self, op: &'static str, shape: &Shape) -> Result<usize> {
        let flags = self.flags(op, shape)?;
        Ok(shape.iter().zip(&flags).filter(|(_, flag)| **flag).map(|(&dim, _)| dim).product())
    }

    /// The reduced axes merged into one, as kernels expect them.
    pub(crate) fn group(&self, op: &'static str, shape: &Shape) -> Result<Group> {
        let flags = self.flags(op, shape)?;
        let named = |wanted: bool| (0..flags.len()).filter(move |&axis| flags[axis] == wanted);
        let reduced: Vec<usize> = named.clone()(true).collect();
        let adjacent = reduced.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        let order: Vec<usize> = if adjacent {
            (0..shape.rank()).collect()
        } else {
            named(false).chain(reduced.iter().copied()).collect()
        };
        let first = order.iter().position(|axis| reduced.contains(axis)).unwrap_or(order.len());
        let permuted: Shape = order.iter().map(|&axis| shape[axis]).collect();
        let size = |range: std::ops::Range<usize>| permuted[range].iter().product();
        let last = first + reduced.len();
        let dims = [size(0..first), size(first..last), size(last..order.len())];
        let order = order.into_iter().map(|axis| axis as isize).collect();
        Ok(Group { order, permuted, dims })
    }

    /// The reduced tensor's elements, repeated to the shape before the reduction.
    pub(crate) fn repeat<'t, E: Element>(
        &self,
        op: &'static str,
        reduced: Var<'t, E>,
        shape: &Shape,
    ) -> Result<Var<'t, E>> {
        let ones = shape.with_ones(&self.flags(op, shape)?);
        super::broadcast_to(super::reshape(reduced, ones)?, shape.clone())
    }
}

/// A permutation of axes after which the reduced axes are adjacent.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The permutation.
    order: Vec<isize>,
    permuted: Shape,
    /// The numbers of elements before, along and after the reduced axes.
    pub(crate) dims: [usize; 3],
}

impl Group {
    /// A tensor with its axes in that order, contiguous.
    pub(crate) fn lines<E: Element>(&self, x: &Tensor<E>) -> Result<Tensor<E>> {
        x.try_permute(&self.order)?.try_contiguous()
    }

    /// The inverse of [`lines`](Self::lines).
    pub(crate) fn restore<E: Element>(&self, lines: &Tensor<E>) -> Result<Tensor<E>> {
        lines.try_permute(&strided::inverse(&self.order))
    }

    /// A variable with its axes in that order, of shape [`dims`](Self::dims).
    pub(crate) fn gather<'t, E: Element>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        super::reshape(super::permute(x, &self.order)?, self.dims)
    }

    /// The inverse of [`gather`](Self::gather).
    pub(crate) fn scatter<'t, E: Element>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        super::permute(super::reshape(x, self.permuted.clone())?, &strided::inverse(&self.order))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Sum(pub(super) Axes);

impl<E: Element> Op<E> for Sum {
    described!("sum", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.0.reduced("sum", inputs[0])
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        if let Some(sum) = ctx.defer_sum(inputs[0], None) {
            return Ok(sum);
        }
        if let Some(sum) = support::reduced_once(self, inputs[0], &self.0, ctx, support::times)? {
            return Ok(sum);
        }
        let mut out = ctx.output()?;
        let flags = self.0.flags("sum", inputs[0].shape())?;
        strided::sum(inputs[0], &flags, out.as_mut_slice())?;
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let shape = node.input(0).shape();
        cotangents([Some(self.0.repeat("sum", node.gy(), &shape)?)])
    }
}

entry! {
    /// The sum of all elements, a single number; 0 if there are none.
    ///
    /// The elements are summed in blocks, in an order that depends only on the shape, so that the
    /// error grows with the logarithm of the length. A sum of `n` elements has an error below
    /// `(24 + log2 n) eps` times the sum of their magnitudes. Partial sums that overflow do no
    /// harm: the result is infinite only if the sum itself exceeds the range, or an element is
    /// infinite. Where elements repeat along an axis (a broadcast view), one copy is summed and
    /// multiplied by the number of copies, which is at least as accurate.
    sum / try_sum(x) = Sum(Axes::ALL)
}

entry! {
    /// The sum over the given axes (negative numbers count from the last). With `keep_dims` these
    /// axes stay with size 1, otherwise they are removed.
    sum_axes / try_sum_axes(x; axes: &[isize], keep_dims: bool) = Sum(Axes::of(axes, keep_dims))
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "sum",
    order: 2,
    reorders: false,
    sample: |s| {
        let shape = s.shape();
        let (axes, keep) = s.axes(&shape);
        let op = Sum(Axes::of(&axes, keep));
        Case::new(op, vec![s.tensor(&shape, &Domain::REAL)], move |x| {
            x[0].reduce(&axes, keep, |values| values.iter().sum())
        })
    },
}];
