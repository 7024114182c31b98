//! The operations a chain can be made of.

use crate::Element;
use crate::activation::{self, Activation};
use crate::elementwise::{Binary, Run, Simple};
use crate::math::{self, Unary};

/// An elementwise operation of one operand.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Function1<E> {
    /// A handful of instructions.
    Simple(Simple<E>),
    /// An elementary function.
    Unary(Unary),
    /// An activation.
    Activation(Activation),
    /// The power with this exponent, as [`pow`](math::pow).
    Power(E),
}

/// An elementwise operation of two operands.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Function2 {
    /// A handful of instructions.
    Binary(Binary),
    /// The first to the power of the second, as [`pow`](math::pow).
    Pow,
    /// The angle of a point, as [`atan2`](math::atan2).
    Atan2,
    /// The first times an activation's derivative at the second, as
    /// [`backward`](activation::backward).
    Derivative(Activation),
}

impl<E> From<Simple<E>> for Function1<E> {
    fn from(simple: Simple<E>) -> Self {
        Self::Simple(simple)
    }
}

impl<E> From<Unary> for Function1<E> {
    fn from(unary: Unary) -> Self {
        Self::Unary(unary)
    }
}

impl<E> From<Activation> for Function1<E> {
    fn from(activation: Activation) -> Self {
        Self::Activation(activation)
    }
}

impl From<Binary> for Function2 {
    fn from(binary: Binary) -> Self {
        Self::Binary(binary)
    }
}

impl<E: Element> Function1<E> {
    /// `out[i] = f(x[i])`.
    ///
    /// # Panics
    /// If the slices differ in length, or a number of the activation is outside its domain.
    #[inline]
    #[track_caller]
    pub fn apply(self, x: &[E], out: &mut [E]) {
        match self {
            Self::Simple(simple) => E::simple_kernel(simple, x, out),
            Self::Unary(unary) => E::unary_kernel(unary, x, out),
            Self::Activation(activation) => activation::forward(activation, x, out),
            Self::Power(exponent) => math::pow(Run::Slice(x), Run::Splat(exponent), out),
        }
    }
}

impl Function2 {
    /// `out[i] = f(a[i], b[i])`.
    ///
    /// # Panics
    /// If an operand's length is not the output's, or a number of the activation is outside its
    /// domain.
    #[inline]
    #[track_caller]
    pub fn apply<E: Element>(self, a: Run<'_, E>, b: Run<'_, E>, out: &mut [E]) {
        match self {
            Self::Binary(binary) => E::binary_kernel(binary, a, b, out),
            Self::Pow => math::pow(a, b, out),
            Self::Atan2 => math::atan2(a, b, out),
            Self::Derivative(activation) => derivative(activation, a, b, out),
        }
    }
}

/// [`activation::backward`], of which an operand may be one number for all elements.
#[track_caller]
fn derivative<E: Element>(
    activation: Activation,
    gy: Run<'_, E>,
    saved: Run<'_, E>,
    out: &mut [E],
) {
    const PIECE: usize = 512;
    if let (Run::Slice(gy), Run::Slice(saved)) = (gy, saved) {
        return activation::backward(activation, gy, saved, out);
    }
    gy.check("gy", out.len());
    saved.check("saved", out.len());
    let repeated = |x: Run<'_, E>| match x {
        Run::Splat(x) => [x; PIECE],
        Run::Slice(_) => [E::ZERO; PIECE],
    };
    let (many_gy, many_saved) = (repeated(gy), repeated(saved));
    let mut start = 0;
    for out in out.chunks_mut(PIECE) {
        let range = start..start + out.len();
        let gy = if let Run::Slice(x) = gy { &x[range.clone()] } else { &many_gy[..out.len()] };
        let saved =
            if let Run::Slice(x) = saved { &x[range.clone()] } else { &many_saved[..out.len()] };
        activation::backward(activation, gy, saved, out);
        start = range.end;
    }
}
