//! `Y = A B` over the last two axes, where the leading axes broadcast; the cotangents are `gY B^T`
//! and `A^T gY`. A vector is a row on the left and a column on the right. Operands of any layout
//! are read in place, so a transpose costs nothing.

use wengert_kernels::Element;
use wengert_kernels::gemm::{BatchedGemm, Epilogue, Gemm, MatMut, MatRef};

use super::{squeeze, support, unsqueeze};
use crate::error::{Error, Result};
use crate::few::Few;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row, Sampler};

#[derive(Clone, Copy, Debug)]
pub(crate) struct MatMul;

impl<E: Element> Op<E> for MatMul {
    described!("matmul", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let (a, b) = (inputs[0], inputs[1]);
        let mismatch = |expected: &str| Error::Shapes {
            op: "matmul",
            expected: expected.to_owned(),
            got: vec![a.clone(), b.clone()],
        };
        let (batch_a, m, k) = match a.dims() {
            [batch @ .., m, k] => (batch, Some(*m), *k),
            [k] => (&[][..], None, *k),
            [] => return Err(mismatch("vectors or matrices, [.., m, k] and [.., k, n]")),
        };
        let (batch_b, k_b, n) = match b.dims() {
            [batch @ .., k, n] => (batch, *k, Some(*n)),
            [k] => (&[][..], *k, None),
            [] => return Err(mismatch("vectors or matrices, [.., m, k] and [.., k, n]")),
        };
        if k != k_b {
            return Err(mismatch("inner sizes that agree, [.., m, k] and [.., k, n]"));
        }
        let batch = Shape::from(batch_a)
            .broadcast(&Shape::from(batch_b))
            .ok_or_else(|| mismatch("leading axes that broadcast, [.., m, k] and [.., k, n]"))?;
        Ok(batch.iter().copied().chain(m).chain(n).collect())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let mut out = ctx.output()?;
        let (row, column);
        let mut merged = None;
        let a = if inputs[0].rank() == 1 {
            row = inputs[0].try_unsqueeze(0)?;
            &row
        } else {
            inputs[0]
        };
        let b = if inputs[1].rank() == 1 {
            column = inputs[1].try_unsqueeze(1)?;
            &column
        } else {
            inputs[1]
        };
        let once = depth_once([a, b], b.rank() - 2)?;
        let (a, b, copies) = match &once {
            Some(([a, b], copies)) => (a, b, *copies),
            None => (a, b, 1),
        };
        // The product of a batch of matrices with a single one is one product of all their rows.
        if b.rank() == 2 {
            let a = as_rows(a, &mut merged)?;
            b.compute()?;
            product(a, matrix(b), Epilogue::default(), out.as_mut_slice());
        } else {
            products(a, b, out.as_mut_slice())?;
        }
        if copies > 1 {
            support::times(copies, out.as_mut_slice());
        }
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (gy, a, b) = (node.gy(), node.input(0), node.input(1));
        if !node.creates_graph() && a.shape().rank() == 2 && b.shape().rank() == 2 {
            return values(node);
        }
        let (row, column) = (a.shape().rank() == 1, b.shape().rank() == 1);
        // Turn vectors into matrices.
        let gy = if column { unsqueeze(gy, -1)? } else { gy };
        let gy = if row { unsqueeze(gy, -2)? } else { gy };
        let of_a = || {
            let b = if column { unsqueeze(b, -1)? } else { b };
            let ga = gy.matmul(b.transpose(-2, -1));
            if row { squeeze(ga, -2) } else { Ok(ga) }
        };
        let of_b = || {
            let a = if row { unsqueeze(a, -2)? } else { a };
            let gb = a.transpose(-2, -1).matmul(gy);
            if column { squeeze(gb, -1) } else { Ok(gb) }
        };
        cotangents([node.needs(0).then(of_a).transpose()?, node.needs(1).then(of_b).transpose()?])
    }
}

/// The cotangents of a product of two matrices where nothing is recorded.
fn values<'t, E: Element>(node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
    let by_a = || {
        node.constant_like(0, |values, out| {
            product(matrix(values.gy()), matrix(values.input(1)).t(), Epilogue::default(), out);
            Ok(())
        })
    };
    let by_b = || {
        node.constant_like(1, |values, out| {
            product(matrix(values.input(0)).t(), matrix(values.gy()), Epilogue::default(), out);
            Ok(())
        })
    };
    cotangents([node.needs(0).then(by_a).transpose()?, node.needs(1).then(by_b).transpose()?])
}

