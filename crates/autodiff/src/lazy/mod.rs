//! Deferred elementwise results, which are computed when they are first read.
//!
//! A chain of elementwise operations on large tensors is bound by memory: each operation reads the
//! result of the previous one. A tape therefore defers the results of such a chain. When one of
//! them is read, the whole chain is computed tile by tile in cache, and intermediate values that
//! are never read are not written to memory. The backward pass defers its elementwise operations
//! too, so that a gradient is one pass over memory. Pending values of the forward pass that it
//! needs are computed again in the tile.
//!
//! The sum of such a chain is deferred too: its elements are added as they are computed. A pending
//! sum is computed together with another value of the same chain, so that a loss and a gradient
//! that is read before it take one pass.
//!
//! The results have the same bits as those of computing one operation after the other: an
//! elementwise kernel gives the same bits wherever its elements are, and a deferred sum has the
//! same partial sums as that of an array.

mod plan;
mod schedule;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use smallvec::SmallVec;
use wengert_kernels::chain::{Function1, Function2};
use wengert_kernels::elementwise::Run;
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::{Element, reduce};

use crate::memory::Refused;
use crate::memory::{BufferPool, Deferred, Handle};
use plan::Plan;
pub(crate) use schedule::Schedule;

/// The minimum number of elements of a deferred result. Fewer stay in cache between operations.
pub(crate) const LEAST: usize = if cfg!(fuzzing) { 1 << 6 } else { 1 << 16 };

/// The maximum length of a deferred chain. It bounds the depth of recursion when a chain is
/// dropped.
const DEEPEST: u32 = 128;

/// The number of times a value may be recomputed as part of another before it is kept.
const COMPUTED_AGAIN: u32 = 2;

/// The maximum number of sums that are computed together with a value: each takes a buffer per
/// thread.
const MOST_SUMS: usize = 4;

/// An elementwise function of one or two operands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Elementwise<E> {
    One(Function1<E>),
    Two(Function2),
}

impl<E: Element> Elementwise<E> {
    /// The single element of the result, if each operand is a single element.
    pub(crate) fn of_single_elements(self, operands: &[Operand<E>]) -> Option<E> {
        let mut out = [E::ZERO];
        match (self, operands) {
            (Elementwise::One(f), &[Operand::Splat(x)]) => f.apply(&[x], &mut out),
            (Elementwise::Two(f), &[Operand::Splat(a), Operand::Splat(b)]) => {
                f.apply(Run::Slice(&[a]), Run::Slice(&[b]), &mut out);
            }
            _ => return None,
        }
        Some(out[0])
    }
}

/// An operand: elements from an offset in a buffer on, or a single element.
#[derive(Clone, Debug)]
pub(crate) enum Operand<E: Element> {
    Elements(Handle<E>, usize),
    Splat(E),
}

/// An elementwise operation.
#[derive(Clone)]
struct Expression<E: Element> {
    function: Elementwise<E>,
    operands: SmallVec<[Operand<E>; 2]>,
}

/// The computation of a value.
#[derive(Clone)]
enum Work<E: Element> {
    /// Every element.
    Each(Expression<E>),
    /// The sum of the `len` elements of a value, times the factor if there is one.
    Sum { of: Handle<E>, len: usize, factor: Option<E> },
}

/// The address of a value, which identifies it.
type Identity = usize;

/// A value that is computed when it is first read.
pub(crate) struct Lazy<E: Element> {
    len: usize,
    level: Level,
    /// The length of the longest chain of pending operations that the value depends on.
    depth: u32,
    /// The number of times the value was recomputed as part of another value.
    computed: AtomicU32,
    pool: Option<BufferPool<E>>,
    /// The schedule of the tape that recorded the value.
    schedule: Schedule<E>,
    /// `None` once the value is computed.
    work: Mutex<Option<Work<E>>>,
    value: OnceLock<Handle<E>>,
}

impl<E: Element> fmt::Debug for Lazy<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.get() {
            Some(value) => write!(f, "{value:?}"),
            None => write!(f, "{} elements not computed yet", self.len),
        }
    }
}

