//! Inner products: A by rows, B by columns, both contiguous along k.
//!
//! A tile of rows and columns is a grid of accumulators, each a vector running down k, so nothing
//! is packed, and nothing rearranged but the accumulators' lanes, once at the end. Every
//! element is summed in as many chains as a vector has lanes, whatever the tile.

use std::mem::MaybeUninit;

use super::epilogue;
use super::problem::Problem;
use super::scratch::{ALIGN, Scratch};
use super::strided::Strided;
use super::tile;
use super::vector::put;
use crate::Float;
use crate::simd::{Kernel, Lanes, MAX_LANES, Simd};

/// A B of more bytes is fetched ahead: it does not fit the second-level cache.
const FAR: usize = 768 << 10;

/// The largest tile, in accumulators.
const MAX_SUMS: usize = 24;

/// Computes the product by inner products. An operand that is not contiguous along k is copied.
///
/// # Safety
/// The problem must hold what [`Problem`] says, with C written by this thread alone; k > 0.
#[inline(always)]
pub(super) unsafe fn run<E: Float, S: Simd>(simd: S, problem: &Problem<'_, E>) {
    let &Problem { m, n, k, mut a, mut b, .. } = problem;
    let mut scratch = None;
    if a.col_stride != 1 || b.row_stride != 1 {
        let copied_a = if a.col_stride == 1 { 0 } else { m };
        let copied_b = if b.row_stride == 1 { 0 } else { n };
        let stride = k.next_multiple_of(ALIGN / size_of::<E>());
        let room = copied_a.checked_add(copied_b).and_then(|rows| rows.checked_mul(stride));
        let scratch = scratch.insert(Scratch::take());
        // Repeated operands have more elements than memory; such a copy cannot be allocated.
        let mut to = scratch.get::<E>(room.expect("the copied operands fit the address space"));
        // SAFETY: the scratch has room for a row of `stride >= k` elements for each one copied.
        unsafe {
            if a.col_stride != 1 {
                copy_rows(a, (m, k), to, stride);
                a = Strided { ptr: to, row_stride: stride as isize, col_stride: 1 };
                to = to.add(m * stride);
            }
            if b.row_stride != 1 {
                copy_rows(b.transposed(), (n, k), to, stride);
                b = Strided { ptr: to, row_stride: 1, col_stride: stride as isize };
            }
        }
    }
    let problem = Problem { a, b, ..*problem };
    // SAFETY: both operands are contiguous along k now, in place or copied; the rest is this
    // function's contract.
    unsafe {
        match S::REGISTERS {
            // A single row needs one register a column; more than eight columns a page apart
            // would crowd the sets of the first-level cache.
            16.. if m == 1 => tiles::<E, S, 1, 8>(simd, &problem),
            32.. => tiles::<E, S, 4, 6>(simd, &problem),
            16.. => tiles::<E, S, 3, 4>(simd, &problem),
            _ => tiles::<E, S, 2, 2>(simd, &problem),
        }
        if !problem.epilogue.is_none() {
            epilogue::finish(simd, problem.c, m, n, &problem.epilogue);
        }
    }
}

/// Copies `rows` x `depth` elements row by row, `stride` elements apart.
///
/// # Safety
/// They must be readable, and `to` writable for the rows.
unsafe fn copy_rows<E: Float>(
    from: Strided<E>,
    (rows, depth): (usize, usize),
    to: *mut E,
    stride: usize,
) {
    for i in 0..rows {
        for p in 0..depth {
            // SAFETY: `i < rows` and `p < depth`, which are in both by this function's contract.
            unsafe { to.add(i * stride + p).write(from.at(i, p).ptr.read()) };
        }
    }
}

