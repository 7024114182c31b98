//! [`LayerNorm`]: normalization of each sample over its last axes.

use rand::Rng;
use wengert_autodiff::ops::{self, NormOptions};
use wengert_autodiff::{Element, Parameter, Result, Shape, Tensor, Var, instances};

use super::accessors::accessors;
use super::error::expect;
use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::{Module, Role};

/// Layer normalization over the last axes, with a weight and a bias that begin as 1 and 0; see
/// [`ops::layer_norm`].
///
/// # Shapes
/// `[.., normalized axes]`; the output has the shape of the input.
#[derive(Clone, Debug, Module)]
#[module(role = Role::Normalization)]
pub struct LayerNorm<E: Element = f32> {
    weight: Parameter<E>,
    bias: Parameter<E>,
    eps: f64,
}

impl LayerNorm {
    /// The config of a layer that normalizes the last axes of its input, which have these sizes.
    pub fn config(normalized: impl Into<Vec<usize>>) -> LayerNormConfig {
        LayerNormConfig { normalized: normalized.into(), eps: 1e-5 }
    }
}

impl<E: Element> LayerNorm<E> {
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
        let shape = normalized.into();
        let all = |value| {
            Tensor::try_full(shape.clone(), value).map_err(|error| error.in_name_of("layer_norm"))
        };
        let (weight, bias) = (Parameter::gain(all(E::ONE)?), Parameter::bias(all(E::ZERO)?));
        Ok(Self { weight, bias, eps: 1e-5 })
    }

    /// Sets the number that is added to the variance; 1e-5 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    accessors! {
        layer => layer.weight, Some(&layer.bias), Some(&mut layer.bias);
        "of the shape of the normalized axes", "of the shape of the normalized axes"
    }
}

impl<E: Element> Layer<E> for LayerNorm<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let tape = x.tape();
        let options = NormOptions::new().axes(self.weight.value().rank()).eps(self.eps);
        let (weight, bias) = (tape.parameter(&self.weight), tape.parameter(&self.bias));
        ops::layer_norm(x, Some(weight), Some(bias), options)
    }
}

/// Describes a [`LayerNorm`].
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNormConfig {
    normalized: Vec<usize>,
    eps: f64,
}

impl LayerNormConfig {
    /// Sets the number that is added to the variance; 1e-5 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }
}

impl<E: Element> LayerConfig<E> for LayerNormConfig {
    type Layer = LayerNorm<E>;

    fn output_shape(&self, input: &SampleShape) -> std::result::Result<SampleShape, LayerError> {
        input.ends_with(&self.normalized)
    }

    fn build(&self, _: &mut dyn Rng) -> std::result::Result<LayerNorm<E>, LayerError> {
        Ok(LayerNorm::try_new(self.normalized.clone())?.eps(self.eps))
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds layer normalization over the last axes, which have these sizes.
    pub fn layer_norm(self, normalized: impl Into<Vec<usize>>) -> Self {
        self.with(LayerNorm::config(normalized))
    }
}

instances!(layer_norm<E>: SequentialBuilder::<E>::with::<LayerNormConfig>);
