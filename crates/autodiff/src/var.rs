//! [`Var`]: a place on a tape, and what can be asked of it.

use std::fmt;

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::parameter::ParameterId;
use crate::shape::Shape;
use crate::tape::{Node, Tape};
use crate::tensor::Tensor;

/// A variable: a value on a [`Tape`].
///
/// A `Var` is a reference and a number, and `Copy`: expressions need no clones. It cannot outlive
/// the tape's contents. Operators and methods panic where an operation cannot be done; the
/// functions of [`ops`](crate::ops) return the same as an error.
pub struct Var<'t, E: Element = f32> {
    tape: &'t Tape<E>,
    /// The index and, above it, the epoch: two words in all travel in registers.
    place: u64,
}

#[allow(clippy::expl_impl_clone_on_copy, reason = "a derive would ask for `E: Copy`, too")]
impl<E: Element> Clone for Var<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: Element> Copy for Var<'_, E> {}

impl<E: Element> fmt::Debug for Var<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_value() {
            Ok(value) => write!(f, "Var #{} {value:?}", self.index()),
            Err(_) => write!(f, "Var #{} (released)", self.index()),
        }
    }
}

impl<'t, E: Element> Var<'t, E> {
    #[inline]
    pub(crate) fn at(tape: &'t Tape<E>, index: u32, epoch: u32) -> Self {
        Var { tape, place: u64::from(epoch) << 32 | u64::from(index) }
    }

    /// The tape it is on.
    #[inline]
    pub fn tape(self) -> &'t Tape<E> {
        self.tape
    }

    #[inline]
    pub(crate) fn index(self) -> u32 {
        self.place as u32
    }

    fn epoch(self) -> u32 {
        (self.place >> 32) as u32
    }

    /// Its place on the tape, which no other variable has until the tape is cleared. Later
    /// variables have greater ones.
    #[inline]
    pub(crate) fn place(self) -> u64 {
        self.place
    }

    /// The variable at a place that was one of the tape's since it was last cleared.
    pub(crate) fn of_place(tape: &'t Tape<E>, place: u64) -> Self {
        Var { tape, place }
    }

    /// Which of the parameters on the tape it is, if it is one.
    pub(crate) fn parameter(self) -> Option<(u32, ParameterId)> {
        let on_tape = self.node(&self.tape.nodes(), "gradient").is_ok();
        on_tape.then(|| self.tape.parameters.borrow().at(self.index())).flatten()
    }

    #[inline]
    pub(crate) fn node<'n>(self, nodes: &'n [Node<E>], op: &'static str) -> Result<&'n Node<E>> {
        let reason = "it was computed inside a checkpoint or a vector-Jacobian product that has \
                      ended; compute it again outside, or return it from there";
        match nodes.get(self.index() as usize) {
            Some(node) if node.is_of(self.epoch()) => Ok(node),
            _ => Err(Error::Released { op, reason }),
        }
    }

    /// What `f` makes of the value.
    #[inline]
    pub(crate) fn with_value<R>(
        self,
        op: &'static str,
        f: impl FnOnce(&Tensor<E>) -> R,
    ) -> Result<R> {
        let nodes = self.tape.nodes();
        let node = self.node(&nodes, op)?;
        if let Some(value) = &node.value {
            return Ok(f(value));
        }
        let lent = self.tape.lent(self.index()).ok_or_else(|| node.released(op))?;
        Ok(f(&lent))
    }

    /// The value; shares the buffer.
    ///
    /// # Errors
    /// [`Error::Released`] if the variable is a parameter an optimizer has updated since, or was
    /// passed by [`backward_once`](Self::backward_once).
    pub fn try_value(self) -> Result<Tensor<E>> {
        self.with_value("value", Tensor::clone)
    }

    /// The value; shares the buffer.
    ///
    /// A large elementwise result is computed when its elements are first read. Until then it keeps
    /// in memory what it is computed from.
    ///
    /// # Panics
    /// As [`try_value`](Self::try_value) fails.
    #[track_caller]
    pub fn value(self) -> Tensor<E> {
        expect(self.try_value())
    }

    /// The only element of the value.
    ///
    /// # Panics
    /// If there is not exactly one.
    #[track_caller]
    pub fn item(self) -> E {
        expect(self.with_value("value", Tensor::item))
    }

    /// The value's shape.
    ///
    /// # Panics
    /// As [`try_value`](Self::try_value) fails.
    #[track_caller]
    pub fn shape(self) -> Shape {
        expect(self.with_value("shape", |value| value.shape().clone()))
    }

    /// Whether a gradient can be asked of it.
    pub fn requires_grad(self) -> bool {
        let nodes = self.tape.nodes();
        self.node(&nodes, "requires_grad").is_ok_and(|node| node.requires_grad)
    }
}
