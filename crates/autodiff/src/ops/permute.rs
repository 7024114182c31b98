//! `y = x` with its axes in another order, as a view; the cotangent is `gy` in the original order.

use wengert_kernels::Element;

use crate::error::{Result, expect};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Permute {
    order: Vec<isize>,
}

impl<E: Element> Op<E> for Permute {
    described!("permute", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        // The shape rule of the view, applied to a tensor of that shape that has a single element
        // in memory.
        let view = Tensor::scalar(E::ZERO).try_broadcast_to(inputs[0].clone())?;
        view.try_permute(&self.order).map(|view| view.shape().clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        inputs[0].try_permute(&self.order)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let shape = node.input(0).shape();
        let mut inverse = vec![0; self.order.len()];
        for (to, &from) in self.order.iter().enumerate() {
            inverse[shape.axis("permute", from)?] = to as isize;
        }
        cotangents([Some(permute(node.gy(), &inverse)?)])
    }
}

/// The tensor with its axes in another order: axis `i` of the result is axis `order[i]`. Returns a
/// view.
///
/// # Errors
/// If `order` does not contain every axis once.
#[track_caller]
pub fn permute<'t, E: Element>(x: Var<'t, E>, order: &[isize]) -> Result<Var<'t, E>> {
    x.tape().apply(Permute { order: order.to_vec() }, &[x])
}

/// The tensor with two axes exchanged. Returns a view.
///
/// # Errors
/// If one of them does not exist.
#[track_caller]
pub fn transpose<E: Element>(x: Var<'_, E>, a: isize, b: isize) -> Result<Var<'_, E>> {
    let shape = x.shape();
    let (a, b) = (shape.axis("transpose", a)?, shape.axis("transpose", b)?);
    let mut order: Vec<isize> = (0..shape.rank() as isize).collect();
    order.swap(a, b);
    x.tape().apply(Permute { order }, &[x])
}

/// The tensor with an axis moved to another position; the others keep their order. Returns a view.
///
/// # Errors
/// If either position does not exist.
#[track_caller]
pub fn move_axis<E: Element>(x: Var<'_, E>, from: isize, to: isize) -> Result<Var<'_, E>> {
    let shape = x.shape();
    let (from, to) = (shape.axis("move_axis", from)?, shape.axis("move_axis", to)?);
    let mut order: Vec<isize> = (0..shape.rank() as isize).collect();
    let axis = order.remove(from);
    order.insert(to, axis);
    x.tape().apply(Permute { order }, &[x])
}

methods! {
    /// The tensor with an axis moved to another position; the others keep their order.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::<f32>::zeros([2, 3, 4]);
    /// assert_eq!(x.move_axis(0, -1).shape(), &[3, 4, 2][..]);
    /// ```
    ///
    move_axis / try_move_axis(; from: isize, to: isize)
}

impl<E: Element> Var<'_, E> {
    /// The tensor with its axes in another order. See [`ops::permute`](crate::ops::permute).
    ///
    /// # Panics
    /// If `order` does not contain every axis once.
    #[track_caller]
    pub fn permute(self, order: &[isize]) -> Self {
        expect(permute(self, order))
    }

    /// The tensor with two axes exchanged.
    ///
    /// # Panics
    /// If one of them does not exist.
    #[track_caller]
    pub fn transpose(self, a: isize, b: isize) -> Self {
        expect(transpose(self, a, b))
    }
}

instances!(permute<E>: permute::<E>, transpose::<E>);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "permute",
    order: 2,
    reorders: false,
    sample: |s| {
        let shape = s.shape();
        let order = s.permutation(shape.rank());
        let op = Permute { order: order.iter().map(|&axis| axis as isize).collect() };
        let inputs = vec![s.tensor(&shape, &Domain::REAL)];
        Case::new(op, inputs, move |x| x[0].permuted(&order))
    },
}];
