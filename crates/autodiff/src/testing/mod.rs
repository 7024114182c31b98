//! Tests of operations: what a catalogue row says, and the one check that walks the rows.
//!
//! A [`Row`] draws [`Case`]s: an operation with operands of random shapes and layouts, and the same
//! function written naively in f64. [`check`] compares the two, and the operation's gradients with
//! differences of its values. [`check_op`] does the same for a user's operation.

mod case;
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
