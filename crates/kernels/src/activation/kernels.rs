//! The activations, compiled for each element type: loops over slices.

use super::function::{Derivative, Times, Visit};
use super::functions::Activation;
use crate::Float;
use crate::family::family;
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

/// Runs the loop of an activation as a function of its own (`Simd::vectorize`): an unoptimized
/// build gives every temporary value of a function its own place on the stack, and those of all
/// activations together took 1.8 MiB with AVX-512.
struct InLoop<S, K> {
    simd: S,
    kernel: K,
}

impl<E: Float, S: Simd> Visit<E> for InLoop<S, Forward<E>> {
    type Output = ();

    #[inline(always)]
    fn visit<F: Derivative<E>>(self, f: F) {
        let Forward { x, out, len, .. } = self.kernel;
        // SAFETY: `len` elements are readable in `x` and writable at `out`, by `Forward::new`.
        self.simd.vectorize(unsafe { Map::new(f, x, out, len) });
    }
}

impl<E: Float, S: Simd> Visit<E> for InLoop<S, Backward<E>> {
    type Output = ();

    #[inline(always)]
    fn visit<F: Derivative<E>>(self, f: F) {
        let Backward { gy, saved, out, len, .. } = self.kernel;
        // SAFETY: `len` elements are readable in `gy` and `saved` and writable at `out`, by
        // `Backward::new`.
        self.simd.vectorize(unsafe { Zip::new(Times(f), gy, saved, out, len) });
    }
}

impl<E: Float> Kernel for Forward<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.act.visit(InLoop { simd, kernel: self });
    }
}

impl<E: Float> Kernel for Backward<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.act.visit(InLoop { simd, kernel: self });
    }
}

family! {
    /// The activations of an element type.
    ActivationKernels:
    fn activation_kernel(act: Activation, x: &[Self], out: &mut [Self]) = forward;
    fn activation_grad_kernel(
        act: Activation, gy: Option<&[Self]>, saved: &[Self], out: &mut [Self]
    ) = backward;
}

/// The activation as kernels take it: the simplest that is the same function, with its numbers
/// rounded to the element type.
///
/// # Panics
/// If a number of it is outside its domain.
#[track_caller]
pub(crate) fn checked<E: Float>(act: Activation) -> Activation {
    if let Err(error) = act.check_in::<E>() {
        panic!("{error}");
    }
    act.simplest().rounded::<E>()
}

/// `out = act(x)`.
#[track_caller]
fn forward<E: Float>(act: Activation, x: &[E], out: &mut [E]) {
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

/// `out = gy * act'`, or `out * act'` where `gy` is `None`.
#[track_caller]
fn backward<E: Float>(act: Activation, gy: Option<&[E]>, saved: &[E], out: &mut [E]) {
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
