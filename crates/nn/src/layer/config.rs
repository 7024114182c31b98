//! [`LayerConfig`]: the description of a layer for a builder.

use std::fmt::Debug;

use rand::Rng;
use wengert_autodiff::Element;

use super::{LayerError, SampleShape};
use crate::forward::Layer;

/// Describes a layer: how it is built, and the shape of its output for the shape of its input.
///
/// The builder of a network is a list of configs, added by
/// [`SequentialBuilder::with`](crate::SequentialBuilder::with). Each layer of this crate has a
/// function `config` that returns its own: `Linear::config(64, 32)`.
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
///     fn output_shape(
///         &self,
///         input: &SampleShape,
///     ) -> std::result::Result<SampleShape, LayerError> {
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
/// let first = "layer 1 takes 4 features, but the layers before it give 3";
/// assert!(error.to_string().starts_with(first));
/// # Ok::<(), wengert_nn::Error>(())
/// ```
pub trait LayerConfig<E: Element = f32>: Debug {
    /// The layer that is described.
    type Layer: Layer<E>;

    /// The shape of an output sample (a batch without its first axis), as far as it follows from
    /// the known part of the input's shape.
    ///
    /// # Errors
    /// If the layer does not accept inputs of that shape.
    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError>;

    /// Builds the layer, with parameters drawn from `rng`.
    ///
    /// # Errors
    /// If the layer cannot be built.
    fn build(&self, rng: &mut dyn Rng) -> Result<Self::Layer, LayerError>;
}
