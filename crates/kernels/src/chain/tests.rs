//! Programs against their operations applied one after the other to whole arrays.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::*;
use crate::activation::Activation;
use crate::elementwise::Run;
use crate::math::Unary;
use crate::testing::{assert_same_bits, for_each_level};

/// The results of all steps, by the functions on slices.
fn one_by_one<E: Element>(chain: &Chain<E>, arrays: &[&[E]]) -> Vec<Vec<E>> {
    let len = arrays[0].len();
    let mut results: Vec<Vec<E>> = Vec::new();
    for step in &chain.steps {
        let elements = |operand| match operand {
            Operand::Array(i) => arrays[i].to_vec(),
            Operand::Number(number) => vec![number; len],
            Operand::Step(step) => results[step].clone(),
        };
        let mut out = vec![E::ZERO; len];
        match step.function {
            Function::One(f) => f.apply(&elements(step.operands[0]), &mut out),
            Function::Two(f) => {
                let [a, b] = step.operands.map(elements);
                f.apply(Run::Slice(&a), Run::Slice(&b), &mut out);
            }
        }
        results.push(out);
    }
    results
}

fn check<E: Element>(chain: &Chain<E>, outputs: &[usize], arrays: &[&[E]], what: &str) {
    let expected = one_by_one(chain, arrays);
    let program = chain.compile(outputs);
    let len = arrays[0].len();
    let mut results = vec![vec![E::NAN; len]; outputs.len()];
    let mut scratch = vec![E::NAN; program.scratch()];
    let mut slices: Vec<&mut [E]> = results.iter_mut().map(Vec::as_mut_slice).collect();
    program.run(arrays, &mut slices, &mut scratch);
    for (result, &step) in results.iter().zip(outputs) {
        assert_same_bits(result, &expected[step], &format!("step {step} of {what}: {chain:?}"));
    }
}

/// A chain of `steps` operations on three arrays, most of them sums, differences and products.
fn random_chain<E: Element>(rng: &mut Pcg64, steps: usize) -> Chain<E> {
    let binary = [Binary::Add, Binary::Sub, Binary::Mul, Binary::MulNoNan];
    let mut chain = Chain::new();
    for at in 0..steps {
        let operand = |rng: &mut Pcg64| match rng.random_range(0..8) {
            0 => Operand::Array(rng.random_range(0..3)),
            1 => Operand::Number(E::from_f64([0.0, -0.0, 0.5, -1.5][rng.random_range(0..4)])),
            _ if at == 0 => Operand::Array(0),
            // What was computed last, so that there are pairs.
            2..6 => Operand::Step(at - 1),
            _ => Operand::Step(rng.random_range(0..at)),
        };
        let (a, b) = (operand(rng), operand(rng));
        match rng.random_range(0..16) {
            0 => chain.map(Simple::Square, a),
            1 => chain.map(Simple::Scale(E::from_f64(0.75)), a),
            2 => chain.map(Simple::Offset(E::from_f64(-0.25)), a),
            3 => chain.map(Simple::Neg, a),
            4 => chain.map(Simple::Abs, a),
            5 => chain.map(Unary::Sin, a),
            6 => chain.map(Activation::Tanh, a),
            7 => chain.map(Activation::LeakyRelu { slope: 0.25 }, a),
            8 => chain.map(Function1::Power(E::from_f64(1.5)), a),
            9 => chain.zip(Function2::Derivative(Activation::Logistic), a, b),
            10 => chain.zip([Function2::Pow, Function2::Atan2][rng.random_range(0..2)], a, b),
            11 => chain.zip(
                [Binary::Maximum, Binary::Div, Binary::DivKeepZero][rng.random_range(0..3)],
                a,
                b,
            ),
            _ => chain.zip(binary[rng.random_range(0..4)], a, b),
        };
    }
    chain
}

fn random_programs<E: Element>() {
    let mut rng = Pcg64::seed_from_u64(23);
    for round in 0..150 {
        let len = [1, 5, 37, TILE - 1, TILE, TILE + 1, 2 * TILE + 67][round % 7];
        let steps = rng.random_range(1..40);
        let chain = random_chain::<E>(&mut rng, steps);
        let mut array =
            || -> Vec<E> { (0..len).map(|_| E::from_f64(rng.random_range(-2.0..2.0))).collect() };
        let arrays = [array(), array(), array()];
        let arrays = [&arrays[0][..], &arrays[1], &arrays[2]];
        let mut outputs = vec![steps - 1];
        for step in 0..steps - 1 {
            if rng.random_range(0..8) == 0 {
                outputs.push(step);
            }
        }
        for_each_level(|level| {
            check(
                &chain,
                &outputs,
                &arrays,
                &format!("program {round} on {level}, {len} elements"),
            );
        });
    }
}

