//! Kernels for groups of few channels, among them the depthwise convolutions: packing patches would
//! cost as much as multiplying them, so they are read in the band. The lanes are neighbouring
//! results of a row.
//!
//! Every element is one chain of multiply-adds in the order of the channels and taps, wherever it
//! lies; the gradients by the weight have a chain for each lane, which are added up at the end.

use super::band::{Band, Extent, Gather};
use super::patches::Rectangles;
use crate::Element;
use crate::gemm::Epilogue;
use crate::gemm::implicit::{MAX_ROWS, Operand, Output, Scratch, each_row, finish};
use crate::simd::{Kernel, Lanes, MAX_LANES, Simd};

/// Groups that make up to so many channels come here.
pub(super) const MOST: usize = 8;

/// The elements of a band: what the first-level cache holds.
const BAND: usize = 6 << 10;

/// The rows of the next tile: as few and equal ones as cover the channels.
#[inline(always)]
fn tile_rows(left: usize) -> usize {
    match left {
        0..=4 | 6 => left,
        5 => 3,
        7 | 8 => 4,
        _ => 6,
    }
}

/// Whether the accumulators of a tile and the vectors they are made of fit into the registers.
const fn fits<S: Simd>(rows: usize, vectors: usize) -> bool {
    rows * vectors + vectors < S::REGISTERS
}

/// So many results are worth a band: whole rows if they are short.
#[inline(always)]
fn chunk<E: Element, S: Simd>(gather: &Gather<E>, channels: usize) -> usize {
    let cols = gather.cols.len;
    let columns = |count: usize| gather.cols.span(count).saturating_mul(channels);
    // What a row of results draws from, and what one more adds.
    let row = columns(cols).saturating_mul(gather.rows.span(1));
    if row > 4 * BAND && cols > WIDE * E::Vector::<S>::LANES {
        return WIDE * E::Vector::<S>::LANES;
    }
    let more = columns(cols) * gather.rows.step;
    (BAND.saturating_sub(row) / more + 1).min(gather.rows.len) * cols
}

/// The vectors of a piece of a long row.
const WIDE: usize = 32;

/// `C = act(A P + beta C + bias)` with P the results from `first` on of the matrix of patches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrow<'a, E> {
    pub(super) gather: &'a Gather<E>,
    pub(super) first: usize,
    pub(super) count: usize,
    /// The channels made.
    pub(super) made: usize,
    /// Their weights: of each a row, contiguous.
    pub(super) weight: Operand<E>,
    pub(super) beta: E,
    /// Its rows are contiguous.
    pub(super) c: Output<E>,
    pub(super) epilogue: Epilogue<'a, E>,
}

impl<E: Element> Narrow<'_, E> {
    /// Computes it.
    ///
    /// # Safety
    /// The gather's planes and the weights must be readable, C be written by this thread alone; the
    /// depth must not be zero.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd>(&self, simd: S) {
        let gather = self.gather;
        let depth = gather.depth();
        let lanes = E::Vector::<S>::LANES;
        let step = chunk::<E, S>(gather, gather.channels);
        let (mut scratch, mut table) = (Scratch::take(), Scratch::take());
        let table = offsets(&mut table, depth);
        let end = self.first + self.count;
        let mut at = self.first;
        while at < end {
            let mut rectangles = Rectangles::new(gather, at, step.min(end - at));
            while let Some((results, range)) = rectangles.next() {
                let extent = Extent::new(gather, 0..gather.channels, results.clone());
                let buffer = scratch.get::<E>(extent.elements::<E, S>());
                // SAFETY: the buffer is as long as asked for; the caller vouches for the planes.
                let band = unsafe { Band::fill(simd, gather, extent, E::ZERO, buffer) };
                band.offsets(0, table);
                let mut result = range.start;
                while result < range.end {
                    let (row, col) = (result / gather.cols.len, result % gather.cols.len);
                    let vectors = (gather.cols.len - col).min(range.end - result).div_ceil(lanes);
                    let mut made = 0;
                    let mut cols = 0;
                    while made < self.made {
                        let rows = tile_rows(self.made - made);
                        let vectors = widest::<S>(rows, vectors);
                        // The first tile decides how far the others go, which have no more rows.
                        if made == 0 {
                            cols = (vectors * lanes)
                                .min(gather.cols.len - col)
                                .min(range.end - result);
                        }
                        let tile = Tile {
                            cols,
                            base: band.first(row, col),
                            offsets: table,
                            weight: self.weight.at(made, 0),
                            beta: self.beta,
                            c: self.c.at(made, result - self.first),
                        };
                        // SAFETY: the band has what the results see, and whole vectors of it; the
                        // caller vouches for the rest.
                        unsafe {
                            run_tile(simd, rows, cols.div_ceil(lanes), &tile);
                            let part = self.epilogue.part(made, rows, 0, 0);
                            finish(simd, tile.c, (rows, cols), &part);
                        }
                        made += rows;
                    }
                    result += cols;
                }
                at = range.end;
            }
        }
    }
}

