//! [`SequentialBuilder`]: a network described layer by layer, its shapes checked when it is built.

use rand::Rng;
use wengert_autodiff::ops::{
    Conv1dOptions, Conv2dOptions, ConvOptions, ConvTransposeOptions, Extent, Pool2d,
};
use wengert_autodiff::{Activation, Element, Result};

use super::sample::Sample;
use super::{
    ActivationLayer, AdaptiveAvgPool2d, AvgPool2d, BatchNorm, BuildError, Conv, ConvTranspose,
    Dropout, Embedding, Flatten, GroupNorm, LayerError, LayerNorm, Linear, MaxPool2d, RmsNorm,
    Sequential,
};
use crate::init::Init;

/// A layer that has a weight.
#[derive(Clone, Debug, PartialEq)]
struct Weighted<K> {
    inputs: usize,
    outputs: usize,
    kind: K,
    init: Option<Init>,
    bias: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct ConvKind<const AXES: usize> {
    kernel: [usize; AXES],
    options: ConvOptions<AXES>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct ConvTransposeKind {
    kernel: [usize; 2],
    options: ConvTransposeOptions<2>,
}

/// A table of vectors, `outputs` features each.
#[derive(Clone, Copy, Debug, PartialEq)]
struct EmbeddingKind;

#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::enum_variant_names, reason = "each is named like the layer it stands for")]
enum Layer {
    Linear(Weighted<Activation>),
    Conv1d(Weighted<ConvKind<1>>),
    Conv2d(Weighted<ConvKind<2>>),
    ConvTranspose2d(Weighted<ConvTransposeKind>),
    Embedding(Weighted<EmbeddingKind>),
    BatchNorm1d(usize),
    BatchNorm2d(usize),
    LayerNorm(Vec<usize>),
    GroupNorm { groups: usize, channels: usize },
    RmsNorm(Vec<usize>),
    Dropout(f64),
    Activation(Activation),
    MaxPool2d(Pool2d),
    AvgPool2d(Pool2d),
    AdaptiveAvgPool2d(Extent<2>),
    Flatten,
}

/// A description of a network, layer by layer.
///
/// Unless told otherwise, the weight of a linear layer or a convolution is drawn by
/// [`Init::for_activation`] of its activation, and its bias is zero.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::Activation;
/// use wengert_nn::{Init, Module, Sequential};
/// let model = Sequential::builder()
///     .linear(64, 32, Activation::Relu)
///     .init(Init::xavier_normal())
///     .linear(32, 10, Activation::Identity)
///     .build::<f64>(&mut rand_pcg::Pcg64::seed_from_u64(1))?;
/// assert_eq!(model.parameter_count(), 64 * 32 + 32 + 32 * 10 + 10);
/// assert_eq!(model.parameters()[2].0, "1.weight");
/// # Ok::<(), wengert_nn::BuildError>(())
/// ```
///
/// With [`input`](Self::input) the shapes are known from the first layer on, and what does not fit
/// is refused when the network is built:
///
/// ```
/// # use rand::SeedableRng;
/// use wengert_autodiff::{Activation, ops::{Conv2dOptions, Pool2d}};
/// # use wengert_nn::Sequential;
/// let convolution = Conv2dOptions::new().padding(1).activation(Activation::Relu);
/// let description = Sequential::builder()
///     .input([1, 8, 8])
///     .conv2d(1, 6, 3, convolution)
///     .max_pool2d(Pool2d::new(2))
///     .flatten();
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// assert!(description.clone().linear(96, 10, Activation::Identity).build::<f32>(&mut rng).is_ok());
/// let error = description.linear(90, 10, Activation::Identity).build::<f32>(&mut rng).unwrap_err();
/// assert!(error.to_string().starts_with("layer 3 takes 90 features, but the layers before it give 96"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SequentialBuilder {
    input: Option<Vec<usize>>,
    layers: Vec<Layer>,
}

impl SequentialBuilder {
    /// The shape of what goes into the first layer, without the batch axis: `[features]`, or
    /// `[channels, rows, columns]` for images. The layers' shapes are then checked from there on.
    pub fn input(mut self, shape: impl Into<Vec<usize>>) -> Self {
        self.input = Some(shape.into());
        self
    }

