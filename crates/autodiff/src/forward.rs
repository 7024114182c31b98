//! [`Forward`]: what [`Op::forward`](crate::Op::forward) makes its output with.

use std::panic::Location;

use wengert_kernels::Element;

use crate::error::Result;
use crate::lazy::{self, Schedule};
use crate::memory::BufferPool;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// What a forward computation is given in addition to its operands.
#[derive(Debug)]
pub struct Forward<'a, E: Element> {
    pub(crate) shape: &'a Shape,
    pub(crate) len: usize,
    pub(crate) context: Context<'a, E>,
    pub(crate) saved: &'a mut Vec<Tensor<E>>,
}

impl<E: Element> Forward<'_, E> {
    /// The output's shape.
    pub fn shape(&self) -> &Shape {
        self.shape
    }

    /// A tensor for the output, of [`shape`](Self::shape), with unspecified contents.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if there is no memory for it.
    #[inline]
    pub fn output(&self) -> Result<Tensor<E>> {
        Tensor::stale_of(self.shape.clone(), self.len, self.context.pool)
    }

    /// The output, its elements written by `f`.
    pub(crate) fn output_by(&self, f: impl FnOnce(&mut [E])) -> Result<Tensor<E>> {
        let mut f = Some(f);
        self.output_with(&mut |elements| {
            if let Some(f) = f.take() {
                f(elements);
            }
        })
    }

    /// The same, compiled once for all functions.
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
            // Also where nothing is deferred, so that the result has one layout.
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
    /// deferred result. `None` if that would save nothing.
    pub(crate) fn defer_sum(&self, x: &Tensor<E>, factor: Option<E>) -> Option<Tensor<E>> {
        let schedule = self.context.lazy.filter(|_| self.len == 1)?;
        x.lazy_sum(self.shape, factor, self.context.pool, schedule)
    }

    /// A tensor of the shape of another one, with unspecified contents.
    #[inline]
    pub(crate) fn like(&self, other: &Tensor<E>) -> Result<Tensor<E>> {
        Tensor::stale_of(other.shape().clone(), other.len(), self.context.pool)
    }

    /// A tensor with unspecified contents.
    ///
    /// # Errors
    /// [`Error::TooLarge`](crate::Error::TooLarge) if the shape's size does not fit the address
    /// space, and [`Error::OutOfMemory`](crate::Error::OutOfMemory) if there is no memory for it.
    pub fn scratch(&self, shape: impl Into<Shape>) -> Result<Tensor<E>> {
        Tensor::stale(shape.into(), self.context.pool)
    }

    /// The same for an output of another shape, which the operation then views in its own.
    pub(crate) fn of_shape<'a>(&'a mut self, shape: &'a Shape) -> Result<Forward<'a, E>> {
        let len = shape.checked_len::<E>("tensor")?;
        Ok(Forward { shape, len, context: self.context, saved: &mut *self.saved })
    }

    /// Where buffers come from.
    pub(crate) fn pool(&self) -> Option<&BufferPool<E>> {
        self.context.pool
    }

    /// What an evaluation is given that is part of this one.
    pub(crate) fn context(&self) -> Context<'_, E> {
        self.context
    }

    /// Keeps a tensor for the vector-Jacobian product, where [`Vjp::saved`](crate::Vjp::saved)
    /// returns it. The tensor is a cache of something computed from the operands: the gradient of
    /// the rule itself must not depend on it being one.
    pub fn save(&mut self, tensor: Tensor<E>) {
        self.saved.push(tensor);
    }
}

/// What an evaluation is given in addition to its operands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a, E: Element> {
    /// Where buffers come from.
    pub(crate) pool: Option<&'a BufferPool<E>>,
    /// The line that asks, if a value that is not finite is an error.
    pub(crate) anomaly: Option<&'static Location<'static>>,
    /// The list of deferred results, if the value may be deferred.
    pub(crate) lazy: Option<&'a Schedule<E>>,
    /// Whether the value becomes a node that stays on the tape.
    pub(crate) recorded: bool,
}
