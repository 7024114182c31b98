//! What the operations of recurrent cells share: rows of gates side by side, `[batch, n hidden]`,
//! and products with a cotangent.

use wengert_kernels::Element;

use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::tape::Var;

/// The sizes `[batch, hidden]` of a state, given that each of the other operands has `count` gates.
pub(super) fn sizes(
    op: &'static str,
    gates: &[&Shape],
    count: usize,
    state: &Shape,
) -> Result<[usize; 2]> {
    if let &[batch, hidden] = state.dims()
        && let Some(columns) = hidden.checked_mul(count)
        && gates.iter().all(|gates| gates.dims() == [batch, columns])
    {
        return Ok([batch, hidden]);
    }
    let what = if gates.len() == 1 { "gates" } else { "two arrays of gates" };
    let expected =
        format!("{what} [batch, {count} hidden] and a state [batch, hidden] of the same batch");
    Err(Error::Shapes {
        op,
        expected,
        got: gates.iter().chain([&state]).map(|s| (*s).clone()).collect(),
    })
}

/// `gy d`, or 0 where the cotangent is 0.
#[inline(always)]
pub(super) fn times<E: Element>(gy: E, d: E) -> E {
    if gy == E::ZERO { gy } else { gy * d }
}

/// The gate at place `i` of rows of gates of `hidden` columns each.
pub(super) fn gate<E: Element>(gates: Var<'_, E>, i: usize, hidden: usize) -> Result<Var<'_, E>> {
    let from = (i * hidden) as isize;
    super::slice(gates, 1, from..from + hidden as isize)
}

/// `x (1 - x)`: the derivative of the logistic function from its value.
pub(super) fn logistic_slope<E: Element>(x: Var<'_, E>) -> Result<Var<'_, E>> {
    super::mul(x, super::add_scalar(super::neg(x)?, E::ONE)?)
}

/// `1 - x^2`: the derivative of tanh from its value.
pub(super) fn tanh_slope<E: Element>(x: Var<'_, E>) -> Result<Var<'_, E>> {
    super::add_scalar(super::neg(super::square(x)?)?, E::ONE)
}
