//! Images turned into vectors of the same element of each, and back.

use crate::Float;
use crate::gemm::transpose;
use crate::simd::{Lanes, MAX_LANES, Simd};

/// Writes `len` vectors, each of the same element of `images` images; the other lanes are of no
/// account.
///
/// # Safety
/// The elements must be readable, the vectors writable.
#[inline(always)]
pub(super) unsafe fn interleave<E: Float, S: Simd>(
    simd: S,
    (from, image): (*const E, usize),
    images: usize,
    len: usize,
    (to, stride): (*mut E, usize),
) {
    let lanes = E::Vector::<S>::LANES;
    for at in (0..len).step_by(lanes) {
        let count = lanes.min(len - at);
        let (from, to) = (from.wrapping_add(at), to.wrapping_add(at * stride));
        // SAFETY: `count` elements of each image and `count` vectors are there from `at` on, by
        // this function's contract.
        unsafe {
            if (images, count) == (lanes, lanes) {
                transpose::block(simd, from, image as isize, to, stride as isize);
            } else {
                let size = (images, count);
                transpose::partial_block(simd, from, image as isize, size, to, stride as isize);
            }
        }
    }
}

/// Writes the lanes of `len` vectors that follow each other to as many elements of `images` images.
///
/// # Safety
/// The vectors must be readable, the elements writable.
#[inline(always)]
pub(super) unsafe fn deinterleave<E: Float, S: Simd>(
    simd: S,
    from: *const E,
    len: usize,
    images: usize,
    (to, image): (*mut E, usize),
) {
    let lanes = E::Vector::<S>::LANES;
    let stride = lanes as isize;
    for at in (0..len).step_by(lanes) {
        let count = lanes.min(len - at);
        let (from, to) = (from.wrapping_add(at * lanes), to.wrapping_add(at));
        // SAFETY: `count` vectors and as many elements of each image are there from `at` on, by
        // this function's contract; the array holds a block.
        unsafe {
            if (images, count) == (lanes, lanes) {
                transpose::block(simd, from, stride, to, image as isize);
                continue;
            }
            let mut block = [E::ZERO; MAX_LANES * MAX_LANES];
            transpose::partial_block(
                simd,
                from,
                stride,
                (count, images),
                block.as_mut_ptr(),
                stride,
            );
            for i in 0..images {
                let line = E::Vector::<S>::load_ptr(simd, block.as_ptr().add(i * lanes));
                line.store_partial_ptr(to.wrapping_add(i * image), count);
            }
        }
    }
}
