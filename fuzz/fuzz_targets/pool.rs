//! Pools of geometries decoded from arbitrary bytes, compared with naive loops: maximum and mean
//! with their gradients, on every level that the CPU has, with ties, NaN and infinities among the
//! elements.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::Bytes;
use wengert_kernels::Element;
use wengert_kernels::pool::{self, PoolGeometry};
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::conv::each_seen;
use wengert_kernels::testing::{Guarded, noise};
use wengert_kernels::window::Window;

/// Maximum number of elements of a case and of window positions, so that a run has many cases.
const MOST: usize = 1 << 15;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let flags = bytes.next();
    let window = if flags & 1 == 0 {
        Window::new([2, 2]).stride([2, 2])
    } else {
        Window {
            kernel: bytes.pair(5),
            stride: bytes.pair(5),
            padding: [bytes.pair(3), bytes.pair(3)],
            dilation: bytes.pair(4),
        }
    };
    let (planes, input) = (bytes.size(4), [bytes.size(9), bytes.size(100)]);
    let seed = bytes.next() as u64;
    let make = if flags & 2 == 0 { PoolGeometry::new } else { PoolGeometry::ceil };
    let geometry = match make(planes, input, window) {
        Ok(geometry) => geometry,
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
            return;
        }
    };
    // Also bounds the sizes of an empty array, as if its empty axis had one position.
    let size = |all: usize, n: usize| all.saturating_mul(n.max(1));
    let area = |sizes: [usize; 2]| sizes.into_iter().fold(planes.max(1), size);
    let taps = window.kernel[0].saturating_mul(window.kernel[1]);
    if area(geometry.input()).max(area(geometry.output()).saturating_mul(taps)) > MOST {
        return;
    }
    let case = Case { geometry, seed, special: flags & 4 != 0, include: flags & 8 != 0 };
    for level in Level::available() {
        with_level(
            level,
            || {
                if flags & 16 == 0 { case.check::<f32>() } else { case.check::<f64>() }
            },
        )
        .expect("an available level");
    }
});

#[derive(Debug)]
struct Case {
    geometry: PoolGeometry,
    seed: u64,
    special: bool,
    include: bool,
}

impl Case {
    /// Few distinct values, so that maxima tie; occasionally a special one.
    fn values<E: Element>(&self, len: usize, special: bool) -> Vec<E> {
        let mut values = noise::<E>(len, self.seed);
        for (i, value) in values.iter_mut().enumerate() {
            *value = E::from_f64((value.to_f64() * 2.0).round());
            match (i as u64 * 7 + self.seed) % 23 {
                0 if special => *value = E::NAN,
                3..=8 if special => *value = E::NEG_INFINITY,
                9 if special => *value = E::INFINITY,
                _ => {}
            }
        }
        values
    }

    /// Calls `each` with every output and the positions of its window.
    fn outputs(&self, mut each: impl FnMut(usize, [usize; 2], &[usize])) {
        let geometry = &self.geometry;
        let ([height, width], [rows, cols]) = (geometry.input(), geometry.output());
        let mut seen = Vec::new();
        for plane in 0..geometry.planes() {
            for (i, j) in (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))) {
                seen.clear();
                each_seen(&geometry.window(), [height, width], [i, j], |[y, x], _| {
                    seen.push((plane * height + y) * width + x);
                });
                each((plane * rows + i) * cols + j, [i, j], &seen);
            }
        }
    }

    fn check<E: Element>(&self) {
        let geometry = &self.geometry;
        let [inputs, outputs] = [geometry.input(), geometry.output()]
            .map(|sizes| geometry.planes() * sizes[0] * sizes[1]);
        let x = Guarded::<E>::new(&self.values(inputs, self.special), 1);
        // Integers, whose sums are exact.
        let gy = Guarded::<E>::new(&self.values(outputs, false), 2);
        let (mut y, mut gx) = (Guarded::poisoned(outputs, 3), Guarded::poisoned(inputs, 1));
        pool::max_pool(geometry, &x, &mut y);
        pool::max_pool_grad(geometry, &x, &gy, &mut gx);
        let (mut want, mut want_grad) = (vec![E::NEG_INFINITY; outputs], vec![E::ZERO; inputs]);
        self.outputs(|out, _, seen| {
            let Some(&first) = seen.first() else { return };
            let mut at = first;
            for &i in seen {
                if !x[at].is_nan() && (x[i].is_nan() || x[i] > x[at]) {
                    at = i;
                }
            }
            want[out] = x[at];
            want_grad[at] += gy[out];
        });
        for (got, want) in y.iter().zip(&want) {
            assert!(got == want || got.is_nan() && want.is_nan(), "{got}, not {want}: {self:?}");
        }
        assert_eq!(*gx, *want_grad, "{self:?}");

        let plain = self.values::<E>(inputs, false);
        let (mut y, mut gx) = (Guarded::poisoned(outputs, 3), Guarded::poisoned(inputs, 1));
        pool::avg_pool(geometry, self.include, &plain, &mut y);
        pool::avg_pool_grad(geometry, self.include, &gy, &mut gx);
        let mut want_grad = vec![(0.0, 0.0, 0.0); inputs];
        let epsilon = E::EPSILON.to_f64();
        self.outputs(|out, place, seen| {
            let count = self.count(place, seen.len());
            let sum: f64 = seen.iter().map(|&i| plain[i].to_f64()).sum();
            let size: f64 = seen.iter().map(|&i| plain[i].to_f64().abs()).sum();
            if !seen.is_empty() {
                let error = (y[out].to_f64() - sum / count).abs();
                let bound = (seen.len() as f64 + 2.0) * epsilon * size / count;
                assert!(error <= bound, "mean {out} is off by {error} of {bound}: {self:?}");
            }
            for &i in seen {
                let part = gy[out].to_f64() / count;
                let (sum, size, terms) = want_grad[i];
                want_grad[i] = (sum + part, size + part.abs(), terms + 1.0);
            }
        });
        for (i, (got, (sum, size, terms))) in gx.iter().zip(want_grad).enumerate() {
            let error = (got.to_f64() - sum).abs();
            let bound = (terms + 2.0) * epsilon * size;
            assert!(error <= bound, "gradient {i} is off by {error} of {bound}: {self:?}");
        }
    }

    /// The divisor of the mean of an output.
    fn count(&self, place: [usize; 2], seen: usize) -> f64 {
        if !self.include {
            return seen as f64;
        }
        let (window, input) = (self.geometry.window(), self.geometry.input());
        let positions = [0, 1].map(|axis| {
            let first = place[axis] * window.stride[axis];
            let end = input[axis] + window.padding[axis][0] + window.padding[axis][1];
            (0..window.kernel[axis]).filter(|t| first + t * window.dilation[axis] < end).count()
        });
        (positions[0] * positions[1]) as f64
    }
}