/// Walks C in tiles of `R` rows and `N` columns.
///
/// # Safety
/// As for [`run`], and both operands must be contiguous along k.
#[inline(always)]
unsafe fn tiles<E: Float, S: Simd, const R: usize, const N: usize>(
    simd: S,
    problem: &Problem<'_, E>,
) {
    let &Problem { m, n, k, .. } = problem;
    // Columns a page or more apart come from far away, and the processor does not see beyond pages.
    // A single row has too little other work.
    let far = R > 1 && n.saturating_mul(k).saturating_mul(size_of::<E>()) > FAR;
    let plain = problem.alpha == E::ONE && problem.beta == E::ZERO && problem.c.col_stride == 1;
    let mut col = 0;
    while col < n {
        let cols = match n - col {
            left if left >= N => N,
            left if left >= 4 && N > 4 => 4,
            left if left >= 3 && N > 3 => 3,
            _ => 1,
        };
        let mut row = 0;
        while row < m {
            let rows = R.min(m - row);
            let mut sums = [E::ZERO; MAX_SUMS];
            // The next columns, if the rows of A that are left do not meet these first.
            let ahead = if far && row + rows == m && col + cols < n {
                cols as isize * problem.b.col_stride
            } else {
                0
            };
            let tile = (problem.k, problem.a.at(row, 0), problem.b.at(0, col), ahead);
            // SAFETY: the tile lies within the operands, its elements within C.
            unsafe {
                match (rows, cols) {
                    (1, 1) => kernel::<E, S, 1, 1>(simd, tile, &mut sums),
                    (1, 3) => kernel::<E, S, 1, 3>(simd, tile, &mut sums),
                    (1, 4) => kernel::<E, S, 1, 4>(simd, tile, &mut sums),
                    (1, _) => kernel::<E, S, 1, N>(simd, tile, &mut sums),
                    (2, 1) if R >= 2 => kernel::<E, S, 2, 1>(simd, tile, &mut sums),
                    (2, 3) if R >= 2 => kernel::<E, S, 2, 3>(simd, tile, &mut sums),
                    (2, 4) if R >= 2 => kernel::<E, S, 2, 4>(simd, tile, &mut sums),
                    (2, _) if R >= 2 => kernel::<E, S, 2, N>(simd, tile, &mut sums),
                    (3, 1) if R >= 3 => kernel::<E, S, 3, 1>(simd, tile, &mut sums),
                    (3, 3) if R >= 3 => kernel::<E, S, 3, 3>(simd, tile, &mut sums),
                    (3, 4) if R >= 3 => kernel::<E, S, 3, 4>(simd, tile, &mut sums),
                    (3, _) if R >= 3 => kernel::<E, S, 3, N>(simd, tile, &mut sums),
                    (_, 1) => kernel::<E, S, R, 1>(simd, tile, &mut sums),
                    (_, 3) => kernel::<E, S, R, 3>(simd, tile, &mut sums),
                    (_, 4) => kernel::<E, S, R, 4>(simd, tile, &mut sums),
                    (_, _) => kernel::<E, S, R, N>(simd, tile, &mut sums),
                }
                for i in 0..rows {
                    let (sums, c) = (&sums[i * cols..][..cols], problem.c.at(row + i, col));
                    if plain {
                        c.ptr.copy_from_nonoverlapping(sums.as_ptr(), cols);
                        continue;
                    }
                    for (j, &sum) in sums.iter().enumerate() {
                        put(problem, sum, c.at(0, j).ptr);
                    }
                }
            }
            row += rows;
        }
        col += cols;
    }
}

/// A depth, the corner of each operand, and how far ahead B is fetched, if not zero.
type Tile<E> = (usize, Strided<E>, Strided<E>, isize);

/// The inner products of `R` rows with `N` columns, row after row.
///
/// # Safety
/// The operands must be readable for `R` x k and k x `N` elements, contiguous along k.
#[inline(never)]
unsafe fn kernel<E: Float, S: Simd, const R: usize, const N: usize>(
    simd: S,
    tile: Tile<E>,
    sums: &mut [E; MAX_SUMS],
) {
    if const { R * N <= MAX_SUMS } {
        // SAFETY: the contract of this function is that of `Sums::new`.
        simd.vectorize(unsafe { Sums::<E, R, N>::new(tile, sums) });
    } else {
        unreachable!("a tile of {R}x{N} inner products is larger than any level's");
    }
}

struct Sums<'a, E, const R: usize, const N: usize> {
    tile: Tile<E>,
    sums: &'a mut [E; MAX_SUMS],
}

