//! The operations behind values, in an order and with a place for each, and how they are run.

use std::sync::OnceLock;

use smallvec::SmallVec;
use wengert_kernels::elementwise::Run;
use wengert_kernels::simd::Level;
use wengert_kernels::threads::for_chunks;
use wengert_kernels::{Element, reduce};

use super::{Expression, Identity, Kernel, Lazy, Operand};
use crate::pool::{Handle, Pool};

/// The elements of a tile: few enough for a dozen of them to stay in the first-level cache, and so many
/// that a call of a kernel does not count.
pub(super) const TILE: usize = 1 << 10;

/// The elements one thread takes at a time, if there is no sum: a sum's parts are as long as those of
/// an array's.
const PIECE: usize = 1 << 16;

/// Where a step finds an operand.
enum Source<E: Element> {
    Memory(Handle<E>, usize),
    Splat(E),
    Step(usize),
}

/// One operation.
struct Step<E: Element> {
    kernel: Kernel<E>,
    sources: SmallVec<[Source<E>; 2]>,
    /// The tile it writes to.
    slot: usize,
}

/// The sums of a part of the elements.
type Sums<E> = SmallVec<[E; 1]>;

/// The operations behind values, each after those it uses.
pub(super) struct Plan<E: Element> {
    level: Level,
    steps: Vec<Step<E>>,
    /// The values that have a step, and which.
    known: Vec<(Identity, usize)>,
    /// The steps whose values are to be summed.
    summed: SmallVec<[usize; 1]>,
    /// The tiles.
    slots: usize,
}

/// A value on the way to another, its operands being planned.
struct Visit<E: Element> {
    value: Identity,
    expression: Expression<E>,
    next: usize,
    sources: SmallVec<[Source<E>; 2]>,
}

/// Where the elements of an operand are for one piece.
enum Place<'a, E> {
    Memory(&'a [E]),
    Splat(E),
    Tile(usize),
}

impl<E: Element> Plan<E> {
    pub(super) fn new(level: Level) -> Self {
        Plan { level, steps: Vec::new(), known: Vec::new(), summed: SmallVec::new(), slots: 0 }
    }

    /// Adds a value whose elements are to be summed; false if it was computed by now.
    pub(super) fn add_sum(&mut self, value: &Lazy<E>) -> bool {
        let known = self.step_of(value);
        let step = known.or_else(|| Some(self.add(value, value.inner(self.level)?)));
        self.summed.extend(step);
        step.is_some()
    }

    /// The sum, for a plan of nothing else.
    pub(super) fn sum(mut self, len: usize, pool: Option<&Pool<E>>) -> E {
        self.assign_slots();
        let mut parts = vec![E::ZERO; len.div_ceil(reduce::PART)];
        for_chunks(&mut parts, 1, |i, part| {
            let start = i * reduce::PART;
            part[0] = self.run(start, reduce::PART.min(len - start), None, pool)[0];
        });
        reduce::sum_of_parts(&parts)
    }

    /// The elements of a value, and the sums.
    pub(super) fn each(
        mut self,
        value: &Lazy<E>,
        expression: &Expression<E>,
    ) -> (Handle<E>, Sums<E>) {
        self.add(value, expression.clone());
        self.assign_slots();
        let pool = value.pool();
        let mut elements = Handle::new(value.len, pool);
        let out = elements.get_mut().expect("a new buffer has one owner");
        let piece = if self.summed.is_empty() { PIECE } else { reduce::PART };
        let parts: Vec<OnceLock<Sums<E>>> =
            (0..value.len.div_ceil(piece)).map(|_| OnceLock::new()).collect();
        for_chunks(&mut out[..value.len], piece, |start, out| {
            let sums = self.run(start, out.len(), Some(out), pool);
            // Each piece is run once.
            let _ = parts[start / piece].set(sums);
        });
        let sums = (0..self.summed.len()).map(|i| {
            let parts = parts.iter().map(|sums| sums.get().expect("every piece was run")[i]);
            reduce::sum_of_parts(&parts.collect::<Vec<E>>())
        });
        (elements, sums.collect())
    }

    fn step_of(&self, value: &Lazy<E>) -> Option<usize> {
        self.known.iter().find(|(known, _)| *known == value.identity()).map(|&(_, step)| step)
    }

