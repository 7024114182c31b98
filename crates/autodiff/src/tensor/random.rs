//! Random tensors, drawn from the caller's generator in row-major order, and categorical sampling.

use std::f64::consts::TAU;

use rand::{Rng, RngExt};
use wengert_kernels::Element;

use super::Tensor;
use crate::error::{Error, Result, expect};
use crate::index::Index;
use crate::shape::Shape;

impl<E: Element> Tensor<E> {
    /// A tensor of independent random numbers, uniform in `[low, high)` before they are rounded to
    /// the element type, drawn in row-major order.
    ///
    /// # Errors
    /// [`Error::Argument`] if the ends are not finite and in order, [`Error::TooLarge`], and
    /// [`Error::OutOfMemory`].
    pub fn try_uniform(
        shape: impl Into<Shape>,
        low: f64,
        high: f64,
        rng: &mut impl Rng,
    ) -> Result<Self> {
        if !(high - low).is_finite() || low > high {
            let message = format!(
                "uniform draws need ends a finite distance apart, the lower not above the upper, but \
                 got {low:?} and {high:?}"
            );
            return Err(Error::Argument { op: "uniform", message });
        }
        Self::generated(&shape.into(), || E::from_f64(low + (high - low) * rng.random::<f64>()))
    }

    /// A tensor of independent random numbers, uniform in `[low, high)` before they are rounded to
    /// the element type, drawn in row-major order.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, there is no memory for it, or the ends
    /// are not finite and in order.
    #[track_caller]
    pub fn uniform(shape: impl Into<Shape>, low: f64, high: f64, rng: &mut impl Rng) -> Self {
        expect(Self::try_uniform(shape, low, high, rng))
    }

    /// A tensor of independent random numbers, uniform in `[0, 1)` before they are rounded to the
    /// element type.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the shape's size does not fit the address space, and
    /// [`Error::OutOfMemory`].
    pub fn try_rand(shape: impl Into<Shape>, rng: &mut impl Rng) -> Result<Self> {
        Self::try_uniform(shape, 0.0, 1.0, rng)
    }

    /// A tensor of independent random numbers, uniform in `[0, 1)` before they are rounded to the
    /// element type.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use wengert_autodiff::Tensor;
    /// let mut rng = rand_pcg::Pcg64::seed_from_u64(7);
    /// let x = Tensor::<f32>::rand([2, 3], &mut rng);
    /// assert!(x.iter().all(|x| (0.0..=1.0).contains(x)));
    /// ```
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for the tensor.
    #[track_caller]
    pub fn rand(shape: impl Into<Shape>, rng: &mut impl Rng) -> Self {
        expect(Self::try_rand(shape, rng))
    }

    /// A tensor of independent random numbers from the normal distribution with mean 0 and variance
    /// 1.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the shape's size does not fit the address space, and
    /// [`Error::OutOfMemory`].
    pub fn try_randn(shape: impl Into<Shape>, rng: &mut impl Rng) -> Result<Self> {
        let mut second = None;
        Self::generated(&shape.into(), || {
            let draw = second.take().unwrap_or_else(|| {
                let [first, other] = normal_pair(rng);
                second = Some(other);
                first
            });
            E::from_f64(draw)
        })
    }

    /// A tensor of independent random numbers from the normal distribution with mean 0 and variance
    /// 1, by the Box-Muller transform in f64.
    ///
    /// Source: G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates",
    /// 1958.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use wengert_autodiff::Tensor;
    /// let mut rng = rand_pcg::Pcg64::seed_from_u64(7);
    /// // Mean 5, standard deviation 2.
    /// let x = Tensor::<f32>::randn([1000], &mut rng) * 2.0 + 5.0;
    /// assert!((x.mean().item() - 5.0).abs() < 0.3);
    /// ```
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for the tensor.
    #[track_caller]
    pub fn randn(shape: impl Into<Shape>, rng: &mut impl Rng) -> Self {
        expect(Self::try_randn(shape, rng))
    }

