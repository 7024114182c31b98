//! The gradient by the weight: patches of all images times the output's gradients.

use super::axis::Axis;
use super::band::Gather;
use super::geometry::ConvGeometry;
use super::narrow;
use super::narrow_grad::NarrowGrad;
use super::patch_rows::{PatchRows, PatchRowsByTap, Planes};
use super::{DIVIDED, Tuning};
use crate::gemm::Epilogue;
use crate::gemm::implicit::{Implicit, Output, Scratch};
use crate::simd::{Kernel, Simd};
use crate::slices::Shared;
use crate::{Float, threads};

/// The gradient by the weight, of arrays that have the lengths of their shapes.
#[derive(Debug)]
pub(super) struct Task<'a, E> {
    pub(super) geometry: ConvGeometry,
    pub(super) input: &'a [E],
    pub(super) output: &'a [E],
    pub(super) beta: E,
    pub(super) weight: &'a mut [E],
    pub(super) tuning: Tuning,
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
    let Task { geometry, input, output, beta, weight, tuning } = task;
    if output.is_empty() {
        // Sums of nothing.
        for weight in weight {
            *weight = if beta == E::ZERO { E::ZERO } else { beta * *weight };
        }
        return;
    }
    if weight.is_empty() {
        return;
    }
    let groups = geometry.channels().groups;
    let [_, inputs, height, width] = geometry.weight_shape();
    let taps = inputs * height * width;
    let made = geometry.group_outputs();
    // The products of a weight.
    let depth = output.len() / (made * groups);
    let to = Shared::new(weight);
    let piece = tuning.piece.unwrap_or(DIVIDED);
    let work = taps.saturating_mul(made).saturating_mul(depth);
    let work = work.max(1);
    // A piece is a run of groups, or some rows of one, which has the output's gradients packed once
    // more: no more pieces than there are threads for. No bit depends on it, as sums are not
    // divided.
    let pieces = if threads::count() == 1 { 1 } else { 2 * threads::count() };
    let (run, split) = if work.saturating_mul(groups) < 2 * piece {
        (groups, 1)
    } else if groups >= pieces || work < 2 * piece {
        (piece.div_ceil(work), 1)
    } else {
        (1, pieces.div_ceil(groups).min(work / piece))
    };
    let by_tap = by_tap(&geometry, made);
    let rows = if by_tap { inputs * width } else { taps };
    let step = rows.div_ceil(split);
    threads::for_pieces(groups.div_ceil(run) * split, |index| {
        let (first, part) = (index / split * run, index % split);
        for group in first..(first + run).min(groups) {
            let (row, end) = ((part * step).min(rows), ((part + 1) * step).min(rows));
            if row < end {
                // SAFETY: the group's weights lie in the array, and the rows are this piece's.
                let part = unsafe {
                    let to = to.at(group * made * taps);
                    let (sizes, operands) = ((geometry, tuning), (input, output, beta));
                    Part::new(sizes, operands, (group, by_tap), (row, end - row), to)
                };
                simd.vectorize(part);
            }
        }
    });
}

/// Whether a packed row serves all taps of the rows: where windows move by one row, and what is
/// packed for the other taps is little compared with what is packed for the first.
fn by_tap(geometry: &ConvGeometry, made: usize) -> bool {
    let (window, [rows, cols]) = (geometry.window(), geometry.output());
    let extra = (window.kernel[0] - 1).saturating_mul(window.dilation[0]).saturating_mul(cols);
    let enough = rows.saturating_mul(cols).min(BY_TAP);
    made > narrow::MOST && window.kernel[0] > 1 && window.stride[0] == 1 && extra <= enough
}

/// The most elements that are packed for the other taps only.
const BY_TAP: usize = 256;

/// Some rows of the transposed gradient of a group.
struct Part<'a, E> {
    geometry: ConvGeometry,
    input: &'a [E],
    output: &'a [E],
    beta: E,
    group: usize,
    by_tap: bool,
    /// Rows of the matrix of patches, or with `by_tap` those of a tap.
    row: usize,
    rows: usize,
    /// The group's weights.
    to: *mut E,
    tuning: Tuning,
}

impl<'a, E> Part<'a, E> {
    /// `rows` rows from `row` on, of the matrix of patches or, with `by_tap`, of a tap.
    ///
    /// # Safety
    /// While the part runs, the weights of these rows in the group that begins at `to` must be
    /// readable and writable by this thread alone.
    unsafe fn new(
        (geometry, tuning): (ConvGeometry, Tuning),
        (input, output, beta): (&'a [E], &'a [E], E),
        (group, by_tap): (usize, bool),
        (row, rows): (usize, usize),
        to: *mut E,
    ) -> Self {
        Self { geometry, input, output, beta, group, by_tap, row, rows, to, tuning }
    }
}

impl<E: Float> Kernel for Part<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Part { geometry, input, output, beta, group, by_tap, row, rows, to, tuning } = self;
        let (inputs, made) = (geometry.group_inputs(), geometry.group_outputs());
        let channels = geometry.channels();
        let (down, across) = (Axis::forward(&geometry, 0), Axis::forward(&geometry, 1));
        let mut gather =
            Gather { source: input.as_ptr(), channels: inputs, rows: down, cols: across };
        gather.source = gather.source.wrapping_add(group * inputs * gather.plane());
        let (taps, results) = (gather.depth(), gather.results());
        let planes = Planes {
            ptr: output.as_ptr().wrapping_add(group * made * results),
            plane: results,
            image_stride: channels.output * results,
        };
        let image_stride = channels.input * gather.plane();
        let batch = geometry.batch();
        let (repeats, width) = if by_tap { (down.taps, across.taps) } else { (1, taps) };
        let mut scratch = Scratch::take();
        let sums = scratch.get::<E>(repeats * rows * made);
        let c = Output { ptr: sums, row_stride: made as isize, col_stride: 1 };
        let (epilogue, blocks) = (Epilogue::default(), tuning.blocks);
        let product = |k, beta| Implicit { m: rows, n: made, k, beta, c, epilogue, blocks };
        // SAFETY: `ConvGeometry::check` found the lengths of the arrays, the sums have room for the
        // product, and `new` states that the weights of these rows are this thread's.
        unsafe {
            if made <= narrow::MOST {
                let grad = NarrowGrad {
                    gather,
                    image_stride,
                    batch,
                    rows: (row, rows),
                    output: planes.ptr,
                    output_stride: planes.image_stride,
                    made,
                };
                grad.run(simd, sums);
            } else if by_tap {
                for image in 0..batch {
                    let source = gather.source.wrapping_add(image * image_stride);
                    let patches = PatchRowsByTap::new(&Gather { source, ..gather }, row);
                    let ptr = planes.ptr.wrapping_add(image * planes.image_stride);
                    let beta = if image == 0 { E::ZERO } else { E::ONE };
                    let extra = patches.extra();
                    product(results, beta).packed(
                        simd,
                        (&patches, extra),
                        &Planes { ptr, ..planes },
                    );
                }
            } else {
                let patches = PatchRows { gather, image_stride, first: row };
                product(batch * results, E::ZERO).packed(simd, (&patches, 0), &planes);
            }
            for channel in 0..made {
                for i in 0..repeats * rows {
                    // Row and tap of the rows; the kernel has the columns' taps last.
                    let (repeat, i_row) = (i / rows, row + i % rows);
                    let tap = (i_row / width * repeats + repeat) * width + i_row % width;
                    let to = to.add(channel * taps + tap);
                    let sum = sums.add(i * made + channel).read();
                    to.write(if beta == E::ZERO { sum } else { beta * to.read() + sum });
                }
            }
        }
    }
}
