//! All small shapes, and the larger ones where blocks end.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::layouts::Layout;
use super::{BiasKind, Case, tiny_blocks};
use crate::Element;
use crate::activation::Activation;
use crate::simd::Level;

/// Every shape up to 20 cubed, with alpha, beta, the epilogue and the layouts walking along.
fn small<E: Element>(level: Level) {
    let turns = [Layout::Rows, Layout::Columns, Layout::PaddedRows];
    let mut turn = 0;
    for m in 0..=20 {
        for n in 0..=20 {
            for k in 0..=20 {
                turn += 1;
                Case {
                    alpha: [1.0, -0.5][turn % 2],
                    beta: [0.0, 1.0, 0.75][turn % 3],
                    a: turns[turn % 3],
                    b: turns[turn / 3 % 3],
                    c: turns[turn / 9 % 3],
                    bias: [BiasKind::None, BiasKind::Row, BiasKind::Column][turn / 2 % 3],
                    activation: [Activation::Identity, Activation::Relu][turn / 5 % 2],
                    seed: turn as u64,
                    ..Case::new(m, n, k, level)
                }
                .check::<E>();
            }
        }
    }
}

/// Small shapes through blocks of a few elements: every boundary of every loop is crossed.
fn small_blocks<E: Element>(level: Level) {
    let mut turn = 0;
    for m in [1, 2, 3, 5, 7] {
        for n in [1, 2, 15, 16, 17, 33, 64, 70] {
            for k in [1, 2, 3, 4, 6, 7, 10] {
                for (pack_a, pack_b) in [(false, false), (true, false), (false, true), (true, true)]
                {
                    turn += 1;
                    Case {
                        alpha: [1.0, 2.0][turn % 2],
                        beta: [0.0, 1.0, -0.25][turn % 3],
                        a: Layout::OPERAND[turn % 10],
                        b: if pack_b { Layout::OPERAND[turn / 3 % 10] } else { Layout::PaddedRows },
                        c: [Layout::Rows, Layout::PaddedRows, Layout::RowsUp][turn / 2 % 3],
                        bias: [BiasKind::None, BiasKind::Row, BiasKind::Column][turn / 7 % 3],
                        activation: [Activation::Identity, Activation::Tanh][turn / 5 % 2],
                        force: Some(tiny_blocks(pack_a, pack_b)),
                        seed: turn as u64,
                        ..Case::new(m, n, k, level)
                    }
                    .check::<E>();
                }
            }
        }
    }
}

/// Shapes large enough for several blocks of the real sizes, and around the limits of the paths.
fn large<E: Element>(level: Level) {
    let shapes = [
        (64, 64, 32),
        (128, 100, 130),
        (33, 257, 600),
        (3, 700, 300),
        (1, 1000, 300),
        (1, 130, 1025),
        (300, 1, 130),
        (5, 40, 1100),
        (130, 3, 70),
        (70, 600, 9),
        (15, 129, 513),
    ];
    for (m, n, k) in shapes {
        for a in [Layout::Rows, Layout::Columns] {
            for b in [Layout::Rows, Layout::Columns] {
                for beta in [0.0, 1.0] {
                    let c = if beta == 0.0 { Layout::Rows } else { Layout::PaddedColumns };
                    let bias = if beta == 0.0 { BiasKind::Column } else { BiasKind::None };
                    Case { beta, a, b, c, bias, ..Case::new(m, n, k, level) }.check::<E>();
                }
            }
        }
    }
}

fn random<E: Element>(level: Level) {
    let rng = &mut Pcg64::seed_from_u64(20);
    for seed in 0..60 {
        let mut size = || rng.random_range(0.0_f64..6.0).exp2() as usize * 3 + seed % 3;
        let (m, n, k) = (size(), size(), size());
        Case {
            alpha: rng.random_range(-2.0..2.0),
            beta: if rng.random() { 0.0 } else { rng.random_range(-2.0..2.0) },
            a: Layout::OPERAND[rng.random_range(0..10)],
            b: Layout::OPERAND[rng.random_range(0..10)],
            c: Layout::OUTPUT[rng.random_range(0..8)],
            seed: seed as u64,
            ..Case::new(m, n, k, level)
        }
        .check::<E>();
    }
}

#[test]
fn every_small_shape_f32() {
    Level::available().into_iter().for_each(small::<f32>);
}

#[test]
fn every_small_shape_f64() {
    Level::available().into_iter().for_each(small::<f64>);
}

#[test]
fn every_block_boundary() {
    for level in Level::available() {
        small_blocks::<f32>(level);
        small_blocks::<f64>(level);
    }
}

#[test]
fn several_blocks() {
    for level in Level::available() {
        large::<f32>(level);
        large::<f64>(level);
    }
}

#[test]
fn random_shapes_and_layouts() {
    for level in Level::available() {
        random::<f32>(level);
        random::<f64>(level);
    }
}
