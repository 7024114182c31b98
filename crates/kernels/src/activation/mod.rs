//! Activation functions: the values, and gradients fused with the upstream gradient.
//!
//! Each function is one type that implements [`VectorFn`] for its value and [`Derivative`] for its
//! derivative; the table at the end of this file is the list of all. What does not belong here:
//! elementary functions that are no activation (see [`crate::math`]), and reductions such as softmax.
//!
//! # Kinks
//!
//! Where a function has no derivative one is chosen: zero for relu at 0, relu6 at 0 and 6,
//! `hard_tanh` and softshrink at their ends, `hard_sigmoid` at -3 and 3; the slope for leaky relu at 0; for
//! `hard_swish` zero at -3 and one at 3; for elu and selu that of the lower branch.

mod elu;
mod gelu;
mod kind;
mod mish;
mod rectifier;
mod sigmoid;
mod silu;
mod softplus;

pub use crate::math::{Logistic, Tanh};
pub use elu::{Celu, Elu, Selu};
pub use gelu::{Gelu, GeluTanh};
pub use kind::{Activation, ActivationError, Saved};
pub use mish::Mish;
pub use rectifier::{HardSigmoid, HardSwish, HardTanh, LeakyRelu, Relu, Relu6, Softshrink};
pub use sigmoid::{Softsign, Tanhshrink};
pub use silu::Silu;
pub use softplus::{LogSigmoid, Softplus};

use crate::Element;
use crate::simd::{Kernel, Lanes, Level, Simd, run_on};
use crate::slices::{Map, Shared, Source, VectorFn, VectorFn2, Zip, check_len};
use crate::threads::{self, Cost};

/// A function's derivative, times the upstream gradient.
///
/// Mark implementations `#[inline(always)]` (see [`crate::simd`]).
pub trait Derivative<E: Element>: VectorFn<E> {
    /// `gy f'`, the derivative being told from what [`Activation::saves`] names.
    fn times<V: Lanes<Elem = E>>(self, gy: V, saved: V) -> V;
}

/// `y = x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

impl<E: Element> VectorFn<E> for Identity {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x
    }
}

impl<E: Element> Derivative<E> for Identity {
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, _: V) -> V {
        gy
    }
}

/// A derivative as a function of two operands. A zero gradient stays zero, though the derivative be NaN.
#[derive(Clone, Copy)]
pub(crate) struct Times<F>(pub(crate) F);

impl<E: Element, F: Derivative<E>> VectorFn2<E> for Times<F> {
    const COST: Cost = F::COST;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, gy: V, saved: V) -> V {
        let zero = gy.lit(E::ZERO);
        V::select(gy.eq(zero), zero, self.0.times(gy, saved))
    }
}

/// `out = act(x)` on contiguous memory.
pub(crate) struct Forward<E> {
    pub(crate) act: Activation,
    pub(crate) x: Source<E>,
    pub(crate) out: *mut E,
    pub(crate) len: usize,
}

/// `out = gy act'` on contiguous memory.
pub(crate) struct Backward<E> {
    pub(crate) act: Activation,
    pub(crate) gy: Source<E>,
    pub(crate) saved: Source<E>,
    pub(crate) out: *mut E,
    pub(crate) len: usize,
}

/// The functions of all activations: each kernel's loop over the one that was asked for.
///
/// The loop of each is a function of its own (`Simd::vectorize`). An unoptimized build gives every
/// temporary value of a function a place of its own on the stack, and those of all activations
/// together took 1.8 MiB with AVX-512.
macro_rules! with_function {
    ($act:expr, $E:ty, |$f:ident| $body:expr) => {
        with_function!(@ $act, $f, $body,
            Identity => Identity,
            Logistic => Logistic,
            Tanh => Tanh,
            Relu => Relu,
            LeakyRelu { slope } => LeakyRelu::new(<$E>::from_f64(slope)),
            Relu6 => Relu6,
            Elu { alpha } => Elu { alpha: <$E>::from_f64(alpha).to_f64() },
            Selu => Selu,
            Celu { alpha } => Celu { alpha: <$E>::from_f64(alpha).to_f64() },
            Gelu => Gelu,
            GeluTanh => GeluTanh,
            Silu => Silu,
            Mish => Mish,
            Softplus { beta } => Softplus::new(<$E>::from_f64(beta)),
            Softsign => Softsign,
            HardSigmoid => HardSigmoid,
            HardSwish => HardSwish,
            HardTanh { min, max } => {
                HardTanh { low: <$E>::from_f64(min), high: <$E>::from_f64(max) }
            },
            LogSigmoid => LogSigmoid,
            Softshrink { lambda } => Softshrink { lambda: <$E>::from_f64(lambda) },
            Tanhshrink => Tanhshrink
        )
    };
    (@ $act:expr, $f:ident, $body:expr,
        $($name:ident $({ $($field:ident),+ })? => $function:expr),+) => {
        match $act {
            $(Activation::$name $({ $($field),+ })? => {
                let $f = $function;
                $body
            })+
        }
    };
}

