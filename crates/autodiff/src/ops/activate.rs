//! `y = f(x)` for an activation `f` of the kernel crate; the cotangent is `gy f'(x)`, computed by
//! the fused kernel of [`activate_grad`](super::activate_grad) from what the activation saves.
//!
//! An activation is one row of the table below: the doc and the name of its entry, and its second
//! derivative.

use std::f64::consts::PI;

use wengert_kernels::Element;
use wengert_kernels::activation::{Activation, ActivationError, Saved};
#[cfg(any(test, feature = "testing"))]
use wengert_kernels::testing::activation::{slope, value};

use super::activate_grad::{ActivateGrad, constant, derivative, logistic_curvature};
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row, Sampler};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Activate {
    pub(crate) activation: Activation,
}

impl<E: Element> Op<E> for Activate {
    fn name(&self) -> &'static str {
        self.activation.name()
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        check::<E>(self.activation.name(), self.activation)?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_map(ctx, inputs[0], self.activation)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let saved = match self.activation.saves() {
            Saved::Output => node.output(),
            Saved::Input => node.input(0),
        };
        let op = ActivateGrad { activation: self.activation };
        cotangents([Some(node.tape().apply(op, &[node.gy(), saved])?)])
    }
}

/// Whether the numbers of an activation, which `op` applies, lie in their domains.
pub(super) fn check<E: Element>(op: &'static str, activation: Activation) -> Result<()> {
    let refused = |error: ActivationError| Error::Argument { op, message: error.to_string() };
    activation.check_in::<E>().map_err(refused)
}

entry! {
    /// An activation, element by element.
    activate / try_activate(x; activation: Activation) = Activate { activation }
}

