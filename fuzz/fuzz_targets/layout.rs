//! Strided views described by arbitrary bytes: a copy into row-major order equals an index-by-index
//! gather, on every level that the CPU has and one to three threads, and nothing beyond the output
//! is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::{Bytes, on_threads};
use wengert_kernels::Element;
use wengert_kernels::layout::{copy_rows, copy_strided};
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::oracle::gather;
use wengert_kernels::testing::{Guarded, assert_same_bits, noise};

/// Maximum number of elements of a view and of its source.
const MOST: usize = 1 << 15;

#[derive(Debug)]
struct View {
    shape: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
    len: usize,
}

impl View {
    fn new(bytes: &mut Bytes<'_>) -> Option<Self> {
        let rank = bytes.below(6);
        let shape: Vec<usize> = (0..rank)
            .map(|_| if bytes.below(6) == 5 { bytes.below(200) } else { bytes.below(9) })
            .collect();
        // The strides of a permuted dense array, some of them widened, zero or negative.
        let mut order: Vec<usize> = (0..rank).collect();
        for i in (1..rank).rev() {
            order.swap(i, bytes.below(i + 1));
        }
        let mut strides = vec![0_isize; rank];
        let mut step = 1_isize;
        for &axis in &order {
            strides[axis] = match bytes.below(8) {
                0 => 0,
                1 => -step,
                2 => bytes.below(5) as isize,
                _ => step,
            };
            step = step.checked_mul((shape[axis] + bytes.below(3) / 2).max(1) as isize)?;
        }
        let empty = shape.contains(&0);
        let span = |(&size, &stride): (&usize, &isize)| {
            if empty { 0 } else { (size as isize - 1) * stride }
        };
        let spans: Vec<isize> = shape.iter().zip(&strides).map(span).collect();
        let below: isize = spans.iter().map(|span| span.min(&0)).sum();
        let above: isize = spans.iter().map(|span| span.max(&0)).sum();
        let offset = below.unsigned_abs() + bytes.below(3);
        let len = offset + above.unsigned_abs() + 1;
        let count: usize = shape.iter().product();
        (count <= MOST && len <= MOST).then_some(View { shape, strides, offset, len })
    }

    fn check<E: Element>(&self, seed: u64) {
        let View { shape, strides, offset, len } = self;
        let source: Vec<E> = noise(*len, seed);
        let expected = gather(&source, *offset, shape, strides);
        let mut out = Guarded::poisoned(expected.len(), seed as usize % 7);
        copy_strided(&source, *offset, shape, strides, &mut out);
        assert_same_bits(&out, &expected, &format!("{self:?}"));
        if let (&[rows, run], &[stride, 1]) = (&shape[..], &strides[..])
            && rows * run > 0
        {
            let mut out = Guarded::poisoned(rows * run, seed as usize % 5);
            copy_rows(&source, *offset, stride, run, &mut out);
            assert_same_bits(&out, &expected, &format!("rows of {self:?}"));
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let (threads, double, seed) = (1 + bytes.below(3), bytes.below(2) == 1, bytes.next() as u64);
    let Some(view) = View::new(&mut bytes) else { return };
    for level in Level::available() {
        let check = || if double { view.check::<f64>(seed) } else { view.check::<f32>(seed) };
        with_level(level, || on_threads(threads, check)).expect("the level is available");
    }
});
