//! `y = x` under another shape; the cotangent is `gy` under the old one.

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Reshape {
    shape: Shape,
}

impl<E: Element> Op<E> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape> {
        Ok(self.shape.clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        inputs[0].try_reshape(self.shape.clone())
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(reshape(node.gy(), node.input(0).shape())?)])
    }
}

/// The same elements in row-major order under another shape; copies only where strides cannot
/// express it.
///
/// # Errors
/// If the shapes differ in their number of elements.
#[track_caller]
pub fn reshape<E: Element>(x: Var<'_, E>, shape: impl Into<Shape>) -> Result<Var<'_, E>> {
    x.tape().apply(Reshape { shape: shape.into() }, &[x])
}

impl<E: Element> Var<'_, E> {
    /// The same elements under another shape. See [`ops::reshape`](crate::ops::reshape).
    ///
    /// # Panics
    /// If the shapes differ in their number of elements.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Self {
        expect(reshape(self, shape))
    }

    /// A new axis of size 1 in front of `axis`; `rank` (or -1) puts it behind the last.
    ///
    /// # Panics
    /// If there is no such place.
    #[track_caller]
    pub fn unsqueeze(self, axis: isize) -> Self {
        let rank = self.shape().rank() as isize + 1;
        let at = if axis < 0 { axis + rank } else { axis };
        if !(0..rank).contains(&at) {
            expect::<()>(Err(Error::Axis { op: "unsqueeze", axis, rank: rank as usize }));
        }
        let mut shape = self.shape();
        shape.dims_mut().insert(at as usize, 1);
        self.reshape(shape)
    }
}

pub(crate) const ROWS: &[Row] = &[Row {
    name: "reshape",
    order: 2,
    reorders: false,
    sample: |s| {
        let from = s.shape();
        // The sizes in another order, with an axis of size 1 put in.
        let mut to: Vec<usize> = from.iter().rev().copied().collect();
        to.insert(to.len() / 2, 1);
        let op = Reshape { shape: to.clone().into() };
        Case::new(op, vec![s.tensor(&from, &Domain::REAL)], move |x| Dense {
            shape: to.clone(),
            data: x[0].data.clone(),
        })
    },
}];