impl<E: Element> Lazy<E> {
    /// Defers an elementwise operation.
    pub(crate) fn new(
        len: usize,
        pool: Option<&BufferPool<E>>,
        schedule: &Schedule<E>,
        operands: SmallVec<[Operand<E>; 2]>,
        function: Elementwise<E>,
    ) -> Result<Self, Refused> {
        let pending = operands.iter().filter_map(Operand::pending);
        let depth = 1 + pending.map(|lazy| lazy.depth).max().unwrap_or(0);
        if depth == DEEPEST {
            for lazy in operands.iter().filter_map(Operand::pending) {
                lazy.try_force()?;
            }
        }
        let depth = if depth == DEEPEST { 1 } else { depth };
        if let Some(pool) = pool {
            pool.promise(len)?;
        }
        Ok(Self::of(Work::Each(Expression { function, operands }), len, depth, pool, schedule))
    }

    /// Defers the sum of a value's `len` elements, times the factor if there is one.
    pub(crate) fn sum(
        of: Handle<E>,
        len: usize,
        factor: Option<E>,
        pool: Option<&BufferPool<E>>,
        schedule: &Schedule<E>,
    ) -> Self {
        let depth = 1 + of.pending().map_or(0, |of| of.depth);
        Self::of(Work::Sum { of, len, factor }, 1, depth, pool, schedule)
    }

