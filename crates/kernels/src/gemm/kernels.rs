//! The matrix products, compiled for each element type.

use super::batch::Batch;
use super::problem::Problem;
use super::run::Run;
use crate::Float;
use crate::family::family;
use crate::simd::{Level, dispatch, run_on};

family! {
    /// The matrix products of an element type.
    GemmKernels:
    fn gemm(problem: &mut Problem<'_, Self>) = one;
    fn gemm_batched(batch: Batch<'_, Self>) = all;
}

fn one<E: Float>(problem: &mut Problem<'_, E>) {
    dispatch(Run { problem, force: None });
}

fn all<E: Float>(batch: Batch<'_, E>) {
    let level = Level::current();
    batch.each(|mut problem| run_on(level, Run { problem: &mut problem, force: None }));
}
