//! Random choices of a loader: counted draws, so that they can be continued, and weighted sampling
//! of examples.

use std::convert::Infallible;

use rand::{Rng, RngExt, SeedableRng, TryRng};
use rand_pcg::Pcg64;

/// A generator that counts the numbers it has drawn.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    seed: u64,
    count: u128,
    rng: Pcg64,
}

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, count: 0, rng: Pcg64::seed_from_u64(seed) }
    }

    /// The seed, and the number of draws as its high and low 64 bits.
    pub(super) fn position(&self) -> [u64; 3] {
        [self.seed, (self.count >> 64) as u64, self.count as u64]
    }

    /// The generator of a seed after a number of draws, as [`position`](Self::position) returns
    /// them.
    pub(super) fn at([seed, high, low]: [u64; 3]) -> Self {
        let mut draws = Self::new(seed);
        draws.count = u128::from(high) << 64 | u128::from(low);
        draws.rng.advance(draws.count);
        draws
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.count += 1;
        Ok(self.rng.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.count += 1;
        Ok(self.rng.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for bytes in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?.to_le_bytes();
            bytes.copy_from_slice(&number[..bytes.len()]);
        }
        Ok(())
    }
}

/// Sampling weights of examples, as cumulative sums.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    sums: Vec<f64>,
}

impl Weights {
    pub(super) fn new(weights: &[f64], examples: usize) -> Result<Self, String> {
        if weights.len() != examples {
            return Err(format!("{examples} examples need as many weights, got {}", weights.len()));
        }
        let wrong = |weight: &f64| !(weight.is_finite() && *weight >= 0.0);
        if let Some(place) = weights.iter().position(wrong) {
            let weight = weights[place];
            return Err(format!(
                "the weight of example {place} is {weight}; it must be finite and not negative"
            ));
        }
        let mut sum = 0.0;
        let mut add = |weight: &f64| {
            sum += weight;
            sum
        };
        let sums: Vec<f64> = weights.iter().map(&mut add).collect();
        if examples > 0 && !(sum > 0.0 && sum.is_finite()) {
            let what = if sum == 0.0 { "all are zero" } else { "their sum is not finite" };
            return Err(format!("{what}; the sum must be positive and finite"));
        }
        Ok(Self { sums })
    }

    /// Draws an example for each element of `order`.
    pub(super) fn draw(&self, draws: &mut Draws, order: &mut [usize]) {
        let total = self.sums.last().copied().unwrap_or(0.0);
        for place in order {
            // Rounding must not reach the total: an example whose cumulative sum is above the draw
            // exists.
            let at = (draws.random::<f64>() * total).min(total.next_down());
            *place = self.sums.partition_point(|&sum| sum <= at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_draws_are_those_of_the_generator() {
        let (mut draws, mut rng) = (Draws::new(3), Pcg64::seed_from_u64(3));
        for _ in 0..5 {
            assert_eq!(draws.next_u32(), rng.next_u32());
            assert_eq!(draws.next_u64(), rng.next_u64());
            let [mut a, mut b] = [[0; 13]; 2];
            draws.fill_bytes(&mut a);
            rng.fill_bytes(&mut b);
            assert_eq!(a, b);
            assert_eq!(Draws::at(draws.position()).next_u64(), draws.clone().next_u64());
        }
    }
}
