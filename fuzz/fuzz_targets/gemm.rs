//! Matrix products described by arbitrary bytes against sums in twice the precision: shape, strides,
//! offsets, factors, bias, activation, how each operand is stored and what is done to it first, the
//! number of threads; on every level the CPU has. A matrix is refused in a one-line error or its
//! product computed; nothing beside C is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::{Bytes, on_threads};
use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation};
use wengert_kernels::bf16::Bf16;
use wengert_kernels::gemm::{
    Bias, Epilogue, Gemm, MatMut, MatRef, MatrixError, Operand, Packed, Prologue,
};
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::conv::Products;
use wengert_kernels::testing::noise;

/// The most products of a case, so that a run has many.
const MOST: usize = 1 << 16;
/// The longest array.
const LONGEST: usize = 1 << 16;

/// A size that is mostly small.
fn size(bytes: &mut Bytes<'_>) -> usize {
    match bytes.next() {
        255 => 4 * bytes.next(),
        byte => byte % 80,
    }
}

fn factor(bytes: &mut Bytes<'_>) -> f64 {
    [1.0, 0.0, -0.5, 2.0][bytes.below(4)]
}

/// Where the elements of a matrix lie.
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
        // Sometimes an element too few.
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

/// What there is, or nothing after a look at the error.
fn refused<T>(result: Result<T, MatrixError>) -> Option<T> {
    result
        .map_err(|error| {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
        })
        .ok()
}

/// An operand of the case: where its elements are, how they are stored, what is done to them.
#[derive(Clone, Copy, Debug)]
struct Given {
    place: Place,
    second: Place,
    storage: usize,
    prologue: usize,
    seed: u64,
}

impl Given {
    fn new(bytes: &mut Bytes<'_>, rows: usize, cols: usize) -> Self {
        let place = Place::new(bytes, rows, cols);
        let second = Place::new(bytes, rows, cols);
        let (storage, prologue) = (bytes.next() % 3, bytes.next() % 5);
        Self { place, second, storage, prologue, seed: bytes.next() as u64 }
    }
}

/// The arrays behind an operand.
struct Arrays<E> {
    elements: Vec<E>,
    halves: Vec<Bf16>,
    second: Vec<E>,
}

/// Element types, and which operands of halves they know.
trait Halves: Element {
    fn operand<'a>(place: &Place, arrays: &'a Arrays<Self>) -> Option<Operand<'a, Self>>;
}

impl Halves for f32 {
    fn operand<'a>(place: &Place, arrays: &'a Arrays<Self>) -> Option<Operand<'a, Self>> {
        place.view(&arrays.halves).map(Operand::from)
    }
}

impl Halves for f64 {
    fn operand<'a>(place: &Place, arrays: &'a Arrays<Self>) -> Option<Operand<'a, Self>> {
        place.view(&arrays.elements).map(Operand::from)
    }
}

impl<E: Halves> Arrays<E> {
    fn new(given: &Given) -> Self {
        let numbers = noise::<f64>(given.place.len, given.seed);
        let halves: Vec<_> = numbers.iter().map(|&x| Bf16::from_f32(x as f32)).collect();
        let element = |(&x, half): (&f64, &Bf16)| {
            E::from_f64(if given.storage == 1 { f64::from(half.to_f32()) } else { x })
        };
        let elements = numbers.iter().zip(&halves).map(element).collect();
        Self { elements, halves, second: noise(given.second.len, given.seed + 1) }
    }

    fn operand(&self, given: &Given) -> Option<Operand<'_, E>> {
        let operand = match given.storage {
            1 => E::operand(&given.place, self)?,
            _ => given.place.view(&self.elements)?.into(),
        };
        let second = given.second.view(&self.second)?;
        Some(operand.with(match given.prologue {
            0 => Prologue::Times(second),
            1 => Prologue::Derivative { activation: Activation::Relu, saved: second },
            2 => Prologue::Derivative { activation: Activation::Tanh, saved: second },
            3 => Prologue::Activation(Activation::Gelu),
            _ => Prologue::None,
        }))
    }

    /// The elements of the product's operand, row after row.
    fn made(&self, given: &Given) -> Vec<E> {
        let gather = |place: &Place, data: &[E]| -> Vec<E> {
            let at = |i: usize| data[place.index(i / place.cols, i % place.cols)];
            (0..place.rows * place.cols).map(at).collect()
        };
        let x = gather(&given.place, &self.elements);
        let y = gather(&given.second, &self.second);
        let mut made = x.clone();
        match given.prologue {
            0 => made.iter_mut().zip(&y).for_each(|(x, &y)| *x = *x * y),
            1 => activation::backward(Activation::Relu, &x, &y, &mut made),
            2 => activation::backward(Activation::Tanh, &x, &y, &mut made),
            3 => activation::forward_in_place(Activation::Gelu, &mut made),
            _ => {}
        }
        made
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
    fn check<E: Halves>(&self) -> Option<()> {
        let [a, b] = [&self.a, &self.b].map(Arrays::<E>::new);
        let (left, right) = (a.operand(&self.a)?, b.operand(&self.b)?);
        let (left_packed, right_packed);
        let left = if self.a.storage == 2 {
            left_packed = Packed::left(left);
            Operand::from(&left_packed)
        } else {
            left
        };
        let right = if self.b.storage == 2 {
            right_packed = Packed::right(right);
            Operand::from(&right_packed)
        } else {
            right
        };
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

        let (x, y) = (a.made(&self.a), b.made(&self.b));
        let mut written = vec![false; data.len()];
        for i in 0..m {
            for j in 0..n {
                let at = self.c.index(i, j);
                written[at] = true;
                let mut sum = Products::default();
                for p in 0..k {
                    sum.add(self.alpha * x[i * k + p].to_f64(), y[p * n + j].to_f64());
                }
                if self.beta != 0.0 {
                    sum.add(self.beta, before[at].to_f64());
                }
                match self.bias {
                    1 => sum.add(1.0, bias[i].to_f64()),
                    2 => sum.add(1.0, bias[j].to_f64()),
                    _ => {}
                }
                let exact = match self.activation {
                    Activation::Relu => sum.value().max(0.0),
                    Activation::Tanh => sum.value().tanh(),
                    _ => sum.value(),
                };
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
    let places = [case.a.place, case.a.second, case.b.place, case.b.second, case.c];
    if m.saturating_mul(n).saturating_mul(k) > MOST || places.iter().any(|at| at.len > LONGEST) {
        return;
    }
    for level in Level::available() {
        let check = || if double { case.check::<f64>() } else { case.check::<f32>() };
        with_level(level, || on_threads(case.threads, check)).expect("the level is available");
    }
});
