//! Tests of operations: what a catalogue row says, and the one check that walks the rows.
//!
//! A [`Row`] draws [`Case`]s: an operation with operands of random shapes and layouts, and the same
//! function written naively in f64. [`check`] compares the two, and the operation's gradients with
//! differences of its values.

mod case;
mod dense;
mod sampler;

pub use case::{Case, Failure, Row, check, check_gradients};
pub use dense::Dense;
pub use sampler::{Domain, Sampler};

/// The rows of every operation of this crate.
pub fn catalogue() -> impl Iterator<Item = &'static Row> {
    crate::ops::rows()
}
