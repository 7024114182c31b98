//! The convolutions, compiled for each element type.

use super::{gather, weight};
use crate::Float;
use crate::family::family;
use crate::simd::dispatch;

family! {
    /// The convolutions of an element type.
    ConvKernels:
    fn conv_gather(task: gather::Task<'_, Self>) = run_gather;
    fn conv_weight(task: weight::Task<'_, Self>) = run_weight;
}

fn run_gather<E: Float>(task: gather::Task<'_, E>) {
    dispatch(task);
}

fn run_weight<E: Float>(task: weight::Task<'_, E>) {
    dispatch(task);
}
