//! Layouts against each other, and each path on shapes it was not made for.

use super::super::plan::Path;
use super::layouts::Layout;
use super::{BiasKind, Case, tiny_blocks};
use crate::activation::Activation;
use crate::simd::Level;

#[test]
fn every_combination_of_layouts() {
    let mut turn = 0;
    for level in Level::available() {
        for (m, n, k) in [(9, 35, 6), (1, 37, 20), (37, 1, 20), (3, 5, 41)] {
            for a in Layout::OPERAND {
                for b in Layout::OPERAND {
                    for c in Layout::OUTPUT {
                        turn += 1;
                        let case = Case {
                            a,
                            b,
                            c,
                            beta: [0.0, 0.5][turn % 2],
                            bias: [BiasKind::None, BiasKind::Row, BiasKind::Column][turn % 3],
                            activation: [Activation::Identity, Activation::Relu][turn / 3 % 2],
                            ..Case::new(m, n, k, level)
                        };
                        if turn % 2 == 0 {
                            case.check::<f32>().len()
                        } else {
                            case.check::<f64>().len()
                        };
                    }
                }
            }
        }
    }
}

#[test]
fn every_path_on_every_shape() {
    for level in Level::available() {
        for (m, n, k) in [(1, 1, 1), (2, 3, 4), (5, 17, 40), (16, 70, 33)] {
            for (path, a, b) in [
                (Path::Tiny, Layout::Spread, Layout::ColumnsReversed),
                (Path::Axpy, Layout::Columns, Layout::PaddedRows),
                (Path::Dot, Layout::Spread, Layout::PaddedColumns),
            ] {
                for c in Layout::OUTPUT {
                    let mut plan = tiny_blocks(false, false);
                    plan.path = path;
                    let case = Case {
                        // The paths take problems whose output is by rows as they are.
                        c: if matches!(c, Layout::Columns | Layout::PaddedColumns) {
                            Layout::RowsBack
                        } else {
                            c
                        },
                        a,
                        b,
                        beta: 0.5,
                        bias: BiasKind::Row,
                        force: Some(plan),
                        ..Case::new(m.max(2), n.max(2), k.max(2), level)
                    };
                    case.check::<f32>();
                    case.check::<f64>();
                }
            }
        }
    }
}