    fn push(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// A fully connected layer with its activation.
    pub fn linear(self, inputs: usize, outputs: usize, activation: Activation) -> Self {
        let kind = activation;
        self.push(Layer::Linear(Weighted { inputs, outputs, kind, init: None, bias: true }))
    }

    /// A convolution over lines from `inputs` to `outputs` channels; its activation is one of the
    /// options.
    pub fn conv1d(
        self,
        inputs: usize,
        outputs: usize,
        kernel: usize,
        options: Conv1dOptions,
    ) -> Self {
        let kind = ConvKind { kernel: [kernel], options };
        self.push(Layer::Conv1d(Weighted { inputs, outputs, kind, init: None, bias: true }))
    }

    /// A convolution over images from `inputs` to `outputs` channels; its activation is one of the
    /// options.
    pub fn conv2d(
        self,
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<2>>,
        options: Conv2dOptions,
    ) -> Self {
        let kind = ConvKind { kernel: kernel.into().0, options };
        self.push(Layer::Conv2d(Weighted { inputs, outputs, kind, init: None, bias: true }))
    }

    /// A transposed convolution over images from `inputs` to `outputs` channels; its activation is
    /// one of the options.
    pub fn conv_transpose2d(
        self,
        inputs: usize,
        outputs: usize,
        kernel: impl Into<Extent<2>>,
        options: impl Into<ConvTransposeOptions<2>>,
    ) -> Self {
        let kind = ConvTransposeKind { kernel: kernel.into().0, options: options.into() };
        self.push(Layer::ConvTranspose2d(Weighted {
            inputs,
            outputs,
            kind,
            init: None,
            bias: true,
        }))
    }

    /// A table of `rows` vectors of `features` numbers, drawn from N(0, 1) unless told otherwise.
    pub fn embedding(self, rows: usize, features: usize) -> Self {
        let (inputs, outputs, kind) = (rows, features, EmbeddingKind);
        self.push(Layer::Embedding(Weighted { inputs, outputs, kind, init: None, bias: false }))
    }

    /// Batch normalization of so many features, or of lines of so many channels.
    pub fn batch_norm1d(self, channels: usize) -> Self {
        self.push(Layer::BatchNorm1d(channels))
    }

    /// Batch normalization of images of so many channels.
    pub fn batch_norm2d(self, channels: usize) -> Self {
        self.push(Layer::BatchNorm2d(channels))
    }

    /// Layer normalization over the last axes, of these sizes.
    pub fn layer_norm(self, normalized: impl Into<Vec<usize>>) -> Self {
        self.push(Layer::LayerNorm(normalized.into()))
    }

    /// Group normalization of so many channels.
    pub fn group_norm(self, groups: usize, channels: usize) -> Self {
        self.push(Layer::GroupNorm { groups, channels })
    }

    /// Root mean square normalization over the last axes, of these sizes.
    pub fn rms_norm(self, normalized: impl Into<Vec<usize>>) -> Self {
        self.push(Layer::RmsNorm(normalized.into()))
    }

    /// Dropout with this probability to drop an element.
    pub fn dropout(self, p: f64) -> Self {
        self.push(Layer::Dropout(p))
    }

    /// An activation as a layer of its own.
    pub fn activation(self, activation: Activation) -> Self {
        self.push(Layer::Activation(activation))
    }

    /// The maximum of each window.
    pub fn max_pool2d(self, pool: Pool2d) -> Self {
        self.push(Layer::MaxPool2d(pool))
    }

    /// The mean of each window.
    pub fn avg_pool2d(self, pool: Pool2d) -> Self {
        self.push(Layer::AvgPool2d(pool))
    }

    /// The means of bins, so many rows and columns of them.
    pub fn adaptive_avg_pool2d(self, output: impl Into<Extent<2>>) -> Self {
        self.push(Layer::AdaptiveAvgPool2d(output.into()))
    }

    /// All axes behind the batch as one.
    pub fn flatten(self) -> Self {
        self.push(Layer::Flatten)
    }

    /// How the weight of the last layer named begins.
    ///
    /// # Panics
    /// If that layer has no weight.
    #[track_caller]
    pub fn init(mut self, scheme: Init) -> Self {
        let init = match self.layers.last_mut() {
            Some(
                Layer::Linear(Weighted { init, .. })
                | Layer::Conv1d(Weighted { init, .. })
                | Layer::Conv2d(Weighted { init, .. })
                | Layer::ConvTranspose2d(Weighted { init, .. })
                | Layer::Embedding(Weighted { init, .. }),
            ) => init,
            Some(last) => {
                panic!("init names the weight of the layer before it, and {last:?} has none")
            }
            None => panic!("init names the weight of the layer before it, and there is none yet"),
        };
        *init = Some(scheme);
        self
    }

    /// The last layer named without a bias.
    ///
    /// # Panics
    /// If that layer never has one.
    #[track_caller]
    pub fn without_bias(mut self) -> Self {
        let bias = match self.layers.last_mut() {
            Some(
                Layer::Linear(Weighted { bias, .. })
                | Layer::Conv1d(Weighted { bias, .. })
                | Layer::Conv2d(Weighted { bias, .. })
                | Layer::ConvTranspose2d(Weighted { bias, .. }),
            ) => bias,
            Some(last) => {
                panic!("without_bias speaks of the layer before it, and {last:?} has no bias")
            }
            None => panic!("without_bias speaks of the layer before it, and there is none yet"),
        };
        *bias = false;
        self
    }

    /// The network, its parameters drawn in order from `rng`.
    ///
    /// # Errors
    /// [`BuildError::Features`] and [`BuildError::Shape`] if a layer takes another number of
    /// features or another shape than the one before it gives, [`BuildError::Sizes`] if a window
    /// does not fit or there is no memory for a layer, [`BuildError::Init`] if an initializer
    /// cannot be applied, [`BuildError::Activation`] if none is named and the activation has no
    /// gain.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<Sequential<E>, BuildError> {
        let mut model = Sequential::empty();
        let mut sample = Sample::default();
        if let Some(input) = &self.input {
            sample = Sample::Axes(input.iter().copied().map(Some).collect());
        }
        for (number, layer) in self.layers.iter().enumerate() {
            sample = layer.build(number, sample, &mut model, rng)?;
        }
        Ok(model)
    }
}

impl Layer {
    /// Adds the layer to the model; returns the shape behind it.
    fn build<E: Element>(
        &self,
        number: usize,
        sample: Sample,
        model: &mut Sequential<E>,
        rng: &mut impl Rng,
    ) -> Result<Sample, BuildError> {
        let sizes = |error| BuildError::Sizes { layer: number, error };
        match self {
            Layer::Linear(layer) => {
                let (inputs, outputs, activation) = (layer.inputs, layer.outputs, layer.kind);
                let sample = sample.features(number, inputs, outputs)?;
                let init = layer.scheme(number, activation)?;
                let linear = Linear::new(inputs, outputs, activation, &init, rng)
                    .map_err(|error| BuildError::Init { layer: number, error })?;
                model.push(if layer.bias { linear } else { linear.without_bias() });
                Ok(sample)
            }
            Layer::Conv1d(layer) => layer.build(number, &sample, model, rng),
            Layer::Conv2d(layer) => layer.build(number, &sample, model, rng),
            Layer::ConvTranspose2d(layer) => layer.build(number, &sample, model, rng),
            Layer::Embedding(layer) => {
                let init = layer.init.clone().unwrap_or(Init::Normal { mean: 0.0, std: 1.0 });
                let table = Embedding::<E>::new(layer.inputs, layer.outputs, &init, rng);
                model.push(table.map_err(|error| BuildError::of(number, error))?);
                Ok(sample.embedded(layer.outputs))
            }
            Layer::BatchNorm1d(channels) => {
                model.push(BatchNorm::<1, E>::try_new(*channels).map_err(sizes)?);
                sample.channels(number, *channels, &[1, 2])
            }
            Layer::BatchNorm2d(channels) => {
                model.push(BatchNorm::<2, E>::try_new(*channels).map_err(sizes)?);
                sample.channels(number, *channels, &[3])
            }
            Layer::LayerNorm(normalized) => {
                model.push(LayerNorm::<E>::try_new(normalized.clone()).map_err(sizes)?);
                sample.ends_with(number, normalized)
            }
            &Layer::GroupNorm { groups, channels } => {
                model.push(GroupNorm::<E>::try_new(groups, channels).map_err(sizes)?);
                sample.channels(number, channels, &[1, 2, 3])
            }
            Layer::RmsNorm(normalized) => {
                model.push(RmsNorm::<E>::try_new(normalized.clone()).map_err(sizes)?);
                sample.ends_with(number, normalized)
            }
            Layer::Dropout(p) => {
                let dropout = Dropout::new(*p, rng);
                model.push(dropout.map_err(|error| BuildError::of(number, error))?);
                Ok(sample)
            }
            Layer::Activation(activation) => {
                model.push(ActivationLayer(*activation));
                Ok(sample)
            }
            Layer::MaxPool2d(pool) => {
                model.push(MaxPool2d(*pool));
                sample.pooled(number, "max_pool2d", |size| pool.output_size(size))
            }
            Layer::AvgPool2d(pool) => {
                model.push(AvgPool2d(*pool));
                sample.pooled(number, "avg_pool2d", |size| pool.output_size(size))
            }
            Layer::AdaptiveAvgPool2d(output) => {
                model.push(AdaptiveAvgPool2d(*output));
                sample.pooled(number, "adaptive_avg_pool2d", |_| Ok(output.0))
            }
            Layer::Flatten => {
                model.push(Flatten);
                Ok(sample.flat())
            }
        }
    }
}

impl<K> Weighted<K> {
    /// How the weight begins.
    fn scheme(&self, layer: usize, activation: Activation) -> Result<Init, BuildError> {
        match &self.init {
            Some(init) => Ok(init.clone()),
            None => Init::try_for_activation(activation).map_err(|error| BuildError::Activation {
                layer,
                activation,
                error,
            }),
        }
    }
}

impl<const AXES: usize> Weighted<ConvKind<AXES>> {
    fn build<E: Element>(
        &self,
        number: usize,
        sample: &Sample,
        model: &mut Sequential<E>,
        rng: &mut impl Rng,
    ) -> Result<Sample, BuildError> {
        let ConvKind { kernel, options } = self.kind;
        let (inputs, outputs) = (self.inputs, self.outputs);
        let size = sample.image::<AXES>(number, inputs)?;
        let size = size.map(|size| options.output_size(Extent(kernel), Extent(size))).transpose();
        let size = size.map_err(|error| BuildError::of(number, LayerError::Sizes(error)))?;
        let init = self.scheme(number, options.fused_activation())?;
        let conv = Conv::<AXES, E>::new(inputs, outputs, Extent(kernel), options, &init, rng)
            .map_err(|error| BuildError::of(number, error))?;
        model.push(if self.bias { conv } else { conv.without_bias() });
        Ok(Sample::of_image(outputs, size))
    }
}

impl Weighted<ConvTransposeKind> {
    fn build<E: Element>(
        &self,
        number: usize,
        sample: &Sample,
        model: &mut Sequential<E>,
        rng: &mut impl Rng,
    ) -> Result<Sample, BuildError> {
        let ConvTransposeKind { kernel, options } = self.kind;
        let (inputs, outputs) = (self.inputs, self.outputs);
        let size = sample.image::<2>(number, inputs)?;
        let size = size.map(|size| options.output_size(kernel, size)).transpose();
        let size = size.map_err(|error| BuildError::of(number, LayerError::Sizes(error)))?;
        let init = self.scheme(number, options.convolution().fused_activation())?;
        let layer = ConvTranspose::<2, E>::new(inputs, outputs, kernel, options, &init, rng)
            .map_err(|error| BuildError::of(number, error))?;
        model.push(if self.bias { layer } else { layer.without_bias() });
        Ok(Sample::of_image(outputs, size))
    }
}
