//! [`LayerConfig`]: what a builder knows of a layer before it is made.

use std::fmt::Debug;

use rand::Rng;
use wengert_autodiff::Element;

use super::{LayerError, SampleShape};
use crate::forward::Layer;

/// Describes a layer: how it is made and what it does to the shape of a sample.
///
/// A network's builder is a list of configs, added by
/// [`SequentialBuilder::with`](crate::SequentialBuilder::with).
/// Those of this crate come from `config` of the layer: `Linear::config(64, 32)`.
///
/// ```
/// use rand::{Rng, SeedableRng};
/// use wengert_autodiff::{Activation, Element, Kind, Parameter, Result, Tensor, Var};
/// use wengert_nn::{Layer, LayerConfig, LayerError, Linear, Module, SampleShape, Sequential};
///
/// /// Multiplies each feature by a learned factor.
/// #[derive(Clone, Debug, Module)]
/// struct Scale<E: Element> {
///     weight: Parameter<E>,
/// }
///
/// impl<E: Element> Layer<E> for Scale<E> {
///     fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
///         wengert_autodiff::ops::mul(x, x.tape().parameter(&self.weight))
///     }
/// }
///
/// #[derive(Debug)]
/// struct ScaleConfig(usize);
///
/// impl<E: Element> LayerConfig<E> for ScaleConfig {
///     type Layer = Scale<E>;
///
///     fn output_shape(&self, input: &SampleShape) -> std::result::Result<SampleShape, LayerError> {
///         input.features(self.0, self.0)
///     }
///     fn build(&self, _: &mut dyn Rng) -> std::result::Result<Scale<E>, LayerError> {
///         Ok(Scale { weight: Parameter::gain(Tensor::try_full([self.0], E::ONE)?) })
///     }
/// }
///
/// let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let builder = Sequential::builder().linear(2, 3, Activation::Tanh);
/// let model: Sequential = builder.clone().with(ScaleConfig(3)).build(&mut rng)?;
/// assert_eq!(model.parameters()[2].0, "1.weight");
/// let error = builder.with(ScaleConfig(4)).build(&mut rng).unwrap_err();
/// assert!(error.to_string().starts_with("layer 1 takes 4 features, but the layers before it give 3"));
/// # Ok::<(), wengert_nn::BuildError>(())
/// ```
pub trait LayerConfig<E: Element = f32>: Debug {
    /// The layer it describes.
    type Layer: Layer<E>;

    /// The shape of a sample of the outputs (a batch without its first axis), as far as it is known
    /// from that of the inputs.
    ///
    /// # Errors
    /// If the layer does not take inputs of that shape.
    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError>;

    /// The layer, its parameters drawn from `rng`.
    ///
    /// # Errors
    /// If it cannot be made.
    fn build(&self, rng: &mut dyn Rng) -> Result<Self::Layer, LayerError>;
}
