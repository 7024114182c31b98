//! The convolution and its transpose: both are gathers, each result a sum over taps.

use std::ops::Range;

use super::axis::Axis;
use super::band::Gather;
use super::geometry::ConvGeometry;
use super::interleaved;
use super::narrow::{self, Narrow};
use super::patches::PatchColumns;
use super::{DIVIDED, Tuning};
use crate::activation::Activation;
use crate::gemm::implicit::{
    Implicit, Output, PIECE, Scratch, Strided, VECTORS, finish, worth_threads,
};
use crate::gemm::{Bias, Epilogue};
use crate::simd::{Kernel, Lanes, Simd};
use crate::slices::Shared;
use crate::{Float, threads};

/// What is done to the sums.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finish<'a, E> {
    pub(super) beta: E,
    pub(super) bias: Option<&'a [E]>,
    pub(super) activation: Activation,
}

/// A convolution, or its transpose, whose arrays have the lengths of their shapes.
#[derive(Debug)]
pub(super) struct Task<'a, E> {
    pub(super) geometry: ConvGeometry,
    pub(super) transposed: bool,
    pub(super) source: &'a [E],
    pub(super) weight: &'a [E],
    pub(super) to: &'a mut [E],
    pub(super) finish: Finish<'a, E>,
    pub(super) tuning: Tuning,
}

/// The residues of the strides: each is a gather of its own. The convolution has one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Residues {
    pub(super) geometry: ConvGeometry,
    pub(super) transposed: bool,
}

impl Residues {
    fn axis(&self, axis: usize, residue: usize) -> Axis {
        if self.transposed {
            Axis::transposed(&self.geometry, axis, residue)
        } else {
            Axis::forward(&self.geometry, axis)
        }
    }

    /// How many there are along an axis: those that some result has.
    fn count(&self, axis: usize) -> usize {
        if self.transposed {
            self.geometry.window().stride[axis].min(self.geometry.input()[axis])
        } else {
            1
        }
    }

    /// Of a group, the channels drawn from and those made; and the size of what is made.
    pub(super) fn drawn_and_made(&self) -> (usize, usize, [usize; 2]) {
        let geometry = &self.geometry;
        let (inputs, outputs) = (geometry.group_inputs(), geometry.group_outputs());
        if self.transposed {
            (outputs, inputs, geometry.input())
        } else {
            (inputs, outputs, geometry.output())
        }
    }

    /// The taps of all.
    pub(super) fn taps(self) -> usize {
        self.axes().map(|(rows, cols)| rows.taps * cols.taps).sum()
    }

    /// The axes of each, in order.
    pub(super) fn axes(self) -> impl Iterator<Item = (Axis, Axis)> {
        let rows = 0..self.count(0);
        rows.flat_map(move |row| {
            (0..self.count(1)).map(move |col| (self.axis(0, row), self.axis(1, col)))
        })
    }
}

/// The part of a task that does not depend on the piece.
struct Shape<'a, E> {
    residues: Residues,
    groups: usize,
    /// The number of channels of a group in the source, and in the result.
    from: usize,
    made: usize,
    source: &'a [E],
    finish: Finish<'a, E>,
    tuning: Tuning,
    to: Shared<E>,
    /// The elements of a plane of the result, and its columns.
    plane: usize,
    width: usize,
    /// The weights by group, residue and made channel; contiguous by channel and tap.
    weight: *const E,
    group_weights: usize,
}

// SAFETY: the weights are only read while the pieces run; pieces write disjoint results.
unsafe impl<E: Sync> Sync for Shape<'_, E> {}

/// A piece of the work: some results of a residue of an image and group.
struct Part {
    image: usize,
    group: usize,
    rows: Axis,
    cols: Axis,
    /// Where the residue's weights begin in a group's.
    weight: usize,
    results: Range<usize>,
}

impl<E: Float> Kernel for Task<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        run(simd, self);
    }
}

#[inline(never)]
fn run<E: Float, S: Simd>(simd: S, task: Task<'_, E>) {
    if task.to.is_empty() {
        return;
    }
    if interleaved::worth::<E, S>(&task.geometry, task.transposed, task.tuning) {
        return interleaved::run(simd, task);
    }
    let Task { geometry, transposed, source, weight, to, finish, tuning } = task;
    let residues = Residues { geometry, transposed };
    let (from, made, size) = residues.drawn_and_made();
    let mut scratch = None;
    let weight = if transposed {
        let turned = scratch.insert(Scratch::take()).get::<E>(weight.len());
        // SAFETY: the scratch has room for the weights.
        unsafe { turn(residues, weight, turned) };
        turned.cast_const()
    } else {
        weight.as_ptr()
    };
    let groups = geometry.channels().groups;
    let shape = Shape {
        residues,
        groups,
        from,
        made,
        source,
        finish,
        tuning,
        to: Shared::new(to),
        plane: size[0] * size[1],
        width: size[1],
        weight,
        group_weights: if from == 0 { 0 } else { from * made * residues.taps() },
    };
    shape.run(simd);
}

