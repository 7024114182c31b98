//! Infinities, NaN, signed zeros, empty products, and what is refused.

use std::panic::catch_unwind;

use super::super::{Bias, Epilogue, Gemm, MatMut, MatRef};
use super::layouts::{Layout, Stored};
use super::{BiasKind, Case};
use crate::activation::Activation;
use crate::simd::{Level, with_level};

/// A NaN or infinity in an operand reaches exactly the row or column of C that meets it.
#[test]
fn special_operands_stay_in_their_lane() {
    for level in Level::available() {
        for (m, n, k) in [(2, 3, 2), (1, 40, 9), (5, 40, 50), (3, 9, 70), (40, 70, 30)] {
            for layout in [Layout::Rows, Layout::Columns] {
                for value in [f32::NAN, f32::INFINITY] {
                    let mut a = Stored::new(Layout::Rows, m, k, || 1.0);
                    let mut b = Stored::new(layout, k, n, || 1.0);
                    a.set(m - 1, k - 1, value);
                    b.set(0, n - 1, value);
                    let mut c = Stored::new(Layout::Rows, m, n, || f32::NAN);
                    let gemm = Gemm::new(a.view(), b.view(), c.view_mut());
                    with_level(level, || gemm.run()).unwrap();
                    for i in 0..m {
                        for j in 0..n {
                            let got = c.get(i, j);
                            let hit = i == m - 1 || j == n - 1;
                            let right = if !hit {
                                got == k as f32
                            } else if value.is_nan() {
                                got.is_nan()
                            } else {
                                got == f32::INFINITY
                            };
                            assert!(right, "({i}, {j}) of {m}x{n}x{k} is {got} on {level}");
                        }
                    }
                }
            }
        }
    }
}

/// Infinity times zero is NaN: no path may skip a term because one factor is zero.
#[test]
fn zero_hides_nothing() {
    for level in Level::available() {
        for (m, n, k) in [(1, 1, 3), (1, 40, 9), (5, 40, 50), (3, 9, 70), (40, 70, 30)] {
            let a = Stored::new(Layout::Rows, m, k, || 0.0_f64);
            let b = Stored::new(Layout::Rows, k, n, || f64::INFINITY);
            let mut c = Stored::new(Layout::Rows, m, n, || 1.0);
            let gemm = Gemm { alpha: 0.0, ..Gemm::new(a.view(), b.view(), c.view_mut()) };
            with_level(level, || gemm.run()).unwrap();
            assert!(c.values().iter().all(|x| x.is_nan()), "{m}x{n}x{k} on {level}");
        }
    }
}

/// With k = 0 there is no product: C = act(beta C + bias).
#[test]
fn an_empty_sum_is_zero() {
    for level in Level::available() {
        for c in Layout::OUTPUT {
            for beta in [0.0, 1.0, -2.0] {
                for bias in [BiasKind::None, BiasKind::Row, BiasKind::Column] {
                    let activation = Activation::Relu;
                    Case { beta, c, bias, activation, ..Case::new(5, 37, 0, level) }.check::<f32>();
                }
            }
        }
    }
}

#[test]
fn empty_outputs_are_left_alone() {
    let a = [1.0_f32; 6];
    let mut c = [7.0_f32; 2];
    for (m, n) in [(0, 3), (3, 0), (0, 0)] {
        let (a, b) = (MatRef::row_major(&a, m, 2), MatRef::row_major(&a, 2, n));
        Gemm::new(a, b, MatMut::row_major(&mut c, m, n)).run();
    }
    assert_eq!(c, [7.0; 2]);
}

#[test]
fn every_activation_follows_the_bias() {
    for level in Level::available() {
        for activation in [
            Activation::Identity,
            Activation::Logistic,
            Activation::Tanh,
            Activation::Relu,
            Activation::LeakyRelu { slope: 0.125 },
            Activation::Silu,
            Activation::HardTanh { min: -0.25, max: 0.5 },
        ] {
            for (m, n, k) in [(2, 2, 2), (1, 100, 30), (3, 11, 70), (33, 70, 5), (20, 40, 700)] {
                for (bias, c) in [(BiasKind::Row, Layout::Rows), (BiasKind::Column, Layout::Spread)]
                {
                    let case = Case { c, bias, activation, ..Case::new(m, n, k, level) };
                    case.check::<f32>();
                    case.check::<f64>();
                }
            }
        }
    }
}

/// What is wrong with a call is said in a sentence.
#[test]
fn shapes_that_do_not_fit_are_refused() {
    fn message(call: impl FnOnce() + std::panic::UnwindSafe) -> String {
        *catch_unwind(call).unwrap_err().downcast::<String>().unwrap()
    }
    let said = message(|| {
        let (a, mut c) = ([0.0_f32; 6], [0.0_f32; 4]);
        let b = MatRef::row_major(&a, 2, 2);
        Gemm::new(MatRef::row_major(&a, 2, 3), b, MatMut::row_major(&mut c, 2, 2)).run();
    });
    assert!(said.contains("A is 2x3, B is 2x2 and C is 2x2"), "{said}");
    let said = message(|| {
        let (a, mut c) = ([0.0_f32; 6], [0.0_f32; 4]);
        let (a, b) = (MatRef::row_major(&a, 2, 3), MatRef::row_major(&a, 3, 2));
        let epilogue = Epilogue { bias: Bias::PerColumn(&[1.0]), ..Epilogue::default() };
        Gemm { epilogue, ..Gemm::new(a, b, MatMut::row_major(&mut c, 2, 2)) }.run();
    });
    assert!(said.contains("needs 2 elements, but has 1"), "{said}");
}