/// The largest number of elements of an operand that a kernel may copy to its scratch.
const COPIED: usize = 1 << 22;

/// The operands of a product, the second with its summed axis at the given position, such that
/// kernels copy no more elements than the operands have in memory. Where the elements of both
/// operands repeat along the summed axis, a single copy of it and the number of copies; where those
/// of one operand repeat, which kernels would unroll, a buffer of its own if it is large. `None` if
/// the operands can be used as they are.
#[inline]
pub(super) fn depth_once<E: Element>(
    operands: [&Tensor<E>; 2],
    second: usize,
) -> Result<Option<([Tensor<E>; 2], usize)>> {
    let [a, b] = operands;
    if a.is_contiguous() && b.is_contiguous() {
        return Ok(None);
    }
    strided_depth_once(operands, second)
}

/// [`depth_once`] for a pair of which one operand is not contiguous.
#[inline(never)]
fn strided_depth_once<E: Element>(
    operands: [&Tensor<E>; 2],
    second: usize,
) -> Result<Option<([Tensor<E>; 2], usize)>> {
    let [a, b] = operands;
    if a.is_empty() || b.is_empty() {
        return Ok(None);
    }
    let axes = [a.rank() - 1, second];
    let depth = b.shape()[second];
    let repeats = [0, 1].map(|i| depth > 1 && operands[i].strides()[axes[i]] == 0);
    if repeats == [true, true] {
        let first = |i: usize| operands[i].try_slice(axes[i] as isize, 0..1);
        return Ok(Some(([first(0)?, first(1)?], depth)));
    }
    let large = |i: usize| repeats[i] && operands[i].len() > COPIED;
    if !large(0) && !large(1) {
        return Ok(None);
    }
    let unrolled =
        |i: usize| if large(i) { operands[i].try_contiguous() } else { Ok(operands[i].clone()) };
    Ok(Some(([unrolled(0)?, unrolled(1)?], 1)))
}

/// All axes but the last merged, as a matrix: a view if strides can express it, otherwise a copy,
/// which is kept in `room`.
#[inline]
pub(super) fn as_rows<'a, E: Element>(
    x: &'a Tensor<E>,
    room: &'a mut Option<Tensor<E>>,
) -> Result<MatRef<'a, E>> {
    x.compute()?;
    if x.rank() == 2 { Ok(matrix(x)) } else { merged_rows(x, room) }
}

/// [`as_rows`] for a tensor that is not a matrix.
fn merged_rows<'a, E: Element>(
    x: &'a Tensor<E>,
    room: &'a mut Option<Tensor<E>>,
) -> Result<MatRef<'a, E>> {
    match x.shape().dims() {
        [front @ .., cols] => {
            let rows = front.iter().product();
            Ok(matrix(room.insert(x.try_reshape([rows, *cols])?)))
        }
        [] => unreachable!("a single number has no rows"),
    }
}

/// The last two axes of a tensor as a matrix.
pub(super) fn matrix<E: Element>(x: &Tensor<E>) -> MatRef<'_, E> {
    matrix_at(x, x.offset())
}

/// The last two axes of a tensor as a matrix that begins at offset `at` of its elements.
fn matrix_at<E: Element>(x: &Tensor<E>, at: usize) -> MatRef<'_, E> {
    let [rows, cols] = *x.shape().last_chunk().expect("a tensor of at least two axes");
    let [row_stride, col_stride] = x.matrix_strides();
    MatRef::new(x.raw().0, at, rows, cols, row_stride, col_stride)
}

/// `out = epilogue(A B)` for matrices of any layout; `out` is row-major.
pub(super) fn product<E: Element>(
    a: MatRef<'_, E>,
    b: MatRef<'_, E>,
    epilogue: Epilogue<'_, E>,
    out: &mut [E],
) {
    scaled_product(E::ONE, a, b, epilogue, out);
}

/// `out = epilogue(alpha A B)` for matrices of any layout; `out` is row-major.
pub(super) fn scaled_product<E: Element>(
    alpha: E,
    a: MatRef<'_, E>,
    b: MatRef<'_, E>,
    epilogue: Epilogue<'_, E>,
    out: &mut [E],
) {
    let c = MatMut::row_major(out, a.rows(), b.cols());
    Gemm { alpha, epilogue, ..Gemm::new(a, b, c) }.run();
}

