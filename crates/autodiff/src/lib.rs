//! Tensors and tape-based reverse-mode automatic differentiation on the CPU.
//!
//! - [`Tensor`]: a shape, strides, and a shared buffer. Views share the buffer and copy nothing.
//! - [`Tensor::map`], [`for_blocks`], [`Forward::blocks`]: your own elementwise functions,
//!   vectorized and run on several threads.
//! - [`Index`]: a tensor of whole numbers, which are positions to read from or write to.
//! - [`Tape`] and [`Var`]: the record of a computation, and a variable on it.
//! - [`ops`]: the operations. [`Op`] is the trait that defines an operation, also one of your own.
//! - [`Var::backward`] and [`grad`]: gradients, and gradients of gradients.
//! - [`gradcheck()`]: compares gradients with finite differences. [`testing::check_op`]: tests the
//!   value and the derivatives of an operation.
//! - [`Connection`], [`Anomaly`]: why a gradient is absent, which operation gave the first NaN.
//! - [`checkpoint`](checkpoint()), [`Var::register_hook`], [`Gradients::clip_norm`].
//!
//! ```
//! use wengert_autodiff::{Tape, Tensor};
//!
//! let tape = Tape::new();
//! let x = tape.variable(&Tensor::from_slice(&[0.5_f64, -1.0], [2])?);
//! let y = (x * x).sum().tanh();
//! let gradients = y.backward();
//! println!("y = {}, dy/dx = {}", y.item(), gradients.get(x).unwrap());
//! # Ok::<(), wengert_autodiff::Error>(())
//! ```
//!
//! # Derivatives at kinks and ties
//!
//! | at | derivative |
//! |---|---|
//! | `relu(0)`, `abs(0)`, `softshrink` at its ends | 0 |
//! | `leaky_relu(0)` | the slope |
//! | `relu6`, `hard_tanh`, `hard_sigmoid`, `hard_swish`, `clamp` at their bounds | 0 (`hard_swish(3)`: 1) |
//! | jumps: `sign`, `floor`, `ceil`, `round`, `trunc`, `rem` | the derivative beside the jump |
//! | `maximum`, `minimum`, `max`, `min`, `norm` of infinite `p`, among equal elements | shared equally |
//! | `std` and `norm` where they are 0 | 0 |
//! | `atan2(0, 0)` and at infinity; `pow` by the exponent at `0^b`, `b >= 0` | 0 |
//!
//! If an element is NaN, `max` and `min` are NaN, and the NaN element receives the gradient. If an
//! operand is NaN, `maximum` and `minimum` are NaN there, and so are their derivatives.
//!
//! # Zero cotangents
//!
//! In every vector-Jacobian product of this crate, a cotangent that is exactly zero stays zero,
//! even where the derivative is infinite or NaN: `sqrt` at 0 or below, a quotient by 0, any
//! function of a NaN. Elements that [`ops::where_`], [`ops::masked_fill`], a slice or
//! [`ops::dropout`] exclude contribute nothing to a gradient or to a gradient of a gradient. A NaN
//! cotangent stays NaN, and any other nonzero cotangent times an infinite derivative is infinite.
//! Use [`ops::mul_no_nan`] and [`ops::div_keep_zero`] to follow this convention in the
//! vector-Jacobian product of your own operation.
//!
//! Matrix products, convolutions and the batch, layer and root mean square norms sum products as in
//! IEEE 754: there, zero times an infinite or NaN *operand* is NaN. Mask such operands first.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[macro_use]
mod instances;

mod accumulate;
mod anomaly;
mod backward;
mod checkpoint;
mod clip;
mod connection;
mod detach;
mod error;
mod eval;
mod few;
mod forward;
mod gradcheck;
mod gradients;
mod hook;
mod index;
mod kind;
mod labels;
mod lazy;
mod mask;
mod memory;
mod op;
pub mod ops;
mod parameter;
mod shape;
mod tape;
mod tensor;
pub mod testing;
mod transform;
mod var;
mod walk;

pub use anomaly::{Anomaly, Pass};
pub use backward::{AsTensors, AsVariables, CreateGraph, Returned, grad};
pub use checkpoint::checkpoint;
pub use connection::Connection;
pub use error::{Error, Result};
pub use eval::eval;
pub use few::Few;
pub use forward::Forward;
pub use gradcheck::{
    Comparison, Gradcheck, GradcheckError, Mode, NonlinearVjp, OpPath, OpStep, Report, gradcheck,
    gradgradcheck,
};
pub use gradients::Gradients;
#[doc(hidden)]
pub use gradients::Update;
pub use index::Index;
#[doc(hidden)]
pub use instances::Instances;
pub use kind::{Kind, WeightLayout};
pub use labels::IntoLabels;
pub use mask::Mask;
pub use memory::Memory;
pub use op::{Composition, Cotangents, Op, Vjp};
pub use parameter::{IdHasher, Parameter, ParameterId, ParameterMap};
pub use shape::{Shape, Strides};
pub use tape::Tape;
pub use tensor::Tensor;
pub use tensor::iter::Iter;
pub use tensor::map::for_blocks;
pub use tensor::view::Step;
pub use transform::{closure, hessian, hvp, jacobian, jvp, value_and_grad, vjp};
pub use var::Var;
pub use wengert_kernels::Element;
pub use wengert_kernels::activation::Activation;
