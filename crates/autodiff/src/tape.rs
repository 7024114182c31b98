//! [`Tape`] and [`Var`]: the record of a computation, and a place in it.

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::panic::Location;

use wengert_kernels::Element;

use crate::backward::Scratch;
use crate::error::{Error, Result, expect};
use crate::few::Few;
use crate::op::{Op, evaluate};
use crate::parameter::{Parameter, ParameterId};
use crate::pool::{Memory, Pool};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A Wengert list (R. E. Wengert, "A simple automatic derivative evaluation program", CACM 7(8),
/// 1964): every operation in the order in which it was computed.
///
/// Operations on the tape's variables append to it; walking back visits each after everything that
/// depends on it, with no recursion, however long it is. [`clear`](Self::clear) empties the tape
/// and keeps its memory, so that the next step of a training loop allocates none.
///
/// ```
/// use wengert_autodiff::{Tape, Tensor};
/// let mut tape = Tape::new();
/// for step in 0..3 {
///     let x = tape.variable(&Tensor::scalar(f64::from(step)));
///     let y = (x * x + 1.0).sum();
///     assert_eq!(y.backward().get(x).unwrap().item(), 2.0 * f64::from(step));
///     tape.clear(); // the compiler refuses a use of `x` or `y` behind this line
/// }
/// ```
pub struct Tape<E: Element = f32> {
    nodes: RefCell<Vec<Node<E>>>,
    pool: Pool<E>,
    recording: Cell<bool>,
    /// Counts truncations, so that a variable of a truncated part is recognised.
    epoch: Cell<u32>,
    parameters: RefCell<HashMap<ParameterId, u32>>,
    pub(crate) scratch: RefCell<Scratch<E>>,
}

/// One entry of the tape.
#[derive(Debug)]
pub(crate) struct Node<E: Element> {
    /// `None` once released.
    value: Option<Tensor<E>>,
    /// How it came to be; `None` for leaves and for what was not recorded.
    pub(crate) rule: Option<Box<Rule<E>>>,
    pub(crate) requires_grad: bool,
    epoch: u32,
    #[expect(dead_code, reason = "shown by the Debug output of a tape")]
    recorded_at: &'static Location<'static>,
}

/// The operation behind a node, its operands and what it saved, in one allocation.
#[derive(Debug)]
pub(crate) struct Rule<E: Element, O: ?Sized = dyn Op<E>> {
    pub(crate) inputs: Few<u32>,
    pub(crate) saved: Vec<Tensor<E>>,
    pub(crate) op: O,
}

/// A variable: a value on a [`Tape`].
///
/// A `Var` is a reference and a number, and `Copy`: expressions need no clones. It cannot outlive
/// the tape's contents. Operators and methods panic where an operation cannot be done; the
/// functions of [`ops`](crate::ops) return the same as an error.
pub struct Var<'t, E: Element = f32> {
    tape: &'t Tape<E>,
    index: u32,
    epoch: u32,
}

#[allow(
    clippy::expl_impl_clone_on_copy,
    reason = "a derive would ask for `E: Copy`, too, in bounds"
)]
impl<E: Element> Clone for Var<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: Element> Copy for Var<'_, E> {}

impl<E: Element> fmt::Debug for Var<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_value() {
            Ok(value) => write!(f, "Var #{} {value:?}", self.index),
            Err(_) => write!(f, "Var #{} (released)", self.index),
        }
    }
}

impl<E: Element> Default for Tape<E> {
    fn default() -> Self {
        Tape {
            nodes: RefCell::default(),
            pool: Pool::default(),
            recording: Cell::new(true),
            epoch: Cell::new(0),
            parameters: RefCell::default(),
            scratch: RefCell::default(),
        }
    }
}

impl<E: Element> fmt::Debug for Tape<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.nodes.borrow();
        write!(f, "Tape of {} nodes", nodes.len())?;
        if f.alternate() {
            for (index, node) in nodes.iter().enumerate() {
                write!(f, "\n#{index} {node:?}")?;
            }
        }
        Ok(())
    }
}

