//! The elementary functions and activations, each with an independent reference in f64.
//!
//! Shared by `tests/accuracy.rs` and the `ulp` example. The references are textbook formulas on the
//! f64 functions of the standard library and of the `libm` crate, arranged so that nothing cancels
//! (derivatives near their zeros by their Taylor series there). `accuracy.rs` holds every one against
//! `tests/data/reference.csv`, computed with 400 digits by `tools/reference.py`: the relative error
//! stays below `2^-36`, which is 0.0003 ULP of `f32`.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation};
use wengert_kernels::math;
use wengert_kernels::simd::Level;
use wengert_kernels::testing::ulp;

/// A function, its kernels, its reference, and how far they may be apart.
#[derive(Clone, Copy)]
pub struct Function {
    /// The name, also of the lines in the table of high precision.
    pub name: &'static str,
    /// The bound in ULP of `f32` on the levels with fused multiply-add, and on the portable one.
    pub bounds: [f64; 2],
    pub single: fn(&[f32], &mut [f32]),
    pub double: fn(&[f64], &mut [f64]),
    pub reference: fn(f64) -> f64,
}

impl Function {
    /// The bound on a level.
    pub fn bound(&self, level: Level) -> f64 {
        self.bounds[usize::from(level == Level::Portable)]
    }
}

/// The bounds of functions, and of those that are harder: composed ones and derivatives.
const BASIC: [f64; 2] = [1.0, 2.0];
const COMPOSED: [f64; 2] = [2.0, 3.0];

