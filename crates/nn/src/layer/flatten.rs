//! [`Flatten`]: merges all axes after the batch axis.

use rand::Rng;
use wengert_autodiff::{Element, Error, Result, Var, instances, ops};

use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::Module;

/// Merges all axes after the batch axis into one, as is needed between convolutions and linear
/// layers.
///
/// # Shapes
/// `[batch, ..]` to `[batch, features]`; `[batch]` to `[batch, 1]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Module)]
pub struct Flatten;

impl<E: Element> Layer<E> for Flatten {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let shape = x.shape();
        let Some((&batch, rest)) = shape.split_first() else {
            let expected = "x [batch, ..]".to_owned();
            return Err(Error::Shapes { op: "flatten", expected, got: vec![shape] });
        };
        let features: usize = rest.iter().product();
        ops::reshape(x, [batch, features])
    }
}

impl<E: Element> LayerConfig<E> for Flatten {
    type Layer = Self;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        Ok(input.flat())
    }

    fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
        Ok(*self)
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds a layer that merges all axes after the batch axis into one.
    pub fn flatten(self) -> Self {
        self.with(Flatten)
    }
}

instances!(flatten<E>: SequentialBuilder::<E>::with::<Flatten>);
