//! The AVX-512 level: 512-bit vectors, mask registers, masked loads and stores.

#[allow(clippy::wildcard_imports, reason = "the intrinsics' names are their own prefix")]
use core::arch::x86_64::*;
use std::ops::{BitAnd, BitOr, Neg, Not};

use super::x86::{x86_operators, x86_token};
use super::{Kernel, Lanes, Level, Lookup, Mask, Simd};

x86_token! {
    /// The token of [`Level::Avx512`]: AVX-512 F, VL, DQ, BW as well as AVX2 and FMA.
    Avx512, Level::Avx512, Avx512F32, Avx512F64, 32,
    ["avx512f", "avx512vl", "avx512dq", "avx512bw", "avx2", "fma"]
}

/// One macro for both element types: the intrinsics differ only in their suffix.
macro_rules! avx512_lanes {
    (
        $name:ident, $mask:ident, $vector:ident, $elem:ty, $kind:ident, $lanes:literal,
        set1 $set1:ident, loadu $loadu:ident, maskz_loadu $maskz_loadu:ident,
        storeu $storeu:ident, mask_storeu $mask_storeu:ident,
        add $add:ident, sub $sub:ident, mul $mul:ident, div $div:ident,
        fmadd $fmadd:ident, fnmadd $fnmadd:ident, abs $abs:ident, sqrt $sqrt:ident,
        max $max:ident, min $min:ident, roundscale $roundscale:ident, scalef $scalef:ident,
        and $and:ident, andnot $andnot:ident, or $or:ident, xor $xor:ident,
        cmp $cmp:ident, blend $blend:ident, getexp $getexp:ident,
        to_int $to_int:ident, from_int $from_int:ident, shl_int $shl_int:ident, recip_fast $recip_fast:ident,
        upper $upper:ident, deinterleave $deinterleave:ident, interleave $interleave:ident,
        first $first:ident, widen $widen:expr, narrow $narrow:expr,
        to_single $to_single:expr, of_single $of_single:expr
    ) => {
        #[doc = concat!("A vector of ", stringify!($lanes), " `", stringify!($elem), "`.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name($vector);

        #[doc = concat!("A comparison's result, a bit for each of ", stringify!($lanes), " lanes.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $mask($kind);

        impl BitAnd for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }
        impl BitOr for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
        impl Not for $mask {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                Self(!self.0)
            }
        }
        impl Mask for $mask {
            #[inline(always)]
            fn any(self) -> bool {
                self.0 != 0
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
            type Token = Avx512;
            type Mask = $mask;
            const LANES: usize = $lanes;
            const PARTIAL_IS_FREE: bool = true;

            #[inline(always)]
            fn splat(_: Avx512, value: $elem) -> Self {
                // SAFETY: the token witnesses AVX-512.
                Self(unsafe { $set1(value) })
            }

            #[inline(always)]
            unsafe fn load_ptr(_: Avx512, ptr: *const $elem) -> Self {
                // SAFETY: the token witnesses AVX-512; `ptr` is valid for `LANES` elements
                // by the contract of `Lanes`.
                Self(unsafe { $loadu(ptr) })
            }

            #[inline(always)]
            unsafe fn load_partial_ptr(_: Avx512, ptr: *const $elem, count: usize) -> Self {
                let mask = first_lanes(count) as $kind;
                // SAFETY: the token witnesses AVX-512; masked-off elements are not accessed, and
                // `ptr` is valid for `count` elements by the contract of `Lanes`.
                Self(unsafe { $maskz_loadu(mask, ptr) })
            }

            #[inline(always)]
            unsafe fn store_ptr(self, ptr: *mut $elem) {
                // SAFETY: the token witnesses AVX-512; `ptr` is valid for `LANES` elements
                // by the contract of `Lanes`.
                unsafe { $storeu(ptr, self.0) }
            }

            #[inline(always)]
            unsafe fn store_partial_ptr(self, ptr: *mut $elem, count: usize) {
                let mask = first_lanes(count) as $kind;
                // SAFETY: the token witnesses AVX-512; masked-off elements are not accessed, and
                // `ptr` is valid for `count` elements by the contract of `Lanes`.
                unsafe { $mask_storeu(ptr, mask, self.0) }
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: the vectors were made with the token, which witnesses AVX-512.
                Self(unsafe { $fmadd(self.0, factor.0, addend.0) })
            }

            #[inline(always)]
            fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $fnmadd(self.0, factor.0, addend.0) })
            }

            #[inline(always)]
            fn abs(self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $abs(self.0) })
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $sqrt(self.0) })
            }

            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $max(self.0, other.0) })
            }

            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $min(self.0, other.0) })
            }

            #[inline(always)]
            fn round(self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe {
                    $roundscale::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)
                })
            }

            #[inline(always)]
            fn scale2(self, n: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $scalef(self.0, n.0) })
            }

            #[inline(always)]
            fn pow2(self) -> Self {
                self.lit(1.0).scale2(self)
            }

            #[inline(always)]
            fn low_bits_to_exponent(self) -> Self {
                const MANTISSA: u32 = <$elem>::MANTISSA_DIGITS - 1;
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $from_int($shl_int::<MANTISSA>($to_int(self.0))) })
            }

            #[inline(always)]
            fn recip_fast(self) -> Self {
                $recip_fast(self)
            }

            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                let bit = self.lit(-0.0);
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $or($andnot(bit.0, self.0), $and(bit.0, sign.0)) })
            }

            #[inline(always)]
            fn bit_xor(self, other: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $xor(self.0, other.0) })
            }

            #[inline(always)]
            fn bit_and(self, other: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $and(self.0, other.0) })
            }

            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                $mask(unsafe { $cmp::<_CMP_LT_OQ>(self.0, other.0) })
            }

            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                $mask(unsafe { $cmp::<_CMP_LE_OQ>(self.0, other.0) })
            }

            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                $mask(unsafe { $cmp::<_CMP_EQ_OQ>(self.0, other.0) })
            }

            #[inline(always)]
            fn ne(self, other: Self) -> $mask {
                // SAFETY: a value of this type exists only where the CPU has the level.
                $mask(unsafe { $cmp::<_CMP_NEQ_UQ>(self.0, other.0) })
            }

            #[inline(always)]
            fn unordered(self, other: Self) -> $mask {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                $mask(unsafe { $cmp::<_CMP_UNORD_Q>(self.0, other.0) })
            }

            #[inline(always)]
            fn select(mask: $mask, yes: Self, no: Self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $blend(mask.0, no.0, yes.0) })
            }

            #[inline(always)]
            fn exponent(self) -> Self {
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                Self(unsafe { $getexp(self.0) })
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
                // SAFETY: the vector was made with the token, which witnesses AVX-512.
                unsafe { $first(self.0) }
            }

            #[inline(always)]
            fn widen(self) -> [Avx512F64; 2] {
                $widen(self)
            }

            #[inline(always)]
            fn narrow(halves: [Avx512F64; 2]) -> Self {
                $narrow(halves)
            }

            #[inline(always)]
            fn to_single(self) -> Avx512F32 {
                $to_single(self)
            }

            #[inline(always)]
            fn of_single(single: Avx512F32) -> Self {
                $of_single(single)
            }

            #[inline(always)]
            fn token(self) -> Avx512 {
                Avx512(())
            }
        }
    };
}

