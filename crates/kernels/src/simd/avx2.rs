//! The AVX2 level: 256-bit vectors with fused multiply-add.

#[allow(clippy::wildcard_imports, reason = "the intrinsics' names are their own prefix")]
use core::arch::x86_64::*;
use std::ops::{BitAnd, BitOr, Neg, Not};

use crate::math::Constants as _;

use super::x86::{x86_operators, x86_token};
use super::{Kernel, Lanes, Level, Lookup, Mask, Simd};

x86_token! {
    /// The token of [`Level::Avx2`]: AVX2 and FMA.
    Avx2, Level::Avx2, Avx2F32, Avx2F64, 16,
    ["avx2", "fma"]
}

/// One macro for both element types: the intrinsics differ only in their suffix.
macro_rules! avx2_lanes {
    (
        $name:ident, $mask:ident, $vector:ident, $elem:ty, $int:ty, $bits:ty, $lanes:literal,
        lane_masks $lane_masks:ident,
        set1 $set1:ident, loadu $loadu:ident, maskload $maskload:ident,
        storeu $storeu:ident, maskstore $maskstore:ident,
        add $add:ident, sub $sub:ident, mul $mul:ident, div $div:ident,
        fmadd $fmadd:ident, fnmadd $fnmadd:ident, sqrt $sqrt:ident,
        max $max:ident, min $min:ident, round $round:ident,
        and $and:ident, andnot $andnot:ident, or $or:ident, xor $xor:ident,
        cmp $cmp:ident, blendv $blendv:ident, movemask $movemask:ident,
        to_int $to_int:ident, from_int $from_int:ident, set1_int $set1_int:ident,
        add_int $add_int:ident, shl_int $shl_int:ident, shr_int $shr_int:ident,
        recip_fast $recip_fast:ident,
        upper $upper:ident, deinterleave $deinterleave:ident, interleave $interleave:ident,
        first $first:ident, widen $widen:expr, narrow $narrow:expr
    ) => {
        #[doc = concat!("A vector of ", stringify!($lanes), " `", stringify!($elem), "`.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name($vector);

        #[doc = concat!("A comparison's result: all bits set or none in each of ", stringify!($lanes), " lanes.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $mask($vector);

        impl BitAnd for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitand(self, other: Self) -> Self {
                // SAFETY: the mask was made with the token, which witnesses AVX2.
                Self(unsafe { $and(self.0, other.0) })
            }
        }
        impl BitOr for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitor(self, other: Self) -> Self {
                // SAFETY: the mask was made with the token, which witnesses AVX2.
                Self(unsafe { $or(self.0, other.0) })
            }
        }
        impl Not for $mask {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                // SAFETY: the mask was made with the token, which witnesses AVX2.
                Self(unsafe { $xor(self.0, $from_int($set1_int(-1))) })
            }
        }
        impl Mask for $mask {
            #[inline(always)]
            fn any(self) -> bool {
                // SAFETY: the mask was made with the token, which witnesses AVX2.
                unsafe { $movemask(self.0) != 0 }
            }
        }

        x86_operators!($name: Add add $add, Sub sub $sub, Mul mul $mul, Div div $div);

        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                self.bit_xor(self.lit(-0.0))
            }
        }

        impl Lanes for $name {
            type Elem = $elem;
            type Token = Avx2;
            type Mask = $mask;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(_: Avx2, value: $elem) -> Self {
                // SAFETY: the token witnesses AVX2 and FMA.
                Self(unsafe { $set1(value) })
            }

            #[inline(always)]
            unsafe fn load_ptr(_: Avx2, ptr: *const $elem) -> Self {
                // SAFETY: the token witnesses AVX2; `ptr` is valid for `LANES` elements
                // by the contract of `Lanes`.
                Self(unsafe { $loadu(ptr) })
            }

            #[inline(always)]
            unsafe fn load_partial_ptr(_: Avx2, ptr: *const $elem, count: usize) -> Self {
                // SAFETY: the token witnesses AVX2; masked-off elements are not accessed, and
                // `ptr` is valid for `count` elements by the contract of `Lanes`.
                Self(unsafe { $maskload(ptr, $lane_masks(count)) })
            }

            #[inline(always)]
            unsafe fn store_ptr(self, ptr: *mut $elem) {
                // SAFETY: the token witnesses AVX2; `ptr` is valid for `LANES` elements
                // by the contract of `Lanes`.
                unsafe { $storeu(ptr, self.0) }
            }

            #[inline(always)]
            unsafe fn store_partial_ptr(self, ptr: *mut $elem, count: usize) {
                // SAFETY: the token witnesses AVX2; masked-off elements are not accessed, and
                // `ptr` is valid for `count` elements by the contract of `Lanes`.
                unsafe { $maskstore(ptr, $lane_masks(count), self.0) }
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: the vectors were made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $fmadd(self.0, factor.0, addend.0) })
            }

            #[inline(always)]
            fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $fnmadd(self.0, factor.0, addend.0) })
            }

            #[inline(always)]
            fn abs(self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $andnot(self.lit(-0.0).0, self.0) })
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $sqrt(self.0) })
            }

            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $max(self.0, other.0) })
            }

            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $min(self.0, other.0) })
            }

            #[inline(always)]
            fn round(self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
            }

            #[inline(always)]
            fn scale2(self, n: Self) -> Self {
                // Two powers, each within the normal range: the first product is exact unless it
                // overflows for good, the second rounds once.
                let first = (n * self.lit(0.5)).round();
                self * first.pow2() * (n - first).pow2()
            }

            #[inline(always)]
            fn pow2(self) -> Self {
                (self + self.lit(<$elem>::EXPONENT_MAGIC)).low_bits_to_exponent()
            }

            #[inline(always)]
            fn low_bits_to_exponent(self) -> Self {
                const MANTISSA: u32 = <$elem>::MANTISSA_DIGITS - 1;
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $from_int($shl_int::<{ MANTISSA as i32 }>($to_int(self.0))) })
            }

            #[inline(always)]
            fn recip_fast(self) -> Self {
                $recip_fast(self)
            }

            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                let bit = self.lit(-0.0);
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $or($andnot(bit.0, self.0), $and(bit.0, sign.0)) })
            }

            #[inline(always)]
            fn bit_xor(self, other: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $xor(self.0, other.0) })
            }

            #[inline(always)]
            fn bit_and(self, other: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $and(self.0, other.0) })
            }

            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                $mask(unsafe { $cmp::<_CMP_LT_OQ>(self.0, other.0) })
            }

            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                $mask(unsafe { $cmp::<_CMP_LE_OQ>(self.0, other.0) })
            }

            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                $mask(unsafe { $cmp::<_CMP_EQ_OQ>(self.0, other.0) })
            }

            #[inline(always)]
            fn ne(self, other: Self) -> $mask {
                // SAFETY: a value of this type exists only where the CPU has the level.
                $mask(unsafe { $cmp::<_CMP_NEQ_UQ>(self.0, other.0) })
            }

            #[inline(always)]
            fn unordered(self, other: Self) -> $mask {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                $mask(unsafe { $cmp::<_CMP_UNORD_Q>(self.0, other.0) })
            }

            #[inline(always)]
            fn select(mask: $mask, yes: Self, no: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                Self(unsafe { $blendv(no.0, yes.0, mask.0) })
            }

            #[inline(always)]
            fn exponent(self) -> Self {
                // Subnormals are scaled into the normal range first.
                const MANTISSA: u32 = <$elem>::MANTISSA_DIGITS - 1;
                const BIAS: $int = <$elem>::MAX_EXP as $int - 1;
                let magnitude = self.abs();
                let tiny = magnitude.lt(self.lit(<$elem>::MIN_POSITIVE));
                let up = self.lit((1 as $bits << (MANTISSA + 1)) as $elem);
                let normal = Self::select(tiny, magnitude * up, magnitude);
                let shift = Self::select(tiny, self.lit((MANTISSA + 1) as $elem), self.lit(0.0));
                // The exponent field, placed under 2^MANTISSA's, reads as 2^MANTISSA + field.
                let base = self.lit((1 as $bits << MANTISSA) as $elem);
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                let field = Self(unsafe {
                    $from_int($add_int($shr_int::<{ MANTISSA as i32 }>($to_int(normal.0)), $to_int(base.0)))
                });
                field - (base + self.lit(BIAS as $elem)) - shift
            }

            #[inline(always)]
            fn upper(self, distance: usize) -> Self {
                $upper(self, distance)
            }

            #[inline(always)]
            fn deinterleave(self, other: Self) -> [Self; 2] {
                $deinterleave(self, other)
            }

            #[inline(always)]
            fn interleave(self, other: Self) -> [Self; 2] {
                $interleave(self, other)
            }

            #[inline(always)]
            fn first(self) -> $elem {
                // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
                unsafe { $first(self.0) }
            }

            #[inline(always)]
            fn widen(self) -> [Avx2F64; 2] {
                $widen(self)
            }

            #[inline(always)]
            fn narrow(halves: [Avx2F64; 2]) -> Self {
                $narrow(halves)
            }

            #[inline(always)]
            fn token(self) -> Avx2 {
                Avx2(())
            }
        }
    };
}

