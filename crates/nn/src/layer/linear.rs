//! [`Linear`]: a fully connected layer with its activation.

use rand::Rng;
use wengert_autodiff::{Activation, Element, Kind, Parameter, Result, Var, ops};

use super::accessors::accessors;
use super::affine::{self, Affine};
use crate::init::{Init, InitError};
use crate::module::{Module, Visitor, VisitorMut};
use crate::observe::Observer;

/// `y = activation(x weight^T + bias)`, bias and activation applied in the product's own pass.
///
/// # Shapes
/// `x` is `[.., in]`, `weight` `[out, in]`, `bias` `[out]`; the output is `[.., out]`.
#[derive(Clone, Debug)]
pub struct Linear<E: Element = f32> {
    affine: Affine<E>,
    activation: Activation,
}

impl<E: Element> Linear<E> {
    /// A layer from `inputs` to `outputs` features, its weight drawn by `init`, its bias zero.
    ///
    /// # Errors
    /// If the initializer cannot be applied.
    pub fn new(
        inputs: usize,
        outputs: usize,
        activation: Activation,
        init: &Init,
        rng: &mut impl Rng,
    ) -> Result<Self, InitError> {
        let weight = ([outputs, inputs].into(), Kind::weight(inputs, outputs));
        Ok(Self { affine: Affine::new(weight, outputs, init, rng)?, activation })
    }

    /// The same layer without a bias.
    pub fn without_bias(mut self) -> Self {
        self.affine.bias = None;
        self
    }

    fn apply<'t>(&self, x: Var<'t, E>, activation: Activation) -> Result<Var<'t, E>> {
        let (weight, bias) = self.affine.on(x.tape());
        ops::linear(x, weight, bias, activation)
    }

    accessors! {
        layer => layer.affine.weight, layer.affine.bias.as_ref(), layer.affine.bias.as_mut();
        "`[out, in]`", "`[out]`, if there is one"
    }
}

impl<E: Element> Module<E> for Linear<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.apply(x, self.activation)
    }

    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        affine::observe(x, observer, self.activation, |activation| self.apply(x, activation))
    }

    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        self.affine.visit(visitor);
    }

    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        self.affine.visit_mut(visitor);
    }

    fn activation(&self) -> Activation {
        self.activation
    }
}