/// All functions.
pub const FUNCTIONS: &[Function] = &[
    math("exp", math::exp, math::exp, f64::exp),
    math("exp_m1", math::exp_m1, math::exp_m1, f64::exp_m1),
    math("log", math::log, math::log, f64::ln),
    math("log_1p", math::log_1p, math::log_1p, f64::ln_1p),
    composed("rsqrt", math::rsqrt, math::rsqrt, |x| 1.0 / x.sqrt()),
    math("sin", math::sin, math::sin, f64::sin),
    math("cos", math::cos, math::cos, f64::cos),
    composed("tan", math::tan, math::tan, f64::tan),
    math("erf", math::erf, math::erf, libm::erf),
    math("erfc", math::erfc, math::erfc, libm::erfc),
    math("logistic", math::logistic, math::logistic, logistic),
    math("tanh", math::tanh, math::tanh, f64::tanh),
    math("elu", |x, y| forward(ELU, x, y), |x, y| forward(ELU, x, y), elu),
    math(
        "selu",
        |x, y| forward(Activation::Selu, x, y),
        |x, y| forward(Activation::Selu, x, y),
        selu,
    ),
    math("celu", |x, y| forward(CELU, x, y), |x, y| forward(CELU, x, y), celu),
    math(
        "silu",
        |x, y| forward(Activation::Silu, x, y),
        |x, y| forward(Activation::Silu, x, y),
        silu,
    ),
    math("softplus", |x, y| forward(SOFTPLUS, x, y), |x, y| forward(SOFTPLUS, x, y), softplus),
    composed(
        "softplus_3",
        |x, y| forward(SOFTPLUS_3, x, y),
        |x, y| forward(SOFTPLUS_3, x, y),
        |x| softplus(3.0 * x) / 3.0,
    ),
    math(
        "softsign",
        |x, y| forward(Activation::Softsign, x, y),
        |x, y| forward(Activation::Softsign, x, y),
        softsign,
    ),
    math(
        "log_sigmoid",
        |x, y| forward(Activation::LogSigmoid, x, y),
        |x, y| forward(Activation::LogSigmoid, x, y),
        |x| -softplus(-x),
    ),
    composed(
        "hard_sigmoid",
        |x, y| forward(Activation::HardSigmoid, x, y),
        |x, y| forward(Activation::HardSigmoid, x, y),
        hard_sigmoid,
    ),
    composed(
        "hard_swish",
        |x, y| forward(Activation::HardSwish, x, y),
        |x, y| forward(Activation::HardSwish, x, y),
        hard_swish,
    ),
    composed(
        "tanhshrink",
        |x, y| forward(Activation::Tanhshrink, x, y),
        |x, y| forward(Activation::Tanhshrink, x, y),
        tanhshrink,
    ),
    composed(
        "gelu",
        |x, y| forward(Activation::Gelu, x, y),
        |x, y| forward(Activation::Gelu, x, y),
        gelu,
    ),
    composed(
        "gelu_tanh",
        |x, y| forward(Activation::GeluTanh, x, y),
        |x, y| forward(Activation::GeluTanh, x, y),
        gelu_tanh,
    ),
    composed(
        "mish",
        |x, y| forward(Activation::Mish, x, y),
        |x, y| forward(Activation::Mish, x, y),
        mish,
    ),
    composed(
        "logistic_grad",
        |x, y| gradient(Activation::Logistic, x, y),
        |x, y| gradient(Activation::Logistic, x, y),
        |x| logistic(x) * logistic(-x),
    ),
    composed(
        "tanh_grad",
        |x, y| gradient(Activation::Tanh, x, y),
        |x, y| gradient(Activation::Tanh, x, y),
        |x| 1.0 / x.cosh().powi(2),
    ),
    composed(
        "elu_grad",
        |x, y| gradient(ELU, x, y),
        |x, y| gradient(ELU, x, y),
        |x| if x > 0.0 { 1.0 } else { x.exp() },
    ),
    composed(
        "selu_grad",
        |x, y| gradient(Activation::Selu, x, y),
        |x, y| gradient(Activation::Selu, x, y),
        |x| SELU_SCALE * if x > 0.0 { 1.0 } else { SELU_ALPHA * x.exp() },
    ),
    composed(
        "celu_grad",
        |x, y| gradient(CELU, x, y),
        |x, y| gradient(CELU, x, y),
        |x| if x > 0.0 { 1.0 } else { (x / 3.0).exp() },
    ),
    composed(
        "silu_grad",
        |x, y| gradient(Activation::Silu, x, y),
        |x, y| gradient(Activation::Silu, x, y),
        silu_grad,
    ),
    composed(
        "softplus_grad",
        |x, y| gradient(SOFTPLUS, x, y),
        |x, y| gradient(SOFTPLUS, x, y),
        logistic,
    ),
    composed(
        "softplus_3_grad",
        |x, y| gradient(SOFTPLUS_3, x, y),
        |x, y| gradient(SOFTPLUS_3, x, y),
        |x| logistic(3.0 * x),
    ),
    composed(
        "softsign_grad",
        |x, y| gradient(Activation::Softsign, x, y),
        |x, y| gradient(Activation::Softsign, x, y),
        |x| 1.0 / (1.0 + x.abs()).powi(2),
    ),
    composed(
        "log_sigmoid_grad",
        |x, y| gradient(Activation::LogSigmoid, x, y),
        |x, y| gradient(Activation::LogSigmoid, x, y),
        |x| logistic(-x),
    ),
    composed(
        "hard_swish_grad",
        |x, y| gradient(Activation::HardSwish, x, y),
        |x, y| gradient(Activation::HardSwish, x, y),
        hard_swish_grad,
    ),
    composed(
        "tanhshrink_grad",
        |x, y| gradient(Activation::Tanhshrink, x, y),
        |x, y| gradient(Activation::Tanhshrink, x, y),
        |x| x.tanh().powi(2),
    ),
    composed(
        "gelu_grad",
        |x, y| gradient(Activation::Gelu, x, y),
        |x, y| gradient(Activation::Gelu, x, y),
        gelu_grad,
    ),
    composed(
        "gelu_tanh_grad",
        |x, y| gradient(Activation::GeluTanh, x, y),
        |x, y| gradient(Activation::GeluTanh, x, y),
        gelu_tanh_grad,
    ),
    composed(
        "mish_grad",
        |x, y| gradient(Activation::Mish, x, y),
        |x, y| gradient(Activation::Mish, x, y),
        mish_grad,
    ),
];

