//! `y = a - b trunc(a / b)`, exactly, as `%` of floats in Rust and `fmod` in C and PyTorch: the
//! result has the sign of `a`. The cotangents are `gy` and `-gy trunc(a / b)`.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use super::support::apart;

binary! {
    /// The exact remainder of the division `a / b` rounded towards zero, with the sign of `a`: `%`
    /// in Rust, `fmod` in C and PyTorch (PyTorch's `remainder` has the sign of `b`). NaN for
    /// `b = 0` and for infinite `a`. At a jump, the derivatives are those on either side of it.
    rem / try_rem = Rem, Binary::Rem;
    |gy, a, b, y| [Some(gy), Some(-gy.cotangent_mul(((a - y) / b).round()))];
    order 2, |s| {
        // Half of the dividends are halfway between multiples of the divisors, or near that.
        let mut operands = apart(s);
        let ones = operands[0].mul_scalar(0.0).add_scalar(1.0);
        let divisors = &ones + &(&operands[0] - &operands[0].round()).mul_scalar(0.1);
        operands.swap(0, 1);
        vec![operands.swap_remove(0), divisors]
    }, |a, b| a % b
}
