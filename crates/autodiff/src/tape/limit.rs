//! The memory limit of a tape, and the result of an operation that has no memory.

use wengert_kernels::Element;

use super::{Recording, Tape, Var};
use crate::error::{Error, Result};
use crate::few::with_each;
use crate::op::Op;
use crate::tensor::Tensor;

impl<E: Element> Tape<E> {
    /// Sets the maximum number of bytes that the tensors of the tape may take together: those in
    /// use ([`Memory::live`](crate::Memory::live)) and deferred elementwise results. `None` removes
    /// the limit. An operation whose result would exceed the limit returns [`Error::OutOfMemory`],
    /// and the tape does not change. Free buffers in the tape's pool are returned to the system if
    /// they would exceed the limit. Tensors that were created elsewhere and put on the tape are not
    /// counted, nor is the scratch memory of kernels.
    ///
    /// Without a limit the system decides: if it refuses an allocation, the error is the same. By
    /// default, Linux grants allocations that exceed the free memory (overcommit), and kills the
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

    /// The result of an operation that failed: its error. An operation inside a rule that runs out
    /// of memory returns zeros instead, which take no memory, and the backward pass returns the
    /// error after the rule has ended.
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
