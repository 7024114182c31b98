//! Measures matrix products: the FMA peak of one core, then each case as a share of it.
//!
//! `cargo run --release -p wengert-kernels --example gemm_bench -- [f32|f64] [MxNxK[tn]]...`
//! A trailing `tn`, `nt` or `tt` stores the first, the second or both operands transposed.

use std::hint::black_box;
use std::time::Instant;

use wengert_kernels::Element;
use wengert_kernels::gemm::{Gemm, MatMut, MatRef};
use wengert_kernels::simd::{Kernel, Lanes, Simd, dispatch};

/// Independent chains of multiply-adds, enough to cover the latency.
struct Peak<E>(usize, E);

impl<E: Element> Kernel for Peak<E> {
    type Output = (usize, E);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        const CHAINS: usize = 12;
        let half = E::Vector::<S>::splat(simd, black_box(E::from_f64(0.5)));
        let mut sums = [E::Vector::<S>::splat(simd, E::ONE); CHAINS];
        for _ in 0..self.0 {
            for sum in &mut sums {
                *sum = sum.mul_add(half, half);
            }
        }
        let mut total = sums[0];
        for sum in &sums[1..] {
            total = total + *sum;
        }
        (self.0 * CHAINS * E::Vector::<S>::LANES * 2, total.reduce_sum())
    }
}

/// The lower decile of the time of a call, over repetitions that fill a tenth of a second: on a
/// shared machine what is above it measures the neighbours.
fn seconds(mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    call();
    let once = start.elapsed().as_secs_f64().max(1e-9);
    let inner = ((2e-3 / once) as usize).clamp(1, 1_000_000);
    let mut times: Vec<f64> = (0..51)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..inner {
                call();
            }
            start.elapsed().as_secs_f64() / inner as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}

fn peak<E: Element>() -> f64 {
    let mut operations = 0;
    let time = seconds(|| {
        let (count, sum) = dispatch(Peak(20_000, E::ONE));
        operations = count;
        black_box(sum);
    });
    operations as f64 / time
}

fn case<E: Element>(name: &str) -> Result<(), String> {
    let shape = name.trim_end_matches(char::is_alphabetic);
    let layout = &name[shape.len()..];
    let sizes: Vec<usize> = shape.split('x').filter_map(|size| size.parse().ok()).collect();
    let [m, n, k] = sizes[..] else {
        return Err(format!("a case is written MxNxK with an optional tn, nt or tt, not {name:?}"));
    };
    let value = |i: usize| E::from_f64(((i * 7919) % 1009) as f64 / 1009.0 - 0.5);
    let a: Vec<E> = (0..m * k).map(value).collect();
    let b: Vec<E> = (0..k * n).map(|i| value(i + 31)).collect();
    let mut c = vec![E::ZERO; m * n];
    let left = match layout {
        "tn" | "tt" => MatRef::row_major(&a, k, m).t(),
        _ => MatRef::row_major(&a, m, k),
    };
    let right = match layout {
        "nt" | "tt" => MatRef::row_major(&b, n, k).t(),
        _ => MatRef::row_major(&b, k, n),
    };
    Gemm::new(left, right, MatMut::row_major(&mut c, m, n)).run();
    for (i, j) in [(0, 0), (m / 2, n / 2), (m - 1, n - 1)] {
        let exact: f64 = (0..k).map(|p| left.get(i, p).to_f64() * right.get(p, j).to_f64()).sum();
        let error = (c[i * n + j].to_f64() - exact).abs();
        let bound = (k + 2) as f64 * E::EPSILON.to_f64() * k as f64 * 0.25;
        if error > bound {
            return Err(format!("{name}: element ({i}, {j}) is off by {error}"));
        }
    }
    let time = seconds(|| {
        Gemm::new(left, right, MatMut::row_major(black_box(&mut c), m, n)).run();
    });
    let rate = 2.0 * m as f64 * n as f64 * k as f64 / time;
    let top = peak::<E>();
    println!(
        "{} {name:>18}: {:9.3} us {:8.2} GFLOP/s {:6.1} % of {:.1}",
        E::NAME,
        time * 1e6,
        rate / 1e9,
        100.0 * rate / top,
        top / 1e9
    );
    Ok(())
}

const CASES: &[&str] = &[
    "8x8x8",
    "16x16x16",
    "24x24x24",
    "32x32x32",
    "48x48x48",
    "64x64x64",
    "96x96x96",
    "128x128x128",
    "256x256x256",
    "512x512x512",
    "1024x1024x1024",
    "64x64x32",
    "32x64x64",
    "4x8x2",
    "4x1x8",
    "128x512x784",
    "128x512x784nt",
    "512x784x128tn",
    "128x784x512",
    "128x512x512",
    "128x512x512nt",
    "512x512x128tn",
    "64x128x784",
    "64x128x784nt",
    "128x784x64tn",
    "32x100x100",
    "32x100x100nt",
    "100x100x32tn",
    "1x1024x1024",
    "1x1024x1024nt",
    "8x1024x1024",
    "8x1024x1024nt",
    "1024x10x128",
    "7x1023x511",
    "1000x3x1000",
    "2048x2048x1",
];

fn main() -> Result<(), String> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let double = arguments.first().is_some_and(|first| first == "f64");
    arguments.retain(|argument| argument != "f64" && argument != "f32");
    if arguments.is_empty() {
        arguments = CASES.iter().map(ToString::to_string).collect();
    }
    for name in &arguments {
        if double { case::<f64>(name)? } else { case::<f32>(name)? }
    }
    Ok(())
}
