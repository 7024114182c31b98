//! Square blocks transposed in registers, a vector's lanes wide and as many vectors high.
//!
//! The lane trait has no shuffles, so this is the one place of the family that names instructions.

use crate::Float;
use crate::simd::{Lanes, MAX_LANES, Simd};

/// Reads `LANES` vectors, `from_stride` elements apart, and writes the transposed block as as many
/// vectors, `to_stride` elements apart.
///
/// # Safety
/// The vectors must be readable at `from` and writable at `to`, apart from each other.
#[inline(always)]
pub(crate) unsafe fn block<E: Float, S: Simd>(
    _: S,
    from: *const E,
    from_stride: isize,
    to: *mut E,
    to_stride: isize,
) {
    #[cfg(target_arch = "x86_64")]
    {
        use crate::simd::Level;
        // SAFETY: the token witnesses the level, the size of an element distinguishes the two
        // types, and the vectors are readable and writable by this function's contract.
        unsafe {
            match (S::LEVEL, size_of::<E>()) {
                (Level::Avx512, 4) => {
                    let all = (16, 16);
                    return x86::f32x16::<false>(
                        from.cast(),
                        from_stride,
                        all,
                        to.cast(),
                        to_stride,
                    );
                }
                (Level::Avx512, 8) => {
                    let all = (8, 8);
                    return x86::f64x8::<false>(
                        from.cast(),
                        from_stride,
                        all,
                        to.cast(),
                        to_stride,
                    );
                }
                (Level::Avx2, 4) => {
                    return x86::f32x8(from.cast(), from_stride, to.cast(), to_stride);
                }
                (Level::Avx2, 8) => {
                    return x86::f64x4(from.cast(), from_stride, to.cast(), to_stride);
                }
                _ => {}
            }
        }
    }
    for i in 0..E::Vector::<S>::LANES as isize {
        for j in 0..E::Vector::<S>::LANES as isize {
            // SAFETY: both lie within the block.
            unsafe {
                let value = from.wrapping_offset(j * from_stride + i).read();
                to.wrapping_offset(i * to_stride + j).write(value);
            }
        }
    }
}

/// As [`block`], for a block of which only `count` vectors of `len` elements are there. Writes
/// `len` vectors, whose lanes from `count` on are of no account.
///
/// # Safety
/// `count` times `len` elements must be readable, `len` vectors writable.
#[inline(always)]
pub(crate) unsafe fn partial_block<E: Float, S: Simd>(
    simd: S,
    from: *const E,
    from_stride: isize,
    size: (usize, usize),
    to: *mut E,
    to_stride: isize,
) {
    // SAFETY: the contract of this function is that of `sized_block` without `EXACT`.
    unsafe { sized_block::<E, S, false>(simd, from, from_stride, size, to, to_stride) }
}

/// As [`partial_block`], but of the `len` vectors writes the first `count` elements alone.
///
/// # Safety
/// `count` times `len` elements must be readable, `len` times `count` writable.
#[inline(always)]
pub(super) unsafe fn exact_block<E: Float, S: Simd>(
    simd: S,
    from: *const E,
    from_stride: isize,
    size: (usize, usize),
    to: *mut E,
    to_stride: isize,
) {
    // SAFETY: the contract of this function is that of `sized_block` with `EXACT`.
    unsafe { sized_block::<E, S, true>(simd, from, from_stride, size, to, to_stride) }
}