/// A bit for each of the first `count` lanes, `count <= 16`.
#[inline(always)]
fn first_lanes(count: usize) -> u32 {
    (1_u32 << (count as u32 & 31)) - 1
}

/// The 14-bit estimate.
#[inline(always)]
fn recip32(x: Avx512F32) -> Avx512F32 {
    // SAFETY: the vector was made with the token, which witnesses AVX-512.
    Avx512F32(unsafe { _mm512_rcp14_ps(x.0) })
}

/// The 14-bit estimate and one Newton step.
#[inline(always)]
fn recip64(x: Avx512F64) -> Avx512F64 {
    // SAFETY: the vector was made with the token, which witnesses AVX-512.
    let y = Avx512F64(unsafe { _mm512_rcp14_pd(x.0) });
    y.mul_add(y.neg_mul_add(x, x.lit(1.0)), y)
}

/// The halves of sixteen lanes, widened.
#[inline(always)]
fn widen(x: Avx512F32) -> [Avx512F64; 2] {
    // SAFETY: the vector was made with the token, which witnesses AVX-512.
    unsafe {
        let (low, high) = (_mm512_castps512_ps256(x.0), _mm512_extractf32x8_ps::<1>(x.0));
        [Avx512F64(_mm512_cvtps_pd(low)), Avx512F64(_mm512_cvtps_pd(high))]
    }
}

