//! [`Plan`]: the operations that compute some values, in order, and how they are run.

use std::sync::OnceLock;

use smallvec::SmallVec;
use wengert_kernels::chain::{self, Chain, Program};
use wengert_kernels::simd::Level;
use wengert_kernels::threads::for_chunks;
use wengert_kernels::{Element, reduce};

use super::{Elementwise, Expression, Identity, Lazy, Operand};
use crate::memory::Refused;
use crate::memory::{BufferPool, Handle};

/// The number of elements that a thread takes at a time if there is no sum. With a sum, the parts
/// are as long as those of the sum of an array.
const PIECE: usize = if cfg!(fuzzing) { 1 << 8 } else { 1 << 16 };

/// The sums of a part of the elements.
type PartSums<E> = SmallVec<[E; 1]>;

/// The same range of elements of several values.
type Pieces<'a, E> = SmallVec<[&'a mut [E]; 1]>;

/// The operations that compute some values, each after those it uses.
pub(super) struct Plan<E: Element> {
    level: Level,
    chain: Chain<E>,
    /// The buffers that the operations read, and the offset of the first element in each.
    arrays: Vec<(Handle<E>, usize)>,
    /// The values that have a step, and the number of the step.
    known: Vec<(Identity, usize)>,
    /// The steps whose values are summed, each once.
    summed: SmallVec<[usize; 1]>,
    /// For each requested sum, the number of its step.
    asked: SmallVec<[usize; 1]>,
}

/// A value that the requested ones depend on, while its operands are being planned.
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

    /// Adds a value whose elements are summed. Returns false if it has been computed in the
    /// meantime.
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

    /// The sum, for a plan that computes only one sum.
    pub(super) fn sum(self, len: usize, pool: Option<&BufferPool<E>>) -> E {
        let program = self.chain.compile(&self.summed);
        let mut parts = vec![E::ZERO; len.div_ceil(reduce::PART)];
        for_chunks(&mut parts, 1, |i, part| {
            let start = i * reduce::PART;
            part[0] = self.run(&program, start, reduce::PART.min(len - start), &mut [], pool)[0];
        });
        reduce::sum_of_parts(&parts)
    }

    /// The elements of values of one length, operands before the values that use them, and the sums
    /// in the order in which they were requested.
    pub(super) fn all(
        mut self,
        values: &[(&Lazy<E>, Expression<E>)],
    ) -> Result<(Vec<Handle<E>>, PartSums<E>), Refused> {
        let mut outputs: SmallVec<[usize; 2]> = self.summed.iter().copied().collect();
        for (value, expression) in values {
            let known = self.step_of(value);
            outputs.push(match known {
                Some(known) => known,
                None => self.add(value, expression.clone())?,
            });
        }
        let program = self.chain.compile(&outputs);
        let (len, pool) = (values[0].0.len, values[0].0.pool());
        // The memory of each was promised when it was recorded.
        let room = |_| match pool {
            Some(pool) => Handle::unlimited(len, pool),
            None => Handle::new(len, None),
        };
        let mut elements: Vec<Handle<E>> = values.iter().map(room).collect::<Result<_, _>>()?;
        let piece = if self.summed.is_empty() { PIECE } else { reduce::PART };
        let parts: Vec<OnceLock<PartSums<E>>> =
            (0..len.div_ceil(piece)).map(|_| OnceLock::new()).collect();
        let mut chunks: SmallVec<[_; 1]> = elements
            .iter_mut()
            .map(|elements| elements.get_mut().expect("a new buffer has one owner"))
            .map(|elements| elements[..len].chunks_mut(piece))
            .collect();
        let mut pieces: Vec<Pieces<'_, E>> =
            parts.iter().map(|_| chunks.iter_mut().filter_map(Iterator::next).collect()).collect();
        for_chunks(&mut pieces, 1, |i, pieces| {
            let start = i * piece;
            let sums = self.run(&program, start, piece.min(len - start), &mut pieces[0], pool);
            // Each piece is run once.
            let _ = parts[i].set(sums);
        });
        drop((pieces, chunks));
        let sums = self.asked.iter().map(|&i| {
            let parts = parts.iter().map(|sums| sums.get().expect("every piece was run")[i]);
            reduce::sum_of_parts(&parts.collect::<Vec<E>>())
        });
        let sums = sums.collect();
        Ok((elements, sums))
    }

    fn step_of(&self, value: &Lazy<E>) -> Option<usize> {
        self.known.iter().find(|(known, _)| *known == value.identity()).map(|&(_, step)| step)
    }

    /// Adds the steps that compute a value, and returns the number of the last one.
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
                    (Elementwise::One(f), &[x]) => self.chain.map(f, x),
                    (Elementwise::Two(f), &[a, b]) => self.chain.zip(f, a, b),
                    (f, operands) => unreachable!("{f:?} of {} operands", operands.len()),
                };
                self.known.push((done.value, last));
                continue;
            };
            let operand = match operand {
                Operand::Splat(element) => chain::Operand::Number(*element),
                Operand::Elements(handle, start) => match handle.pending() {
                    None => self.array(handle, *start),
                    // A pending operand at an offset is computed before: in this plan its elements
                    // would have other positions.
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

    /// Computes the elements from `start` on: those of the last outputs into `out`, and the sums of
    /// the others.
    fn run(
        &self,
        program: &Program<E>,
        start: usize,
        len: usize,
        out: &mut [&mut [E]],
        pool: Option<&BufferPool<E>>,
    ) -> PartSums<E> {
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
            .chain(out.iter_mut().map(|out| &mut **out))
            .collect();
        program.run(&arrays, &mut outputs, scratch);
        outputs[..self.summed.len()].iter().map(|elements| reduce::sum(elements)).collect()
    }
}
