//! Elementwise loops over operands of any layout. They are split into contiguous or repeated runs
//! for the kernels, which take slices only.

use smallvec::SmallVec;
use wengert_kernels::elementwise::Run;
use wengert_kernels::{Element, layout, reduce, threads};

use super::Tensor;
use crate::error::Result;
use crate::few::Few;
use crate::memory::{BufferPool, Handle};
use crate::shape::{Shape, Strides};

/// The shortest inner run that is passed to a kernel directly; shorter ones are first copied
/// together. A kernel call costs as much as the arithmetic of several tens of elements, and copying
/// a short run a tenth of a call.
const SHORT_RUN: usize = 96;

/// Number of elements of a thread's share of the work, in whole runs.
const CHUNK: usize = 1 << 15;

/// Number of elements of short runs that are copied together at a time.
const COPIED: usize = 1 << 10;

/// The shortest run that is copied with a slice copy.
const FEW: usize = 4;

/// `kernel(x)` for a kernel that maps elements one by one, in a tensor that `new` allocates with
/// the layout of `x`: repeated elements are computed once, and the axes have the same order in
/// memory.
pub(crate) fn each<E: Element>(
    x: &Tensor<E>,
    new: impl Fn(Shape) -> Result<Tensor<E>>,
    kernel: impl Fn(&[E], &mut [E]) + Sync + Send,
) -> Result<Tensor<E>> {
    let once = without_repetition(x);
    let order = memory_order(&once.strides());
    let ordered = once.permute(&order);
    let mut out = new(ordered.shape().clone())?;
    let shape = ordered.shape().clone();
    zip(&ordered, &ordered, &shape, out.as_mut_slice(), |x, _, out| match x {
        Run::Slice(x) => kernel(x, out),
        Run::Splat(x) => kernel(&[x], out),
    });
    Ok(out.permute(&inverse(&order)).broadcast_to(x.shape()))
}

/// The tensor with size 1 along the axes along which an element repeats.
#[inline(never)]
pub(crate) fn without_repetition<E: Element>(x: &Tensor<E>) -> Tensor<E> {
    once(x).unwrap_or_else(|| x.clone())
}

/// The tensor with size 1 along the axes along which an element repeats; `None` if there are no
/// such axes or no elements.
#[inline(never)]
pub(crate) fn once<E: Element>(x: &Tensor<E>) -> Option<Tensor<E>> {
    if x.is_contiguous() || x.is_empty() {
        return None;
    }
    let strides = x.strides();
    let repeated = |&axis: &usize| strides[axis] == 0 && x.shape()[axis] > 1;
    let axes = (0..x.rank()).filter(repeated);
    axes.fold(None, |once, axis| Some(first(once.as_ref().unwrap_or(x), axis)))
}

/// The tensor with size 1 along the flagged axes along which an element repeats, and the number of
/// copies of each element along them.
#[inline(never)]
pub(crate) fn once_along<E: Element>(x: &Tensor<E>, flags: &[bool]) -> (Tensor<E>, usize) {
    let (mut once, mut copies) = (x.clone(), 1);
    if !x.is_contiguous() && !x.is_empty() {
        let strides = x.strides();
        for axis in (0..x.rank()).filter(|&axis| flags[axis] && strides[axis] == 0) {
            copies *= x.shape()[axis];
            once = first(&once, axis);
        }
    }
    (once, copies)
}

/// Operands that broadcast to `shape`, with size 1 along the axes along which the elements of all
/// of them repeat, and the shape that these broadcast to; `None` if there are no such axes.
#[inline(never)]
pub(crate) fn once_all<E: Element>(
    operands: &[&Tensor<E>],
    shape: &Shape,
) -> Option<(SmallVec<[Tensor<E>; 2]>, Shape)> {
    let whole = |x: &&Tensor<E>| x.is_contiguous() && x.shape() == shape;
    if operands.iter().any(whole) || shape.numel() <= 1 {
        return None;
    }
    let all: SmallVec<[Tensor<E>; 2]> = operands.iter().map(|x| x.broadcast_to(shape)).collect();
    let repeated = |axis: usize| shape[axis] > 1 && all.iter().all(|x| x.strides()[axis] == 0);
    let flags: Few<bool> = (0..shape.rank()).map(repeated).collect();
    if !flags.contains(&true) {
        return None;
    }
    let narrow = |x: Tensor<E>| {
        (0..shape.rank()).filter(|&axis| flags[axis]).fold(x, |x, axis| first(&x, axis))
    };
    Some((all.into_iter().map(narrow).collect(), shape.with_ones(&flags)))
}

