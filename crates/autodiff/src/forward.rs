//! [`Forward`]: what [`Op::forward`](crate::Op::forward) allocates and computes its output with.

use std::panic::Location;

use wengert_kernels::Element;

use crate::error::Result;
use crate::lazy::{self, Schedule};
use crate::memory::BufferPool;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The second argument of [`Op::forward`](crate::Op::forward): it allocates the output and scratch
/// tensors, applies elementwise functions, and saves tensors for the vector-Jacobian product.
#[derive(Debug)]
pub struct Forward<'a, E: Element> {
    pub(crate) shape: &'a Shape,
    pub(crate) len: usize,
    pub(crate) context: Context<'a, E>,
    pub(crate) saved: &'a mut Vec<Tensor<E>>,
}

impl<E: Element> Forward<'_, E> {
    /// The shape of the output.
    pub fn shape(&self) -> &Shape {
        self.shape
    }

    /// A tensor of the output's shape with unspecified contents, for
    /// [`Op::forward`](crate::Op::forward) to write.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if there is no memory for the output.
    #[inline]
    pub fn output(&self) -> Result<Tensor<E>> {
        Tensor::stale_of(self.shape.clone(), self.len, self.context.pool)
    }

    /// The output, whose elements `f` writes.
    pub(crate) fn output_by(&self, f: impl FnOnce(&mut [E])) -> Result<Tensor<E>> {
        let mut f = Some(f);
        self.output_with(&mut |elements| {
            if let Some(f) = f.take() {
                f(elements);
            }
        })
    }

    /// [`output_by`](Self::output_by) for a dynamic `f`, so that it is compiled only once.
    #[inline(never)]
    fn output_with(&self, f: &mut dyn FnMut(&mut [E])) -> Result<Tensor<E>> {
        Tensor::written_by(self.shape, self.len, self.context.pool, f)
    }

    /// The output as a deferred result, if the tape may defer it and the operands are laid out like
    /// the output.
    #[inline]
    pub(crate) fn defer(
        &self,
        operands: &[&Tensor<E>],
        function: lazy::Elementwise<E>,
    ) -> Result<Option<Tensor<E>>> {
        if self.len >= lazy::LEAST
            && let Some(operands) = Tensor::lazy_operands(self.shape, operands)
        {
            // Even if nothing is deferred, so that the layout of the result does not depend on it.
            if let Some(element) = function.of_single_elements(&operands) {
                return Tensor::scalar(element).try_broadcast_to(self.shape.clone()).map(Some);
            }
            if let Some(schedule) = self.context.lazy {
                let pool = self.context.pool;
                let value = Tensor::lazy(self.shape, pool, schedule, operands, function)?;
                if self.context.recorded {
                    value.record_on(schedule);
                }
                return Ok(Some(value));
            }
        }
        operands.iter().try_for_each(|operand| operand.compute())?;
        Ok(None)
    }

    /// The sum of all elements of a pending operand, times the factor if there is one, as a
    /// deferred result. `None` if deferring the sum would save nothing.
    pub(crate) fn defer_sum(&self, x: &Tensor<E>, factor: Option<E>) -> Option<Tensor<E>> {
        let schedule = self.context.lazy.filter(|_| self.len == 1)?;
        x.lazy_sum(self.shape, factor, self.context.pool, schedule)
    }

    /// A tensor of the shape of `other`, with unspecified contents.
    #[inline]
    pub(crate) fn like(&self, other: &Tensor<E>) -> Result<Tensor<E>> {
        Tensor::stale_of(other.shape().clone(), other.len(), self.context.pool)
    }

    /// A tensor of the given shape with unspecified contents, for intermediate results.
    ///
    /// # Errors
    /// [`Error::TooLarge`](crate::Error::TooLarge) if the shape's size does not fit the address
    /// space, and [`Error::OutOfMemory`](crate::Error::OutOfMemory) if there is no memory for it.
    pub fn scratch(&self, shape: impl Into<Shape>) -> Result<Tensor<E>> {
        Tensor::stale(shape.into(), self.context.pool)
    }

    /// This context for an output of another shape. The operation then returns a view of that
    /// output in its own shape.
    pub(crate) fn of_shape<'a>(&'a mut self, shape: &'a Shape) -> Result<Forward<'a, E>> {
        let len = shape.checked_len::<E>("tensor")?;
        Ok(Forward { shape, len, context: self.context, saved: &mut *self.saved })
    }

    /// The pool that buffers are taken from.
    pub(crate) fn pool(&self) -> Option<&BufferPool<E>> {
        self.context.pool
    }

    /// The context for an evaluation that is part of this one.
    pub(crate) fn context(&self) -> Context<'_, E> {
        self.context
    }

    /// Keeps a tensor for the vector-Jacobian product, which reads it with
    /// [`Vjp::saved`](crate::Vjp::saved). A saved tensor is a cache: it must be a function of the
    /// operands, and a gradient that is differentiated again must be computed from the operands, as
    /// no gradient flows through the saved tensor.
    pub fn save(&mut self, tensor: Tensor<E>) {
        self.saved.push(tensor);
    }
}

/// The context of an evaluation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a, E: Element> {
    /// The pool that buffers are taken from.
    pub(crate) pool: Option<&'a BufferPool<E>>,
    /// The source line to report if the value is not finite; `None` if the value is not checked.
    pub(crate) anomaly: Option<&'static Location<'static>>,
    /// The list of deferred results, if the value may be deferred.
    pub(crate) lazy: Option<&'a Schedule<E>>,
    /// Whether the value becomes a node that stays on the tape.
    pub(crate) recorded: bool,
}