/// Masks for `maskload`: the sign bit set in the first `count` of 8 lanes.
#[inline(always)]
fn first_lanes32(count: usize) -> __m256i {
    // SAFETY: only called on vectors made with the token, which witnesses AVX2.
    unsafe {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lanes)
    }
}

/// Masks for `maskload`: the sign bit set in the first `count` of 4 lanes.
#[inline(always)]
fn first_lanes64(count: usize) -> __m256i {
    // SAFETY: only called on vectors made with the token, which witnesses AVX2.
    unsafe {
        let lanes = _mm256_setr_epi64x(0, 1, 2, 3);
        _mm256_cmpgt_epi64(_mm256_set1_epi64x(count as i64), lanes)
    }
}

/// The 12-bit estimate and one Newton step.
#[inline(always)]
fn recip32(x: Avx2F32) -> Avx2F32 {
    // SAFETY: the vector was made with the token, which witnesses AVX2.
    let y = Avx2F32(unsafe { _mm256_rcp_ps(x.0) });
    y.mul_add(y.neg_mul_add(x, x.lit(1.0)), y)
}

/// The division itself: there is no estimate to start from.
#[inline(always)]
fn recip64(x: Avx2F64) -> Avx2F64 {
    x.lit(1.0) / x
}

/// The halves of eight lanes, widened.
#[inline(always)]
fn widen(x: Avx2F32) -> [Avx2F64; 2] {
    // SAFETY: the vector was made with the token, which witnesses AVX2.
    unsafe {
        let (low, high) = (_mm256_castps256_ps128(x.0), _mm256_extractf128_ps::<1>(x.0));
        [Avx2F64(_mm256_cvtps_pd(low)), Avx2F64(_mm256_cvtps_pd(high))]
    }
}

