//! The time of the activation kernels on this machine, for elements in cache and in memory.

use std::hint::black_box;
use std::time::Instant;

use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};
use serde::Serialize;
use wengert::Activation;
use wengert::kernels::activation::{backward, forward};

use crate::statistics::median;

/// The number of elements that fit into the first-level cache together with the results.
const IN_CACHE: usize = 4096;

/// The number of elements that fit into no cache: 64 MiB.
const OUT_OF_CACHE: usize = 16 << 20;

/// Nanoseconds per element on one thread: medians of interleaved repetitions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// The activation.
    pub activation: Activated,
    /// The forward pass, in the first-level cache.
    pub forward_in_cache: f64,
    /// The backward pass, in the first-level cache.
    pub backward_in_cache: f64,
    /// The forward pass, from memory to memory.
    pub forward_out_of_cache: f64,
    /// The backward pass, from memory to memory.
    pub backward_out_of_cache: f64,
}

/// An activation that is serialized as its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activated(pub Activation);

impl Serialize for Activated {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Measures some activations on one thread; each repetition measures all of them. `repetitions` is
/// the number for elements in memory, where one takes about 0.1 s for an activation.
///
/// # Errors
/// If the system does not start the thread.
pub fn costs(
    activations: &[Activation],
    repetitions: usize,
) -> Result<Vec<Cost>, ThreadPoolBuildError> {
    let pool = ThreadPoolBuilder::new().num_threads(1).build()?;
    Ok(pool.install(|| {
        let [forward_in_cache, backward_in_cache] = medians(activations, IN_CACHE, 400, 15);
        let [forward_out_of_cache, backward_out_of_cache] =
            medians(activations, OUT_OF_CACHE, 1, repetitions);
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

/// The medians of forward and backward pass for each activation.
fn medians(
    activations: &[Activation],
    len: usize,
    calls: usize,
    repetitions: usize,
) -> [Vec<f64>; 2] {
    // Arguments from -4 to 4 in an irregular order, which a branch predictor cannot learn.
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