/// Writes the weights of a transpose by group, residue, input channel, output channel and tap.
///
/// # Safety
/// `to` must be writable for as many elements as there are weights.
unsafe fn turn<E: Float>(residues: Residues, weight: &[E], to: *mut E) {
    let geometry = residues.geometry;
    let (inputs, outputs) = (geometry.group_inputs(), geometry.group_outputs());
    let [height, width] = geometry.window().kernel;
    let mut place = 0;
    for group in 0..geometry.channels().groups {
        for (rows, cols) in residues.axes() {
            for input in 0..inputs {
                for output in 0..outputs {
                    let kernel = ((group * outputs + output) * inputs + input) * height * width;
                    for row in 0..rows.taps {
                        let row = rows.kernel.0 + row * rows.kernel.1;
                        for col in 0..cols.taps {
                            let col = cols.kernel.0 + col * cols.kernel.1;
                            // SAFETY: every weight is written at most once.
                            unsafe { to.add(place).write(weight[kernel + row * width + col]) };
                            place += 1;
                        }
                    }
                }
            }
        }
    }
}

impl<E: Float> Shape<'_, E> {
    /// Divides the work and does it.
    ///
    /// An image's group and residue is a unit. Where units are few and large, each is divided by
    /// its results; where they are small, a piece is a run of them.
    fn run<S: Simd>(&self, simd: S) {
        let geometry = &self.residues.geometry;
        let batch = geometry.batch();
        let images = batch * self.groups;
        let piece = self.tuning.piece.unwrap_or(PIECE);
        let divided = self.tuning.piece.unwrap_or(DIVIDED);
        let made = self.made;
        let work = |(rows, cols): (Axis, Axis)| {
            let depth = self.from.saturating_mul(rows.taps).saturating_mul(cols.taps);
            made.saturating_mul(rows.len * cols.len).saturating_mul(depth.max(1))
        };
        // The work of an image's group.
        let work = self.residues.axes().map(work).fold(0, usize::saturating_add).max(1);
        // How many there are changes no bit: a sum is never divided.
        let pieces = if threads::count() == 1 { 1 } else { 2 * threads::count() };
        let all = work.saturating_mul(images);
        let alone = all < 2 * piece || self.tuning.piece.is_none() && !worth_threads(all);
        let (run, split) = if alone {
            (images, 1)
        } else if images >= pieces || work < 2 * divided {
            (piece.div_ceil(work), 1)
        } else {
            (1, pieces.div_ceil(images).min(work / divided))
        };
        let unit = VECTORS * E::Vector::<S>::LANES;
        threads::for_pieces(images.div_ceil(run) * split, |index| {
            let (first, part) = (index / split * run, index % split);
            for unit_index in first..(first + run).min(images) {
                let (image, group) = (unit_index / self.groups, unit_index % self.groups);
                let mut weight = 0;
                for (rows, cols) in self.residues.axes() {
                    let all = rows.len * cols.len;
                    let step = all.div_ceil(split).next_multiple_of(unit);
                    let results = (part * step).min(all)..((part + 1) * step).min(all);
                    if !results.is_empty() {
                        self.part(simd, &Part { image, group, rows, cols, weight, results });
                    }
                    weight += self.made * self.from * rows.taps * cols.taps;
                }
            }
        });
    }

    fn part<S: Simd>(&self, simd: S, part: &Part) {
        simd.vectorize(PartKernel { shape: self, part });
    }

    /// The epilogue for channels made by `group`.
    fn epilogue(&self, group: usize) -> Epilogue<'_, E> {
        let bias = match self.finish.bias {
            Some(bias) => Bias::PerRow(&bias[group * self.made..(group + 1) * self.made]),
            None => Bias::None,
        };
        Epilogue { bias, activation: self.finish.activation }
    }
}

struct PartKernel<'a, E> {
    shape: &'a Shape<'a, E>,
    part: &'a Part,
}

impl<E: Float> Kernel for PartKernel<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { shape, part } = self;
        let channels = shape.groups * shape.from;
        let first = part.image * channels + part.group * shape.from;
        let mut gather = Gather {
            source: shape.source.as_ptr(),
            channels: shape.from,
            rows: part.rows,
            cols: part.cols,
        };
        gather.source = gather.source.wrapping_add(first * gather.plane());
        let depth = gather.depth();
        let weight = Strided {
            ptr: shape.weight.wrapping_add(part.group * shape.group_weights + part.weight),
            row_stride: depth as isize,
            col_stride: 1,
        };
        let made = (part.image * shape.groups + part.group) * shape.made * shape.plane;
        // SAFETY: the planes made lie in the result.
        let to = unsafe { shape.to.at(made) };
        // SAFETY: the arrays have the lengths of their shapes, and the results are this piece's.
        unsafe {
            if depth > 0 && part.cols.place == (0, 1) && part.rows.place == (0, 1) {
                direct(simd, shape, part, &gather, weight, to);
            } else {
                staged(simd, shape, part, &gather, weight, to);
            }
        }
    }
}

