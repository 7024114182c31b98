//! Elementwise loops over operands of any layout: unrolled into contiguous or repeated runs for
//! the kernels, which know slices only.

use smallvec::SmallVec;
use wengert_kernels::elementwise::Run;
use wengert_kernels::{Element, reduce};

use super::Tensor;
use crate::pool::Pool;
use crate::shape::Shape;

/// Shorter inner runs are copied together first: a kernel call costs some nanoseconds.
const SHORT_RUN: usize = 8;

/// Writes `kernel(x)` in row-major order.
pub(crate) fn map<E: Element>(x: &Tensor<E>, out: &mut [E], kernel: impl Fn(&[E], &mut [E])) {
    if let Some(slice) = x.as_slice() {
        kernel(slice, out);
    } else {
        let copy = x.copied(x.pool());
        kernel(copy.as_slice().expect("a copy is contiguous"), out);
    }
}

/// One level of a loop nest: how often, and the two operands' strides.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) size: usize,
    pub(crate) a: isize,
    pub(crate) b: isize,
}

/// Writes `kernel(a, b)` in row-major order of `shape`, to which both operands broadcast.
pub(crate) fn zip<E: Element, T>(
    a: &Tensor<E>,
    b: &Tensor<E>,
    shape: &Shape,
    out: &mut [T],
    kernel: impl Fn(Run<E>, Run<E>, &mut [T]),
) {
    zip_at(a, b, shape, out, |_, a, b, out| kernel(a, b, out));
}

/// As [`zip`]; the kernel is told where in the output its part begins.
pub(crate) fn zip_at<E: Element, T>(
    a: &Tensor<E>,
    b: &Tensor<E>,
    shape: &Shape,
    out: &mut [T],
    kernel: impl Fn(usize, Run<E>, Run<E>, &mut [T]),
) {
    if out.is_empty() {
        return;
    }
    if a.shape() == shape
        && b.shape() == shape
        && let (Some(a), Some(b)) = (a.as_slice(), b.as_slice())
    {
        return kernel(0, Run::Slice(a), Run::Slice(b), out);
    }
    let (a, b) = (a.broadcast_to(shape.clone()), b.broadcast_to(shape.clone()));
    let axes = coalesce(shape, &a.strides(), &b.strides());
    let inner = axes.last().copied().unwrap_or(Axis { size: 1, a: 0, b: 0 });
    let simple = |stride: isize| stride == 0 || stride == 1;
    if !(simple(inner.a) && simple(inner.b)) || (inner.size < SHORT_RUN && axes.len() > 1) {
        let pool = a.pool().or(b.pool());
        let (a, b) = (in_order(&a, pool), in_order(&b, pool));
        let a = a.as_slice().expect("copied above");
        let b = b.as_slice().expect("copied above");
        return kernel(0, Run::Slice(a), Run::Slice(b), out);
    }
    let ((a, mut ia), (b, mut ib)) = (signed(&a), signed(&b));
    let outer = &axes[..axes.len().saturating_sub(1)];
    let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer.len());
    for (i, out) in out.chunks_exact_mut(inner.size).enumerate() {
        let run_a = run(a, ia, inner.a, inner.size);
        kernel(i * inner.size, run_a, run(b, ib, inner.b, inner.size), out);
        advance(outer, &mut index, &mut ia, &mut ib);
    }
}

/// The next turn of a loop nest: its index, and the operands' places.
pub(crate) fn advance(nest: &[Axis], index: &mut [usize], a: &mut isize, b: &mut isize) {
    for (i, axis) in index.iter_mut().zip(nest).rev() {
        *i += 1;
        *a += axis.a;
        *b += axis.b;
        if *i < axis.size {
            break;
        }
        *i = 0;
        *a -= axis.a * axis.size as isize;
        *b -= axis.b * axis.size as isize;
    }
}

fn in_order<E: Element>(x: &Tensor<E>, pool: Option<&Pool<E>>) -> Tensor<E> {
    if x.is_contiguous() { x.clone() } else { x.copied(pool) }
}

fn signed<E: Element>(x: &Tensor<E>) -> (&[E], isize) {
    let (buffer, offset) = x.raw();
    (buffer, offset as isize)
}

fn run<E: Element>(buffer: &[E], at: isize, stride: isize, size: usize) -> Run<'_, E> {
    let at = at as usize;
    if stride == 0 { Run::Splat(buffer[at]) } else { Run::Slice(&buffer[at..at + size]) }
}

/// The loop nest with neighbouring axes merged wherever both operands walk through them as one.
pub(crate) fn coalesce(shape: &[usize], a: &[isize], b: &[isize]) -> SmallVec<[Axis; 4]> {
    let mut axes: SmallVec<[Axis; 4]> = SmallVec::new();
    for ((&size, &a), &b) in shape.iter().zip(a).zip(b) {
        if size == 1 {
            continue;
        }
        match axes.last_mut() {
            Some(last) if last.a == a * size as isize && last.b == b * size as isize => {
                *last = Axis { size: last.size * size, a, b };
            }
            _ => axes.push(Axis { size, a, b }),
        }
    }
    axes
}

/// Sums over the flagged axes into `out`, which has the shape of what is left. Each run of
/// neighbouring flagged axes is one pass; the order of additions depends on the shape alone.
pub(crate) fn sum<E: Element>(x: &Tensor<E>, flags: &[bool], out: &mut [E]) {
    let x = x.contiguous();
    let data = x.as_slice().expect("made contiguous");
    // Merged axes: sizes with their flags alternating.
    let mut groups: SmallVec<[(usize, bool); 4]> = SmallVec::new();
    for (&size, &flag) in x.shape().iter().zip(flags) {
        match groups.last_mut() {
            Some(last) if last.1 == flag => last.0 *= size,
            _ => groups.push((size, flag)),
        }
    }
    let mut passes = groups.iter().filter(|(_, flag)| *flag).count();
    if passes == 0 {
        out.copy_from_slice(data);
        return;
    }
    let mut partial: Option<Tensor<E>> = None;
    while let Some(at) = groups.iter().rposition(|&(_, flag)| flag) {
        let outer: usize = groups[..at].iter().map(|(size, _)| size).product();
        let inner: usize = groups[at + 1..].iter().map(|(size, _)| size).product();
        let dims = [outer, groups[at].0, inner];
        groups[at] = (1, false);
        passes -= 1;
        let next = {
            let source = partial.as_ref().and_then(Tensor::as_slice).unwrap_or(data);
            if passes == 0 {
                reduce::sum_axis(source, dims, out);
                return;
            }
            let mut next = Tensor::stale(Shape::from([outer * inner]), x.pool())
                .expect("smaller than a tensor that exists");
            reduce::sum_axis(source, dims, next.as_mut_slice());
            next
        };
        partial = Some(next);
    }
}
