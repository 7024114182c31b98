//! Kernels whose sizes are the lengths of their slices, and chains of them.

use wengert_kernels::activation::{self, Activation};
use wengert_kernels::chain::{Chain, Function1, Function2, Operand};
use wengert_kernels::elementwise::{self, Binary, Comparison, Run, Simple};
use wengert_kernels::math::{self, Unary};
use wengert_kernels::optim::{
    self, Adadelta, Adagrad, Adam, Adamax, Lion, Moments, Momentum, RmsProp,
};
use wengert_kernels::random::{self, Stream};
use wengert_kernels::testing::functions;

use crate::HOSTILE;
use crate::report::{Report, Want};

const LENGTHS: [usize; 4] = [0, 1, 9, 33];
const MOST: usize = 33;

/// Activations with a number outside its domain, some only once it is rounded to `f32`.
pub const OUTSIDE: [Activation; 9] = [
    Activation::LeakyRelu { slope: 1.0 },
    Activation::Elu { alpha: f64::INFINITY },
    Activation::Elu { alpha: 1e300 },
    Activation::Celu { alpha: 0.0 },
    Activation::Celu { alpha: f64::NAN },
    Activation::Softplus { beta: 0.0 },
    Activation::Softplus { beta: 1e-50 },
    Activation::HardTanh { min: 1.0, max: 1.0 },
    Activation::Softshrink { lambda: -1.0 },
];

/// Calls a kernel of `N` operands and an output with all combinations of lengths.
fn lengths<const N: usize>(
    report: &mut Report,
    kernel: &str,
    run: impl Fn([&[f32]; N], &mut [f32]),
) {
    let data = [0.5_f32; MOST];
    for combination in 0..LENGTHS.len().pow(N as u32 + 1) {
        let length = |i: u32| LENGTHS[combination / LENGTHS.len().pow(i) % LENGTHS.len()];
        let operands: [usize; N] = std::array::from_fn(|i| length(i as u32 + 1));
        let out = length(0);
        let fits = operands.iter().all(|&len| len == out);
        report.call(kernel, format!("{operands:?} to {out}"), Want::answer_if(fits), || {
            let mut out = vec![f32::NAN; out];
            run(operands.map(|len| &data[..len]), &mut out);
            out.iter().all(|value| !value.is_nan())
        });
    }
}

/// Kernels that take a slice or a number for each of two operands.
fn runs(report: &mut Report, kernel: &str, run: impl Fn(Run<'_, f32>, Run<'_, f32>, &mut [f32])) {
    lengths(report, kernel, |[a, b], out| run(Run::Slice(a), Run::Slice(b), out));
    lengths(report, kernel, |[a], out| run(Run::Slice(a), Run::Splat(0.5), out));
    lengths(report, kernel, |[b], out| run(Run::Splat(0.5), Run::Slice(b), out));
    lengths(report, kernel, |[], out| run(Run::Splat(0.5), Run::Splat(0.5), out));
}

/// A kernel that takes its operand from the output.
fn in_place(report: &mut Report, kernel: &str, run: impl Fn(&mut [f32])) {
    lengths(report, kernel, |[], out| {
        out.fill(0.5);
        run(out);
    });
}

macro_rules! each {
    ($report:ident, $with:ident, $module:ident: $($name:ident)+) => {
        $($with($report, stringify!($name), $module::$name);)+
    };
}

pub fn elementwise(report: &mut Report) {
    each!(report, runs, elementwise: add sub mul div maximum minimum rem mul_no_nan mul_absorbing div_keep_zero share tie);
    macro_rules! simple {
        ($($name:ident)+) => {
            $(lengths(report, stringify!($name), |[x], out| elementwise::$name(x, out));)+
        };
    }
    simple!(neg square sqrt recip abs sign floor ceil round trunc);
    lengths(report, "clamp", |[x], out| elementwise::clamp(0.0, 1.0, x, out));
    lengths(report, "inside", |[x], out| elementwise::inside(0.0, 1.0, x, out));
    lengths(report, "scale", |[x], out| elementwise::scale(2.0, x, out));
    in_place(report, "scale_in_place", |x| elementwise::scale_in_place(2.0, x));
    lengths(report, "add_assign", |[x], out| {
        out.fill(1.0);
        elementwise::add_assign(out, x);
    });
    lengths(report, "axpy", |[x], out| {
        out.fill(1.0);
        elementwise::axpy(2.0, x, out);
    });
    runs(report, "compare", |a, b, out| {
        let mut truths = vec![false; out.len()];
        elementwise::compare(Comparison::Eq, a, b, &mut truths);
        out.fill(1.0);
    });
    for masked in LENGTHS {
        for len in LENGTHS {
            let given = format!("a mask of {masked} for {len}");
            report.call("select", given, Want::answer_if(masked == len), || {
                let (mask, mut out) = (vec![true; masked], vec![0.0_f32; len]);
                elementwise::select(&mask, Run::Splat(1.0), Run::Splat(0.0), &mut out);
                out.iter().all(|&value| value == 1.0)
            });
        }
    }
    runs(report, "select", |yes, no, out| {
        elementwise::select(&vec![true; out.len()], yes, no, out);
    });
}

