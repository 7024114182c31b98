//! Tensors whose elements are computed when they are first read: see [`lazy`].

use smallvec::SmallVec;
use wengert_kernels::Element;

use super::Tensor;
use crate::error::Result;
use crate::lazy::{self, Lazy, Operand, Schedule};
use crate::memory::{BufferPool, Deferred, Handle};
use crate::shape::Shape;

impl<E: Element> Tensor<E> {
    /// Elements that are computed when they are first read, from operands that
    /// [`lazy_operands`](Self::lazy_operands) gave for the shape.
    #[inline(never)]
    pub(crate) fn lazy(
        shape: &Shape,
        pool: Option<&BufferPool<E>>,
        schedule: &Schedule<E>,
        operands: SmallVec<[Operand<E>; 2]>,
        function: lazy::Elementwise<E>,
    ) -> Result<Self> {
        match Lazy::new(shape.numel(), pool, schedule, operands, function) {
            Ok(lazy) => Ok(Self::of(Handle::lazy(lazy), shape.clone())),
            Err(refused) => Err(refused.for_shape("tensor", shape)),
        }
    }

    /// Operands of an elementwise operation whose result has `shape`, if one is laid out like it
    /// and each other one is, or is one element for all. (A function of single elements is one
    /// element.)
    pub(crate) fn lazy_operands(
        shape: &Shape,
        operands: &[&Tensor<E>],
    ) -> Option<SmallVec<[Operand<E>; 2]>> {
        let operand = |x: &&Tensor<E>| {
            let one = x.len() == 1 || x.strides().iter().all(|&stride| stride == 0);
            if one && x.shape.broadcasts_to(shape) {
                return Some(Operand::Splat(x.handle.as_slice()[x.offset]));
            }
            let aligned = x.is_contiguous() && x.shape == *shape;
            aligned.then(|| Operand::Elements(x.handle.clone(), x.offset))
        };
        let operands: SmallVec<[Operand<E>; 2]> =
            operands.iter().map(operand).collect::<Option<_>>()?;
        let single = operands.iter().all(|operand| matches!(operand, Operand::Splat(_)));
        (!single).then_some(operands)
    }

    /// The sum of all elements, times the factor if there is one, computed when it is first read;
    /// if the elements themselves are not computed yet, and are all of a buffer's.
    #[inline(never)]
    pub(crate) fn lazy_sum(
        &self,
        shape: &Shape,
        factor: Option<E>,
        pool: Option<&BufferPool<E>>,
        schedule: &Schedule<E>,
    ) -> Option<Self> {
        let len = self.len();
        // The sum of a sum has nothing to gain.
        if len < lazy::LEAST || !self.is_contiguous() || self.handle.pending()?.len() != len {
            return None;
        }
        let sum = Handle::lazy(Lazy::sum(self.handle.clone(), len, factor, pool, schedule));
        schedule.record_sum(&sum);
        Some(Tensor { handle: sum, offset: 0, shape: shape.clone(), strides: None })
    }

    /// Whether the elements are not computed yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.handle.deferred().is_some_and(Deferred::is_pending)
    }

    /// Adds a deferred result that becomes a node to the list of its tape.
    pub(crate) fn record_on(&self, schedule: &Schedule<E>) {
        schedule.record_value(&self.handle);
    }

    /// Removes a deferred result from the list of its tape.
    pub(crate) fn forget_on(&self, schedule: &Schedule<E>) {
        schedule.forget_value(&self.handle);
    }

    /// Computes the results of some tapes, and of some tensors, that read this tensor's buffer and
    /// are still pending, in one pass over memory. A result that reads it only through another one
    /// of them is left pending.
    #[inline(never)]
    pub(crate) fn compute_users<'a>(
        &self,
        schedules: impl Iterator<Item = &'a Schedule<E>>,
        tensors: impl Iterator<Item = &'a Self>,
    ) where
        E: 'a,
    {
        let recorded: Vec<Handle<E>> = schedules.flat_map(Schedule::pending).collect();
        let mut users = Vec::new();
        let handles = recorded.iter().chain(tensors.map(|tensor| &tensor.handle));
        for lazy in handles.filter_map(Handle::pending) {
            if lazy.reads(&self.handle, &users) {
                users.push(lazy);
            }
        }
        // Without memory for them they stay deferred, and hold the buffer.
        let _ = lazy::force_all(&users);
    }
}
