//! The convolution and its transpose with the lanes along the batch: the same element of as many
//! images as a vector has lanes. No lane is lost to short rows, and a tap that falls outside of
//! what a transpose takes back is not multiplied at all.
//!
//! Images are turned into vectors before (`[row][column][channel][image]`) and back after
//! (`[channel] [row][column][image]`), which pays where much is done with each element and the
//! turned images stay in the second-level cache: [`worth`] decides. The convolution's padding is
//! stored, as in a [band](super::band).
//!
//! Every element is one chain of multiply-adds, in the order of the rows, columns and channels
//! drawn from.

mod frame;
mod tile;
mod turn;

use std::ops::Range;

use super::axis::Axis;
use super::gather::{Residues, Task};
use super::geometry::ConvGeometry;
use super::narrow;
use super::{DIVIDED, Tuning};
use crate::gemm::implicit::{Output, PIECE, Scratch, finish, worth_threads};
use crate::gemm::{Bias, Epilogue};
use crate::simd::{Kernel, Lanes, Simd};
use crate::slices::Shared;
use crate::{Float, threads};
use frame::Frame;
use tile::{Tile, tile_rows, widest};
use turn::{deinterleave, interleave};

/// The bytes of the turned images of a piece: what fits into the second-level cache with the
/// weights.
const BYTES: usize = 768 << 10;
/// What turning a vector costs, in multiply-adds of a vector.
const TURN_COST: usize = 5;
/// And what packing one for the blocked loops does.
const PACK_COST: usize = 4;

/// Whether a convolution, or its transpose, is computed this way.
///
/// It is where the multiply-adds of vectors it takes, with what turning the images costs, are fewer
/// than those of the other kernels, which have their lanes along the results; those take a quarter
/// longer for one, as they were measured.
pub(super) fn worth<E: Float, S: Simd>(
    geometry: &ConvGeometry,
    transposed: bool,
    tuning: Tuning,
) -> bool {
    let residues = Residues { geometry: *geometry, transposed };
    if let Some(forced) = tuning.interleaved {
        return forced;
    }
    let lanes = E::Vector::<S>::LANES;
    let batch = geometry.batch();
    let (from, made, size) = residues.drawn_and_made();
    let product = |sizes: &[usize]| sizes.iter().fold(1, |a: usize, &b| a.saturating_mul(b));
    let frame = residues
        .axes()
        .map(|(rows, cols)| {
            Frame::new(rows, transposed).len.saturating_mul(Frame::new(cols, transposed).len)
        })
        .max()
        .unwrap_or(0);
    let turned = product(&[frame, from]).saturating_add(product(&[size[0], size[1], made]));
    if product(&[turned, lanes, size_of::<E>()]) > BYTES {
        return false;
    }
    let ([height, width], [rows, cols]) = (geometry.window().kernel, geometry.output());
    let products = product(&[from, made, height, width, rows, cols]);
    let here = products.saturating_add(product(&[turned, TURN_COST]));
    let vectors = |(rows, cols): (Axis, Axis)| {
        let depth = product(&[from, rows.taps, cols.taps]);
        if made <= narrow::MOST {
            return product(&[rows.len, cols.len.div_ceil(lanes), made, depth]);
        }
        let panels = rows.len.saturating_mul(cols.len).div_ceil(lanes);
        product(&[panels, made.saturating_add(PACK_COST), depth])
    };
    let there = residues.axes().map(vectors).fold(0, usize::saturating_add);
    product(&[here, batch.div_ceil(lanes), 4]) < product(&[there, batch, 5])
}

/// What all pieces share.
struct Shape<'a, E> {
    residues: Residues,
    lanes: usize,
    groups: usize,
    from: usize,
    made: usize,
    /// The rows and columns of the result.
    size: [usize; 2],
    source: &'a [E],
    to: Shared<E>,
    beta: E,
    epilogue: Epilogue<'a, E>,
    bias: Option<&'a [E]>,
    /// By group, residue, channels of a tile, taps and channel drawn from, the channels of the tile
    /// last.
    weight: *const E,
    group_weights: usize,
}

