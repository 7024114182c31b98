//! [`ConvTranspose`]: a transposed convolution with its activation, over signals
//! ([`ConvTranspose1d`]) or images ([`ConvTranspose2d`]).

use rand::Rng;
use wengert_autodiff::ops::{self, ConvOptions, ConvTransposeOptions, Extent};
use wengert_autodiff::{Activation, Element, Parameter, Result, Var, WeightLayout, instances};

use super::accessors::accessors;
use super::affine::{self, Affine};
use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder, Weighted};
use crate::forward::Layer;
use crate::init::Init;
use crate::module::Module;
use crate::observe::Observer;

/// `y = activation(conv^T(x, weight) + bias)`: the transpose of a convolution, which enlarges an
/// image where the convolution reduces it. The activation is one of the options.
///
/// # Shapes
/// For images `x` is `[batch, in, rows, columns]` and `weight` `[in, out / groups, kernel rows,
/// kernel columns]`, for signals `[batch, in, length]` and `[in, out / groups, kernel]`; `bias` is
/// `[out]`. See [`ops::conv_transpose1d`] for the output's sizes.
#[derive(Clone, Debug, Module)]
#[module(activation = self.options.convolution().fused_activation())]
pub struct ConvTranspose<const AXES: usize, E: Element = f32> {
    #[module(flatten)]
    affine: Affine<E>,
    #[module(skip)]
    options: ConvTransposeOptions<AXES>,
}

/// A transposed convolution over signals, `[batch, channels, length]`.
pub type ConvTranspose1d<E = f32> = ConvTranspose<1, E>;

/// A transposed convolution over images, `[batch, channels, rows, columns]`.
pub type ConvTranspose2d<E = f32> = ConvTranspose<2, E>;

impl<const AXES: usize> ConvTranspose<AXES> {
    /// The config of a layer from `inputs` to `outputs` channels, with the default options and a
    /// bias.
    pub fn config(
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<AXES>>,
    ) -> ConvTransposeConfig<AXES> {
        let (kernel, options) = (kernel.into(), ConvOptions::new().into());
        ConvTransposeConfig { inputs, outputs, kernel, options, init: None, bias: true }
    }
}

impl<const AXES: usize, E: Element> ConvTranspose<AXES, E> {
    /// A layer from `inputs` to `outputs` channels, with a weight drawn by `init` and a bias of
    /// zeros. The fan-out of the weight is `outputs / groups` times the number of kernel positions.
    /// Its fan-in is `inputs / groups` times that number, divided by the stride along each axis:
    /// the mean number of products in an output, rounded to a whole number. (If the stride does not
    /// divide the kernel size, some outputs have one product more along an axis than others.)
    ///
    /// # Errors
    /// If the kernel, the stride or the dilation is zero along an axis, the groups do not divide
    /// the channels, the initializer cannot be applied, a size does not fit the address space, or
    /// there is no memory for the parameters.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<AXES>>,
        options: impl Into<ConvTransposeOptions<AXES>>,
        init: &Init,
        rng: &mut impl Rng,
    ) -> Result<Self, LayerError> {
        let options = options.into();
        let shape = options.weight_shape(inputs, outputs, kernel)?;
        let (groups, stride) =
            (options.convolution().group_count(), options.convolution().strides());
        let layout = WeightLayout { groups, inputs_first: true };
        let channels = [inputs / groups, shape[1]];
        let kind = affine::convolution(channels, &shape.dims()[2..], stride, layout);
        let name = if AXES == 1 { "conv_transpose1d" } else { "conv_transpose2d" };
        Ok(Self { affine: Affine::new(name, (shape, kind), outputs, init, rng)?, options })
    }

    /// Removes the bias.
    pub fn without_bias(mut self) -> Self {
        self.affine.bias = None;
        self
    }

    fn apply<'t>(&self, x: Var<'t, E>, activation: Activation) -> Result<Var<'t, E>> {
        let (weight, bias) = self.affine.on(x.tape());
        ops::conv_transpose(x, weight, bias, self.options.activation(activation))
    }

    accessors! {
        layer => layer.affine.weight, layer.affine.bias.as_ref(), layer.affine.bias.as_mut();
        "`[in, out / groups, kernel ..]`", "`[out]`"
    }
}

impl<const AXES: usize, E: Element> Weighted<E> for ConvTranspose<AXES, E> {
    const OUTPUTS: usize = 1;

    fn weight_parameter(&self) -> &Parameter<E> {
        &self.affine.weight
    }

    fn forward_with<'t>(&self, x: Var<'t, E>, weight: Var<'t, E>) -> Result<Var<'t, E>> {
        ops::conv_transpose(x, weight, self.affine.on(x.tape()).1, self.options)
    }
}

impl<const AXES: usize, E: Element> Layer<E> for ConvTranspose<AXES, E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.apply(x, self.activation())
    }

    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        affine::observe(x, observer, self.activation(), |activation| self.apply(x, activation))
    }
}

/// Describes a [`ConvTranspose`].
#[derive(Clone, Debug, PartialEq)]
pub struct ConvTransposeConfig<const AXES: usize> {
    inputs: usize,
    outputs: usize,
    kernel: Extent<AXES>,
    options: ConvTransposeOptions<AXES>,
    init: Option<Init>,
    bias: bool,
}

impl<const AXES: usize> ConvTransposeConfig<AXES> {
    /// Sets stride, padding, dilation, groups and activation.
    pub fn options(self, options: impl Into<ConvTransposeOptions<AXES>>) -> Self {
        Self { options: options.into(), ..self }
    }

    /// Sets the initializer of the weight; [`Init::for_activation`] by default.
    pub fn init(self, init: Init) -> Self {
        Self { init: Some(init), ..self }
    }

    /// Omits the bias.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// Builds the layer, with a weight drawn from `rng`.
    ///
    /// # Errors
    /// Those of [`ConvTranspose::new`], and if no initializer is set and the activation has no
    /// gain.
    pub fn build<E: Element>(
        &self,
        rng: &mut impl Rng,
    ) -> Result<ConvTranspose<AXES, E>, LayerError> {
        let init =
            affine::scheme(self.init.as_ref(), self.options.convolution().fused_activation())?;
        let (inputs, outputs) = (self.inputs, self.outputs);
        let layer = ConvTranspose::new(inputs, outputs, self.kernel, self.options, &init, rng)?;
        Ok(if self.bias { layer } else { layer.without_bias() })
    }
}

impl<const AXES: usize, E: Element> LayerConfig<E> for ConvTransposeConfig<AXES> {
    type Layer = ConvTranspose<AXES, E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.image(self.inputs, self.outputs, |size: [usize; AXES]| {
            Ok(self.options.output_size(self.kernel, size)?)
        })
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<ConvTranspose<AXES, E>, LayerError> {
        self.build(&mut rng)
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds a transposed convolution over images from `inputs` to `outputs` channels; the
    /// activation is one of the options.
    pub fn conv_transpose2d(
        self,
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<2>>,
        options: impl Into<ConvTransposeOptions<2>>,
    ) -> Self {
        self.with(ConvTranspose2d::config(inputs, outputs, kernel).options(options))
    }
}

instances!(
    conv_transpose<E>:
    SequentialBuilder::<E>::with::<ConvTransposeConfig<1>>,
    SequentialBuilder::<E>::with::<ConvTransposeConfig<2>>
);
