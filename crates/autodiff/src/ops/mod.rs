//! The catalogue of operations. Each operation has a file of its own, with the row that its tests
//! need.
//!
//! Each function in this module is the fallible entry of an operation on variables. The methods and
//! operators of [`Var`](crate::Var) and [`Tensor`](crate::Tensor) call it and panic with its error;
//! the methods of `Tensor` whose name begins with `try_` return the error.
//!
//! # Elements
//!
//! | | |
//! |---|---|
//! | arithmetic | [`add()`], [`sub()`], [`mul()`], [`div()`], [`rem()`] (the sign is the dividend's), [`neg()`], [`reciprocal()`], [`square()`], [`sqrt()`], [`rsqrt()`], [`pow()`] |
//! | products: 0 if a factor is, even times inf or NaN | [`mul_no_nan()`], [`mul_absorbing()`] |
//! | quotients: 0 if the dividend is, even by inf, NaN or 0 | [`div_keep_zero()`] |
//! | with a number | [`add_scalar()`], [`mul_scalar()`], [`pow_scalar()`] |
//! | elementary functions | [`exp()`], [`exp_m1()`], [`log()`], [`log_1p()`], [`sin()`], [`cos()`], [`tan()`], [`atan2()`], [`erf()`], [`erfc()`] |
//! | activations | [`relu()`] to [`mish()`]; [`activate()`] is any of them |
//! | steps and bounds | [`abs()`], [`sign()`], [`floor()`], [`ceil()`], [`round()`] (halves to even), [`trunc()`], [`clamp()`], [`maximum()`], [`minimum()`], [`share()`] |
//! | comparisons, which give a [`Mask`](crate::Mask) | [`lt()`], [`le()`], [`gt()`], [`ge()`] |
//! | equality, which gives a [`Mask`](crate::Mask) | [`eq()`], [`ne()`] |
//! | selection by a mask | [`where_()`], [`masked_fill()`] |
//!
//! # Reductions
//!
//! | | |
//! |---|---|
//! | over all axes or some | [`sum()`], [`mean()`], [`prod()`], [`max()`], [`min()`], [`var()`], [`std()`], [`norm()`], [`logsumexp()`]; with `_axes` after the name over some |
//! | along an axis | [`softmax()`], [`log_softmax()`], [`cumsum()`], [`cumprod()`], [`sort()`], [`topk()`] |
//! | which return an [`Index`](crate::Index) | [`argmax()`], [`argmin()`], [`argsort()`] |
//!
//! The derivatives at kinks and ties are [listed in one
//! table](crate#derivatives-at-kinks-and-ties). There is no derivative with respect to a mask or an
//! index.
//!
//! # Recurrent cells
//!
//! [`lstm_cell()`] and [`lstm_output()`], [`gru_cell()`]: the step of a recurrent network from the
//! sums of its gates.
//!
//! # Shapes
//!
//! | | |
//! |---|---|
//! | the same elements in order | [`reshape()`], [`flatten`], [`squeeze`], [`unsqueeze`] |
//! | axes in another order | [`permute()`], [`transpose`], [`move_axis`] |
//! | parts | [`slice()`] with steps and negative positions, [`narrow`], [`select`], [`split()`], [`chunk`], [`diagonal()`] |
//! | copies | [`broadcast_to()`], [`repeat()`] (tile), [`repeat_interleave`] |
//! | concatenation | [`concat()`], [`stack`] |
//! | padding | [`pad()`] with a number, the mirror image or the edge |
//! | reversal, circular shift | [`flip()`], [`roll()`] |
//! | by an [`Index`](crate::Index) | [`gather()`], [`index_select()`], [`scatter_add()`], [`Tensor::one_hot`](crate::Tensor::one_hot) |
//!
//! All operations in the first three lines, [`broadcast_to()`] and [`flip()`] return a view and
//! copy nothing, except a reshape that strides cannot express.
//!
//! # Linear algebra
//!
//! [`matmul()`] with broadcasting batches, [`linear()`] with bias and activation, [`dot`],
//! [`outer`], [`einsum()`] of any number of operands, [`trace`], [`diag`], [`diag_embed`],
//! [`diagonal()`], [`tril`], [`triu`]. Transposed operands are read in place, without a copy.
//!
//! # Adding an operation
//! Write the operation's file (formula and derivative in the module doc, shape rule, forward, vjp,
//! rows) and add its name to `catalogue!` below. A file without rows does not compile for tests.

