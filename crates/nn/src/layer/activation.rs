//! [`ActivationLayer`]: an activation as a separate layer.

use rand::Rng;
use wengert_autodiff::{Activation, Element, Result, Var, instances, ops};

use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::Module;

/// Applies an activation to each element. The activation of a [`Linear`](crate::Linear) layer is
/// fused into the layer, which is faster.
///
/// # Shapes
/// Any; the output has the input's.
#[derive(Clone, Copy, Debug, PartialEq, Module)]
#[module(activation = self.0)]
pub struct ActivationLayer(#[module(skip)] pub Activation);

impl<E: Element> Layer<E> for ActivationLayer {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        ops::activate(x, self.0)
    }
}

impl<E: Element> LayerConfig<E> for ActivationLayer {
    type Layer = Self;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        Ok(input.clone())
    }

    fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
        Ok(*self)
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds an activation as a separate layer.
    pub fn activation(self, activation: Activation) -> Self {
        self.with(ActivationLayer(activation))
    }
}

instances!(activation<E>: SequentialBuilder::<E>::with::<ActivationLayer>);
