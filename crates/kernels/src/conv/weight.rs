//! The gradient by the weight: patches of all images times the output's gradients.

use super::Tuning;
use super::axis::Axis;
use super::band::Gather;
use super::geometry::ConvGeometry;
use super::patches::{PatchRows, Planes};
use crate::gemm::Epilogue;
use crate::gemm::implicit::{Implicit, Output, PIECE, Scratch};
use crate::simd::{Kernel, Simd};
use crate::slices::Shared;
use crate::{Element, threads};

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

impl<E: Element> Kernel for Task<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        run(simd, self);
    }
}

/// So many pieces there should be, if there is work for them.
const PIECES: usize = 16;

#[inline(never)]
fn run<E: Element, S: Simd>(simd: S, task: Task<'_, E>) {
    let Task { geometry, input, output, beta, weight, tuning } = task;
    if weight.is_empty() {
        return;
    }
    let groups = geometry.channels().groups;
    let [_, inputs, height, width] = geometry.weight_shape();
    let taps = inputs * height * width;
    let made = geometry.group_outputs();
    let results = geometry.output()[0] * geometry.output()[1];
    let to = Shared::new(weight);
    let piece = tuning.piece.unwrap_or(PIECE);
    let work = taps.saturating_mul(made).saturating_mul(geometry.batch().saturating_mul(results));
    let work = work.max(1);
    // A piece is a run of groups, or some rows of one.
    let (run, split) = if work.saturating_mul(groups) < 2 * piece {
        (groups, 1)
    } else if groups >= PIECES || work < 2 * piece {
        (piece.div_ceil(work), 1)
    } else {
        (1, PIECES.div_ceil(groups).min(work / piece))
    };
    let step = taps.div_ceil(split);
    threads::for_pieces(groups.div_ceil(run) * split, |index| {
        let (first, part) = (index / split * run, index % split);
        for group in first..(first + run).min(groups) {
            let (row, end) = ((part * step).min(taps), ((part + 1) * step).min(taps));
            if row < end {
                // SAFETY: the group's weights lie in the array, and the rows are this piece's.
                let to = unsafe { to.at(group * made * taps) };
                let rows = end - row;
                simd.vectorize(Part {
                    geometry,
                    input,
                    output,
                    beta,
                    group,
                    row,
                    rows,
                    to,
                    tuning,
                });
            }
        }
    });
}

/// Some rows of the transposed gradient of a group.
struct Part<'a, E> {
    geometry: ConvGeometry,
    input: &'a [E],
    output: &'a [E],
    beta: E,
    group: usize,
    row: usize,
    rows: usize,
    /// The group's weights.
    to: *mut E,
    tuning: Tuning,
}

impl<E: Element> Kernel for Part<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Part { geometry, input, output, beta, group, row, rows, to, tuning } = self;
        let (inputs, made) = (geometry.group_inputs(), geometry.group_outputs());
        let channels = geometry.channels();
        let (down, across) = (Axis::forward(&geometry, 0), Axis::forward(&geometry, 1));
        let mut gather =
            Gather { source: input.as_ptr(), channels: inputs, rows: down, cols: across };
        gather.source = gather.source.wrapping_add(group * inputs * gather.plane());
        let (taps, results) = (gather.depth(), gather.results());
        let patches =
            PatchRows { gather, image_stride: channels.input * gather.plane(), first: row };
        let planes = Planes {
            ptr: output.as_ptr().wrapping_add(group * made * results),
            plane: results,
            image_stride: channels.output * results,
        };
        let k = geometry.batch() * results;
        let mut scratch = Scratch::take();
        let sums = scratch.get::<E>(rows * made);
        // SAFETY: the arrays have the lengths of their shapes, the sums room for the product, and
        // the weights of these rows are this thread's.
        unsafe {
            if k == 0 {
                std::slice::from_raw_parts_mut(sums, rows * made).fill(E::ZERO);
            } else {
                let c = Output { ptr: sums, row_stride: made as isize, col_stride: 1 };
                let (beta, epilogue, blocks) = (E::ZERO, Epilogue::default(), tuning.blocks);
                let product = Implicit { m: rows, n: made, k, beta, c, epilogue, blocks };
                product.packed(simd, &patches, &planes);
            }
            for channel in 0..made {
                for i in 0..rows {
                    let to = to.add(channel * taps + row + i);
                    let sum = sums.add(i * made + channel).read();
                    to.write(if beta == E::ZERO { sum } else { beta * to.read() + sum });
                }
            }
        }
    }
}
