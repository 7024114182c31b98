//! What layers that multiply by a weight and add a bias share.

use wengert_autodiff::{Activation, Element, Parameter, Result, Tape, Tensor, Var, ops};

use crate::module::{Visitor, VisitorMut};
use crate::observe::Observer;

/// A weight, and a bias that may be missing.
#[derive(Clone, Debug)]
pub(super) struct Affine<E: Element> {
    pub(super) weight: Parameter<E>,
    pub(super) bias: Option<Parameter<E>>,
}

impl<E: Element> Affine<E> {
    /// With zeros for the bias, as many as there are outputs.
    pub(super) fn new(weight: Tensor<E>, outputs: usize) -> Result<Self> {
        let bias = Some(Parameter::new(Tensor::try_full([outputs], E::ZERO)?));
        Ok(Self { weight: Parameter::new(weight), bias })
    }

    pub(super) fn on<'t>(&self, tape: &'t Tape<E>) -> (Var<'t, E>, Option<Var<'t, E>>) {
        let bias = self.bias.as_ref();
        (tape.parameter(&self.weight), bias.map(|bias| tape.parameter(bias)))
    }

    pub(super) fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        visitor.parameter("weight", &self.weight);
        if let Some(bias) = &self.bias {
            visitor.parameter("bias", bias);
        }
    }

    pub(super) fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        visitor.parameter("weight", &mut self.weight);
        if let Some(bias) = &mut self.bias {
            visitor.parameter("bias", bias);
        }
    }
}

/// Shows a layer that applies its activation itself, before and behind it; `apply` is the layer with
/// another activation.
pub(super) fn observe<'t, E: Element>(
    x: Var<'t, E>,
    observer: &mut Observer<'_, 't, E>,
    activation: Activation,
    apply: impl FnOnce(Activation) -> Result<Var<'t, E>>,
) -> Result<Var<'t, E>> {
    let preactivation = apply(Activation::Identity)?;
    let output = ops::activate(preactivation, activation)?;
    observer.layer(x, preactivation, output);
    Ok(output)
}
