//! [`Sequential`]: layers one after another. Its builder is in `builder`.

use std::sync::Arc;

use wengert_autodiff::{Activation, Element, Result, Var};

use super::SequentialBuilder;
use crate::init::Nonlinearity;
use crate::module::{Module, Visitor, VisitorMut};
use crate::observe::Observer;

/// Modules applied one after another. The parameters of the first are named `0.weight` and so on.
#[derive(Debug, Default)]
pub struct Sequential<E: Element = f32> {
    layers: Vec<Box<dyn Module<E> + Send + Sync>>,
}

impl Sequential {
    /// Describes a network layer by layer; see [`SequentialBuilder`].
    pub fn builder() -> SequentialBuilder {
        SequentialBuilder::default()
    }
}

impl<E: Element> Sequential<E> {
    /// No layers: the output is the input.
    pub fn empty() -> Self {
        Self { layers: Vec::new() }
    }

    /// Adds a module behind the others.
    pub fn push(&mut self, module: impl Module<E> + Send + Sync + 'static) -> &mut Self {
        self.layers.push(Box::new(module));
        self
    }

    /// The layers in order.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &(dyn Module<E> + Send + Sync)> {
        self.layers.iter().map(|layer| &**layer)
    }

    /// The output of every layer in order; the last is the network's.
    ///
    /// # Errors
    /// If the inputs' shape does not fit.
    pub fn trace<'t>(&self, x: Var<'t, E>) -> Result<Vec<Var<'t, E>>> {
        let mut outputs: Vec<Var<'t, E>> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let input = outputs.last().copied().unwrap_or(x);
            outputs.push(layer.try_forward(input)?);
        }
        Ok(outputs)
    }
}

impl<E: Element> Module<E> for Sequential<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.layers.iter().try_fold(x, |x, layer| layer.try_forward(x))
    }

    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        let mut layers = self.layers.iter().enumerate();
        layers.try_fold(x, |x, (i, layer)| observer.child(decimal(i, &mut [0; 20]), layer, x))
    }

    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        for (i, layer) in self.layers.iter().enumerate() {
            visitor.child(decimal(i, &mut [0; 20]), layer);
        }
    }

    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        for (i, layer) in self.layers.iter_mut().enumerate() {
            visitor.child(decimal(i, &mut [0; 20]), layer);
        }
    }

    fn activation(&self) -> Activation {
        self.layers.last().map_or(Activation::Identity, Module::activation)
    }

    fn nonlinearity(&self) -> Option<Arc<dyn Nonlinearity>> {
        self.layers.last().and_then(Module::nonlinearity)
    }
}

/// The digits of `n` in `buffer`: names without an allocation a step.
fn decimal(mut n: usize, buffer: &mut [u8; 20]) -> &str {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    std::str::from_utf8(&buffer[at..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_are_what_display_prints() {
        for n in [0, 7, 10, 12_345, usize::MAX] {
            assert_eq!(decimal(n, &mut [0; 20]), n.to_string());
        }
    }
}
