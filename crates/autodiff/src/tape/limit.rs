//! The memory limit of a tape, and what an operation without memory returns.

use wengert_kernels::Element;

use super::{Recording, Tape, Var};
use crate::error::{Error, Result};
use crate::few::with_each;
use crate::op::Op;
use crate::tensor::Tensor;

impl<E: Element> Tape<E> {
    /// Sets the most bytes that the tape's tensors may take together: those in use
    /// ([`Memory::live`](crate::Memory::live)) and deferred elementwise results. `None` is no
    /// limit. An operation whose result would exceed it is an [`Error::OutOfMemory`], and the tape
    /// stays as it was. Free buffers that the tape keeps are returned to the system where they
    /// would exceed the limit. Tensors made elsewhere and put on the tape are not counted, nor is
    /// the scratch memory of kernels.
    ///
    /// Without a limit the system decides: an allocation that it refuses is the same error. Linux,
    /// by default, grants allocations that exceed the free memory (overcommit), and kills the
    /// process when the pages are written. Only a limit prevents that.
    ///
    /// ```
    /// use wengert_autodiff::{Tape, Tensor, ops};
    /// let tape = Tape::<f32>::new();
    /// tape.set_memory_limit(Some(1 << 20));
    /// let x = tape.variable(&Tensor::ones([1000, 1]));
    /// assert!(ops::matmul(x, x.transpose(0, 1)).is_err());
    /// assert_eq!((x * x).sum().value().item(), 1000.0);
    /// ```
    pub fn set_memory_limit(&self, bytes: Option<usize>) {
        self.pool.set_limit(bytes);
    }

    /// The result of an operation that failed: its error. An operation of a rule that ran out of
    /// memory gives zeros instead, which take none, and the walk returns the error when the rule
    /// has ended.
    #[cold]
    #[track_caller]
    pub(super) fn failed<'t>(
        &'t self,
        op: &dyn Op<E>,
        inputs: &[Var<'t, E>],
        error: Error,
    ) -> Result<Var<'t, E>> {
        let in_rule = matches!(self.recording.get(), Recording::Rule | Recording::Graph);
        if !(in_rule && matches!(error, Error::OutOfMemory { .. })) {
            return Err(error);
        }
        let shape = {
            let nodes = self.nodes.borrow();
            let shape =
                |input: &Var<'_, E>| Ok(input.node(&nodes, op.name())?.value(op.name())?.shape());
            with_each(inputs, shape, |shapes| op.shape(shapes))?
        };
        let zeros = Tensor::scalar(E::ZERO).try_broadcast_to(shape)?;
        let first = self.failure.take().unwrap_or_else(|| Box::new(error));
        self.failure.set(Some(first));
        Ok(self.push(zeros, None, false))
    }
}
