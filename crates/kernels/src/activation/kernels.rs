//! The compiled activations of an element type: loops over slices.

use super::elu::{Celu, Elu, Selu};
use super::function::{Identity, Times};
use super::gelu::{Gelu, GeluTanh};
use super::kind::Activation;
use super::mish::Mish;
use super::rectifier::{HardSigmoid, HardSwish, HardTanh, LeakyRelu, Relu, Relu6, Softshrink};
use super::sigmoid::{Softsign, Tanhshrink};
use super::silu::Silu;
use super::softplus::{LogSigmoid, Softplus};
use crate::Float;
use crate::math::{Logistic, Tanh};
use crate::simd::{Kernel, Level, Simd, run_on};
use crate::slices::{Map, Shared, Source, Zip, check_len};
use crate::threads;

/// `out = act(x)` on contiguous memory.
pub(crate) struct Forward<E> {
    act: Activation,
    x: Source<E>,
    out: *mut E,
    len: usize,
}

/// `out = gy act'` on contiguous memory.
pub(crate) struct Backward<E> {
    act: Activation,
    gy: Source<E>,
    saved: Source<E>,
    out: *mut E,
    len: usize,
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

impl<E> Forward<E> {
    /// The activation of `len` elements.
    ///
    /// # Safety
    /// While it runs, `len` elements must be readable in `x`, and writable at `out` by this thread
    /// alone.
    #[inline(always)]
    pub(crate) unsafe fn new(act: Activation, x: Source<E>, out: *mut E, len: usize) -> Self {
        Self { act, x, out, len }
    }
}

impl<E> Backward<E> {
    /// The gradient of `len` elements.
    ///
    /// # Safety
    /// While it runs, `len` elements must be readable in `gy` and `saved`, and writable at `out` by
    /// this thread alone.
    #[inline(always)]
    pub(crate) unsafe fn new(
        act: Activation,
        gy: Source<E>,
        saved: Source<E>,
        out: *mut E,
        len: usize,
    ) -> Self {
        Self { act, gy, saved, out, len }
    }
}

impl<E: Float> Kernel for Forward<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { act, x, out, len } = self;
        with_function!(act, E, |f| {
            // SAFETY: the contract of `Forward::new` is that of `Map::new`.
            simd.vectorize(unsafe { Map::new(f, x, out, len) });
        });
    }
}

impl<E: Float> Kernel for Backward<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { act, gy, saved, out, len } = self;
        with_function!(act, E, |f| {
            // SAFETY: the contract of `Backward::new` is that of `Zip::new`.
            simd.vectorize(unsafe { Zip::new(Times(f), gy, saved, out, len) });
        });
    }
}

/// The compiled kernels of an element type. Sealed with [`Element`](crate::Element).
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
pub(crate) fn checked<E: Float>(act: Activation) -> Activation {
    if let Err(error) = act.check_in::<E>() {
        panic!("{error}");
    }
    act.simplest()
}

#[track_caller]
fn forward_slices<E: Float>(act: Activation, x: &[E], out: &mut [E]) {
    let (act, level, len) = (checked::<E>(act), Level::current(), out.len());
    check_len("x", x.len(), len);
    let (source, shared) = (Source::new(x), Shared::new(out));
    threads::for_ranges(len, act.cost().grain(), |range| {
        // SAFETY: both have `len` elements, and the ranges are disjoint parts of `0..len`.
        let forward = unsafe {
            let (x, out) = (source.from(range.start), shared.at(range.start));
            Forward::new(act, x, out, range.len())
        };
        run_on(level, forward);
    });
}

#[track_caller]
fn backward_slices<E: Float>(act: Activation, gy: Option<&[E]>, saved: &[E], out: &mut [E]) {
    let (act, level, len) = (checked::<E>(act), Level::current(), out.len());
    if let Some(gy) = gy {
        check_len("gy", gy.len(), len);
    }
    check_len("saved", saved.len(), len);
    let (saved, shared) = (Source::new(saved), Shared::new(out));
    let gy = gy.map_or(shared.source(), Source::new);
    threads::for_ranges(len, act.cost().grain(), |range| {
        // SAFETY: all have `len` elements, and the ranges are disjoint parts of `0..len`.
        let backward = unsafe {
            let (gy, saved) = (gy.from(range.start), saved.from(range.start));
            Backward::new(act, gy, saved, shared.at(range.start), range.len())
        };
        run_on(level, backward);
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
