//! `y = x` shifted circularly along some axes; the cotangent is `gy` shifted back.

use wengert_kernels::Element;

use super::concat::Concat;
use crate::error::Result;
use crate::eval::value_of;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Roll {
    /// Pairs of an axis and a shift.
    shifts: Vec<(isize, isize)>,
}

impl<E: Element> Op<E> for Roll {
    described!("roll", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        for &(axis, _) in &self.shifts {
            inputs[0].axis("roll", axis)?;
        }
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        self.shifts.iter().try_fold(inputs[0].clone(), |x, &(axis, by)| {
            let size = x.shape()[x.shape().axis("roll", axis)?];
            let first = if size == 0 { 0 } else { by.rem_euclid(size as isize) };
            if first == 0 {
                return Ok(x);
            }
            let cut = size as isize - first;
            let (front, back) = (x.try_slice(axis, ..cut)?, x.try_slice(axis, cut..)?);
            value_of(&Concat { axis }, &[&back, &front], ctx.pool())
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (gy, mut back) = (node.gy(), self.shifts.clone());
        for (axis, by) in &mut back {
            let size = gy.shape()[gy.shape().axis("roll", *axis)?] as isize;
            // The shift is first reduced modulo the size, as the negation of `isize::MIN`
            // overflows.
            *by = -by.checked_rem(size).unwrap_or(0);
        }
        cotangents([Some(roll(gy, &back)?)])
    }
}

entry! {
    /// The tensor shifted circularly along axes. Each axis is given with a number of positions,
    /// positive for a shift towards the end; elements shifted beyond one end enter at the other.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from_fn([4], |i| i[0] as f32);
    /// assert_eq!(x.roll(&[(0, 1)]).to_vec(), [3.0, 0.0, 1.0, 2.0]);
    /// ```
    roll / try_roll(x; shifts: &[(isize, isize)]) = Roll { shifts: shifts.to_vec() }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("roll", |s| {
    let shape = s.shape();
    let (axes, _) = s.axes(&shape);
    let shifts: Vec<(isize, isize)> =
        axes.iter().map(|&axis| (axis, s.below(15) as isize - 7)).collect();
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    Case::new(Roll { shifts: shifts.clone() }, inputs, move |x| {
        Dense::from_fn(&shape, |mut place| {
            for &(axis, by) in &shifts {
                let axis = axis.rem_euclid(shape.rank() as isize) as usize;
                let from = place[axis] as isize - by;
                place[axis] = from.rem_euclid(shape[axis] as isize) as usize;
            }
            x[0].at(&place)
        })
    })
})];
