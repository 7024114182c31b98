//! [`InstanceNorm`]: normalizes each channel of each sample.

use rand::Rng;
use wengert_autodiff::{Element, Error, Parameter, Result, Tensor, Var, instances, ops};

use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::{Module, Role};

/// Instance normalization: brings each channel of each sample, over its positions, to mean 0 and
/// variance 1. With [`affine`](InstanceNormConfig::affine) a weight and a bias for each channel
/// follow, which begin as 1 and 0.
///
/// The layer computes the same in training and inference: it has no running statistics, which
/// PyTorch omits by default, too.
///
/// Source: D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization: the missing ingredient
/// for fast stylization", arXiv:1607.08022, 2016.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{InstanceNorm, Layer};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let layer = InstanceNorm::config(3).affine().build::<f32>()?;
/// let y = layer.predict(&Tensor::randn([2, 3, 4, 4], &mut rng));
/// assert!(y.mean_axes(&[2, 3], false).to_vec().iter().all(|mean| mean.abs() < 1e-5));
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[batch, channels, ..]` with at least one axis of positions; the output has the input's shape.
#[derive(Clone, Debug, Module)]
#[module(role = Role::Standardization)]
pub struct InstanceNorm<E: Element = f32> {
    weight: Option<Parameter<E>>,
    bias: Option<Parameter<E>>,
    channels: usize,
    eps: f64,
}

impl InstanceNorm {
    /// The config of a layer for `channels` channels, without a weight and a bias.
    pub fn config(channels: usize) -> InstanceNormConfig {
        InstanceNormConfig { channels, affine: false, eps: 1e-5 }
    }
}

impl<E: Element> InstanceNorm<E> {
    /// The weight, `[channels]`, if the layer is affine.
    pub fn weight(&self) -> Option<&Parameter<E>> {
        self.weight.as_ref()
    }

    /// The bias, `[channels]`, if the layer is affine.
    pub fn bias(&self) -> Option<&Parameter<E>> {
        self.bias.as_ref()
    }
}

impl<E: Element> Layer<E> for InstanceNorm<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let shape = x.shape();
        if shape.rank() < 3 || shape[1] != self.channels {
            let expected = format!("x [batch, {}, positions, ..]", self.channels);
            return Err(Error::Shapes { op: "instance_norm", expected, got: vec![shape] });
        }
        let on_tape = |p: &Option<Parameter<E>>| p.as_ref().map(|p| x.tape().parameter(p));
        ops::group_norm(x, self.channels, on_tape(&self.weight), on_tape(&self.bias), self.eps)
    }
}

/// Describes an [`InstanceNorm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InstanceNormConfig {
    channels: usize,
    affine: bool,
    eps: f64,
}

impl InstanceNormConfig {
    /// Adds a weight and a bias for each channel.
    pub fn affine(self) -> Self {
        Self { affine: true, ..self }
    }

    /// Sets the number that is added to the variance; 1e-5 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// Builds the layer.
    ///
    /// # Errors
    /// If the number of channels is zero, or there is no memory for the parameters.
    pub fn build<E: Element>(&self) -> Result<InstanceNorm<E>, LayerError> {
        let &Self { channels, affine, eps } = self;
        if channels == 0 {
            let message = "the number of channels must be positive, got 0".to_owned();
            return Err(Error::Argument { op: "instance_norm", message }.into());
        }
        let full = |value| {
            let full = affine.then(|| Tensor::try_full([channels], value)).transpose();
            full.map_err(|error| error.in_name_of("instance_norm"))
        };
        let weight = full(E::ONE)?.map(Parameter::gain);
        Ok(InstanceNorm { weight, bias: full(E::ZERO)?.map(Parameter::bias), channels, eps })
    }
}

impl<E: Element> LayerConfig<E> for InstanceNormConfig {
    type Layer = InstanceNorm<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.channels(self.channels, &[2, 3, 4])
    }

    fn build(&self, _: &mut dyn Rng) -> Result<InstanceNorm<E>, LayerError> {
        self.build()
    }
}

instances!(instance_norm<E>: SequentialBuilder::<E>::with::<InstanceNormConfig>);
