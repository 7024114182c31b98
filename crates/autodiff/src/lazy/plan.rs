//! The operations behind values, in an order, and how they are run.

use std::sync::OnceLock;

use smallvec::SmallVec;
use wengert_kernels::chain::{self, Chain, Program};
use wengert_kernels::simd::Level;
use wengert_kernels::threads::for_chunks;
use wengert_kernels::{Element, reduce};

use super::{Expression, Function, Identity, Lazy, Operand};
use crate::pool::{Handle, Pool};
use crate::refused::Refused;

/// The elements one thread takes at a time, if there is no sum: a sum's parts are as long as those of
/// an array's.
const PIECE: usize = 1 << 16;

/// The sums of a part of the elements.
type Sums<E> = SmallVec<[E; 1]>;

/// The operations behind values, each after those it uses.
pub(super) struct Plan<E: Element> {
    level: Level,
    chain: Chain<E>,
    /// The buffers it reads, and from which element on.
    arrays: Vec<(Handle<E>, usize)>,
    /// The values that have a step, and which.
    known: Vec<(Identity, usize)>,
    /// The steps whose values are to be summed, each once.
    summed: SmallVec<[usize; 1]>,
    /// The numbers of the steps that sums were asked for.
    asked: SmallVec<[usize; 1]>,
}

/// A value on the way to another, its operands being planned.
struct Visit<E: Element> {
    value: Identity,
    expression: Expression<E>,
    next: usize,
    operands: SmallVec<[chain::Operand<E>; 2]>,
}

impl<E: Element> Plan<E> {
    pub(super) fn new(level: Level) -> Self {
        Plan {
            level,
            chain: Chain::new(),
            arrays: Vec::new(),
            known: Vec::new(),
            summed: SmallVec::new(),
            asked: SmallVec::new(),
        }
    }

    /// Adds a value whose elements are to be summed; false if it was computed by now.
    pub(super) fn add_sum(&mut self, value: &Lazy<E>) -> Result<bool, Refused> {
        let step = match self.step_of(value) {
            Some(step) => step,
            None => match value.inner(self.level)? {
                Some(expression) => self.add(value, expression)?,
                None => return Ok(false),
            },
        };
        let at = self.summed.iter().position(|&summed| summed == step).unwrap_or_else(|| {
            self.summed.push(step);
            self.summed.len() - 1
        });
        self.asked.push(at);
        Ok(true)
    }

    /// The sum, for a plan of nothing else.
    pub(super) fn sum(self, len: usize, pool: Option<&Pool<E>>) -> E {
        let program = self.chain.compile(&self.summed);
        let mut parts = vec![E::ZERO; len.div_ceil(reduce::PART)];
        for_chunks(&mut parts, 1, |i, part| {
            let start = i * reduce::PART;
            part[0] = self.run(&program, start, reduce::PART.min(len - start), None, pool)[0];
        });
        reduce::sum_of_parts(&parts)
    }

    /// The elements of a value, and the sums in the order they were asked for.
    pub(super) fn each(
        mut self,
        value: &Lazy<E>,
        expression: &Expression<E>,
    ) -> Result<(Handle<E>, Sums<E>), Refused> {
        let own = self.add(value, expression.clone())?;
        let outputs: SmallVec<[usize; 2]> = self.summed.iter().copied().chain([own]).collect();
        let program = self.chain.compile(&outputs);
        let pool = value.pool();
        // Its memory was promised when it was recorded.
        let mut elements = match pool {
            Some(pool) => Handle::unlimited(value.len, pool)?,
            None => Handle::new(value.len, None)?,
        };
        let out = elements.get_mut().expect("a new buffer has one owner");
        let piece = if self.summed.is_empty() { PIECE } else { reduce::PART };
        let parts: Vec<OnceLock<Sums<E>>> =
            (0..value.len.div_ceil(piece)).map(|_| OnceLock::new()).collect();
        for_chunks(&mut out[..value.len], piece, |start, out| {
            let sums = self.run(&program, start, out.len(), Some(out), pool);
            // Each piece is run once.
            let _ = parts[start / piece].set(sums);
        });
        let sums = self.asked.iter().map(|&i| {
            let parts = parts.iter().map(|sums| sums.get().expect("every piece was run")[i]);
            reduce::sum_of_parts(&parts.collect::<Vec<E>>())
        });
        Ok((elements, sums.collect()))
    }

