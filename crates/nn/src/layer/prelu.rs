//! [`PRelu`]: a rectifier whose slope below zero is learned.

use rand::Rng;
use wengert_autodiff::{Element, Error, Parameter, Result, Tensor, Var, instances, ops};

use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::Module;

/// `y = max(0, x) + weight min(0, x)`, with one slope for all or one for each channel.
///
/// At 0 the derivative is the slope's, as with [`leaky_relu`](ops::leaky_relu).
///
/// Source: K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, PRelu};
/// let y = PRelu::<f32>::try_new(1, 0.25)?.predict(&Tensor::from([[-2.0, 3.0]]));
/// assert_eq!(y.to_vec(), [-0.5, 3.0]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[batch, channels, ..]`, or any shape if there is one slope; the output has the input's shape.
/// `weight` is `[channels]`.
#[derive(Clone, Debug, Module)]
pub struct PRelu<E: Element = f32> {
    weight: Parameter<E>,
}

impl PRelu {
    /// The config of a layer with one slope for all channels.
    pub fn config() -> PReluConfig {
        PReluConfig { channels: 1, slope: 0.25 }
    }
}

impl<E: Element> PRelu<E> {
    /// Creates a layer with a slope for each channel, or with one slope for all if `channels` is 1.
    /// All slopes begin at `slope`.
    ///
    /// # Errors
    /// If the number of channels is zero, or there is no memory.
    pub fn try_new(channels: usize, slope: f64) -> Result<Self, LayerError> {
        if channels == 0 {
            let message = "the number of slopes must be positive, got 0".to_owned();
            return Err(Error::Argument { op: "prelu", message }.into());
        }
        let weight = Tensor::try_full([channels], E::from_f64(slope));
        let weight = weight.map_err(|error| error.in_name_of("prelu"))?;
        Ok(Self { weight: Parameter::new(weight) })
    }

    /// The slopes, `[channels]`.
    pub fn weight(&self) -> &Parameter<E> {
        &self.weight
    }
}

impl<E: Element> Layer<E> for PRelu<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let (channels, shape) = (self.weight.value().len(), x.shape());
        let mut weight = x.tape().parameter(&self.weight);
        if channels != 1 {
            if shape.rank() < 2 || shape[1] != channels {
                let expected = format!("x [batch, {channels}, ..]");
                return Err(Error::Shapes { op: "prelu", expected, got: vec![shape] });
            }
            let mut sizes = vec![1; shape.rank() - 1];
            sizes[0] = channels;
            weight = ops::reshape(weight, sizes)?;
        }
        let value = x.try_value()?;
        let positive = value.gt_scalar(E::ZERO);
        ops::where_(&positive, x, ops::mul(x, weight)?)
    }
}

/// Describes a [`PRelu`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PReluConfig {
    channels: usize,
    slope: f64,
}

impl PReluConfig {
    /// Sets the number of channels, each with its own slope: PyTorch's `num_parameters`.
    pub fn channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }

    /// Sets the initial slope, PyTorch's `init`; 0.25 by default.
    pub fn slope(self, slope: f64) -> Self {
        Self { slope, ..self }
    }
}

impl<E: Element> LayerConfig<E> for PReluConfig {
    type Layer = PRelu<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        match input {
            SampleShape::Axes(axes) if self.channels != 1 => {
                let fits = axes.first().is_some_and(|c| c.is_none_or(|c| c == self.channels));
                let takes = || input.refused(format!("[{}, ..]", self.channels));
                if fits { Ok(input.clone()) } else { Err(takes()) }
            }
            _ => Ok(input.clone()),
        }
    }

    fn build(&self, _: &mut dyn Rng) -> Result<PRelu<E>, LayerError> {
        PRelu::try_new(self.channels, self.slope)
    }
}

instances!(prelu<E>: SequentialBuilder::<E>::with::<PReluConfig>);
