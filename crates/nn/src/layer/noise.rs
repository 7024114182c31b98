//! Dropout of channels ([`ChannelDropout`]) and of samples ([`StochasticDepth`]), and dropout that
//! keeps mean and variance ([`AlphaDropout`]).

use rand::{Rng, RngExt};
use wengert_autodiff::{Element, Error, Mask, Result, Shape, Var, ops};
use wengert_kernels::random::fill_uniform;

use super::{LayerConfig, LayerError, RandomStream, SampleShape};
use crate::forward::Layer;
use crate::module::{Module, Role};

/// Draws masks in training from the layer's random stream: each pass has a different mask, and a
/// run with the same seed has the same masks.
#[derive(Clone, Debug, Module)]
#[module(element = any, role = Role::Dropout)]
struct Noise {
    p: f64,
    stream: RandomStream,
    #[module(training)]
    training: bool,
}

impl Noise {
    fn new(op: &'static str, p: f64, rng: &mut impl Rng) -> Result<Self, LayerError> {
        if !(0.0..=1.0).contains(&p) {
            let message = format!("the probability to drop must be in 0..=1, got {p}");
            return Err(Error::Argument { op, message }.into());
        }
        Ok(Self { p, stream: RandomStream::new(rng.random()), training: true })
    }

    /// Draws the mask of the elements to drop, for a tensor of this shape; `None` in inference, or
    /// if the probability is zero.
    ///
    /// The mask is recorded as a constant, so that a checkpoint that computes a segment again uses
    /// the same mask.
    fn draw(&self, shape: &Shape) -> Result<Option<Mask>> {
        if !self.training || self.p == 0.0 {
            return Ok(None);
        }
        let mut draws = vec![0.0_f32; shape.numel()];
        fill_uniform(self.stream.next_stream(), 0.0, 1.0, &mut draws);
        let dropped: Vec<bool> = draws.iter().map(|&draw| f64::from(draw) < self.p).collect();
        Mask::from_slice(&dropped, shape.clone()).map(Some)
    }

    /// Sets elements to zero by a random mask over the first `axes` axes, broadcast along the
    /// others, and scales the remaining elements so that the mean is kept.
    fn drop<'t, E: Element>(
        &self,
        op: &'static str,
        x: Var<'t, E>,
        axes: usize,
    ) -> Result<Var<'t, E>> {
        let shape = x.shape();
        if shape.rank() < axes {
            let expected =
                ["x", "x [batch, ..]", "x [batch, channels, ..]"][axes.min(2)].to_owned();
            return Err(Error::Shapes { op, expected, got: vec![shape] });
        }
        let mut sizes = shape.to_vec();
        sizes[axes..].fill(1);
        let Some(dropped) = self.draw(&sizes.into())? else { return Ok(x) };
        let rest = ops::masked_fill(x, &dropped, E::ZERO)?;
        // With p = 1 no elements remain.
        let factor = if self.p < 1.0 { 1.0 / (1.0 - self.p) } else { 1.0 };
        ops::mul_scalar(rest, E::from_f64(factor))
    }
}

