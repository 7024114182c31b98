//! The error of the elementary functions and activations in units in the last place, on every
//! level.
//!
//! Here with a stride; the `ulp` example visits all inputs there are.

#[path = "support/reference.rs"]
mod reference;

use reference::{functions, lines_of, table, worst_double};
use wengert_kernels::elementwise::Run;
use wengert_kernels::math;
use wengert_kernels::simd::Level;
use wengert_kernels::testing::{for_each_level, ulp};

/// A prime, so that all exponents and many mantissas are met.
const STRIDE: usize = 16_381;

/// Every exponent's first and last numbers.
fn exponent_edges() -> impl Iterator<Item = u32> {
    (0..512_u32).flat_map(|e| {
        let edge = e << 23;
        [edge.wrapping_sub(2), edge.wrapping_sub(1), edge, edge.wrapping_add(1), edge + 2]
    })
}

/// 64 numbers to each side of where a kernel changes its formula or its result its kind.
fn seams() -> impl Iterator<Item = u32> {
    let seams: [f32; 57] = [
        10.5,
        15.0,
        20.0,
        21.0,
        40.0,
        350.0,
        700.0,
        0.34657359,
        1.0397208,
        0.5,
        0.7,
        0.75,
        1.0,
        std::f32::consts::SQRT_2,
        std::f32::consts::FRAC_1_SQRT_2,
        2.0,
        3.0,
        6.0,
        9.01,
        9.5,
        10.054,
        10.2,
        11.0,
        12.0,
        14.4,
        14.6,
        16.6,
        17.3,
        20.0,
        87.33654,
        88.0,
        88.72284,
        89.0,
        103.27893,
        103.97208,
        104.0,
        106.0,
        110.0,
        0.2928932,
        0.4142135,
        1.2784646,
        0.7517915,
        0.7524614,
        1.1924312,
        1.5,
        std::f32::consts::FRAC_PI_4,
        std::f32::consts::FRAC_PI_2,
        205887.42,
        1.152_921_5e18,
        1e-9,
        5.5,
        0.0625,
        0.1875,
        0.625,
        7.75,
        11.75,
        15.5,
    ];
    seams.into_iter().flat_map(|seam| {
        (-64..=64_i32).flat_map(move |i| {
            let bits = seam.to_bits().wrapping_add_signed(i);
            [bits, bits | 1 << 31]
        })
    })
}

fn sample() -> Vec<f32> {
    (0..=u32::MAX)
        .step_by(STRIDE)
        .chain(exponent_edges())
        .chain(seams())
        .map(f32::from_bits)
        .collect()
}

/// The largest error, and where it is.
fn worst(x: &[f32], y: &[f32], expected: &[f64]) -> (f64, f32, f32) {
    let mut worst = (0.0, 0.0, 0.0);
    for ((&x, &y), &expected) in x.iter().zip(y).zip(expected) {
        let error = ulp::error(y, expected, 0.0);
        if error > worst.0 {
            worst = (error, x, y);
        }
    }
    worst
}

#[test]
fn single_precision_is_within_its_bounds_on_all_magnitudes() {
    let x = sample();
    let mut y = vec![0.0; x.len()];
    let mut failures = Vec::new();
    for function in functions() {
        let expected: Vec<f64> = x.iter().map(|&x| function.reference(f64::from(x))).collect();
        for_each_level(|level| {
            function.single(&x, &mut y);
            let (error, at, got) = worst(&x, &y, &expected);
            if error > function.bound(level) {
                failures.push(format!(
                    "{} on {level}: off by {error:.3} ULP at {at:e}, where it is {got:e}",
                    function.name
                ));
            }
        });
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn double_precision_is_within_its_bound_of_high_precision() {
    let mut failures = Vec::new();
    for function in functions() {
        let lines = lines_of(&function);
        assert!(
            lines.len() >= 90,
            "{} has {} lines in tests/data/reference.csv: run tools/reference.py",
            function.name,
            lines.len()
        );
        for_each_level(|level| {
            let (error, at, got) = worst_double(&function, &lines);
            let bound = if level == Level::Portable { 3.0 } else { 2.0 };
            if error > bound {
                failures.push(format!(
                    "{} on {level}: off by {error:.3} ULP at {at:e}, where it is {got:e}",
                    function.name
                ));
            }
        });
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_reference_is_that_of_high_precision() {
    let functions = functions();
    for line in table() {
        let x = line.x as f32;
        // What `f32` cannot hold, as argument or as result, no sweep meets.
        if f64::from(x) != line.x || line.value[0].abs() < 1e-46 {
            continue;
        }
        let function = functions.iter().find(|f| f.name == line.name).expect("a known function");
        let error = ulp::error(function.reference(line.x), line.value[0], line.value[1]);
        // 2^-36 of the value, in units of f64's last place.
        assert!(error < 65536.0, "{}({x:e}) is off by {error} ULP of f64", line.name);
    }
}

/// Powers that are known without a logarithm: whole numbers, products with their rounding error,
/// quotients and roots. Within two ULP, whatever the platform's function is.
#[test]
fn powers_are_within_their_bound() {
    let bases: Vec<f64> = (0..4000).map(|i| 1.0 + f64::from(i) * 0.0009765625 * 0.73).collect();
    for_each_level(|level| {
        let check = |exponent: f64, exact: &dyn Fn(f64) -> f64| {
            let mut y = vec![0.0; bases.len()];
            math::pow(Run::Slice(&bases), Run::Splat(exponent), &mut y);
            for (&base, &y) in bases.iter().zip(&y) {
                let want = exact(base);
                let off = (y - want).abs() / (want.abs() * f64::EPSILON);
                assert!(off <= 2.0, "{level}: {base:?}^{exponent} is {off} ULP off");
            }
        };
        check(2.0, &|x| x * x);
        check(-1.0, &|x| 1.0 / x);
        check(0.5, &|x| x.sqrt());
        check(-0.5, &|x| (1.0 / x).sqrt());
        check(0.25, &|x| x.sqrt().sqrt());
        // The cube by its leading product and what that lacks.
        check(3.0, &|x| {
            let square = x * x;
            let lacks = x.mul_add(x, -square);
            let cube = square * x;
            cube + (square.mul_add(x, -cube) + lacks * x)
        });
        let (mut y, mut narrow) = ([0.0_f64], [0.0_f32]);
        for exponent in 1..=33 {
            let whole = (0..exponent).fold(1_u64, |product, _| product * 3);
            math::pow(Run::Splat(3.0), Run::Splat(f64::from(exponent)), &mut y);
            assert!((y[0] - whole as f64).abs() <= 2.0 * f64::EPSILON * y[0], "3^{exponent}");
            math::pow(Run::Splat(3.0_f32), Run::Splat(exponent as f32), &mut narrow);
            assert!(ulp::error(narrow[0], whole as f64, 0.0) <= 0.51, "3^{exponent} in f32");
        }
    });
}
