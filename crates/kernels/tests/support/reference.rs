//! The elementary functions and activations, each with an independent reference in f64.
//!
//! Shared by `tests/accuracy.rs` and the `ulp` example. The references are those of
//! `wengert_kernels::testing::activation`, of the standard library and of the `libm` crate.
//! `accuracy.rs` compares each with `tests/data/reference.csv`, computed with 400 digits by
//! `tools/reference.py`: the relative error stays below `2^-36`, which is 0.0003 ULP of `f32`.

use wengert_kernels::activation::{self, Activation};
use wengert_kernels::math;
use wengert_kernels::simd::Level;
use wengert_kernels::testing::activation::{BASIC, COMPOSED, accuracy, slope, value};
use wengert_kernels::testing::ulp;

/// A function, its kernels, its reference, and how far they may be apart.
#[derive(Clone)]
pub struct Function {
    /// The name, also of the lines in the table of high precision.
    pub name: String,
    /// The bound in ULP of `f32` on the levels with fused multiply-add, and on the portable one.
    pub bounds: [f64; 2],
    #[allow(dead_code, reason = "the `ulp` example prints it, the tests do not")]
    pub exact: Exact,
    kind: Kind,
}

/// A function as `tools/reference.py` evaluates it.
#[allow(dead_code, reason = "the `ulp` example prints it, the tests do not")]
#[derive(Clone)]
pub struct Exact {
    pub formula: &'static str,
    /// Whether the derivative of the formula is meant.
    pub derivative: bool,
    /// What the formula calls its numbers, and their values.
    pub numbers: Vec<(&'static str, f64)>,
    /// The arguments that matter in f64.
    pub domain: [f64; 2],
}

#[derive(Clone, Copy)]
enum Kind {
    Math(Slices<f32>, Slices<f64>, fn(f64) -> f64),
    Value(Activation),
    Slope(Activation),
}

type Slices<E> = fn(&[E], &mut [E]);

impl Function {
    /// The bound on a level.
    pub fn bound(&self, level: Level) -> f64 {
        self.bounds[usize::from(level == Level::Portable)]
    }

    /// The kernel in single precision. That of a derivative has an upstream gradient of one.
    pub fn single(&self, x: &[f32], y: &mut [f32]) {
        match self.kind {
            Kind::Math(kernel, _, _) => kernel(x, y),
            Kind::Value(act) => activation::forward(act, x, y),
            Kind::Slope(act) => activation::backward(act, &vec![1.0; x.len()], x, y),
        }
    }

    /// The kernel in double precision.
    pub fn double(&self, x: &[f64], y: &mut [f64]) {
        match self.kind {
            Kind::Math(_, kernel, _) => kernel(x, y),
            Kind::Value(act) => activation::forward(act, x, y),
            Kind::Slope(act) => activation::backward(act, &vec![1.0; x.len()], x, y),
        }
    }

    /// The reference.
    pub fn reference(&self, x: f64) -> f64 {
        match self.kind {
            Kind::Math(_, _, reference) => reference(x),
            Kind::Value(act) => value(act, x),
            Kind::Slope(act) => slope(act, x),
        }
    }
}

/// All functions: a row for each elementary one, and what the rows of the activations say.
pub fn functions() -> Vec<Function> {
    const ANY: [f64; 2] = [-1e300, 1e300];
    const POSITIVE: [f64; 2] = [0.0, 1e300];
    let row = |name: &str, bounds, formula, domain, single, double, reference| Function {
        name: name.to_owned(),
        bounds,
        exact: Exact { formula, derivative: false, numbers: Vec::new(), domain },
        kind: Kind::Math(single, double, reference),
    };
    let mut all = vec![
        row("exp", BASIC, "exp(x)", [-740.0, 740.0], math::exp, math::exp, f64::exp),
        row("exp_m1", BASIC, "expm1(x)", [-700.0, 700.0], math::exp_m1, math::exp_m1, f64::exp_m1),
        row("log", BASIC, "log(x)", POSITIVE, math::log, math::log, f64::ln),
        row("log_1p", BASIC, "log1p(x)", POSITIVE, math::log_1p, math::log_1p, f64::ln_1p),
        row("rsqrt", COMPOSED, "1 / sqrt(x)", POSITIVE, math::rsqrt, math::rsqrt, |x| {
            1.0 / x.sqrt()
        }),
        row("sin", BASIC, "sin(x)", ANY, math::sin, math::sin, f64::sin),
        row("cos", BASIC, "cos(x)", ANY, math::cos, math::cos, f64::cos),
        row("tan", COMPOSED, "tan(x)", ANY, math::tan, math::tan, f64::tan),
        row("erf", BASIC, "erf(x)", [-7.0, 7.0], math::erf, math::erf, libm::erf),
        row("erfc", BASIC, "erfc(x)", [-26.0, 26.0], math::erfc, math::erfc, libm::erfc),
    ];
    let given = Activation::ALL.into_iter();
    let others = Activation::IN_TESTS.into_iter().filter(|act| !Activation::ALL.contains(act));
    let activations: Vec<Activation> = given.chain(others).collect();
    all.extend(activations.iter().filter_map(|&act| of_activation(act, Kind::Value(act))));
    all.extend(activations.iter().filter_map(|&act| of_activation(act, Kind::Slope(act))));
    all
}

/// An activation or its derivative; `softplus_3` is softplus with other numbers than the default.
fn of_activation(act: Activation, kind: Kind) -> Option<Function> {
    let row = accuracy(act)?;
    let derivative = matches!(kind, Kind::Slope(_));
    let numbers = act.numbers();
    let mut name = act.name().to_owned();
    if !Activation::ALL.contains(&act) {
        name.extend(numbers.iter().map(|(_, number)| format!("_{number}")));
    }
    if derivative {
        name.push_str("_grad");
    }
    let reach = row.reach[usize::from(derivative)];
    Some(Function {
        name,
        bounds: if derivative { COMPOSED } else { row.bounds },
        exact: Exact { formula: row.formula, derivative, numbers, domain: [-reach, reach] },
        kind,
    })
}

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
pub fn lines_of(function: &Function) -> Vec<Line> {
    table().into_iter().filter(|line| line.name == function.name).collect()
}

/// The largest error in ULP of f64 on the current level, its argument and what was given there.
pub fn worst_double(function: &Function, lines: &[Line]) -> (f64, f64, f64) {
    let x: Vec<f64> = lines.iter().map(|line| line.x).collect();
    let mut y = vec![0.0; x.len()];
    function.double(&x, &mut y);
    let errors = lines.iter().zip(&y).map(|(line, &y)| {
        let [hi, lo] = line.value;
        (ulp::error(y, hi, lo), line.x, y)
    });
    errors.fold((0.0, 0.0, 0.0), |a, b| if b.0 > a.0 { b } else { a })
}
