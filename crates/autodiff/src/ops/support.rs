//! Shape rules and elementwise forward computations that several operations share.

use smallvec::SmallVec;
use wengert_kernels::Element;
use wengert_kernels::chain::{Function1, Function2};
use wengert_kernels::elementwise::{self, Run};

use super::sum::Axes;
use crate::error::{Error, Result};
use crate::lazy::Elementwise;
#[cfg(any(test, feature = "testing"))]
use crate::mask::Mask;
use crate::memory::BufferPool;
use crate::op::{Forward, Op};
use crate::shape::Shape;
pub(super) use crate::shape::broadcast;
use crate::tape::{Tape, Var};
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Domain, Sampler};

/// The shape of operands that must have the same one.
pub(super) fn same(op: &'static str, inputs: &[&Shape]) -> Result<Shape> {
    if inputs.iter().all(|shape| *shape == inputs[0]) {
        return Ok(inputs[0].clone());
    }
    let got = inputs.iter().map(|&shape| shape.clone()).collect();
    Err(Error::Shapes { op, expected: "operands of one shape".to_owned(), got })
}

/// The index of the last axis; an error for a shape without axes.
pub(super) fn last_axis(op: &'static str, shape: &Shape) -> Result<usize> {
    shape.last().copied().ok_or_else(|| {
        let expected = "at least one axis".to_owned();
        Error::Shapes { op, expected, got: vec![shape.clone()] }
    })
}

/// An operation on the last axis, applied along any axis.
#[track_caller]
pub(super) fn along_axis<E: Element>(
    op: impl Op<E>,
    x: Var<'_, E>,
    axis: isize,
) -> Result<Var<'_, E>> {
    let axis = x.shape().axis(op.name(), axis)? as isize;
    if axis + 1 == x.shape().rank() as isize {
        return x.tape().apply(op, &[x]);
    }
    let last = super::transpose(x, axis, -1)?;
    super::transpose(x.tape().apply(op, &[last])?, axis, -1)
}

/// The value of a computation on a tape of its own, which is materialized before the tape is
/// dropped.
pub(super) fn on_tape<E: Element>(
    pool: Option<&BufferPool<E>>,
    body: impl for<'t> FnOnce(&'t Tape<E>) -> Result<Var<'t, E>>,
) -> Result<Tensor<E>> {
    let tape = Tape::with_pool_of(pool);
    let value = body(&tape)?.try_value()?;
    value.compute()?;
    Ok(value)
}

/// An operand's elements in row-major order.
pub(crate) fn slice<E: Element>(contiguous: &Tensor<E>) -> &[E] {
    contiguous.as_slice().expect("made contiguous")
}

/// The output of a kernel that reads one whole operand in row-major order.
pub(super) fn map<E: Element>(
    ctx: &Forward<'_, E>,
    x: &Tensor<E>,
    kernel: impl Fn(&[E], &mut [E]),
) -> Result<Tensor<E>> {
    let mut copy = None;
    let x = x.in_order(&mut copy)?;
    ctx.output_by(|out| kernel(x, out))
}

/// The output of a kernel that maps the elements of one operand. Its axes have the same order in
/// memory as the operand's.
pub(super) fn each<E: Element>(
    ctx: &Forward<'_, E>,
    x: &Tensor<E>,
    kernel: impl Fn(&[E], &mut [E]) + Sync + Send,
) -> Result<Tensor<E>> {
    if x.is_contiguous() {
        return map(ctx, x, kernel);
    }
    x.compute()?;
    strided::each(x, |shape| ctx.scratch(shape), kernel)
}

