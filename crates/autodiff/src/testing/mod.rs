//! Tests of operations: the rows of the catalogue, and the check that every row passes.
//!
//! A [`Row`] draws [`Case`]s: an operation with operands of random shapes and layouts, and the same
//! function written naively in f64. [`check`] compares their values, and compares the gradients of
//! the operation with finite differences. [`check_op`] does this for an operation of a user.

mod case;
mod constants;
mod dense;
mod fault;
mod layout;
mod sampler;
mod spec;
#[cfg(feature = "proptest")]
mod strategy;

pub use case::{Case, Failure, Row, check, check_gradients};
pub use dense::Dense;
pub use fault::Fault;
pub use layout::Layout;
pub use sampler::{Domain, Sampler};
pub use spec::{Spec, check_op, check_op_f64};
#[cfg(feature = "proptest")]
pub use strategy::{arb_broadcast_pair, arb_layout, arb_shape, arb_tensor};

/// The rows of every operation of this crate.
#[cfg(any(test, feature = "testing"))]
pub fn catalogue() -> impl Iterator<Item = &'static Row> {
    crate::ops::rows()
}