/// A line of the table of high precision.
#[derive(Clone, Copy)]
pub struct Line {
    pub name: &'static str,
    pub x: f64,
    pub value: [f64; 2],
}

/// The table of high precision.
pub fn table() -> Vec<Line> {
    include_str!("../data/reference.csv")
        .lines()
        .map(|line| {
            let mut fields = line.split(',');
            let name = fields.next().expect("a name");
            let mut number = || {
                let field = fields.next().expect("four fields");
                f64::from_bits(u64::from_str_radix(field, 16).expect("hexadecimal"))
            };
            Line { name, x: number(), value: [number(), number()] }
        })
        .collect()
}

/// The lines of a function.
pub fn lines_of(function: &Function) -> impl Iterator<Item = Line> {
    table().into_iter().filter(|line| line.name == function.name)
}

/// The largest error in ULP of f64 on the current level, its argument and what was given there.
pub fn worst_double(function: &Function, lines: &[Line]) -> (f64, f64, f64) {
    let x: Vec<f64> = lines.iter().map(|line| line.x).collect();
    let mut y = vec![0.0; x.len()];
    (function.double)(&x, &mut y);
    let errors = lines.iter().zip(&y).map(|(line, &y)| {
        let [hi, lo] = line.value;
        (ulp::error(y, hi, lo), line.x, y)
    });
    errors.fold((0.0, 0.0, 0.0), |a, b| if b.0 > a.0 { b } else { a })
}

const ELU: Activation = Activation::Elu { alpha: 1.0 };
const CELU: Activation = Activation::Celu { alpha: 3.0 };
const SOFTPLUS: Activation = Activation::Softplus { beta: 1.0 };
const SOFTPLUS_3: Activation = Activation::Softplus { beta: 3.0 };

const fn math(
    name: &'static str,
    single: fn(&[f32], &mut [f32]),
    double: fn(&[f64], &mut [f64]),
    reference: fn(f64) -> f64,
) -> Function {
    Function { name, bounds: BASIC, single, double, reference }
}

const fn composed(
    name: &'static str,
    single: fn(&[f32], &mut [f32]),
    double: fn(&[f64], &mut [f64]),
    reference: fn(f64) -> f64,
) -> Function {
    Function { name, bounds: COMPOSED, single, double, reference }
}

fn forward<E: Element>(act: Activation, x: &[E], y: &mut [E]) {
    activation::forward(act, x, y);
}

/// The derivative, as the gradient for an upstream gradient of one.
fn gradient<E: Element>(act: Activation, x: &[E], y: &mut [E]) {
    activation::backward(act, &vec![E::ONE; x.len()], x, y);
}

fn logistic(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

fn elu(x: f64) -> f64 {
    if x > 0.0 { x } else { x.exp_m1() }
}

const SELU_SCALE: f64 = 1.0507009873554804934193349852946;
const SELU_ALPHA: f64 = 1.6732632423543772848170429916717;

fn selu(x: f64) -> f64 {
    SELU_SCALE * if x > 0.0 { x } else { SELU_ALPHA * x.exp_m1() }
}

fn celu(x: f64) -> f64 {
    if x > 0.0 { x } else { 3.0 * (x / 3.0).exp_m1() }
}

/// `x f(x)` where the factor may vanish: the limit at negative infinity is zero.
fn weighted(x: f64, factor: f64) -> f64 {
    if factor == 0.0 { 0.0_f64.copysign(x) } else { x * factor }
}

fn silu(x: f64) -> f64 {
    weighted(x, logistic(x))
}

fn softplus(x: f64) -> f64 {
    if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }
}

fn softsign(x: f64) -> f64 {
    if x.is_infinite() { x.signum() } else { x / (1.0 + x.abs()) }
}

fn hard_sigmoid(x: f64) -> f64 {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
}

fn hard_swish(x: f64) -> f64 {
    weighted(x, hard_sigmoid(x))
}