/// A block of `count` vectors of `len` elements.
///
/// # Safety
/// As for [`exact_block`] or [`partial_block`].
#[inline(always)]
unsafe fn sized_block<E: Float, S: Simd, const EXACT: bool>(
    simd: S,
    from: *const E,
    from_stride: isize,
    (count, len): (usize, usize),
    to: *mut E,
    to_stride: isize,
) {
    let lanes = E::Vector::<S>::LANES;
    debug_assert!(count <= lanes && len <= lanes);
    #[cfg(target_arch = "x86_64")]
    {
        use crate::simd::Level;
        // SAFETY: the token witnesses the level, the size of an element distinguishes the two
        // types, and masked loads and stores access no element beyond `size`.
        unsafe {
            match (S::LEVEL, size_of::<E>()) {
                (Level::Avx512, 4) => {
                    let size = (count, len);
                    return x86::f32x16::<EXACT>(
                        from.cast(),
                        from_stride,
                        size,
                        to.cast(),
                        to_stride,
                    );
                }
                (Level::Avx512, 8) => {
                    let size = (count, len);
                    return x86::f64x8::<EXACT>(
                        from.cast(),
                        from_stride,
                        size,
                        to.cast(),
                        to_stride,
                    );
                }
                _ => {}
            }
        }
    }
    let mut there = [E::ZERO; MAX_LANES * MAX_LANES];
    let mut turned = [E::ZERO; MAX_LANES * MAX_LANES];
    // SAFETY: the arrays hold the largest block; `count` times `len` elements are readable, and
    // what is written is writable, by this function's contract.
    unsafe {
        for j in 0..count {
            let row = from.wrapping_offset(j as isize * from_stride);
            let row = E::Vector::<S>::load_partial_ptr(simd, row, len);
            row.store_ptr(there.as_mut_ptr().add(j * lanes));
        }
        block(simd, there.as_ptr(), lanes as isize, turned.as_mut_ptr(), lanes as isize);
        for i in 0..len {
            let row = E::Vector::<S>::load_ptr(simd, turned.as_ptr().add(i * lanes));
            let to = to.wrapping_offset(i as isize * to_stride);
            if EXACT {
                row.store_partial_ptr(to, count);
            } else {
                row.store_ptr(to);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::{
        __m256, __m256d, __m512, __m512d, _mm256_castpd_ps, _mm256_castps_pd, _mm256_loadu_pd,
        _mm256_loadu_ps, _mm256_permute2f128_pd, _mm256_permute2f128_ps, _mm256_setzero_pd,
        _mm256_setzero_ps, _mm256_storeu_pd, _mm256_storeu_ps, _mm256_unpackhi_pd,
        _mm256_unpackhi_ps, _mm256_unpacklo_pd, _mm256_unpacklo_ps, _mm512_castpd_ps,
        _mm512_castps_pd, _mm512_mask_storeu_pd, _mm512_mask_storeu_ps, _mm512_maskz_loadu_pd,
        _mm512_maskz_loadu_ps, _mm512_setzero_pd, _mm512_setzero_ps, _mm512_shuffle_f32x4,
        _mm512_shuffle_f64x2, _mm512_storeu_pd, _mm512_storeu_ps, _mm512_unpackhi_pd,
        _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
    };

    /// Repeats the body with the index a literal, so that the vectors stay in registers.
    macro_rules! each {
        ($i:ident in [$($literal:literal)+] $body:block) => {
            $({
                let $i: usize = $literal;
                $body
            })+
        };
    }

    /// Even and odd 128-bit quarters.
    const EVEN: i32 = 0x88;
    const ODD: i32 = 0xdd;

    /// A block of `count` vectors of `len` elements; `EXACT` if no more than `count` elements of a
    /// vector are written.
    ///
    /// # Safety
    /// AVX-512 F; the elements readable, `len` vectors writable, or `count` elements of each.
    #[inline(always)]
    pub(super) unsafe fn f32x16<const EXACT: bool>(
        from: *const f32,
        stride: isize,
        (count, len): (usize, usize),
        to: *mut f32,
        to_stride: isize,
    ) {
        let lanes = ((1_u32 << len) - 1) as u16;
        let stored = ((1_u32 << count) - 1) as u16;
        // SAFETY: the instructions exist, and the vectors are readable and writable, by this
        // function's contract.
        unsafe {
            let mut quads: [__m512; 16] = [_mm512_setzero_ps(); 16];
            // Four rows at a time: pairs interleaved, then pairs of pairs. Vector 4g + c then
            // holds, in quarter q, column 4q + c of rows 4g to 4g + 3.
            each!(g in [0 1 2 3] {
                let row = from.wrapping_offset(4 * g as isize * stride);
                let mask = |i: usize| if 4 * g + i < count { lanes } else { 0 };
                let first = _mm512_maskz_loadu_ps(mask(0), row);
                let second = _mm512_maskz_loadu_ps(mask(1), row.wrapping_offset(stride));
                let third = _mm512_maskz_loadu_ps(mask(2), row.wrapping_offset(2 * stride));
                let fourth = _mm512_maskz_loadu_ps(mask(3), row.wrapping_offset(3 * stride));
                let low = _mm512_castps_pd(_mm512_unpacklo_ps(first, second));
                let high = _mm512_castps_pd(_mm512_unpackhi_ps(first, second));
                let next_low = _mm512_castps_pd(_mm512_unpacklo_ps(third, fourth));
                let next_high = _mm512_castps_pd(_mm512_unpackhi_ps(third, fourth));
                quads[4 * g] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, next_low));
                quads[4 * g + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, next_low));
                quads[4 * g + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high, next_high));
                quads[4 * g + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high, next_high));
            });
            each!(c in [0 1 2 3] {
                let even = _mm512_shuffle_f32x4::<EVEN>(quads[c], quads[4 + c]);
                let odd = _mm512_shuffle_f32x4::<ODD>(quads[c], quads[4 + c]);
                let next_even = _mm512_shuffle_f32x4::<EVEN>(quads[8 + c], quads[12 + c]);
                let next_odd = _mm512_shuffle_f32x4::<ODD>(quads[8 + c], quads[12 + c]);
                let put = |row: usize, vector| {
                    if row >= len {
                        return;
                    }
                    let to = to.wrapping_offset(row as isize * to_stride);
                    if EXACT {
                        _mm512_mask_storeu_ps(to, stored, vector);
                    } else {
                        _mm512_storeu_ps(to, vector);
                    }
                };
                put(c, _mm512_shuffle_f32x4::<EVEN>(even, next_even));
                put(4 + c, _mm512_shuffle_f32x4::<EVEN>(odd, next_odd));
                put(8 + c, _mm512_shuffle_f32x4::<ODD>(even, next_even));
                put(12 + c, _mm512_shuffle_f32x4::<ODD>(odd, next_odd));
            });
        }
    }

    /// A block of `count` vectors of `len` elements; `EXACT` if no more than `count` elements of a
    /// vector are written.
    ///
    /// # Safety
    /// AVX-512 F; the elements readable, `len` vectors writable, or `count` elements of each.
    #[inline(always)]
    pub(super) unsafe fn f64x8<const EXACT: bool>(
        from: *const f64,
        stride: isize,
        (count, len): (usize, usize),
        to: *mut f64,
        to_stride: isize,
    ) {
        let lanes = ((1_u32 << len) - 1) as u8;
        let stored = ((1_u32 << count) - 1) as u8;
        // SAFETY: the instructions exist, and the vectors are readable and writable, by this
        // function's contract.
        unsafe {
            let mut pairs: [__m512d; 8] = [_mm512_setzero_pd(); 8];
            each!(g in [0 1 2 3] {
                let row = from.wrapping_offset(2 * g as isize * stride);
                let mask = |i: usize| if 2 * g + i < count { lanes } else { 0 };
                let first = _mm512_maskz_loadu_pd(mask(0), row);
                let second = _mm512_maskz_loadu_pd(mask(1), row.wrapping_offset(stride));
                pairs[2 * g] = _mm512_unpacklo_pd(first, second);
                pairs[2 * g + 1] = _mm512_unpackhi_pd(first, second);
            });
            each!(c in [0 1] {
                let even = _mm512_shuffle_f64x2::<EVEN>(pairs[c], pairs[2 + c]);
                let odd = _mm512_shuffle_f64x2::<ODD>(pairs[c], pairs[2 + c]);
                let next_even = _mm512_shuffle_f64x2::<EVEN>(pairs[4 + c], pairs[6 + c]);
                let next_odd = _mm512_shuffle_f64x2::<ODD>(pairs[4 + c], pairs[6 + c]);
                let put = |row: usize, vector| {
                    if row >= len {
                        return;
                    }
                    let to = to.wrapping_offset(row as isize * to_stride);
                    if EXACT {
                        _mm512_mask_storeu_pd(to, stored, vector);
                    } else {
                        _mm512_storeu_pd(to, vector);
                    }
                };
                put(c, _mm512_shuffle_f64x2::<EVEN>(even, next_even));
                put(2 + c, _mm512_shuffle_f64x2::<EVEN>(odd, next_odd));
                put(4 + c, _mm512_shuffle_f64x2::<ODD>(even, next_even));
                put(6 + c, _mm512_shuffle_f64x2::<ODD>(odd, next_odd));
            });
        }
    }

    /// # Safety
    /// AVX; 8 vectors readable and writable.
    #[inline(always)]
    pub(super) unsafe fn f32x8(from: *const f32, stride: isize, to: *mut f32, to_stride: isize) {
        // SAFETY: the instructions exist, and the vectors are readable and writable, by this
        // function's contract.
        unsafe {
            let mut quads: [__m256; 8] = [_mm256_setzero_ps(); 8];
            each!(g in [0 1] {
                let row = from.wrapping_offset(4 * g as isize * stride);
                let first = _mm256_loadu_ps(row);
                let second = _mm256_loadu_ps(row.wrapping_offset(stride));
                let third = _mm256_loadu_ps(row.wrapping_offset(2 * stride));
                let fourth = _mm256_loadu_ps(row.wrapping_offset(3 * stride));
                let low = _mm256_castps_pd(_mm256_unpacklo_ps(first, second));
                let high = _mm256_castps_pd(_mm256_unpackhi_ps(first, second));
                let next_low = _mm256_castps_pd(_mm256_unpacklo_ps(third, fourth));
                let next_high = _mm256_castps_pd(_mm256_unpackhi_ps(third, fourth));
                quads[4 * g] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, next_low));
                quads[4 * g + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, next_low));
                quads[4 * g + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high, next_high));
                quads[4 * g + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high, next_high));
            });
            each!(c in [0 1 2 3] {
                let low = _mm256_permute2f128_ps::<0x20>(quads[c], quads[4 + c]);
                let high = _mm256_permute2f128_ps::<0x31>(quads[c], quads[4 + c]);
                _mm256_storeu_ps(to.wrapping_offset(c as isize * to_stride), low);
                _mm256_storeu_ps(to.wrapping_offset((4 + c) as isize * to_stride), high);
            });
        }
    }

    /// # Safety
    /// AVX; 4 vectors readable and writable.
    #[inline(always)]
    pub(super) unsafe fn f64x4(from: *const f64, stride: isize, to: *mut f64, to_stride: isize) {
        // SAFETY: the instructions exist, and the vectors are readable and writable, by this
        // function's contract.
        unsafe {
            let mut pairs: [__m256d; 4] = [_mm256_setzero_pd(); 4];
            each!(g in [0 1] {
                let row = from.wrapping_offset(2 * g as isize * stride);
                let first = _mm256_loadu_pd(row);
                let second = _mm256_loadu_pd(row.wrapping_offset(stride));
                pairs[2 * g] = _mm256_unpacklo_pd(first, second);
                pairs[2 * g + 1] = _mm256_unpackhi_pd(first, second);
            });
            each!(c in [0 1] {
                let low = _mm256_permute2f128_pd::<0x20>(pairs[c], pairs[2 + c]);
                let high = _mm256_permute2f128_pd::<0x31>(pairs[c], pairs[2 + c]);
                _mm256_storeu_pd(to.wrapping_offset(c as isize * to_stride), low);
                _mm256_storeu_pd(to.wrapping_offset((2 + c) as isize * to_stride), high);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Kernel, Level, dispatch, with_level};

    struct Transpose<'a, E>(&'a [E], &'a mut [E]);

    impl<E: Float> Kernel for Transpose<'_, E> {
        type Output = usize;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> usize {
            let lanes = E::Vector::<S>::LANES;
            assert!(self.0.len() >= 20 * lanes && self.1.len() >= 18 * lanes);
            // SAFETY: the slices have room for the rows.
            unsafe { block(simd, self.0.as_ptr(), 20, self.1.as_mut_ptr(), 18) };
            lanes
        }
    }

    fn check<E: Float>() {
        for level in Level::available() {
            let from: Vec<E> = (0..400).map(|i| E::from_f64(f64::from(i))).collect();
            let mut to = vec![E::ZERO; 18 * 18];
            let lanes = with_level(level, || dispatch(Transpose(&from, &mut to))).unwrap();
            for i in 0..18 {
                for j in 0..18 {
                    let inside = i < lanes && j < lanes;
                    let expected = if inside { from[j * 20 + i] } else { E::ZERO };
                    assert_eq!(to[i * 18 + j], expected, "({i}, {j}) on {level}");
                }
            }
        }
    }

    #[test]
    fn rows_become_columns() {
        check::<f32>();
        check::<f64>();
    }
}