// SAFETY: the weights are only read while the pieces run; pieces write disjoint results.
unsafe impl<E: Sync> Sync for Shape<'_, E> {}

/// Computes a task of which something is to be made.
pub(super) fn run<E: Float, S: Simd>(simd: S, task: Task<'_, E>) {
    let Task { geometry, transposed, source, weight, to, finish, tuning } = task;
    let residues = Residues { geometry, transposed };
    let (from, made, size) = residues.drawn_and_made();
    let (lanes, groups) = (E::Vector::<S>::LANES, geometry.channels().groups);
    let mut scratch = Scratch::take();
    let packed = scratch.get::<E>(weight.len());
    // SAFETY: the scratch has room for the weights.
    unsafe { pack_weights(residues, weight, packed) };
    let epilogue = Epilogue { bias: Bias::None, activation: finish.activation };
    let shape = Shape {
        residues,
        lanes,
        groups,
        from,
        made,
        size,
        source,
        to: Shared::new(to),
        beta: finish.beta,
        epilogue,
        bias: finish.bias,
        weight: packed,
        group_weights: from.wrapping_mul(made).wrapping_mul(residues.taps()),
    };
    // Blocks of as many images as a vector has lanes; where they are few and large, their rows are
    // divided too. How they are changes no bit: a sum is never divided.
    let blocks = geometry.batch().div_ceil(lanes);
    let units = blocks * groups;
    let [_, _, height, width] = geometry.weight_shape();
    let [rows, cols] = geometry.output();
    let work = [lanes, from, made, height, width, rows, cols]
        .into_iter()
        .fold(1, usize::saturating_mul)
        .max(1);
    let all = work.saturating_mul(units);
    let alone =
        all < 2 * tuning.piece.unwrap_or(PIECE) || tuning.piece.is_none() && !worth_threads(all);
    let pieces = if alone { 1 } else { 2 * threads::count() };
    let most = (work / tuning.piece.unwrap_or(DIVIDED)).clamp(1, size[0]);
    let step = size[0].div_ceil(pieces.div_ceil(units).min(most));
    let split = size[0].div_ceil(step);
    let run = if alone { units } else { tuning.piece.unwrap_or(PIECE).div_ceil(work) };
    threads::for_pieces(units.div_ceil(run) * split, |index| {
        let (first, part) = (index / split * run, index % split);
        let rows = part * step..((part + 1) * step).min(size[0]);
        for unit in first..(first + run).min(units) {
            let (block, group) = (unit / groups, unit % groups);
            simd.vectorize(Piece { shape: &shape, block, group, rows: rows.clone() });
        }
    });
}

/// Writes the weights in the order that tiles read them.
///
/// # Safety
/// `to` must be writable for as many elements as there are weights.
unsafe fn pack_weights<E: Float>(residues: Residues, weight: &[E], to: *mut E) {
    let Residues { geometry, transposed } = residues;
    let (from, made, _) = residues.drawn_and_made();
    let [_, _, height, width] = geometry.weight_shape();
    let mut place = 0;
    for group in 0..geometry.channels().groups {
        for (rows, cols) in residues.axes() {
            let (rows, cols) = (Frame::new(rows, transposed), Frame::new(cols, transposed));
            let mut first = 0;
            while first < made {
                let tile = tile_rows(made - first);
                for row in 0..rows.axis.taps {
                    for col in 0..cols.axis.taps {
                        let tap = rows.kernel(row) * width + cols.kernel(col);
                        for channel in 0..from {
                            for i in first..first + tile {
                                let kernel = if transposed {
                                    (group * from + channel) * made + i
                                } else {
                                    (group * made + i) * from + channel
                                };
                                // SAFETY: every weight is written at most once.
                                unsafe {
                                    to.add(place).write(weight[kernel * height * width + tap]);
                                }
                                place += 1;
                            }
                        }
                    }
                }
                first += tile;
            }
        }
    }
}

