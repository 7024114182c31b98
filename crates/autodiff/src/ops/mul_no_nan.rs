//! `y = a b`, but 0 where `b` is 0, even if `a` is infinite or NaN. A vjp multiplies a derivative
//! `a` by a cotangent `b` with it, so that a cotangent of zero stays zero. With `g` the cotangent
//! of `y`, the cotangents are `g b`, 0 where either is, and `g a`, 0 where `g` is.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;
use crate::var::Var;

binary! {
    /// `a b`, element by element, but 0 where `b` is 0, even if `a` is infinite or NaN
    /// (TensorFlow's `multiply_no_nan`).
    ///
    /// Use this operation in the vector-Jacobian product of your own operation, to multiply a
    /// derivative `a` by a cotangent `b` if the derivative can be infinite or NaN: elements that a
    /// mask excluded then have the gradient 0. The operations of this crate do the same.
    mul_no_nan / try_mul_no_nan = MulNoNan, Binary::MulNoNan;
    |gy, a, b, _| [Some(gy.mul_absorbing(b)), Some(gy.cotangent_mul(a))];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)]
    }, |a, b| a * b
}

impl<E: Element> Var<'_, E> {
    /// The product of a cotangent with a derivative: 0 where the cotangent is 0, even if the
    /// derivative is infinite or NaN.
    #[track_caller]
    pub(crate) fn cotangent_mul(self, derivative: Self) -> Self {
        derivative.mul_no_nan(self)
    }
}
