//! Random shapes, layouts, values and arguments for cases, all from one seed.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::Layout;
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::tensor::view::Step;

/// The domain of random values: an interval without the neighbourhoods of some points.
#[derive(Clone, Copy, Debug)]
pub struct Domain<'a> {
    /// The least value.
    pub low: f64,
    /// The greatest value.
    pub high: f64,
    /// Points to avoid, such as kinks and poles.
    pub avoid: &'a [f64],
    /// The least distance of a value from these points.
    pub margin: f64,
}

impl Domain<'static> {
    /// Numbers of order one.
    pub const REAL: Self = Domain { low: -2.0, high: 2.0, avoid: &[], margin: 0.0 };
    /// Numbers of order one, none near zero.
    pub const AWAY_FROM_ZERO: Self = Domain { low: -2.0, high: 2.0, avoid: &[0.0], margin: 0.25 };
    /// Positive numbers of order one.
    pub const POSITIVE: Self = Domain { low: 0.25, high: 2.0, avoid: &[], margin: 0.0 };
    /// Numbers between zero and one.
    pub const UNIT: Self = Domain { low: 0.05, high: 0.95, avoid: &[], margin: 0.0 };
}

/// A generator of the parts of a case.
#[derive(Clone, Debug)]
pub struct Sampler(Pcg64);

impl Sampler {
    /// A sampler. The same seed gives the same cases.
    pub fn new(seed: u64) -> Self {
        Sampler(Pcg64::seed_from_u64(seed))
    }

    /// An axis size: usually small, sometimes 1, rarely 0.
    pub fn size(&mut self) -> usize {
        match self.below(12) {
            0 => 0,
            1 | 2 => 1,
            3 => 5,
            n => 2 + n % 3,
        }
    }

    /// A shape of rank 0 to 3.
    pub fn shape(&mut self) -> Shape {
        let rank = self.below(4);
        (0..rank).map(|_| self.size()).collect()
    }

    /// A shape of rank 1 to 3 whose last axis is not empty.
    pub fn shape_with_axis(&mut self) -> Shape {
        let front = self.below(3);
        let last = self.size().max(1);
        (0..front).map(|_| self.size()).chain([last]).collect()
    }

    /// Two shapes that broadcast with each other.
    pub fn broadcast_pair(&mut self) -> (Shape, Shape) {
        let shape = self.shape();
        let mut part = |shape: &Shape| -> Shape {
            let cut = if self.below(3) == 0 { self.below(shape.rank() + 1) } else { 0 };
            shape[cut..].iter().map(|&dim| if self.below(3) == 0 { 1 } else { dim }).collect()
        };
        let (a, b) = (part(&shape), part(&shape));
        if self.coin() { (a, shape) } else { (a, b) }
    }

    /// A tensor with values from a domain, in a random layout, or with an axis along which one
    /// element repeats.
    pub fn tensor(&mut self, shape: &Shape, domain: &Domain) -> Tensor<f64> {
        let rank = shape.rank();
        if rank > 0 && self.below(7) == 0 {
            let axis = self.below(rank);
            let mut once = shape.to_vec();
            once[axis] = 1;
            return self.contiguous(&once.into(), domain).broadcast_to(shape.clone());
        }
        let values = self.contiguous(shape, domain);
        self.lay_out(&values)
    }

    /// A copy of a tensor in a random layout.
    pub fn lay_out(&mut self, x: &Tensor<f64>) -> Tensor<f64> {
        if x.rank() == 0 {
            return x.clone();
        }
        let axis = self.below(x.rank());
        let layout = match self.below(6) {
            0 => Layout::Permuted(self.permutation(x.rank())),
            1 => Layout::Stepped(axis),
            2 => Layout::Flipped(axis),
            3 => Layout::Inside(axis),
            _ => Layout::RowMajor,
        };
        layout.apply(x)
    }

    fn contiguous(&mut self, shape: &Shape, domain: &Domain) -> Tensor<f64> {
        Tensor::from_fn(shape.clone(), |_| {
            loop {
                let x = self.number(domain.low, domain.high);
                if domain.avoid.iter().all(|kink| (x - kink).abs() >= domain.margin) {
                    return x;
                }
            }
        })
    }

    /// A number in `[low, high)`.
    pub fn number(&mut self, low: f64, high: f64) -> f64 {
        self.0.random_range(low..high)
    }

    /// A whole number below `n`.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0.random_range(0..n)
    }

    /// True or false.
    pub fn coin(&mut self) -> bool {
        self.0.random()
    }

    /// One of the given values.
    ///
    /// # Panics
    /// If there are no values.
    pub fn choose<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// A random permutation of the numbers below `n`.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut self.0);
        order
    }

    /// Random axes of a shape, some counted from the last, and whether to keep them.
    pub fn axes(&mut self, shape: &Shape) -> (Vec<isize>, bool) {
        let rank = shape.rank();
        let count = self.below(rank + 1);
        let axes = self.permutation(rank)[..count]
            .iter()
            .map(|&axis| axis as isize - if self.coin() { rank as isize } else { 0 })
            .collect();
        (axes, self.coin())
    }

    /// A random axis of a shape, and a range along it that may be empty, have a step, run
    /// backwards, or exceed the axis.
    pub fn range(&mut self, shape: &Shape) -> (usize, Step) {
        let axis = self.below(shape.rank());
        let reach = shape[axis] + 2;
        let mut bound = || {
            let place = self.below(2 * reach + 1) as isize - reach as isize;
            (self.below(4) > 0).then_some(place)
        };
        let (start, stop) = (bound(), bound());
        (axis, Step { start, stop, step: self.choose(&[1, 1, 2, 3, -1, -2]) })
    }
}
