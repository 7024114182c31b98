//! Inner and outer product of two vectors, composed of other operations.

use wengert_kernels::Element;

use super::{matmul, mul, unsqueeze};
use crate::error::{Error, Result};
use crate::tape::Var;

fn vectors<'t, E: Element>(op: &'static str, a: Var<'t, E>, b: Var<'t, E>) -> Result<()> {
    let (a, b) = (a.shape(), b.shape());
    if a.rank() == 1 && b.rank() == 1 && (op != "dot" || a == b) {
        return Ok(());
    }
    let expected = if op == "dot" { "two vectors of one length" } else { "two vectors" };
    Err(Error::Shapes { op, expected: expected.to_owned(), got: vec![a, b] })
}

/// The inner product of two vectors, `sum_i a_i b_i`.
///
/// # Shapes
/// `[n]` and `[n]` give a single number.
///
/// # Errors
/// If the operands are not vectors of the same length.
#[track_caller]
pub fn dot<'t, E: Element>(a: Var<'t, E>, b: Var<'t, E>) -> Result<Var<'t, E>> {
    vectors("dot", a, b)?;
    matmul(a, b)
}

/// The outer product of two vectors, `y[i][j] = a[i] b[j]`, each element rounded once.
///
/// # Shapes
/// `[m]` and `[n]` give `[m, n]`.
///
/// # Errors
/// If the operands are not vectors.
#[track_caller]
pub fn outer<'t, E: Element>(a: Var<'t, E>, b: Var<'t, E>) -> Result<Var<'t, E>> {
    vectors("outer", a, b)?;
    mul(unsqueeze(a, 1)?, b)
}

methods! {
    /// The inner product of two vectors.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let (a, b) = (Tensor::from_fn([2], |i| i[0] as f32 + 1.0), Tensor::full([2], 2.0));
    /// assert_eq!(a.dot(&b).item(), 6.0);
    /// assert_eq!(a.outer(&b).to_vec(), [2.0, 2.0, 4.0, 4.0]);
    /// ```
    ///
    dot / try_dot(b)
}

methods! {
    /// The outer product of two vectors.
    outer / try_outer(b)
}