#[test]
fn programs_give_the_bits_of_their_operations() {
    random_programs::<f32>();
    random_programs::<f64>();
}

/// Every pair, either way round.
#[test]
fn pairs_give_the_bits_of_their_operations() {
    use Operand::{Array, Step};
    let all = [
        (Binary::Add, Light::Add),
        (Binary::Sub, Light::Sub),
        (Binary::Mul, Light::Mul),
        (Binary::MulNoNan, Light::MulNoNan),
    ];
    let numbers = |k: usize| -> Vec<f32> {
        (0..3 * TILE + 5).map(|i| ((i * 7919 + k) % 2003) as f32 / 700.0 - 1.4).collect()
    };
    let arrays = [numbers(1), numbers(2), numbers(3)];
    let arrays = [&arrays[0][..], &arrays[1], &arrays[2]];
    for (first, one) in all {
        for (second, other) in all {
            for side in 0..3 {
                let mut chain = Chain::new();
                let inner = Step(chain.zip(first, Array(0), Array(1)));
                let operands = [[inner, Array(2)], [Array(2), inner], [inner, inner]][side];
                let outer = chain.zip(second, operands[0], operands[1]);
                let paired = pair::is_pair(one, other, pair::Side::new(side % 2, side == 2));
                let passes = if paired { 0 } else { TILE };
                assert_eq!(chain.compile(&[outer]).scratch(), passes, "{first:?} {second:?}");
                for_each_level(|level| {
                    check(&chain, &[outer], &arrays, &format!("{first:?} {second:?} on {level}"));
                });
            }
        }
    }
}

#[test]
fn what_is_used_again_is_kept() {
    let mut chain = Chain::new();
    let sum = chain.zip(Binary::Add, Operand::Array(0), Operand::Number(1.0_f32));
    let product = chain.zip(Binary::Mul, Operand::Step(sum), Operand::Array(0));
    let last = chain.zip(Binary::Sub, Operand::Step(product), Operand::Step(sum));
    check(&chain, &[last], &[&[0.5, 2.0, -3.0]], "a sum that is used twice");
    check(&chain, &[last, sum], &[&[0.5, 2.0, -3.0]], "a sum that is an output");
    assert_eq!(chain.compile(&[last, sum, product]).scratch(), TILE, "only the number");
}

/// Which of two NaNs a sum passes on, and the sign of a new one, is the compiler's choice.
#[test]
fn any_nan_is_nan() {
    let mut chain = Chain::new();
    let sum = chain.zip(Binary::Add, Operand::Array(0), Operand::Array(1));
    let more = chain.zip(Binary::Sub, Operand::Step(sum), Operand::Array(1));
    let nans = [f32::NAN, -f32::NAN, f32::from_bits(0x7fc0_1234), f32::INFINITY];
    for_each_level(|_| {
        let reversed = [nans[3], nans[2], nans[1], f32::NEG_INFINITY];
        check(&chain, &[sum, more], &[&nans, &reversed], "sums of NaNs");
    });
}

#[test]
fn an_empty_program_does_nothing() {
    let mut chain = Chain::<f32>::new();
    chain.compile(&[]).run(&[], &mut [], &mut []);
    let step = chain.map(Simple::Neg, Operand::Array(0));
    let unasked = chain.compile(&[]);
    unasked.run(&[&[]], &mut [], &mut vec![0.0; unasked.scratch()]);
    chain.compile(&[step]).run(&[&[]], &mut [&mut []], &mut []);
}

#[test]
#[should_panic(expected = "step 0 is an output twice")]
fn an_output_is_asked_for_once() {
    let mut chain = Chain::new();
    let step = chain.map(Simple::<f32>::Neg, Operand::Array(0));
    chain.compile(&[step, step]);
}

#[test]
#[should_panic(expected = "an operand is step 3, there are 0")]
fn operands_come_first() {
    Chain::new().map(Simple::<f32>::Neg, Operand::Step(3));
}

#[test]
#[should_panic(expected = "an operand is array 18446744073709551615, of 65536 at most")]
fn arrays_are_few() {
    Chain::new().map(Simple::<f32>::Neg, Operand::Array(usize::MAX));
}

#[test]
#[should_panic(expected = "the operand `array` has 2 elements and the output 3")]
fn arrays_are_as_long_as_outputs() {
    let mut chain = Chain::new();
    let step = chain.map(Simple::<f32>::Neg, Operand::Array(0));
    chain.compile(&[step]).run(&[&[1.0, 2.0]], &mut [&mut [0.0; 3]], &mut []);
}
