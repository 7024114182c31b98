//! Lanes and tokens: what a kernel is written against.

use std::fmt::Debug;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

use super::level::Level;
use crate::Float;

/// A SIMD level's witness token.
///
/// Zero-sized and `Copy`. The token of a level beyond the portable one is only available from its
/// `detect`, which returns `None` where the CPU lacks the features.
pub trait Simd: Copy + Debug + Send + Sync + 'static {
    /// The vector of `f32` lanes.
    type F32: Lookup<Token = Self>;
    /// The vector of `f64` lanes.
    type F64: Lanes<Elem = f64, Token = Self>;

    /// The level this token stands for.
    const LEVEL: Level;

    /// Whether [`Lanes::mul_add`] rounds once. The portable level rounds twice unless the build
    /// itself targets a CPU with fused multiply-add.
    const FUSED: bool;

    /// The number of vector registers a kernel may count on.
    const REGISTERS: usize;

    /// Runs `kernel` inside a function compiled for this level's instructions.
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output;
}

/// A computation that can run on any level: the body is written once and instantiated per token.
pub trait Kernel {
    /// What the computation returns.
    type Output;

    /// The body. Mark the implementation `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// A comparison's result, one truth value a lane.
pub trait Mask:
    Copy + Debug + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self>
{
    /// Whether any lane is true.
    fn any(self) -> bool;
}

/// A vector of [`LANES`](Lanes::LANES) elements.
///
/// The operators and methods act lane by lane and follow IEEE 754 with rounding to nearest even;
/// subnormals are kept. Where instruction sets disagree the choice is stated.
pub trait Lanes:
    Copy
    + Debug
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The lane's type.
    type Elem: Float;
    /// The token that makes these vectors.
    type Token: Simd;
    /// The result of a comparison.
    type Mask: Mask;

    /// The number of lanes.
    const LANES: usize;

    /// Whether loads and stores of a part of the lanes cost no more than those of all lanes.
    const PARTIAL_IS_FREE: bool = false;

    /// All lanes equal to `value`.
    fn splat(token: Self::Token, value: Self::Elem) -> Self;

    /// Reads `LANES` elements.
    ///
    /// # Safety
    /// `ptr` must be valid for reads of `LANES` elements. Any element alignment will do.
    unsafe fn load_ptr(token: Self::Token, ptr: *const Self::Elem) -> Self;

    /// Reads `count <= LANES` elements; the remaining lanes are zero.
    ///
    /// # Safety
    /// `ptr` must be valid for reads of `count` elements.
    unsafe fn load_partial_ptr(token: Self::Token, ptr: *const Self::Elem, count: usize) -> Self;

    /// Writes all lanes.
    ///
    /// # Safety
    /// `ptr` must be valid for writes of `LANES` elements.
    unsafe fn store_ptr(self, ptr: *mut Self::Elem);

    /// Writes the first `count <= LANES` lanes and touches nothing after them.
    ///
    /// # Safety
    /// `ptr` must be valid for writes of `count` elements.
    unsafe fn store_partial_ptr(self, ptr: *mut Self::Elem, count: usize);

    /// `self * factor + addend`, rounded once where [`Simd::FUSED`].
    fn mul_add(self, factor: Self, addend: Self) -> Self;

    /// `addend - self * factor`, rounded once where [`Simd::FUSED`].
    fn neg_mul_add(self, factor: Self, addend: Self) -> Self;

    /// The absolute value (clears the sign bit, of NaN too).
    fn abs(self) -> Self;

    /// The correctly rounded square root.
    fn sqrt(self) -> Self;

    /// `if self > other { self } else { other }`: a NaN in either gives `other`, so
    /// `zero.max(x)` keeps a NaN in `x`.
    fn max(self, other: Self) -> Self;

    /// `if self < other { self } else { other }`: a NaN in either gives `other`.
    fn min(self, other: Self) -> Self;

    /// The nearest integral value, ties to even.
    fn round(self) -> Self;

    /// `self * 2^n` for integral `n` with `|n| <= 2 * (largest exponent)`, rounded once, also into
    /// the subnormal range; overflow gives infinity. `n` outside that range or NaN gives an
    /// unspecified value (and no undefined behaviour).
    fn scale2(self, n: Self) -> Self;

    /// `2^self` for integral `self` within the range of normal exponents. Anything else gives an
    /// unspecified value (and no undefined behaviour).
    fn pow2(self) -> Self;

    /// The bits shifted up by the mantissa's width: `2^n` for `self = n + EXPONENT_MAGIC` and an
    /// integral `n` within the range of normal exponents. What lies above the exponent is shifted
    /// out.
    fn low_bits_to_exponent(self) -> Self;

    /// About `1 / self` for a normal `self` whose reciprocal is normal, for use where a residual
    /// corrects it: the relative error is at most `2^-14` for `f32` and `2^-27` for `f64`. Other
    /// values give an unspecified result, but NaN gives NaN.
    fn recip_fast(self) -> Self;

    /// The magnitude of `self` with the sign of `sign`.
    fn copysign(self, sign: Self) -> Self;

    /// The bitwise exclusive or.
    fn bit_xor(self, other: Self) -> Self;

    /// The bitwise and.
    fn bit_and(self, other: Self) -> Self;

    /// `self < other` (false for NaN).
    fn lt(self, other: Self) -> Self::Mask;

    /// `self <= other` (false for NaN).
    fn le(self, other: Self) -> Self::Mask;

    /// `self == other` (false for NaN).
    fn eq(self, other: Self) -> Self::Mask;