/// Room for an offset for each of `count` taps.
#[inline(always)]
fn offsets(scratch: &mut Scratch, count: usize) -> &mut [usize] {
    let ptr = scratch.get::<f64>(count);
    const { assert!(size_of::<usize>() <= size_of::<f64>()) };
    // SAFETY: the scratch has as many elements, at least as large and aligned, initialised, and any
    // bits are a number; it is borrowed as long.
    unsafe { std::slice::from_raw_parts_mut(ptr.cast(), count) }
}

/// The vectors of the widest tile of so many rows.
#[inline(always)]
fn widest<S: Simd>(rows: usize, limit: usize) -> usize {
    [4, 2].into_iter().find(|&vectors| vectors <= limit && fits::<S>(rows, vectors)).unwrap_or(1)
}

/// Some channels of neighbouring results of a row.
struct Tile<'a, E> {
    cols: usize,
    base: *const E,
    offsets: &'a [usize],
    weight: Operand<E>,
    beta: E,
    c: Output<E>,
}

/// Computes a tile.
///
/// # Safety
/// Whole vectors must be readable at every offset from the base, the weights readable, and the
/// tile of C be written by this thread alone; rows and vectors as [`tile_rows`] and [`widest`] say.
#[inline(always)]
unsafe fn run_tile<E: Element, S: Simd>(simd: S, rows: usize, vectors: usize, tile: &Tile<'_, E>) {
    macro_rules! pick {
        ($($rows:literal)+) => {
            // SAFETY: passed on.
            unsafe {
                match (rows, vectors) {
                    $(($rows, 1) => kernel::<E, S, $rows, 1>(simd, tile),
                    ($rows, 2) => kernel::<E, S, $rows, 2>(simd, tile),
                    // A row that ends in the third vector reads a fourth and leaves it.
                    ($rows, _) => kernel::<E, S, $rows, 4>(simd, tile),)+
                    _ => unreachable!("no tile has {rows} rows"),
                }
            }
        };
    }
    pick!(1 2 3 4 6);
}

/// # Safety
/// As for [`run_tile`].
#[inline(never)]
unsafe fn kernel<E: Element, S: Simd, const MR: usize, const NV: usize>(
    simd: S,
    tile: &Tile<'_, E>,
) {
    if const { fits::<S>(MR, NV) } {
        simd.vectorize(Micro::<E, MR, NV>(tile));
    }
}

struct Micro<'a, E, const MR: usize, const NV: usize>(&'a Tile<'a, E>);

impl<E: Element, const MR: usize, const NV: usize> Kernel for Micro<'_, E, MR, NV> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let tile = self.0;
        let lanes = E::Vector::<S>::LANES;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let mut acc = [[zero; NV]; MR];
        let weight = tile.weight;
        for (p, &offset) in tile.offsets.iter().enumerate() {
            let from = tile.base.wrapping_add(offset);
            let mut row = [zero; NV];
            for (v, vector) in row.iter_mut().enumerate() {
                // SAFETY: the caller vouches for whole vectors.
                *vector = unsafe { E::Vector::<S>::load_ptr(simd, from.wrapping_add(v * lanes)) };
            }
            each_row!(i < MR, {
                // SAFETY: the caller vouches for the weights.
                let left = unsafe { weight.at(i, p).ptr.read() };
                let left = E::Vector::<S>::splat(simd, left);
                for (sum, right) in acc[i].iter_mut().zip(row) {
                    *sum = left.mul_add(right, *sum);
                }
            });
        }
        let beta = E::Vector::<S>::splat(simd, tile.beta);
        each_row!(i < MR, {
            for (v, &sum) in acc[i].iter().enumerate() {
                let count = tile.cols.saturating_sub(v * lanes).min(lanes);
                let to = tile.c.at(i, v * lanes).ptr;
                // SAFETY: the caller vouches for the tile of C.
                unsafe {
                    let mut sum = sum;
                    if tile.beta != E::ZERO {
                        sum = beta.mul_add(E::Vector::<S>::load_partial_ptr(simd, to, count), sum);
                    }
                    if count == lanes {
                        sum.store_ptr(to);
                    } else {
                        sum.store_partial_ptr(to, count);
                    }
                }
            }
        });
    }
}