/// Computes results that follow each other in the planes made.
///
/// # Safety
/// The gather's planes and the weights must be readable, the results in the planes of `to` written
/// by this thread alone; the depth must not be zero.
#[inline(always)]
unsafe fn direct<E: Float, S: Simd>(
    simd: S,
    shape: &Shape<'_, E>,
    part: &Part,
    gather: &Gather<E>,
    weight: Strided<E>,
    to: *mut E,
) {
    let first = part.results.start;
    let row_stride = shape.plane as isize;
    let c = Output { ptr: to.wrapping_add(first), row_stride, col_stride: 1 };
    // SAFETY: the contract of this function is that of `product`.
    unsafe { product(simd, shape, part, gather, weight, part.results.clone(), c) };
}

/// Computes results in an output where they follow each other.
///
/// # Safety
/// As for [`direct`], with C in place of the planes.
#[inline(always)]
unsafe fn product<E: Float, S: Simd>(
    simd: S,
    shape: &Shape<'_, E>,
    part: &Part,
    gather: &Gather<E>,
    weight: Strided<E>,
    results: Range<usize>,
    c: Output<E>,
) {
    let (first, count, made) = (results.start, results.len(), shape.made);
    let (beta, epilogue) = (shape.finish.beta, shape.epilogue(part.group));
    // SAFETY: the gather's planes, the weights and C may be accessed by this function's contract,
    // and the depth is not zero.
    unsafe {
        if made <= narrow::MOST {
            Narrow { gather, first, count, made, weight, beta, c, epilogue }.run(simd);
        } else {
            let (k, blocks) = (gather.depth(), shape.tuning.blocks);
            let product = Implicit { m: made, n: count, k, beta, c, epilogue, blocks };
            product.matrix_times(simd, weight, &PatchColumns { gather: *gather, first });
        }
    }
}

/// The elements of a stage.
const STAGE: usize = 1 << 16;

/// Computes results that lie apart in the planes made, by way of a stage where they follow each
/// other.
///
/// # Safety
/// As for [`direct`], but the depth may be zero.
#[inline(always)]
unsafe fn staged<E: Float, S: Simd>(
    simd: S,
    shape: &Shape<'_, E>,
    part: &Part,
    gather: &Gather<E>,
    weight: Strided<E>,
    to: *mut E,
) {
    let unit = VECTORS * E::Vector::<S>::LANES;
    let made = shape.made;
    let limit = (STAGE / made).max(1).next_multiple_of(unit).min(part.results.len());
    let mut scratch = Scratch::take();
    let stage = scratch.get::<E>(made * limit);
    let beta = shape.finish.beta;
    let mut first = part.results.start;
    while first < part.results.end {
        let count = limit.min(part.results.end - first);
        let c = Output { ptr: stage, row_stride: count as isize, col_stride: 1 };
        // SAFETY: the stage has room for `count` results of each channel; the rest is this
        // function's contract.
        unsafe {
            if beta != E::ZERO {
                exchange(
                    shape,
                    part,
                    first..first + count,
                    to,
                    |far, near| near.write(far.read()),
                    stage,
                );
            }
            if gather.depth() > 0 {
                let results = first..first + count;
                product(simd, shape, part, gather, weight, results, c);
            } else {
                for i in 0..made * count {
                    let old = if beta == E::ZERO { E::ZERO } else { beta * stage.add(i).read() };
                    stage.add(i).write(old);
                }
                finish(simd, c, (made, count), &shape.epilogue(part.group));
            }
            exchange(
                shape,
                part,
                first..first + count,
                to,
                |far, near| far.write(near.read()),
                stage,
            );
        }
        first += count;
    }
}

/// Calls `each` with the places of the results in the planes and on the stage.
///
/// # Safety
/// Both must have them.
#[inline(always)]
unsafe fn exchange<E: Float>(
    shape: &Shape<'_, E>,
    part: &Part,
    results: Range<usize>,
    to: *mut E,
    each: impl Fn(*mut E, *mut E),
    stage: *mut E,
) {
    let (rows, cols) = (&part.rows, &part.cols);
    let mut near = stage;
    for channel in 0..shape.made {
        let plane = to.wrapping_add(channel * shape.plane);
        let mut at = results.start;
        while at < results.end {
            let (row, col) = (at / cols.len, at % cols.len);
            let run = (cols.len - col).min(results.end - at);
            let far = (rows.place.0 + row * rows.place.1) * shape.width
                + cols.place.0
                + col * cols.place.1;
            let far = plane.wrapping_add(far);
            for i in 0..run {
                each(far.wrapping_add(i * cols.place.1), near.wrapping_add(i));
            }
            near = near.wrapping_add(run);
            at += run;
        }
    }
}
