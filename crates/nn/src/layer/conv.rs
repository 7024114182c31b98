//! [`Conv`]: a convolution with its activation, over signals ([`Conv1d`]) or images ([`Conv2d`]).

use rand::Rng;
use wengert_autodiff::ops::{self, Conv1dOptions, Conv2dOptions, ConvOptions, Extent};
use wengert_autodiff::{Activation, Element, Parameter, Result, Var, WeightLayout, instances};

use super::accessors::accessors;
use super::affine::{self, Affine};
use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder, Weighted};
use crate::forward::Layer;
use crate::init::Init;
use crate::module::Module;
use crate::observe::Observer;

/// `y = activation(conv(x, weight) + bias)`, with bias and activation fused into the convolution.
/// The activation is one of the options.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::{Activation, Tape, Tensor, ops::Conv2dOptions};
/// use wengert_nn::{Conv2d, Init, Layer};
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let options = Conv2dOptions::new().padding(2).activation(Activation::Relu);
/// let layer = Conv2d::<f32>::new(1, 6, 5, options, &Init::he_normal(), &mut rng)?;
/// let tape = Tape::new();
/// let y = layer.forward(tape.constant(&Tensor::ones([64, 1, 28, 28])));
/// assert_eq!(y.shape(), [64, 6, 28, 28]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// For images `x` is `[batch, in, rows, columns]` and `weight` `[out, in / groups, kernel rows,
/// kernel columns]`, for signals `[batch, in, length]` and `[out, in / groups, kernel]`; `bias` is
/// `[out]`. See [`ops::conv1d`] for the output's sizes.
#[derive(Clone, Debug, Module)]
#[module(activation = self.options.fused_activation())]
pub struct Conv<const AXES: usize, E: Element = f32> {
    #[module(flatten)]
    affine: Affine<E>,
    #[module(skip)]
    options: ConvOptions<AXES>,
}

/// A convolution over signals, `[batch, channels, length]`.
pub type Conv1d<E = f32> = Conv<1, E>;

/// A convolution over images, `[batch, channels, rows, columns]`.
pub type Conv2d<E = f32> = Conv<2, E>;

impl<const AXES: usize> Conv<AXES> {
    /// The config of a layer from `inputs` to `outputs` channels, with the default options and a
    /// bias.
    pub fn config(
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<AXES>>,
    ) -> ConvConfig<AXES> {
        let (kernel, options) = (kernel.into(), ConvOptions::new());
        ConvConfig { inputs, outputs, kernel, options, init: None, bias: true }
    }
}

impl<const AXES: usize, E: Element> Conv<AXES, E> {
    /// A layer from `inputs` to `outputs` channels, with a weight drawn by `init` and a bias of
    /// zeros. The fan-in of the weight is `inputs / groups` times the number of kernel positions.
    /// Its fan-out is `outputs / groups` times that number, divided by the stride along each axis:
    /// the mean number of outputs that depend on an input, rounded to a whole number.
    ///
    /// # Errors
    /// If the kernel, the stride or the dilation is zero along an axis, the groups do not divide
    /// the channels, the initializer cannot be applied, a size does not fit the address space, or
    /// there is no memory for the parameters.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<AXES>>,
        options: ConvOptions<AXES>,
        init: &Init,
        rng: &mut impl Rng,
    ) -> Result<Self, LayerError> {
        let shape = options.weight_shape(inputs, outputs, kernel)?;
        let groups = options.group_count();
        let layout = WeightLayout { groups, inputs_first: false };
        let channels = [shape[1], outputs / groups];
        let kind = affine::convolution(channels, &shape.dims()[2..], options.strides(), layout);
        let name = if AXES == 1 { "conv1d" } else { "conv2d" };
        Ok(Self { affine: Affine::new(name, (shape, kind), outputs, init, rng)?, options })
    }

    /// Removes the bias.
    pub fn without_bias(mut self) -> Self {
        self.affine.bias = None;
        self
    }

    fn apply<'t>(&self, x: Var<'t, E>, activation: Activation) -> Result<Var<'t, E>> {
        let (weight, bias) = self.affine.on(x.tape());
        ops::conv(x, weight, bias, self.options.activation(activation))
    }

    accessors! {
        layer => layer.affine.weight, layer.affine.bias.as_ref(), layer.affine.bias.as_mut();
        "`[out, in / groups, kernel ..]`", "`[out]`"
    }
}

impl<const AXES: usize, E: Element> Weighted<E> for Conv<AXES, E> {
    fn weight_parameter(&self) -> &Parameter<E> {
        &self.affine.weight
    }

    fn forward_with<'t>(&self, x: Var<'t, E>, weight: Var<'t, E>) -> Result<Var<'t, E>> {
        ops::conv(x, weight, self.affine.on(x.tape()).1, self.options)
    }
}

impl<const AXES: usize, E: Element> Layer<E> for Conv<AXES, E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.apply(x, self.activation())
    }

    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        affine::observe(x, observer, self.activation(), |activation| self.apply(x, activation))
    }
}

/// Describes a [`Conv`].
#[derive(Clone, Debug, PartialEq)]
pub struct ConvConfig<const AXES: usize> {
    inputs: usize,
    outputs: usize,
    kernel: Extent<AXES>,
    options: ConvOptions<AXES>,
    init: Option<Init>,
    bias: bool,
}

impl<const AXES: usize> ConvConfig<AXES> {
    pub(super) fn kernel(&self) -> Extent<AXES> {
        self.kernel
    }

    /// Sets stride, padding, dilation, groups and activation.
    pub fn options(self, options: ConvOptions<AXES>) -> Self {
        Self { options, ..self }
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
    /// Those of [`Conv::new`], and if no initializer is set and the activation has no gain.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<Conv<AXES, E>, LayerError> {
        let init = affine::scheme(self.init.as_ref(), self.options.fused_activation())?;
        let (inputs, outputs) = (self.inputs, self.outputs);
        let layer = Conv::new(inputs, outputs, self.kernel, self.options, &init, rng)?;
        Ok(if self.bias { layer } else { layer.without_bias() })
    }
}

impl<const AXES: usize, E: Element> LayerConfig<E> for ConvConfig<AXES> {
    type Layer = Conv<AXES, E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.image(self.inputs, self.outputs, |size: [usize; AXES]| {
            Ok(self.options.output_size(self.kernel, Extent(size))?)
        })
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<Conv<AXES, E>, LayerError> {
        self.build(&mut rng)
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds a convolution over signals from `inputs` to `outputs` channels; the activation is one
    /// of the options.
    pub fn conv1d(
        self,
        inputs: usize,
        outputs: usize,
        kernel: usize,
        options: Conv1dOptions,
    ) -> Self {
        self.with(Conv1d::config(inputs, outputs, kernel).options(options))
    }

    /// Adds a convolution over images from `inputs` to `outputs` channels; the activation is one of
    /// the options.
    pub fn conv2d(
        self,
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<2>>,
        options: Conv2dOptions,
    ) -> Self {
        self.with(Conv2d::config(inputs, outputs, kernel).options(options))
    }
}

instances!(
    conv<E>:
    SequentialBuilder::<E>::with::<ConvConfig<1>>,
    SequentialBuilder::<E>::with::<ConvConfig<2>>
);
