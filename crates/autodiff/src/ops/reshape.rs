//! `y = x` in another shape; the cotangent is `gy` in the original one.

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Reshape {
    shape: Shape,
}

impl<E: Element> Op<E> for Reshape {
    described!("reshape", operands: 1);

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

/// A tensor with the same elements in row-major order in another shape. Returns a view where
/// strides can express it, otherwise a copy.
///
/// # Errors
/// If the shapes differ in their number of elements.
#[track_caller]
pub fn reshape<E: Element>(x: Var<'_, E>, shape: impl Into<Shape>) -> Result<Var<'_, E>> {
    x.tape().apply(Reshape { shape: shape.into() }, &[x])
}

impl<E: Element> Var<'_, E> {
    /// A tensor with the same elements in another shape. See [`ops::reshape`](crate::ops::reshape).
    ///
    /// # Panics
    /// If the shapes differ in their number of elements.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Self {
        expect(reshape(self, shape))
    }
}

/// The tensor with a new axis of size 1 before `axis`; the rank (or -1) adds it after the last
/// axis. Returns a view.
///
/// # Errors
/// If there is no such axis.
#[track_caller]
pub fn unsqueeze<E: Element>(x: Var<'_, E>, axis: isize) -> Result<Var<'_, E>> {
    let mut shape = x.shape();
    let at = shape.place("unsqueeze", axis)?;
    shape.dims_mut().insert(at, 1);
    reshape(x, shape)
}

/// The tensor without an axis of size 1. Returns a view.
///
/// # Errors
/// If the axis does not exist or has another size.
#[track_caller]
pub fn squeeze<E: Element>(x: Var<'_, E>, axis: isize) -> Result<Var<'_, E>> {
    let mut shape = x.shape();
    let at = shape.axis_of_one("squeeze", axis)?;
    shape.dims_mut().remove(at);
    reshape(x, shape)
}

/// The tensor with the axes from `first` to `last`, both included, merged into one.
///
/// # Shapes
/// `[.., n_first, .., n_last, ..]` gives `[.., n_first * .. * n_last, ..]`; a single number gives
/// one axis of size 1.
///
/// # Errors
/// If an axis does not exist, or the last is before the first.
#[track_caller]
pub fn flatten<E: Element>(x: Var<'_, E>, first: isize, last: isize) -> Result<Var<'_, E>> {
    let shape = x.shape();
    if shape.rank() == 0 && [0, -1].contains(&first) && [0, -1].contains(&last) {
        return reshape(x, [1]);
    }
    let (from, to) = (shape.axis("flatten", first)?, shape.axis("flatten", last)?);
    if from > to {
        let message = format!("axis {last} is before axis {first}; give the first axis first");
        return Err(Error::Argument { op: "flatten", message });
    }
    let merged = shape[from..=to].iter().product();
    let sizes = shape[..from].iter().chain([&merged]).chain(&shape[to + 1..]);
    reshape(x, sizes.copied().collect::<Shape>())
}

methods! {
    /// The tensor with a new axis of size 1 before `axis`; the rank (or -1) adds it after the last
    /// axis.
    var unsqueeze(; axis: isize)
}

methods! {
    /// The tensor without an axis of size 1.
    var squeeze(; axis: isize)
}

methods! {
    /// The tensor with the axes from `first` to `last`, both included, merged into one.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::<f32>::zeros([2, 3, 4]);
    /// assert_eq!(x.flatten(1, -1).shape(), &[2, 12][..]);
    /// ```
    ///
    flatten / try_flatten(; first: isize, last: isize)
}

instances!(reshape<E>: Tape::<E>::apply::<Reshape>);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("reshape", |s| {
    let from = s.shape();
    // The sizes in another order, with an axis of size 1 inserted.
    let mut to: Vec<usize> = from.iter().rev().copied().collect();
    to.insert(to.len() / 2, 1);
    let op = Reshape { shape: to.clone().into() };
    Case::new(op, vec![s.tensor(&from, &Domain::REAL)], move |x| Dense {
        shape: to.clone(),
        data: x[0].data.clone(),
    })
})];
