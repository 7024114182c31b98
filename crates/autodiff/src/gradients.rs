//! [`Gradients`]: what a walk back over the tape returns.

use wengert_kernels::Element;

use crate::connection::Connection;
use crate::parameter::Parameter;
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::var::Var;

/// The gradients of one output with respect to all leaves it depends on.
///
/// A leaf the output does not depend on has none: [`get`](Self::get) returns `None`. One it does
/// depend on has a gradient even if that is zero everywhere. Why there is none,
/// [`connection`](Self::connection) tells.
#[derive(Debug)]
pub struct Gradients<'t, E: Element = f32> {
    pub(crate) tape: &'t Tape<E>,
    pub(crate) output: Var<'t, E>,
    /// By the leaves' places on the tape. They stay where the walk has gathered them.
    pub(crate) values: Vec<Option<Tensor<E>>>,
}

impl<'t, E: Element> Gradients<'t, E> {
    /// The gradient with respect to a leaf, or `None` if the output does not depend on it (or `x`
    /// is no leaf; see [`grad`](crate::grad) for those).
    pub fn get(&self, x: Var<'_, E>) -> Option<&Tensor<E>> {
        std::ptr::eq(x.tape(), self.tape).then(|| self.at(x.index())).flatten()
    }

    /// The gradient with respect to a parameter, or `None` if the output does not depend on it.
    ///
    /// It is that of the value the forward pass used, also after an optimizer has changed it.
    pub fn parameter(&self, parameter: &Parameter<E>) -> Option<&Tensor<E>> {
        self.tape.leaves(parameter.id(), |leaves| self.at_one_of(leaves))
    }

    /// The gradient with respect to the last of some leaves that has one.
    #[inline]
    fn at_one_of(&self, leaves: &[u32]) -> Option<&Tensor<E>> {
        leaves.iter().rev().find_map(|&leaf| self.at(leaf))
    }

    fn at(&self, leaf: u32) -> Option<&Tensor<E>> {
        self.values.get(leaf as usize)?.as_ref()
    }

    /// All gradients, in the leaves' order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Tensor<E>> {
        self.values.iter().flatten()
    }

    /// How the output depends on a variable: why [`get`](Self::get) returns `None`.
    ///
    /// Paths that [`backward_once`](Var::backward_once) has freed are not seen any more; what it
    /// found a gradient for is connected all the same.
    ///
    /// ```
    /// use wengert_autodiff::{Connection, Tape, Tensor};
    /// let tape = Tape::new();
    /// let [x, y, z] = [1.0_f64, -2.0, 3.0].map(|v| tape.variable(&Tensor::scalar(v)));
    /// let gradients = (x.detach() * y.relu()).backward();
    /// assert_eq!(gradients.connection(x), Connection::Detached);
    /// assert_eq!(gradients.connection(y), Connection::Connected); // and the gradient is zero
    /// assert_eq!(gradients.get(y).unwrap().item(), 0.0);
    /// assert_eq!(gradients.connection(z), Connection::Unused);
    /// ```
    pub fn connection(&self, x: Var<'t, E>) -> Connection {
        if self.get(x).is_some() { Connection::Connected } else { self.output.connection(x) }
    }

    /// How the output depends on a parameter: why [`parameter`](Self::parameter) returns `None`.
    pub fn parameter_connection(&self, parameter: &Parameter<E>) -> Connection {
        if self.parameter(parameter).is_some() {
            return Connection::Connected;
        }
        if parameter.is_frozen() {
            return Connection::Constant;
        }
        self.tape.leaves(parameter.id(), |leaves| {
            let connection = |&leaf| self.output.connection(self.tape.var(leaf));
            let mut connections = leaves.iter().rev().map(connection);
            connections.find(|found| *found != Connection::Unused).unwrap_or(Connection::Unused)
        })
    }

    /// Ends the tape's hold on a parameter's value and returns its gradient: what an optimizer calls
    /// before it changes the value in place. Variables of the parameter that are already on the tape
    /// lose their value; the gradient stays here. Variables and gradients that are computed from the
    /// parameter elementwise, and not yet, are computed now, from the value it has.
    pub fn release(&self, parameter: &Parameter<E>) -> Option<&Tensor<E>> {
        let gradient = self.tape.leaves(parameter.id(), |leaves| {
            let gradient = self.at_one_of(leaves)?;
            self.tape.release(leaves);
            Some(gradient)
        })?;
        if !parameter.value().is_unique() {
            self.compute_users(parameter.value());
        }
        Some(gradient)
    }

    /// Computes what is not computed yet and holds a parameter's value to be computed from it, in the
    /// tape's order.
    #[cold]
    fn compute_users(&self, parameter: &Tensor<E>) {
        // No borrow of the tape is held while something is computed.
        let nodes: Vec<Tensor<E>> = {
            let nodes = self.tape.nodes();
            let values = nodes.iter().filter_map(|node| node.value.as_ref());
            values.filter(|value| value.is_pending()).cloned().collect()
        };
        parameter.compute_users(nodes.iter().chain(self.all()));
    }

    /// The number of leaves with a gradient.
    pub fn len(&self) -> usize {
        self.all().count()
    }

    /// Whether the output depends on no leaf.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }
}

impl<E: Element> Drop for Gradients<'_, E> {
    fn drop(&mut self) {
        self.values.clear();
        if let Ok(mut scratch) = self.tape.scratch.try_borrow_mut() {
            scratch.values = std::mem::take(&mut self.values);
        }
    }
}
