//! The same bits for any number of threads.

use rayon::ThreadPoolBuilder;

use super::super::plan::{PIECE, Path};
use super::layouts::Layout;
use super::{BiasKind, Case, tiny_blocks};
use crate::Element;
use crate::activation::Activation;
use crate::simd::Level;

fn same_bits<E: Element>(case: &Case) {
    let alone = with_threads(1, || case.check::<E>());
    for threads in 2..=8 {
        let together = with_threads(threads, || case.check::<E>());
        assert!(
            alone.iter().zip(&together).all(|(x, y)| x == y),
            "{threads} threads gave other bits in {case:?}"
        );
    }
}

fn with_threads<R: Send>(threads: usize, body: impl FnOnce() -> R + Send) -> R {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(body)
}

#[test]
fn forced_splits_change_no_bit() {
    for level in Level::available() {
        for (pack_a, pack_b, path) in [
            (false, false, None),
            (true, true, None),
            (false, true, None),
            (false, false, Some(Path::Axpy)),
            (false, false, Some(Path::Direct)),
        ] {
            for grid in [(1, 1), (2, 3), (4, 1), (1, 5)] {
                let mut plan = tiny_blocks(pack_a, pack_b);
                plan.path = path.unwrap_or(plan.path);
                plan.grid = grid;
                let case = Case {
                    force: Some(plan),
                    bias: BiasKind::Column,
                    activation: Activation::Tanh,
                    beta: 0.5,
                    ..Case::new(9, 70, 8, level)
                };
                same_bits::<f32>(&case);
            }
        }
    }
}

#[test]
fn large_products_change_no_bit() {
    for level in Level::available() {
        for (m, n, k) in [(300, 200, 150), (1, 9000, 1000), (2, 3000, 1500)] {
            assert!(m * n * k >= 2 * PIECE, "{m}x{n}x{k} is worth two threads");
            for b in [Layout::Rows, Layout::Columns] {
                let case = Case { b, bias: BiasKind::Row, ..Case::new(m, n, k, level) };
                same_bits::<f32>(&case);
                same_bits::<f64>(&case);
            }
        }
    }
}
