//! [`Tape`]: the record of a computation. Operations are recorded in `apply`, nodes are added in
//! `push`, variables are in `var`, and the backward pass is in `walk`.

mod apply;
pub(crate) mod cut;
mod leaves;
mod lend;
mod limit;
pub(crate) mod link;
mod node;
mod push;
pub(crate) mod scratch;

use std::cell::{Cell, OnceCell, Ref, RefCell, RefMut};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use wengert_kernels::Element;

use crate::error::Error;
use crate::hook::Hooks;
use crate::lazy::Schedule;
use crate::memory::{BufferPool, Memory};
use crate::parameter::{Parameter, ParameterId};
use crate::tensor::Tensor;
pub use crate::var::Var;
use cut::Cuts;
use leaves::Leaves;
use link::Link;
pub(crate) use node::{Node, Rule};
use scratch::Scratch;

/// The record of a computation, a Wengert list (R. E. Wengert, "A simple automatic derivative
/// evaluation program", CACM 7(8), 1964): every operation in the order in which it was computed.
///
/// Operations on the variables of a tape append to it. The backward pass visits each operation
/// after all operations that depend on it; it uses no recursion, so a tape may have any length.
/// [`clear`](Self::clear) empties the tape and keeps its memory, so that the next step of a
/// training loop allocates none. Dropping the tape frees its memory, except the buffers of tensors
/// that are still in use elsewhere.
///
/// ```
/// use wengert_autodiff::{Tape, Tensor};
/// let mut tape = Tape::new();
/// for step in 0..3 {
///     let x = tape.variable(&Tensor::scalar(f64::from(step)));
///     let y = (x * x + 1.0).sum();
///     assert_eq!(y.backward().get(x).unwrap().item(), 2.0 * f64::from(step));
///     tape.clear(); // the compiler refuses a use of `x` or `y` after this line
/// }
/// ```
pub struct Tape<E: Element = f32> {
    nodes: RefCell<Vec<Node<E>>>,
    pool: BufferPool<E>,
    schedule: Schedule<E>,
    /// Whether this tape created the pool, and closes it when it is dropped.
    owns_pool: bool,
    pub(crate) recording: Cell<Recording>,
    /// Whether every result is searched for NaN and infinity.
    anomaly: Cell<bool>,
    /// Whether a composition is being recorded. The parameters it uses must then be operands.
    closed: Cell<bool>,
    /// Whether the closure of a checkpoint is running. All its operations are then recorded,
    /// because the backward pass computes them again.
    pub(crate) segment: Cell<bool>,
    /// The parameters that closures of checkpoints have put on the tape, and their places.
    pub(crate) asked: RefCell<Vec<(ParameterId, u32)>>,
    /// The source line that recorded the operation whose rule is running: operations that the rule
    /// records get this line.
    pub(crate) on_behalf_of: Cell<Option<&'static Location<'static>>>,
    /// The error of the first operation of a rule that ran out of memory. The operators with which
    /// rules are written cannot return errors.
    pub(crate) failure: Cell<Option<Box<Error>>>,
    /// The number of truncations, by which a variable of a truncated part is recognized.
    epoch: Cell<u32>,
    /// The parameters. For each parameter, the values of all leaves but the last are released, and
    /// that of the last may be.
    pub(crate) parameters: RefCell<Leaves>,
    /// The data that the tape shares with its gradients.
    link: OnceCell<Arc<Link<E>>>,
    /// Whether gradients were computed since the tape was last cleared: values of parameters may be
    /// lent to them.
    lends: Cell<bool>,
    /// The number of times the tape was cleared.
    generation: Cell<u64>,
    /// Whether a backward pass is running.
    pub(crate) walks: Cell<bool>,
    pub(crate) cuts: RefCell<Cuts>,
    pub(crate) hooks: RefCell<Hooks<E>>,
    pub(crate) scratch: RefCell<Scratch<E>>,
}

impl<E: Element> Drop for Tape<E> {
    #[inline(never)]
    fn drop(&mut self) {
        self.nodes.get_mut().clear();
        self.schedule.clear();
        self.end_generation(u64::MAX);
        if self.owns_pool {
            self.pool.close();
        }
    }
}

/// What happens to the operations that are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    /// They are recorded.
    On,
    /// They are not recorded, at the request of the user ([`Tape::no_grad`]). Only the places where
    /// this cuts off a path of gradients are recorded.
    Off,
    /// They are not recorded: a rule is running, and the values it computes are freed afterwards.
    Rule,
    /// They are recorded: a rule is running for a gradient that will be differentiated again.
    Graph,
}

