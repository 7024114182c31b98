//! Activation functions: the values, and gradients fused with the upstream gradient.
//!
//! Each function is one type that implements [`VectorFn`] for its value and [`Derivative`] for its
//! derivative; the table at the end of this file is the list of all. What does not belong here:
//! elementary functions that are no activation (see [`crate::math`]), and reductions such as softmax.
//!
//! # Kinks
//!
//! Where a function has no derivative one is chosen: zero for relu at 0, relu6 at 0 and 6,
//! `hard_tanh` and softshrink at their ends, `hard_sigmoid` at -3 and 3; the slope for leaky relu and prelu at 0; for
//! `hard_swish` zero at -3 and one at 3; for elu and selu that of the lower branch.

mod elu;
mod gated;
mod gelu;
mod kind;
mod mish;
mod rectifier;
mod sigmoid;
mod silu;
mod softplus;

pub use crate::math::{Logistic, Tanh};
pub use elu::{Celu, Elu, Selu};
pub use gated::{Gate, gated, gated_backward};
pub use gelu::{Gelu, GeluTanh};
pub use kind::{Activation, ActivationError, Saved};
pub use mish::Mish;
pub use rectifier::{HardSigmoid, HardSwish, HardTanh, LeakyRelu, Relu, Relu6, Softshrink};
pub use sigmoid::{Softsign, Tanhshrink};
pub use silu::Silu;
pub use softplus::{LogSigmoid, Softplus};

use crate::Element;
use crate::elementwise::Run;
use crate::simd::{Kernel, Lanes, Level, Simd, run_on};
use crate::slices::{Map, Shared, Source, VectorFn, VectorFn2, Zip, check_len, zip};
use crate::threads::{self, Cost};

/// A function's derivative, times the upstream gradient.
///
/// Mark implementations `#[inline(always)]` (see [`crate::simd`]).
pub trait Derivative<E: Element>: VectorFn<E> {
    /// `gy f'`, the derivative being computed from what [`Activation::saves`] names.
    fn times<V: Lanes<Elem = E>>(self, gy: V, saved: V) -> V;

    /// [`times`](Self::times), but zero where `gy` is, though the derivative be NaN or infinite.
    #[inline(always)]
    fn cotangent<V: Lanes<Elem = E>>(self, gy: V, saved: V) -> V {
        let zero = gy.lit(E::ZERO);
        V::select(gy.eq(zero), zero, self.times(gy, saved))
    }
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

    #[inline(always)]
    fn cotangent<V: Lanes<Elem = E>>(self, gy: V, _: V) -> V {
        gy
    }
}

/// A derivative, by [`Derivative::cotangent`], as a function of two operands.
#[derive(Clone, Copy)]
pub(crate) struct Times<F>(pub(crate) F);

impl<E: Element, F: Derivative<E>> VectorFn2<E> for Times<F> {
    const COST: Cost = F::COST;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, gy: V, saved: V) -> V {
        self.0.cotangent(gy, saved)
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
    /// `out = act(x)`, or `act(out)` where `x` is `None`.
    fn activation_kernel(act: Activation, x: Option<&[Self]>, out: &mut [Self]);

    /// `out = gy * act'`, or `out * act'` where `gy` is `None`.
    fn activation_grad_kernel(
        act: Activation,
        gy: Option<&[Self]>,
        saved: &[Self],
        out: &mut [Self],
    );

    /// `out = x act(gate)`.
    fn gated_kernel(unit: Gate, x: &[Self], gate: &[Self], out: &mut [Self]);

    /// `out = prelu(x)`.
    fn prelu_kernel(x: &[Self], slope: Run<'_, Self>, out: &mut [Self]);

    /// `out = 1` or the slope.
    fn prelu_factor_kernel(x: &[Self], slope: Run<'_, Self>, out: &mut [Self]);

    /// `out = gy min(x, 0)`.
    fn prelu_slope_kernel(gy: &[Self], x: &[Self], out: &mut [Self]);
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
fn forward_slices<E: Element>(act: Activation, x: Option<&[E]>, out: &mut [E]) {
    let (act, level, len) = (checked::<E>(act), Level::current(), out.len());
    if let Some(x) = x {
        check_len("x", x.len(), len);
    }
    let shared = Shared::new(out);
    let source = x.map_or(shared.source(), Source::new);
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
            fn activation_kernel(act: Activation, x: Option<&[Self]>, out: &mut [Self]) {
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

            #[track_caller]
            fn gated_kernel(unit: Gate, x: &[Self], gate: &[Self], out: &mut [Self]) {
                gated::forward_kernel(unit, x, gate, out);
            }

            #[track_caller]
            fn prelu_kernel(x: &[Self], slope: Run<'_, Self>, out: &mut [Self]) {
                zip(rectifier::Prelu, Run::Slice(x), slope, out);
            }

            #[track_caller]
            fn prelu_factor_kernel(x: &[Self], slope: Run<'_, Self>, out: &mut [Self]) {
                zip(rectifier::PreluFactor, Run::Slice(x), slope, out);
            }

            #[track_caller]
            fn prelu_slope_kernel(gy: &[Self], x: &[Self], out: &mut [Self]) {
                zip(rectifier::PreluSlope, Run::Slice(gy), Run::Slice(x), out);
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
    E::activation_kernel(act, Some(x), out);
}

/// `x[i] = act(x[i])`.
///
/// # Panics
/// If a number of the activation is outside its domain.
#[track_caller]
pub fn forward_in_place<E: Element>(act: Activation, x: &mut [E]) {
    E::activation_kernel(act, None, x);
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

/// `out[i] = x[i]` where that is positive, else `slope[i] * x[i]`: K. He et al., "Delving deep into
/// rectifiers", 2015. The slopes may have any sign.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn prelu<E: Element>(x: &[E], slope: Run<'_, E>, out: &mut [E]) {
    E::prelu_kernel(x, slope, out);
}

/// The gradients of [`prelu`] before they are summed over what shares a slope: `gx[i] = gy[i]` or
/// `gy[i] slope[i]`, and `gslope[i] = gy[i] min(x[i], 0)`.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn prelu_backward<E: Element>(
    gy: &[E],
    x: &[E],
    slope: Run<'_, E>,
    gx: &mut [E],
    gslope: &mut [E],
) {
    check_len("gy", gy.len(), gx.len());
    slope.check("slope", gx.len());
    check_len("x", x.len(), gx.len());
    E::prelu_factor_kernel(x, slope, gx);
    for (gx, &gy) in gx.iter_mut().zip(gy) {
        *gx *= gy;
    }
    E::prelu_slope_kernel(gy, x, gslope);
}
