//! [`Selected`]: a selection of a module's parameters, as a module.

use wengert_autodiff::{Element, Gradients, Parameter};

use super::optimizer::{Optimizer, has_gradient};
use crate::module::{Module, Path, Visitor, VisitorMut};

/// The parameters of a module that `keep` accepts, under their paths.
pub(super) struct Selected<'m, E: Element, K> {
    pub(super) module: &'m mut dyn Module<E>,
    pub(super) keep: K,
}

impl<E: Element, K: Fn(&str, &Parameter<E>) -> bool> Selected<'_, E, K> {
    /// Takes a step with an optimizer, unless none of the parameters has a gradient.
    pub(super) fn step(
        mut self,
        optimizer: &mut (impl Optimizer<E> + ?Sized),
        gradients: &Gradients<E>,
    ) {
        if has_gradient(&self, gradients) {
            optimizer.step(&mut self, gradients);
        }
    }
}

impl<E: Element, K: Fn(&str, &Parameter<E>) -> bool> Module<E> for Selected<'_, E, K> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        self.module.visit(&mut Visitor::new(&mut |path: Path<'_>, parameter| {
            if (self.keep)(&path.to_string(), parameter) {
                visitor.shown(path, parameter);
            }
        }));
    }

    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        let Self { module, keep } = self;
        module.visit_mut(&mut VisitorMut::new(&mut |path: Path<'_>, parameter| {
            if keep(&path.to_string(), parameter) {
                visitor.shown(path, parameter);
            }
        }));
    }
}
