//! [`RandomStream`]: the random numbers of a layer.

use std::sync::atomic::{AtomicU64, Ordering};

use wengert_kernels::random::Stream;

/// The random numbers of a layer: a seed, and the number of forward passes that have drawn from it.
/// Each pass has a stream of its own, the same one in every run with the same seed.
///
/// The stream is a part of its layer, so that a checkpoint saves it: a resumed training run draws
/// the same numbers as an uninterrupted run.
///
/// ```
/// use wengert_nn::RandomStream;
/// let stream = RandomStream::new(7);
/// let (first, second) = (stream.next_stream(), stream.next_stream());
/// assert_ne!(first, second);
/// stream.set_position([7, 1]);
/// assert_eq!(stream.next_stream(), second);
/// ```
#[derive(Debug)]
pub struct RandomStream {
    seed: AtomicU64,
    passes: AtomicU64,
}

impl RandomStream {
    /// Creates the stream of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed: AtomicU64::new(seed), passes: AtomicU64::new(0) }
    }

    /// Returns the random numbers of the next forward pass.
    pub fn next_stream(&self) -> Stream {
        let pass = self.passes.fetch_add(1, Ordering::Relaxed);
        Stream::new(self.seed.load(Ordering::Relaxed), pass)
    }

    /// The seed, and the number of forward passes that have drawn.
    pub fn position(&self) -> [u64; 2] {
        [&self.seed, &self.passes].map(|number| number.load(Ordering::Relaxed))
    }

    /// Continues at another [`position`](Self::position).
    pub fn set_position(&self, [seed, passes]: [u64; 2]) {
        self.seed.store(seed, Ordering::Relaxed);
        self.passes.store(passes, Ordering::Relaxed);
    }
}

/// The clone draws the same numbers.
impl Clone for RandomStream {
    fn clone(&self) -> Self {
        let [seed, passes] = self.position().map(AtomicU64::new);
        Self { seed, passes }
    }
}
