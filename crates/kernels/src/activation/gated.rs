//! Gated linear units, products of two operands one of which goes through an activation: glu
//! (Y. Dauphin et al., "Language modeling with gated convolutional networks", 2017), swiglu and geglu
//! (N. Shazeer, "GLU variants improve transformer", 2020).

use crate::Element;
use crate::elementwise::Run;
use crate::simd::Lanes;
use crate::slices::{VectorFn, VectorFn2, check_len, zip};

use super::{Activation, backward};

/// A gated linear unit: the activation of one operand times the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gate {
    /// `x logistic(gate)`.
    Glu,
    /// `x silu(gate)`.
    Swiglu,
    /// `x gelu(gate)`, with the exact gelu.
    Geglu,
}

impl Gate {
    /// The activation the gate goes through.
    pub fn activation(self) -> Activation {
        match self {
            Self::Glu => Activation::Logistic,
            Self::Swiglu => Activation::Silu,
            Self::Geglu => Activation::Gelu,
        }
    }
}

/// `x f(gate)`.
#[derive(Clone, Copy)]
struct Gated<F>(F);

impl<E: Element, F: VectorFn<E>> VectorFn2<E> for Gated<F> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V, gate: V) -> V {
        x * self.0.eval(gate)
    }
}

pub(super) fn forward_kernel<E: Element>(unit: Gate, x: &[E], gate: &[E], out: &mut [E]) {
    let (x, gate) = (Run::Slice(x), Run::Slice(gate));
    match unit {
        Gate::Glu => zip(Gated(super::Logistic), x, gate, out),
        Gate::Swiglu => zip(Gated(super::Silu), x, gate, out),
        Gate::Geglu => zip(Gated(super::Gelu), x, gate, out),
    }
}

/// `out[i] = x[i] f(gate[i])`, the activation being rounded before it is multiplied.
///
/// ```
/// use wengert_kernels::activation::{Gate, gated};
/// let mut y = [0.0_f32; 2];
/// gated(Gate::Glu, &[2.0, 4.0], &[0.0, 100.0], &mut y);
/// assert_eq!(y, [1.0, 4.0]);
/// ```
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn gated<E: Element>(unit: Gate, x: &[E], gate: &[E], out: &mut [E]) {
    E::gated_kernel(unit, x, gate, out);
}

/// The gradients of [`gated`]: `gx[i] = gy[i] f(gate[i])` and `ggate[i] = (gy[i] f'(gate[i])) x[i]`,
/// rounded after each product.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn gated_backward<E: Element>(
    unit: Gate,
    gy: &[E],
    x: &[E],
    gate: &[E],
    gx: &mut [E],
    ggate: &mut [E],
) {
    check_len("gate", gate.len(), ggate.len());
    E::gated_kernel(unit, gy, gate, gx);
    check_len("x", x.len(), ggate.len());
    backward(unit.activation(), gy, gate, ggate);
    for (ggate, &x) in ggate.iter_mut().zip(x) {
        *ggate *= x;
    }
}
