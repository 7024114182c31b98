//! The element types as entry points know them.

use crate::Float;
use crate::activation::kernels::ActivationKernels;
use crate::conv::kernels::ConvKernels;
use crate::elementwise::kernels::ElementwiseKernels;
use crate::gemm::kernels::GemmKernels;
use crate::layout::kernels::LayoutKernels;
use crate::math::kernels::UnaryKernels;
use crate::norm::kernels::NormKernels;
use crate::optim::kernels::OptimKernels;
use crate::pool::kernels::PoolKernels;
use crate::random::kernels::RandomKernels;
use crate::reduce::kernels::ReduceKernels;
use crate::scan::kernels::ScanKernels;
use crate::softmax::kernels::SoftmaxKernels;

/// An element type, `f32` or `f64`: a [`Float`] with the compiled kernels of every family. Sealed.
///
/// The kernels are reached through supertraits, so that their code is compiled once, in this crate,
/// and not again in every crate that calls them.
pub trait Element:
    Float
    + ActivationKernels
    + ConvKernels
    + ElementwiseKernels
    + GemmKernels
    + LayoutKernels
    + UnaryKernels
    + NormKernels
    + OptimKernels
    + PoolKernels
    + RandomKernels
    + ReduceKernels
    + ScanKernels
    + SoftmaxKernels
{
}

impl Element for f32 {}
impl Element for f64 {}
