//! CPU tensors with tape-based reverse-mode automatic differentiation, SIMD kernels that are
//! chosen at run time, and neural networks whose trainability is measured.
//!
//! This crate gathers the others under one name; see the modules below, and [`prelude`] for what a
//! program usually names.

#![forbid(unsafe_code)]

pub use wengert_autodiff::Activation;
pub use wengert_autodiff::{
    Comparison, Cotangents, CreateGraph, Element, Error, Forward, Gradcheck, GradcheckError,
    Gradients, Memory, Mode, Op, Parameter, ParameterId, Report, Result, Shape, Step, Strides,
    Tape, Tensor, Var, Vjp, eval, grad, gradcheck, gradgradcheck, ops, testing,
};
pub use wengert_kernels as kernels;
pub use wengert_nn as nn;
pub use wengert_nn::data;

/// What a program usually names.
pub mod prelude {
    pub use rand::SeedableRng;
    pub use rand_pcg::Pcg64;
    pub use wengert_autodiff::{
        Activation, CreateGraph, Element, Gradients, Parameter, Shape, Tape, Tensor, Var, grad,
        gradcheck, gradgradcheck,
    };
    pub use wengert_nn::data::Batches;
    pub use wengert_nn::metrics::accuracy;
    pub use wengert_nn::{Init, Linear, Module, Optimizer, Sequential, Sgd};
}
