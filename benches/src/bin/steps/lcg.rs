//! The initial numbers of every engine.

use crate::workload::Array;

/// Knuth's MMIX linear congruential generator, the same as in `benches/peers/common.py`.
pub(crate) struct Lcg(u64);

impl Lcg {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number in [0, 1).
    fn next(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / 16_777_216.0
    }

    /// Numbers in [-bound, bound).
    pub(crate) fn uniform(&mut self, shape: &[usize], bound: f32) -> Array {
        let count = shape.iter().product();
        let values = (0..count).map(|_| (self.next() * 2.0 - 1.0) * bound).collect();
        Array { shape: shape.to_vec(), values }
    }

    /// Labels of ten classes.
    pub(crate) fn labels(&mut self, count: usize) -> Vec<usize> {
        (0..count).map(|_| (self.next() * 10.0) as usize).collect()
    }
}