/// Defines the entries of the activations, [`curvature`] and [`ROWS`], from a row for each: the
/// entry, and the second derivative as an expression of recorded operations on what the activation
/// saves, `None` where it is zero. It may use the activation's numbers, `E` and `?`.
macro_rules! activations {
    ($(
        $(#[$doc:meta])*
        $name:ident / $try_name:ident(x $(; $($number:ident: f64),+)?) = $activation:ident;
        |$x:pat_param| $second:expr;
    )+) => {
        $(entry! {
            $(#[$doc])*
            $name / $try_name(x $(; $($number: f64),+)?) =
                Activate { activation: Activation::$activation $({ $($number),+ })? }
        })+

        // The identity is the one activation without an entry.
        const _: () = assert!(
            1 + [$(stringify!($name)),+].len() == Activation::ALL.len(),
            "an activation of the kernel crate has no row here"
        );

        /// The derivative of `f'` as a function of what the activation saves; `None` is zero. It is
        /// composed of recorded operations, so that it has derivatives of its own.
        #[allow(unused_variables, reason = "a second derivative need not depend on the numbers")]
        pub(super) fn curvature<E: Element>(
            activation: Activation,
            saved: Var<'_, E>,
        ) -> Result<Option<Var<'_, E>>> {
            Ok(match activation {
                Activation::Identity => None,
                $(Activation::$activation $({ $($number),+ })? => {
                    let $x = saved;
                    $second
                })+
                other => unreachable!("{other} has a row, as the assertion above counts"),
            })
        }

        /// A row for each activation.
        #[cfg(any(test, feature = "testing"))]
        pub(crate) const ROWS: &[Row] = &[
            row("identity", |s| case(s, "identity")),
            $(row(stringify!($name), |s| case(s, stringify!($name)))),+
        ];

        /// A row for the derivative of each activation.
        #[cfg(any(test, feature = "testing"))]
        pub(crate) const GRAD_ROWS: &[Row] = &[
            row("identity_grad", |s| grad_case(s, "identity")),
            $(row(concat!(stringify!($name), "_grad"), |s| grad_case(s, stringify!($name)))),+
        ];
    };
}

activations! {
    /// The logistic function `1 / (1 + e^-x)` of each element.
    logistic / try_logistic(x) = Logistic;
    |x| Some(derivative(Activation::Logistic, x)? * logistic_curvature(x));

    /// The hyperbolic tangent of each element.
    tanh / try_tanh(x) = Tanh;
    |x| Some(x.tanh() * derivative(Activation::Tanh, x)? * E::from_f64(-2.0));

    /// `max(0, x)` of each element. The derivative at 0 is 0.
    relu / try_relu(x) = Relu;
    |_| None;

    /// `x` where positive, `slope x` elsewhere. The derivative at 0 is the slope.
    leaky_relu / try_leaky_relu(x; slope: f64) = LeakyRelu;
    |_| None;

    /// `min(max(x, 0), 6)` of each element. The derivative at 0 and 6 is 0.
    relu6 / try_relu6(x) = Relu6;
    |_| None;

    /// `x` where positive, `alpha (e^x - 1)` elsewhere.
    elu / try_elu(x; alpha: f64) = Elu;
    |x| {
        let below = constant(x, |x| if x <= 0.0 { 1.0 } else { 0.0 })?;
        Some(derivative(Activation::Elu { alpha }, x)? * below)
    };

    /// The self-normalizing `scale x` where positive, `scale alpha (e^x - 1)` elsewhere.
    selu / try_selu(x) = Selu;
    |x| {
        let below = constant(x, |x| if x <= 0.0 { 1.0 } else { 0.0 })?;
        Some(derivative(Activation::Selu, x)? * below)
    };

    /// `x` where positive, `alpha (e^(x / alpha) - 1)` elsewhere.
    celu / try_celu(x; alpha: f64) = Celu;
    |x| {
        let below = constant(x, |x| if x <= 0.0 { 1.0 / alpha } else { 0.0 })?;
        Some(derivative(Activation::Celu { alpha }, x)? * below)
    };

    /// `x Phi(x)` of each element, with the standard normal distribution `Phi`.
    gelu / try_gelu(x) = Gelu;
    |x| {
        // phi(x) (2 - x^2)
        let x = within(x, 40.0);
        let square = x * x;
        let density =
            (square * E::from_f64(-0.5)).exp() * E::from_f64((2.0 * PI).sqrt().recip());
        Some(density * (square * E::from_f64(-1.0) + E::from_f64(2.0)))
    };

    /// Gelu in its tanh form, `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    gelu_tanh / try_gelu_tanh(x) = GeluTanh;
    |x| {
        // With y = a x + b x^3: 2 s' y' + x (s'' y'^2 + s' y'').
        let x = within(x, 40.0);
        let a = 2.0 * (2.0 / PI).sqrt();
        let b = 0.044715 * a;
        let square = x * x;
        let y = x * (square * E::from_f64(b) + E::from_f64(a));
        let y1 = square * E::from_f64(3.0 * b) + E::from_f64(a);
        let s1 = derivative(Activation::Logistic, y)?;
        let curve = logistic_curvature(y) * y1 * y1 + x * E::from_f64(6.0 * b);
        Some(s1 * (y1 * E::from_f64(2.0) + x * curve))
    };

    /// `x / (1 + e^-x)` of each element.
    silu / try_silu(x) = Silu;
    |x| {
        // 2 s' + x s''
        let x = within(x, 800.0);
        let s1 = derivative(Activation::Logistic, x)?;
        Some(s1 * (x * logistic_curvature(x) + E::from_f64(2.0)))
    };

    /// `x tanh(ln(1 + e^x))` of each element.
    mish / try_mish(x) = Mish;
    |x| {
        // With t = tanh(p) and p = softplus(x): 2 t' + x t''.
        let x = within(x, 800.0);
        let p = x.softplus(1.0);
        let (t, d) = (p.tanh(), derivative(Activation::Tanh, p)?);
        let (s, s1) = (x.logistic(), derivative(Activation::Logistic, x)?);
        let t1 = d * s;
        let t2 = d * s1 - t * t1 * s * E::from_f64(2.0);
        Some(t1 * E::from_f64(2.0) + x * t2)
    };

    /// `ln(1 + e^(beta x)) / beta` of each element; accurate everywhere, with no threshold.
    softplus / try_softplus(x; beta: f64) = Softplus;
    |x| {
        let beta = E::from_f64(beta);
        Some(derivative(Activation::Logistic, x * beta)? * beta)
    };

    /// `x / (1 + |x|)` of each element.
    softsign / try_softsign(x) = Softsign;
    |x| {
        // -2 sign(x) / (1 + |x|)^3
        let sign = constant(x, f64::signum)?;
        let once = x * sign + E::ONE;
        Some(sign * E::from_f64(-2.0) / (once * once * once))
    };

    /// `min(max(x + 3, 0), 6) / 6` of each element. The derivative at -3 and 3 is 0.
    hard_sigmoid / try_hard_sigmoid(x) = HardSigmoid;
    |_| None;

    /// `x min(max(x + 3, 0), 6) / 6` of each element. The derivative is 0 at -3 and 1 at 3.
    hard_swish / try_hard_swish(x) = HardSwish;
    |x| Some(constant(x, |x| if x.abs() < 3.0 { 1.0 / 3.0 } else { 0.0 })?);

    /// `min(max(x, min), max)` of each element. The derivative at the ends is 0.
    hard_tanh / try_hard_tanh(x; min: f64, max: f64) = HardTanh;
    |_| None;

    /// `ln(1 / (1 + e^-x))` of each element.
    log_sigmoid / try_log_sigmoid(x) = LogSigmoid;
    |x| Some(-derivative(Activation::Logistic, x)?);

    /// `x - lambda` beyond `lambda`, `x + lambda` below `-lambda`, else 0. The derivative at the
    /// ends is 0.
    softshrink / try_softshrink(x; lambda: f64) = Softshrink;
    |_| None;

    /// `x - tanh x` of each element.
    tanhshrink / try_tanhshrink(x) = Tanhshrink;
    |x| {
        let x = within(x, 800.0);
        Some(x.tanh() * derivative(Activation::Tanh, x)? * E::from_f64(2.0))
    };
}

/// `x`, bounded by `far` in magnitude: beyond it a curvature is zero, and where its formula would
/// multiply a zero by an infinity.
fn within<E: Element>(x: Var<'_, E>, far: f64) -> Var<'_, E> {
    x.hard_tanh(-far, far)
}

#[cfg(any(test, feature = "testing"))]
const fn row(name: &'static str, sample: fn(&mut Sampler) -> Case) -> Row {
    Row { name, order: 2, reorders: false, sample }
}

/// The activation of a name, with numbers that differ from one another and from the defaults.
#[cfg(any(test, feature = "testing"))]
fn named(name: &str) -> Activation {
    let mut all = Activation::IN_TESTS.into_iter();
    all.find(|activation| activation.name() == name).expect("an activation")
}

/// A tensor away from the kinks of an activation, on all sides of each.
#[cfg(any(test, feature = "testing"))]
fn operand(s: &mut Sampler, activation: Activation, shape: &Shape) -> Tensor<f64> {
    let avoid = [activation.kinks(), activation.bends()].concat();
    if avoid.is_empty() {
        s.tensor(shape, &Domain::REAL)
    } else {
        s.tensor(shape, &Domain { low: -5.0, high: 8.0, avoid: &avoid, margin: 0.25 })
    }
}

#[cfg(any(test, feature = "testing"))]
fn case(s: &mut Sampler, name: &str) -> Case {
    let (activation, shape) = (named(name), s.shape());
    let x = operand(s, activation, &shape);
    Case::new(Activate { activation }, vec![x], move |x| x[0].map(|x| value(activation, x)))
}

/// `gy f'(s)`. Where the activation saves its output, its derivative there is that at the input.
#[cfg(any(test, feature = "testing"))]
fn grad_case(s: &mut Sampler, name: &str) -> Case {
    let (activation, shape) = (named(name), s.shape());
    let inputs = vec![s.tensor(&shape, &Domain::REAL), operand(s, activation, &shape)];
    Case::new(ActivateGrad { activation }, inputs, move |x| {
        Dense::zip(&x[0], &x[1], |gy, s| gy * slope(activation, s))
    })
}
