//! [`SequentialBuilder`]: a list of layer configs, whose shapes are checked when the network is
//! built.

use std::fmt::{self, Debug};
use std::sync::Arc;

use rand::Rng;
use wengert_autodiff::{Element, instances};

use super::{BuildError, LayerConfig, LayerError, LayerFault, SampleShape, Sequential};
use crate::forward::Layer;

/// A description of a network, layer by layer.
///
/// [`with`](Self::with) takes the config of a layer; the other methods are shorthands for common
/// layers. Unless the config has an initializer, the weight of a linear layer or a convolution is
/// drawn by [`Init::for_activation`](crate::Init::for_activation) of its activation, and its bias
/// is zero.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::Activation;
/// use wengert_nn::{Init, Linear, Module, Sequential};
/// let model: Sequential<f64> = Sequential::builder()
///     .with(Linear::config(64, 32).activation(Activation::Relu).init(Init::xavier_normal()))
///     .linear(32, 10, Activation::Identity)
///     .build(&mut rand_pcg::Pcg64::seed_from_u64(1))?;
/// assert_eq!(model.parameter_count(), 64 * 32 + 32 + 32 * 10 + 10);
/// assert_eq!(model.parameters()[2].0, "1.weight");
/// # Ok::<(), wengert_nn::Error>(())
/// ```
///
/// With [`input`](Self::input) all shapes are known, and [`build`](Self::build) reports every layer
/// that does not accept its input:
///
/// ```
/// # use rand::SeedableRng;
/// use wengert_autodiff::{Activation, ops::{Conv2dOptions, Pool2d}};
/// use wengert_nn::{Sequential, SequentialBuilder};
/// let convolution = Conv2dOptions::new().padding(1).activation(Activation::Relu);
/// let builder: SequentialBuilder = Sequential::builder()
///     .input([1, 8, 8])
///     .conv2d(1, 6, 3, convolution)
///     .max_pool2d(Pool2d::new(2))
///     .flatten();
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// assert!(builder.clone().linear(96, 10, Activation::Identity).build(&mut rng).is_ok());
/// let error = builder.linear(90, 10, Activation::Relu).dropout(1.5).build(&mut rng).unwrap_err();
/// assert_eq!(error.faults().len(), 2);
/// let first = "layer 3 takes 90 features, but the layers before it give 96";
/// assert!(error.to_string().starts_with(first));
/// ```
#[derive(Clone)]
pub struct SequentialBuilder<E: Element = f32> {
    input: SampleShape,
    layers: Vec<Arc<dyn Plan<E>>>,
}

impl<E: Element> Default for SequentialBuilder<E> {
    fn default() -> Self {
        Self { input: SampleShape::Unknown, layers: Vec::new() }
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Sets the shape of the network's input, without the batch axis: `[features]`, or
    /// `[channels, rows, columns]` for images. The shapes of all layers are then checked.
    pub fn input(mut self, shape: impl Into<Vec<usize>>) -> Self {
        self.input = SampleShape::Axes(shape.into().into_iter().map(Some).collect());
        self
    }

    /// Adds the layer that a config describes.
    #[inline(never)]
    pub fn with<C>(mut self, config: C) -> Self
    where
        C: LayerConfig<E, Layer: Clone + Send + Sync> + Send + Sync + 'static,
        C::Layer: 'static,
    {
        self.layers.push(Arc::new(config));
        self
    }

    /// Adds an existing layer; each network that is built gets a clone. The builder does not know
    /// the shape of its output: pass a [`LayerConfig`] to [`with`](Self::with) to have it checked.
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<E> + Clone + Send + Sync + 'static,
    {
        self.layers.push(Arc::new(Ready(layer)));
        self
    }

    /// Builds the network, with parameters drawn from `rng` in order.
    ///
    /// # Errors
    /// [`BuildError`] lists every layer at fault: [`LayerError::Features`] and
    /// [`LayerError::Shape`] if it does not accept the output of the layer before it,
    /// [`LayerError::Sizes`] if a window is larger than the image or there is no memory for the
    /// layer, [`LayerError::Init`] if an initializer cannot be applied, [`LayerError::Activation`]
    /// if the layer has no initializer and its activation no gain.
    pub fn build(&self, rng: &mut impl Rng) -> Result<Sequential<E>, BuildError> {
        self.build_with(rng)
    }

    #[inline(never)]
    fn build_with(&self, rng: &mut dyn Rng) -> Result<Sequential<E>, BuildError> {
        let mut model = Sequential::empty();
        let mut faults = Vec::new();
        let mut sample = self.input.clone();
        for (layer, plan) in self.layers.iter().enumerate() {
            let output = plan.output_shape(&sample).and_then(|output| {
                plan.push_to(&mut model, rng)?;
                Ok(output)
            });
            sample = output.unwrap_or_else(|error| {
                faults.push(LayerFault { layer, error });
                // The following layers are checked against the output for a valid input.
                plan.output_shape(&SampleShape::Unknown).unwrap_or_default()
            });
        }
        if faults.is_empty() { Ok(model) } else { Err(BuildError { faults }) }
    }
}

instances!(
    sequential<E>:
    SequentialBuilder::<E>::build_with,
    SequentialBuilder::<E>::layer::<Sequential<E>>
);

impl<E: Element> Debug for SequentialBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, layers } = self;
        f.debug_struct("SequentialBuilder").field("input", input).field("layers", layers).finish()
    }
}

/// A config of any type, with the layer it builds added to a network.
trait Plan<E: Element>: Debug + Send + Sync {
    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError>;
    fn push_to(&self, model: &mut Sequential<E>, rng: &mut dyn Rng) -> Result<(), LayerError>;
}

impl<E: Element, C> Plan<E> for C
where
    C: LayerConfig<E, Layer: Clone + Send + Sync> + Send + Sync,
    C::Layer: 'static,
{
    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        LayerConfig::output_shape(self, input)
    }

    fn push_to(&self, model: &mut Sequential<E>, rng: &mut dyn Rng) -> Result<(), LayerError> {
        model.push(self.build(rng)?);
        Ok(())
    }
}

/// An existing layer as its own config.
#[derive(Clone, Debug)]
struct Ready<L>(L);

impl<E: Element, L: Layer<E> + Clone + Send + Sync + 'static> LayerConfig<E> for Ready<L> {
    type Layer = L;

    fn output_shape(&self, _: &SampleShape) -> Result<SampleShape, LayerError> {
        Ok(SampleShape::Unknown)
    }

    fn build(&self, _: &mut dyn Rng) -> Result<L, LayerError> {
        Ok(self.0.clone())
    }
}