/// The output of a kernel that combines pairs of elements of two operands, which broadcast.
pub(super) fn zip<E: Element>(
    ctx: &Forward<'_, E>,
    a: &Tensor<E>,
    b: &Tensor<E>,
    kernel: impl Fn(Run<E>, Run<E>, &mut [E]) + Sync + Send,
) -> Result<Tensor<E>> {
    let shape = ctx.shape();
    // Along an axis on which both operands repeat, so does the result.
    if let Some((once, part)) = strided::once_all(&[a, b], shape) {
        let mut out = ctx.scratch(part.clone())?;
        strided::zip(&once[0], &once[1], &part, out.as_mut_slice(), kernel);
        return out.try_broadcast_to(shape);
    }
    let Some(order) = strided::common_order(a, b, shape) else {
        return ctx.output_by(|out| strided::zip(a, b, shape, out, kernel));
    };
    let ordered = |x: &Tensor<E>| x.broadcast_to(shape).permute(&order);
    let (a, b) = (ordered(a), ordered(b));
    let mut out = ctx.scratch(a.shape())?;
    strided::zip(&a, &b, a.shape(), out.as_mut_slice(), kernel);
    Ok(out.permute(&strided::inverse(&order)))
}

/// The output of an elementwise operation whose operands all repeat along an axis, along which the
/// output repeats; `None` for other operands.
pub(super) fn each_once<E: Element>(
    op: &dyn Op<E>,
    operands: &[&Tensor<E>],
    ctx: &mut Forward<'_, E>,
) -> Result<Option<Tensor<E>>> {
    let whole = ctx.shape().clone();
    let Some((once, part)) = strided::once_all(operands, &whole) else { return Ok(None) };
    let once: SmallVec<[&Tensor<E>; 3]> = once.iter().collect();
    op.forward(&once, &mut ctx.of_shape(&part)?)?.try_broadcast_to(whole).map(Some)
}

/// Multiplies each element by the number of copies of the operand's element that it was computed
/// from.
pub(super) fn times<E: Element>(copies: usize, elements: &mut [E]) {
    elementwise::scale_in_place(E::from_f64(copies as f64), elements);
}

/// The largest view with repeated elements that a reduction reads element by element, which gives
/// it the same bits as a copy of the view.
pub(super) const READ_ALL: usize = 1 << 20;

/// The output of a reduction of a large operand whose elements repeat along an axis; `None` for
/// other operands. Each element is reduced once, and `repeat`, which is always called, turns the
/// result into the reduction of a number of copies of each. The output repeats along the repeated
/// axes that are not reduced.
pub(super) fn reduced_once<E: Element>(
    op: &dyn Op<E>,
    x: &Tensor<E>,
    axes: &Axes,
    ctx: &mut Forward<'_, E>,
    repeat: impl FnOnce(usize, &mut [E]),
) -> Result<Option<Tensor<E>>> {
    if x.len() <= READ_ALL {
        return Ok(None);
    }
    let Some(once) = strided::once(x) else { return Ok(None) };
    let flags = axes.flags(op.name(), x.shape())?;
    // The two sizes are equal along an axis on which elements do not repeat.
    let sizes = x.shape().iter().zip(once.shape().iter()).zip(&flags);
    let copies: usize =
        sizes.filter(|(_, flag)| **flag).map(|((all, once), _)| all / once).product();
    let (whole, shape) = (ctx.shape().clone(), op.shape(&[once.shape()])?);
    let mut value = op.forward(&[&once], &mut ctx.of_shape(&shape)?)?;
    value.compute()?;
    repeat(copies, value.as_mut_slice());
    value.try_broadcast_to(whole).map(Some)
}

/// The output of a kernel that reads two whole operands of the output's shape.
pub(super) fn rows<E: Element>(
    ctx: &Forward<'_, E>,
    a: &Tensor<E>,
    b: &Tensor<E>,
    kernel: impl Fn(&[E], &[E], &mut [E]),
) -> Result<Tensor<E>> {
    let mut copies = [None, None];
    let [of_a, of_b] = &mut copies;
    let (a, b) = (a.in_order(of_a)?, b.in_order(of_b)?);
    ctx.output_by(|out| kernel(a, b, out))
}

/// The output of an elementwise function of one operand, deferred if it is large.
pub(super) fn lazy_map<E: Element>(
    ctx: &Forward<'_, E>,
    x: &Tensor<E>,
    function: impl Into<Function1<E>>,
) -> Result<Tensor<E>> {
    let function = function.into();
    match ctx.defer(&[x], Elementwise::One(function))? {
        Some(output) => Ok(output),
        None => each(ctx, x, move |x, out| function.apply(x, out)),
    }
}

