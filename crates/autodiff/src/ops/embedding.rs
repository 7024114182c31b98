//! Embedding: the rows of a table at given positions, a selection along the first axis.

use wengert_kernels::Element;

use crate::error::{Error, Result};
use crate::index::Index;
use crate::mask::Mask;
use crate::tape::Var;

/// The rows of `weight` at the positions in `index`. The row `padding` is read like any other, but
/// has no gradient, so that training leaves it unchanged.
///
/// ```
/// use wengert_autodiff::{Index, Tensor};
/// let weight = Tensor::from_fn([5, 2], |i| (10 * i[0] + i[1]) as f32);
/// let index = Index::from_slice(&[3, 0, 1, 1], [2, 2])?;
/// let y = weight.embedding(&index, None);
/// assert_eq!((y.shape().dims(), y.to_vec()[..2].to_vec()), (&[2, 2, 2][..], vec![30.0, 31.0]));
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Shapes
/// `weight` is `[rows, features]`, the index has any shape `[..]`; the result is `[.., features]`.
///
/// # Errors
/// If the weight is not a matrix, or a position is not below its number of rows.
#[track_caller]
pub fn embedding<'t, E: Element>(
    weight: Var<'t, E>,
    index: &Index,
    padding: Option<usize>,
) -> Result<Var<'t, E>> {
    let shape = weight.shape();
    if shape.rank() != 2 {
        let expected = "a weight [rows, features]".to_owned();
        return Err(Error::Shapes { op: "embedding", expected, got: vec![shape] });
    }
    index.check("embedding", shape[0])?;
    let rows = super::index_select(weight, 0, index)?;
    let Some(padding) = padding else { return Ok(rows) };
    let learned: Vec<bool> = index.as_slice().iter().map(|&row| row != padding).collect();
    let learned = Mask::from_slice(&learned, index.shape())?.unsqueeze(-1);
    super::where_(&learned, rows, rows.detach())
}

methods! {
    /// The rows of a table at the positions of an index.
    embedding / try_embedding(; index: &Index, padding: Option<usize>)
}