/// The largest magnitude of the elements: zero if there are none, NaN if one is NaN.
pub(crate) fn max_abs<E: Element>(x: &Tensor<E>) -> Result<E> {
    let once = without_repetition(x);
    let ordered = once.try_permute(&memory_order(&once.strides()))?;
    let mut copy = None;
    let elements = ordered.in_order(&mut copy)?;
    let mut largest = [E::ZERO];
    reduce::max_abs_axis(elements, [1, elements.len(), 1], &mut largest);
    Ok(largest[0])
}

/// The tensor's first position along an axis, which stays with size 1.
fn first<E: Element>(x: &Tensor<E>, axis: usize) -> Tensor<E> {
    x.slice(axis as isize, 0..1)
}

/// The axes in order of decreasing stride: their order in memory.
fn memory_order(strides: &[isize]) -> Few<isize> {
    let mut order: Few<isize> = (0..strides.len() as isize).collect();
    order.sort_by_key(|&axis| std::cmp::Reverse(strides[axis as usize].unsigned_abs()));
    order
}

/// The inverse of a permutation.
pub(crate) fn inverse(order: &[isize]) -> Few<isize> {
    let mut inverse = Few::repeat(0, order.len());
    for (to, &from) in order.iter().enumerate() {
        inverse[from as usize] = to as isize;
    }
    inverse
}

/// A permutation of axes in which two operands that broadcast to `shape` have long runs; `None` if
/// they have long runs without a permutation, or if there is none.
#[inline(never)]
pub(crate) fn common_order<E: Element>(
    a: &Tensor<E>,
    b: &Tensor<E>,
    shape: &Shape,
) -> Option<Few<isize>> {
    if a.is_contiguous() && b.is_contiguous() {
        return None;
    }
    let strides = |x: &Tensor<E>| x.shape().broadcast_strides(&x.strides(), shape).ok();
    let (a, b) = (strides(a)?, strides(b)?);
    if has_runs(&coalesce(shape, &a, &b)) {
        return None;
    }
    let whole = |strides: &&Strides| {
        strides.iter().zip(shape.iter()).all(|(&stride, &size)| stride != 0 || size == 1)
    };
    let order = memory_order([&a, &b].into_iter().find(whole)?);
    let in_order = |of: &[isize]| order.iter().map(|&axis| of[axis as usize]).collect::<Strides>();
    let permuted: Shape = order.iter().map(|&axis| shape[axis as usize]).collect();
    has_runs(&coalesce(&permuted, &in_order(&a), &in_order(&b))).then_some(order)
}

/// One level of a loop nest: its number of iterations and the two operands' strides.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) size: usize,
    pub(crate) a: isize,
    pub(crate) b: isize,
}

/// Whether the innermost loop is contiguous, or constant, in each operand and long enough for a
/// kernel call.
fn has_runs(axes: &[Axis]) -> bool {
    let simple = |stride: isize| stride == 0 || stride == 1;
    axes.last().is_none_or(|inner| {
        simple(inner.a) && simple(inner.b) && (inner.size >= SHORT_RUN || axes.len() == 1)
    })
}

/// Writes `kernel(a, b)` in row-major order of `shape`, to which both operands broadcast.
pub(crate) fn zip<E: Element, T: Send>(
    a: &Tensor<E>,
    b: &Tensor<E>,
    shape: &Shape,
    out: &mut [T],
    kernel: impl Fn(Run<E>, Run<E>, &mut [T]) + Sync + Send,
) {
    zip_at(a, b, shape, out, |_, a, b, out| kernel(a, b, out));
}

/// [`zip`] for a kernel that also receives the offset of its part in the output.
pub(crate) fn zip_at<E: Element, T: Send>(
    a: &Tensor<E>,
    b: &Tensor<E>,
    shape: &Shape,
    out: &mut [T],
    kernel: impl Fn(usize, Run<E>, Run<E>, &mut [T]) + Sync + Send,
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
    let (a, b) = (a.broadcast_to(shape), b.broadcast_to(shape));
    let axes = coalesce(shape, &a.strides(), &b.strides());
    let (&inner, outer) = axes.split_last().unwrap_or((&Axis { size: 1, a: 0, b: 0 }, &[]));
    if !has_runs(&axes) {
        return if inner.a == 1 && inner.b == 1 && inner.size >= FEW {
            zip_short_runs(&a, &b, &axes, out, &kernel);
        } else {
            zip_copies(&a, &b, 0, out, &kernel);
        };
    }
    let ((buffer_a, start_a), (buffer_b, start_b)) = (a.raw(), b.raw());
    let rows = (CHUNK / inner.size).max(1);
    threads::for_chunks(out, rows * inner.size, |start, out| {
        let mut walk = Odometer::new(outer, start / inner.size, [start_a, start_b]);
        for (i, out) in out.chunks_exact_mut(inner.size).enumerate() {
            let [at_a, at_b] = walk.places;
            let a = run(buffer_a, at_a, inner.a, inner.size);
            let b = run(buffer_b, at_b, inner.b, inner.size);
            kernel(start + i * inner.size, a, b, out);
            walk.step();
        }
    });
}

