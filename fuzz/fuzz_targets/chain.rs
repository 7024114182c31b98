//! Chains of elementwise operations decoded from arbitrary bytes, on every level that the CPU has:
//! each output has the same bits as applying the operations one at a time to whole arrays, and
//! nothing beyond an output is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::Bytes;
use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::chain::{Chain, Function1, Function2, Operand};
use wengert_kernels::elementwise::{Binary, Run, Simple};
use wengert_kernels::math::Unary;
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::{Guarded, assert_same_bits};

const UNARY: [Unary; 10] = [
    Unary::Exp,
    Unary::ExpM1,
    Unary::Log,
    Unary::Log1p,
    Unary::Rsqrt,
    Unary::Sin,
    Unary::Cos,
    Unary::Tan,
    Unary::Erf,
    Unary::Erfc,
];

const BINARY: [Binary; 10] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::Maximum,
    Binary::Minimum,
    Binary::Rem,
    Binary::MulNoNan,
    Binary::Share,
    Binary::Tie,
];

fn activation(bytes: &mut Bytes<'_>) -> Activation {
    Activation::ALL[bytes.below(Activation::ALL.len())]
}

fn one<E: Element>(bytes: &mut Bytes<'_>) -> Function1<E> {
    let number = |bytes: &mut Bytes<'_>| E::from_f64(bytes.number());
    match bytes.below(6) {
        0 => Function1::Unary(UNARY[bytes.below(UNARY.len())]),
        1 => Function1::Activation(activation(bytes)),
        2 => Function1::Power(number(bytes)),
        3 => Function1::Simple(Simple::Offset(number(bytes))),
        4 => Function1::Simple(Simple::Scale(number(bytes))),
        _ => Function1::Simple(match bytes.below(12) {
            0 => Simple::Neg,
            1 => Simple::Square,
            2 => Simple::Sqrt,
            3 => Simple::Recip,
            4 => Simple::Abs,
            5 => Simple::Sign,
            6 => Simple::Floor,
            7 => Simple::Ceil,
            8 => Simple::Round,
            9 => Simple::Trunc,
            10 => Simple::Clamp(E::from_f64(-0.5), E::from_f64(0.25)),
            _ => Simple::Inside(E::from_f64(-0.5), E::from_f64(0.25)),
        }),
    }
}

fn two(bytes: &mut Bytes<'_>) -> Function2 {
    match bytes.below(8) {
        0 => Function2::Pow,
        1 => Function2::Atan2,
        2 | 3 => Function2::Derivative(activation(bytes)),
        _ => Function2::Binary(BINARY[bytes.below(BINARY.len())]),
    }
}

fn check<E: Element>(mut bytes: Bytes<'_>) {
    // A few tiles, a few elements, or none.
    let len = if bytes.below(2) == 0 { bytes.below(70) } else { bytes.wide(1600) };
    let arrays: Vec<Vec<E>> = (0..bytes.below(4)).map(|_| bytes.elements(len)).collect();
    let mut chain = Chain::new();
    // The result of each step applied to whole arrays.
    let mut values: Vec<Vec<E>> = Vec::new();
    for _ in 0..1 + bytes.below(14) {
        let operand = |bytes: &mut Bytes<'_>| match bytes.below(4) {
            0 if !arrays.is_empty() => Operand::Array(bytes.below(arrays.len())),
            1 => Operand::Number(E::from_f64(bytes.number())),
            _ if !values.is_empty() => Operand::Step(bytes.below(values.len())),
            _ if !arrays.is_empty() => Operand::Array(0),
            _ => Operand::Number(E::ONE),
        };
        let run = |operand: Operand<E>| match operand {
            Operand::Array(array) => Run::Slice(&arrays[array][..]),
            Operand::Number(number) => Run::Splat(number),
            Operand::Step(step) => Run::Slice(&values[step][..]),
        };
        let mut out = vec![E::NAN; len];
        if bytes.below(2) == 0 {
            let (function, x) = (one(&mut bytes), operand(&mut bytes));
            chain.map(function, x);
            match run(x) {
                Run::Slice(x) => function.apply(x, &mut out),
                Run::Splat(x) => function.apply(&vec![x; len], &mut out),
            }
        } else {
            let function = two(&mut bytes);
            let (a, b) = (operand(&mut bytes), operand(&mut bytes));
            chain.zip(function, a, b);
            function.apply(run(a), run(b), &mut out);
        }
        values.push(out);
    }
    let mut outputs: Vec<usize> = (0..values.len()).filter(|_| bytes.below(4) == 0).collect();
    if outputs.is_empty() {
        outputs.push(values.len() - 1);
    }
    let program = chain.compile(&outputs);
    let read: Vec<&[E]> = arrays.iter().map(|array| &array[..]).collect();
    let mut written: Vec<Guarded<E>> =
        outputs.iter().map(|step| Guarded::poisoned(len, step % 5)).collect();
    let mut scratch = Guarded::poisoned(program.scratch(), 1);
    let mut slices: Vec<&mut [E]> = written.iter_mut().map(|out| &mut out[..]).collect();
    program.run(&read, &mut slices, &mut scratch);
    for (out, &step) in written.iter().zip(&outputs) {
        assert_same_bits(out, &values[step], &format!("step {step} of {chain:?}"));
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let double = bytes.below(2) == 1;
    for level in Level::available() {
        let check = || if double { check::<f64>(bytes) } else { check::<f32>(bytes) };
        with_level(level, check).expect("the level is available");
    }
});
