//! `y = a b`, but 0 where `b` is 0, whatever `a` is; the cotangents are `gy b`, with the same rule, and
//! `gy a`. What rules multiply by the slopes of kinks with: nothing comes back from a flat side, not
//! even of an infinite gradient.

use wengert_kernels::elementwise::Binary;

use crate::testing::Domain;

binary! {
    /// `a b`, element by element, but 0 where `b` is 0, though `a` be infinite or NaN (TensorFlow's
    /// `multiply_no_nan`).
    mul_no_nan = MulNoNan, Binary::MulNoNan;
    |gy, a, b, _| [Some(gy.mul_no_nan(b)), Some(gy * a)];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)]
    }, |a, b| a * b
}