impl<'a, E, const R: usize, const N: usize> Sums<'a, E, R, N> {
    /// # Safety
    /// As for [`kernel`], while it runs.
    unsafe fn new(tile: Tile<E>, sums: &'a mut [E; MAX_SUMS]) -> Self {
        Self { tile, sums }
    }
}

impl<E: Float, const R: usize, const N: usize> Kernel for Sums<'_, E, R, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (k, a, b, ahead) = self.tile;
        let lanes = E::Vector::<S>::LANES;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let mut acc = [[zero; N]; R];
        let mut p = 0;
        // SAFETY: `new` states that `R` rows and `N` columns of k elements are readable.
        unsafe {
            while k - p >= lanes {
                let mut left = [zero; R];
                for (i, left) in left.iter_mut().enumerate() {
                    *left = E::Vector::<S>::load_ptr(simd, a.at(i, p).ptr);
                }
                for j in 0..N {
                    let from = b.at(p, j).ptr;
                    if ahead != 0 {
                        tile::fetch_far(from.wrapping_offset(ahead));
                    }
                    let right = E::Vector::<S>::load_ptr(simd, from);
                    for (acc, left) in acc.iter_mut().zip(left) {
                        acc[j] = left.mul_add(right, acc[j]);
                    }
                }
                p += lanes;
            }
            if p < k {
                for j in 0..N {
                    let right = E::Vector::<S>::load_partial_ptr(simd, b.at(p, j).ptr, k - p);
                    for (i, acc) in acc.iter_mut().enumerate() {
                        let left = E::Vector::<S>::load_partial_ptr(simd, a.at(i, p).ptr, k - p);
                        acc[j] = left.mul_add(right, acc[j]);
                    }
                }
            }
        }
        // Stored one by one, in loops that are unrolled: indexed otherwise, they would lie in
        // memory from the start.
        let mut rows = MaybeUninit::<[E; MAX_SUMS * MAX_LANES]>::uninit();
        let rows = rows.as_mut_ptr().cast::<E>();
        for (i, acc) in acc.iter().enumerate() {
            for (j, acc) in acc.iter().enumerate() {
                // SAFETY: the buffer has a vector for each of at most `MAX_SUMS` accumulators.
                unsafe { acc.store_ptr(rows.wrapping_add((i * N + j) * lanes)) };
            }
        }
        let mut done = 0;
        while done < R * N {
            let here = lanes.min(R * N - done);
            // SAFETY: that number of vectors was stored.
            unsafe {
                totals(simd, rows.wrapping_add(done * lanes), &mut self.sums[done..][..here]);
            };
            done += here;
        }
    }
}

/// Adds up the lanes of as many vectors as there are sums, at most a vector's lanes of them: halves
/// of all that is left are added until each has one lane, in the same order wherever a vector
/// stands.
///
/// # Safety
/// The vectors must be readable.
#[inline(always)]
unsafe fn totals<E: Float, S: Simd>(simd: S, rows: *const E, sums: &mut [E]) {
    let lanes = E::Vector::<S>::LANES;
    let wide = sums.len().next_power_of_two();
    let mut left = [E::Vector::<S>::splat(simd, E::ZERO); MAX_LANES];
    for (i, left) in left[..sums.len()].iter_mut().enumerate() {
        // SAFETY: there are as many vectors as sums, by this function's contract.
        *left = unsafe { E::Vector::<S>::load_ptr(simd, rows.wrapping_add(i * lanes)) };
    }
    // Lane l of a remaining vector belongs to row l modulo the number of rows it is made of.
    let mut len = wide;
    while len > 1 {
        len /= 2;
        for i in 0..len {
            let [low, high] = left[i].interleave(left[i + len]);
            left[i] = low + high;
        }
    }
    // With fewer rows than lanes, the lanes of one lie side by side.
    let mut total = left[0];
    len = wide;
    while len < lanes {
        len *= 2;
        let [low, high] = total.interleave(total);
        total = low + high;
    }
    let mut spread = [E::ZERO; MAX_LANES];
    total.store(&mut spread);
    for (i, sum) in sums.iter_mut().enumerate() {
        *sum = spread[i * (lanes / wide)];
    }
}