/// Some rows of the matrix of patches times the output's gradients, for all images.
#[derive(Clone, Copy, Debug)]
pub(super) struct NarrowGrad<E> {
    /// Of the first image.
    pub(super) gather: Gather<E>,
    pub(super) image_stride: usize,
    pub(super) batch: usize,
    /// The rows: first and count.
    pub(super) rows: (usize, usize),
    /// The output's gradient: the planes of the first image, and from an image to the next.
    pub(super) output: *const E,
    pub(super) output_stride: usize,
    pub(super) made: usize,
}

/// The taps of a tile of the gradient by the weight.
const TAPS: usize = 4;

impl<E: Element> NarrowGrad<E> {
    /// Computes the gradients, in `sums` by row and channel.
    ///
    /// # Safety
    /// The planes must be readable, `sums` writable.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd>(&self, simd: S, sums: *mut E) {
        let (row, rows) = self.rows;
        let taps = self.gather.rows.taps * self.gather.cols.taps;
        let channels = row / taps..(row + rows - 1) / taps + 1;
        let results = self.gather.results();
        let lanes = E::Vector::<S>::LANES;
        let step = chunk::<E, S>(&self.gather, channels.len());
        let (mut scratch, mut table, mut lane_sums) =
            (Scratch::take(), Scratch::take(), Scratch::take());
        let table = offsets(&mut table, rows);
        let lane_sums = lane_sums.get::<E>(rows * self.made * lanes);
        // SAFETY: the scratch is as long as asked for, and initialised.
        unsafe { std::slice::from_raw_parts_mut(lane_sums, rows * self.made * lanes) }
            .fill(E::ZERO);
        for image in 0..self.batch {
            let source = self.gather.source.wrapping_add(image * self.image_stride);
            let gather = Gather { source, ..self.gather };
            let output = self.output.wrapping_add(image * self.output_stride);
            let mut at = 0;
            while at < results {
                let mut rectangles = Rectangles::new(&gather, at, step.min(results - at));
                while let Some(((down, across), range)) = rectangles.next() {
                    let extent =
                        Extent::new(&gather, channels.clone(), (down.clone(), across.clone()));
                    let buffer = scratch.get::<E>(extent.elements::<E, S>());
                    // SAFETY: the buffer is as long as asked for; the caller vouches for the planes.
                    let band = unsafe { Band::fill(simd, &gather, extent, E::ZERO, buffer) };
                    band.offsets(row, table);
                    let strip = Strip {
                        base: band.first(down.start, across.start),
                        base_stride: band.result_stride(),
                        output: output.wrapping_add(range.start),
                        output_stride: gather.cols.len,
                        plane: results,
                        rows: down.len(),
                        cols: across.len(),
                    };
                    let mut tap = 0;
                    while tap < rows {
                        let count = if rows - tap >= TAPS { TAPS } else { 1 };
                        let offsets = &table[tap..tap + count];
                        let mut made = 0;
                        while made < self.made {
                            let channels = tile_rows(self.made - made);
                            // SAFETY: the band and the output have the strip, the sums a vector for
                            // every row and channel.
                            unsafe {
                                let sums = lane_sums.add((tap * self.made + made) * lanes);
                                let strip = Strip {
                                    output: strip.output.wrapping_add(made * results),
                                    ..strip
                                };
                                run_strip(simd, channels, offsets, &strip, sums, self.made);
                            }
                            made += channels;
                        }
                        tap += count;
                    }
                    at = range.end;
                }
            }
        }
        for i in 0..rows * self.made {
            // SAFETY: both have so many.
            unsafe {
                let sum = E::Vector::<S>::load_ptr(simd, lane_sums.add(i * lanes));
                sums.add(i).write(sum.reduce_sum());
            }
        }
    }
}

/// A rectangle of results.
#[derive(Clone, Copy)]
struct Strip<E> {
    /// In the band, at the first tap of the rows.
    base: *const E,
    base_stride: usize,
    /// The output's gradient of the first channel.
    output: *const E,
    output_stride: usize,
    plane: usize,
    rows: usize,
    cols: usize,
}

