//! The compiled products of an element type.

use super::batch::Batch;
use super::problem::Problem;
use super::run::Run;
use crate::simd::{Level, dispatch, run_on};

/// The compiled kernels of an element type. Sealed with [`Element`](crate::Element).
pub trait GemmKernels: Sized {
    #[doc(hidden)]
    #[expect(
        private_interfaces,
        reason = "only called by this crate; the supertrait is sealed with Element"
    )]
    fn gemm(problem: &mut Problem<'_, Self>);

    #[doc(hidden)]
    #[expect(
        private_interfaces,
        reason = "only called by this crate; the supertrait is sealed with Element"
    )]
    fn gemm_batched(batch: Batch<'_, Self>);
}

macro_rules! gemm_kernels {
    ($($type:ty),+) => {$(
        impl GemmKernels for $type {
            #[expect(
                private_interfaces,
                reason = "only called by this crate; the trait is sealed with Element"
            )]
            fn gemm(problem: &mut Problem<'_, Self>) {
                dispatch(Run { problem, force: None });
            }

            #[expect(
                private_interfaces,
                reason = "only called by this crate; the trait is sealed with Element"
            )]
            fn gemm_batched(batch: Batch<'_, Self>) {
                let level = Level::current();
                batch.each(|mut problem| run_on(level, Run { problem: &mut problem, force: None }));
            }
        }
    )+};
}

gemm_kernels!(f32, f64);
