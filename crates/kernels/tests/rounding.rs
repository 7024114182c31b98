//! Rounding, remainders, signs, bounds, comparisons and choices against the scalar operations, on
//! all magnitudes and special values.

use wengert_kernels::Element;
use wengert_kernels::elementwise::{self, Comparison, Run, compare, select};
use wengert_kernels::testing::{Guarded, assert_same_bits, for_each_level, noise};

/// All magnitudes, whole numbers, halves, neighbours of both, and special values.
fn values<E: Element>() -> Vec<E> {
    let mut values = vec![E::NAN, E::INFINITY, E::NEG_INFINITY, E::ZERO, -E::ZERO];
    let ulp = E::EPSILON.to_f64();
    for x in [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 1e3, 8388607.5, 8388608.0, 4503599627370495.5, 1e30] {
        values.extend([x, x * (1.0 + ulp), x * (1.0 - ulp), -x, -x * (1.0 + ulp)].map(E::from_f64));
    }
    // Subnormals, down to the smallest.
    let least = E::MIN_EXPONENT.to_f64().exp2();
    values.extend([least, 0.25 * least, ulp * least, -ulp * least, -0.75 * least].map(E::from_f64));
    let magnitudes = noise::<E>(60, 11).into_iter().zip(noise::<E>(60, 12));
    values.extend(magnitudes.map(|(a, b)| a * E::from_f64((60.0 * b.to_f64()).exp2())));
    values
}

