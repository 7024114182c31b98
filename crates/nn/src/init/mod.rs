//! Initializers: how a parameter begins.

mod fan;
#[cfg(test)]
mod tests;

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal, StandardUniform};
use wengert_autodiff::{Activation, Element, Shape, Tensor};

pub use fan::{Fan, fans};

/// The shape of a scheme's distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// N(0, s^2).
    Normal,
    /// Uniform in `[-sqrt(3) s, sqrt(3) s)`, whose standard deviation is `s`.
    Uniform,
}

/// A scheme for the values a parameter begins with.
///
/// All draws are made in f64 from the caller's generator in row-major order and rounded to the
/// element type, so that the same seed gives the same network in f32 and f64, on every machine.
///
/// With `m` the fan-in and `n` the fan-out (see [`fans`]), the schemes that scale are
///
/// | scheme | variance |
/// |---|---|
/// | [`xavier_normal`](Self::xavier_normal), [`xavier_uniform`](Self::xavier_uniform) | `gain^2 2/(m+n)` |
/// | [`he_normal`](Self::he_normal), [`he_uniform`](Self::he_uniform) | `2/m` |
/// | [`course_xavier`](Self::course_xavier) | `1/m` |
/// | [`course_he`](Self::course_he) | `2/m` |
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::Tensor;
/// use wengert_nn::Init;
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let weight: Tensor<f32> = Init::he_normal().sample([100, 50], &mut rng)?;
/// assert_eq!(*weight.shape(), [100, 50]);
/// # Ok::<(), wengert_nn::InitError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// 0.
    Zeros,
    /// One value everywhere.
    Constant(f64),
    /// Independent draws from N(mean, std^2).
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation, not negative.
        std: f64,
    },
    /// Independent draws, uniform in `[low, high)`.
    Uniform {
        /// The lower end.
        low: f64,
        /// The upper end, not below the lower.
        high: f64,
    },
    /// Independent draws of mean 0 and variance `gain^2 / fan`.
    Scaled {
        /// Normal or uniform.
        distribution: Distribution,
        /// Which number of connections.
        fan: Fan,
        /// The factor of the standard deviation, not negative.
        gain: f64,
    },
}

/// Why an initializer cannot be applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// A scheme that scales with the number of connections, for a shape that has none.
    #[error(
        "{init:?} scales with the fan, and a parameter of shape {shape} has none; it needs at least two axes, [out, in, ..]"
    )]
    NoFan {
        /// The scheme.
        init: Init,
        /// The parameter's shape.
        shape: Shape,
    },
    /// A number of the scheme that is outside its domain.
    #[error("{init:?}: {why}")]
    Number {
        /// The scheme.
        init: Init,
        /// What would be right.
        why: &'static str,
    },
}

impl Init {
    const fn scaled(distribution: Distribution, fan: Fan, gain: f64) -> Self {
        Init::Scaled { distribution, fan, gain }
    }

    /// N(0, 2/(m+n)): X. Glorot and Y. Bengio, "Understanding the difficulty of training deep
    /// feedforward neural networks", AISTATS 2010. For tanh and logistic.
    pub const fn xavier_normal() -> Self {
        Self::scaled(Distribution::Normal, Fan::Average, 1.0)
    }

    /// Uniform with variance 2/(m+n), that is within `sqrt(6/(m+n))`: Glorot and Bengio 2010,
    /// equation 16.
    pub const fn xavier_uniform() -> Self {
        Self::scaled(Distribution::Uniform, Fan::Average, 1.0)
    }

    /// N(0, 2/m): K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015,
    /// equation 10. For relu; [`for_activation`](Self::for_activation) accounts for a slope.
    pub const fn he_normal() -> Self {
        Self::scaled(Distribution::Normal, Fan::In, std::f64::consts::SQRT_2)
    }

    /// Uniform with variance 2/m, that is within `sqrt(6/m)`: He et al. 2015.
    pub const fn he_uniform() -> Self {
        Self::scaled(Distribution::Uniform, Fan::In, std::f64::consts::SQRT_2)
    }

    /// `randn(num_in, num_out) / sqrt(num_in)`: the formula many courses call Xavier. Its variance
    /// is 1/m, that of Y. `LeCun` et al., "Efficient backprop", 1998; it agrees with
    /// [`xavier_normal`](Self::xavier_normal) where fan-in and fan-out are equal.
    pub const fn course_xavier() -> Self {
        Self::scaled(Distribution::Normal, Fan::In, 1.0)
    }

