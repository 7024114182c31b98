//! The operations: their names, and each as a function of vectors.

use crate::Float;
use crate::simd::Lanes;
use crate::slices::{VectorFn, VectorFn2};
use crate::threads::Cost;

/// The operations of two operands, by the names of the functions of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Binary {
    /// [`add`](super::add()).
    Add,
    /// [`sub`](super::sub()).
    Sub,
    /// [`mul`](super::mul()).
    Mul,
    /// [`div`](super::div()).
    Div,
    /// [`maximum`](super::maximum()).
    Maximum,
    /// [`minimum`](super::minimum()).
    Minimum,
    /// [`rem`](super::rem()).
    Rem,
    /// [`mul_no_nan`](super::mul_no_nan()).
    MulNoNan,
    /// [`mul_absorbing`](super::mul_absorbing()).
    MulAbsorbing,
    /// [`div_keep_zero`](super::div_keep_zero()).
    DivKeepZero,
    /// [`share`](super::share()).
    Share,
    /// [`tie`](super::tie()).
    Tie,
}

/// The operations of one operand, by the names of the functions of this module.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Simple<E> {
    /// [`neg`](super::neg()).
    Neg,
    /// [`square`](super::square()).
    Square,
    /// [`sqrt`](super::sqrt()).
    Sqrt,
    /// [`recip`](super::recip()).
    Recip,
    /// [`abs`](super::abs()).
    Abs,
    /// [`sign`](super::sign()).
    Sign,
    /// [`floor`](super::floor()).
    Floor,
    /// [`ceil`](super::ceil()).
    Ceil,
    /// [`round`](super::round()).
    Round,
    /// [`trunc`](super::trunc()).
    Trunc,
    /// [`add`](super::add()) of one number.
    Offset(E),
    /// [`scale`](super::scale()).
    Scale(E),
    /// [`clamp`](super::clamp()).
    Clamp(E, E),
    /// [`inside`](super::inside()).
    Inside(E, E),
}

macro_rules! binary_functions {
    ($($name:ident, $a:ident, $b:ident: $value:expr;)+) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl<E: Float> VectorFn2<E> for $name {
            const COST: Cost = Cost::Light;

            #[inline(always)]
            fn eval<V: Lanes<Elem = E>>(self, $a: V, $b: V) -> V {
                $value
            }
        }
    )+};
}

binary_functions! {
    Add, a, b: a + b;
    Sub, a, b: a - b;
    Mul, a, b: a * b;
    Div, a, b: a / b;
    // The lane operations pass on a NaN in `b` alone.
    Maximum, a, b: V::select(a.unordered(a), a, a.max(b));
    Minimum, a, b: V::select(a.unordered(a), a, a.min(b));
    MulNoNan, a, b: V::select(b.ne(b.lit(E::ZERO)), a * b, b.lit(E::ZERO));
    MulAbsorbing, a, b: {
        let zero = a.lit(E::ZERO);
        V::select(a.eq(zero) | b.eq(zero), zero, a * b)
    };
    DivKeepZero, a, b: V::select(a.eq(a.lit(E::ZERO)), a.lit(E::ZERO), a / b);
    Share, a, b: {
        let (zero, one) = (a.lit(E::ZERO), a.lit(E::ONE));
        let larger = V::select(b.lt(a), one, zero);
        let equal = V::select(a.eq(b), a.lit(E::from_f64(0.5)), larger);
        V::select(a.unordered(b), a + b, equal)
    };
    Tie, a, b: {
        let both = a.unordered(a) & b.unordered(b);
        V::select(a.eq(b) | both, a.lit(E::ONE), a.lit(E::ZERO))
    };
}

/// Defines light functions of one vector.
macro_rules! unary_functions {
    ($($(#[$doc:meta])* $name:ident, $x:ident: $value:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl<E: Float> VectorFn<E> for $name {
            const COST: Cost = Cost::Light;

            #[inline(always)]
            fn eval<V: Lanes<Elem = E>>(self, $x: V) -> V {
                $value
            }
        }
    )+};
}

pub(super) use unary_functions;

unary_functions! {
    Neg, x: -x;
    Square, x: x * x;
    Sqrt, x: x.sqrt();
    Recip, x: x.lit(E::ONE) / x;
    Abs, x: x.abs();
    Sign, x: {
        let stays = x.eq(x.lit(E::ZERO)) | x.unordered(x);
        V::select(stays, x, x.lit(E::ONE).copysign(x))
    };
}

#[derive(Clone, Copy)]
pub(crate) struct Offset<E>(pub(crate) E);

impl<E: Float> VectorFn<E> for Offset<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x + x.lit(self.0)
    }
}

/// `y + alpha x`, of `y` and `x`.
#[derive(Clone, Copy)]
pub(crate) struct Axpy<E>(pub(crate) E);

impl<E: Float> VectorFn2<E> for Axpy<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, y: V, x: V) -> V {
        x.mul_add(x.lit(self.0), y)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Scale<E>(pub(crate) E);

impl<E: Float> VectorFn<E> for Scale<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x * x.lit(self.0)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Clamp<E>(pub(crate) E, pub(crate) E);

impl<E: Float> VectorFn<E> for Clamp<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        // In this order a NaN stays.
        x.lit(self.1).min(x.lit(self.0).max(x))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Inside<E>(pub(crate) E, pub(crate) E);

impl<E: Float> VectorFn<E> for Inside<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let inside = x.lit(self.0).lt(x) & x.lt(x.lit(self.1));
        let value = V::select(inside, x.lit(E::ONE), x.lit(E::ZERO));
        V::select(x.unordered(x), x, value)
    }
}
