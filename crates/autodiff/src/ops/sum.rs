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

/// Over which axes, and whether they stay with size 1.
#[derive(Clone, Debug)]
pub(crate) struct Axes {
    /// `None` is all of them.
    pub(crate) axes: Option<Vec<isize>>,
    pub(crate) keep: bool,
}

impl Axes {
    /// One flag an axis: whether it is summed over.
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

    /// How many elements make one of the result.
    pub(crate) fn count(&self, op: &'static str, shape: &Shape) -> Result<usize> {
        let flags = self.flags(op, shape)?;
        Ok(shape.iter().zip(&flags).filter(|(_, flag)| **flag).map(|(&dim, _)| dim).product())
    }

    /// The reduced axes as one, where kernels find it.
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

/// A shape whose reduced axes lie next to each other.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The order of the axes in which they do.
    order: Vec<isize>,
    permuted: Shape,
    /// The elements before, along and behind them.
    pub(crate) dims: [usize; 3],
}

impl Group {
    /// A tensor in that order, its elements one after another.
    pub(crate) fn lines<E: Element>(&self, x: &Tensor<E>) -> Result<Tensor<E>> {
        x.try_permute(&self.order)?.try_contiguous()
    }

    /// What undoes [`lines`](Self::lines).
    pub(crate) fn restore<E: Element>(&self, lines: &Tensor<E>) -> Result<Tensor<E>> {
        lines.try_permute(&strided::inverse(&self.order))
    }

    /// A variable in that order, of shape [`dims`](Self::dims).
    pub(crate) fn gather<'t, E: Element>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        super::reshape(super::permute(x, &self.order)?, self.dims)
    }

    /// What undoes [`gather`](Self::gather).
    pub(crate) fn scatter<'t, E: Element>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        super::permute(super::reshape(x, self.permuted.clone())?, &strided::inverse(&self.order))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Sum(pub(super) Axes);

impl<E: Element> Op<E> for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

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
    /// Summed in blocks, so that the error grows with the logarithm of the length; the order
    /// depends on the shape alone. For `n` elements to a sum the error is below `(24 + log2 n) eps`
    /// of the sum of their magnitudes. Partial sums may leave the range: the result is infinite
    /// only if the sum itself is beyond the range, or an element is infinite.
    /// Of elements that repeat along an axis (a broadcast view) one copy is summed and the sum
    /// multiplied by their number, which is at least as accurate.
    sum / try_sum(x) = Sum(Axes { axes: None, keep: false })
}

entry! {
    /// The sum over the named axes (negative numbers count from the last). With `keep_dims` they
    /// stay with size 1, otherwise they go.
    sum_axes / try_sum_axes(x; axes: &[isize], keep_dims: bool) = Sum(Axes { axes: Some(axes.to_vec()), keep: keep_dims })
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "sum",
    order: 2,
    reorders: false,
    sample: |s| {
        let shape = s.shape();
        let (axes, keep) = s.axes(&shape);
        let op = Sum(Axes { axes: Some(axes.clone()), keep });
        Case::new(op, vec![s.tensor(&shape, &Domain::REAL)], move |x| {
            x[0].reduce(&axes, keep, |values| values.iter().sum())
        })
    },
}];
