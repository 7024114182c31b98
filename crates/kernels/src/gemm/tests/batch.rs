//! Batches against the same products one by one.

use super::super::{BatchedGemm, Bias, Epilogue, Gemm, MatMut, MatRef, MatrixError};
use crate::Element;
use crate::activation::Activation;
use crate::simd::{Level, with_level};

fn values<E: Element>(len: usize, seed: usize) -> Vec<E> {
    (0..len).map(|i| E::from_f64(((i + seed) * 7919 % 1009) as f64 / 1009.0 - 0.5)).collect()
}

/// One of the products.
fn one<'a, E: Element>(
    (a, b): (MatRef<'a, E>, MatRef<'a, E>),
    c: MatMut<'a, E>,
    epilogue: Epilogue<'a, E>,
) -> Gemm<'a, E> {
    Gemm { beta: E::ONE, epilogue, ..Gemm::new(a, b, c) }
}

/// Batches of every interesting layout have the bits of their products alone.
fn same_as_alone<E: Element>(count: usize, [m, n, k]: [usize; 3]) {
    let (a, b) = (values::<E>(count * m * k, 1), values::<E>(count * k * n, 2));
    let (c, bias) = (values::<E>(count * m * n, 3), values::<E>(n, 4));
    let epilogue = Epilogue { bias: Bias::PerColumn(&bias), activation: Activation::Relu };
    let (mn, nk, mk) = ((m * n) as isize, (n * k) as isize, (m * k) as isize);
    // Steps of A, B, C and the row and column strides of C: one after another, a shared B, a
    // batch interleaved with the columns, and the batch from the last to the first.
    let (wide, tall) = ((count * n) as isize, n as isize);
    for (steps, strides, start) in [
        ([mk, nk, mn], (tall, 1), 0),
        ([mk, 0, mn], (tall, 1), 0),
        ([0, nk, tall], (wide, 1), 0),
        ([mk, nk, -mn], (tall, 1), count.saturating_sub(1) * m * n),
    ] {
        let [a_step, b_step, c_step] = steps;
        let (mut together, mut alone) = (c.clone(), c.clone());
        let operands = (MatRef::row_major(&a, m, k), MatRef::row_major(&b, k, n));
        let output = MatMut::new(&mut together, start, m, n, strides.0, strides.1);
        let first = one(operands, output, epilogue);
        BatchedGemm { count, first, a_step, b_step, c_step }.run().unwrap();
        for i in 0..count {
            let at = |step: isize| (i as isize * step) as usize;
            let operands = (
                MatRef::new(&a, at(a_step), m, k, k as isize, 1),
                MatRef::new(&b, at(b_step), k, n, n as isize, 1),
            );
            let place = start.wrapping_add_signed(i as isize * c_step);
            let output = MatMut::new(&mut alone, place, m, n, strides.0, strides.1);
            one(operands, output, epilogue).run();
        }
        assert_eq!(together, alone, "{count} of {m}x{n}x{k}, steps {steps:?}");
    }
}

#[test]
fn a_batch_is_its_products() {
    for level in Level::available() {
        with_level(level, || {
            for shape in [[1, 1, 1], [3, 5, 4], [17, 33, 20], [64, 64, 32], [5, 3, 0]] {
                for count in [1, 2, 7, 100] {
                    same_as_alone::<f32>(count, shape);
                    same_as_alone::<f64>(count, shape);
                }
            }
            same_as_alone::<f32>(2, [210, 220, 200]);
        })
        .unwrap();
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let data = [0.0_f32; 24];
    let mut out = [0.0_f32; 24];
    let mut run = |count, a_step, c_step| {
        let (a, b) = (MatRef::row_major(&data, 2, 3), MatRef::row_major(&data, 3, 2));
        let first = Gemm::new(a, b, MatMut::row_major(&mut out, 2, 2));
        BatchedGemm { count, first, a_step, b_step: 0, c_step }.run()
    };
    assert!(run(4, 6, 4).is_ok());
    assert!(run(0, 100, 0).is_ok());
    assert!(run(1, 100, 0).is_ok());
    assert!(matches!(run(5, 6, 4), Err(MatrixError::OutOfBounds { .. })));
    assert!(matches!(run(2, -1, 4), Err(MatrixError::StepOutOfBounds { .. })));
    assert!(matches!(run(usize::MAX, isize::MAX, 4), Err(MatrixError::StepOutOfBounds { .. })));
    assert!(matches!(run(2, 6, 3), Err(MatrixError::StepOverlap { .. })));
    assert!(matches!(run(2, 6, 0), Err(MatrixError::StepOverlap { .. })));
    let said = run(2, 6, 3).unwrap_err().to_string();
    assert!(said.contains("2 2x2 matrices with strides (2, 1), 3 elements apart"), "{said}");
}