pub fn math(report: &mut Report) {
    each!(report, runs, math: pow atan2);
    for (name, function) in functions() {
        lengths(report, name, |[x], out| function(x, out));
    }
}

pub fn activation(report: &mut Report) {
    use Activation::Tanh;
    lengths(report, "forward", |[x], out| activation::forward(Tanh, x, out));
    lengths(report, "backward", |[gy, saved], out| activation::backward(Tanh, gy, saved, out));
    lengths(report, "backward_in_place", |[saved], out| {
        out.fill(1.0);
        activation::backward_in_place(Tanh, out, saved);
    });
    for act in OUTSIDE {
        let (x, want) = ([0.5_f32; 3], Want::Refusal);
        report.call("forward", act, want, || {
            activation::forward(act, &x, &mut [0.0; 3]);
            true
        });
        report.call("backward", act, want, || {
            activation::backward(act, &x, &x, &mut [0.0; 3]);
            true
        });
        report.call("backward_in_place", act, want, || {
            activation::backward_in_place(act, &mut x.clone(), &x);
            true
        });
    }
}

pub fn optim(report: &mut Report) {
    lengths(report, "sgd_step", |[g], w| {
        w.fill(1.0);
        optim::sgd_step(w, g, 0.5, 0.5);
    });
    lengths(report, "sgd_momentum_step", |[g, velocity], w| {
        w.fill(1.0);
        optim::sgd_momentum_step(w, g, &mut velocity.to_vec(), Momentum::default());
    });
    lengths(report, "adam_step", |[g, m, v], w| {
        w.fill(1.0);
        optim::adam_step(w, g, &mut m.to_vec(), &mut v.to_vec(), Adam::default());
    });
    lengths(report, "amsgrad_step", |[g, m, v, most], w| {
        w.fill(1.0);
        let (mut m, mut v, mut most) = (m.to_vec(), v.to_vec(), most.to_vec());
        optim::amsgrad_step(w, g, &mut m, &mut v, &mut most, Adam::default());
    });
    let rule = RmsProp { lr: 0.5, alpha: 0.5, eps: 1.0, weight_decay: 0.5 };
    lengths(report, "rmsprop_step", |[g, mean], w| {
        w.fill(1.0);
        optim::rmsprop_step(w, g, &mut mean.to_vec(), rule);
    });
    let rule = Moments {
        beta1: 0.5,
        beta2: 0.5,
        decay: 0.5,
        shrink: 1.0,
        gradient: 0.5,
        mean: 0.5,
        root: 1.0,
        floor: 1.0,
    };
    lengths(report, "moments_step", |[g, m, v], w| {
        w.fill(1.0);
        optim::moments_step(w, g, &mut m.to_vec(), &mut v.to_vec(), rule);
    });
    lengths(report, "lamb_direction", |[g, m, v, direction], w| {
        w.fill(1.0);
        let (mut m, mut v, mut direction) = (m.to_vec(), v.to_vec(), direction.to_vec());
        optim::lamb_direction(w, g, &mut m, &mut v, &mut direction, rule);
    });
    let rule = Adamax { lr: 0.5, beta1: 0.5, beta2: 0.5, eps: 1.0, weight_decay: 0.5 };
    lengths(report, "adamax_step", |[g, m, largest], w| {
        w.fill(1.0);
        optim::adamax_step(w, g, &mut m.to_vec(), &mut largest.to_vec(), rule);
    });
    let rule = Adagrad { lr: 0.5, eps: 1.0, weight_decay: 0.5 };
    lengths(report, "adagrad_step", |[g, sum], w| {
        w.fill(1.0);
        optim::adagrad_step(w, g, &mut sum.to_vec(), rule);
    });
    let rule = Adadelta { lr: 0.5, rho: 0.5, eps: 1.0, weight_decay: 0.5 };
    lengths(report, "adadelta_step", |[g, squares, steps], w| {
        w.fill(1.0);
        optim::adadelta_step(w, g, &mut squares.to_vec(), &mut steps.to_vec(), rule);
    });
    let rule = Lion { lr: 0.5, beta1: 0.5, beta2: 0.5, weight_decay: 0.5 };
    lengths(report, "lion_step", |[g, m], w| {
        w.fill(1.0);
        optim::lion_step(w, g, &mut m.to_vec(), rule);
    });
    lengths(report, "average_step", |[w], average| {
        average.fill(1.0);
        optim::average_step(average, w, 0.5);
    });
    for step in [0, 1, u64::MAX] {
        let rule = Adam { step, ..Adam::default() };
        for kernel in ["adam_step", "amsgrad_step"] {
            report.call(kernel, format!("step {step}"), Want::answer_if(step > 0), || {
                let [mut w, mut m, mut v, mut most] = [[0.5_f32; 3]; 4];
                match kernel {
                    "adam_step" => optim::adam_step(&mut w, &[1.0; 3], &mut m, &mut v, rule),
                    _ => {
                        optim::amsgrad_step(&mut w, &[1.0; 3], &mut m, &mut v, &mut most, rule);
                    }
                }
                w[0].is_finite()
            });
        }
    }
}

