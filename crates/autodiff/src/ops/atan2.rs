//! `angle = atan2(y, x)`; with `r^2 = x^2 + y^2` the cotangents are `g x / r^2` for `y` and
//! `-g y / r^2` for `x`, and 0 at the origin, where there is no derivative, and at infinity.

use wengert_kernels::Element;
use wengert_kernels::chain::Function2;

use crate::tape::Var;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

/// The coordinates divided by the larger magnitude, `r^2` of these quotients, and that divisor, so
/// that nothing overflows. The divisor is a constant, as the result does not depend on it.
fn scaled<'t, E: Element>(y: Var<'t, E>, x: Var<'t, E>) -> [Var<'t, E>; 4] {
    let tape = y.tape();
    let [of_y, of_x] = [y, x].map(|part| tape.constant(&part.value()).abs());
    let size = of_x.maximum(of_y);
    // No derivative divides by zero or infinity at the origin and at infinity, nor do derivatives
    // of derivatives.
    let lost = size.eq_scalar(E::ZERO).or(&size.eq_scalar(E::INFINITY));
    let size = size.masked_fill(&lost, E::INFINITY);
    let [y, x] = [(y, of_y), (x, of_x)].map(|(part, magnitude)| {
        let infinite = magnitude.eq_scalar(E::INFINITY);
        part.masked_fill(&infinite, E::ZERO) / size
    });
    [y, x, y * y + x * x + tape.constant(&lost.to_tensor()), size]
}

binary! {
    /// The angle of the point `(x, y)`, with `y` the first operand, from -pi to pi. The derivatives
    /// at the origin and at infinity are 0.
    atan2 / try_atan2 = Atan2, Function2::Atan2;
    |gy, a, b, _| [
        {
            let [_, x, square, size] = scaled(a, b);
            Some(gy.cotangent_mul(x / square / size))
        },
        {
            let [y, _, square, size] = scaled(a, b);
            Some(-gy.cotangent_mul(y / square / size))
        },
    ];
    order 2, |s| {
        // The negative half of the x axis is a branch cut.
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::AWAY_FROM_ZERO), s.tensor(&b, &Domain::AWAY_FROM_ZERO)]
    }, f64::atan2
}
