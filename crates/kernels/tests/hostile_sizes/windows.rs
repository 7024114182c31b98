//! Windows, convolutions and pools.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use wengert_kernels::conv::{Channels, Conv, ConvGeometry, ConvTranspose, ConvWeightGrad};
use wengert_kernels::pool::{self, AdaptiveGeometry, PoolGeometry};
use wengert_kernels::testing::conv::{each_product, each_seen};
use wengert_kernels::window::Window;

use crate::HOSTILE;
use crate::report::{Report, Want};
use crate::slices::OUTSIDE;

const CASES: usize = 30_000;

/// The most elements of an array that a case makes.
const MOST: u128 = 1 << 11;

/// A size, hostile one time in eight.
fn size(rng: &mut Pcg64) -> usize {
    match rng.random_range(0..8) {
        0 => HOSTILE[rng.random_range(0..HOSTILE.len())] >> rng.random_range(0..6),
        _ => rng.random_range(0..5),
    }
}

fn pair(rng: &mut Pcg64) -> [usize; 2] {
    [size(rng), size(rng)]
}

/// A window, often of one position: then its other sizes may be any.
fn any_window(rng: &mut Pcg64) -> Window {
    let or_one = |rng: &mut Pcg64, [a, b]: [usize; 2]| match rng.random_range(0..3) {
        0 => [1, b.max(1)],
        1 => [1, 1],
        _ => [a, b],
    };
    let [kernel, stride, dilation] = [(); 3].map(|()| pair(rng));
    Window {
        kernel: or_one(rng, kernel),
        stride: or_one(rng, stride),
        padding: if rng.random() { [[0; 2]; 2] } else { [pair(rng), pair(rng)] },
        dilation: or_one(rng, dilation),
    }
}

fn count(shape: [usize; 4]) -> u128 {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().fold(1, |product: u128, &size| product.saturating_mul(size as u128))
}

/// Whole numbers, of which sums are exact.
fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7 + seed * 3) % 5) as f32 - 2.0).collect()
}

fn expect<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn window_case(report: &mut Report, rng: &mut Pcg64) {
    let (window, input) = (any_window(rng), pair(rng));
    let right = |round: fn(u128, u128) -> u128| {
        let axis = |axis: usize| {
            let [before, after] = window.padding[axis].map(|padding| padding as u128);
            let (kernel, stride) = (window.kernel[axis] as u128, window.stride[axis] as u128);
            let extent = kernel.checked_sub(1)? * window.dilation[axis] as u128 + 1;
            let room = (input[axis] as u128 + before + after).checked_sub(extent)?;
            (stride > 0).then(|| round(room, stride) + 1)
        };
        Some([axis(0)?, axis(1)?])
    };
    let given = format!("{window:?} on {input:?}");
    report.call("Window::output", &given, Want::Either, || {
        let output = expect(window.output(input));
        right(|room, stride| room / stride) == Some(output.map(|size| size as u128))
    });
    report.call("Window::output_ceil", &given, Want::Either, || {
        let output = expect(window.output_ceil(input));
        let (low, high) = (right(|room, stride| room / stride), right(u128::div_ceil));
        let (Some(low), Some(high)) = (low, high) else { return false };
        (0..2).all(|axis| (low[axis]..=high[axis]).contains(&(output[axis] as u128)))
    });
}

pub fn window(report: &mut Report) {
    let mut rng = Pcg64::seed_from_u64(1);
    for _ in 0..CASES {
        window_case(report, &mut rng);
    }
}

fn channels(rng: &mut Pcg64) -> Channels {
    let (a, b) = (size(rng), size(rng));
    match rng.random_range(0..4) {
        0 => Channels::depthwise(a, b),
        1 => Channels { input: a, output: b, groups: size(rng) },
        _ => Channels::new(a, b),
    }
}

