//! [`Unflatten`]: splits the last axis into several axes.

use rand::Rng;
use wengert_autodiff::{Element, Error, Result, Var, instances, ops};

use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::Module;

/// Splits the features after the batch axis into several axes: the reverse of
/// [`Flatten`](crate::Flatten).
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, Unflatten};
/// let y = Unflatten::new([3, 4, 4]).predict(&Tensor::<f32>::ones([2, 48]));
/// assert_eq!(y.shape().dims(), [2, 3, 4, 4]);
/// ```
///
/// # Shapes
/// `[batch, features]` to `[batch, the sizes]`.
#[derive(Clone, Debug, PartialEq, Eq, Module)]
pub struct Unflatten {
    sizes: Vec<usize>,
}

impl Unflatten {
    /// Creates a layer that splits the features into axes of these sizes, whose product is their
    /// number.
    pub fn new(sizes: impl Into<Vec<usize>>) -> Self {
        Self { sizes: sizes.into() }
    }

    fn features(&self) -> Option<usize> {
        self.sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))
    }
}

impl<E: Element> Layer<E> for Unflatten {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let shape = x.shape();
        match (shape.dims(), self.features()) {
            (&[batch, features], Some(product)) if features == product => {
                ops::reshape(x, [&[batch], &self.sizes[..]].concat())
            }
            _ => {
                let expected = format!("x [batch, features] with the product of {:?}", self.sizes);
                Err(Error::Shapes { op: "unflatten", expected, got: vec![shape] })
            }
        }
    }
}

impl<E: Element> LayerConfig<E> for Unflatten {
    type Layer = Self;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        let takes = || {
            let product = self.features().map_or("_".to_owned(), |product| product.to_string());
            input.refused(format!("[{product}]"))
        };
        let fits = match input {
            SampleShape::Unknown => true,
            SampleShape::Last(size) => Some(*size) == self.features(),
            SampleShape::Axes(axes) => match axes[..] {
                [size] => size.is_none() || size == self.features(),
                _ => false,
            },
        };
        let sizes = self.sizes.iter().copied().map(Some).collect();
        if fits { Ok(SampleShape::Axes(sizes)) } else { Err(takes()) }
    }

    fn build(&self, _: &mut dyn Rng) -> Result<Self, LayerError> {
        Ok(self.clone())
    }
}

instances!(unflatten<E>: SequentialBuilder::<E>::with::<Unflatten>);
