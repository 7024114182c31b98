//! [`Residual`]: a layer whose input is added to its output.

use rand::Rng;
use wengert_autodiff::{Element, Error, Result, Var, ops};

use super::{LayerConfig, LayerError, SampleShape};
use crate::forward::Layer;
use crate::module::{Module, Role};
use crate::observe::Observer;

/// `y = x + inner(x)`.
///
/// Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR
/// 2016.
///
/// ```
/// use wengert_autodiff::{Activation, Tensor};
/// use wengert_nn::{Layer, Linear, Module, Residual, Sequential};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let inner = Linear::config(4, 4).activation(Activation::Relu);
/// let model: Sequential = Sequential::builder().with(Residual::config(inner)).build(&mut rng)?;
/// assert_eq!(model.parameters()[0].0, "0.inner.weight");
/// assert_eq!(model.predict(&Tensor::ones([2, 4])).shape().dims(), [2, 4]);
/// # Ok::<(), wengert_nn::BuildError>(())
/// ```
///
/// # Shapes
/// Those of the inner layer, whose output must have its input's shape.
#[derive(Clone, Debug, Module)]
#[module(role = Role::Residual)]
pub struct Residual<L> {
    inner: L,
}

impl<L> Residual<L> {
    /// Creates a residual layer around `inner`.
    pub fn new(inner: L) -> Self {
        Self { inner }
    }

    /// The config of a residual layer around the layer that the config `inner` describes.
    pub fn config(inner: L) -> ResidualConfig<L> {
        ResidualConfig { inner }
    }

    /// The inner layer.
    pub fn inner(&self) -> &L {
        &self.inner
    }
}

/// The sum, if the shapes are equal: broadcasting would hide a mistake.
fn sum<'t, E: Element>(x: Var<'t, E>, y: Var<'t, E>) -> Result<Var<'t, E>> {
    let got = vec![x.shape(), y.shape()];
    if got[0] != got[1] {
        let expected = "an inner layer whose output has its input's shape".to_owned();
        return Err(Error::Shapes { op: "residual", expected, got });
    }
    ops::add(x, y)
}

impl<E: Element, L: Layer<E>> Layer<E> for Residual<L> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        sum(x, self.inner.try_forward(x).map_err(|error| error.in_layer("inner"))?)
    }

    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        sum(x, observer.child("inner", &self.inner, x)?)
    }
}

/// Describes a [`Residual`] layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResidualConfig<C> {
    inner: C,
}

impl<E: Element, C: LayerConfig<E>> LayerConfig<E> for ResidualConfig<C> {
    type Layer = Residual<C::Layer>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        let output = self.inner.output_shape(input)?;
        if let (SampleShape::Axes(before), SampleShape::Axes(after)) = (input, &output) {
            let pairs = before.iter().zip(after);
            let differs =
                |(a, b): (&Option<usize>, &Option<usize>)| a.zip(*b).is_some_and(|(a, b)| a != b);
            if before.len() != after.len() || pairs.into_iter().any(differs) {
                return Err(input.refused(format!("the shape its inner layer gives, {output}")));
            }
        }
        Ok(output)
    }

    fn build(&self, rng: &mut dyn Rng) -> Result<Residual<C::Layer>, LayerError> {
        Ok(Residual { inner: self.inner.build(rng)? })
    }
}
