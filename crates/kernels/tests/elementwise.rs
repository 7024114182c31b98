//! Arithmetic, activations and elementary functions as slice kernels: lengths, offsets, aliasing,
//! broadcasting, special values. (How exact the functions are is tested in `accuracy.rs`.)

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation};
use wengert_kernels::elementwise::{self, Run};
use wengert_kernels::math;
use wengert_kernels::testing::{Guarded, assert_same_bits, for_each_level, functions, noise};

const LENGTHS: std::ops::RangeInclusive<usize> = 0..=70;

fn specials<E: Element>(len: usize, seed: u64) -> Vec<E> {
    let mut x = noise::<E>(len, seed);
    for (i, v) in [E::NAN, E::INFINITY, E::NEG_INFINITY, -E::ZERO, E::ZERO].into_iter().enumerate()
    {
        if let Some(slot) = x.get_mut(3 * i + (seed as usize % 3)) {
            *slot = v;
        }
    }
    x
}

type Binary<E> = fn(Run<'_, E>, Run<'_, E>, &mut [E]);
type BinaryReference<E> = fn(E, E) -> E;

fn nan_max<E: Element>(a: E, b: E) -> E {
    if a.is_nan() || a > b { a } else { b }
}

fn nan_min<E: Element>(a: E, b: E) -> E {
    if a.is_nan() || a < b { a } else { b }
}

fn binary_operations<E: Element>() {
    let operations: [(&str, Binary<E>, BinaryReference<E>); 6] = [
        ("add", elementwise::add, |a, b| a + b),
        ("sub", elementwise::sub, |a, b| a - b),
        ("mul", elementwise::mul, |a, b| a * b),
        ("div", elementwise::div, |a, b| a / b),
        ("maximum", elementwise::maximum, nan_max),
        ("minimum", elementwise::minimum, nan_min),
    ];
    for_each_level(|level| {
        for len in LENGTHS {
            let a = Guarded::new(&specials::<E>(len, 1), len % 5);
            let b = Guarded::new(&specials::<E>(len, 2), len % 3);
            let s = E::from_f64(0.3);
            for (name, kernel, scalar) in operations {
                let what = format!("{name} of {len} {} on {level}", E::NAME);
                let mut out = Guarded::poisoned(len, len % 7);
                kernel(Run::Slice(&a), Run::Slice(&b), &mut out);
                let expected: Vec<E> = a.iter().zip(&b[..]).map(|(a, b)| scalar(*a, *b)).collect();
                assert_same_bits(&out, &expected, &what);
                kernel(Run::Slice(&a), Run::Splat(s), &mut out);
                let expected: Vec<E> = a.iter().map(|a| scalar(*a, s)).collect();
                assert_same_bits(&out, &expected, &what);
                kernel(Run::Splat(s), Run::Slice(&b), &mut out);
                let expected: Vec<E> = b.iter().map(|b| scalar(s, *b)).collect();
                assert_same_bits(&out, &expected, &what);
                kernel(Run::Splat(s), Run::Splat(s), &mut out);
                assert_same_bits(&out, &vec![scalar(s, s); len], &what);
            }
        }
    });
}

#[test]
fn binary_operations_are_the_scalar_ones() {
    binary_operations::<f32>();
    binary_operations::<f64>();
}

type Unary<E> = fn(&[E], &mut [E]);
type UnaryReference<E> = fn(E) -> E;

fn unary_operations<E: Element>() {
    let operations: [(&str, Unary<E>, UnaryReference<E>); 6] = [
        ("neg", elementwise::neg, |x| -x),
        ("square", elementwise::square, |x| x * x),
        ("sqrt", elementwise::sqrt, E::sqrt),
        ("recip", elementwise::recip, |x| E::ONE / x),
        ("abs", elementwise::abs, E::abs),
        ("scale", |x, out| elementwise::scale(E::from_f64(0.3), x, out), |x| E::from_f64(0.3) * x),
    ];
    for_each_level(|level| {
        for len in LENGTHS {
            let x = Guarded::new(&specials::<E>(len, 3), len % 5);
            for (name, kernel, scalar) in operations {
                let mut out = Guarded::poisoned(len, len % 7);
                kernel(&x, &mut out);
                let expected: Vec<E> = x.iter().map(|x| scalar(*x)).collect();
                assert_same_bits(&out, &expected, &format!("{name} of {len} on {level}"));
            }
            let mut y = Guarded::new(&x, 3);
            elementwise::scale_in_place(E::from_f64(-2.0), &mut y);
            let expected: Vec<E> = x.iter().map(|x| E::from_f64(-2.0) * *x).collect();
            assert_same_bits(&y, &expected, "scale_in_place");

            let a = noise::<E>(len, 4);
            let mut y = Guarded::new(&a, 1);
            elementwise::add_assign(&mut y, &x);
            let expected: Vec<E> = a.iter().zip(&x[..]).map(|(a, x)| *a + *x).collect();
            assert_same_bits(&y, &expected, "add_assign");

            // A power of two makes the product exact, so that fused and not agree.
            let mut y = Guarded::new(&a, 1);
            elementwise::axpy(E::from_f64(0.5), &x, &mut y);
            let half: Vec<E> =
                a.iter().zip(&x[..]).map(|(a, x)| *a + E::from_f64(0.5) * *x).collect();
            assert_same_bits(&y, &half, "axpy");
        }
    });
}

