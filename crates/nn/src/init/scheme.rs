//! [`Init`]: the schemes for initial values. `draw` samples them.

use wengert_autodiff::Activation;

use super::fan::Fan;
use super::gain::gain;
use super::nonlinearity::SinglePrecision;
use super::theory::TheoryError;

/// The shape of a scheme's distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// N(0, s^2).
    Normal,
    /// Uniform in `[-sqrt(3) s, sqrt(3) s)`, whose standard deviation is `s`.
    Uniform,
    /// Normal, cut off at two standard deviations and widened so that its standard deviation after
    /// that is `s`: what Keras means by normal. No weight is beyond `2.274 s`.
    TruncatedNormal,
}

/// A scheme for the initial values of a parameter.
///
/// All draws are made in f64 from the caller's generator in row-major order and rounded to the
/// element type, so that the same seed gives the same network in f32 and f64, on every machine.
///
/// With `m` the fan-in and `n` the fan-out, which a parameter's [`Kind`](wengert_autodiff::Kind)
/// states and [`fans`](super::fans) computes from a shape, the schemes that scale are
///
/// | scheme | variance |
/// |---|---|
/// | [`xavier_normal`](Self::xavier_normal), [`xavier_uniform`](Self::xavier_uniform) | `gain^2 2/(m+n)` |
/// | [`he_normal`](Self::he_normal), [`he_uniform`](Self::he_uniform) | `2/m` |
/// | [`lecun_normal`](Self::lecun_normal), [`lecun_uniform`](Self::lecun_uniform) | `1/m` |
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
    /// All elements 0.
    Zeros,
    /// All elements this value.
    Constant(f64),
    /// Independent draws from N(mean, std^2).
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation, not negative.
        std: f64,
    },
    /// Independent draws, uniform in `[low, high)`, also after rounding to the element type if that
    /// has a number there.
    Uniform {
        /// The lower end.
        low: f64,
        /// The upper end, not below the lower.
        high: f64,
    },
    /// Independent draws from N(mean, std^2), those outside `[low, high]` drawn again.
    TruncatedNormal {
        /// The mean before the cut.
        mean: f64,
        /// The standard deviation before the cut, above 0.
        std: f64,
        /// The lower end; may be infinite.
        low: f64,
        /// The upper end, above the lower; may be infinite.
        high: f64,
    },
    /// Ones on the diagonal of a matrix, zeros elsewhere: a layer whose output is its input.
    Eye,
    /// The identity as a convolution of shape `[out, in, k..]`: in each group of outputs, channel
    /// `i` copies input channel `i`, by a one at the centre of the receptive field.
    Dirac {
        /// The number of groups of outputs; 1 for most layers.
        groups: usize,
    },
    /// An orthogonal matrix times a gain, uniformly distributed (by the Haar measure): the weight
    /// as `[out, rest]` has orthonormal rows or columns, whichever are fewer. A. M. Saxe, J. L.
    /// `McClelland` and S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
    /// linear neural networks", ICLR 2014. Any rank from 2. In a grouped weight, the matrix of each
    /// group is drawn independently.
    Orthogonal {
        /// The factor.
        gain: f64,
    },
    /// For a convolution of shape `[out, in, k..]` with `out >= in`: an orthogonal matrix times a
    /// gain at the centre of the receptive field, zeros elsewhere. The norm of the signal is kept
    /// to rounding (times the gain). L. Xiao et al., "Dynamical isometry and a mean field theory
    /// of CNNs", ICML 2018. In a grouped weight, the matrix of each group is drawn independently.
    DeltaOrthogonal {
        /// The factor.
        gain: f64,
    },
    /// For a matrix `[out, in]`: N(0, std^2), with `ceil(sparsity * out)` elements of each column
    /// set to zero. J. Martens, "Deep learning via Hessian-free optimization", ICML 2010.
    Sparse {
        /// The fraction of zeros, in `0..=1`.
        sparsity: f64,
        /// The standard deviation of the other elements.
        std: f64,
    },
    /// Independent draws of mean 0 and variance `gain^2 / fan`.
    Scaled {
        /// The shape of the distribution.
        distribution: Distribution,
        /// The number of connections with which the variance scales.
        fan: Fan,
        /// The factor of the standard deviation, not negative.
        gain: f64,
    },
}

impl Init {
    /// All elements 1.
    pub const fn ones() -> Self {
        Init::Constant(1.0)
    }

    const fn scaled(distribution: Distribution, fan: Fan, gain: f64) -> Self {
        Init::Scaled { distribution, fan, gain }
    }

    /// N(0, 2/(m+n)): X. Glorot and Y. Bengio, "Understanding the difficulty of training deep
    /// feedforward neural networks", AISTATS 2010. For tanh and logistic.
    pub const fn xavier_normal() -> Self {
        Self::scaled(Distribution::Normal, Fan::Average, 1.0)
    }

    /// Uniform with variance 2/(m+n), in `[-a, a)` with `a = sqrt(6/(m+n))`: Glorot and Bengio
    /// 2010, equation 16.
    pub const fn xavier_uniform() -> Self {
        Self::scaled(Distribution::Uniform, Fan::Average, 1.0)
    }

