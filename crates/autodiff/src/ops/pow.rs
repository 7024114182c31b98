//! `y = a^b`; the cotangents are `gy b a^(b-1)`, 0 where `b` is 0, and `gy y ln(a)`, 0 where `a` is
//! 0 and `b` is not negative. For negative `a` there is no derivative by `b`: NaN.

use wengert_kernels::chain::Function2;

use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

binary! {
    /// `a^b`, element by element, with the special values of IEEE 754: `x^0` is 1, also for
    /// `x = 0`; a negative base has powers for integer exponents, and NaN for others.
    ///
    /// The derivative by `a` is `b a^(b-1)` and 0 where `b` is 0; that by `b` is `a^b ln(a)`, 0
    /// where `a` is 0 and `b >= 0`, and NaN for negative `a`.
    pow / try_pow = Pow, Function2::Pow;
    |gy, a, b, y| [
        Some(gy.cotangent_mul(a.pow(b.add_scalar(-E::ONE)).mul_no_nan(b))),
        {
            let at_zero = a.eq_scalar(E::ZERO).and(&b.ge_scalar(E::ZERO));
            let one = gy.tape().constant(&Tensor::scalar(E::ONE));
            Some(gy.cotangent_mul(y * one.where_(&at_zero, a).log()))
        },
    ];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::POSITIVE), s.tensor(&b, &Domain::REAL)]
    }, f64::powf
}
