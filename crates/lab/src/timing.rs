//! What the activation kernels cost on this machine: nanoseconds an element, in cache and out of it.

use std::hint::black_box;
use std::time::Instant;

use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};
use serde::Serialize;
use wengert::Activation;
use wengert::kernels::activation::{backward, forward};

/// Elements that fit the first cache together with the results.
const IN_CACHE: usize = 4096;

/// Elements that fit no cache: 64 MiB.
const OUT_OF_CACHE: usize = 16 << 20;

/// Nanoseconds an element on one thread, medians of interleaved repetitions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Which.
    pub activation: Activated,
    /// The value, in the first cache.
    pub forward_in_cache: f64,
    /// The derivative, times a gradient.
    pub backward_in_cache: f64,
    /// The value, from memory to memory.
    pub forward_out_of_cache: f64,
    /// The derivative.
    pub backward_out_of_cache: f64,
}

/// An activation that is written as its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activated(pub Activation);

impl Serialize for Activated {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Times some activations, one after the other in each repetition, on one thread.
///
/// # Errors
/// If the system refuses the thread.
pub fn costs(activations: &[Activation]) -> Result<Vec<Cost>, ThreadPoolBuildError> {
    let pool = ThreadPoolBuilder::new().num_threads(1).build()?;
    Ok(pool.install(|| {
        let [forward_in_cache, backward_in_cache] = medians(activations, IN_CACHE, 400, 15);
        let [forward_out_of_cache, backward_out_of_cache] =
            medians(activations, OUT_OF_CACHE, 1, 5);
        let cost = |(i, &activation): (usize, &Activation)| Cost {
            activation: Activated(activation),
            forward_in_cache: forward_in_cache[i],
            backward_in_cache: backward_in_cache[i],
            forward_out_of_cache: forward_out_of_cache[i],
            backward_out_of_cache: backward_out_of_cache[i],
        };
        activations.iter().enumerate().map(cost).collect()
    }))
}

/// Forward and backward, for each activation.
fn medians(
    activations: &[Activation],
    len: usize,
    calls: usize,
    repetitions: usize,
) -> [Vec<f64>; 2] {
    // Arguments as they occur: from -4 to 4, in no order that a predictor could learn.
    let x: Vec<f32> =
        (0..len).map(|i| (i.wrapping_mul(2_654_435_761) % 8192) as f32 / 1024.0 - 4.0).collect();
    let mut y = vec![0.0_f32; len];
    let mut times = [(); 2].map(|()| vec![Vec::new(); activations.len()]);
    for _ in 0..repetitions {
        for (i, &activation) in activations.iter().enumerate() {
            let mut time = |direction: usize, call: &mut dyn FnMut(&mut [f32])| {
                let started = Instant::now();
                for _ in 0..calls {
                    call(black_box(&mut y));
                }
                let nanoseconds = started.elapsed().as_secs_f64() * 1e9;
                times[direction][i].push(nanoseconds / (calls * len) as f64);
            };
            time(0, &mut |y| forward(activation, black_box(&x), y));
            time(1, &mut |y| backward(activation, black_box(&x), &x, y));
        }
    }
    times.map(|times| times.into_iter().map(median).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
