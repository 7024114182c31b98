//! [`Var`]: a variable on a tape, and its methods.

use std::fmt;

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::parameter::ParameterId;
use crate::shape::Shape;
use crate::tape::{Node, Tape};
use crate::tensor::Tensor;

/// A variable: a value on a [`Tape`].
///
/// A `Var` is a reference to the tape and a number, and `Copy`: expressions need no clones. It
/// cannot be used after the tape was cleared or dropped. Operators and methods panic if an
/// operation fails; the functions of [`ops`](crate::ops) return the error.
pub struct Var<'t, E: Element = f32> {
    tape: &'t Tape<E>,
    /// The index and, in the upper half, the epoch: the two words of a `Var` are passed in
    /// registers.
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

    /// The tape of the variable.
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

    /// The place on the tape, which no other variable has until the tape is cleared. Later
    /// variables have greater places.
    #[inline]
    pub(crate) fn place(self) -> u64 {
        self.place
    }

    /// The variable at a place of this tape. The place must be from the current generation.
    pub(crate) fn of_place(tape: &'t Tape<E>, place: u64) -> Self {
        Var { tape, place }
    }

    /// The index and the id of the parameter, if the variable is one.
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

    /// The result of `f` for the value.
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

    /// The value as a tensor that shares the buffer.
    ///
    /// # Errors
    /// [`Error::Released`] if an optimizer has updated the parameter of this variable since, or
    /// [`backward_once`](Self::backward_once) has freed the value.
    pub fn try_value(self) -> Result<Tensor<E>> {
        self.with_value("value", Tensor::clone)
    }

    /// The value as a tensor that shares the buffer.
    ///
    /// A large elementwise result is computed when its elements are first read. Until then it keeps
    /// its operands in memory.
    ///
    /// # Panics
    /// If [`try_value`](Self::try_value) returns an error.
    #[track_caller]
    pub fn value(self) -> Tensor<E> {
        expect(self.try_value())
    }

    /// The only element of the value.
    ///
    /// # Panics
    /// If the value does not have exactly one element.
    #[track_caller]
    pub fn item(self) -> E {
        expect(self.with_value("value", Tensor::item))
    }

    /// The shape of the value.
    ///
    /// # Panics
    /// If [`try_value`](Self::try_value) returns an error.
    #[track_caller]
    pub fn shape(self) -> Shape {
        expect(self.with_value("shape", |value| value.shape().clone()))
    }

    /// Whether the variable requires a gradient: it is a leaf that is not a constant, or was
    /// computed from one with recording.
    pub fn requires_grad(self) -> bool {
        let nodes = self.tape.nodes();
        self.node(&nodes, "requires_grad").is_ok_and(|node| node.requires_grad)
    }
}