    /// N(0, 2/m): K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015,
    /// equation 10. For relu; [`for_activation`](Self::for_activation) accounts for a slope.
    pub const fn he_normal() -> Self {
        Self::scaled(Distribution::Normal, Fan::In, std::f64::consts::SQRT_2)
    }

    /// Uniform with variance 2/m, in `[-a, a)` with `a = sqrt(6/m)`: He et al. 2015.
    pub const fn he_uniform() -> Self {
        Self::scaled(Distribution::Uniform, Fan::In, std::f64::consts::SQRT_2)
    }

    /// N(0, 1/m): Y. `LeCun`, L. Bottou, G. Orr and K.-R. Müller, "Efficient backprop", 1998,
    /// equation 16. For selu, which was designed for it (G. Klambauer et al., "Self-normalizing
    /// neural networks", 2017).
    pub const fn lecun_normal() -> Self {
        Self::scaled(Distribution::Normal, Fan::In, 1.0)
    }

    /// Uniform with variance 1/m, in `[-a, a)` with `a = sqrt(3/m)`: `LeCun` et al. 1998.
    pub const fn lecun_uniform() -> Self {
        Self::scaled(Distribution::Uniform, Fan::In, 1.0)
    }

    /// An orthogonal matrix, or `[out, rest]` with orthonormal rows or columns: Saxe et al. 2014.
    pub const fn orthogonal() -> Self {
        Init::Orthogonal { gain: 1.0 }
    }

    /// An orthogonal matrix at the centre of a convolution's receptive field: Xiao et al. 2018.
    pub const fn delta_orthogonal() -> Self {
        Init::DeltaOrthogonal { gain: 1.0 }
    }

    /// N(0, std^2), cut off at two standard deviations.
    pub const fn truncated_normal(std: f64) -> Self {
        Init::TruncatedNormal { mean: 0.0, std, low: -2.0 * std, high: 2.0 * std }
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

    /// Replaces the gain of a scheme that has one.
    ///
    /// # Panics
    /// If the scheme has no gain.
    #[track_caller]
    pub fn gain(mut self, factor: f64) -> Self {
        match &mut self {
            Init::Scaled { gain, .. }
            | Init::Orthogonal { gain }
            | Init::DeltaOrthogonal { gain } => *gain = factor,
            other => panic!(
                "{other:?} has no gain; only the schemes that scale with the fan and the orthogonal ones do"
            ),
        }
        self
    }

    /// Replaces the distribution of a scheme that scales with the fan; the variance stays.
    ///
    /// # Panics
    /// If the scheme does not scale with the fan.
    #[track_caller]
    pub fn distribution(mut self, shape: Distribution) -> Self {
        match &mut self {
            Init::Scaled { distribution, .. } => *distribution = shape,
            other => panic!(
                "{other:?} has a fixed distribution; only the schemes that scale with the fan have a choice"
            ),
        }
        self
    }

    /// Replaces the fan of a scheme that scales with it (`mode` of PyTorch's `kaiming_normal_`).
    ///
    /// # Panics
    /// If the scheme has no fan.
    #[track_caller]
    pub fn fan(mut self, mode: Fan) -> Self {
        match &mut self {
            Init::Scaled { fan, .. } => *fan = mode,
            other => panic!("{other:?} has no fan; only the schemes that scale with it do"),
        }
        self
    }

    /// The recommended scheme before an activation in a network of a few layers:
    ///
    /// - He for relu and leaky relu, with the gain `sqrt(2 / (1 + slope^2))` (He et al. 2015,
    ///   equation 15);
    /// - Xavier for the identity, tanh and the logistic function (Glorot and Bengio 2010);
    /// - for any other, N(0, gain^2 / m) with its computed forward [`gain()`]: for selu that is
    ///   [`lecun_normal`](Self::lecun_normal).
    ///
    /// For a deep network, [`recommend`](super::recommend) considers all layers together.
    ///
    /// An activation without a gain (it is zero everywhere, or its parameters are invalid) gets
    /// [`lecun_normal`](Self::lecun_normal);
    /// [`SequentialBuilder::build`](crate::SequentialBuilder::build) returns the error.
    pub fn for_activation(activation: Activation) -> Self {
        Self::try_for_activation(activation).unwrap_or(Self::lecun_normal())
    }

    /// [`for_activation`](Self::for_activation), with an error if the activation has no gain.
    pub(crate) fn try_for_activation(activation: Activation) -> Result<Self, TheoryError> {
        SinglePrecision(activation).check()?;
        Ok(match activation {
            Activation::Relu => Self::he_normal(),
            Activation::LeakyRelu { slope } => {
                Self::he_normal().gain((2.0 / (1.0 + slope * slope)).sqrt())
            }
            Activation::Identity | Activation::Tanh | Activation::Logistic => Self::xavier_normal(),
            other => Self::lecun_normal().gain(gain(&SinglePrecision(other))?.forward),
        })
    }
}