/// Defines the fallible entry of an operation on variables, the methods of `Var` and `Tensor` that
/// panic with its error, and, named after the slash, the method of `Tensor` that returns it.
macro_rules! entry {
    (
        $(#[$doc:meta])*
        $name:ident / $try_name:ident(
            $first:ident $(, $operand:ident)* $(; $($arg:ident: $type:ty),+)?
        ) = $op:expr
    ) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// If the shapes or arguments do not fit; the message states the expected ones.
        #[allow(clippy::elidable_lifetime_names, reason = "one text for any number of operands")]
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
            /// If the shapes or arguments do not fit; the message states the expected ones.
            #[allow(clippy::should_implement_trait, reason = "`ops::operators` does, by this method")]
            #[track_caller]
            pub fn $name(self $(, $operand: crate::Var<'t, E>)* $($(, $arg: $type)+)?) -> Self {
                crate::error::expect($name(self $(, $operand)* $($(, $arg)+)?))
            }
        }

        impl<E: wengert_kernels::Element> crate::Tensor<E> {
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes or arguments do not fit; the message states the expected ones.
            #[track_caller]
            pub fn $name(&self $(, $operand: &crate::Tensor<E>)* $($(, $arg: $type)+)?) -> Self {
                crate::error::expect(self.$try_name($($operand,)* $($($arg),+)?))
            }

            #[doc = concat!("Fallible version of [`", stringify!($name), "`](Self::", stringify!($name), ").")]
            ///
            /// # Errors
            /// If the shapes or arguments do not fit, or there is no memory for the result.
            pub fn $try_name(
                &self $(, $operand: &crate::Tensor<E>)* $($(, $arg: $type)+)?
            ) -> crate::Result<Self> {
                crate::eval::eval_op(&$op, &[self $(, $operand)*])
            }
        }

        instances!($name<E>: $name::<E>, crate::Tensor::<E>::$try_name);
    };
}

/// The name of an operation and the number of its operands: the head of its `impl Op`.
macro_rules! described {
    ($name:expr, operands: $arity:literal) => {
        fn name(&self) -> &'static str {
            $name
        }

        fn arity(&self) -> Option<usize> {
            Some($arity)
        }
    };
}

#[macro_use]
mod elementwise;
#[macro_use]
mod methods;

/// Declares the modules of the operations and collects their rows, which are compiled for tests
/// only.
macro_rules! catalogue {
    ($($module:ident),+ $(,)?) => {
        $(pub(crate) mod $module;)+

        /// The rows of all operations, in the catalogue's order.
        #[cfg(any(test, feature = "testing"))]
        pub(crate) fn rows() -> impl Iterator<Item = &'static crate::testing::Row> {
            [$($module::ROWS),+].into_iter().flatten()
        }
    };
}

catalogue!(
    abs,
    activate,
    activate_grad,
    adaptive_avg_pool,
    adaptive_avg_pool_grad,
    add,
    atan2,
    avg_pool,
    avg_pool_grad,
    batch_norm,
    batch_norm_inference,
    binary_cross_entropy,
    broadcast_to,
    ceil,
    clamp,
    concat,
    conv,
    conv_transpose,
    conv_weight_grad,
    cos,
    cross_entropy,
    cross_entropy_grad,
    cumprod,
    cumsum,
    diagonal,
    diagonal_grad,
    div,
    div_keep_zero,
    erf,
    erfc,
    exp,
    exp_m1,
    extreme_share,
    flip,
    floor,
    gather,
    gather_grad,
    gru_cell,
    huber,
    index_select,
    index_select_grad,
    inside,
    kl_div,
    layer_norm,
    linear,
    log,
    log_1p,
    log_softmax,
    log_softmax_grad,
    logsumexp,
    logsumexp_grad,
    lstm_cell,
    lstm_output,
    masked_fill,
    matmul,
    max_pool,
    max_pool_grad,
    max_pool_pick,
    max,
    maximum,
    mean,
    min,
    minimum,
    mse_loss,
    mul,
    mul_absorbing,
    mul_no_nan,
    neg,
    norm,
    nll_loss,
    nll_loss_grad,
    offset,
    pad,
    permute,
    pow,
    pow_scalar,
    prod,
    reciprocal,
    recurrence,
    rem,
    reshape,
    rms_norm,
    roll,
    round,
    rsqrt,
    scale,
    scatter_add,
    share,
    sign,
    sin,
    slice,
    slice_grad,
    smooth_l1,
    soft_cross_entropy,
    soft_cross_entropy_grad,
    softmax,
    softmax_grad,
    sqrt,
    square,
    std_,
    sub,
    sum,
    sum_to,
    tan,
    triangle,
    trunc,
    var,
    where_,
);

