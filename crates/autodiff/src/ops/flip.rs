//! `y = x` reversed along some axes, as a view; the cotangent is `gy` reversed.

use wengert_kernels::Element;

use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::tensor::view::Step;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Flip {
    axes: Vec<isize>,
}

impl<E: Element> Op<E> for Flip {
    described!("flip", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        inputs[0].axis_set("flip", &self.axes)?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let backwards = Step::new(.., -1);
        self.axes.iter().try_fold(inputs[0].clone(), |x, &axis| x.try_slice(axis, backwards))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(flip(node.gy(), &self.axes)?)])
    }
}

entry! {
    /// The tensor reversed along each of the given axes. Returns a view.
    flip / try_flip(x; axes: &[isize]) = Flip { axes: axes.to_vec() }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("flip", |s| {
    let shape = s.shape();
    let (axes, _) = s.axes(&shape);
    let named: Vec<usize> =
        axes.iter().map(|&axis| axis.rem_euclid(shape.rank() as isize) as usize).collect();
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    Case::new(Flip { axes }, inputs, move |x| {
        Dense::from_fn(&shape, |mut place| {
            for &axis in &named {
                place[axis] = shape[axis] - 1 - place[axis];
            }
            x[0].at(&place)
        })
    })
})];
