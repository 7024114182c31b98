//! Matrix products described by arbitrary bytes, compared with sums in twice the precision: shape,
//! strides, offsets, factors, bias, activation, the number of threads; on every level that the CPU
//! has. A matrix is refused with a one-line error, or its product is computed and nothing but C is
//! written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::{Bytes, on_threads};
use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::gemm::{Bias, Epilogue, Gemm, MatMut, MatRef, MatrixError};
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::activation::value;
use wengert_kernels::testing::conv::Products;
use wengert_kernels::testing::noise;

/// Maximum number of multiply-adds of a case, so that a run has many cases.
const MOST: usize = 1 << 16;
/// Maximum length of an array.
const LONGEST: usize = 1 << 16;

/// A size, usually small.
fn size(bytes: &mut Bytes<'_>) -> usize {
    match bytes.next() {
        255 => 4 * bytes.next(),
        byte => byte % 80,
    }
}

fn factor(bytes: &mut Bytes<'_>) -> f64 {
    [1.0, 0.0, -0.5, 2.0][bytes.below(4)]
}

/// The layout of a matrix in its slice.
#[derive(Clone, Copy, Debug)]
struct Place {
    rows: usize,
    cols: usize,
    row_stride: isize,
    col_stride: isize,
    offset: usize,
    len: usize,
}

impl Place {
    fn new(bytes: &mut Bytes<'_>, rows: usize, cols: usize) -> Self {
        let (kind, gap) = (bytes.next(), bytes.next() % 6);
        let (mut row_stride, mut col_stride) = match kind % 5 {
            0 => (cols + gap, 1),
            1 => (1, rows + gap),
            2 => ((gap + 1) * cols, gap + 1),
            3 => (gap, 1),
            _ => (bytes.next(), bytes.next() % 9),
        };
        if kind & 32 != 0 {
            (row_stride, col_stride) = (gap % 3, 0);
        }
        let signed = |stride: usize, back: bool| stride as isize * if back { -1 } else { 1 };
        let (row_stride, col_stride) =
            (signed(row_stride, kind & 64 != 0), signed(col_stride, kind & 128 != 0));
        let span = |count: usize, stride: isize| count.saturating_sub(1) as isize * stride;
        let spans = [span(rows, row_stride), span(cols, col_stride)];
        let below: isize = spans.iter().map(|span| span.min(&0)).sum();
        let above: isize = spans.iter().map(|span| span.max(&0)).sum();
        let offset = below.unsigned_abs() + bytes.next() % 7;
        // Sometimes the slice is one element too short.
        let missing = usize::from(bytes.next() == 255);
        let len = (offset + above.unsigned_abs() + 1).saturating_sub(missing);
        Self { rows, cols, row_stride, col_stride, offset, len }
    }

    fn index(&self, row: usize, col: usize) -> usize {
        self.offset
            .wrapping_add_signed(row as isize * self.row_stride + col as isize * self.col_stride)
    }

    fn view<'a, T: Copy>(&self, data: &'a [T]) -> Option<MatRef<'a, T>> {
        let &Self { rows, cols, row_stride, col_stride, offset, .. } = self;
        refused(MatRef::try_new(data, offset, rows, cols, row_stride, col_stride))
    }
}

/// The value of a result, or `None` after a check of the error.
fn refused<T>(result: Result<T, MatrixError>) -> Option<T> {
    result
        .map_err(|error| {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
        })
        .ok()
}

/// An operand of the case: its layout and its elements.
#[derive(Clone, Copy, Debug)]
struct Given {
    place: Place,
    seed: u64,
}

impl Given {
    fn new(bytes: &mut Bytes<'_>, rows: usize, cols: usize) -> Self {
        let place = Place::new(bytes, rows, cols);
        Self { place, seed: bytes.next() as u64 }
    }
}

/// A product.
#[derive(Debug)]
struct Case {
    a: Given,
    b: Given,
    c: Place,
    alpha: f64,
    beta: f64,
    bias: usize,
    activation: Activation,
    threads: usize,
}

impl Case {
    fn check<E: Element>(&self) -> Option<()> {
        let [a, b] = [&self.a, &self.b].map(|given| noise::<E>(given.place.len, given.seed));
        let (left, right) = (self.a.place.view(&a)?, self.b.place.view(&b)?);
        let (m, n, k) = (self.c.rows, self.c.cols, self.a.place.cols);
        let bias = noise::<E>(if self.bias == 1 { m } else { n }, 9);
        let before = noise::<E>(self.c.len, 11);
        let mut data = before.clone();
        let Place { rows, cols, row_stride, col_stride, offset, .. } = self.c;
        let c = MatMut::try_new(&mut data, offset, rows, cols, row_stride, col_stride);
        let epilogue = Epilogue {
            bias: match self.bias {
                1 => Bias::PerRow(&bias),
                2 => Bias::PerColumn(&bias),
                _ => Bias::None,
            },
            activation: self.activation,
        };
        let (alpha, beta) = (E::from_f64(self.alpha), E::from_f64(self.beta));
        Gemm { alpha, beta, epilogue, ..Gemm::new(left, right, refused(c)?) }.run();

        let mut written = vec![false; data.len()];
        for i in 0..m {
            for j in 0..n {
                let at = self.c.index(i, j);
                written[at] = true;
                let mut sum = Products::default();
                for p in 0..k {
                    let (x, y) = (left.get(i, p).to_f64(), right.get(p, j).to_f64());
                    sum.add(self.alpha * x, y);
                }
                if self.beta != 0.0 {
                    sum.add(self.beta, before[at].to_f64());
                }
                match self.bias {
                    1 => sum.add(1.0, bias[i].to_f64()),
                    2 => sum.add(1.0, bias[j].to_f64()),
                    _ => {}
                }
                let exact = value(self.activation, sum.value());
                let error = (data[at].to_f64() - exact).abs();
                let bound = sum.bound::<E>() + 4.0 * E::EPSILON.to_f64() * exact.abs();
                assert!(
                    error <= bound,
                    "({i}, {j}) is {}, exactly {exact}, off by {error:e} of {bound:e}, in {self:?}",
                    data[at]
                );
            }
        }
        for (at, written) in written.iter().enumerate() {
            assert!(*written || data[at] == before[at], "element {at} was written in {self:?}");
        }
        Some(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let [m, n, k] = [(); 3].map(|()| size(&mut bytes));
    let double = bytes.next() % 2 == 1;
    let case = Case {
        a: Given::new(&mut bytes, m, k),
        b: Given::new(&mut bytes, k, n),
        c: Place::new(&mut bytes, m, n),
        alpha: factor(&mut bytes),
        beta: factor(&mut bytes),
        bias: bytes.next() % 3,
        activation: [Activation::Identity, Activation::Relu, Activation::Tanh][bytes.next() % 3],
        threads: 1 + bytes.next() % 4,
    };
    let places = [case.a.place, case.b.place, case.c];
    if m.saturating_mul(n).saturating_mul(k) > MOST || places.iter().any(|at| at.len > LONGEST) {
        return;
    }
    for level in Level::available() {
        let check = || if double { case.check::<f64>() } else { case.check::<f32>() };
        with_level(level, || on_threads(case.threads, check)).expect("the level is available");
    }
});