mod attention;
mod attention_scores;
mod compare;
#[cfg(any(test, feature = "testing"))]
mod conv_reference;
mod convolution;
mod cosine_similarity;
mod dropout;
mod einsum;
mod embedding;
mod epilogue;
mod gates;
mod group_norm;
mod indexed;
mod losses;
mod normalization;
mod operators;
#[cfg(any(test, feature = "testing"))]
mod pool_reference;
mod pooling;
mod product_range;
mod products;
mod reduction;
mod repeat;
mod scaling;
mod search;
mod split;
pub(crate) mod support;
mod window;

pub use abs::abs;
pub use activate::*;
pub use adaptive_avg_pool::{adaptive_avg_pool1d, adaptive_avg_pool2d};
pub use add::add;
pub use atan2::atan2;
pub use attention::{Attention, scaled_dot_product_attention};
pub use avg_pool::{avg_pool, avg_pool1d, avg_pool2d};
pub use batch_norm::{BatchNormalized, batch_norm};
pub use batch_norm_inference::batch_norm_inference;
pub use binary_cross_entropy::binary_cross_entropy_with_logits;
pub use broadcast_to::broadcast_to;
pub use ceil::ceil;
pub use clamp::clamp;
pub use compare::{eq, ge, gt, le, lt, ne};
pub use concat::{concat, stack};
pub use conv::{conv, conv1d, conv2d};
pub use conv_transpose::{conv_transpose, conv_transpose1d, conv_transpose2d};
pub use convolution::{Conv1dOptions, Conv2dOptions, ConvOptions, ConvTransposeOptions, Extent};
pub use cos::cos;
pub use cosine_similarity::cosine_similarity;
pub use cross_entropy::cross_entropy;
pub use cumprod::cumprod;
pub use cumsum::cumsum;
pub use diagonal::{diagonal, trace};
pub use diagonal_grad::{diag, diag_embed};
pub use div::div;
pub use div_keep_zero::div_keep_zero;
pub use dropout::{dropout, dropout_from};
pub use einsum::einsum;
pub use embedding::embedding;
pub use erf::erf;
pub use erfc::erfc;
pub use exp::exp;
pub use exp_m1::exp_m1;
pub use flip::flip;
pub use floor::floor;
pub use gather::gather;
pub use group_norm::group_norm;
pub use gru_cell::gru_cell;
pub use huber::{huber_loss, smooth_l1_loss};
pub use index_select::index_select;
pub use kl_div::kl_div;
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use log::log;
pub use log_1p::log_1p;
pub use log_softmax::log_softmax;
pub use logsumexp::{logsumexp, logsumexp_axes};
pub use losses::{CrossEntropyOptions, cross_entropy_with, l1_loss, squared_error};
pub use lstm_cell::lstm_cell;
pub use lstm_output::lstm_output;
pub use masked_fill::masked_fill;
pub use matmul::matmul;
pub use max::{max, max_axes};
pub use max_pool::{max_pool, max_pool1d, max_pool2d};
pub use maximum::maximum;
pub use mean::{mean, mean_axes};
pub use min::{min, min_axes};
pub use minimum::minimum;
pub use mse_loss::mse_loss;
pub use mul::mul;
pub use mul_absorbing::mul_absorbing;
pub use mul_no_nan::mul_no_nan;
pub use neg::neg;
pub use nll_loss::nll_loss;
pub use norm::{norm, norm_axes};
pub use normalization::NormOptions;
pub use offset::add_scalar;
pub use pad::{PadMode, PadWidth, pad};
pub use permute::{move_axis, permute, transpose};
pub use pooling::{Pool, Pool1d, Pool2d};
pub use pow::pow;
pub use pow_scalar::pow_scalar;
pub use prod::{prod, prod_axes};
pub use products::{dot, outer};
pub use reciprocal::reciprocal;
pub use reduction::Reduction;
pub use rem::rem;
pub use repeat::{repeat, repeat_interleave};
pub use reshape::{flatten, reshape, squeeze, unsqueeze};
pub use rms_norm::rms_norm;
pub use roll::roll;
pub use round::round;
pub use rsqrt::rsqrt;
pub use scale::mul_scalar;
pub use scatter_add::scatter_add;
pub use search::{argmax, argmin, argsort, sort, topk};
pub use share::share;
pub use sign::sign;
pub use sin::sin;
pub use slice::{narrow, select, slice};
pub use soft_cross_entropy::soft_cross_entropy;
pub use softmax::softmax;
pub use split::{chunk, split};
pub use sqrt::sqrt;
pub use square::square;
pub use std_::{std, std_axes};
pub use sub::sub;
pub use sum::{sum, sum_axes};
pub use sum_to::sum_to;
pub use tan::tan;
pub use triangle::{tril, triu};
pub use trunc::trunc;
pub use var::{var, var_axes};
pub use where_::where_;