#[test]
fn unary_operations_are_the_scalar_ones() {
    unary_operations::<f32>();
    unary_operations::<f64>();
}

/// A result depends on its argument alone: not on the position, the length or the alignment.
fn same_everywhere<E: Element>(name: &str, function: impl Fn(&[E], &mut [E])) {
    for_each_level(|level| {
        let x = specials::<E>(70, 5);
        let single: Vec<E> = x
            .iter()
            .map(|v| {
                let mut out = [E::ZERO];
                function(&[*v], &mut out);
                out[0]
            })
            .collect();
        for len in LENGTHS {
            let what = format!("{name} of {len} {} on {level}", E::NAME);
            for start in [0, 70 - len] {
                let part = Guarded::new(&x[start..start + len], len % 5);
                let mut out = Guarded::poisoned(len, len % 7);
                function(&part, &mut out);
                assert_same_bits(&out, &single[start..start + len], &what);
            }
        }
    });
}

#[test]
fn functions_do_not_depend_on_position() {
    for act in Activation::ALL {
        same_everywhere::<f32>(&act.to_string(), |x, out| activation::forward(act, x, out));
        same_everywhere::<f64>(&act.to_string(), |x, out| activation::forward(act, x, out));
    }
    for (name, function) in functions::<f32>() {
        same_everywhere(name, function);
    }
    for (name, function) in functions::<f64>() {
        same_everywhere(name, function);
    }
}

#[test]
fn numbers_of_activations_are_checked() {
    for act in Activation::ALL {
        assert!(act.check().is_ok(), "{act}");
    }
    assert!(Activation::leaky_relu(0.0).is_ok());
    for slope in [-0.1, 1.0, f64::NAN] {
        let error = Activation::leaky_relu(slope).expect_err("a slope outside [0, 1)");
        assert!(error.to_string().contains(&slope.to_string()), "{error}");
        // The kernels do not trust what was built without asking.
        let run = || activation::forward(Activation::LeakyRelu { slope }, &[1.0_f32], &mut [0.0]);
        assert!(std::panic::catch_unwind(run).is_err(), "{slope}");
    }
    for wrong in [
        Activation::Elu { alpha: f64::NAN },
        Activation::Celu { alpha: 0.0 },
        Activation::Softplus { beta: -1.0 },
        Activation::HardTanh { min: 1.0, max: 1.0 },
        Activation::Softshrink { lambda: -0.5 },
    ] {
        assert!(wrong.check().is_err(), "{wrong}");
        let run = || activation::backward(wrong, &[1.0], &[1.0], &mut [0.0_f64]);
        assert!(std::panic::catch_unwind(run).is_err(), "{wrong}");
    }
}

#[test]
fn lengths_must_agree() {
    let message = |f: fn()| {
        let error = std::panic::catch_unwind(f).expect_err("the lengths differ");
        error.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    let told = message(|| elementwise::add(Run::Slice(&[1.0]), Run::Splat(2.0), &mut [0.0; 2]));
    assert_eq!(told, "the operand `a` has 1 elements and the output 2: they must be equally long");
    assert!(message(|| math::exp(&[1.0_f32; 3], &mut [0.0; 2])).contains("`x` has 3"));
    assert!(message(|| elementwise::add_assign(&mut [0.0; 2], &[1.0; 3])).contains("3 elements"));
    assert!(
        message(|| activation::backward(Activation::Tanh, &[1.0; 2], &[1.0], &mut [0.0; 2]))
            .contains("has 1 elements")
    );
}

/// More elements than a thread takes, on one thread and on two.
#[test]
fn threads_change_no_bit() {
    let x = noise::<f32>(300_001, 8);
    let pool = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads")
    };
    for_each_level(|level| {
        let run = || {
            let mut y = vec![f32::NAN; x.len()];
            math::exp(&x, &mut y);
            elementwise::add_assign(&mut y, &x);
            y
        };
        let here = wengert_kernels::simd::with_level(level, run).expect("it is available");
        for threads in [1, 2] {
            let there = pool(threads)
                .install(|| wengert_kernels::simd::with_level(level, run))
                .expect("it is available");
            assert_same_bits(&there, &here, &format!("{threads} threads on {level}"));
        }
    });
}
