//! The angle of a point, by the arctangent.
//!
//! The smaller coordinate is divided by the larger, so that the quotient lies in `[0, 1]`. Above
//! `tan(pi / 8)` the identity `atan z = pi / 4 + atan((z - 1) / (z + 1))` takes it to the interval
//! of one polynomial; octants are put back by their exact angles (W. J. Cody and W. Waite, Software
//! Manual for the Elementary Functions, 1980, chapter 11). For `f32` all of it is done in `f64`.

use std::f64::consts::{FRAC_PI_4, SQRT_2};

use crate::Float;
use crate::simd::Lanes;
use crate::slices::VectorFn2;

use super::constants::Constants as _;
use super::double::constants::long;
use super::double::is_double;
use super::pair::horner;

/// The angle of `(x, y)`, as a vector function of `y` and `x`.
#[derive(Clone, Copy, Debug)]
pub struct Atan2;

impl<E: Float> VectorFn2<E> for Atan2 {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, y: V, x: V) -> V {
        let ([y_low, y_high], [x_low, x_high]) = (y.widen(), x.widen());
        let low = atan2(y_low, x_low);
        V::narrow([low, if is_double::<V>() { y_high } else { atan2(y_high, x_high) }])
    }
}

#[inline(always)]
fn atan2<W: Lanes<Elem = f64>>(y: W, x: W) -> W {
    let (zero, one) = (x.lit(0.0), x.lit(1.0));
    let (ax, ay) = (x.abs(), y.abs());
    let steep = ax.lt(ay);
    let (least, most) = (W::select(steep, ax, ay), W::select(steep, ay, ax));
    // Both zero, or both infinite.
    let z = W::select(most.eq(zero), zero, least / most);
    let z = W::select(least.eq(x.lit(f64::INFINITY)), one, z);
    let r = arctangent(z);
    let [quarter_turn, lacks, _] = f64::HALF_PI;
    // Minus zero is on the left, too.
    let left = one.copysign(x).lt(zero);
    // From the nearest axis on, one way or the other.
    let r = W::select(left, W::select(steep, r, -r), W::select(steep, -r, r));
    let turns = W::select(steep, one, W::select(left, x.lit(2.0), zero));
    let r = turns.mul_add(x.lit(quarter_turn), r) + turns * x.lit(lacks);
    W::select(x.unordered(y), x + y, r.copysign(y))
}

/// `atan z` for `0 <= z <= 1`.
#[inline(always)]
fn arctangent<W: Lanes<Elem = f64>>(z: W) -> W {
    let one = z.lit(1.0);
    let large = z.lit(SQRT_2 - 1.0).lt(z);
    let t = W::select(large, (z - one) / (z + one), z);
    let square = t * t;
    let tail = t * square * horner(square, long::ATAN);
    let [_, lacks, _] = f64::HALF_PI;
    let around = z.lit(FRAC_PI_4) + (t + (tail + z.lit(0.5 * lacks)));
    W::select(large, around, t + tail)
}
