//! `y = the operands concatenated along an axis`; the cotangents are the parts of `gy`. Stacking is
//! the concatenation along a new axis of size 1 in each operand.

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::eval::compose;
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Concat {
    pub(crate) axis: isize,
}

impl<E: Element> Op<E> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let axis = inputs[0].axis("concat", self.axis)?;
        let mut shape = inputs[0].clone();
        for input in &inputs[1..] {
            let others = |shape: &Shape| {
                shape.iter().enumerate().filter(|(i, _)| *i != axis).map(|(_, &d)| d).collect()
            };
            let fits = input.rank() == shape.rank() && {
                let (a, b): (Shape, Shape) = (others(input), others(&shape));
                a == b
            };
            if !fits {
                let expected = format!("shapes that differ only in the size of axis {axis}");
                let got = inputs.iter().map(|&shape| shape.clone()).collect();
                return Err(Error::Shapes { op: "concat", expected, got });
            }
            shape.dims_mut()[axis] = shape[axis].saturating_add(input[axis]);
        }
        Ok(shape)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let axis = ctx.shape().axis("concat", self.axis)?;
        let inner: usize = ctx.shape()[axis + 1..].iter().product();
        let row = ctx.shape()[axis] * inner;
        let mut output = ctx.output()?;
        let out = output.as_mut_slice();
        if out.is_empty() {
            return Ok(output);
        }
        let mut start = 0;
        for x in inputs {
            let len = x.shape()[axis] * inner;
            if len == row {
                // The other operands are empty.
                x.compute()?;
                x.copy_to(out);
            } else if len > 0 {
                let mut copy = None;
                let parts = x.in_order(&mut copy)?.chunks_exact(len);
                for (row, part) in out.chunks_exact_mut(row).zip(parts) {
                    row[start..start + len].copy_from_slice(part);
                }
            }
            start += len;
        }
        Ok(output)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let axis = node.input(0).shape().axis("concat", self.axis)?;
        let mut start = 0;
        (0..node.len())
            .map(|i| {
                let end = start + node.input(i).shape()[axis] as isize;
                let part = start..end;
                start = end;
                node.needs(i).then(|| super::slice(node.gy(), axis as isize, part)).transpose()
            })
            .collect()
    }
}

/// The operands concatenated along an axis.
///
/// # Shapes
/// All sizes but those along the axis are equal; the result's size along it is the sum of theirs.
///
/// # Errors
/// If there are no operands, or their shapes do not fit.
#[track_caller]
pub fn concat<'t, E: Element>(operands: &[Var<'t, E>], axis: isize) -> Result<Var<'t, E>> {
    let first = operands.first().ok_or_else(|| nothing("concat"))?;
    first.tape().apply(Concat { axis }, operands)
}

/// The operands concatenated along a new axis.
///
/// # Shapes
/// `n` operands of one shape give that shape with an axis of size `n` inserted before `axis`; the
/// operands' rank (or -1) inserts it after the last axis.
///
/// # Errors
/// If there are no operands, their shapes differ, or there is no such axis.
#[track_caller]
pub fn stack<'t, E: Element>(operands: &[Var<'t, E>], axis: isize) -> Result<Var<'t, E>> {
    let first = operands.first().ok_or_else(|| nothing("stack"))?;
    let shape = first.shape();
    if operands.iter().any(|x| x.shape() != shape) {
        let got = operands.iter().map(|x| x.shape()).collect();
        let expected = "operands of one shape".to_owned();
        return Err(Error::Shapes { op: "stack", expected, got });
    }
    shape.place("stack", axis)?;
    let rows: Vec<_> =
        operands.iter().map(|&x| super::unsqueeze(x, axis)).collect::<Result<_>>()?;
    concat(&rows, axis)
}

fn nothing(op: &'static str) -> Error {
    let message = "got no operands, but takes at least one".to_owned();
    Error::Argument { op, message }
}

impl<E: Element> Var<'_, E> {
    /// The operands concatenated along an axis. See [`ops::concat`](crate::ops::concat).
    ///
    /// # Panics
    /// If there are no operands, or their shapes do not fit.
    #[track_caller]
    pub fn concat(operands: &[Self], axis: isize) -> Self {
        expect(concat(operands, axis))
    }

    /// The operands concatenated along a new axis. See [`ops::stack`](crate::ops::stack).
    ///
    /// # Panics
    /// If there are no operands, their shapes differ, or there is no such axis.
    #[track_caller]
    pub fn stack(operands: &[Self], axis: isize) -> Self {
        expect(stack(operands, axis))
    }
}

impl<E: Element> Tensor<E> {
    /// The operands concatenated along an axis. See [`ops::concat`](crate::ops::concat).
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let (a, b) = (Tensor::from_fn([2, 1], |i| i[0] as f32), Tensor::ones([2, 2]));
    /// assert_eq!(Tensor::concat(&[&a, &b], 1).to_vec(), [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there are no operands, or their shapes do not fit.
    #[track_caller]
    pub fn concat(operands: &[&Self], axis: isize) -> Self {
        expect(Self::try_concat(operands, axis))
    }

    /// Fallible version of [`concat`](Self::concat).
    ///
    /// # Errors
    /// If there are no operands, their shapes do not fit, or there is no memory for the result.
    pub fn try_concat(operands: &[&Self], axis: isize) -> Result<Self> {
        compose(operands, |operands| concat(operands, axis))
    }

    /// The operands concatenated along a new axis. See [`ops::stack`](crate::ops::stack).
    ///
    /// # Panics
    /// If there are no operands, their shapes differ, or there is no such axis.
    #[track_caller]
    pub fn stack(operands: &[&Self], axis: isize) -> Self {
        expect(Self::try_stack(operands, axis))
    }

    /// Fallible version of [`stack`](Self::stack).
    ///
    /// # Errors
    /// If there are no operands, their shapes differ, there is no such axis, or there is no memory
    /// for the result.
    pub fn try_stack(operands: &[&Self], axis: isize) -> Result<Self> {
        compose(operands, |operands| stack(operands, axis))
    }
}

instances!(concat<E>: concat::<E>, stack::<E>, Tensor::<E>::try_concat, Tensor::<E>::try_stack);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("concat", |s| {
    let shape = s.shape_with_axis();
    let axis = s.below(shape.rank());
    let inputs: Vec<_> = (0..=s.below(3))
        .map(|_| {
            let mut own = shape.clone();
            own.dims_mut()[axis] = s.size();
            s.tensor(&own, &Domain::REAL)
        })
        .collect();
    Case::new(Concat { axis: axis as isize }, inputs, move |x| {
        let mut all = shape.to_vec();
        all[axis] = x.iter().map(|x| x.shape[axis]).sum();
        // Each operand is padded with zeros to its position, and all are added.
        let mut start = 0;
        x.iter().fold(Dense::zeros(&all), |out, x| {
            let out = out.with_added(x, |place| place[axis] += start);
            start += x.shape[axis];
            out
        })
    })
})];
