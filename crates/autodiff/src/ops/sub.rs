//! `y = a - b`; the cotangents are `gy` and `-gy`.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

binary! {
    /// `a - b`, element by element.
    sub / try_sub = Sub, Binary::Sub;
    |gy, _, _, _| [Some(gy), Some(-gy)];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)]
    }, |a, b| a - b
}
