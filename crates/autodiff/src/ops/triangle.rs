//! `y = x` on one side of a diagonal of each matrix, zero on the other; the cotangent is `gy` on
//! that side.

use wengert_kernels::Element;

#[cfg(any(test, feature = "testing"))]
use super::diagonal::sample;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row, Sampler};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Lower,
    Upper,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Triangle {
    side: Side,
    offset: isize,
}

impl Triangle {
    const fn name(self) -> &'static str {
        match self.side {
            Side::Lower => "tril",
            Side::Upper => "triu",
        }
    }
}

impl<E: Element> Op<E> for Triangle {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        inputs[0].matrices((*self).name())?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (_, [rows, cols]) = inputs[0].shape().matrices((*self).name())?;
        ctx.output_by(|out| {
            inputs[0].copy_to(out);
            if out.is_empty() {
                return;
            }
            for matrix in out.chunks_exact_mut(rows * cols) {
                for (i, row) in matrix.chunks_exact_mut(cols).enumerate() {
                    // The column on the diagonal, and the one after it.
                    let on = (i as isize).saturating_add(self.offset);
                    let clipped = |column: isize| column.clamp(0, cols as isize) as usize;
                    match self.side {
                        Side::Lower => row[clipped(on.saturating_add(1))..].fill(E::ZERO),
                        Side::Upper => row[..clipped(on)].fill(E::ZERO),
                    }
                }
            }
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.tape().apply(*self, &[node.gy()])?)])
    }
}

entry! {
    /// The lower triangle of each matrix: the elements `[.., i, j]` with `j <= i + offset`, and
    /// zeros elsewhere, even in place of NaN.
    ///
    /// # Shapes
    /// The shape `[.., rows, columns]` does not change.
    tril / try_tril(x; offset: isize) = Triangle { side: Side::Lower, offset }
}

entry! {
    /// The upper triangle of each matrix: the elements `[.., i, j]` with `j >= i + offset`, and
    /// zeros elsewhere, even in place of NaN.
    ///
    /// # Shapes
    /// The shape `[.., rows, columns]` does not change.
    triu / try_triu(x; offset: isize) = Triangle { side: Side::Upper, offset }
}

#[cfg(any(test, feature = "testing"))]
fn case(s: &mut Sampler, side: Side) -> Case {
    let (shape, offset) = sample(s);
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    Case::new(Triangle { side, offset }, inputs, move |x| {
        Dense::from_fn(&shape, |place| {
            let (i, j) = (place[place.len() - 2] as isize, place[place.len() - 1] as isize);
            let inside = if side == Side::Lower { j <= i + offset } else { j >= i + offset };
            if inside { x[0].at(&place) } else { 0.0 }
        })
    })
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[
    Row { name: "tril", order: 2, reorders: false, sample: |s| case(s, Side::Lower) },
    Row { name: "triu", order: 2, reorders: false, sample: |s| case(s, Side::Upper) },
];
