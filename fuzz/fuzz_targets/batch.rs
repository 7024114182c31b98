//! Batches of matrix products described by arbitrary bytes: shape, layouts, steps (positive,
//! negative and zero), factors, bias and activation, one to three threads, on every level that the
//! CPU has. A batch is refused with a one-line error, or each product has the same bits as when
//! computed separately, and nothing else in the output's buffer is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::{Bytes, on_threads, refused};
use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::gemm::{BatchedGemm, Bias, Epilogue, Gemm, MatMut, MatRef};
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::{assert_same_bits, noise};

/// Maximum number of multiply-adds of a case, so that a run has many cases.
const MOST: usize = 1 << 17;

/// One matrix per product, at constant distances.
#[derive(Clone, Copy, Debug)]
struct Matrices {
    rows: usize,
    cols: usize,
    strides: [isize; 2],
    step: isize,
    offset: usize,
    len: usize,
}

impl Matrices {
    fn new(bytes: &mut Bytes<'_>, count: usize, rows: usize, cols: usize) -> Self {
        let gap = bytes.below(4);
        let [row, col] = match bytes.below(4) {
            0 => [cols + gap, 1],
            1 => [1, rows + gap],
            2 => [(gap + 1) * cols, gap + 1],
            _ => [bytes.below(9), bytes.below(9)],
        };
        let signed = |bytes: &mut Bytes<'_>, stride: usize| {
            stride as isize * if bytes.below(5) == 4 { -1 } else { 1 }
        };
        let strides = [signed(bytes, row), signed(bytes, col)];
        let span = |n: usize, stride: isize| n.saturating_sub(1) as isize * stride;
        let extent = (span(rows, strides[0]).abs() + span(cols, strides[1]).abs() + 1) as usize;
        let step = match bytes.below(8) {
            0 => 0,
            1 => {
                let step = bytes.below(9);
                signed(bytes, step)
            }
            _ => {
                let step = extent + bytes.below(3);
                signed(bytes, step)
            }
        };
        let spans = [span(rows, strides[0]), span(cols, strides[1]), span(count, step)];
        let below: isize = spans.iter().map(|span| span.min(&0)).sum();
        let above: isize = spans.iter().map(|span| span.max(&0)).sum();
        let offset = below.unsigned_abs() + bytes.below(3);
        // Sometimes the buffer is one element too short.
        let missing = usize::from(bytes.next() == 255);
        let len = (offset + above.unsigned_abs() + 1).saturating_sub(missing);
        Self { rows, cols, strides, step, offset, len }
    }

    fn view<'a, E: Element>(&self, data: &'a [E], index: usize) -> Option<MatRef<'a, E>> {
        let offset = self.offset.wrapping_add_signed(index as isize * self.step);
        let [row, col] = self.strides;
        refused(MatRef::try_new(data, offset, self.rows, self.cols, row, col))
    }

    fn view_mut<'a, E: Element>(&self, data: &'a mut [E], index: usize) -> Option<MatMut<'a, E>> {
        let offset = self.offset.wrapping_add_signed(index as isize * self.step);
        let [row, col] = self.strides;
        refused(MatMut::try_new(data, offset, self.rows, self.cols, row, col))
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    count: usize,
    a: Matrices,
    b: Matrices,
    c: Matrices,
    alpha: f64,
    beta: f64,
    bias: usize,
    activation: Activation,
    threads: usize,
    seed: u64,
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let count = bytes.below(12);
    let [m, k, n] =
        [0; 3].map(|_| if bytes.below(8) == 7 { bytes.below(150) } else { bytes.below(20) });
    if count * m * n * k.max(1) > MOST {
        return;
    }
    let case = Case {
        count,
        a: Matrices::new(&mut bytes, count, m, k),
        b: Matrices::new(&mut bytes, count, k, n),
        c: Matrices::new(&mut bytes, count, m, n),
        alpha: [1.0, 0.0, -0.5][bytes.below(3)],
        beta: [0.0, 1.0, 2.0][bytes.below(3)],
        bias: bytes.below(3),
        activation: Activation::ALL[bytes.below(Activation::ALL.len())],
        threads: 1 + bytes.below(3),
        seed: bytes.next() as u64,
    };
    let double = bytes.below(2) == 1;
    for level in Level::available() {
        let check = || if double { case.check::<f64>() } else { case.check::<f32>() };
        with_level(level, || on_threads(case.threads, check)).expect("the level is available");
    }
});

impl Case {
    fn check<E: Element>(&self) {
        let a: Vec<E> = noise(self.a.len, self.seed);
        let b: Vec<E> = noise(self.b.len, self.seed ^ 1);
        let before: Vec<E> = noise(self.c.len, self.seed ^ 2);
        let bias: Vec<E> = noise([0, self.c.rows, self.c.cols][self.bias], self.seed ^ 3);
        let gemm = |data: &mut [E], index: usize, run: &dyn Fn(Gemm<'_, E>) -> bool| -> bool {
            let (Some(a), Some(b)) = (self.a.view(&a, index), self.b.view(&b, index)) else {
                return false;
            };
            let Some(c) = self.c.view_mut(data, index) else { return false };
            let mut product = Gemm::new(a, b, c);
            product.alpha = E::from_f64(self.alpha);
            product.beta = E::from_f64(self.beta);
            product.epilogue = Epilogue {
                bias: match self.bias {
                    0 => Bias::None,
                    1 => Bias::PerRow(&bias),
                    _ => Bias::PerColumn(&bias),
                },
                activation: self.activation,
            };
            run(product)
        };
        let mut together = before.clone();
        let done = gemm(&mut together, 0, &|first| {
            let [a_step, b_step, c_step] = [self.a.step, self.b.step, self.c.step];
            let batch = BatchedGemm { count: self.count, first, a_step, b_step, c_step };
            refused(batch.run()).is_some()
        });
        if !done {
            assert_same_bits(&together, &before, "the buffer of a refused batch");
            return;
        }
        let mut alone = before;
        for index in 0..self.count {
            let run = |product: Gemm<'_, E>| {
                product.run();
                true
            };
            assert!(gemm(&mut alone, index, &run), "product {index} of {self:?}");
        }
        assert_same_bits(&together, &alone, &format!("{self:?}"));
    }
}