/// In training sets whole channels of each sample to zero with a probability, and scales the others
/// so that the mean is kept: PyTorch's `Dropout1d` and `Dropout2d`. In inference the layer returns
/// its input. See [`Dropout`](crate::Dropout) for its random numbers.
///
/// Source: J. Tompson et al., "Efficient object localization using convolutional networks", CVPR
/// 2015.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{ChannelDropout, Layer};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let y = ChannelDropout::new(0.5, &mut rng)?.predict(&Tensor::<f32>::ones([2, 8, 3]));
/// assert!(y.to_vec().chunks(3).all(|channel| channel == [0.0; 3] || channel == [2.0; 3]));
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[batch, channels, ..]`; the output has the input's shape.
#[derive(Clone, Debug, Module)]
#[module(element = any, role = Role::Dropout)]
pub struct ChannelDropout {
    noise: Noise,
}

/// In training sets elements to the limit of selu at minus infinity with a probability, and scales
/// and shifts all elements so that mean 0 and variance 1 are kept: dropout for networks of selu. In
/// inference the layer returns its input. See [`Dropout`](crate::Dropout) for its random numbers.
///
/// Source: G. Klambauer et al., "Self-normalizing neural networks", `NeurIPS` 2017.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{AlphaDropout, Layer};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let layer = AlphaDropout::new(0.2, &mut rng)?;
/// let y = layer.predict(&Tensor::<f64>::randn([10_000], &mut rng));
/// assert!(y.mean().item().abs() < 0.05 && (y.square().mean().item() - 1.0).abs() < 0.05);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// Any; the output has the input's shape.
#[derive(Clone, Debug, Module)]
#[module(element = any, role = Role::Dropout)]
pub struct AlphaDropout {
    noise: Noise,
}

/// In training sets whole samples, or the whole batch, to zero with a probability, and scales the
/// others so that the mean is kept. At the end of a residual branch, this skips the branch. In
/// inference the layer returns its input. See [`Dropout`](crate::Dropout) for its random numbers.
///
/// Source: G. Huang et al., "Deep networks with stochastic depth", ECCV 2016.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, StochasticDepth};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let y = StochasticDepth::new(0.5, &mut rng)?.predict(&Tensor::<f32>::ones([8, 3]));
/// assert!(y.to_vec().chunks(3).all(|sample| sample == [0.0; 3] || sample == [2.0; 3]));
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[batch, ..]`; the output has the input's shape.
#[derive(Clone, Debug, Module)]
#[module(element = any, role = Role::Dropout)]
pub struct StochasticDepth {
    noise: Noise,
    batch: bool,
}

impl StochasticDepth {
    /// Drops the whole batch or nothing, instead of single samples.
    pub fn whole_batch(self) -> Self {
        Self { batch: true, ..self }
    }
}

/// The value to which [`AlphaDropout`] sets elements: `-scale alpha` of selu.
const ALPHA: f64 = -1.758_099_340_847_376_6;

impl<E: Element> Layer<E> for ChannelDropout {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.noise.drop("channel_dropout", x, 2)
    }
}

impl<E: Element> Layer<E> for StochasticDepth {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.noise.drop("stochastic_depth", x, usize::from(!self.batch))
    }
}

impl<E: Element> Layer<E> for AlphaDropout {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let Some(dropped) = self.noise.draw(&x.shape())? else { return Ok(x) };
        let p = self.noise.p;
        let variance = (1.0 - p) * (1.0 + p * ALPHA * ALPHA);
        // With p = 1 all elements are equal to their mean.
        let (scale, shift) = if variance > 0.0 {
            let scale = 1.0 / variance.sqrt();
            (scale, -scale * ALPHA * p)
        } else {
            (0.0, 0.0)
        };
        let y = ops::masked_fill(x, &dropped, E::from_f64(ALPHA))?;
        ops::add_scalar(ops::mul_scalar(y, E::from_f64(scale))?, E::from_f64(shift))
    }
}

macro_rules! configs {
    ($($layer:ident, $config:ident, $op:literal, $doc:literal, |$noise:ident| $made:expr);+) => {$(
        impl $layer {
            #[doc = concat!("A layer that drops ", $doc, " with probability `p`.")]
            ///
            /// # Errors
            /// If `p` does not lie in 0..=1.
            pub fn new(p: f64, rng: &mut impl Rng) -> Result<Self, LayerError> {
                let $noise = Noise::new($op, p, rng)?;
                Ok($made)
            }

            #[doc = concat!("The config of a layer that drops ", $doc, " with probability `p`.")]
            pub fn config(p: f64) -> $config {
                $config { p }
            }
        }

        #[doc = concat!("Describes a [`", stringify!($layer), "`] layer.")]
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $config {
            p: f64,
        }

        impl<E: Element> LayerConfig<E> for $config {
            type Layer = $layer;

            fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
                Ok(input.clone())
            }

            fn build(&self, mut rng: &mut dyn Rng) -> Result<$layer, LayerError> {
                $layer::new(self.p, &mut rng)
            }
        }
    )+};
}

configs! {
    ChannelDropout, ChannelDropoutConfig, "channel_dropout", "each channel", |noise| Self { noise };
    AlphaDropout, AlphaDropoutConfig, "alpha_dropout", "each element", |noise| Self { noise };
    StochasticDepth, StochasticDepthConfig, "stochastic_depth", "each sample",
        |noise| Self { noise, batch: false }
}