    /// Draws one class for each row of weights. See [`categorical`](Self::categorical).
    ///
    /// # Errors
    /// [`Error::Shapes`] if there is no axis, [`Error::Argument`] if a weight is negative, NaN or
    /// infinite or if all weights of a row are zero, and [`Error::OutOfMemory`].
    pub fn try_categorical(&self, rng: &mut impl Rng) -> Result<Index> {
        let op = "categorical";
        let Some((&classes, rows)) = self.shape().split_last() else {
            let expected = "at least one axis, of which the last holds the weights".to_owned();
            return Err(Error::Shapes { op, expected, got: vec![self.shape().clone()] });
        };
        let shape = Shape::from(rows);
        let mut drawn = Index::blank(op, &shape)?;
        let mut copy = None;
        let weights = self.in_order(&mut copy).map_err(|error| error.of_op(op))?;
        for (row, class) in drawn.iter_mut().enumerate() {
            let weights = &weights[row * classes..(row + 1) * classes];
            *class = draw_class(weights, rng.random()).ok_or_else(|| {
                let message = format!(
                    "the {classes} weights of row {row} must be finite, not negative and not all \
                     zero (logits become weights by softmax)"
                );
                Error::Argument { op, message }
            })?;
        }
        Index::from_vec(drawn, shape)
    }

    /// Draws one class for each row of weights: class `k` with probability `w_k / sum(w)`. The
    /// weights need not sum to 1. One number is drawn from the generator per row, in row-major
    /// order.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use wengert_autodiff::Tensor;
    /// let mut rng = rand_pcg::Pcg64::seed_from_u64(7);
    /// let logits = Tensor::from([[0.0_f32, 0.0, 90.0], [90.0, 0.0, 0.0]]);
    /// assert_eq!(logits.softmax(-1).categorical(&mut rng).as_slice(), [2, 0]);
    /// ```
    ///
    /// # Shapes
    /// Weights of shape `[.., classes]` give an index of shape `[..]`.
    ///
    /// # Panics
    /// If there is no axis, a weight is negative, NaN or infinite, all weights of a row are zero,
    /// or there is no memory for the result.
    #[track_caller]
    pub fn categorical(&self, rng: &mut impl Rng) -> Index {
        expect(self.try_categorical(rng))
    }
}

/// Two independent standard normal numbers.
fn normal_pair(rng: &mut impl Rng) -> [f64; 2] {
    // The argument is in (0, 1], where the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    let (sin, cos) = (TAU * rng.random::<f64>()).sin_cos();
    [radius * cos, radius * sin]
}

