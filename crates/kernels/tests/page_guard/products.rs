//! Matrix products.

use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::gemm::{BatchedGemm, Bias, Epilogue, Gemm, MatMut, MatRef};

use crate::child::note;
use crate::pages::{Matrix, Place, filled};

/// The other sizes of a product, with its length in the place of each in turn.
fn sizes(len: usize) -> Vec<[usize; 3]> {
    let others = [[1, 1], [1, 9], [3, 4], [7, 21], [33, 2], [20, 40]];
    others
        .into_iter()
        .flat_map(|[a, b]| [[len, a, b], [a, len, b], [a, b, len]])
        .chain([[len, len, len]])
        .collect()
}

pub fn gemm<E: Element>(place: Place, len: usize) {
    for [m, n, k] in sizes(len) {
        let (per_row, per_column) = (filled::<E>(place, m), filled::<E>(place, n));
        for layout in 0..8 {
            let by_rows = |bit: u32| layout >> bit & 1 == 0;
            note(&format!("{m} x {n} x {k}, by rows: {:?}", [0, 1, 2].map(by_rows)));
            let a = Matrix::new(filled::<E>(place, m * k), (m, k), by_rows(0));
            let b = Matrix::new(filled::<E>(place, k * n), (k, n), by_rows(1));
            let mut c = Matrix::new(filled::<E>(place, m * n), (m, n), by_rows(2));
            Gemm::new(a.view(), b.view(), c.view_mut()).run();
            note("with an epilogue");
            let (alpha, beta) = (E::from_f64(0.5), E::from_f64(0.5));
            for bias in [Bias::PerRow(&per_row), Bias::PerColumn(&per_column)] {
                let epilogue = Epilogue { bias, activation: Activation::Softsign };
                let plain = Gemm::new(a.view(), b.view(), c.view_mut());
                Gemm { alpha, beta, epilogue, ..plain }.run();
            }
        }
    }
    note("batches");
    for (m, n, k) in [(1, len, 1), (len, 1, 1), (1, 1, len)] {
        let [a, b, mut c] = [m * k, k * n, m * n].map(|each| filled::<E>(place, 3 * each));
        let step = |elements: usize| elements as isize;
        let first = Gemm::new(
            MatRef::row_major(&a, m, k),
            MatRef::row_major(&b, k, n),
            MatMut::row_major(&mut c, m, n),
        );
        let (a_step, b_step, c_step) = (step(m * k), step(k * n), step(m * n));
        BatchedGemm { count: 3, first, a_step, b_step, c_step }.run().expect("it fits");
    }
}
