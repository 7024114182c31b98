//! Kernels whose sizes are the lengths of their slices.

use wengert_kernels::Element;
use wengert_kernels::activation::{self as act, Activation};
use wengert_kernels::chain::{Chain, Function1, Function2, Operand};
use wengert_kernels::elementwise::{self as ops, Binary, Comparison, Run, Simple};
use wengert_kernels::math::{self as fun, Unary};
use wengert_kernels::optim::{
    self as step, Adadelta, Adagrad, Adam, Adamax, Lion, Moments, Momentum, RmsProp,
};
use wengert_kernels::random::{self as rand, Stream};
use wengert_kernels::testing::functions;

use crate::child::note;
use crate::pages::{Pages, Place, filled};

/// Calls a kernel of two operands with slices and numbers.
macro_rules! runs {
    ($E:ident, $place:ident, $len:ident, $module:ident: $($name:ident)+) => {$({
        note(stringify!($name));
        let (a, b) = (filled::<$E>($place, $len), filled::<$E>($place, $len));
        let mut out = filled::<$E>($place, $len);
        $module::$name(Run::Slice(&a), Run::Slice(&b), &mut out);
        $module::$name(Run::Splat($E::ONE), Run::Slice(&b), &mut out);
        $module::$name(Run::Slice(&a), Run::Splat($E::ONE), &mut out);
        $module::$name(Run::Splat($E::ONE), Run::Splat($E::ONE), &mut out);
    })+};
}

/// Calls a kernel of one operand.
macro_rules! maps {
    ($E:ident, $place:ident, $len:ident, $module:ident: $($name:ident)+) => {$({
        note(stringify!($name));
        let (x, mut out) = (filled::<$E>($place, $len), filled::<$E>($place, $len));
        $module::$name(&x, &mut out);
    })+};
}

pub fn elementwise<E: Element>(place: Place, len: usize) {
    runs!(E, place, len, ops: add sub mul div maximum minimum rem mul_no_nan mul_absorbing div_keep_zero share tie);
    maps!(E, place, len, ops: neg square sqrt recip abs sign floor ceil round trunc);
    let (a, b, mut out) = (filled::<E>(place, len), filled(place, len), filled(place, len));
    note("clamp, inside, scale, scale_in_place, add_assign, axpy");
    ops::clamp(E::ZERO, E::ONE, &a, &mut out);
    ops::inside(E::ZERO, E::ONE, &a, &mut out);
    ops::scale(E::ONE, &a, &mut out);
    ops::scale_in_place(E::ONE, &mut out);
    ops::add_assign(&mut out, &a);
    ops::axpy(E::ONE, &a, &mut out);
    note("compare, select");
    let mut mask = Pages::new(place, len, |i| i % 2 == 0);
    for comparison in [Comparison::Lt, Comparison::Eq] {
        ops::compare(comparison, Run::Slice(&a), Run::Slice(&b), &mut mask);
        ops::compare(comparison, Run::Slice(&a), Run::Splat(E::ONE), &mut mask);
    }
    ops::select(&mask, Run::Slice(&a), Run::Slice(&b), &mut out);
    ops::select(&mask, Run::Splat(E::ONE), Run::Slice(&b), &mut out);
}

pub fn math<E: Element>(place: Place, len: usize) {
    runs!(E, place, len, fun: pow atan2);
    for (name, function) in functions::<E>() {
        note(name);
        let (x, mut out) = (filled(place, len), filled(place, len));
        function(&x, &mut out);
    }
}

pub fn activation<E: Element>(place: Place, len: usize) {
    let (gy, x, mut out) = (filled::<E>(place, len), filled(place, len), filled(place, len));
    for activation in Activation::ALL {
        note(&activation.to_string());
        act::forward(activation, &x, &mut out);
        act::backward(activation, &gy, &x, &mut out);
        act::backward_in_place(activation, &mut out, &x);
    }
}

pub fn optim<E: Element>(place: Place, len: usize) {
    let g = filled::<E>(place, len);
    let [mut w, mut m, mut v, mut most] = [(); 4].map(|()| filled::<E>(place, len));
    let (half, one) = (E::from_f64(0.5), E::ONE);
    note("sgd, momentum");
    step::sgd_step(&mut w, &g, half, half);
    step::sgd_momentum_step(&mut w, &g, &mut m, Momentum { lr: half, ..Momentum::default() });
    note("adam, amsgrad, rmsprop");
    step::adam_step(&mut w, &g, &mut m, &mut v, Adam::default());
    step::amsgrad_step(&mut w, &g, &mut m, &mut v, &mut most, Adam::default());
    let rule = RmsProp { lr: half, alpha: 0.5, eps: one, weight_decay: half };
    step::rmsprop_step(&mut w, &g, &mut m, rule);
    note("moments, lamb, adamax, adagrad, adadelta, lion, average");
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
    step::moments_step(&mut w, &g, &mut m, &mut v, rule);
    step::lamb_direction(&mut w, &g, &mut m, &mut v, &mut most, rule);
    let rule = Adamax { lr: half, beta1: 0.5, beta2: half, eps: one, weight_decay: half };
    step::adamax_step(&mut w, &g, &mut m, &mut v, rule);
    step::adagrad_step(&mut w, &g, &mut v, Adagrad { lr: half, eps: one, weight_decay: half });
    let rule = Adadelta { lr: half, rho: 0.5, eps: one, weight_decay: half };
    step::adadelta_step(&mut w, &g, &mut m, &mut v, rule);
    let rule = Lion { lr: half, beta1: 0.5, beta2: 0.5, weight_decay: half };
    step::lion_step(&mut w, &g, &mut m, rule);
    step::average_step(&mut w, &g, half);
}

pub fn random<E: Element>(place: Place, len: usize) {
    let mut out = filled::<E>(place, len);
    rand::fill_uniform(Stream::new(1, 2), E::ZERO, E::ONE, &mut out);
}

pub fn chain<E: Element>(place: Place, len: usize) {
    // The second length reaches into a second tile.
    for len in [len, wengert_kernels::chain::TILE + len] {
        note(&format!("{len} elements"));
        let (a, b) = (Operand::Array(0), Operand::Array(1));
        let mut chain = Chain::<E>::new();
        let exp = chain.map(Unary::Exp, a);
        let pair = chain.zip(Binary::Sub, Operand::Step(exp), b);
        let product = chain.zip(Binary::Mul, Operand::Step(pair), Operand::Number(E::ONE));
        let act = chain.map(Activation::Tanh, Operand::Step(product));
        let relu = chain.map(Activation::Relu, Operand::Step(act));
        let grad = chain.zip(Function2::Derivative(Activation::Silu), a, Operand::Step(relu));
        let neg = chain.map(Simple::Neg, Operand::Step(grad));
        let power = chain.map(Function1::Power(E::from_f64(1.5)), b);
        let pow = chain.zip(Function2::Pow, Operand::Step(power), a);
        let program = chain.compile(&[product, neg, pow]);
        let (a, b) = (filled::<E>(place, len), filled::<E>(place, len));
        let [mut x, mut y, mut z] = [(); 3].map(|()| filled::<E>(place, len));
        let mut scratch = filled::<E>(place, program.scratch());
        program.run(&[&a, &b], &mut [&mut x, &mut y, &mut z], &mut scratch);
    }
}