impl<E: Element> Tape<E> {
    /// An empty tape.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a tensor on the tape that no gradient is wanted for. Shares the tensor's buffer.
    #[track_caller]
    pub fn constant(&self, value: &Tensor<E>) -> Var<'_, E> {
        self.push(value.clone(), None, false)
    }

    /// Puts a tensor on the tape that gradients can be had for. Shares the tensor's buffer.
    #[track_caller]
    pub fn variable(&self, value: &Tensor<E>) -> Var<'_, E> {
        self.push(value.clone(), None, self.recording.get())
    }

    /// Puts a parameter on the tape, or finds it if it is there already.
    #[track_caller]
    pub fn parameter(&self, parameter: &Parameter<E>) -> Var<'_, E> {
        if !self.recording.get() {
            return self.constant(parameter.value());
        }
        let found = self.parameters.borrow().get(&parameter.id()).copied();
        if let Some(index) = found {
            let epoch = self.nodes.borrow()[index as usize].epoch;
            return Var { tape: self, index, epoch };
        }
        let var = self.variable(parameter.value());
        self.parameters.borrow_mut().insert(parameter.id(), var.index);
        var
    }

    /// Applies an operation, the crate's or one's own, and records it if a gradient may be asked
    /// of an operand.
    ///
    /// # Errors
    /// Those of the operation, and [`Error::DifferentTapes`].
    #[track_caller]
    pub fn apply<'t>(&'t self, op: impl Op<E>, inputs: &[Var<'t, E>]) -> Result<Var<'t, E>> {
        let mut saved = Vec::new();
        let mut requires_grad = false;
        let value = {
            let nodes = self.nodes.borrow();
            let mut tensor = |input: &Var<'t, E>| {
                if !std::ptr::eq(input.tape, self) {
                    return Err(Error::DifferentTapes { op: op.name() });
                }
                let node = input.node(&nodes, op.name())?;
                requires_grad |= node.requires_grad;
                node.value(op.name())
            };
            let (pool, saved) = (Some(&self.pool), &mut saved);
            match inputs {
                [a] => evaluate(&op, &[tensor(a)?], pool, saved),
                [a, b] => evaluate(&op, &[tensor(a)?, tensor(b)?], pool, saved),
                [a, b, c] => evaluate(&op, &[tensor(a)?, tensor(b)?, tensor(c)?], pool, saved),
                _ => {
                    let tensors = inputs.iter().map(tensor).collect::<Result<Vec<_>>>()?;
                    evaluate(&op, &tensors, pool, saved)
                }
            }?
        };
        requires_grad &= self.recording.get();
        let rule = requires_grad.then(|| -> Box<Rule<E>> {
            let inputs = Few::from_fn(inputs.len(), |i| inputs[i].index);
            Box::new(Rule { inputs, saved, op })
        });
        Ok(self.push(value, rule, requires_grad))
    }

    #[track_caller]
    pub(crate) fn push(
        &self,
        value: Tensor<E>,
        rule: Option<Box<Rule<E>>>,
        requires_grad: bool,
    ) -> Var<'_, E> {
        let mut nodes = self.nodes.borrow_mut();
        let index = u32::try_from(nodes.len()).expect("a tape holds fewer than 2^32 nodes");
        let epoch = self.epoch.get();
        let recorded_at = Location::caller();
        nodes.push(Node { value: Some(value), rule, requires_grad, epoch, recorded_at });
        Var { tape: self, index, epoch }
    }

    /// Runs `body` without recording: its results are constants.
    pub fn no_grad<R>(&self, body: impl FnOnce() -> R) -> R {
        self.with_recording(false, body)
    }

    pub(crate) fn with_recording<R>(&self, on: bool, body: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a Cell<bool>, bool);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        let _restore = Restore(&self.recording, self.recording.replace(on));
        body()
    }

    /// Empties the tape. Its buffers stay, to be used by what is recorded next. That no variable
    /// is used afterwards is the borrow checker's work.
    pub fn clear(&mut self) {
        self.nodes.get_mut().clear();
        self.parameters.get_mut().clear();
        self.recording.set(true);
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether nothing is on the tape.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of tensors in use, at their peak, and kept for use again. Tensors that were made
    /// elsewhere and put on the tape are not counted.
    pub fn memory(&self) -> Memory {
        self.pool.memory()
    }

    /// Begins a new measurement of [`Memory::peak`].
    pub fn reset_peak(&self) {
        self.pool.reset_peak();
    }

    /// Returns the memory kept for use again to the system.
    pub fn shrink(&self) {
        self.pool.shrink();
    }

    pub(crate) fn nodes(&self) -> Ref<'_, Vec<Node<E>>> {
        self.nodes.borrow()
    }

    pub(crate) fn take_rule(&self, index: usize) -> Option<Box<Rule<E>>> {
        self.nodes.borrow_mut()[index].rule.take()
    }

    pub(crate) fn put_rule(&self, index: usize, rule: Box<Rule<E>>) {
        self.nodes.borrow_mut()[index].rule = Some(rule);
    }

    /// Drops every node from `len` on.
    pub(crate) fn truncate(&self, len: usize) {
        let mut nodes = self.nodes.borrow_mut();
        if nodes.len() > len {
            nodes.truncate(len);
            self.epoch.set(self.epoch.get().wrapping_add(1));
        }
    }

    /// The variable at a place that exists.
    pub(crate) fn var(&self, index: u32) -> Var<'_, E> {
        let epoch = self.nodes.borrow()[index as usize].epoch;
        Var { tape: self, index, epoch }
    }

    /// The place of a parameter's leaf.
    pub(crate) fn parameter_index(&self, id: ParameterId) -> Option<u32> {
        self.parameters.borrow().get(&id).copied()
    }

    /// Lets go of a parameter's value, so that it can be changed in place.
    pub(crate) fn release(&self, id: ParameterId) {
        let index = self.parameters.borrow_mut().remove(&id);
        if let Some(index) = index {
            self.nodes.borrow_mut()[index as usize].value = None;
        }
    }
}

