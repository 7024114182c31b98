//! From words to numbers, with no operation that is rounded differently on some level: products of
//! single numbers, never a fused multiply-add.

use super::philox::{BLOCKS, WORDS, Words};

/// The most numbers a group of blocks gives.
pub(super) const MOST: usize = BLOCKS * WORDS;

/// What an element makes of a group of blocks.
pub(super) trait Transform: Sized {
    /// The numbers a group gives.
    const GROUP: usize;

    /// Uniform in `[0, 1)`.
    fn uniform(words: &Words, out: &mut [Self; MOST]);

    /// The largest number below this one.
    fn next_down(self) -> Self;
}

impl Transform for f32 {
    const GROUP: usize = BLOCKS * WORDS;

    #[inline(always)]
    fn uniform(words: &Words, out: &mut [f32; MOST]) {
        for (words, out) in words.iter().zip(out.chunks_exact_mut(BLOCKS)) {
            for (word, out) in words.iter().zip(out) {
                *out = (word >> 8) as f32 * (1.0 / (1 << 24) as f32);
            }
        }
    }

    fn next_down(self) -> Self {
        f32::next_down(self)
    }
}

/// A number below `2^52`, as a float.
#[inline(always)]
fn from_52_bits(word: u64) -> f64 {
    const BASE: f64 = (1_u64 << 52) as f64;
    f64::from_bits(word | BASE.to_bits()) - BASE
}

impl Transform for f64 {
    const GROUP: usize = BLOCKS * WORDS / 2;

    #[inline(always)]
    fn uniform(words: &Words, out: &mut [f64; MOST]) {
        for (words, out) in words.chunks_exact(2).zip(out.chunks_exact_mut(BLOCKS)) {
            for ((high, low), out) in words[0].iter().zip(&words[1]).zip(out) {
                let word = u64::from(*high) << 32 | u64::from(*low);
                *out = from_52_bits(word >> 12) * (1.0 / (1_u64 << 52) as f64);
            }
        }
    }

    fn next_down(self) -> Self {
        f64::next_down(self)
    }
}