/// The products over two tensors' last two axes, concatenated in `out`; the leading axes broadcast.
fn products<E: Element>(a: &Tensor<E>, b: &Tensor<E>, out: &mut [E]) -> Result<()> {
    let (front_a, [m, k]) = a.shape().matrices("matmul")?;
    let (front_b, [_, n]) = b.shape().matrices("matmul")?;
    let batch =
        Shape::from(front_a).broadcast(&Shape::from(front_b)).expect("the shape was checked");
    let full = |x: &Tensor<E>, rows: usize, cols: usize| {
        x.try_broadcast_to(batch.iter().copied().chain([rows, cols]).collect::<Shape>())
    };
    let (a, b) = (full(a, m, k)?, full(b, k, n)?);
    if out.is_empty() {
        return Ok(());
    }
    a.compute()?;
    b.compute()?;
    // The longest run of products at constant distances is one kernel call; a loop visits the
    // others.
    let rank = batch.rank();
    let axes = strided::coalesce(&batch, &a.strides()[..rank], &b.strides()[..rank]);
    let (inner, outer) = match axes.split_last() {
        Some((&inner, outer)) => (inner, outer),
        None => (strided::Axis { size: 1, a: 0, b: 0 }, &[][..]),
    };
    let mut index = Few::repeat(0, outer.len());
    let (mut at_a, mut at_b) = (a.raw().1 as isize, b.raw().1 as isize);
    for out in out.chunks_exact_mut(inner.size * m * n) {
        let first = Gemm::new(
            matrix_at(&a, at_a as usize),
            matrix_at(&b, at_b as usize),
            MatMut::row_major(&mut *out, m, n),
        );
        let c_step = (m * n) as isize;
        BatchedGemm { count: inner.size, first, a_step: inner.a, b_step: inner.b, c_step }
            .run()
            .expect("views of tensors lie inside their buffers");
        strided::advance(outer, &mut index, &mut at_a, &mut at_b);
    }
    Ok(())
}

entry! {
    /// The matrix product over the last two axes; leading axes broadcast.
    ///
    /// # Shapes
    /// `[.., m, k]` and `[.., k, n]` give `[.., m, n]`. A vector on the left is a row: `[k]` and
    /// `[.., k, n]` give `[.., n]`. A vector on the right is a column: `[.., m, k]` and `[k]` give
    /// `[.., m]`. Two vectors give a single number.
    ///
    /// # Layouts
    /// Every layout is read in place. The order in which the `k` products of an element are added,
    /// and with it the last bits of the result, depends on the shapes, on the SIMD level, and on
    /// which of the last two axes of each operand has stride 1, but on nothing else of the layout.
    matmul / try_matmul(a, b) = MatMul
}

/// Shapes of operands of a product; sometimes one of them or both are vectors.
#[cfg(any(test, feature = "testing"))]
fn operands(s: &mut Sampler) -> [Shape; 2] {
    let (batch_a, batch_b) = s.broadcast_pair();
    let [m, k, n] = [s.size(), s.size(), s.size()];
    let with = |batch: &Shape, rows, cols| -> Shape {
        let front = batch.rank().min(2);
        batch[..front].iter().copied().chain([rows, cols]).collect()
    };
    let (a, mut b) = (with(&batch_a, m, k), with(&batch_b, k, n));
    // After truncation to two axes the pair may no longer broadcast; then only one operand has a
    // batch.
    if Shape::from(&a[..a.rank() - 2]).broadcast(&Shape::from(&b[..b.rank() - 2])).is_none() {
        b = Shape::from([k, n]);
    }
    match s.below(8) {
        0 => [Shape::from([k]), b],
        1 => [a, Shape::from([k])],
        2 => [Shape::from([k]), Shape::from([k])],
        _ => [a, b],
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "matmul",
    order: 2,
    reorders: true,
    sample: |s| {
        let [a, b] = operands(s);
        let inputs = vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)];
        Case::new(MatMul, inputs, |x| {
            let (row, column) = (x[0].shape.len() == 1, x[1].shape.len() == 1);
            let (mut a, mut b) = (x[0].clone(), x[1].clone());
            if row {
                a.shape.insert(0, 1);
            }
            if column {
                b.shape.push(1);
            }
            let mut y = Dense::matmul(&a, &b);
            if column {
                y.shape.pop();
            }
            if row {
                y.shape.remove(y.shape.len() - usize::from(!column) - 1);
            }
            y
        })
    },
}];
