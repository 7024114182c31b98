//! CPU tensors with tape-based reverse-mode automatic differentiation, SIMD kernels that are
//! chosen at run time, and neural networks whose trainability is measured.
//!
//! This crate gathers the others under one name: tensors, the tape and gradients at the top,
//! networks in [`nn`], their beginning in [`init`], data in [`data`], the slice kernels in
//! [`kernels`]. [`prelude`] holds what a program usually names, [`guide`] shows how things are done.
//!
//! ```
//! use wengert::prelude::*;
//!
//! let tape = Tape::new();
//! let x = tape.variable(&Tensor::from_slice(&[1.0_f32, 2.0, 3.0], [3])?);
//! let y = (x * x).tanh().sum();
//! println!("dy/dx = {}", y.backward().get(x).unwrap());
//! # Ok::<(), wengert::Error>(())
//! ```

#![forbid(unsafe_code)]

pub use wengert_autodiff::{
    Activation, Anomaly, AsTensors, AsVariables, Comparison, Composition, Connection, Cotangents,
    CreateGraph, Element, Error, Forward, Gradcheck, GradcheckError, Gradients, Index, IntoLabels,
    Kind, Mask, Memory, Mode, Nonlinearity, Op, OpPath, OpStep, Parameter, ParameterId,
    ParameterMap, Pass, Report, Result, Returned, Shape, Step, Strides, Tape, Tensor, Var, Vjp,
    WeightLayout, checkpoint, closure, eval, grad, gradcheck, gradgradcheck, hessian, hvp,
    jacobian, jvp, ops, testing, value_and_grad, vjp,
};
pub use wengert_kernels as kernels;
pub use wengert_nn::{data, init};

pub mod guide;

/// Networks: modules, layers, initializers, optimizers, data.
pub mod nn {
    // The derive macro that names this crate, in place of the one that names `wengert_nn`.
    pub use wengert_derive::FacadeModule as Module;
    pub use wengert_nn::*;
}

/// What a program usually names.
pub mod prelude {
    pub use rand::SeedableRng;
    pub use rand_pcg::Pcg64;
    pub use wengert_autodiff::ops::Reduction;
    pub use wengert_autodiff::{
        Activation, Connection, CreateGraph, Element, Gradients, Index, Mask, Parameter, Shape,
        Tape, Tensor, Var, checkpoint, closure, grad, gradcheck, gradgradcheck, hessian, hvp,
        jacobian, jvp, value_and_grad, vjp,
    };

    pub use crate::nn::data::Batches;
    pub use crate::nn::init::{gain, recommend};
    pub use crate::nn::layer::*;
    pub use crate::nn::metrics::accuracy;
    pub use crate::nn::{
        Adam, Init, Layer, Module, Optimizer, RmsProp, Sgd, Visitor, VisitorMut, check_module,
    };
}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