pub fn conv(report: &mut Report) {
    let mut rng = Pcg64::seed_from_u64(2);
    for _ in 0..CASES {
        let (batch, channels, input) = (size(&mut rng), channels(&mut rng), pair(&mut rng));
        let (window, extra) = (any_window(&mut rng), pair(&mut rng));
        let given = format!("{batch} x {channels:?} x {input:?} with {window:?}");
        let mut geometries = Vec::new();
        report.call("ConvGeometry::new", &given, Want::Either, || {
            geometries.push(expect(ConvGeometry::new(batch, channels, input, window)));
            true
        });
        report.call(
            "ConvGeometry::transposed",
            format!("{given}, {extra:?}"),
            Want::Either,
            || {
                let made = ConvGeometry::transposed(batch, channels, input, window, extra);
                geometries.push(expect(made));
                true
            },
        );
        for geometry in geometries {
            convolve(report, geometry);
        }
    }
    // A step that leads nowhere.
    for step in HOSTILE {
        let window = Window::new([1, 1]).dilation([step, step]);
        let made = ConvGeometry::new(2, Channels::new(2, 3), [2, 5], window);
        convolve(report, expect(made));
    }
    let geometry = ConvGeometry::new(1, Channels::new(1, 1), [1, 4], Window::line(2, 1, 0, 1));
    let geometry = expect(geometry);
    for activation in OUTSIDE {
        report.call("Conv::run", activation, Want::Refusal, || {
            let mut y = [0.0_f32; 3];
            Conv { activation, ..Conv::new(geometry, &[1.0; 4], &[1.0; 2], &mut y) }.run();
            true
        });
        report.call("ConvTranspose::run", activation, Want::Refusal, || {
            let mut x = [0.0_f32; 4];
            let plain = ConvTranspose::new(geometry, &[1.0; 3], &[1.0; 2], &mut x);
            ConvTranspose { activation, ..plain }.run();
            true
        });
    }
}

/// Calls the kernels with arrays of the right lengths, if there can be such, and with empty ones.
fn convolve(report: &mut Report, geometry: ConvGeometry) {
    let given = format!("{geometry:?}");
    let shapes = [geometry.input_shape(), geometry.weight_shape(), geometry.output_shape()];
    let counts = shapes.map(count);
    let fits = counts.iter().all(|&count| count <= MOST);
    let [nx, nw, ny] = if fits { counts.map(|count| count as usize) } else { [0; 3] };
    let want = |needed: &[u128]| {
        if fits { Want::Answer } else { Want::answer_if(needed.iter().all(|&count| count == 0)) }
    };
    let (x, w, y) = (numbers(nx, 1), numbers(nw, 2), numbers(ny, 3));
    let (mut right_x, mut right_w, mut right_y) = (vec![0.0; nx], vec![0.0; nw], vec![0.0; ny]);
    if fits && nx > 0 && nw > 0 && ny > 0 {
        each_product(&geometry, |i, k, o| {
            right_y[o] += x[i] * w[k];
            right_x[i] += y[o] * w[k];
            right_w[k] += y[o] * x[i];
        });
    }
    report.call("Conv::run", &given, want(&counts), || {
        let mut out = vec![f32::NAN; ny];
        Conv::new(geometry, &x, &w, &mut out).run();
        out == right_y
    });
    report.call("ConvTranspose::run", &given, want(&counts), || {
        let mut out = vec![f32::NAN; nx];
        ConvTranspose::new(geometry, &y, &w, &mut out).run();
        out == right_x
    });
    report.call("ConvWeightGrad::run", &given, want(&counts), || {
        let mut out = vec![f32::NAN; nw];
        ConvWeightGrad::new(geometry, &x, &y, &mut out).run();
        out == right_w
    });
}