/// Adds the products of a strip to the sums of some channels and taps: for every tap `made` vectors.
///
/// # Safety
/// The band must have the strip at each offset, the output have it for each channel, and the sums
/// be readable and writable.
#[inline(always)]
unsafe fn run_strip<E: Element, S: Simd>(
    simd: S,
    channels: usize,
    offsets: &[usize],
    strip: &Strip<E>,
    sums: *mut E,
    made: usize,
) {
    macro_rules! pick {
        ($($rows:literal)+) => {
            // SAFETY: passed on.
            unsafe {
                match (channels, offsets.len()) {
                    $(($rows, TAPS) if const { fits::<S>($rows, TAPS) } => {
                        strip_kernel::<E, S, $rows, TAPS>(simd, offsets, strip, sums, made);
                    }
                    ($rows, _) => for (tap, offset) in offsets.iter().enumerate() {
                        let sums = sums.add(tap * made * E::Vector::<S>::LANES);
                        let offset = std::slice::from_ref(offset);
                        strip_kernel::<E, S, $rows, 1>(simd, offset, strip, sums, made);
                    },)+
                    _ => unreachable!("no tile has {channels} channels"),
                }
            }
        };
    }
    pick!(1 2 3 4 6);
}

/// # Safety
/// As for [`run_strip`].
#[inline(never)]
unsafe fn strip_kernel<E: Element, S: Simd, const MR: usize, const NT: usize>(
    simd: S,
    offsets: &[usize],
    strip: &Strip<E>,
    sums: *mut E,
    made: usize,
) {
    if const { fits::<S>(MR, NT) } {
        simd.vectorize(MicroGrad::<E, MR, NT> { offsets, strip, sums, made });
    }
}

struct MicroGrad<'a, E, const MR: usize, const NT: usize> {
    offsets: &'a [usize],
    strip: &'a Strip<E>,
    sums: *mut E,
    made: usize,
}

impl<E: Element, const MR: usize, const NT: usize> Kernel for MicroGrad<'_, E, MR, NT> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { offsets, strip, sums, made } = self;
        let lanes = E::Vector::<S>::LANES;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let mut acc = [[zero; NT]; MR];
        let sum_at = |i: usize, t: usize| sums.wrapping_add((t * made + i) * lanes);
        each_row!(i < MR, {
            for (t, sum) in acc[i].iter_mut().enumerate() {
                // SAFETY: the caller vouches for the sums.
                *sum = unsafe { E::Vector::<S>::load_ptr(simd, sum_at(i, t)) };
            }
        });
        let mut taps = [strip.base; NT];
        for (tap, &offset) in taps.iter_mut().zip(offsets) {
            *tap = tap.wrapping_add(offset);
        }
        for row in 0..strip.rows {
            let down = row * strip.base_stride;
            let output = strip.output.wrapping_add(row * strip.output_stride);
            let mut col = 0;
            while strip.cols - col >= lanes {
                let mut x = [zero; NT];
                for (x, tap) in x.iter_mut().zip(taps) {
                    // SAFETY: the strip has a whole vector here.
                    *x = unsafe { E::Vector::<S>::load_ptr(simd, tap.wrapping_add(down + col)) };
                }
                each_row!(i < MR, {
                    let from = output.wrapping_add(i * strip.plane + col);
                    // SAFETY: as above.
                    let y = unsafe { E::Vector::<S>::load_ptr(simd, from) };
                    for (sum, x) in acc[i].iter_mut().zip(x) {
                        *sum = y.mul_add(x, *sum);
                    }
                });
                col += lanes;
            }
            let tail = strip.cols - col;
            if tail > 0 {
                let mut x = [zero; NT];
                for (x, tap) in x.iter_mut().zip(taps) {
                    let from = tap.wrapping_add(down + col);
                    // SAFETY: the strip has so many elements here; what is behind them, maybe NaN,
                    // must not be read.
                    *x = unsafe { E::Vector::<S>::load_partial_ptr(simd, from, tail) };
                }
                each_row!(i < MR, {
                    let from = output.wrapping_add(i * strip.plane + col);
                    // SAFETY: as above.
                    let y = unsafe { E::Vector::<S>::load_partial_ptr(simd, from, tail) };
                    for (sum, x) in acc[i].iter_mut().zip(x) {
                        *sum = y.mul_add(x, *sum);
                    }
                });
            }
        }
        each_row!(i < MR, {
            for (t, sum) in acc[i].iter().enumerate() {
                // SAFETY: the caller vouches for the sums.
                unsafe { sum.store_ptr(sum_at(i, t)) };
            }
        });
    }
}

const _: () = assert!(MAX_LANES <= 16 && MAX_ROWS >= 6);