fn hard_swish_grad(x: f64) -> f64 {
    if x <= -3.0 {
        0.0
    } else if x >= 3.0 {
        1.0
    } else {
        (2.0 * x + 3.0) / 6.0
    }
}

/// By its series where the difference cancels.
fn tanhshrink(x: f64) -> f64 {
    if x.abs() > 0.1 {
        return x - x.tanh();
    }
    let w = x * x;
    let series = 1.0 / 3.0
        - w * (2.0 / 15.0
            - w * (17.0 / 315.0
                - w * (62.0 / 2835.0 - w * (1382.0 / 155_925.0 - w * (21844.0 / 6_081_075.0)))));
    x * w * series
}

fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

fn gelu(x: f64) -> f64 {
    weighted(x, normal(x))
}

/// Twice the argument of the hyperbolic tangent in gelu's tanh form, and its derivative.
fn gelu_tanh_argument(x: f64) -> (f64, f64) {
    let scale = 2.0 * (2.0 / PI).sqrt();
    (scale * x * (1.0 + 0.044715 * x * x), scale * (1.0 + 3.0 * 0.044715 * x * x))
}

fn gelu_tanh(x: f64) -> f64 {
    weighted(x, logistic(gelu_tanh_argument(x).0))
}

fn mish(x: f64) -> f64 {
    weighted(x, x.exp().ln_1p().tanh())
}

/// A derivative's zero (a number and what it lacks) and its Taylor coefficients there, from the first
/// power on, as `tools/reference.py` prints them.
struct Root([f64; 2], [f64; 5]);

impl Root {
    /// The Taylor polynomial near the zero, and `far` elsewhere.
    fn or(&self, x: f64, far: impl Fn(f64) -> f64) -> f64 {
        let d = (x - self.0[0]) - self.0[1];
        if d.abs() < 1e-3 { d * self.1.iter().rev().fold(0.0, |y, c| y * d + c) } else { far(x) }
    }
}

fn silu_grad(x: f64) -> f64 {
    let root = Root(
        [-1.2784645427610737, -1.0946994183093437e-16],
        [
            0.2178117057198001,
            0.1466487969969469,
            0.018874814223782312,
            -0.015222655223188032,
            -0.006606589138356696,
        ],
    );
    root.or(x, |x| {
        let (s, rest) = (logistic(x), logistic(-x));
        if s == 0.0 || rest == 0.0 { s } else { s * (1.0 + x * rest) }
    })
}

fn gelu_grad(x: f64) -> f64 {
    let root = Root(
        [-0.7517915246935645, 1.4956759177009883e-17],
        [
            0.4314939923140469,
            0.388284982990552,
            -0.018199676398671087,
            -0.1140082332972217,
            -0.014771522148244337,
        ],
    );
    root.or(x, |x| normal(x) + weighted(x, (-0.5 * x * x).exp() / (2.0 * PI).sqrt()))
}

fn gelu_tanh_grad(x: f64) -> f64 {
    let root = Root(
        [-0.7524614220710163, 3.635560509207687e-17],
        [
            0.4304000910248585,
            0.38751844613578895,
            -0.01578285352184803,
            -0.11394448308095899,
            -0.01661932834305256,
        ],
    );
    root.or(x, |x| {
        let (y, slope) = gelu_tanh_argument(x);
        let (s, rest) = (logistic(y), logistic(-y));
        if s == 0.0 || rest == 0.0 { s } else { s * (1.0 + x * rest * slope) }
    })
}

fn mish_grad(x: f64) -> f64 {
    let root = Root(
        [-1.1924312145154952, -4.8484829848031044e-17],
        [
            0.2669479140495345,
            0.20473126408010586,
            0.04190782104360987,
            -0.020271822716684245,
            -0.01582112656173338,
        ],
    );
    root.or(x, |x| {
        if x > 60.0 {
            return 1.0;
        }
        let w = x.exp();
        let omega = 4.0 * (x + 1.0) + w * (4.0 * x + 6.0) + 4.0 * w * w + w.powi(3);
        weighted(omega, w) / (w * w + 2.0 * w + 2.0).powi(2)
    })
}