type Rounding<E> = (&'static str, fn(&[E], &mut [E]), fn(f64) -> f64);

fn of_one<E: Element>() {
    let sign = |x: f64| if x == 0.0 || x.is_nan() { x } else { x.signum() };
    let operations: [Rounding<E>; 7] = [
        ("floor", elementwise::floor, f64::floor),
        ("ceil", elementwise::ceil, f64::ceil),
        ("round", elementwise::round, f64::round_ties_even),
        ("trunc", elementwise::trunc, f64::trunc),
        ("sign", elementwise::sign, sign),
        (
            "clamp",
            |x, y| elementwise::clamp(E::from_f64(-1.5), E::INFINITY, x, y),
            |x| if x < -1.5 { -1.5 } else { x },
        ),
        (
            "inside",
            |x, y| elementwise::inside(E::from_f64(-1.5), E::from_f64(2.0), x, y),
            |x| if x.is_nan() { x } else { f64::from(x > -1.5 && x < 2.0) },
        ),
    ];
    let x = values::<E>();
    for_each_level(|level| {
        for (name, kernel, reference) in operations {
            for len in [1, 3, 17, x.len()] {
                let x = Guarded::new(&x[x.len() - len..], 1);
                let mut y = Guarded::poisoned(len, 2);
                kernel(&x, &mut y);
                let expected: Vec<E> =
                    x.iter().map(|x| E::from_f64(reference(x.to_f64()))).collect();
                assert_same_bits(&y, &expected, &format!("{name} {} on {level}", E::NAME));
            }
        }
    });
}

#[test]
fn functions_of_one_operand_are_the_scalar_ones() {
    of_one::<f32>();
    of_one::<f64>();
}

type OfTwo<E> = (&'static str, fn(Run<'_, E>, Run<'_, E>, &mut [E]), fn(f64, f64) -> f64);

fn of_two<E: Element>() {
    let operations: [OfTwo<E>; 6] = [
        ("rem", elementwise::rem, |a, b| a % b),
        ("mul_no_nan", elementwise::mul_no_nan, |a, b| if b == 0.0 { 0.0 } else { a * b }),
        ("mul_absorbing", elementwise::mul_absorbing, |a, b| {
            if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
        }),
        ("div_keep_zero", elementwise::div_keep_zero, |a, b| if a == 0.0 { 0.0 } else { a / b }),
        ("share", elementwise::share, |a, b| {
            if a == b {
                0.5
            } else if a.is_nan() || b.is_nan() {
                f64::NAN
            } else {
                f64::from(a > b)
            }
        }),
        ("tie", elementwise::tie, |a, b| f64::from(a == b || (a.is_nan() && b.is_nan()))),
    ];
    let all = values::<E>();
    for_each_level(|level| {
        for (name, kernel, reference) in operations {
            // Every value with every other.
            for (i, &b) in all.iter().enumerate() {
                let what = format!("{name} with {b:?} ({i}) {} on {level}", E::NAME);
                let expected: Vec<E> =
                    all.iter().map(|a| E::from_f64(reference(a.to_f64(), b.to_f64()))).collect();
                let mut y = Guarded::poisoned(all.len(), 3);
                kernel(Run::Slice(&all), Run::Splat(b), &mut y);
                assert_same_bits(&y, &expected, &what);
                let repeated = vec![b; all.len()];
                kernel(Run::Slice(&all), Run::Slice(&repeated), &mut y);
                assert_same_bits(&y, &expected, &what);
            }
        }
    });
}

#[test]
fn functions_of_two_operands_are_the_scalar_ones() {
    of_two::<f32>();
    of_two::<f64>();
}

fn comparisons<E: Element>() {
    type Plain<E> = fn(&E, &E) -> bool;
    let all = values::<E>();
    let operations: [(Comparison, Plain<E>); 6] = [
        (Comparison::Lt, E::lt),
        (Comparison::Le, E::le),
        (Comparison::Gt, E::gt),
        (Comparison::Ge, E::ge),
        (Comparison::Eq, E::eq),
        (Comparison::Ne, E::ne),
    ];
    for_each_level(|level| {
        for (op, holds) in operations {
            for &b in &all {
                let expected: Vec<bool> = all.iter().map(|a| holds(a, &b)).collect();
                let mut out = vec![false; all.len()];
                compare(op, Run::Slice(&all), Run::Splat(b), &mut out);
                assert_eq!(out, expected, "{op:?} {b:?} on {level}");
                compare(op, Run::Slice(&all), Run::Slice(&vec![b; all.len()]), &mut out);
                assert_eq!(out, expected, "{op:?} {b:?} on {level}");
                let turned: Vec<bool> = all.iter().map(|a| holds(&b, a)).collect();
                compare(op, Run::Splat(b), Run::Slice(&all), &mut out);
                assert_eq!(out, turned, "{b:?} {op:?} on {level}");
            }
        }
    });
}

#[test]
fn comparisons_are_the_scalar_ones() {
    comparisons::<f32>();
    comparisons::<f64>();
}

#[test]
fn choices_take_what_the_mask_says() {
    for_each_level(|level| {
        for len in (0..=70).chain([300_001]) {
            let (yes, no) = (noise::<f32>(len, 1), noise::<f32>(len, 2));
            let mask: Vec<bool> = noise::<f32>(len, 3).iter().map(|&x| x > 0.2).collect();
            let what = format!("{len} on {level}");
            let mut out = Guarded::poisoned(len, 1);
            let expected = |yes: &dyn Fn(usize) -> f32, no: &dyn Fn(usize) -> f32| -> Vec<f32> {
                (0..len).map(|i| if mask[i] { yes(i) } else { no(i) }).collect()
            };
            let (of_yes, of_no) = (|i: usize| yes[i], |i: usize| no[i]);
            select(&mask, Run::Slice(&yes), Run::Slice(&no), &mut out);
            assert_same_bits(&out, &expected(&of_yes, &of_no), &what);
            select(&mask, Run::Splat(7.0), Run::Slice(&no), &mut out);
            assert_same_bits(&out, &expected(&|_| 7.0, &of_no), &what);
            select(&mask, Run::Slice(&yes), Run::Splat(f32::NAN), &mut out);
            assert_same_bits(&out, &expected(&of_yes, &|_| f32::NAN), &what);
            select(&mask, Run::Splat(1.0), Run::Splat(-1.0), &mut out);
            assert_same_bits(&out, &expected(&|_| 1.0, &|_| -1.0), &what);
        }
    });
}