    /// `randn(num_in, num_out) / sqrt(num_in / 2)`: the formula courses call He, which is
    /// [`he_normal`](Self::he_normal).
    pub const fn course_he() -> Self {
        Self::he_normal()
    }

    /// Another gain, for the schemes that have one.
    ///
    /// # Panics
    /// If the scheme has none.
    #[track_caller]
    pub fn gain(mut self, factor: f64) -> Self {
        match &mut self {
            Init::Scaled { gain, .. } => *gain = factor,
            other => panic!("{other:?} has no gain; only the schemes that scale with the fan do"),
        }
        self
    }

    /// Another fan mode, for the schemes that have one.
    ///
    /// # Panics
    /// If the scheme has none.
    #[track_caller]
    pub fn fan(mut self, mode: Fan) -> Self {
        match &mut self {
            Init::Scaled { fan, .. } => *fan = mode,
            other => panic!("{other:?} has no fan; only the schemes that scale with it do"),
        }
        self
    }

    /// The scheme that goes with an activation: He for relu and leaky relu, with the gain
    /// `sqrt(2 / (1 + slope^2))` (He et al. 2015, equation 15), Xavier for all others.
    pub fn for_activation(activation: Activation) -> Self {
        match activation {
            Activation::Relu => Self::he_normal(),
            Activation::LeakyRelu { slope } => {
                Self::he_normal().gain((2.0 / (1.0 + slope * slope)).sqrt())
            }
            _ => Self::xavier_normal(),
        }
    }

    /// Draws a tensor.
    ///
    /// # Errors
    /// [`InitError::NoFan`] if the scheme scales with the fan and the shape has fewer than two
    /// axes, [`InitError::Number`] if a number of the scheme is outside its domain.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space.
    #[track_caller]
    pub fn sample<E: Element>(
        &self,
        shape: impl Into<Shape>,
        rng: &mut impl Rng,
    ) -> Result<Tensor<E>, InitError> {
        let shape = shape.into();
        self.check()?;
        Ok(match *self {
            Init::Zeros => Tensor::zeros(shape),
            Init::Constant(value) => Tensor::full(shape, E::from_f64(value)),
            Init::Normal { mean, std } => normal(shape, mean, std, rng),
            Init::Uniform { low, high } => uniform(shape, low, high, rng),
            Init::Scaled { distribution, fan, gain } => {
                let Some(count) = fan.of(&shape) else {
                    return Err(InitError::NoFan { init: self.clone(), shape });
                };
                // A layer without connections has no weights to draw.
                let std = gain / count.max(f64::MIN_POSITIVE).sqrt();
                match distribution {
                    Distribution::Normal => normal(shape, 0.0, std, rng),
                    Distribution::Uniform => {
                        let reach = 3.0_f64.sqrt() * std;
                        uniform(shape, -reach, reach, rng)
                    }
                }
            }
        })
    }

    fn check(&self) -> Result<(), InitError> {
        let refuse = |why| Err(InitError::Number { init: self.clone(), why });
        let scale = |number: f64| number.is_finite() && number >= 0.0;
        match *self {
            Init::Constant(value) if !value.is_finite() => refuse("the value must be finite"),
            Init::Normal { mean, std } if !(mean.is_finite() && scale(std)) => {
                refuse("the mean must be finite, the standard deviation finite and not negative")
            }
            Init::Uniform { low, high } if !((high - low).is_finite() && low <= high) => {
                refuse("the ends must be finite, and the lower not above the upper")
            }
            Init::Scaled { gain, .. } if !scale(gain) => {
                refuse("the gain must be finite and not negative")
            }
            _ => Ok(()),
        }
    }
}

fn normal<E: Element>(shape: Shape, mean: f64, std: f64, rng: &mut impl Rng) -> Tensor<E> {
    Tensor::from_fn(shape, |_| {
        let draw: f64 = StandardNormal.sample(rng);
        E::from_f64(mean + std * draw)
    })
}

fn uniform<E: Element>(shape: Shape, low: f64, high: f64, rng: &mut impl Rng) -> Tensor<E> {
    Tensor::from_fn(shape, |_| {
        let draw: f64 = StandardUniform.sample(rng);
        E::from_f64(low + (high - low) * draw)
    })
}