/// The offsets at which the runs of two operands begin, in order.
struct Odometer<'a> {
    axes: &'a [Axis],
    index: Few<usize>,
    places: [isize; 2],
}

impl<'a> Odometer<'a> {
    /// The walk that begins at a run, given by its number, of operands that begin at the `origins`.
    fn new(axes: &'a [Axis], mut run: usize, origins: [usize; 2]) -> Self {
        let mut index = Few::repeat(0, axes.len());
        let mut places = origins.map(|place| place as isize);
        for (i, axis) in index.iter_mut().zip(axes).rev() {
            *i = run % axis.size;
            run /= axis.size;
            places[0] += axis.a * *i as isize;
            places[1] += axis.b * *i as isize;
        }
        Odometer { axes, index, places }
    }

    fn step(&mut self) {
        let [a, b] = &mut self.places;
        advance(self.axes, &mut self.index, a, b);
    }
}

/// Advances a loop nest by one iteration: its index, and the operands' offsets.
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

fn run<E: Element>(buffer: &[E], at: isize, stride: isize, size: usize) -> Run<'_, E> {
    let at = at as usize;
    if stride == 0 { Run::Splat(buffer[at]) } else { Run::Slice(&buffer[at..at + size]) }
}

/// A kernel that receives the offset of its part in the output.
type PartKernel<'a, E, T> = dyn Fn(usize, Run<E>, Run<E>, &mut [T]) + Sync + Send + 'a;

/// [`zip_at`] for operands of the output's shape whose runs are short: as many are copied together
/// as stay in the first-level cache until the kernel reads them.
fn zip_short_runs<E: Element, T: Send>(
    a: &Tensor<E>,
    b: &Tensor<E>,
    axes: &[Axis],
    out: &mut [T],
    kernel: &PartKernel<'_, E, T>,
) {
    let [outer @ .., rows, run] = axes else { unreachable!("runs that are not the whole") };
    let (length, pool) = (run.size, a.pool().or(b.pool()));
    let same = a.is_view_of(b);
    threads::for_chunks(out, CHUNK / length * length, |first, out| {
        let part = (COPIED / length * length).min(out.len());
        let mut copies = [(a, false), (b, same)].map(|(x, is_there)| {
            (!is_there && !x.is_contiguous()).then(|| Handle::scratch(part, pool))
        });
        let mut walk = Odometer::new(outer, first / length / rows.size, [a.raw().1, b.raw().1]);
        // The row of the innermost loop but one at which this part begins.
        let mut done = first / length % rows.size;
        for (i, out) in out.chunks_mut(part).enumerate() {
            let start = first + i * part;
            let mut filled = 0;
            while filled < out.len() {
                let count = (rows.size - done).min((out.len() - filled) / length);
                let strides = [rows.a, rows.b];
                for (which, copy) in copies.iter_mut().enumerate() {
                    if let Some(copy) = copy {
                        let (buffer, _) = [a, b][which].raw();
                        let place = walk.places[which] + strides[which] * done as isize;
                        let copy = copy.get_mut().expect("a buffer has one owner");
                        let copy = &mut copy[filled..filled + count * length];
                        layout::copy_rows(buffer, place as usize, strides[which], length, copy);
                    }
                }
                filled += count * length;
                done += count;
                if done == rows.size {
                    done = 0;
                    walk.step();
                }
            }
            let elements = |which: usize| match &copies[if same { 0 } else { which }] {
                Some(copy) => &copy.as_slice()[..out.len()],
                None => &[a, b][which].as_slice().expect("contiguous")[start..start + out.len()],
            };
            kernel(start, Run::Slice(elements(0)), Run::Slice(elements(1)), out);
        }
    });
}

