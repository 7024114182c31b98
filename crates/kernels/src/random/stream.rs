//! The name of a stream of random numbers.

/// A stream of random numbers, named by two numbers of the caller's: the same names give the same
/// fill, and different ones independent fills.
///
/// ```
/// use wengert_kernels::random::{Stream, fill_uniform};
/// let (mut a, mut b) = ([0.0_f32; 3], [0.0; 5]);
/// fill_uniform(Stream::new(7, 0), -1.0, 1.0, &mut a);
/// fill_uniform(Stream::new(7, 0), -1.0, 1.0, &mut b);
/// assert_eq!(a, b[..3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    pub(super) seed: u64,
    pub(super) number: u64,
}

impl Stream {
    /// The stream `number` of a seed.
    pub const fn new(seed: u64, number: u64) -> Self {
        Self { seed, number }
    }
}
