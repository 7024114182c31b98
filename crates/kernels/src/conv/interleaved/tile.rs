//! The micro-kernel of convolutions with the lanes along the batch: some channels of neighbouring
//! results in registers.

use crate::Float;
use crate::conv::narrow;
use crate::gemm::implicit::{each_row, each_vector, multiply_add_row};
use crate::simd::{Kernel, Lanes, Simd};

/// The channels of the next tile: as few and equal ones as cover those left.
#[inline(always)]
pub(super) fn tile_rows(left: usize) -> usize {
    narrow::tile_rows(left)
}

/// The number of results of the widest tile of `channels` channels.
#[inline(always)]
pub(super) fn widest<S: Simd>(channels: usize, limit: usize) -> usize {
    [4, 2]
        .into_iter()
        .find(|&count| count <= limit && narrow::fits::<S>(channels, count))
        .unwrap_or(1)
}

/// Some channels of neighbouring results. Distances are in elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile<E> {
    /// What the first result sees first.
    pub(super) source: *const E,
    /// The distance between the elements of adjacent results.
    pub(super) next: usize,
    /// The weights, channel after channel, in the order of the elements they are multiplied with.
    pub(super) weight: *const E,
    /// The rows seen, and from one to the next: in the source and in the weights.
    pub(super) lines: usize,
    pub(super) line: (usize, usize),
    /// Of a row, the runs of vectors seen, from one to the next, and the vectors of one.
    pub(super) runs: usize,
    pub(super) run: (usize, usize),
    pub(super) depth: usize,
    /// The first result of the first channel.
    pub(super) to: *mut E,
    /// From a result to the next, and from a channel to the next.
    pub(super) to_next: usize,
    pub(super) to_row: usize,
    pub(super) beta: E,
}

impl<E: Float> Tile<E> {
    /// Computes `results` results of `channels` channels.
    ///
    /// # Safety
    /// What is named must be readable, and the results writable by this thread alone; the numbers
    /// must be what [`tile_rows`] and [`widest`] say.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd>(&self, simd: S, channels: usize, results: usize) {
        macro_rules! pick {
            ($($rows:literal)+) => {
                // SAFETY: channels and results are matched; the rest of the contract is that of
                // `kernel`.
                unsafe {
                    match (channels, results) {
                        $(($rows, 1) => kernel::<E, S, $rows, 1>(simd, self),
                        ($rows, 2) => kernel::<E, S, $rows, 2>(simd, self),
                        ($rows, 4) => kernel::<E, S, $rows, 4>(simd, self),)+
                        _ => unreachable!("no tile has {channels} channels of {results} results"),
                    }
                }
            };
        }
        pick!(1 2 3 4 6);
    }
}

/// # Safety
/// As for [`Tile::run`].
#[inline(never)]
unsafe fn kernel<E: Float, S: Simd, const MR: usize, const NV: usize>(simd: S, tile: &Tile<E>) {
    if const { narrow::fits::<S>(MR, NV) } {
        // SAFETY: the contract of this function is that of `Micro::new`.
        simd.vectorize(unsafe { Micro::<E, MR, NV>::new(tile) });
    }
}

struct Micro<'a, E, const MR: usize, const NV: usize>(&'a Tile<E>);

impl<'a, E, const MR: usize, const NV: usize> Micro<'a, E, MR, NV> {
    /// # Safety
    /// As for [`Tile::run`], with `MR` channels and `NV` results, while it runs.
    #[inline(always)]
    unsafe fn new(tile: &'a Tile<E>) -> Self {
        Self(tile)
    }
}

impl<E: Float, const MR: usize, const NV: usize> Kernel for Micro<'_, E, MR, NV> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let tile = self.0;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let mut acc = [[zero; NV]; MR];
        for line in 0..tile.lines {
            for run in 0..tile.runs {
                let source = tile.source.wrapping_add(line * tile.line.0 + run * tile.run.0);
                let mut weight = tile.weight.wrapping_add(line * tile.line.1 + run * tile.run.1);
                let mut sources = [source; NV];
                for (v, from) in sources.iter_mut().enumerate() {
                    *from = source.wrapping_add(v * tile.next);
                }
                for _ in 0..tile.depth {
                    // SAFETY: `new` states that the vectors that `NV` results see are readable, and
                    // that there are `MR` weights for each.
                    unsafe {
                        let seen = load_next::<E, S, NV>(simd, &mut sources);
                        each_row!(i < MR, {
                            let left = weight.wrapping_add(i).read();
                            multiply_add_row(&mut acc[i], E::Vector::<S>::splat(simd, left), &seen);
                        });
                    }
                    weight = weight.wrapping_add(MR);
                }
            }
        }
        each_row!(i < MR, {
            // SAFETY: `new` states that the results are this thread's.
            unsafe { store_results::<E, S, NV>(simd, acc[i], tile, i) };
        });
    }
}

/// The vector at each source, which then moves on to the vector after it.
///
/// # Safety
/// The vectors must be readable.
#[inline(always)]
unsafe fn load_next<E: Float, S: Simd, const NV: usize>(
    simd: S,
    sources: &mut [*const E; NV],
) -> [E::Vector<S>; NV] {
    let mut row = [E::Vector::<S>::splat(simd, E::ZERO); NV];
    each_vector!(v < NV, {
        // SAFETY: the vector is readable, by this function's contract.
        row[v] = unsafe { E::Vector::<S>::load_ptr(simd, sources[v]) };
        sources[v] = sources[v].wrapping_add(E::Vector::<S>::LANES);
    });
    row
}

/// Writes the sums of channel `i`, a vector for each result.
///
/// # Safety
/// The results must be writable by this thread alone.
#[inline(always)]
unsafe fn store_results<E: Float, S: Simd, const NV: usize>(
    simd: S,
    mut sums: [E::Vector<S>; NV],
    tile: &Tile<E>,
    i: usize,
) {
    let beta = E::Vector::<S>::splat(simd, tile.beta);
    each_vector!(v < NV, {
        let to = tile.to.wrapping_add(i * tile.to_row + v * tile.to_next);
        // SAFETY: the result is writable, by this function's contract.
        unsafe {
            if tile.beta != E::ZERO {
                sums[v] = beta.mul_add(E::Vector::<S>::load_ptr(simd, to), sums[v]);
            }
            sums[v].store_ptr(to);
        }
    });
}