/// Sixteen lanes of these halves, rounded.
#[inline(always)]
fn narrow([low, high]: [Avx512F64; 2]) -> Avx512F32 {
    // SAFETY: the vectors were made with the token, which witnesses AVX-512.
    unsafe {
        let low = _mm512_castps256_ps512(_mm512_cvtpd_ps(low.0));
        Avx512F32(_mm512_insertf32x8::<1>(low, _mm512_cvtpd_ps(high.0)))
    }
}

/// Lanes moved down by 8, 4, 2 or 1.
#[inline(always)]
fn upper32(x: Avx512F32, distance: usize) -> Avx512F32 {
    // SAFETY: the vector was made with the token, which witnesses AVX-512.
    Avx512F32(unsafe {
        match distance {
            8 => _mm512_shuffle_f32x4::<0b11_10_11_10>(x.0, x.0),
            4 => _mm512_shuffle_f32x4::<0b01_01_01_01>(x.0, x.0),
            2 => _mm512_permute_ps::<0b11_10_11_10>(x.0),
            _ => _mm512_permute_ps::<0b11_11_01_01>(x.0),
        }
    })
}

/// Lanes moved down by 4, 2 or 1.
#[inline(always)]
fn upper64(x: Avx512F64, distance: usize) -> Avx512F64 {
    // SAFETY: the vector was made with the token, which witnesses AVX-512.
    Avx512F64(unsafe {
        match distance {
            4 => _mm512_shuffle_f64x2::<0b11_10_11_10>(x.0, x.0),
            2 => _mm512_shuffle_f64x2::<0b01_01_01_01>(x.0, x.0),
            _ => _mm512_permute_pd::<0b1111_1111>(x.0),
        }
    })
}

/// The lanes whose numbers, in both vectors one after the other, the two indices give.
#[inline(always)]
fn pick32(x: Avx512F32, y: Avx512F32, indices: [[i32; 16]; 2]) -> [Avx512F32; 2] {
    indices.map(|indices| {
        // SAFETY: the vectors were made with the token, which witnesses AVX-512; an array of
        // sixteen indices is as large as a vector.
        Avx512F32(unsafe {
            _mm512_permutex2var_ps(x.0, _mm512_loadu_si512(indices.as_ptr().cast()), y.0)
        })
    })
}

/// As [`pick32`].
#[inline(always)]
fn pick64(x: Avx512F64, y: Avx512F64, indices: [[i64; 8]; 2]) -> [Avx512F64; 2] {
    indices.map(|indices| {
        // SAFETY: the vectors were made with the token, which witnesses AVX-512; an array of eight
        // indices is as large as the vector it is read into.
        Avx512F64(unsafe {
            _mm512_permutex2var_pd(x.0, _mm512_loadu_si512(indices.as_ptr().cast()), y.0)
        })
    })
}

#[inline(always)]
fn deinterleave32(x: Avx512F32, y: Avx512F32) -> [Avx512F32; 2] {
    const EVEN: [i32; 16] = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30];
    const ODD: [i32; 16] = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31];
    pick32(x, y, [EVEN, ODD])
}

#[inline(always)]
fn interleave32(x: Avx512F32, y: Avx512F32) -> [Avx512F32; 2] {
    const LOW: [i32; 16] = [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23];
    const HIGH: [i32; 16] = [8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31];
    pick32(x, y, [LOW, HIGH])
}

#[inline(always)]
fn deinterleave64(x: Avx512F64, y: Avx512F64) -> [Avx512F64; 2] {
    pick64(x, y, [[0, 2, 4, 6, 8, 10, 12, 14], [1, 3, 5, 7, 9, 11, 13, 15]])
}