/// The class of `uniform`, in `[0, 1)`, by the weights' cumulative distribution function; `None` if
/// the weights do not define one.
fn draw_class<E: Element>(weights: &[E], uniform: f64) -> Option<usize> {
    // Scaled by the largest weight, so that the sum of huge weights is finite.
    let largest = weights.iter().map(|w| w.to_f64()).fold(0.0, f64::max);
    let valid = |w: &E| w.is_finite() && *w >= E::ZERO;
    if largest == 0.0 || !weights.iter().all(valid) {
        return None;
    }
    let scaled = |w: &E| w.to_f64() / largest;
    let mut rest = uniform * weights.iter().map(scaled).sum::<f64>();
    let mut class = None;
    for (k, w) in weights.iter().map(scaled).enumerate() {
        // A weight of zero is never drawn, even if rounding leaves a remainder after the last
        // weight.
        if w > 0.0 {
            class = Some(k);
            if rest < w {
                break;
            }
            rest -= w;
        }
    }
    class
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    use super::*;

    #[test]
    fn normal_draws_have_the_moments_of_the_distribution() {
        let mut rng = Pcg64::seed_from_u64(3);
        let n = 200_001;
        let x = Tensor::<f64>::randn([n], &mut rng);
        let moment = |p: i32| x.iter().map(|x| x.powi(p)).sum::<f64>() / n as f64;
        // Standard errors: sqrt(1/n), sqrt(2/n), sqrt(15/n), sqrt(96/n); five of each.
        for (p, expected, variance) in
            [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)]
        {
            let (got, bound) = (moment(p), 5.0 * f64::sqrt(variance / n as f64));
            assert!((got - expected).abs() < bound, "moment {p}: {got}, {expected} +- {bound}");
        }
        let neighbours = x.iter().zip(x.iter().skip(1)).map(|(a, b)| a * b).sum::<f64>();
        assert!((neighbours / n as f64).abs() < 5.0 / f64::sqrt(n as f64));
    }

    #[test]
    fn the_generator_decides_and_nothing_else() {
        let draw = |seed| Tensor::<f32>::randn([7], &mut Pcg64::seed_from_u64(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mut rng = Pcg64::seed_from_u64(1);
        let whole = Tensor::<f64>::rand([2, 3], &mut rng);
        let mut rng = Pcg64::seed_from_u64(1);
        let parts = [0, 1].map(|_| Tensor::<f64>::rand([3], &mut rng));
        assert_eq!(whole, Tensor::stack(&[&parts[0], &parts[1]], 0));
    }

    #[test]
    fn classes_are_drawn_as_often_as_their_weights_say() {
        let mut rng = Pcg64::seed_from_u64(5);
        let weights = [1.0_f32, 0.0, 3.0, 6.0];
        let n = 40_000;
        let rows = Tensor::from(weights).broadcast_to([n, 4]);
        let drawn = rows.categorical(&mut rng);
        assert_eq!(drawn.shape(), &[n][..]);
        for (class, &w) in weights.iter().enumerate() {
            let p = f64::from(w) / 10.0;
            let share = drawn.as_slice().iter().filter(|&&c| c == class).count() as f64 / n as f64;
            let bound = 5.0 * (p * (1.0 - p) / n as f64).sqrt();
            assert!((share - p).abs() <= bound, "class {class}: {share}, {p} +- {bound}");
        }
        // A transposed view, and weights whose sum overflows f64.
        let turned = Tensor::from([[1e308_f64, 0.0], [1e308, 0.0], [0.0, 1e308]]).t();
        let drawn = turned.categorical(&mut rng);
        assert!(drawn.as_slice()[0] < 2 && drawn.as_slice()[1] == 2, "{drawn:?}");
    }

    #[test]
    fn rounding_never_draws_a_class_of_weight_zero() {
        let below_one = 1.0_f64.next_down();
        assert_eq!(draw_class(&[0.1, 0.1, 0.1, 0.0], below_one), Some(2));
        assert_eq!(draw_class(&[0.0, 5e-324, 0.0], below_one), Some(1));
        assert_eq!(draw_class(&[0.0, 1.0], 0.0), Some(1));
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        let mut rng = Pcg64::seed_from_u64(5);
        for weights in [[0.0, 0.0], [1.0, -1.0], [1.0, f64::NAN], [f64::INFINITY, 1.0]] {
            let error = Tensor::from([[0.5, 0.5], weights]).try_categorical(&mut rng).unwrap_err();
            assert!(error.to_string().contains("weights of row 1 must be finite"), "{error}");
        }
        assert!(Tensor::<f64>::zeros([2, 0]).try_categorical(&mut rng).is_err());
        assert!(Tensor::<f64>::zeros([0, 3]).categorical(&mut rng).is_empty());
        assert!(Tensor::scalar(1.0_f64).try_categorical(&mut rng).is_err());
        let error = Tensor::<f64>::try_uniform([2], 1.0, 0.0, &mut rng).unwrap_err().to_string();
        assert!(error.contains("the lower not above the upper, but got 1.0 and 0.0"), "{error}");
    }
}