impl<E: Element> Default for Tape<E> {
    #[inline(never)]
    fn default() -> Self {
        let mut tape = Self::with_pool(BufferPool::default());
        tape.owns_pool = true;
        tape
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

    /// An empty tape that takes its buffers from the pool of another tape.
    pub(crate) fn with_pool(pool: BufferPool<E>) -> Self {
        Tape {
            nodes: RefCell::default(),
            pool,
            schedule: Schedule::default(),
            owns_pool: false,
            recording: Cell::new(Recording::On),
            anomaly: Cell::new(false),
            closed: Cell::new(false),
            segment: Cell::new(false),
            asked: RefCell::default(),
            on_behalf_of: Cell::new(None),
            failure: Cell::new(None),
            epoch: Cell::new(0),
            parameters: RefCell::default(),
            link: OnceCell::new(),
            lends: Cell::new(false),
            generation: Cell::new(0),
            walks: Cell::new(false),
            cuts: RefCell::default(),
            hooks: RefCell::default(),
            scratch: RefCell::default(),
        }
    }

    /// An empty tape that shares a pool, if there is one.
    pub(crate) fn with_pool_of(pool: Option<&BufferPool<E>>) -> Self {
        pool.map_or_else(Tape::new, |pool| Tape::with_pool(pool.clone()))
    }

    /// Puts a tensor on the tape as a constant, which has no gradient. Shares the buffer of the
    /// tensor.
    #[track_caller]
    pub fn constant(&self, value: &Tensor<E>) -> Var<'_, E> {
        self.push_shared(value, false)
    }

