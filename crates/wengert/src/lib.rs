//! CPU tensors with tape-based reverse-mode automatic differentiation, SIMD kernels that are
//! selected at run time, and neural networks with diagnostics of their trainability.
//!
//! This crate re-exports the others under one name: tensors, the tape and gradients at the root,
//! networks in [`nn`], initialization in [`init`], data in [`data`], the kernels on slices in
//! [`kernels`]. [`prelude`] has the names that most programs use, [`guide`] has worked examples.
//!
//! ```
//! use wengert::prelude::*;
//!
//! let tape = Tape::new();
//! let x = tape.variable(&Tensor::from([1.0_f32, 2.0, 3.0]));
//! let y = (x * x).tanh().sum();
//! println!("dy/dx = {}", y.backward().get(x).unwrap());
//! ```
//!
//! A [`Tensor`] is useful without a tape too:
//!
//! ```
//! use wengert::prelude::*;
//!
//! let mut rng = Pcg64::seed_from_u64(1);
//! let points = Tensor::<f32>::randn([100, 2], &mut rng) * 0.5 + Tensor::from([1.0, -1.0]);
//! let centred = &points - points.mean_axes(&[0], true);
//! let covariance = centred.t().matmul(&centred) / 99.0;
//! println!("{covariance:.3}");
//! assert!((covariance[[0, 0]] - 0.25).abs() < 0.1);
//! ```
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `checkpoint` (default) | checkpoints and models in safetensors files: `nn::checkpoint` |
//! | `data` (default) | readers of data files: [`data`] |
//! | `csv` | a reader of tables in CSV files: `data::CsvReader` |
//! | `npz` | a reader and writer of several arrays in one file: `data::Npz` |
//! | `progress` | a progress bar for `nn::train::Trainer` |
//! | `ndarray` | `Tensor::as_ndarray`, `into_ndarray` and `from_ndarray`, and `TryFrom<ndarray::Array>` |
//! | `serde` | `Serialize` and `Deserialize` for [`Tensor`], [`Shape`], [`Mask`] and [`Index`] |
//! | `proptest` | strategies for property tests, in [`testing`] |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use wengert_autodiff::{
    Activation, Anomaly, AsTensors, AsVariables, Comparison, Composition, Connection, Cotangents,
    CreateGraph, Element, Error, Forward, Gradcheck, GradcheckError, Gradients, Index, IntoLabels,
    Iter, Kind, Mask, Memory, Mode, NonlinearVjp, Op, OpPath, OpStep, Parameter, ParameterId,
    ParameterMap, Pass, Report, Result, Returned, Shape, Step, Strides, Tape, Tensor, Var, Vjp,
    WeightLayout, checkpoint, closure, eval, for_blocks, grad, gradcheck, gradgradcheck, hessian,
    hvp, jacobian, jvp, ops, testing, value_and_grad, vjp,
};
pub use wengert_kernels as kernels;
pub use wengert_nn::{data, init};

pub mod guide;

/// Networks: modules, layers, initializers, optimizers, data.
pub mod nn {
    // The derive macro that refers to this crate, instead of the one that refers to `wengert_nn`.
    pub use wengert_derive::FacadeModule as Module;
    pub use wengert_nn::*;
}

/// The names that most programs use.
pub mod prelude {
    pub use rand::SeedableRng;
    pub use rand_pcg::Pcg64;
    pub use wengert_autodiff::ops::Reduction;
    pub use wengert_autodiff::{
        Activation, Connection, CreateGraph, Element, Gradients, Index, Mask, Parameter, Shape,
        Step, Tape, Tensor, Var, checkpoint, closure, grad, gradcheck, gradgradcheck, hessian, hvp,
        jacobian, jvp, ops, value_and_grad, vjp,
    };

    pub use crate::nn::data::Batches;
    pub use crate::nn::init::{gain, recommend};
    pub use crate::nn::layer::*;
    pub use crate::nn::metrics::accuracy;
    pub use crate::nn::optim::*;
    pub use crate::nn::schedule::{Schedule, Scheduler};
    #[cfg(feature = "checkpoint")]
    pub use crate::nn::{Checkpoint, load_model, save_model};
    pub use crate::nn::{
        Init, Layer, Module, ModuleExt, Stateful, Visitor, VisitorMut, check_module,
    };
}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
