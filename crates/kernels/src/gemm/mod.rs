//! Matrix products: `C = act(alpha A B + beta C + bias)`.
//!
//! [`Gemm`] describes a product and [`Gemm::run`] computes it. All three matrices are strided views
//! of slices, so a transposed operand costs nothing but its own layout.
//!
//! What belongs here: products and what is done to their result on the way out ([`Epilogue`]). The
//! activations themselves live in their own family.
//!
//! # How a product runs
//!
//! `plan` picks a path from shape, layout and level. Most go to the blocked loops, which walk
//! C in register tiles; operands are packed where the walk over them would be repeated or uneven,
//! and read in place otherwise. Products of a few rows have kernels that read B once and in order.
//!
//! # Accuracy
//!
//! With `u` the machine epsilon of the element, every element of `alpha A B + beta C` differs from
//! the exact value by at most `(k + 2) u (|alpha| |A| |B| + |beta| |C|)` (N. J. Higham, "Accuracy
//! and stability of numerical algorithms", section 3.5, with the order of summation left open).
//! The order of summation over k is fixed by shape, layout and level: results have the same bits
//! for any number of threads.
//!
//! # Special values
//!
//! Infinities and NaN follow the arithmetic: `alpha = 0` does not hide them. But `beta = 0`
//! overwrites C without reading it, so C may hold anything then, and with k = 0 the product is an
//! exact zero.

mod batch;
mod batched;
mod blocked;
mod dot;
mod epilogue;
mod error;
pub(crate) mod implicit;
pub(crate) mod kernels;
mod matrix;
mod output;
mod pack;
mod plan;
mod problem;
mod product;
mod row;
mod run;
mod scratch;
mod strided;
#[cfg(test)]
mod tests;
mod tile;
pub(crate) mod transpose;
mod vector;

pub use batched::BatchedGemm;
pub use epilogue::{Bias, Epilogue};
pub use error::MatrixError;
pub use matrix::{MatMut, MatRef};
pub use product::Gemm;
