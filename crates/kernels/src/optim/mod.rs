//! Optimizer updates, each in one pass over its arrays.
//!
//! The formulas are PyTorch's (`torch.optim`), with weights `w`, gradient `g` and learning rate
//! `lr`. State starts at zero. The updates are elementwise, so they do not depend on how a model's
//! parameters are cut into slices.

mod rules;

use std::time::Duration;

use crate::Element;
use crate::simd::{Kernel, Lanes, Level, Simd, run_on};
use crate::slices::{Operand as _, Shared, Source, check_len};
use crate::threads::{self, Cost};

pub use rules::{Adam, Momentum, RmsProp};
use rules::{AdamStep, MomentumStep, RmsPropStep, SgdStep};

/// An update of `N` arrays by a gradient, lane by lane.
trait Update<E: Element, const N: usize>: Copy + Send + Sync {
    fn eval<V: Lanes<Elem = E>>(self, g: V, state: [V; N]) -> [V; N];
}

fn update<E: Element, const N: usize, U: Update<E, N>>(rule: U, g: &[E], state: [&mut [E]; N]) {
    let level = Level::current();
    let len = g.len();
    for array in &state {
        check_len("g", len, array.len());
    }
    let g = Source::new(g);
    let state = state.map(Shared::new);
    threads::for_ranges(len, grain(len), |range| {
        // SAFETY: every array has `len` elements, as checked above, and the ranges are disjoint
        // parts of `0..len`.
        let (g, state) = unsafe { (g.at(range.start), state.map(|array| array.at(range.start))) };
        run_on(level, UpdateKernel { rule, g: g.as_ptr(), state, len: range.len() });
    });
}

/// How many of `len` elements to hand to a thread. While the pool is awake a share of a small array is
/// worth it too: whoever computed that share of the gradient has it near by.
fn grain(len: usize) -> usize {
    let grain = Cost::Light.grain() / 2;
    let alone = Duration::from_nanos(len as u64 / 4);
    if len < 2 * SHARE || len > grain || threads::count() == 1 || !threads::awake(alone) {
        return grain;
    }
    len.div_ceil((len / SHARE).min(2 * threads::count()))
}

/// The elements of a small array worth a piece of their own.
const SHARE: usize = threads::work(1 << 12);

struct UpdateKernel<E, U, const N: usize> {
    rule: U,
    g: *const E,
    state: [*mut E; N],
    len: usize,
}

impl<E: Element, const N: usize, U: Update<E, N>> Kernel for UpdateKernel<E, U, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { rule, g, state, len } = self;
        let lanes = E::Vector::<S>::LANES;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let mut i = 0;
        while i < len {
            let count = lanes.min(len - i);
            let mut vectors = [zero; N];
            // SAFETY: `count` elements are left in every array, `lanes` of them in the first case.
            unsafe {
                if count == lanes {
                    let g = E::Vector::<S>::load_ptr(simd, g.add(i));
                    for j in 0..N {
                        vectors[j] = E::Vector::<S>::load_ptr(simd, state[j].add(i));
                    }
                    let new = rule.eval(g, vectors);
                    for j in 0..N {
                        new[j].store_ptr(state[j].add(i));
                    }
                } else {
                    let g = E::Vector::<S>::load_partial_ptr(simd, g.add(i), count);
                    for j in 0..N {
                        vectors[j] = E::Vector::<S>::load_partial_ptr(simd, state[j].add(i), count);
                    }
                    let new = rule.eval(g, vectors);
                    for j in 0..N {
                        new[j].store_partial_ptr(state[j].add(i), count);
                    }
                }
            }
            i += count;
        }
    }
}

/// The compiled kernels of an element type. Sealed with [`Element`].
#[doc(hidden)]
pub trait OptimKernels: Sized {
    fn sgd_kernel(w: &mut [Self], g: &[Self], lr: Self, weight_decay: Self);
    fn momentum_kernel(w: &mut [Self], g: &[Self], velocity: &mut [Self], rule: Momentum<Self>);
    fn adam_kernel(w: &mut [Self], g: &[Self], m: &mut [Self], v: &mut [Self], rule: Adam);
    fn amsgrad_kernel(state: [&mut [Self]; 4], g: &[Self], rule: Adam);
    fn rmsprop_kernel(w: &mut [Self], g: &[Self], mean: &mut [Self], rule: RmsProp<Self>);
}