/// Some rows of the results of a block of images and a group.
struct Piece<'a, E> {
    shape: &'a Shape<'a, E>,
    block: usize,
    group: usize,
    rows: Range<usize>,
}

impl<E: Float> Kernel for Piece<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { shape, block, group, ref rows } = self;
        let &Shape { residues, lanes, groups, from, made, size, .. } = shape;
        let first = block * lanes;
        let images = lanes.min(residues.geometry.batch() - first);
        let (plane, part) = (size[0] * size[1], rows.len() * size[1]);
        let image = groups * made * plane;
        // SAFETY: the planes made lie in the result.
        let to =
            unsafe { shape.to.at(first * image + group * made * plane + rows.start * size[1]) };
        let (mut near, mut far) = (Scratch::take(), Scratch::take());
        let stage = near.get::<E>(made * part * lanes);
        let bias = match shape.bias {
            Some(bias) => Bias::PerRow(&bias[group * made..(group + 1) * made]),
            None => Bias::None,
        };
        let epilogue = Epilogue { bias, ..shape.epilogue };
        // SAFETY: the arrays have the lengths of their shapes, the scratch what was asked for, and
        // the results are this piece's.
        unsafe {
            if shape.beta != E::ZERO {
                for channel in 0..made {
                    let old = to.wrapping_add(channel * plane).cast_const();
                    let stage = stage.wrapping_add(channel * part * lanes);
                    interleave(simd, (old, image), images, part, (stage, lanes));
                }
            }
            let mut weight = shape.weight.wrapping_add(group * shape.group_weights);
            let mut source = std::ptr::null_mut::<E>();
            for (rows, cols) in residues.axes() {
                let frame = [rows, cols].map(|axis| Frame::new(axis, residues.transposed));
                // All residues draw from the same positions.
                if source.is_null() {
                    source = far.get::<E>(frame[0].len * frame[1].len * from * lanes);
                    self.turn(simd, images, &frame, source);
                }
                self.residue(simd, &frame, source, weight, stage);
                weight = weight.wrapping_add(made * from * rows.taps * cols.taps);
            }
            for channel in 0..made {
                let to = to.wrapping_add(channel * plane);
                let stage = stage.wrapping_add(channel * part * lanes);
                deinterleave(simd, stage, part, images, (to, image));
            }
            for i in 0..images {
                let ptr = to.wrapping_add(i * image);
                let c = Output { ptr, row_stride: plane as isize, col_stride: 1 };
                finish(simd, c, (made, part), &epilogue);
            }
        }
    }
}

