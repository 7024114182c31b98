//! [`SeparableConv`]: a convolution of each channel by itself, followed by a convolution of all
//! channels at each position.

use rand::Rng;
use wengert_autodiff::ops::{ConvOptions, Extent};
use wengert_autodiff::{Activation, Element, Result, Var};

use super::conv::{Conv, ConvConfig};
use super::{LayerConfig, LayerError, SampleShape};
use crate::forward::Layer;
use crate::module::Module;
use crate::observe::Observer;

impl<const AXES: usize> Conv<AXES> {
    /// The config of a depthwise convolution, in which each channel has its own kernel. The options
    /// of the config have one group for each channel; options that replace them must also set
    /// `groups(channels)`.
    ///
    /// ```
    /// use wengert_nn::{Conv2d, Module};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let layer = Conv2d::depthwise(8, 3).build::<f32>(&mut rng)?;
    /// assert_eq!(layer.parameter_count(), 8 * 3 * 3 + 8);
    /// # Ok::<(), wengert_nn::LayerError>(())
    /// ```
    pub fn depthwise(channels: usize, kernel: impl Into<Extent<AXES>>) -> ConvConfig<AXES> {
        Self::config(channels, channels, kernel).options(ConvOptions::new().groups(channels))
    }
}

/// A depthwise separable convolution: each channel by itself, then all channels at each position.
/// It needs `kernel + outputs` products per element instead of `kernel * outputs`.
///
/// Source: F. Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017.
///
/// ```
/// use wengert_autodiff::{Tensor, ops::Conv2dOptions};
/// use wengert_nn::{Layer, SeparableConv2d};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let options = Conv2dOptions::new().padding(1).stride(2);
/// let layer = SeparableConv2d::config(4, 16, 3).options(options).build(&mut rng)?;
/// assert_eq!(layer.predict(&Tensor::<f32>::ones([2, 4, 8, 8])).shape().dims(), [2, 16, 4, 4]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// Those of [`Conv`]. `depthwise.weight` is `[in, 1, kernel ..]`, `pointwise.weight`
/// `[out, in, 1 ..]`.
#[derive(Clone, Debug, Module)]
#[module(activation = self.pointwise.activation())]
pub struct SeparableConv<const AXES: usize, E: Element = f32> {
    depthwise: Conv<AXES, E>,
    pointwise: Conv<AXES, E>,
}

/// A depthwise separable convolution over signals, `[batch, channels, length]`.
pub type SeparableConv1d<E = f32> = SeparableConv<1, E>;

/// A depthwise separable convolution over images, `[batch, channels, rows, columns]`.
pub type SeparableConv2d<E = f32> = SeparableConv<2, E>;

impl<const AXES: usize> SeparableConv<AXES> {
    /// The config of a layer from `inputs` to `outputs` channels, with biases.
    pub fn config(
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<AXES>>,
    ) -> SeparableConvConfig<AXES> {
        let (kernel, options) = (kernel.into(), ConvOptions::new());
        let activation = Activation::Identity;
        SeparableConvConfig { inputs, outputs, kernel, options, activation, bias: true }
    }
}

impl<const AXES: usize, E: Element> Layer<E> for SeparableConv<AXES, E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.pointwise.try_forward(self.depthwise.try_forward(x)?)
    }

    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        let x = observer.child("depthwise", &self.depthwise, x)?;
        observer.child("pointwise", &self.pointwise, x)
    }
}

/// Describes a [`SeparableConv`].
#[derive(Clone, Debug, PartialEq)]
pub struct SeparableConvConfig<const AXES: usize> {
    inputs: usize,
    outputs: usize,
    kernel: Extent<AXES>,
    options: ConvOptions<AXES>,
    activation: Activation,
    bias: bool,
}

impl<const AXES: usize> SeparableConvConfig<AXES> {
    /// Sets stride, padding and dilation of the depthwise convolution, and the activation between
    /// the two convolutions. The groups are always the channels.
    pub fn options(self, options: ConvOptions<AXES>) -> Self {
        Self { options, ..self }
    }

    /// Sets the activation of the outputs.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Omits the biases.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    fn parts(&self) -> [ConvConfig<AXES>; 2] {
        let depthwise = Conv::config(self.inputs, self.inputs, self.kernel);
        let pointwise = Conv::config(self.inputs, self.outputs, Extent([1; AXES]));
        let parts = [
            depthwise.options(self.options.groups(self.inputs)),
            pointwise.options(ConvOptions::new().activation(self.activation)),
        ];
        parts.map(|part| if self.bias { part } else { part.without_bias() })
    }

    /// Builds the layer, with weights drawn from `rng`.
    ///
    /// # Errors
    /// Those of [`ConvConfig::build`].
    pub fn build<E: Element>(
        &self,
        rng: &mut impl Rng,
    ) -> Result<SeparableConv<AXES, E>, LayerError> {
        let [depthwise, pointwise] = self.parts();
        Ok(SeparableConv { depthwise: depthwise.build(rng)?, pointwise: pointwise.build(rng)? })
    }
}

impl<const AXES: usize, E: Element> LayerConfig<E> for SeparableConvConfig<AXES> {
    type Layer = SeparableConv<AXES, E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        let [depthwise, pointwise] = self.parts();
        let between = LayerConfig::<E>::output_shape(&depthwise, input)?;
        LayerConfig::<E>::output_shape(&pointwise, &between)
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<SeparableConv<AXES, E>, LayerError> {
        self.build(&mut rng)
    }
}