pub fn random(report: &mut Report) {
    for seed in [0, u64::MAX] {
        let stream = Stream::new(seed, seed);
        lengths(report, "fill_uniform", |[], out| random::fill_uniform(stream, 0.0, 1.0, out));
        for (low, high) in [(1.0, 1.0), (-f32::MAX, f32::MAX), (f32::NAN, 1.0)] {
            report.call("fill_uniform", format!("{low} to {high}"), Want::Refusal, || {
                random::fill_uniform(stream, low, high, &mut [0.0]);
                true
            });
        }
    }
}

pub fn chain(report: &mut Report) {
    for number in [0, 1, 65_535, 65_536].into_iter().chain(HOSTILE) {
        let array = Operand::<f32>::Array(number);
        let want = Want::answer_if(number < 65_536);
        report.call("Chain::map", format!("{array:?}"), want, || {
            Chain::new().map(Simple::Neg, array) == 0
        });
        report.call("Chain::zip", format!("{array:?}"), want, || {
            let mut chain = Chain::new();
            let step = chain.zip(Binary::Add, Operand::Array(0), array);
            chain.compile(&[step]).arrays() == number + 1
        });
        report.call("Program::run", format!("{array:?}"), Want::answer_if(number == 0), || {
            let mut chain = Chain::new();
            let step = chain.map(Unary::Exp, array);
            let (program, mut out) = (chain.compile(&[step]), [0.0; 3]);
            program.run(&[&[0.0; 3]], &mut [&mut out], &mut vec![0.0; program.scratch()]);
            out == [1.0; 3]
        });
        let given = format!("step {number}");
        let mut chain = Chain::<f32>::new();
        chain.map(Simple::Neg, Operand::Array(0));
        let want = Want::answer_if(number == 0);
        report.call("Chain::map", &given, want, || {
            chain.clone().map(Simple::Neg, Operand::Step(number)) == 1
        });
        report.call("Chain::zip", &given, want, || {
            chain.clone().zip(Binary::Sub, Operand::Step(number), Operand::Step(0)) == 1
        });
        report.call("Chain::compile", &given, want, || chain.compile(&[number]).scratch() == 0);
    }
    for act in OUTSIDE {
        report.call("Chain::map", act, Want::Refusal, || {
            Chain::<f32>::new().map(act, Operand::Array(0)) == 0
        });
        report.call("Chain::zip", act, Want::Refusal, || {
            let act = Function2::Derivative(act);
            Chain::<f32>::new().zip(act, Operand::Array(0), Operand::Array(0)) == 0
        });
        report.call("Function1::apply", act, Want::Refusal, || {
            Function1::Activation(act).apply(&[0.5_f32], &mut [0.0]);
            true
        });
        report.call("Function2::apply", act, Want::Refusal, || {
            Function2::Derivative(act).apply(Run::Splat(1.0), Run::Splat(0.5_f32), &mut [0.0]);
            true
        });
    }
    lengths(report, "Function1::apply", |[x], out| Function1::Power(2.0).apply(x, out));
    for function in [Function2::Pow, Function2::Atan2, Function2::Derivative(Activation::Tanh)] {
        runs(report, "Function2::apply", |a, b, out| function.apply(a, b, out));
    }
    // Of two operands and an output, and of scratch memory.
    lengths(report, "Program::run", |[a, b], out| {
        let mut chain = Chain::new();
        let exp = chain.map(Unary::Exp, Operand::Array(0));
        let sum = chain.zip(Binary::Add, Operand::Step(exp), Operand::Array(1));
        let program = chain.compile(&[sum]);
        program.run(&[a, b], &mut [out], &mut vec![0.0; program.scratch()]);
    });
    for missing in [0, 1] {
        let given = format!("scratch memory with {missing} elements missing");
        report.call("Program::run", given, Want::answer_if(missing == 0), || {
            let mut chain = Chain::new();
            let exp = chain.map(Unary::Exp, Operand::Array(0));
            let last = chain.map(Unary::Log, Operand::Step(exp));
            let program = chain.compile(&[last]);
            let mut scratch = vec![0.0; program.scratch() - missing];
            program.run(&[&[1.0_f32]], &mut [&mut [0.0]], &mut scratch);
            true
        });
    }
    report.call("Program::run", "no steps", Want::Answer, || {
        Chain::<f32>::new().compile(&[]).run(&[], &mut [], &mut []);
        true
    });
}