    /// Adds the steps for a value, and gives the last one.
    fn add(&mut self, root: &Lazy<E>, expression: Expression<E>) -> usize {
        let visit = |value: &Lazy<E>, expression: Expression<E>| Visit {
            value: value.identity(),
            expression,
            next: 0,
            sources: SmallVec::new(),
        };
        let mut stack = vec![visit(root, expression)];
        while let Some(top) = stack.last_mut() {
            let Some(operand) = top.expression.operands.get(top.next) else {
                let done = stack.pop().expect("there is a last one");
                self.known.push((done.value, self.steps.len()));
                let kernel = done.expression.kernel;
                self.steps.push(Step { kernel, sources: done.sources, slot: 0 });
                continue;
            };
            let source = match operand {
                Operand::Splat(element) => Source::Splat(*element),
                Operand::Elements(handle, start) => match handle.pending() {
                    None => Source::Memory(handle.clone(), *start),
                    // Only a value's own elements are where the other's are.
                    Some(lazy) if *start > 0 => {
                        lazy.force();
                        Source::Memory(handle.clone(), *start)
                    }
                    Some(lazy) => {
                        if let Some(step) = self.step_of(lazy) {
                            Source::Step(step)
                        } else if let Some(expression) = lazy.inner(self.level) {
                            let inner = visit(lazy, expression);
                            stack.push(inner);
                            continue;
                        } else {
                            Source::Memory(handle.clone(), *start)
                        }
                    }
                },
            };
            top.sources.push(source);
            top.next += 1;
        }
        self.steps.len() - 1
    }

    /// Gives each step a tile that nobody needs any more.
    fn assign_slots(&mut self) {
        let mut last_use = vec![usize::MAX; self.steps.len()];
        for (at, step) in self.steps.iter().enumerate() {
            for source in &step.sources {
                if let Source::Step(used) = source {
                    last_use[*used] = at;
                }
            }
        }
        for &step in &self.summed {
            last_use[step] = usize::MAX;
        }
        let mut free = Vec::new();
        for at in 0..self.steps.len() {
            self.steps[at].slot = free.pop().unwrap_or_else(|| {
                self.slots += 1;
                self.slots - 1
            });
            let mut used: SmallVec<[usize; 2]> = SmallVec::new();
            for source in &self.steps[at].sources {
                if let Source::Step(step) = *source
                    && last_use[step] == at
                    && !used.contains(&step)
                {
                    used.push(step);
                }
            }
            free.extend(used.into_iter().map(|step| self.steps[step].slot));
        }
    }

    /// Computes the elements from `start` on, those of the last step into `out` if it is given, and the
    /// sums of theirs.
    fn run(
        &self,
        start: usize,
        len: usize,
        mut out: Option<&mut [E]>,
        pool: Option<&Pool<E>>,
    ) -> Sums<E> {
        let mut scratch = Handle::new(self.slots * TILE, pool);
        let scratch = scratch.get_mut().expect("a new buffer has one owner");
        let mut tiles: Vec<&mut [E]> = scratch.chunks_exact_mut(TILE).collect();
        let mut summed: SmallVec<[Handle<E>; 1]> =
            self.summed.iter().map(|_| Handle::new(len, pool)).collect();
        let places = self.places(start, len);
        let (last, inner) = self.steps.split_last().expect("a plan has a step");
        for from in (0..len).step_by(TILE) {
            let part = from..len.min(from + TILE);
            let mut places = places.as_slice();
            let mut run = |step: &Step<E>, tiles: &[&mut [E]], out: &mut [E]| {
                let (own, rest) = places.split_at(step.sources.len());
                places = rest;
                let mut operands = [Run::Splat(E::ZERO); 2];
                for (operand, place) in operands.iter_mut().zip(own) {
                    *operand = match *place {
                        Place::Memory(elements) => Run::Slice(&elements[part.clone()]),
                        Place::Splat(element) => Run::Splat(element),
                        Place::Tile(slot) => Run::Slice(&tiles[slot][..out.len()]),
                    };
                }
                (step.kernel)(&operands[..own.len()], out);
            };
            let mut run_in_tile = |step: &Step<E>, tiles: &mut Vec<&mut [E]>| {
                let tile = std::mem::take(&mut tiles[step.slot]);
                run(step, tiles, &mut tile[..part.len()]);
                tiles[step.slot] = tile;
            };
            for step in inner {
                run_in_tile(step, &mut tiles);
            }
            match &mut out {
                Some(out) => run(last, &tiles, &mut out[part.clone()]),
                None => run_in_tile(last, &mut tiles),
            }
            for (elements, &step) in summed.iter_mut().zip(&self.summed) {
                let elements = elements.get_mut().expect("a new buffer has one owner");
                elements[part.clone()].copy_from_slice(&tiles[self.steps[step].slot][..part.len()]);
            }
        }
        summed.iter().map(|elements| reduce::sum(&elements.as_slice()[..len])).collect()
    }

    /// Where the operands of all steps are, one behind the other, for the elements from `start` on.
    fn places(&self, start: usize, len: usize) -> Vec<Place<'_, E>> {
        let place = |source| match source {
            &Source::Splat(element) => Place::Splat(element),
            Source::Memory(handle, first) => {
                Place::Memory(&handle.as_slice()[first + start..][..len])
            }
            &Source::Step(used) => Place::Tile(self.steps[used].slot),
        };
        self.steps.iter().flat_map(|step| step.sources.iter().map(place)).collect()
    }
}
