//! [`SequentialBuilder`]: a list of configs, whose shapes are checked when the network is built.

use std::fmt::{self, Debug};
use std::sync::Arc;

use rand::Rng;
use wengert_autodiff::Element;

use super::{BuildError, LayerConfig, LayerError, LayerFault, SampleShape, Sequential};
use crate::forward::Layer;

/// A description of a network, layer by layer.
///
/// [`with`](Self::with) takes the config of a layer; the other methods are short for the common
/// ones. Unless its config says otherwise, the weight of a linear layer or a convolution is drawn
/// by
/// [`Init::for_activation`](crate::Init::for_activation) of its activation, and its bias is zero.
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
/// # Ok::<(), wengert_nn::BuildError>(())
/// ```
///
/// With [`input`](Self::input) the shapes are known from the first layer on, and what does not fit
/// is refused when the network is built, all of it at once:
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
/// assert!(error.to_string().starts_with("layer 3 takes 90 features, but the layers before it give 96"));
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
    /// The shape of what goes into the first layer, without the batch axis: `[features]`, or
    /// `[channels, rows, columns]` for images. The layers' shapes are then checked from there on.
    pub fn input(mut self, shape: impl Into<Vec<usize>>) -> Self {
        self.input = SampleShape::Axes(shape.into().into_iter().map(Some).collect());
        self
    }

    /// Adds the layer that a config describes.
    pub fn with<C>(mut self, config: C) -> Self
    where
        C: LayerConfig<E, Layer: Clone + Send + Sync> + Send + Sync + 'static,
        C::Layer: 'static,
    {
        self.layers.push(Arc::new(config));
        self
    }

    /// Adds a layer that is already made; each network built gets a clone. The shape of its outputs
    /// is not known to the builder: give [`with`](Self::with) a [`LayerConfig`] to have it checked.
    pub fn layer(mut self, layer: impl Layer<E> + Clone + Send + Sync + 'static) -> Self {
        self.layers.push(Arc::new(Ready(layer)));
        self
    }

    /// The network, its parameters drawn in order from `rng`.
    ///
    /// # Errors
    /// [`BuildError`] names every layer at fault: [`LayerError::Features`] and
    /// [`LayerError::Shape`] if it takes another number of features or another shape than the one
    /// before it gives, [`LayerError::Sizes`] if a window does not fit or there is no memory for
    /// the layer, [`LayerError::Init`] if an initializer cannot be applied,
    /// [`LayerError::Activation`] if none is named and the activation has no gain.
    pub fn build(&self, rng: &mut impl Rng) -> Result<Sequential<E>, BuildError> {
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
                // What the layer gives where it fits.
                plan.output_shape(&SampleShape::Unknown).unwrap_or_default()
            });
        }
        if faults.is_empty() { Ok(model) } else { Err(BuildError { faults }) }
    }
}

impl<E: Element> Debug for SequentialBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, layers } = self;
        f.debug_struct("SequentialBuilder").field("input", input).field("layers", layers).finish()
    }
}

/// A layer to be made and added to a network.
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

/// A layer that is already made, as its own config.
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