/// The output of an elementwise function of two operands that broadcast, deferred if it is large.
pub(super) fn lazy_zip<E: Element>(
    ctx: &Forward<'_, E>,
    a: &Tensor<E>,
    b: &Tensor<E>,
    function: impl Into<Function2>,
) -> Result<Tensor<E>> {
    let function = function.into();
    match ctx.defer(&[a, b], Elementwise::Two(function))? {
        Some(output) => Ok(output),
        None => zip(ctx, a, b, move |a, b, out| function.apply(a, b, out)),
    }
}

/// The output of an elementwise function of two operands of the output's shape, whose kernel reads
/// whole rows; deferred if it is large.
pub(super) fn lazy_rows<E: Element>(
    ctx: &Forward<'_, E>,
    a: &Tensor<E>,
    b: &Tensor<E>,
    function: Function2,
) -> Result<Tensor<E>> {
    if let Some(output) = ctx.defer(&[a, b], Elementwise::Two(function))? {
        return Ok(output);
    }
    let kernel =
        |a: &[E], b: &[E], out: &mut [E]| function.apply(Run::Slice(a), Run::Slice(b), out);
    // Along an axis on which both operands repeat, so does the result.
    let Some((once, part)) = strided::once_all(&[a, b], ctx.shape()) else {
        return rows(ctx, a, b, kernel);
    };
    let (a, b) = (once[0].try_contiguous()?, once[1].try_contiguous()?);
    let mut out = ctx.scratch(part)?;
    kernel(slice(&a), slice(&b), out.as_mut_slice());
    out.try_broadcast_to(ctx.shape())
}

/// A random mask for a test case, of the given shape or one that broadcasts to it, in row-major or
/// transposed layout.
#[cfg(any(test, feature = "testing"))]
pub(super) fn sample_mask(s: &mut Sampler, shape: &Shape) -> Mask {
    let mut part = shape.clone();
    for dim in part.dims_mut().iter_mut() {
        if s.below(4) == 0 {
            *dim = 1;
        }
    }
    if part.rank() > 1 && s.coin() {
        part.dims_mut().swap(0, 1);
        return Mask::from_fn(part, |_| s.coin()).transpose(0, 1);
    }
    Mask::from_fn(part, |_| s.coin())
}

/// Values that are at least an eighth away from whole numbers and from halves.
#[cfg(any(test, feature = "testing"))]
pub(super) const BETWEEN_WHOLE: Domain = Domain {
    low: -3.0,
    high: 3.0,
    avoid: &[-3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0],
    margin: 0.125,
};

/// Two operands that broadcast and have no close elements: those of the first are near whole
/// numbers, those of the second near halves.
#[cfg(any(test, feature = "testing"))]
pub(super) fn apart(s: &mut Sampler) -> Vec<Tensor<f64>> {
    let (a, b) = s.broadcast_pair();
    let mut near = |shape: &Shape, offset: f64| {
        let values = s.tensor(shape, &Domain::REAL);
        s.lay_out(&(&values.round().add_scalar(offset) + &values.mul_scalar(0.05)))
    };
    vec![near(&a, 0.0), near(&b, 0.5)]
}

/// The error function by its Taylor series, accurate to rounding for arguments of order one.
#[cfg(any(test, feature = "testing"))]
pub(super) fn reference_erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..60 {
        let n = f64::from(n);
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}

/// A tensor whose elements differ from each other and from zero, in value and in magnitude; axes to
/// reduce, along which it has elements; and whether to keep them.
#[cfg(any(test, feature = "testing"))]
pub(super) fn sample_distinct(s: &mut Sampler) -> (Tensor<f64>, Vec<isize>, bool) {
    let mut shape = s.shape();
    let (axes, keep) = s.axes(&shape);
    for &axis in &axes {
        let axis = shape.axis("sample", axis).expect("a drawn axis");
        shape.dims_mut()[axis] = shape[axis].max(1);
    }
    let mut order = s.permutation(shape.numel()).into_iter();
    let middle = (shape.numel() / 2) as f64;
    let x = Tensor::from_fn(shape, |_| {
        0.09 + 0.37 * (order.next().unwrap_or_default() as f64 - middle)
    });
    (s.lay_out(&x), axes, keep)
}
