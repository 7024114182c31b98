//! `y = a + b`; both cotangents are `gy`.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

binary! {
    /// `a + b`, element by element.
    add / try_add = Add, Binary::Add;
    |gy, _, _, _| [Some(gy), Some(gy)];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)]
    }, |a, b| a + b
}
