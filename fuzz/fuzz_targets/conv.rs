//! Convolutions of geometries decoded from arbitrary bytes, compared with the naive loop: the
//! result, the transpose and the gradient by the weight, on every level that the CPU has. A
//! geometry is refused with a one-line error, or it is computed and nothing is read or written out
//! of bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::Bytes;
use wengert_kernels::Element;
use wengert_kernels::conv::{Channels, Conv, ConvGeometry, ConvTranspose, ConvWeightGrad};
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::conv::{self as naive, Products};
use wengert_kernels::testing::{Guarded, noise};
use wengert_kernels::window::Window;

/// Maximum number of products of a case, so that a run has many cases.
const MOST: usize = 1 << 16;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let window = Window {
        kernel: bytes.pair(7),
        stride: bytes.pair(5),
        padding: [bytes.pair(5), bytes.pair(5)],
        dilation: bytes.pair(4),
    };
    let groups = bytes.size(5);
    let [inputs, outputs] = [bytes.size(5), bytes.size(24)];
    let channels = Channels {
        input: inputs.saturating_mul(groups),
        output: outputs.saturating_mul(groups),
        groups,
    };
    let (batch, image, extra) = (bytes.size(4), [bytes.size(12), bytes.size(80)], bytes.pair(4));
    let (flags, seed) = (bytes.next(), bytes.next() as u64);
    // Some batches are about as large as a vector: then its lanes may be images.
    let batch = if flags & 128 == 0 { batch } else { batch.saturating_mul(9) };
    let geometry = if flags & 1 == 0 {
        ConvGeometry::new(batch, channels, image, window)
    } else {
        ConvGeometry::transposed(batch, channels, image, window, extra)
    };
    let geometry = match geometry {
        Ok(geometry) => geometry,
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
            return;
        }
    };
    let [_, _, rows, cols] = geometry.output_shape();
    let [_, depth, height, width] = geometry.weight_shape();
    let products = [batch, channels.output, rows, cols, depth, height, width];
    let shapes = [geometry.input_shape(), geometry.output_shape(), geometry.weight_shape()];
    // Also bounds the sizes of an empty array, as if its empty axis had one position.
    let size =
        |sizes: &[usize]| sizes.iter().fold(1, |all: usize, &n| all.saturating_mul(n.max(1)));
    if size(&products) > MOST || shapes.iter().any(|shape| size(shape) > MOST) {
        return;
    }
    let case = Case { geometry, beta: if flags & 2 == 0 { 0.0 } else { -0.5 }, flags, seed };
    for level in Level::available() {
        with_level(
            level,
            || if flags & 4 == 0 { case.check::<f32>() } else { case.check::<f64>() },
        )
        .expect("an available level");
    }
});

#[derive(Debug)]
struct Case {
    geometry: ConvGeometry,
    beta: f64,
    flags: usize,
    seed: u64,
}

impl Case {
    fn check<E: Element>(&self) {
        let geometry = self.geometry;
        let array = |shape: [usize; 4], seed| {
            Guarded::<E>::new(&noise(shape.iter().product(), self.seed + seed), self.flags >> 3 & 3)
        };
        let (x, w, y) = (
            array(geometry.input_shape(), 1),
            array(geometry.weight_shape(), 2),
            array(geometry.output_shape(), 3),
        );
        let beta = E::from_f64(self.beta);
        self.compare("forward", &naive::forward(&geometry, &x, &w), |out| {
            Conv { beta, ..Conv::new(geometry, &x, &w, out) }.run();
        });
        self.compare("transpose", &naive::transpose(&geometry, &y, &w), |out| {
            ConvTranspose { beta, ..ConvTranspose::new(geometry, &y, &w, out) }.run();
        });
        self.compare("weight", &naive::weight_grad(&geometry, &x, &y), |out| {
            ConvWeightGrad { beta, ..ConvWeightGrad::new(geometry, &x, &y, out) }.run();
        });
    }

    fn compare<E: Element>(&self, name: &str, sums: &[Products], run: impl FnOnce(&mut [E])) {
        let before = noise::<E>(sums.len(), self.seed + 4);
        let mut out = if self.beta == 0.0 {
            Guarded::<E>::poisoned(sums.len(), 1)
        } else {
            Guarded::new(&before, 1)
        };
        run(&mut out);
        for (i, &sum) in sums.iter().enumerate() {
            let mut sum = sum;
            if self.beta != 0.0 {
                sum.add(self.beta, before[i].to_f64());
            }
            let error = (out[i].to_f64() - sum.value()).abs();
            assert!(
                error <= sum.bound::<E>(),
                "{name}: element {i} is {}, exactly {}, in {self:?}",
                out[i],
                sum.value()
            );
        }
    }
}