    /// `self != other` (true for NaN).
    fn ne(self, other: Self) -> Self::Mask;

    /// Whether either lane is NaN.
    fn unordered(self, other: Self) -> Self::Mask;

    /// `if mask { yes } else { no }`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// The exponent of a finite, non-zero `self` as a float: `floor(log2(|self|))`, subnormals
    /// included. Other values give an unspecified result.
    fn exponent(self) -> Self;

    /// Lane `distance + i` in lane `i < distance`, for a `distance` of a half, a quarter and so on
    /// of the lanes. The other lanes are unspecified.
    fn upper(self, distance: usize) -> Self;

    /// The lanes with an even number and those with an odd one, of `self` and then of `other`.
    fn deinterleave(self, other: Self) -> [Self; 2];

    /// The lanes of `self` and `other` in turn: the inverse of
    /// [`deinterleave`](Self::deinterleave).
    fn interleave(self, other: Self) -> [Self; 2];

    /// The first lane.
    fn first(self) -> Self::Elem;

    /// The sum of the lanes, added in a fixed tree: halves onto each other until one is left.
    #[inline(always)]
    fn reduce_sum(self) -> Self::Elem {
        let mut sum = self;
        let mut half = Self::LANES / 2;
        while half > 0 {
            sum = sum + sum.upper(half);
            half /= 2;
        }
        sum.first()
    }

    /// The largest lane; where a lane is NaN, perhaps another.
    #[inline(always)]
    fn reduce_max(self) -> Self::Elem {
        let mut max = self;
        let mut half = Self::LANES / 2;
        while half > 0 {
            max = max.max(max.upper(half));
            half /= 2;
        }
        max.first()
    }

    /// The lanes as `f64`, exactly: the leading half and the other. `f64` lanes are both
    /// themselves.
    fn widen(self) -> [<Self::Token as Simd>::F64; 2];

    /// The vector of which these are the halves, rounded where lanes are narrower than `f64`, which
    /// for `f64` lanes is the first.
    fn narrow(halves: [<Self::Token as Simd>::F64; 2]) -> Self;

    /// The lanes as `f32`: themselves, or the rounded lanes of `f64` twice.
    #[inline(always)]
    fn to_single(self) -> <Self::Token as Simd>::F32 {
        <Self::Token as Simd>::F32::narrow(self.widen())
    }

    /// The inverse of [`to_single`](Self::to_single), where nothing was rounded.
    #[inline(always)]
    fn of_single(single: <Self::Token as Simd>::F32) -> Self {
        Self::narrow(single.widen())
    }

    /// The token these lanes were made with.
    fn token(self) -> Self::Token;

    /// A splat with the same token: `x.lit(0.5)`.
    #[inline(always)]
    fn lit(self, value: Self::Elem) -> Self {
        Self::splat(self.token(), value)
    }

    /// Reads the first `LANES` elements of `slice`.
    ///
    /// # Panics
    /// If the slice is shorter.
    #[inline(always)]
    fn load(token: Self::Token, slice: &[Self::Elem]) -> Self {
        assert!(slice.len() >= Self::LANES, "a slice of at least LANES elements");
        // SAFETY: the length was checked.
        unsafe { Self::load_ptr(token, slice.as_ptr()) }
    }

    /// Reads up to `LANES` elements; the lanes after the end of a shorter slice are zero.
    #[inline(always)]
    fn load_partial(token: Self::Token, slice: &[Self::Elem]) -> Self {
        // SAFETY: the count is bounded by the slice's length.
        unsafe { Self::load_partial_ptr(token, slice.as_ptr(), slice.len().min(Self::LANES)) }
    }

    /// Writes all lanes to the start of `slice`.
    ///
    /// # Panics
    /// If the slice is shorter than `LANES`.
    #[inline(always)]
    fn store(self, slice: &mut [Self::Elem]) {
        assert!(slice.len() >= Self::LANES, "a slice of at least LANES elements");
        // SAFETY: the length was checked.
        unsafe { self.store_ptr(slice.as_mut_ptr()) }
    }

    /// Writes as many lanes as `slice` holds, at most `LANES`.
    #[inline(always)]
    fn store_partial(self, slice: &mut [Self::Elem]) {
        // SAFETY: the count is bounded by the slice's length.
        unsafe { self.store_partial_ptr(slice.as_mut_ptr(), slice.len().min(Self::LANES)) }
    }
}

/// Tables of 32 numbers.
pub trait Lookup: Lanes<Elem = f32> {
    /// Whether the level has instructions for it.
    const QUICK: bool = false;

    /// The entries whose numbers are the low five bits of the lanes.
    #[inline(always)]
    fn lookup(self, table: &[f32; 32]) -> Self {
        self.each(|bits| table[bits as usize % 32].to_bits())
    }

    /// The bits shifted down, zeros coming in.
    #[inline(always)]
    fn shifted_down<const COUNT: u32>(self) -> Self {
        self.each(|bits| bits >> COUNT)
    }

    /// Lane by lane, of the bits.
    #[doc(hidden)]
    #[inline(always)]
    fn each(self, f: impl Fn(u32) -> u32) -> Self {
        let mut lanes = [0.0; MAX_LANES];
        self.store(&mut lanes);
        for lane in &mut lanes[..Self::LANES] {
            *lane = f32::from_bits(f(lane.to_bits()));
        }
        Self::load(self.token(), &lanes)
    }
}

/// The most lanes any level has.
pub const MAX_LANES: usize = 16;
