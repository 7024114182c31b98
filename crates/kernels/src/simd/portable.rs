//! The portable level: the `wide` crate's vectors of 16 bytes, the width of the registers of SSE2,
//! NEON and WebAssembly. A vector that takes two registers doubles the code of every kernel.

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

use wide::bytemuck;
use wide::{f32x4, f64x2, i32x4, i64x2};

use crate::math::Constants as _;

use super::{Kernel, Lanes, Level, Lookup, Mask, Simd};

/// The token of [`Level::Portable`]; always available.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Simd for Portable {
    type F32 = PortableF32;
    type F64 = PortableF64;
    const LEVEL: Level = Level::Portable;
    const FUSED: bool = cfg!(target_feature = "fma") || cfg!(target_arch = "aarch64");
    const REGISTERS: usize = if cfg!(target_arch = "aarch64") { 32 } else { 16 };

    // A function of its own, as on the other levels: a body that is inlined wherever the level is
    // chosen is compiled several times.
    #[inline(never)]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}

macro_rules! portable_lanes {
    ($name:ident, $mask:ident, $wide:ident, $int:ident, $elem:ty, $bits:ty, $ibits:ty, $lanes:literal,
        widen $widen:expr, narrow $narrow:expr) => {
        #[doc = concat!("A `wide::", stringify!($wide), "`.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name($wide);

        #[doc = concat!("A comparison's result on `wide::", stringify!($wide), "`.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $mask($wide);

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
                self.0.any()
            }
        }
        impl Add for $name {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl Sub for $name {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl Mul for $name {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(self.0 * other.0)
            }
        }
        impl Div for $name {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(self.0 / other.0)
            }
        }
        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Self(self.0 ^ $wide::splat(-0.0))
            }
        }

        impl $name {
            /// The bits of the lanes as signed integers.
            #[inline(always)]
            fn to_int(self) -> $int {
                bits(self.0)
            }

            #[inline(always)]
            fn from_int(int: $int) -> Self {
                Self(bits(int))
            }
        }

        impl Lanes for $name {
            type Elem = $elem;
            type Token = Portable;
            type Mask = $mask;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(_: Portable, value: $elem) -> Self {
                Self($wide::splat(value))
            }

            #[inline(always)]
            unsafe fn load_ptr(_: Portable, ptr: *const $elem) -> Self {
                // SAFETY: `ptr` is valid for `LANES` elements by the contract of `Lanes`, and an
                // array of elements has the alignment of one.
                Self($wide::new(unsafe { ptr.cast::<[$elem; $lanes]>().read() }))
            }

            #[inline(always)]
            unsafe fn load_partial_ptr(_: Portable, ptr: *const $elem, count: usize) -> Self {
                let mut lanes = [0.0; $lanes];
                // SAFETY: `ptr` is valid for `count` elements by the contract of `Lanes`.
                unsafe { ptr.copy_to_nonoverlapping(lanes.as_mut_ptr(), count.min($lanes)) };
                Self($wide::new(lanes))
            }

            #[inline(always)]
            unsafe fn store_ptr(self, ptr: *mut $elem) {
                // SAFETY: `ptr` is valid for `LANES` elements by the contract of `Lanes`, and an
                // array of elements has the alignment of one.
                unsafe { ptr.cast::<[$elem; $lanes]>().write(self.0.to_array()) };
            }

            #[inline(always)]
            unsafe fn store_partial_ptr(self, ptr: *mut $elem, count: usize) {
                let lanes = self.0.to_array();
                // SAFETY: `ptr` is valid for `count` elements by the contract of `Lanes`.
                unsafe { lanes.as_ptr().copy_to_nonoverlapping(ptr, count.min($lanes)) };
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                Self(self.0.mul_add(factor.0, addend.0))
            }

            #[inline(always)]
            fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
                Self(self.0.mul_neg_add(factor.0, addend.0))
            }

            #[inline(always)]
            fn abs(self) -> Self {
                Self(!$wide::splat(-0.0) & self.0)
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(self.0.sqrt())
            }

            #[inline(always)]
            fn max(self, other: Self) -> Self {
                if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
                    // On x86 this is the instruction whose rule the trait states.
                    Self(self.0.fast_max(other.0))
                } else {
                    Self::select(other.lt(self), self, other)
                }
            }

            #[inline(always)]
            fn min(self, other: Self) -> Self {
                if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
                    Self(self.0.fast_min(other.0))
                } else {
                    Self::select(self.lt(other), self, other)
                }
            }

            #[inline(always)]
            fn round(self) -> Self {
                // Without SSE4.1 `wide` loses the sign of a zero.
                Self(self.0.round_ties_even()).copysign(self)
            }

            #[inline(always)]
            fn scale2(self, n: Self) -> Self {
                // Two powers, each within the normal range: the first product is exact unless it
                // overflows for good, the second rounds once. The first half is rounded to an
                // integer by adding and taking away 1.5 * 2^MANTISSA.
                const MANTISSA: u32 = <$elem>::MANTISSA_DIGITS - 1;
                let magic = self.lit((3 as $bits << (MANTISSA - 1)) as $elem);
                let first = n.mul_add(self.lit(0.5), magic) - magic;
                self * first.pow2() * (n - first).pow2()
            }

            #[inline(always)]
            fn pow2(self) -> Self {
                (self + self.lit(<$elem>::EXPONENT_MAGIC)).low_bits_to_exponent()
            }

            #[inline(always)]
            fn low_bits_to_exponent(self) -> Self {
                const MANTISSA: u32 = <$elem>::MANTISSA_DIGITS - 1;
                Self::from_int(self.to_int() << (MANTISSA as i32))
            }

            #[inline(always)]
            fn recip_fast(self) -> Self {
                self.lit(1.0) / self
            }

            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                let bit = $wide::splat(-0.0);
                Self((self.0 & !bit) | (sign.0 & bit))
            }

            #[inline(always)]
            fn bit_xor(self, other: Self) -> Self {
                Self(self.0 ^ other.0)
            }

            #[inline(always)]
            fn bit_and(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                $mask(self.0.simd_lt(other.0))
            }

            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                $mask(self.0.simd_le(other.0))
            }

            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                $mask(self.0.simd_eq(other.0))
            }

            #[inline(always)]
            fn ne(self, other: Self) -> $mask {
                $mask(self.0.simd_ne(other.0))
            }

            #[inline(always)]
            fn unordered(self, other: Self) -> $mask {
                $mask(self.0.is_nan() | other.0.is_nan())
            }

            #[inline(always)]
            fn select(mask: $mask, yes: Self, no: Self) -> Self {
                Self(mask.0.bitselect(yes.0, no.0))
            }

            #[inline(always)]
            fn exponent(self) -> Self {
                // Subnormals are scaled into the normal range first.
                const MANTISSA: u32 = <$elem>::MANTISSA_DIGITS - 1;
                const BIAS: $ibits = <$elem>::MAX_EXP as $ibits - 1;
                let up = (1 as $bits << (MANTISSA + 1)) as $elem;
                let magnitude = self.abs();
                let tiny = magnitude.lt(self.lit(<$elem>::MIN_POSITIVE));
                let normal = Self::select(tiny, magnitude * self.lit(up), magnitude);
                let shift = Self::select(tiny, self.lit((MANTISSA + 1) as $elem), self.lit(0.0));
                // The exponent field, placed under 2^MANTISSA's, reads as 2^MANTISSA + field.
                let base = (1 as $bits << MANTISSA) as $elem;
                let field: $int = (normal.to_int() >> (MANTISSA as i32)) + self.lit(base).to_int();
                Self::from_int(field) - self.lit(base + BIAS as $elem) - shift
            }

            #[inline(always)]
            fn upper(self, distance: usize) -> Self {
                let lanes = self.0.to_array();
                Self($wide::new(std::array::from_fn(|i| lanes[(i + distance) % $lanes])))
            }

            #[inline(always)]
            fn deinterleave(self, other: Self) -> [Self; 2] {
                let [low, high] = [self, other].map(|x| x.0.to_array());
                let lane = |i: usize| if i < $lanes { low[i] } else { high[i - $lanes] };
                [0, 1].map(|odd| Self($wide::new(std::array::from_fn(|i| lane(2 * i + odd)))))
            }

            #[inline(always)]
            fn interleave(self, other: Self) -> [Self; 2] {
                let [even, odd] = [self, other].map(|x| x.0.to_array());
                let lane = |i: usize| if i % 2 == 0 { even[i / 2] } else { odd[i / 2] };
                [0, $lanes].map(|first| Self($wide::new(std::array::from_fn(|i| lane(first + i)))))
            }

            #[inline(always)]
            fn first(self) -> $elem {
                self.0.to_array()[0]
            }

            #[inline(always)]
            fn widen(self) -> [PortableF64; 2] {
                $widen(self)
            }

            #[inline(always)]
            fn narrow(halves: [PortableF64; 2]) -> Self {
                $narrow(halves)
            }

            #[inline(always)]
            fn token(self) -> Portable {
                Portable
            }
        }
    };
}

/// The same bits as another type of the same size.
#[inline(always)]
fn bits<A: bytemuck::NoUninit, B: bytemuck::AnyBitPattern>(a: A) -> B {
    bytemuck::cast(a)
}

/// The halves of four lanes, widened.
#[inline(always)]
fn widen(x: PortableF32) -> [PortableF64; 2] {
    let [a, b, c, d] = x.0.to_array().map(f64::from);
    [[a, b], [c, d]].map(|half| PortableF64(f64x2::new(half)))
}

/// Four lanes of these halves, rounded.
#[inline(always)]
fn narrow([low, high]: [PortableF64; 2]) -> PortableF32 {
    let [[a, b], [c, d]] = [low, high].map(|x| x.0.to_array().map(|x| x as f32));
    PortableF32(f32x4::new([a, b, c, d]))
}

portable_lanes!(PortableF32, PortableMask32, f32x4, i32x4, f32, u32, i32, 4,
    widen widen, narrow narrow);
portable_lanes!(PortableF64, PortableMask64, f64x2, i64x2, f64, u64, i64, 2,
    widen |x| [x, x], narrow |[x, _]: [PortableF64; 2]| x);

impl Lookup for PortableF32 {}
