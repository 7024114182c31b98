//! The catalogue of operations: one operation, one file, and in it the row its test needs.
//!
//! Each function here is an operation's fallible entry; the methods and operators of
//! [`Var`](crate::Var) and [`Tensor`](crate::Tensor) are sugar that panics with the same text.
//!
//! # Shapes
//!
//! | | |
//! |---|---|
//! | the same elements in order | [`reshape()`], [`flatten`], [`squeeze`], [`unsqueeze`] |
//! | axes in another order | [`permute()`], [`transpose`], [`move_axis`] |
//! | parts | [`slice()`] with steps and negative positions, [`narrow`], [`select`], [`split()`], [`chunk`], [`diagonal()`] |
//! | copies | [`broadcast_to()`], [`repeat()`] (tile), [`repeat_interleave`] |
//! | joined | [`concat()`], [`stack`] |
//! | around | [`pad()`] with a number, mirrored or with the edge |
//! | moved | [`flip()`], [`roll()`] |
//! | by an [`Index`](crate::Index) | [`gather()`], [`index_select()`], [`scatter_add()`], [`Tensor::one_hot`](crate::Tensor::one_hot) |
//!
//! What can be a view is one and costs no copy: all of the first three lines (but a reshape that no
//! strides express), [`broadcast_to()`] and [`flip()`].
//!
//! # Linear algebra
//!
//! [`matmul()`] with broadcasting batches, [`linear()`] with bias and activation, [`dot`], [`outer`],
//! [`einsum()`] of any number of operands, [`trace`], [`diag`], [`diag_embed`], [`diagonal()`],
//! [`tril`], [`triu`]. Transposes cost nothing.
//!
//! # Adding one
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

/// Gives a function of this module to `Var` and `Tensor` as a method that panics with its error.
macro_rules! sugar {
    (
        $(#[$doc:meta])*
        $name:ident($first:ident $(, $operand:ident)* $(; $($arg:ident: $type:ty),+)?)
    ) => {
        sugar! { $(#[$doc])* var $name($first $(, $operand)* $(; $($arg: $type),+)?) }

        impl<E: wengert_kernels::Element> crate::Tensor<E> {
            $(#[$doc])*
            #[doc = concat!("See [`ops::", stringify!($name), "`](crate::ops::", stringify!($name), ").")]
            ///
            /// # Panics
            /// If the shapes or arguments do not fit; the message names them and says what would.
            #[track_caller]
            pub fn $name(&self $(, $operand: &Self)* $($(, $arg: $type)+)?) -> Self {
                let operands = [self $(, $operand)*];
                crate::error::expect(crate::op::compose(&operands, |operands| {
                    let &[$first $(, $operand)*] = operands else {
                        unreachable!("as many variables as tensors")
                    };
                    $name($first $(, $operand)* $($(, $arg)+)?)
                }))
            }
        }
    };
    (
        $(#[$doc:meta])*
        var $name:ident($first:ident $(, $operand:ident)* $(; $($arg:ident: $type:ty),+)?)
    ) => {
        impl<E: wengert_kernels::Element> crate::Var<'_, E> {
            $(#[$doc])*
            #[doc = concat!("See [`ops::", stringify!($name), "`](crate::ops::", stringify!($name), ").")]
            ///
            /// # Panics
            /// If the shapes or arguments do not fit; the message names them and says what would.
            #[track_caller]
            pub fn $name(self $(, $operand: Self)* $($(, $arg: $type)+)?) -> Self {
                crate::error::expect($name(self $(, $operand)* $($(, $arg)+)?))
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

catalogue!(
    activate,
    activate_grad,
    add,
    broadcast_to,
    concat,
    cross_entropy,
    cross_entropy_grad,
    diagonal,
    diagonal_grad,
    div,
    exp,
    flip,
    gather,
    gather_grad,
    index_select,
    index_select_grad,
    linear,
    log,
    log_softmax,
    log_softmax_grad,
    matmul,
    mean,
    mse_loss,
    mul,
    neg,
    offset,
    pad,
    permute,
    reshape,
    roll,
    scale,
    scatter_add,
    slice,
    slice_grad,
    softmax,
    softmax_grad,
    sqrt,
    square,
    sub,
    sum,
    sum_to,
    triangle,
);

mod einsum;
mod indexed;
mod operators;
mod products;
mod repeat;
mod split;
mod support;

pub use activate::{
    activate, celu, elu, gelu, gelu_tanh, hard_sigmoid, hard_swish, hard_tanh, leaky_relu,
    log_sigmoid, logistic, mish, relu, relu6, selu, silu, softplus, softshrink, softsign, tanh,
    tanhshrink,
};
pub use add::add;
pub use broadcast_to::broadcast_to;
pub use concat::{concat, stack};
pub use cross_entropy::cross_entropy;
pub use diagonal::{diagonal, trace};
pub use diagonal_grad::{diag, diag_embed};
pub use div::div;
pub use einsum::einsum;
pub use exp::exp;
pub use flip::flip;
pub use gather::gather;
pub use index_select::index_select;
pub use linear::linear;
pub use log::log;
pub use log_softmax::log_softmax;
pub use matmul::matmul;
pub use mean::{mean, mean_axes};
pub use mse_loss::mse_loss;
pub use mul::mul;
pub use neg::neg;
pub use offset::add_scalar;
pub use pad::{PadMode, PadWidth, pad};
pub use permute::{move_axis, permute, transpose};
pub use products::{dot, outer};
pub use repeat::{repeat, repeat_interleave};
pub use reshape::{flatten, reshape, squeeze, unsqueeze};
pub use roll::roll;
pub use scale::mul_scalar;
pub use scatter_add::scatter_add;
pub use slice::{narrow, select, slice};
pub use softmax::softmax;
pub use split::{chunk, split};
pub use sqrt::sqrt;
pub use square::square;
pub use sub::sub;
pub use sum::{sum, sum_axes};
pub use sum_to::sum_to;
pub use triangle::{tril, triu};