impl<E: Element> Kernel for Forward<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { act, x, out, len } = self;
        with_function!(act, E, |f| simd.vectorize(Map::new(f, x, out, len)));
    }
}

impl<E: Element> Kernel for Backward<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { act, gy, saved, out, len } = self;
        with_function!(act, E, |f| simd.vectorize(Zip::new(Times(f), gy, saved, out, len)));
    }
}

/// The compiled kernels of an element type. Sealed with [`Element`].
#[doc(hidden)]
pub trait ActivationKernels: Sized {
    /// `out = act(x)`.
    fn activation_kernel(act: Activation, x: &[Self], out: &mut [Self]);

    /// `out = gy * act'`, or `out * act'` where `gy` is `None`.
    fn activation_grad_kernel(
        act: Activation,
        gy: Option<&[Self]>,
        saved: &[Self],
        out: &mut [Self],
    );
}

/// The activation as the kernels want it.
///
/// # Panics
/// If a number of it is outside its domain.
#[track_caller]
pub(crate) fn checked<E: Element>(act: Activation) -> Activation {
    if let Err(error) = act.check_in::<E>() {
        panic!("{error}");
    }
    act.simplest()
}

#[track_caller]
fn forward_slices<E: Element>(act: Activation, x: &[E], out: &mut [E]) {
    let (act, level, len) = (checked::<E>(act), Level::current(), out.len());
    check_len("x", x.len(), len);
    let (source, shared) = (Source::new(x), Shared::new(out));
    threads::for_ranges(len, act.cost().grain(), |range| {
        // SAFETY: both have `len` elements, and the ranges are disjoint parts of `0..len`.
        let (x, out) = unsafe { (source.from(range.start), shared.at(range.start)) };
        run_on(level, Forward { act, x, out, len: range.len() });
    });
}

#[track_caller]
fn backward_slices<E: Element>(act: Activation, gy: Option<&[E]>, saved: &[E], out: &mut [E]) {
    let (act, level, len) = (checked::<E>(act), Level::current(), out.len());
    if let Some(gy) = gy {
        check_len("gy", gy.len(), len);
    }
    check_len("saved", saved.len(), len);
    let (saved, shared) = (Source::new(saved), Shared::new(out));
    let gy = gy.map_or(shared.source(), Source::new);
    threads::for_ranges(len, act.cost().grain(), |range| {
        // SAFETY: all have `len` elements, and the ranges are disjoint parts of `0..len`.
        let (gy, saved, out) =
            unsafe { (gy.from(range.start), saved.from(range.start), shared.at(range.start)) };
        run_on(level, Backward { act, gy, saved, out, len: range.len() });
    });
}

macro_rules! activation_kernels {
    ($type:ty) => {
        impl ActivationKernels for $type {
            #[track_caller]
            fn activation_kernel(act: Activation, x: &[Self], out: &mut [Self]) {
                forward_slices(act, x, out);
            }

            #[track_caller]
            fn activation_grad_kernel(
                act: Activation,
                gy: Option<&[Self]>,
                saved: &[Self],
                out: &mut [Self],
            ) {
                backward_slices(act, gy, saved, out);
            }
        }
    };
}
activation_kernels!(f32);
activation_kernels!(f64);

/// `out[i] = act(x[i])`.
///
/// # Panics
/// If the slices differ in length, or a number of the activation is outside its domain.
#[track_caller]
pub fn forward<E: Element>(act: Activation, x: &[E], out: &mut [E]) {
    E::activation_kernel(act, x, out);
}

/// `out[i] = gy[i] * act'`, the derivative being computed from what [`Activation::saves`] names. Where
/// `gy[i]` is 0 the result is, though the derivative be NaN.
///
/// # Panics
/// If the slices differ in length, or a number of the activation is outside its domain.
#[track_caller]
pub fn backward<E: Element>(act: Activation, gy: &[E], saved: &[E], out: &mut [E]) {
    E::activation_grad_kernel(act, Some(gy), saved, out);
}

/// `gy[i] = gy[i] * act'`: [`backward`] in place.
///
/// # Panics
/// If the slices differ in length, or a number of the activation is outside its domain.
#[track_caller]
pub fn backward_in_place<E: Element>(act: Activation, gy: &mut [E], saved: &[E]) {
    E::activation_grad_kernel(act, None, saved, gy);
}
