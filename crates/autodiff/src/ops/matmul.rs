//! `Y = A B` over the last two axes, the axes in front broadcasting; the cotangents are `gY B^T`
//! and `A^T gY`. Any layout is read in place: a transpose costs nothing.

use wengert_kernels::Element;
use wengert_kernels::gemm::{Epilogue, Gemm, MatMut, MatRef};

use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct MatMul;

impl<E: Element> Op<E> for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let (a, b) = (inputs[0], inputs[1]);
        let mismatch = |expected: &str| Error::Shapes {
            op: "matmul",
            expected: expected.to_owned(),
            got: vec![a.clone(), b.clone()],
        };
        let ([batch_a @ .., m, k], [batch_b @ .., k_b, n]) = (a.dims(), b.dims()) else {
            return Err(mismatch("matrices, [.., m, k] and [.., k, n]"));
        };
        if k != k_b {
            return Err(mismatch("inner sizes that agree, [.., m, k] and [.., k, n]"));
        }
        let batch = Shape::from(batch_a)
            .broadcast(&Shape::from(batch_b))
            .ok_or_else(|| mismatch("leading axes that broadcast, [.., m, k] and [.., k, n]"))?;
        Ok(batch.iter().copied().chain([*m, *n]).collect())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let mut out = ctx.output();
        let rank = out.rank();
        let (m, n) = (out.shape()[rank - 2], out.shape()[rank - 1]);
        let k = inputs[0].shape()[inputs[0].rank() - 1];
        // A product of many matrices with one is one product of their rows.
        if inputs[1].rank() == 2
            && let Some(rows) = flat_rows(inputs[0])
        {
            let rows_m = rows.shape()[0];
            product(&rows, inputs[1], (rows_m, n), Epilogue::default(), out.as_mut_slice());
            return Ok(out);
        }
        let batch: Shape = out.shape()[..rank - 2].into();
        let full = |x: &Tensor<E>, rows: usize, cols: usize| {
            x.try_broadcast_to(batch.iter().copied().chain([rows, cols]).collect::<Shape>())
        };
        let (a, b) = (full(inputs[0], m, k)?, full(inputs[1], k, n)?);
        let mut index = vec![0; batch.rank()];
        if m * n > 0 {
            for out in out.as_mut_slice().chunks_exact_mut(m * n) {
                let pick = |x: &Tensor<E>| {
                    index.iter().try_fold(x.clone(), |x, &i| {
                        let i = i as isize;
                        x.try_slice(0, i..i + 1)?.try_squeeze(0)
                    })
                };
                product(&pick(&a)?, &pick(&b)?, (m, n), Epilogue::default(), out);
                for (i, &dim) in index.iter_mut().zip(batch.iter()).rev() {
                    *i += 1;
                    if *i < dim {
                        break;
                    }
                    *i = 0;
                }
            }
        }
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (gy, a, b) = (node.gy(), node.input(0), node.input(1));
        cotangents([
            node.needs(0).then(|| gy.matmul(b.transpose(-2, -1))),
            node.needs(1).then(|| a.transpose(-2, -1).matmul(gy)),
        ])
    }
}

/// The tensor as a matrix of its last axis' rows, if that needs no copy.
pub(super) fn flat_rows<E: Element>(x: &Tensor<E>) -> Option<Tensor<E>> {
    if x.rank() == 2 {
        return Some(x.clone());
    }
    let (Some(&cols), true) = (x.shape().last(), x.is_contiguous()) else { return None };
    let rows: usize = x.shape()[..x.rank() - 1].iter().product();
    x.try_reshape([rows, cols]).ok()
}

/// `out = epilogue(A B)` for matrices of any layout; `out` is `m` by `n`, row-major.
pub(super) fn product<E: Element>(
    a: &Tensor<E>,
    b: &Tensor<E>,
    (m, n): (usize, usize),
    epilogue: Epilogue<'_, E>,
    out: &mut [E],
) {
    let matrix = |x: &Tensor<E>| {
        let strides = x.strides();
        (x.shape()[0], x.shape()[1], strides[0], strides[1])
    };
    let (a_rows, a_cols, a_rs, a_cs) = matrix(a);
    let (b_rows, b_cols, b_rs, b_cs) = matrix(b);
    let ((a_data, a_at), (b_data, b_at)) = (a.raw(), b.raw());
    let a = MatRef::new(a_data, a_at, a_rows, a_cols, a_rs, a_cs);
    let b = MatRef::new(b_data, b_at, b_rows, b_cols, b_rs, b_cs);
    let c = MatMut::new(out, 0, m, n, n as isize, 1);
    Gemm { epilogue, ..Gemm::new(a, b, c) }.run();
}

entry! {
    /// The matrix product over the last two axes; axes in front of them broadcast.
    ///
    /// # Shapes
    /// `[.., m, k]` and `[.., k, n]` give `[.., m, n]`.
    matmul(a, b) = MatMul
}

pub(crate) const ROWS: &[Row] = &[Row {
    name: "matmul",
    order: 2,
    reorders: true,
    sample: |s| {
        let (batch_a, batch_b) = s.broadcast_pair();
        let [m, k, n] = [s.size(), s.size(), s.size()];
        let with = |batch: &Shape, rows, cols| -> Shape {
            let front = batch.rank().min(2);
            batch[..front].iter().copied().chain([rows, cols]).collect()
        };
        // Truncated to two axes the pair may no longer broadcast; then only one is batched.
        let (a, mut b) = (with(&batch_a, m, k), with(&batch_b, k, n));
        if Shape::from(&a[..a.rank() - 2]).broadcast(&Shape::from(&b[..b.rank() - 2])).is_none() {
            b = Shape::from([k, n]);
        }
        let inputs = vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)];
        Case::new(MatMul, inputs, |x| Dense::matmul(&x[0], &x[1]))
    },
}];