impl<E: Element> Node<E> {
    pub(crate) fn value(&self, op: &'static str) -> Result<&Tensor<E>> {
        let reason = "an optimizer has updated this parameter since; run the forward pass again";
        self.value.as_ref().ok_or_else(|| Error::Released { op, reason })
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// The tape it is on.
    pub fn tape(self) -> &'t Tape<E> {
        self.tape
    }

    pub(crate) fn index(self) -> u32 {
        self.index
    }

    pub(crate) fn node<'n>(self, nodes: &'n [Node<E>], op: &'static str) -> Result<&'n Node<E>> {
        let reason = "it belonged to a vector-Jacobian product that has ended";
        nodes
            .get(self.index as usize)
            .filter(|node| node.epoch == self.epoch)
            .ok_or_else(|| Error::Released { op, reason })
    }

    /// The value; shares the buffer.
    ///
    /// # Errors
    /// [`Error::Released`] if the variable is a parameter an optimizer has updated since.
    pub fn try_value(self) -> Result<Tensor<E>> {
        let nodes = self.tape.nodes.borrow();
        self.node(&nodes, "value")?.value("value").cloned()
    }

    /// The value; shares the buffer.
    ///
    /// # Panics
    /// If the variable is a parameter an optimizer has updated since.
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
        self.value().item()
    }

    /// The value's shape.
    ///
    /// # Panics
    /// If the variable is a parameter an optimizer has updated since.
    #[track_caller]
    pub fn shape(self) -> Shape {
        let nodes = self.tape.nodes.borrow();
        let shape = self.node(&nodes, "shape").and_then(|node| node.value("shape"));
        expect(shape.map(|value| value.shape().clone()))
    }

    /// Whether a gradient can be asked of it.
    pub fn requires_grad(self) -> bool {
        let nodes = self.tape.nodes.borrow();
        self.node(&nodes, "requires_grad").is_ok_and(|node| node.requires_grad)
    }

    /// The same value as a constant: no gradient flows through.
    ///
    /// # Panics
    /// If the variable is a parameter an optimizer has updated since.
    #[track_caller]
    pub fn detach(self) -> Self {
        self.tape.push(self.value(), None, false)
    }
}