pub fn pool(report: &mut Report) {
    let mut rng = Pcg64::seed_from_u64(3);
    for _ in 0..CASES {
        let (planes, input, window) = (size(&mut rng), pair(&mut rng), any_window(&mut rng));
        let given = format!("{planes} x {input:?} with {window:?}");
        let mut geometries = Vec::new();
        report.call("PoolGeometry::new", &given, Want::Either, || {
            geometries.push(expect(PoolGeometry::new(planes, input, window)));
            true
        });
        report.call("PoolGeometry::ceil", &given, Want::Either, || {
            geometries.push(expect(PoolGeometry::ceil(planes, input, window)));
            true
        });
        for geometry in geometries {
            pooled(report, &geometry);
        }
        let output = pair(&mut rng);
        let mut geometry = None;
        let given = format!("{planes} x {input:?} to {output:?}");
        report.call("AdaptiveGeometry::new", &given, Want::Either, || {
            geometry = Some(expect(AdaptiveGeometry::new(planes, input, output)));
            true
        });
        if let Some(geometry) = geometry {
            adaptive(report, &geometry);
        }
    }
}

/// Arrays of the right lengths, if there can be such, else empty ones, which must be refused unless
/// they are right.
fn arrays(planes: usize, input: [usize; 2], output: [usize; 2]) -> (Vec<f32>, Vec<f32>, Want) {
    let counts = [input, output].map(|[rows, cols]| count([planes, 1, rows, cols]));
    let fits = counts.iter().all(|&count| count <= MOST);
    let [nx, ny] = if fits { counts.map(|count| count as usize) } else { [0; 2] };
    (numbers(nx, 1), numbers(ny, 2), Want::answer_if(fits))
}

fn pooled(report: &mut Report, geometry: &PoolGeometry) {
    let (input, output, window) = (geometry.input(), geometry.output(), geometry.window());
    let (x, gy, want) = arrays(geometry.planes(), input, output);
    let given = format!("{geometry:?}");
    let mut right = vec![f32::NEG_INFINITY; gy.len()];
    if !gy.is_empty() && window.kernel[0] * window.kernel[1] <= MOST as usize {
        for (at, right) in right.iter_mut().enumerate() {
            let place = [at / output[1] % output[0], at % output[1]];
            let plane = at / (output[0] * output[1]) * input[0];
            each_seen(&window, input, place, |[row, col], _| {
                *right = right.max(x[(plane + row) * input[1] + col]);
            });
        }
    }
    let fresh = |len: usize| vec![f32::NAN; len];
    report.call("max_pool", &given, want, || {
        let mut y = fresh(gy.len());
        pool::max_pool(geometry, &x, &mut y);
        y == right
    });
    report.call("max_pool_grad", &given, want, || {
        let mut gx = fresh(x.len());
        pool::max_pool_grad(geometry, &x, &gy, &mut gx);
        gx.iter().all(|gx| gx.is_finite())
    });
    report.call("max_pool_pick", &given, want, || {
        let mut y = fresh(gy.len());
        pool::max_pool_pick(geometry, &x, &x, &mut y);
        y.iter().zip(&right).all(|(y, right)| y == right || *right == f32::NEG_INFINITY)
    });
    for include in [false, true] {
        report.call("avg_pool", &given, want, || {
            let mut y = fresh(gy.len());
            pool::avg_pool(geometry, include, &x, &mut y);
            y.iter().all(|y| (-2.0..=2.0).contains(y))
        });
        report.call("avg_pool_grad", &given, want, || {
            let mut gx = fresh(x.len());
            pool::avg_pool_grad(geometry, include, &gy, &mut gx);
            gx.iter().all(|gx| gx.is_finite())
        });
    }
}

fn adaptive(report: &mut Report, geometry: &AdaptiveGeometry) {
    let (x, gy, want) = arrays(geometry.planes(), geometry.input(), geometry.output());
    let given = format!("{geometry:?}");
    report.call("adaptive_avg_pool", &given, want, || {
        let mut y = vec![f32::NAN; gy.len()];
        pool::adaptive_avg_pool(geometry, &x, &mut y);
        y.iter().all(|y| (-2.0..=2.0).contains(y))
    });
    report.call("adaptive_avg_pool_grad", &given, want, || {
        let mut gx = vec![f32::NAN; x.len()];
        pool::adaptive_avg_pool_grad(geometry, &gy, &mut gx);
        (gx.iter().sum::<f32>() - gy.iter().sum::<f32>()).abs() < 1e-2
    });
}