/// Eight lanes of these halves, rounded.
#[inline(always)]
fn narrow([low, high]: [Avx2F64; 2]) -> Avx2F32 {
    // SAFETY: the vectors were made with the token, which witnesses AVX2.
    unsafe {
        let low = _mm256_castps128_ps256(_mm256_cvtpd_ps(low.0));
        Avx2F32(_mm256_insertf128_ps::<1>(low, _mm256_cvtpd_ps(high.0)))
    }
}

/// Lanes moved down by 4, 2 or 1.
#[inline(always)]
fn upper32(x: Avx2F32, distance: usize) -> Avx2F32 {
    // SAFETY: the vector was made with the token, which witnesses AVX2.
    Avx2F32(unsafe {
        match distance {
            4 => _mm256_permute2f128_ps::<0x11>(x.0, x.0),
            2 => _mm256_permute_ps::<0b11_10_11_10>(x.0),
            _ => _mm256_permute_ps::<0b11_11_01_01>(x.0),
        }
    })
}

/// Lanes moved down by 2 or 1.
#[inline(always)]
fn upper64(x: Avx2F64, distance: usize) -> Avx2F64 {
    // SAFETY: the vector was made with the token, which witnesses AVX2.
    Avx2F64(unsafe {
        match distance {
            2 => _mm256_permute2f128_pd::<0x11>(x.0, x.0),
            _ => _mm256_permute_pd::<0b1111>(x.0),
        }
    })
}

#[inline(always)]
fn deinterleave32(x: Avx2F32, y: Avx2F32) -> [Avx2F32; 2] {
    // SAFETY: the vectors were made with the token, which witnesses AVX2.
    unsafe {
        // Quarters of each vector in turn; the middle ones change places.
        let turn = |x| _mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(x));
        let even = turn(_mm256_shuffle_ps::<0b10_00_10_00>(x.0, y.0));
        let odd = turn(_mm256_shuffle_ps::<0b11_01_11_01>(x.0, y.0));
        [Avx2F32(_mm256_castpd_ps(even)), Avx2F32(_mm256_castpd_ps(odd))]
    }
}