impl<E: Float> Piece<'_, E> {
    /// Turns the channels drawn from: a vector for each row, column and channel of the frame.
    ///
    /// # Safety
    /// The images must be readable, `to` writable for the frame's vectors.
    #[inline(always)]
    unsafe fn turn<S: Simd>(&self, simd: S, images: usize, frame: &[Frame; 2], to: *mut E) {
        let &Shape { residues, lanes, groups, from, source, .. } = self.shape;
        let [down, across] = frame;
        let (lines, columns) = (down.inside(), across.inside());
        let count = down.len * across.len * from * lanes;
        if (lines.len(), columns.len()) != (down.len, across.len) {
            let zero = E::Vector::<S>::splat(simd, E::ZERO);
            for i in (0..count).step_by(lanes) {
                // SAFETY: the vector lies in the frame.
                unsafe { zero.store_ptr(to.add(i)) };
            }
        }
        if lines.is_empty() || columns.is_empty() {
            return;
        }
        let plane = down.axis.size * across.axis.size;
        let image = groups * from * plane;
        let first = self.block * lanes * image + self.group * from * plane;
        // Rows that follow each other in both are turned as one.
        let together = columns.len() == across.len && columns.len() == across.axis.size;
        let (rows, len) =
            if together { (1, lines.len() * columns.len()) } else { (lines.len(), columns.len()) };
        debug_assert!(residues.geometry.batch() > self.block * lanes);
        for row in lines.start..lines.start + rows {
            let place = (row as isize - down.low) as usize * across.len
                + (columns.start as isize - across.low) as usize;
            let start = first + row * across.axis.size + columns.start;
            for channel in 0..from {
                let source = source.as_ptr().wrapping_add(start + channel * plane);
                let to = to.wrapping_add((place * from + channel) * lanes);
                // SAFETY: the run lies in the images and in the frame.
                unsafe { interleave(simd, (source, image), images, len, (to, from * lanes)) };
            }
        }
    }

    /// Computes the results of a residue.
    ///
    /// # Safety
    /// `source` must hold the frame, `weight` the residue's weights, `stage` a vector for each of
    /// the piece's results.
    #[inline(always)]
    unsafe fn residue<S: Simd>(
        &self,
        simd: S,
        [down, across]: &[Frame; 2],
        source: *const E,
        weight: *const E,
        stage: *mut E,
    ) {
        let &Shape { lanes, from, made, size, beta, .. } = self.shape;
        let taps = down.axis.taps * across.axis.taps;
        let vector = |row: usize, col: usize| {
            row.wrapping_mul(across.len).wrapping_add(col).wrapping_mul(from * lanes)
        };
        for row in down.results(&self.rows) {
            let row_taps = down.taps(row);
            let row_place = down.axis.place.0 + row * down.axis.place.1 - self.rows.start;
            let mut first = 0;
            while first < made {
                let channels = tile_rows(made - first);
                let (mut col, mut col_taps) = (0, across.taps(0));
                while col < across.axis.len {
                    // Neighbours that see the same taps.
                    let (mut count, mut next) = (1, 0..0);
                    while col + count < across.axis.len {
                        next = across.taps(col + count);
                        if next != col_taps || count == 4 {
                            break;
                        }
                        count += 1;
                    }
                    let count = widest::<S>(channels, count);
                    if count < 4 && col + count < across.axis.len {
                        next = across.taps(col + count);
                    }
                    let seen = if row_taps.is_empty() || col_taps.is_empty() {
                        (0..0, 0..0)
                    } else {
                        (row_taps.clone(), col_taps.clone())
                    };
                    let (rows, cols) = seen;
                    let mut tile = Tile {
                        source,
                        next: across.axis.step * from * lanes,
                        weight: weight.wrapping_add(first * from * taps),
                        lines: rows.len(),
                        line: (0, 0),
                        runs: 1,
                        run: (0, 0),
                        depth: cols.len() * from,
                        to: stage,
                        to_next: across.axis.place.1 * lanes,
                        to_row: self.rows.len() * size[1] * lanes,
                        beta,
                    };
                    if !rows.is_empty() {
                        let place = (down.place(row, rows.start), across.place(col, cols.start));
                        tile.source = source.wrapping_add(vector(place.0, place.1));
                        let tap = rows.start * across.axis.taps + cols.start;
                        tile.weight = tile.weight.wrapping_add(tap * from * channels);
                        let weights = across.axis.taps * from * channels;
                        tile.line = (vector(down.axis.tap_step as usize, 0), weights);
                        if across.axis.tap_step != 1 {
                            (tile.runs, tile.depth) = (cols.len(), from);
                            let step = across.axis.tap_step as usize;
                            tile.run = (vector(0, step), from * channels);
                        }
                    }
                    let place = across.axis.place.0 + col * across.axis.place.1;
                    let place = (first * self.rows.len() + row_place) * size[1] + place;
                    tile.to = stage.wrapping_add(place * lanes);
                    // SAFETY: the tile's vectors lie in the frame, the weights and the stage.
                    unsafe { tile.run(simd, channels, count) };
                    col += count;
                    col_taps = next;
                }
                first += channels;
            }
        }
    }
}
