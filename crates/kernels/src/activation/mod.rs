//! Activation functions: the values, and gradients fused with the upstream gradient.
//!
//! What does not belong here: elementary functions that are no activation (see [`crate::math`]),
//! and reductions such as softmax.

mod rectifier;

pub use crate::math::{Logistic, Tanh};
pub use rectifier::{LeakyRelu, Relu};

use std::fmt;

use crate::Element;
use crate::simd::{Lanes, Simd};
use crate::slices::{Run, VectorFn, VectorFn2, map, zip};

/// An activation function.
///
/// ```
/// use wengert_kernels::activation::{self, Activation};
/// let mut y = [-1.0_f32, 2.0];
/// activation::forward_in_place(Activation::leaky_relu(0.125)?, &mut y);
/// assert_eq!(y, [-0.125, 2.0]);
/// # Ok::<(), activation::SlopeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// `y = x`.
    #[default]
    Identity,
    /// `y = 1 / (1 + e^-x)`.
    Logistic,
    /// `y = tanh x`.
    Tanh,
    /// `y = max(x, 0)`; the derivative at zero is 0.
    Relu,
    /// `y = x` for positive `x`, else `slope * x`; the derivative at zero is the slope. Made by
    /// [`Activation::leaky_relu`], which checks the slope.
    LeakyRelu {
        /// The slope for negative arguments, in `[0, 1)`.
        slope: f64,
    },
}

/// A slope of a leaky rectifier outside `[0, 1)`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "a leaky rectifier was asked for with slope {slope}, but its slope must be at least 0 and \
     below 1: its derivative is told from its output"
)]
pub struct SlopeError {
    /// What was asked for.
    pub slope: f64,
}

/// What an activation's [`backward`] wants to see again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The function's output.
    Output,
    /// The function's input.
    Input,
}

impl Activation {
    /// A leaky rectifier.
    ///
    /// # Errors
    /// If the slope is not in `[0, 1)`.
    pub fn leaky_relu(slope: f64) -> Result<Self, SlopeError> {
        if (0.0..1.0).contains(&slope) {
            Ok(Self::LeakyRelu { slope })
        } else {
            Err(SlopeError { slope })
        }
    }

    /// What [`backward`] takes as `saved`.
    pub fn saves(&self) -> Saved {
        match self {
            Self::Identity | Self::Logistic | Self::Tanh | Self::Relu | Self::LeakyRelu { .. } => {
                Saved::Output
            }
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("identity"),
            Self::Logistic => f.write_str("logistic"),
            Self::Tanh => f.write_str("tanh"),
            Self::Relu => f.write_str("relu"),
            Self::LeakyRelu { slope } => write!(f, "leaky_relu({slope})"),
        }
    }
}

/// `y = x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

impl<E: Element> VectorFn<E> for Identity {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x
    }
}

/// `gy * y (1 - y)`.
#[derive(Clone, Copy, Debug)]
struct LogisticGrad;

impl<E: Element> VectorFn2<E> for LogisticGrad {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, gy: V, y: V) -> V {
        gy * (y * (y.lit(E::ONE) - y))
    }
}

/// `gy * (1 - y^2)`.
#[derive(Clone, Copy, Debug)]
struct TanhGrad;

impl<E: Element> VectorFn2<E> for TanhGrad {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, gy: V, y: V) -> V {
        let one = y.lit(E::ONE);
        if <V::Token as Simd>::FUSED {
            gy * y.neg_mul_add(y, one)
        } else {
            gy * ((one - y) * (one + y))
        }
    }
}

/// The compiled kernels of an element type. Sealed with [`Element`].
pub trait ActivationKernels: Sized {
    /// `out = act(x)`, or `act(out)` where `x` is `None`.
    #[doc(hidden)]
    fn activation_kernel(act: Activation, x: Option<&[Self]>, out: &mut [Self]);

    /// `out = gy * act'`.
    #[doc(hidden)]
    fn activation_grad_kernel(act: Activation, gy: &[Self], saved: &[Self], out: &mut [Self]);
}

macro_rules! activation_kernels {
    ($type:ty) => {
        impl ActivationKernels for $type {
            #[track_caller]
            fn activation_kernel(act: Activation, x: Option<&[Self]>, out: &mut [Self]) {
                match act {
                    Activation::Identity => map(Identity, x, out),
                    Activation::Logistic => map(Logistic, x, out),
                    Activation::Tanh => map(Tanh, x, out),
                    Activation::Relu => map(Relu, x, out),
                    Activation::LeakyRelu { slope } => {
                        map(LeakyRelu::new(Self::from_f64(slope)), x, out);
                    }
                }
            }

            #[track_caller]
            fn activation_grad_kernel(
                act: Activation,
                gy: &[Self],
                saved: &[Self],
                out: &mut [Self],
            ) {
                let (gy, y) = (Run::Slice(gy), Run::Slice(saved));
                match act {
                    Activation::Identity => zip(rectifier::First, gy, y, out),
                    Activation::Logistic => zip(LogisticGrad, gy, y, out),
                    Activation::Tanh => zip(TanhGrad, gy, y, out),
                    Activation::Relu => zip(rectifier::ReluGrad, gy, y, out),
                    Activation::LeakyRelu { slope } => {
                        zip(rectifier::LeakyReluGrad::new(Self::from_f64(slope)), gy, y, out);
                    }
                }
            }
        }
    };
}
activation_kernels!(f32);
activation_kernels!(f64);

/// `out[i] = act(x[i])`.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn forward<E: Element>(act: Activation, x: &[E], out: &mut [E]) {
    E::activation_kernel(act, Some(x), out);
}

/// `x[i] = act(x[i])`.
pub fn forward_in_place<E: Element>(act: Activation, x: &mut [E]) {
    E::activation_kernel(act, None, x);
}

/// `out[i] = gy[i] * act'`, the derivative being told from what [`Activation::saves`] names.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn backward<E: Element>(act: Activation, gy: &[E], saved: &[E], out: &mut [E]) {
    E::activation_grad_kernel(act, gy, saved, out);
}