macro_rules! optim_kernels {
    ($type:ty) => {
        impl OptimKernels for $type {
            fn sgd_kernel(w: &mut [Self], g: &[Self], lr: Self, weight_decay: Self) {
                update(SgdStep { lr, weight_decay }, g, [w]);
            }

            fn momentum_kernel(
                w: &mut [Self],
                g: &[Self],
                velocity: &mut [Self],
                rule: Momentum<Self>,
            ) {
                update(MomentumStep(rule), g, [w, velocity]);
            }

            fn adam_kernel(w: &mut [Self], g: &[Self], m: &mut [Self], v: &mut [Self], rule: Adam) {
                update(AdamStep::new(rule), g, [w, m, v]);
            }

            fn amsgrad_kernel(state: [&mut [Self]; 4], g: &[Self], rule: Adam) {
                update(AdamStep::new(rule), g, state);
            }

            fn rmsprop_kernel(w: &mut [Self], g: &[Self], mean: &mut [Self], rule: RmsProp<Self>) {
                update(RmsPropStep(rule), g, [w, mean]);
            }
        }
    };
}
optim_kernels!(f32);
optim_kernels!(f64);

/// One step of stochastic gradient descent: `w -= lr (g + weight_decay w)`.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn sgd_step<E: Element>(w: &mut [E], g: &[E], lr: E, weight_decay: E) {
    check_len("g", g.len(), w.len());
    E::sgd_kernel(w, g, lr, weight_decay);
}

/// One step of gradient descent with momentum.
///
/// With `d = g + weight_decay w` and `velocity = momentum velocity + (1 - dampening) d`:
/// `w -= lr velocity`, or with Nesterov's momentum `w -= lr (d + momentum velocity)`.
///
/// PyTorch does not dampen the very first step: pass `dampening` zero there to follow it.
///
/// ```
/// use wengert_kernels::optim::{Momentum, sgd_momentum_step};
/// let (mut w, mut velocity) = ([1.0], [0.0]);
/// let rule = Momentum { lr: 0.125, momentum: 0.5, ..Momentum::default() };
/// for _ in 0..2 {
///     sgd_momentum_step(&mut w, &[1.0], &mut velocity, rule);
/// }
/// assert_eq!((w, velocity), ([0.6875], [1.5]));
/// ```
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn sgd_momentum_step<E: Element>(w: &mut [E], g: &[E], velocity: &mut [E], rule: Momentum<E>) {
    check_len("g", g.len(), w.len());
    check_len("velocity", velocity.len(), w.len());
    E::momentum_kernel(w, g, velocity, rule);
}

/// One step of Adam or, with [`Adam::decoupled`], of AdamW.
///
/// Sources: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization" (2015); I. Loshchilov,
/// F. Hutter, "Decoupled weight decay regularization" (2019).
///
/// # Panics
/// If the slices differ in length, or `rule.step` is zero.
#[track_caller]
pub fn adam_step<E: Element>(w: &mut [E], g: &[E], m: &mut [E], v: &mut [E], rule: Adam) {
    check_len("g", g.len(), w.len());
    check_len("m", m.len(), w.len());
    check_len("v", v.len(), w.len());
    rule.check();
    E::adam_kernel(w, g, m, v, rule);
}

/// One step of AMSGrad: [`adam_step`] with the largest second moment so far, `v_max`, in place of
/// the second moment.
///
/// Source: S. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond" (2018).
///
/// # Panics
/// If the slices differ in length, or `rule.step` is zero.
#[track_caller]
pub fn amsgrad_step<E: Element>(
    w: &mut [E],
    g: &[E],
    m: &mut [E],
    v: &mut [E],
    v_max: &mut [E],
    rule: Adam,
) {
    check_len("g", g.len(), w.len());
    check_len("m", m.len(), w.len());
    check_len("v", v.len(), w.len());
    check_len("v_max", v_max.len(), w.len());
    rule.check();
    E::amsgrad_kernel([w, m, v, v_max], g, rule);
}

/// One step of RMSprop.
///
/// Source: T. Tieleman, G. Hinton, "Neural networks for machine learning", lecture 6.5 (2012).
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn rmsprop_step<E: Element>(w: &mut [E], g: &[E], mean: &mut [E], rule: RmsProp<E>) {
    check_len("g", g.len(), w.len());
    check_len("mean", mean.len(), w.len());
    E::rmsprop_kernel(w, g, mean, rule);
}
