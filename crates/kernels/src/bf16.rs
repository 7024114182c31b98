//! [`Bf16`], the upper half of an `f32`: half the memory, all of the range, eight bits of precision.
//!
//! A format to store numbers in. What computes with them widens them, which is exact.

use std::fmt;

use crate::simd::{Kernel, Level, Simd, run_on};
use crate::slices::check_len;

/// A number of the format bfloat16: a sign, eight bits of exponent, seven of fraction.
///
/// ```
/// use wengert_kernels::bf16::Bf16;
/// assert_eq!(Bf16::from_f32(1.0 + 1.0 / 256.0).to_f32(), 1.0);
/// assert_eq!(Bf16::from_f32(-3.5).to_f32(), -3.5);
/// ```
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct Bf16(u16);

impl Bf16 {
    /// The distance from one to the next larger value, `2^-7`.
    pub const EPSILON: f32 = 1.0 / 128.0;

    /// The number with these bits.
    #[inline]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The bits.
    #[inline]
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The nearest number of the format, of two equally near ones the even; infinity from
    /// `2^128 - 2^119` on. Subnormal numbers are kept, and NaN stays NaN, a quiet one with the sign
    /// and the upper bits of its payload.
    #[inline]
    pub const fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        // Half of what is dropped, and a little less where the last bit kept is even: a tie goes to
        // the even neighbour, and a carry out of the fraction is the next exponent.
        let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
        let quiet = bits >> 16 | 0x40;
        Self(if bits & 0x7fff_ffff > 0x7f80_0000 { quiet } else { rounded } as u16)
    }

    /// The same number.
    #[inline]
    pub const fn to_f32(self) -> f32 {
        f32::from_bits((self.0 as u32) << 16)
    }
}

impl From<Bf16> for f32 {
    #[inline]
    fn from(value: Bf16) -> f32 {
        value.to_f32()
    }
}

impl PartialEq for Bf16 {
    fn eq(&self, other: &Self) -> bool {
        self.to_f32() == other.to_f32()
    }
}

impl fmt::Debug for Bf16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_f32().fmt(f)
    }
}

impl fmt::Display for Bf16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_f32().fmt(f)
    }
}

/// `out[i] = Bf16::from_f32(x[i])`.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn narrow(x: &[f32], out: &mut [Bf16]) {
    check_len("x", x.len(), out.len());
    run_on(Level::current(), Convert { from: x, to: out, with: Bf16::from_f32 });
}

/// `out[i] = x[i].to_f32()`.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn widen(x: &[Bf16], out: &mut [f32]) {
    check_len("x", x.len(), out.len());
    run_on(Level::current(), Convert { from: x, to: out, with: Bf16::to_f32 });
}

/// Numbers converted one by one, a loop the compiler makes vectors of.
struct Convert<'a, T, U, F> {
    from: &'a [T],
    to: &'a mut [U],
    with: F,
}

impl<T: Copy, U, F: Fn(T) -> U> Kernel for Convert<'_, T, U, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (to, &from) in self.to.iter_mut().zip(self.from) {
            *to = (self.with)(from);
        }
    }
}