/// [`zip_at`] for operands of the output's shape without runs: parts of them that fit in the cache
/// are copied together. `start` is the offset of `out` in the whole output.
fn zip_copies<E: Element, T: Send>(
    a: &Tensor<E>,
    b: &Tensor<E>,
    start: usize,
    out: &mut [T],
    kernel: &PartKernel<'_, E, T>,
) {
    let rows = |x: &Tensor<E>, first: usize, count: usize| {
        x.slice(0, first as isize..(first + count) as isize)
    };
    let row = out.len() / a.shape()[0];
    if row > CHUNK {
        for (i, out) in out.chunks_exact_mut(row).enumerate() {
            let [a, b] = [a, b].map(|x| rows(x, i, 1).squeeze(0));
            zip_copies(&a, &b, start + i * row, out, kernel);
        }
        return;
    }
    let (same, pool) = (a.is_view_of(b), a.pool().or(b.pool()));
    threads::for_chunks(out, CHUNK / row * row, |first, out| {
        let [a, b] = [a, b].map(|x| rows(x, first / row, out.len() / row));
        let a = in_order(&a, pool);
        let b = if same { a.clone() } else { in_order(&b, pool) };
        let [a, b] = [&a, &b].map(|x| Run::Slice(x.as_slice().expect("copied above")));
        kernel(start + first, a, b, out);
    });
}

/// A row-major copy of at most [`CHUNK`] elements.
fn in_order<E: Element>(x: &Tensor<E>, pool: Option<&BufferPool<E>>) -> Tensor<E> {
    if x.is_contiguous() {
        return x.clone();
    }
    let mut copy = Handle::scratch(x.len(), pool);
    x.copy_to(&mut copy.get_mut().expect("a new buffer has one owner")[..x.len()]);
    Tensor::of(copy, x.shape().clone())
}

/// The loop nest, with adjacent axes merged where the strides of both operands permit it.
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

/// Sums over the flagged axes into `out`, which has the shape of the remaining ones.
#[inline(never)]
pub(crate) fn sum<E: Element>(x: &Tensor<E>, flags: &[bool], out: &mut [E]) -> Result<()> {
    fold(x, flags, out, reduce::sum_axis)?;
    // A single pass repairs the sums that overflow; of several passes the first may have
    // overflowed.
    let runs = flags.iter().zip(flags.iter().skip(1).chain([&false])).filter(|(a, b)| **a && !**b);
    if runs.count() > 1 {
        repair_sums(x, flags, 1.0, out)?;
    }
    Ok(())
}

/// Recomputes those sums over the flagged axes, divided by `divisor`, that are not finite although
/// all their elements are.
pub(crate) fn repair_sums<E: Element>(
    x: &Tensor<E>,
    flags: &[bool],
    divisor: f64,
    out: &mut [E],
) -> Result<()> {
    if out.iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    let axes = |wanted: bool| (0..flags.len()).filter(move |&axis| flags[axis] == wanted);
    let order: Few<isize> = axes(false).chain(axes(true)).map(|axis| axis as isize).collect();
    let lines = x.permute(&order).try_contiguous()?;
    let data = lines.as_slice().expect("made contiguous");
    let count = data.len().checked_div(out.len()).unwrap_or(0);
    reduce::repair_sums_axis(data, [out.len(), count, 1], divisor, out);
    Ok(())
}

/// Sums over all axes but the last into `out`.
#[inline(never)]
pub(crate) fn sum_rows<E: Element>(x: &Tensor<E>, out: &mut [E]) -> Result<()> {
    let mut copy = None;
    let rows = x.shape().split_last().map_or(1, |(_, front)| front.iter().product());
    reduce::sum_axis(x.in_order(&mut copy)?, [1, rows, out.len()], out);
    Ok(())
}

/// Folds over the flagged axes into `out`, which has the shape of the remaining ones. Each run of
/// adjacent flagged axes is one pass of the kernel, which receives the outer, the folded and the
/// inner size; the order in which elements are combined depends only on the shape.
pub(crate) fn fold<E: Element>(
    x: &Tensor<E>,
    flags: &[bool],
    out: &mut [E],
    kernel: impl Fn(&[E], [usize; 3], &mut [E]),
) -> Result<()> {
    let mut copy = None;
    let data = x.in_order(&mut copy)?;
    // Sizes of merged axes, whose flags alternate.
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
        return Ok(());
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
                kernel(source, dims, out);
                return Ok(());
            }
            let mut next = Tensor::stale(Shape::from([outer * inner]), x.pool())?;
            kernel(source, dims, next.as_mut_slice());
            next
        };
        partial = Some(next);
    }
    Ok(())
}