#[inline(always)]
fn interleave32(x: Avx2F32, y: Avx2F32) -> [Avx2F32; 2] {
    // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
    unsafe {
        let (low, high) = (_mm256_unpacklo_ps(x.0, y.0), _mm256_unpackhi_ps(x.0, y.0));
        [
            Avx2F32(_mm256_permute2f128_ps::<0x20>(low, high)),
            Avx2F32(_mm256_permute2f128_ps::<0x31>(low, high)),
        ]
    }
}

#[inline(always)]
fn deinterleave64(x: Avx2F64, y: Avx2F64) -> [Avx2F64; 2] {
    // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
    unsafe {
        [
            Avx2F64(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_unpacklo_pd(x.0, y.0))),
            Avx2F64(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_unpackhi_pd(x.0, y.0))),
        ]
    }
}

#[inline(always)]
fn interleave64(x: Avx2F64, y: Avx2F64) -> [Avx2F64; 2] {
    // SAFETY: the vector was made with the token, which witnesses AVX2 and FMA.
    unsafe {
        let (low, high) = (_mm256_unpacklo_pd(x.0, y.0), _mm256_unpackhi_pd(x.0, y.0));
        [
            Avx2F64(_mm256_permute2f128_pd::<0x20>(low, high)),
            Avx2F64(_mm256_permute2f128_pd::<0x31>(low, high)),
        ]
    }
}

avx2_lanes!(
    Avx2F32, Avx2Mask32, __m256, f32, i32, u32, 8,
    lane_masks first_lanes32,
    set1 _mm256_set1_ps, loadu _mm256_loadu_ps, maskload _mm256_maskload_ps,
    storeu _mm256_storeu_ps, maskstore _mm256_maskstore_ps,
    add _mm256_add_ps, sub _mm256_sub_ps, mul _mm256_mul_ps, div _mm256_div_ps,
    fmadd _mm256_fmadd_ps, fnmadd _mm256_fnmadd_ps, sqrt _mm256_sqrt_ps,
    max _mm256_max_ps, min _mm256_min_ps, round _mm256_round_ps,
    and _mm256_and_ps, andnot _mm256_andnot_ps, or _mm256_or_ps, xor _mm256_xor_ps,
    cmp _mm256_cmp_ps, blendv _mm256_blendv_ps, movemask _mm256_movemask_ps,
    to_int _mm256_castps_si256, from_int _mm256_castsi256_ps, set1_int _mm256_set1_epi32,
    add_int _mm256_add_epi32,
    shl_int _mm256_slli_epi32, shr_int _mm256_srli_epi32,
    recip_fast recip32,
    upper upper32, deinterleave deinterleave32, interleave interleave32,
    first _mm256_cvtss_f32, widen widen, narrow narrow
);

avx2_lanes!(
    Avx2F64, Avx2Mask64, __m256d, f64, i64, u64, 4,
    lane_masks first_lanes64,
    set1 _mm256_set1_pd, loadu _mm256_loadu_pd, maskload _mm256_maskload_pd,
    storeu _mm256_storeu_pd, maskstore _mm256_maskstore_pd,
    add _mm256_add_pd, sub _mm256_sub_pd, mul _mm256_mul_pd, div _mm256_div_pd,
    fmadd _mm256_fmadd_pd, fnmadd _mm256_fnmadd_pd, sqrt _mm256_sqrt_pd,
    max _mm256_max_pd, min _mm256_min_pd, round _mm256_round_pd,
    and _mm256_and_pd, andnot _mm256_andnot_pd, or _mm256_or_pd, xor _mm256_xor_pd,
    cmp _mm256_cmp_pd, blendv _mm256_blendv_pd, movemask _mm256_movemask_pd,
    to_int _mm256_castpd_si256, from_int _mm256_castsi256_pd, set1_int _mm256_set1_epi64x,
    add_int _mm256_add_epi64,
    shl_int _mm256_slli_epi64, shr_int _mm256_srli_epi64,
    recip_fast recip64,
    upper upper64, deinterleave deinterleave64, interleave interleave64,
    first _mm256_cvtsd_f64, widen |x| [x, x], narrow |[x, _]: [Avx2F64; 2]| x
);

impl Lookup for Avx2F32 {}
