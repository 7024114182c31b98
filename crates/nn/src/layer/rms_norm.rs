//! [`RmsNorm`]: division of each sample by its root mean square.

use rand::Rng;
use wengert_autodiff::ops::{self, NormOptions};
use wengert_autodiff::{Element, Parameter, Result, Shape, Tensor, Var, instances};

use super::accessors::accessors;
use super::error::expect;
use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::{Module, Role};

/// Root mean square normalization over the last axes, with a weight that begins as 1; see
/// [`ops::rms_norm`].
///
/// # Shapes
/// `[.., normalized axes]`; the output has the shape of the input.
#[derive(Clone, Debug, Module)]
#[module(role = Role::Normalization)]
pub struct RmsNorm<E: Element = f32> {
    weight: Parameter<E>,
    eps: f64,
}

impl RmsNorm {
    /// The config of a layer that normalizes the last axes of its input, which have these sizes.
    pub fn config(normalized: impl Into<Vec<usize>>) -> RmsNormConfig {
        RmsNormConfig { normalized: normalized.into(), eps: 1e-5 }
    }
}

impl<E: Element> RmsNorm<E> {
    /// Creates a layer that normalizes the last axes of its input, which have these sizes.
    ///
    /// # Panics
    /// If there is no memory for the parameters.
    #[track_caller]
    pub fn new(normalized: impl Into<Shape>) -> Self {
        expect(Self::try_new(normalized))
    }

    /// [`new`](Self::new), with an error if there is no memory for the parameters.
    ///
    /// # Errors
    /// [`Error::TooLarge`](wengert_autodiff::Error::TooLarge) and
    /// [`Error::OutOfMemory`](wengert_autodiff::Error::OutOfMemory).
    pub fn try_new(normalized: impl Into<Shape>) -> Result<Self> {
        let weight = Tensor::try_full(normalized, E::ONE);
        let weight = weight.map_err(|error| error.in_name_of("rms_norm"))?;
        Ok(Self { weight: Parameter::gain(weight), eps: 1e-5 })
    }

    /// Sets the number that is added to the mean square; 1e-5 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    accessors! { layer => layer.weight; "of the shape of the normalized axes" }
}

impl<E: Element> Layer<E> for RmsNorm<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let options = NormOptions::new().axes(self.weight.value().rank()).eps(self.eps);
        ops::rms_norm(x, Some(x.tape().parameter(&self.weight)), options)
    }
}

/// Describes a [`RmsNorm`].
#[derive(Clone, Debug, PartialEq)]
pub struct RmsNormConfig {
    normalized: Vec<usize>,
    eps: f64,
}

impl RmsNormConfig {
    /// Sets the number that is added to the mean square; 1e-5 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }
}

impl<E: Element> LayerConfig<E> for RmsNormConfig {
    type Layer = RmsNorm<E>;

    fn output_shape(&self, input: &SampleShape) -> std::result::Result<SampleShape, LayerError> {
        input.ends_with(&self.normalized)
    }

    fn build(&self, _: &mut dyn Rng) -> std::result::Result<RmsNorm<E>, LayerError> {
        Ok(RmsNorm::try_new(self.normalized.clone())?.eps(self.eps))
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds root mean square normalization over the last axes, which have these sizes.
    pub fn rms_norm(self, normalized: impl Into<Vec<usize>>) -> Self {
        self.with(RmsNorm::config(normalized))
    }
}

instances!(rms_norm<E>: SequentialBuilder::<E>::with::<RmsNormConfig>);
