//! The elementary functions and activations, each with an independent reference in f64.
//!
//! Shared by `tests/accuracy.rs` and the `ulp` example. The references are those of
//! `wengert_kernels::testing::activation`, of the standard library and of the `libm` crate.
//! `accuracy.rs` compares each with `tests/data/reference.csv`, computed with 400 digits by
//! `tools/reference.py`: the relative error stays below `2^-36`, which is 0.0003 ULP of `f32`.

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation};
use wengert_kernels::math;
use wengert_kernels::simd::Level;
use wengert_kernels::testing::activation::{slope, value};
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
    math("logistic", math::logistic, math::logistic, |x| value(Activation::Logistic, x)),
    math("tanh", math::tanh, math::tanh, f64::tanh),
    math("elu", |x, y| forward(ELU, x, y), |x, y| forward(ELU, x, y), |x| value(ELU, x)),
    math(
        "selu",
        |x, y| forward(Activation::Selu, x, y),
        |x, y| forward(Activation::Selu, x, y),
        |x| value(Activation::Selu, x),
    ),
    math("celu", |x, y| forward(CELU, x, y), |x, y| forward(CELU, x, y), |x| value(CELU, x)),
    math(
        "silu",
        |x, y| forward(Activation::Silu, x, y),
        |x, y| forward(Activation::Silu, x, y),
        |x| value(Activation::Silu, x),
    ),
    math(
        "softplus",
        |x, y| forward(SOFTPLUS, x, y),
        |x, y| forward(SOFTPLUS, x, y),
        |x| value(SOFTPLUS, x),
    ),
    composed(
        "softplus_3",
        |x, y| forward(SOFTPLUS_3, x, y),
        |x, y| forward(SOFTPLUS_3, x, y),
        |x| value(SOFTPLUS_3, x),
    ),
    math(
        "softsign",
        |x, y| forward(Activation::Softsign, x, y),
        |x, y| forward(Activation::Softsign, x, y),
        |x| value(Activation::Softsign, x),
    ),
    math(
        "log_sigmoid",
        |x, y| forward(Activation::LogSigmoid, x, y),
        |x, y| forward(Activation::LogSigmoid, x, y),
        |x| value(Activation::LogSigmoid, x),
    ),
    composed(
        "hard_sigmoid",
        |x, y| forward(Activation::HardSigmoid, x, y),
        |x, y| forward(Activation::HardSigmoid, x, y),
        |x| value(Activation::HardSigmoid, x),
    ),
    composed(
        "hard_swish",
        |x, y| forward(Activation::HardSwish, x, y),
        |x, y| forward(Activation::HardSwish, x, y),
        |x| value(Activation::HardSwish, x),
    ),
    composed(
        "tanhshrink",
        |x, y| forward(Activation::Tanhshrink, x, y),
        |x, y| forward(Activation::Tanhshrink, x, y),
        |x| value(Activation::Tanhshrink, x),
    ),
    composed(
        "gelu",
        |x, y| forward(Activation::Gelu, x, y),
        |x, y| forward(Activation::Gelu, x, y),
        |x| value(Activation::Gelu, x),
    ),
    composed(
        "gelu_tanh",
        |x, y| forward(Activation::GeluTanh, x, y),
        |x, y| forward(Activation::GeluTanh, x, y),
        |x| value(Activation::GeluTanh, x),
    ),
    composed(
        "mish",
        |x, y| forward(Activation::Mish, x, y),
        |x, y| forward(Activation::Mish, x, y),
        |x| value(Activation::Mish, x),
    ),
    composed(
        "logistic_grad",
        |x, y| gradient(Activation::Logistic, x, y),
        |x, y| gradient(Activation::Logistic, x, y),
        |x| slope(Activation::Logistic, x),
    ),
    composed(
        "tanh_grad",
        |x, y| gradient(Activation::Tanh, x, y),
        |x, y| gradient(Activation::Tanh, x, y),
        |x| slope(Activation::Tanh, x),
    ),
    composed("elu_grad", |x, y| gradient(ELU, x, y), |x, y| gradient(ELU, x, y), |x| slope(ELU, x)),
    composed(
        "selu_grad",
        |x, y| gradient(Activation::Selu, x, y),
        |x, y| gradient(Activation::Selu, x, y),
        |x| slope(Activation::Selu, x),
    ),
    composed(
        "celu_grad",
        |x, y| gradient(CELU, x, y),
        |x, y| gradient(CELU, x, y),
        |x| slope(CELU, x),
    ),
    composed(
        "silu_grad",
        |x, y| gradient(Activation::Silu, x, y),
        |x, y| gradient(Activation::Silu, x, y),
        |x| slope(Activation::Silu, x),
    ),
    composed(
        "softplus_grad",
        |x, y| gradient(SOFTPLUS, x, y),
        |x, y| gradient(SOFTPLUS, x, y),
        |x| slope(SOFTPLUS, x),
    ),
    composed(
        "softplus_3_grad",
        |x, y| gradient(SOFTPLUS_3, x, y),
        |x, y| gradient(SOFTPLUS_3, x, y),
        |x| slope(SOFTPLUS_3, x),
    ),
    composed(
        "softsign_grad",
        |x, y| gradient(Activation::Softsign, x, y),
        |x, y| gradient(Activation::Softsign, x, y),
        |x| slope(Activation::Softsign, x),
    ),
    composed(
        "log_sigmoid_grad",
        |x, y| gradient(Activation::LogSigmoid, x, y),
        |x, y| gradient(Activation::LogSigmoid, x, y),
        |x| slope(Activation::LogSigmoid, x),
    ),
    composed(
        "hard_swish_grad",
        |x, y| gradient(Activation::HardSwish, x, y),
        |x, y| gradient(Activation::HardSwish, x, y),
        |x| slope(Activation::HardSwish, x),
    ),
    composed(
        "tanhshrink_grad",
        |x, y| gradient(Activation::Tanhshrink, x, y),
        |x, y| gradient(Activation::Tanhshrink, x, y),
        |x| slope(Activation::Tanhshrink, x),
    ),
    composed(
        "gelu_grad",
        |x, y| gradient(Activation::Gelu, x, y),
        |x, y| gradient(Activation::Gelu, x, y),
        |x| slope(Activation::Gelu, x),
    ),
    composed(
        "gelu_tanh_grad",
        |x, y| gradient(Activation::GeluTanh, x, y),
        |x, y| gradient(Activation::GeluTanh, x, y),
        |x| slope(Activation::GeluTanh, x),
    ),
    composed(
        "mish_grad",
        |x, y| gradient(Activation::Mish, x, y),
        |x, y| gradient(Activation::Mish, x, y),
        |x| slope(Activation::Mish, x),
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
