//! The catalogue of operations: one operation, one file, and in it the row its test needs.
//!
//! Each function here is an operation's fallible entry; the methods and operators of
//! [`Var`](crate::Var) and [`Tensor`](crate::Tensor) are sugar that panics with the same text.
//!
//! To add an operation: write its file (formula and derivative in words, shapes, forward, vjp,
//! rows) and name it in the list below. A file without rows does not compile.

/// Defines an operation's fallible entry on variables, and the methods of `Var` and `Tensor`.
macro_rules! entry {
    (
        $(#[$doc:meta])*
        $name:ident($first:ident $(, $operand:ident)* $(; $($arg:ident: $type:ty),+)?) = $op:expr
    ) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// If the shapes or arguments do not fit; the message names them and says what would.
        #[allow(
            clippy::elidable_lifetime_names,
            reason = "one text for operations of one and of several operands"
        )]
        #[track_caller]
        pub fn $name<'t, E: wengert_kernels::Element>(
            $first: crate::Var<'t, E>
            $(, $operand: crate::Var<'t, E>)*
            $($(, $arg: $type)+)?
        ) -> crate::Result<crate::Var<'t, E>> {
            $first.tape().apply($op, &[$first $(, $operand)*])
        }

        impl<'t, E: wengert_kernels::Element> crate::Var<'t, E> {
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes or arguments do not fit; the message names them and says what would.
            #[allow(
                clippy::should_implement_trait,
                reason = "`ops::operators` implements the trait through this method"
            )]
            #[track_caller]
            pub fn $name(self $(, $operand: crate::Var<'t, E>)* $($(, $arg: $type)+)?) -> Self {
                crate::error::expect($name(self $(, $operand)* $($(, $arg)+)?))
            }
        }

        impl<E: wengert_kernels::Element> crate::Tensor<E> {
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes or arguments do not fit; the message names them and says what would.
            #[track_caller]
            pub fn $name(&self $(, $operand: &crate::Tensor<E>)* $($(, $arg: $type)+)?) -> Self {
                crate::error::expect(crate::op::eval(&$op, &[self $(, $operand)*]))
            }
        }
    };
}

/// Declares the operations' files and collects their rows.
macro_rules! catalogue {
    ($($module:ident),+ $(,)?) => {
        $(pub(crate) mod $module;)+

        /// The rows of all operations, in the catalogue's order.
        pub(crate) fn rows() -> impl Iterator<Item = &'static crate::testing::Row> {
            [$($module::ROWS),+].into_iter().flatten()
        }
    };
}

#[macro_use]
mod methods;

catalogue!(
    activate,
    activate_grad,
    adaptive_avg_pool,
    adaptive_avg_pool_grad,
    add,
    avg_pool,
    avg_pool_grad,
    broadcast_to,
    conv,
    conv_transpose,
    conv_weight_grad,
    cross_entropy,
    cross_entropy_grad,
    div,
    exp,
    linear,
    log,
    log_softmax,
    log_softmax_grad,
    matmul,
    max_pool,
    max_pool_grad,
    max_pool_pick,
    mean,
    mse_loss,
    mul,
    neg,
    offset,
    permute,
    reshape,
    scale,
    slice,
    slice_grad,
    softmax,
    softmax_grad,
    sqrt,
    square,
    sub,
    sum,
    sum_to,
);

mod conv_reference;
mod convolution;
mod epilogue;
mod operators;
mod pool_reference;
mod pooling;
mod support;

pub use activate::{
    activate, celu, elu, gelu, gelu_tanh, hard_sigmoid, hard_swish, hard_tanh, leaky_relu,
    log_sigmoid, logistic, mish, relu, relu6, selu, silu, softplus, softshrink, softsign, tanh,
    tanhshrink,
};
pub use adaptive_avg_pool::{adaptive_avg_pool1d, adaptive_avg_pool2d};
pub use add::add;
pub use avg_pool::{avg_pool, avg_pool1d, avg_pool2d};
pub use broadcast_to::broadcast_to;
pub use conv::{conv, conv1d, conv2d};
pub use conv_transpose::{conv_transpose, conv_transpose1d, conv_transpose2d};
pub use convolution::{Conv1dOptions, Conv2dOptions, ConvOptions, ConvTransposeOptions, Extent};
pub use cross_entropy::cross_entropy;
pub use div::div;
pub use exp::exp;
pub use linear::linear;
pub use log::log;
pub use log_softmax::log_softmax;
pub use matmul::matmul;
pub use max_pool::{max_pool, max_pool1d, max_pool2d};
pub use mean::{mean, mean_axes};
pub use mse_loss::mse_loss;
pub use mul::mul;
pub use neg::neg;
pub use offset::add_scalar;
pub use permute::{permute, transpose};
pub use pooling::{Pool, Pool1d, Pool2d};
pub use reshape::reshape;
pub use scale::mul_scalar;
pub use slice::slice;
pub use softmax::softmax;
pub use sqrt::sqrt;
pub use square::square;
pub use sub::sub;
pub use sum::{sum, sum_axes};
pub use sum_to::sum_to;
