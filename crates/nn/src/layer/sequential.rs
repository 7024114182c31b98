//! [`Sequential`]: a chain of layers. Its builder is in `builder`.

use std::fmt::{self, Debug};

use wengert_autodiff::{Activation, Element, Result, Var};

use super::SequentialBuilder;
use crate::forward::Layer;
use crate::module::Module;
use crate::observe::Observer;
use crate::parts::decimal;

/// A chain of layers. The parameters of the first are named `0.weight` and so on.
///
/// A clone has separate parameters.
#[derive(Clone, Debug, Module)]
#[module(activation = self.layers.last().map_or(Activation::Identity, Module::activation))]
#[module(nonlinearity = self.layers.last().and_then(Module::nonlinearity))]
pub struct Sequential<E: Element = f32> {
    #[module(flatten)]
    layers: Vec<Stored<E>>,
}

impl<E: Element> Default for Sequential<E> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<E: Element> Sequential<E> {
    /// Creates a builder, to which layers are added; see [`SequentialBuilder`].
    pub fn builder() -> SequentialBuilder<E> {
        SequentialBuilder::default()
    }

    /// Creates a network without layers, whose output is its input.
    pub fn empty() -> Self {
        Self { layers: Vec::new() }
    }

    /// Appends a layer.
    pub fn push(&mut self, layer: impl Layer<E> + Clone + Send + Sync + 'static) -> &mut Self {
        self.layers.push(Stored(Box::new(layer)));
        self
    }

    /// The layers in order.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &(dyn Layer<E> + Send + Sync)> {
        self.layers.iter().map(|layer| layer.0.as_layer())
    }

    /// Returns the outputs of all layers in order; the last is the output of the network.
    ///
    /// # Errors
    /// If a layer does not accept its input's shape.
    pub fn trace<'t>(&self, x: Var<'t, E>) -> Result<Vec<Var<'t, E>>> {
        let mut outputs: Vec<Var<'t, E>> = Vec::with_capacity(self.layers.len());
        for i in 0..self.layers.len() {
            let input = outputs.last().copied().unwrap_or(x);
            outputs.push(self.apply(i, input)?);
        }
        Ok(outputs)
    }

    /// The output of a layer.
    fn apply<'t>(&self, i: usize, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.layers[i].0.try_forward(x).map_err(|error| error.in_layer(&i.to_string()))
    }
}

impl<E: Element> Layer<E> for Sequential<E> {
    #[inline(never)]
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        (0..self.layers.len()).try_fold(x, |x, i| self.apply(i, x))
    }

    #[inline(never)]
    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        let mut layers = self.layers().enumerate();
        layers.try_fold(x, |x, (i, layer)| observer.child(decimal(i, &mut [0; 20]), layer, x))
    }
}

/// A layer of any type that implements `Clone`.
#[derive(Module)]
struct Stored<E: Element>(#[module(flatten)] Box<dyn CloneLayer<E>>);

trait CloneLayer<E: Element>: Layer<E> + Send + Sync {
    fn clone_layer(&self) -> Box<dyn CloneLayer<E>>;
    fn as_layer(&self) -> &(dyn Layer<E> + Send + Sync);
}

impl<E: Element, L: Layer<E> + Clone + Send + Sync + 'static> CloneLayer<E> for L {
    fn clone_layer(&self) -> Box<dyn CloneLayer<E>> {
        Box::new(self.clone())
    }

    fn as_layer(&self) -> &(dyn Layer<E> + Send + Sync) {
        self
    }
}

impl<E: Element> Clone for Stored<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone_layer())
    }
}

impl<E: Element> Debug for Stored<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