    fn of(
        work: Work<E>,
        len: usize,
        depth: u32,
        pool: Option<&BufferPool<E>>,
        schedule: &Schedule<E>,
    ) -> Self {
        Lazy {
            len,
            level: Level::current(),
            depth,
            computed: AtomicU32::new(0),
            pool: pool.cloned(),
            schedule: schedule.clone(),
            work: Mutex::new(Some(work)),
            value: OnceLock::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn pool(&self) -> Option<&BufferPool<E>> {
        self.pool.as_ref()
    }

    /// The value; computes it first if it is pending. An error if there is no memory for it.
    #[inline(never)]
    pub(crate) fn try_force(&self) -> Result<&Handle<E>, Refused> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        // No lock is held during the computation: a thread that requests the value meanwhile
        // computes it too, with the same bits, so that no thread waits for a kernel that it should
        // help with.
        if let Some(work) = self.work() {
            let value = with_level(self.level, || self.compute(&work));
            self.settle(value.expect("the level it was recorded on is available")?);
        }
        Ok(self.value.get().expect("the work is taken only once there is a value"))
    }

    /// Stores the value, and drops its operands.
    fn settle(&self, value: Handle<E>) {
        let _ = self.value.set(value);
        let spent = self.lock().take();
        self.release(spent);
    }

    /// Drops the operands. The value is computed now, or no longer needed.
    fn release(&self, work: Option<Work<E>>) {
        if let (Some(Work::Each(_)), Some(pool)) = (&work, &self.pool) {
            pool.keep_promise(self.len);
        }
        drop(work);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Work<E>>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The computation, if the value is pending.
    fn work(&self) -> Option<Work<E>> {
        self.lock().clone()
    }

    /// Whether the value is pending.
    pub(crate) fn is_pending(&self) -> bool {
        self.value.get().is_none()
    }

    /// The expression, for computing it as part of another value; `None` if the value is computed,
    /// or should be computed once and kept.
    fn inner(&self, level: Level) -> Result<Option<Expression<E>>, Refused> {
        let again = self.computed.fetch_add(1, Ordering::Relaxed) >= COMPUTED_AGAIN;
        if !again
            && self.level == level
            && let Some(Work::Each(expression)) = self.work()
        {
            return Ok(Some(expression));
        }
        self.force_in_order()?;
        Ok(None)
    }

    /// Computes this value after those of its operands that should be kept, the innermost first.
    /// Computing only this value would compute them recursively, with stack space for each.
    fn force_in_order(&self) -> Result<(), Refused> {
        let mut kept: Vec<Handle<E>> = Vec::new();
        let mut seen: Vec<Identity> = Vec::new();
        let mut next: Vec<Work<E>> = self.work().into_iter().collect();
        while let Some(work) = next.pop() {
            let Work::Each(Expression { operands, .. }) = work else { continue };
            for operand in &operands {
                let Operand::Elements(handle, _) = operand else { continue };
                let Some(lazy) = handle.pending() else { continue };
                if seen.contains(&lazy.identity()) {
                    continue;
                }
                seen.push(lazy.identity());
                next.extend(lazy.work());
                if lazy.computed.load(Ordering::Relaxed) >= COMPUTED_AGAIN {
                    kept.push(handle.clone());
                }
            }
        }
        kept.sort_by_key(|handle| handle.pending().map_or(0, |lazy| lazy.depth));
        // Each is dropped once it is computed: its buffer becomes free if only the chain used it.
        for handle in kept {
            if let Some(lazy) = handle.pending() {
                lazy.try_force()?;
            }
        }
        self.try_force().map(|_| ())
    }

    #[cold]
    fn compute(&self, work: &Work<E>) -> Result<Handle<E>, Refused> {
        match work {
            Work::Each(expression) => self.compute_each(expression),
            Work::Sum { of, len, factor } => {
                let mut plan = Plan::new(self.level);
                let sum = match of.pending() {
                    Some(of) if plan.add_sum(of)? => plan.sum(*len, self.pool()),
                    _ => reduce::sum(&of.as_slice()[..*len]),
                };
                let mut result = factor.map_or(sum, |factor| sum * factor);
                if !result.is_finite() {
                    // The sum may have overflowed although the mean does not. A factor is the
                    // rounded reciprocal of a whole number.
                    let divisor = factor.map_or(1.0, |factor| factor.to_f64().recip().round());
                    let (x, out) = (&of.as_slice()[..*len], std::slice::from_mut(&mut result));
                    reduce::repair_sums_axis(x, [1, *len, 1], divisor, out);
                }
                Ok(Handle::of_single(result))
            }
        }
    }

    fn compute_each(&self, expression: &Expression<E>) -> Result<Handle<E>, Refused> {
        let mut values = compute_all(&[(self, expression.clone())])?;
        Ok(values.pop().expect("a value each"))
    }

    /// The address of the value, which identifies it.
    fn identity(&self) -> Identity {
        std::ptr::from_ref(self).addr()
    }

    /// The pending values on which this one depends, directly or not.
    fn pending_operands(&self) -> Vec<Identity> {
        let mut all: Vec<Identity> = Vec::new();
        let mut next: Vec<Work<E>> = self.work().into_iter().collect();
        while let Some(work) = next.pop() {
            let Work::Each(Expression { operands, .. }) = work else { continue };
            for lazy in operands.iter().filter_map(Operand::pending) {
                if !all.contains(&lazy.identity()) {
                    all.push(lazy.identity());
                    next.extend(lazy.work());
                }
            }
        }
        all
    }

    /// Whether computing the value would read a buffer, if `others` were computed before.
    pub(crate) fn reads(&self, buffer: &Handle<E>, others: &[&Self]) -> bool {
        let mut seen: Vec<Identity> = others.iter().map(|other| other.identity()).collect();
        if seen.contains(&self.identity()) {
            return false;
        }
        let mut next: SmallVec<[Work<E>; 4]> = self.work().into_iter().collect();
        while let Some(work) = next.pop() {
            let operands = match work {
                Work::Each(expression) => expression.operands,
                Work::Sum { of, .. } => SmallVec::from_iter([Operand::Elements(of, 0)]),
            };
            for operand in &operands {
                let Operand::Elements(elements, _) = operand else { continue };
                if elements.is_on(buffer) {
                    return true;
                }
                if let Some(lazy) = elements.pending()
                    && !seen.contains(&lazy.identity())
                {
                    seen.push(lazy.identity());
                    next.extend(lazy.work());
                }
            }
        }
        false
    }

    /// Whether computing other values computes part of this value. `own` are the pending values
    /// that the others need. False if this value depends on one of the others itself, which is then
    /// in memory.
    fn shares(&self, others: &[(&Self, Expression<E>)], own: &[Identity]) -> bool {
        let mut all = self.pending_operands();
        all.push(self.identity());
        !others.iter().any(|(other, _)| all.contains(&other.identity()))
            && all.iter().any(|lazy| own.contains(lazy))
    }
}

/// Computes values. Those of one length take one pass over memory.
#[inline(never)]
pub(crate) fn force_all<E: Element>(values: &[&Lazy<E>]) -> Result<(), Refused> {
    let mut rest = values.to_vec();
    while let Some(&first) = rest.first() {
        let alike = |lazy: &&Lazy<E>| lazy.len == first.len && lazy.level == first.level;
        let (together, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(alike);
        rest = others;
        let mut each = Vec::new();
        for &lazy in &together {
            if let Some(Work::Each(expression)) = lazy.work() {
                each.push((lazy, expression));
            }
        }
        if each.len() > 1 {
            let computed = with_level(first.level, || compute_all(&each));
            let computed = computed.expect("the level they were recorded on is available")?;
            for ((lazy, _), value) in each.iter().zip(computed) {
                lazy.settle(value);
            }
        }
        for lazy in together {
            lazy.try_force()?;
        }
    }
    Ok(())
}

/// Computes elementwise values of one length in one pass over memory, together with pending sums of
/// the same chains.
fn compute_all<E: Element>(
    values: &[(&Lazy<E>, Expression<E>)],
) -> Result<Vec<Handle<E>>, Refused> {
    let (first, _) = values[0];
    let mut plan = Plan::new(first.level);
    let wanted = first.schedule.sums();
    let mut taken: SmallVec<[(&Lazy<E>, Option<E>); 1]> = SmallVec::new();
    if !wanted.is_empty() {
        let own: Vec<Identity> =
            values.iter().flat_map(|(value, _)| value.pending_operands()).collect();
        for sum in wanted.iter().filter_map(Handle::pending) {
            if taken.len() < MOST_SUMS
                && sum.level == first.level
                && let Some(Work::Sum { of, factor, .. }) = sum.work()
                && let Some(of) = of.pending()
                && of.len == first.len
                && of.shares(values, &own)
                && plan.add_sum(of)?
            {
                taken.push((sum, factor));
            }
        }
    }
    let (elements, sums) = plan.all(values)?;
    for ((sum, factor), total) in taken.into_iter().zip(sums) {
        let total = factor.map_or(total, |factor| total * factor);
        if total.is_finite() {
            sum.settle(Handle::of_single(total));
        } else {
            sum.try_force()?;
        }
    }
    Ok(elements)
}

impl<E: Element> Drop for Lazy<E> {
    fn drop(&mut self) {
        let work = self.work.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        self.release(work);
    }
}

impl<E: Element> Deferred<E> for Lazy<E> {
    fn value(&self) -> Result<&Handle<E>, Refused> {
        self.try_force()
    }

    fn is_pending(&self) -> bool {
        self.is_pending()
    }

    fn len(&self) -> usize {
        self.len
    }

    fn pool(&self) -> Option<&BufferPool<E>> {
        self.pool()
    }
}

impl<E: Element> Handle<E> {
    /// A handle for elements that are computed when they are first read.
    pub(crate) fn lazy(lazy: Lazy<E>) -> Self {
        Handle::deferred_by(Box::new(lazy))
    }

    /// The computation of the elements, if they are pending.
    #[inline]
    pub(crate) fn pending(&self) -> Option<&Lazy<E>> {
        let deferred: &dyn Any = self.deferred()?;
        deferred.downcast_ref::<Lazy<E>>().filter(|lazy| lazy.is_pending())
    }
}

impl<E: Element> Operand<E> {
    /// The pending value that this operand refers to, if any.
    fn pending(&self) -> Option<&Lazy<E>> {
        match self {
            Operand::Elements(handle, _) => handle.pending(),
            Operand::Splat(_) => None,
        }
    }
}