    fn step_of(&self, value: &Lazy<E>) -> Option<usize> {
        self.known.iter().find(|(known, _)| *known == value.identity()).map(|&(_, step)| step)
    }

    /// Adds the steps for a value, and gives the last one.
    fn add(&mut self, root: &Lazy<E>, expression: Expression<E>) -> Result<usize, Refused> {
        let visit = |value: &Lazy<E>, expression: Expression<E>| Visit {
            value: value.identity(),
            expression,
            next: 0,
            operands: SmallVec::new(),
        };
        let mut stack = vec![visit(root, expression)];
        let mut last = 0;
        while let Some(top) = stack.last_mut() {
            let Some(operand) = top.expression.operands.get(top.next) else {
                let done = stack.pop().expect("there is a last one");
                last = match (done.expression.function, &done.operands[..]) {
                    (Function::One(f), &[x]) => self.chain.map(f, x),
                    (Function::Two(f), &[a, b]) => self.chain.zip(f, a, b),
                    (f, operands) => unreachable!("{f:?} of {} operands", operands.len()),
                };
                self.known.push((done.value, last));
                continue;
            };
            let operand = match operand {
                Operand::Splat(element) => chain::Operand::Number(*element),
                Operand::Elements(handle, start) => match handle.pending() {
                    None => self.array(handle, *start),
                    // Only a value's own elements are where the other's are.
                    Some(lazy) if *start > 0 => {
                        lazy.try_force()?;
                        self.array(handle, *start)
                    }
                    Some(lazy) => {
                        if let Some(step) = self.step_of(lazy) {
                            chain::Operand::Step(step)
                        } else if let Some(expression) = lazy.inner(self.level)? {
                            let inner = visit(lazy, expression);
                            stack.push(inner);
                            continue;
                        } else {
                            self.array(handle, *start)
                        }
                    }
                },
            };
            top.operands.push(operand);
            top.next += 1;
        }
        Ok(last)
    }

    fn array(&mut self, handle: &Handle<E>, start: usize) -> chain::Operand<E> {
        let same = |(other, at): &(Handle<E>, usize)| {
            *at == start && std::ptr::eq(other.as_slice(), handle.as_slice())
        };
        chain::Operand::Array(self.arrays.iter().position(same).unwrap_or_else(|| {
            self.arrays.push((handle.clone(), start));
            self.arrays.len() - 1
        }))
    }

    /// Computes the elements from `start` on, those of the last output into `out` if it is given, and the
    /// sums of the others.
    fn run(
        &self,
        program: &Program<E>,
        start: usize,
        len: usize,
        out: Option<&mut [E]>,
        pool: Option<&Pool<E>>,
    ) -> Sums<E> {
        let mut scratch = Handle::scratch(program.scratch(), pool);
        let scratch = scratch.get_mut().expect("a new buffer has one owner");
        let mut summed: SmallVec<[Handle<E>; 1]> =
            self.summed.iter().map(|_| Handle::scratch(len, pool)).collect();
        let arrays: SmallVec<[&[E]; 4]> = self
            .arrays
            .iter()
            .map(|(handle, first)| &handle.as_slice()[first + start..][..len])
            .collect();
        let mut outputs: SmallVec<[&mut [E]; 2]> = summed
            .iter_mut()
            .map(|elements| &mut elements.get_mut().expect("a new buffer has one owner")[..len])
            .chain(out)
            .collect();
        program.run(&arrays, &mut outputs, scratch);
        outputs[..self.summed.len()].iter().map(|elements| reduce::sum(elements)).collect()
    }
}