#[inline(always)]
fn interleave64(x: Avx512F64, y: Avx512F64) -> [Avx512F64; 2] {
    pick64(x, y, [[0, 8, 1, 9, 2, 10, 3, 11], [4, 12, 5, 13, 6, 14, 7, 15]])
}

avx512_lanes!(
    Avx512F32, Avx512Mask32, __m512, f32, __mmask16, 16,
    set1 _mm512_set1_ps, loadu _mm512_loadu_ps, maskz_loadu _mm512_maskz_loadu_ps,
    storeu _mm512_storeu_ps, mask_storeu _mm512_mask_storeu_ps,
    add _mm512_add_ps, sub _mm512_sub_ps, mul _mm512_mul_ps, div _mm512_div_ps,
    fmadd _mm512_fmadd_ps, fnmadd _mm512_fnmadd_ps, abs _mm512_abs_ps, sqrt _mm512_sqrt_ps,
    max _mm512_max_ps, min _mm512_min_ps, roundscale _mm512_roundscale_ps, scalef _mm512_scalef_ps,
    and _mm512_and_ps, andnot _mm512_andnot_ps, or _mm512_or_ps, xor _mm512_xor_ps,
    cmp _mm512_cmp_ps_mask, blend _mm512_mask_blend_ps, getexp _mm512_getexp_ps,
    to_int _mm512_castps_si512, from_int _mm512_castsi512_ps, shl_int _mm512_slli_epi32, recip_fast recip32,
    upper upper32, deinterleave deinterleave32, interleave interleave32,
    first _mm512_cvtss_f32, widen widen, narrow narrow, to_single |x| x, of_single |x| x
);

avx512_lanes!(
    Avx512F64, Avx512Mask64, __m512d, f64, __mmask8, 8,
    set1 _mm512_set1_pd, loadu _mm512_loadu_pd, maskz_loadu _mm512_maskz_loadu_pd,
    storeu _mm512_storeu_pd, mask_storeu _mm512_mask_storeu_pd,
    add _mm512_add_pd, sub _mm512_sub_pd, mul _mm512_mul_pd, div _mm512_div_pd,
    fmadd _mm512_fmadd_pd, fnmadd _mm512_fnmadd_pd, abs _mm512_abs_pd, sqrt _mm512_sqrt_pd,
    max _mm512_max_pd, min _mm512_min_pd, roundscale _mm512_roundscale_pd, scalef _mm512_scalef_pd,
    and _mm512_and_pd, andnot _mm512_andnot_pd, or _mm512_or_pd, xor _mm512_xor_pd,
    cmp _mm512_cmp_pd_mask, blend _mm512_mask_blend_pd, getexp _mm512_getexp_pd,
    to_int _mm512_castpd_si512, from_int _mm512_castsi512_pd, shl_int _mm512_slli_epi64, recip_fast recip64,
    upper upper64, deinterleave deinterleave64, interleave interleave64,
    first _mm512_cvtsd_f64, widen |x| [x, x], narrow |[x, _]: [Avx512F64; 2]| x,
    to_single |x| narrow([x, x]), of_single |x| widen(x)[0]
);

impl Lookup for Avx512F32 {
    const QUICK: bool = true;

    #[inline(always)]
    fn lookup(self, table: &[f32; 32]) -> Self {
        // SAFETY: the vector was made with the token, which witnesses AVX-512; the table is as
        // large as two vectors.
        Self(unsafe {
            let (low, high) =
                (_mm512_loadu_ps(table.as_ptr()), _mm512_loadu_ps(table[16..].as_ptr()));
            _mm512_permutex2var_ps(low, _mm512_castps_si512(self.0), high)
        })
    }

    #[inline(always)]
    fn shifted_down<const COUNT: u32>(self) -> Self {
        // SAFETY: the vector was made with the token, which witnesses AVX-512.
        Self(unsafe {
            _mm512_castsi512_ps(_mm512_srli_epi32::<COUNT>(_mm512_castps_si512(self.0)))
        })
    }
}
