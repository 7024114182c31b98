//! [`ActivationLayer`]: an activation as a layer of its own.

use wengert_autodiff::{Activation, Element, Result, Var, ops};

use crate::module::{Module, Visitor, VisitorMut};

/// Applies an activation to each element. A [`Linear`](crate::Linear) layer applies its own in the
/// same pass, which is cheaper.
///
/// # Shapes
/// Any; the output has the input's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivationLayer(pub Activation);

impl<E: Element> Module<E> for ActivationLayer {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        ops::activate(x, self.0)
    }

    fn visit<'a>(&'a self, _: &mut Visitor<'_, 'a, E>) {}

    fn visit_mut(&mut self, _: &mut VisitorMut<'_, E>) {}

    fn activation(&self) -> Activation {
        self.0
    }
}
