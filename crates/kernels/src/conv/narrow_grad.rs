//! The gradient by the weight for groups of few channels. The lanes are neighbouring results of a
//! row; every lane is a chain of multiply-adds in the order of the images and results, and the
//! lanes are added up at the end.

use super::band::{Band, Extent, Gather};
use super::narrow::{chunk, fits, offsets, tile_rows};
use super::patches::Rectangles;
use crate::Float;
use crate::gemm::implicit::{Scratch, each_row, each_vector, multiply_add_row};
use crate::simd::{Kernel, Lanes, Simd};

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

impl<E: Float> NarrowGrad<E> {
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
                    // SAFETY: the buffer is as long as asked for, and the gather's planes are
                    // readable by this function's contract.
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
            // SAFETY: `lane_sums` has a vector and `sums` an element for each row and channel.
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

/// Adds the products of a strip to the sums of some channels and taps: for every tap `made`
/// vectors.
///
/// # Safety
/// The band must have the strip at each offset, the output have it for each channel, and the sums
/// be readable and writable.
#[inline(always)]
unsafe fn run_strip<E: Float, S: Simd>(
    simd: S,
    channels: usize,
    offsets: &[usize],
    strip: &Strip<E>,
    sums: *mut E,
    made: usize,
) {
    macro_rules! pick {
        ($($rows:literal)+) => {
            // SAFETY: channels and taps are matched; the rest of the contract is that of
            // `strip_kernel`.
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
unsafe fn strip_kernel<E: Float, S: Simd, const MR: usize, const NT: usize>(
    simd: S,
    offsets: &[usize],
    strip: &Strip<E>,
    sums: *mut E,
    made: usize,
) {
    if const { fits::<S>(MR, NT) } {
        // SAFETY: the contract of this function is that of `MicroGrad::new`.
        simd.vectorize(unsafe { MicroGrad::<E, MR, NT>::new(offsets, strip, sums, made) });
    }
}

struct MicroGrad<'a, E, const MR: usize, const NT: usize> {
    offsets: &'a [usize],
    strip: &'a Strip<E>,
    sums: *mut E,
    made: usize,
}

impl<'a, E, const MR: usize, const NT: usize> MicroGrad<'a, E, MR, NT> {
    /// # Safety
    /// As for [`run_strip`], with `MR` channels and `NT` offsets, while it runs.
    unsafe fn new(offsets: &'a [usize], strip: &'a Strip<E>, sums: *mut E, made: usize) -> Self {
        Self { offsets, strip, sums, made }
    }
}

impl<E: Float, const MR: usize, const NT: usize> Kernel for MicroGrad<'_, E, MR, NT> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { offsets, strip, sums, made } = self;
        let lanes = E::Vector::<S>::LANES;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let mut acc = [[zero; NT]; MR];
        // The sums of a channel are `NT` vectors, the vectors of all channels apart.
        let (sums_of, apart) = (|i: usize| sums.wrapping_add(i * lanes), made * lanes);
        each_row!(i < MR, {
            // SAFETY: `new` states that there is a vector of sums for each channel and tap.
            acc[i] = unsafe { load_apart::<E, S, NT>(simd, sums_of(i), apart) };
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
                // SAFETY: `col + lanes <= strip.cols`, and `new` states that the band and the
                // output have the strip.
                unsafe {
                    let x = load_taps::<E, S, NT>(simd, &taps, down + col, lanes);
                    each_row!(i < MR, {
                        let from = output.wrapping_add(i * strip.plane + col);
                        let y = E::Vector::<S>::load_ptr(simd, from);
                        multiply_add_row(&mut acc[i], y, &x);
                    });
                }
                col += lanes;
            }
            let tail = strip.cols - col;
            if tail > 0 {
                // SAFETY: `col + tail == strip.cols`, and `new` states that the band and the
                // output have the strip. What follows, maybe NaN, must not be read.
                unsafe {
                    let x = load_taps::<E, S, NT>(simd, &taps, down + col, tail);
                    each_row!(i < MR, {
                        let from = output.wrapping_add(i * strip.plane + col);
                        let y = E::Vector::<S>::load_partial_ptr(simd, from, tail);
                        multiply_add_row(&mut acc[i], y, &x);
                    });
                }
            }
        }
        each_row!(i < MR, {
            // SAFETY: `new` states that there is a vector of sums for each channel and tap.
            unsafe { store_apart::<E, S, NT>(&acc[i], sums_of(i), apart) };
        });
    }
}

/// The `NT` vectors from `ptr` on, each `apart` elements after the one before.
///
/// # Safety
/// They must be readable.
#[inline(always)]
unsafe fn load_apart<E: Float, S: Simd, const NT: usize>(
    simd: S,
    ptr: *const E,
    apart: usize,
) -> [E::Vector<S>; NT] {
    let mut row = [E::Vector::<S>::splat(simd, E::ZERO); NT];
    each_vector!(t < NT, {
        // SAFETY: the vector is readable, by this function's contract.
        row[t] = unsafe { E::Vector::<S>::load_ptr(simd, ptr.wrapping_add(t * apart)) };
    });
    row
}

/// The inverse of [`load_apart`].
///
/// # Safety
/// The vectors must be writable.
#[inline(always)]
unsafe fn store_apart<E: Float, S: Simd, const NT: usize>(
    row: &[E::Vector<S>; NT],
    ptr: *mut E,
    apart: usize,
) {
    each_vector!(t < NT, {
        // SAFETY: the vector is writable, by this function's contract.
        unsafe { row[t].store_ptr(ptr.wrapping_add(t * apart)) };
    });
}

/// The `count` elements at `offset` from each tap, at most a vector.
///
/// # Safety
/// They must be readable.
#[inline(always)]
unsafe fn load_taps<E: Float, S: Simd, const NT: usize>(
    simd: S,
    taps: &[*const E; NT],
    offset: usize,
    count: usize,
) -> [E::Vector<S>; NT] {
    let mut row = [E::Vector::<S>::splat(simd, E::ZERO); NT];
    each_vector!(t < NT, {
        let from = taps[t].wrapping_add(offset);
        // SAFETY: `count` elements are readable, by this function's contract.
        row[t] = unsafe {
            if count == E::Vector::<S>::LANES {
                E::Vector::<S>::load_ptr(simd, from)
            } else {
                E::Vector::<S>::load_partial_ptr(simd, from, count)
            }
        };
    });
    row
}