    /// Puts a tensor on the tape as a variable, a leaf that has a gradient. Shares the buffer of
    /// the tensor.
    #[track_caller]
    pub fn variable(&self, value: &Tensor<E>) -> Var<'_, E> {
        self.push_shared(value, self.records())
    }

    /// The variable of a parameter: puts the parameter on the tape, unless it is there already. A
    /// frozen parameter becomes a constant.
    ///
    /// # Panics
    /// Inside [`Composition::record`](crate::Composition::record), which must receive the
    /// parameters it uses as operands. Otherwise their gradients would be lost.
    #[inline(never)]
    #[track_caller]
    pub fn parameter(&self, parameter: &Parameter<E>) -> Var<'_, E> {
        assert!(
            !self.closed.get(),
            "parameter: a composition asked its tape for a parameter; put the parameter on the tape \
             before and give it to the operation as an operand"
        );
        if !self.records() || parameter.is_frozen() {
            return self.constant(parameter.value());
        }
        let mut leaves = self.parameters.borrow_mut();
        if let Some((leaf, place)) = leaves.last(parameter.id()) {
            let epoch = {
                let node = &self.nodes.borrow()[place as usize];
                let is_current = match &node.value {
                    Some(value) => value.is_same(parameter.value()),
                    None => self.lends.get() && self.is_lent(leaf, parameter.value()),
                };
                is_current.then_some(node.epoch)
            };
            if let Some(epoch) = epoch {
                return Var::at(self, place, epoch);
            }
            // The parameter has changed since then: only its last leaf keeps a value.
            self.release_leaf(place, leaf);
        }
        if self.lends.get() {
            self.forget_lent(leaves.all().len() as u32);
        }
        let var = self.push_shared(parameter.value(), true);
        leaves.push(var.index(), parameter.id());
        if self.segment.get() {
            self.asked.borrow_mut().push((parameter.id(), var.index()));
        }
        var
    }

    pub(crate) fn records(&self) -> bool {
        matches!(self.recording.get(), Recording::On | Recording::Graph)
    }

    /// Runs `body` without recording operations: their results are constants.
    ///
    /// ```
    /// use wengert_autodiff::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.variable(&Tensor::scalar(3.0_f32));
    /// assert!(!tape.no_grad(|| x * x).requires_grad());
    /// ```
    pub fn no_grad<R>(&self, body: impl FnOnce() -> R) -> R {
        self.with_recording(Recording::Off, body)
    }

    #[inline]
    pub(crate) fn with_recording<R>(&self, on: Recording, body: impl FnOnce() -> R) -> R {
        with(&self.recording, on, body)
    }

    /// Runs a function that records a composition, in which putting parameters on the tape panics.
    pub(crate) fn closed<R>(&self, body: impl FnOnce() -> R) -> R {
        with(&self.closed, true, body)
    }

    /// Sets whether to check that every result is finite, in the forward and the backward pass. The
    /// first operation whose result has a NaN or an infinity then returns [`Error::Anomaly`], with
    /// the name of the operation, the shapes of its operands and the source line that recorded it.
    /// The check costs a pass over every result.
    ///
    /// ```
    /// use wengert_autodiff::{Tape, Tensor};
    /// let tape = Tape::new();
    /// tape.detect_anomaly(true);
    /// let x = tape.variable(&Tensor::scalar(0.0_f64));
    /// let error = x.sqrt().try_backward().unwrap_err(); // the slope at 0 is infinite
    /// assert!(error.to_string().starts_with("sqrt recorded at "));
    /// ```
    pub fn detect_anomaly(&self, on: bool) {
        self.anomaly.set(on);
    }

    pub(crate) fn detects_anomaly(&self) -> bool {
        self.anomaly.get()
    }

    /// Removes all nodes from the tape at the end of a step. The buffers remain in the pool for the
    /// next step (see [`Memory::pooled`]). The borrow checker rejects later uses of the variables.
    ///
    /// A deferred sum that was taken off the tape ([`Var::value`]) and is still pending is computed
    /// here, so that it does not keep its operands in memory. Dropping the tape computes nothing:
    /// such a sum then keeps its operands in memory until it is read or dropped.
    #[inline(never)]
    pub fn clear(&mut self) {
        self.nodes.get_mut().clear();
        self.end_generation(self.generation.get() + 1);
        self.schedule.end_step();
        self.pool.end_step();
        self.parameters.get_mut().clear();
        self.cuts.get_mut().truncate(0);
        self.hooks.get_mut().truncate(0);
        self.recording.set(Recording::On);
        self.failure.set(None);
        self.on_behalf_of.set(None);
        self.segment.set(false);
        self.asked.get_mut().clear();
        self.walks.set(false);
    }

    /// The number of nodes on the tape.
    pub fn len(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether the tape has no nodes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of bytes of tensors: in use, at their peak, and pooled. Tensors that were created
    /// elsewhere and put on the tape are not counted.
    pub fn memory(&self) -> Memory {
        self.pool.memory()
    }

    /// Resets [`Memory::peak`], to measure the peak from now on.
    pub fn reset_peak(&self) {
        self.pool.reset_peak();
    }

    /// Returns the pooled memory to the system.
    pub fn shrink(&self) {
        self.pool.shrink();
    }

    pub(crate) fn pool(&self) -> &BufferPool<E> {
        &self.pool
    }

    pub(crate) fn schedule(&self) -> &Schedule<E> {
        &self.schedule
    }

    #[inline]
    pub(crate) fn nodes(&self) -> Ref<'_, Vec<Node<E>>> {
        self.nodes.borrow()
    }

    #[inline]
    pub(crate) fn nodes_mut(&self) -> RefMut<'_, Vec<Node<E>>> {
        self.nodes.borrow_mut()
    }

    /// Drops every node from `len` on.
    pub(crate) fn truncate(&self, len: usize) {
        let mut nodes = self.nodes.borrow_mut();
        if nodes.len() > len {
            nodes.truncate(len);
            self.epoch.set(self.epoch.get().wrapping_add(1));
            self.cuts.borrow_mut().truncate(len);
            self.hooks.borrow_mut().truncate(len);
        }
    }

    /// The variable at a place, which must exist.
    #[inline]
    pub(crate) fn var(&self, index: u32) -> Var<'_, E> {
        let epoch = self.nodes.borrow()[index as usize].epoch;
        Var::at(self, index, epoch)
    }

    /// The places of a parameter's leaves.
    pub(crate) fn leaves(&self, id: ParameterId) -> Vec<u32> {
        let parameters = self.parameters.borrow();
        let leaves = parameters.all().iter().filter(|(_, other)| *other == id);
        leaves.map(|&(place, _)| place).collect()
    }

    /// Drops the values that are lent to gradients.
    #[inline]
    fn end_generation(&mut self, next: u64) {
        self.generation.set(next);
        if self.lends.replace(false)
            && let Some(link) = self.link.get()
        {
            link.clear(next);
        }
    }
}

instances!(
    tape<E = f32, f64>:
    <Tape<E> as Default>::default,
    drop::<Tape<E>>,
    Tape::<E>::constant,
    Tape::<E>::parameter,
    Tape::<E>::clear
);

/// Runs `body` with another value in a cell, and restores the old value, also if `body` panics.
#[inline]
pub(crate) fn with<T: Copy, R>(cell: &Cell<T>, value: T, body: impl FnOnce() -> R) -> R {
    struct Restore<'a, T: Copy>(&'a Cell<T>, T);
    impl<T: Copy> Drop for Restore<'_, T> {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }
    let _restore = Restore(cell, cell.replace(value));
    body()
}
