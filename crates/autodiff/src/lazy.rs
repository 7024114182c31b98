//! Elementwise results that are computed when somebody looks at them.
//!
//! A chain of elementwise operations on large tensors is bound by memory: each operation reads what
//! the one before it wrote. What a tape records of such a chain is therefore only noted, and
//! computed on demand, all of the chain tile by tile in cache: intermediate values nobody looks at
//! never reach memory. The walk back over the tape adds its own elementwise operations to the note,
//! so that a gradient is one pass over memory as well; what it needs of the forward pass and nobody
//! has looked at is computed again in the tile.
//!
//! An elementwise kernel gives the same bits wherever its elements lie, so the values are those of
//! computing one operation after the other.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use smallvec::SmallVec;
use wengert_kernels::Element;
use wengert_kernels::elementwise::Run;
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::threads::for_chunks;

use crate::pool::{Handle, Pool};

/// Fewer elements than this stay in cache between operations, and are computed at once.
pub(crate) const LEAST: usize = 1 << 16;

/// The elements of a tile: small enough for a dozen of them to stay in the second-level cache, large
/// enough for a call of a kernel not to count.
const TILE: usize = 1 << 11;

/// The elements one thread takes at a time.
const PIECE: usize = 32 * TILE;

/// The longest chain that is noted. It bounds the stack that dropping one takes.
const DEEPEST: u32 = 128;

/// How often a value may be computed on the way to another before it is kept.
const COMPUTED_AGAIN: u32 = 2;

/// An elementwise kernel: operands of one length, and where the results go.
pub(crate) type Kernel<E> = Arc<dyn Fn(&[Run<'_, E>], &mut [E]) + Send + Sync>;

/// An operand: its elements from the buffer's first on, or one element for all.
#[derive(Clone, Debug)]
pub(crate) enum Operand<E: Element> {
    Elements(Handle<E>, usize),
    Splat(E),
}

/// What is to be computed.
#[derive(Clone)]
struct Expression<E: Element> {
    kernel: Kernel<E>,
    operands: SmallVec<[Operand<E>; 2]>,
}

/// A value that may not be computed yet.
pub(crate) struct Lazy<E: Element> {
    len: usize,
    level: Level,
    /// The operations behind one another that it takes.
    depth: u32,
    /// How often it was computed on the way to another value.
    computed: AtomicU32,
    pool: Option<Pool<E>>,
    /// `None` once there is a value.
    expression: Mutex<Option<Expression<E>>>,
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
    /// Notes what is to be computed.
    pub(crate) fn new(
        len: usize,
        pool: Option<&Pool<E>>,
        operands: SmallVec<[Operand<E>; 2]>,
        kernel: Kernel<E>,
    ) -> Self {
        let pending = operands.iter().filter_map(Operand::pending);
        let depth = 1 + pending.map(|lazy| lazy.depth).max().unwrap_or(0);
        if depth == DEEPEST {
            for lazy in operands.iter().filter_map(Operand::pending) {
                lazy.force();
            }
        }
        Lazy {
            len,
            level: Level::current(),
            depth: if depth == DEEPEST { 1 } else { depth },
            computed: AtomicU32::new(0),
            pool: pool.cloned(),
            expression: Mutex::new(Some(Expression { kernel, operands })),
            value: OnceLock::new(),
        }
    }

    pub(crate) fn pool(&self) -> Option<&Pool<E>> {
        self.pool.as_ref()
    }

    /// The value, computed now if it is not yet.
    pub(crate) fn force(&self) -> &Handle<E> {
        if let Some(value) = self.value.get() {
            return value;
        }
        // No lock is held while it is computed: a thread that waits for others may be given work
        // that asks for the same value. Two that compute it at once get the same bits.
        if let Some(expression) = self.expression() {
            let value = with_level(self.level, || self.compute(&expression));
            let _ = self.value.set(value.expect("the level it was recorded on is available"));
            // What it was computed from is not needed any more.
            let spent = self.lock().take();
            drop(spent);
        }
        self.value.get().expect("an expression is taken only once there is a value")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Expression<E>>> {
        self.expression.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be computed, unless it is.
    fn expression(&self) -> Option<Expression<E>> {
        self.lock().clone()
    }

    /// Whether the value is not computed yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.value.get().is_none()
    }

    /// What is to be computed on the way to another value; `None` if it was computed by now, or is
    /// better computed and kept.
    fn inner(&self, level: Level) -> Option<Expression<E>> {
        let again = self.computed.fetch_add(1, Ordering::Relaxed) >= COMPUTED_AGAIN;
        if again || self.level != level {
            self.force();
            return None;
        }
        self.expression()
    }

    #[cold]
    fn compute(&self, expression: &Expression<E>) -> Handle<E> {
        let mut plan = Plan { steps: Vec::new(), slots: 0 };
        plan.add_all(self, expression);
        plan.assign_slots();
        let mut value = Handle::new(self.len, self.pool());
        let out = value.get_mut().expect("a new buffer has one owner");
        let pool = self.pool();
        for_chunks(&mut out[..self.len], PIECE, |start, out| plan.run(start, out, pool));
        value
    }
}

impl<E: Element> Operand<E> {
    /// The value behind it, if it is to be computed.
    fn pending(&self) -> Option<&Lazy<E>> {
        match self {
            Operand::Elements(handle, _) => handle.pending(),
            Operand::Splat(_) => None,
        }
    }
}

/// Where a step of a plan finds an operand.
enum Source<E: Element> {
    Memory(Handle<E>, usize),
    Splat(E),
    Step(usize),
}

/// One operation of a plan.
struct Step<E: Element> {
    kernel: Kernel<E>,
    sources: SmallVec<[Source<E>; 2]>,
    /// The tile it writes to; the last step writes to the result.
    slot: usize,
}

/// The operations behind a value, each after those it uses.
struct Plan<E: Element> {
    steps: Vec<Step<E>>,
    /// The tiles.
    slots: usize,
}

/// A value on the way to another, its operands being planned.
struct Visit<E: Element> {
    value: *const Lazy<E>,
    expression: Expression<E>,
    next: usize,
    sources: SmallVec<[Source<E>; 2]>,
}

impl<E: Element> Plan<E> {
    /// Adds the steps for a value.
    fn add_all(&mut self, root: &Lazy<E>, expression: &Expression<E>) {
        let visit = |value: *const Lazy<E>, expression: Expression<E>| Visit {
            value,
            expression,
            next: 0,
            sources: SmallVec::new(),
        };
        // The values that have a step, and which.
        let mut known: Vec<(*const Lazy<E>, usize)> = Vec::new();
        let mut stack = vec![visit(root, expression.clone())];
        while let Some(top) = stack.last_mut() {
            let Some(operand) = top.expression.operands.get(top.next) else {
                let done = stack.pop().expect("there is a last one");
                known.push((done.value, self.steps.len()));
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
                        let step = known.iter().find(|(value, _)| std::ptr::eq(*value, lazy));
                        if let Some(&(_, step)) = step {
                            Source::Step(step)
                        } else if let Some(expression) = lazy.inner(root.level) {
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
    }

    /// Gives each step but the last a tile that nobody needs any more.
    fn assign_slots(&mut self) {
        let mut last_use = vec![usize::MAX; self.steps.len()];
        for (at, step) in self.steps.iter().enumerate() {
            for source in &step.sources {
                if let Source::Step(used) = source {
                    last_use[*used] = at;
                }
            }
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

    /// Computes the elements of `out`, which begin at `start`.
    fn run(&self, start: usize, out: &mut [E], pool: Option<&Pool<E>>) {
        let mut scratch = Handle::new(self.slots * TILE, pool);
        let scratch = scratch.get_mut().expect("a new buffer has one owner");
        let mut tiles: Vec<&mut [E]> = scratch.chunks_exact_mut(TILE).collect();
        let (last, inner) = self.steps.split_last().expect("a plan has a step");
        for (i, out) in out.chunks_mut(TILE).enumerate() {
            let (from, len) = (start + i * TILE, out.len());
            for step in inner {
                let tile = std::mem::take(&mut tiles[step.slot]);
                self.run_step(step, &tiles, from, &mut tile[..len]);
                tiles[step.slot] = tile;
            }
            self.run_step(last, &tiles, from, out);
        }
    }

    fn run_step(&self, step: &Step<E>, tiles: &[&mut [E]], from: usize, out: &mut [E]) {
        let operands: SmallVec<[Run<'_, E>; 3]> = step
            .sources
            .iter()
            .map(|source| match source {
                Source::Splat(element) => Run::Splat(*element),
                Source::Memory(handle, start) => {
                    Run::Slice(&handle.as_slice()[start + from..][..out.len()])
                }
                Source::Step(used) => Run::Slice(&tiles[self.steps[*used].slot][..out.len()]),
            })
            .collect();
        (step.kernel)(&operands, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::{Tape, Var};
    use crate::tensor::Tensor;

    const LEN: usize = LEAST + TILE + 37;

    fn numbers(seed: usize) -> Tensor<f32> {
        Tensor::from_fn([LEN], |i| ((i[0] * 7919 + seed * 104_729) % 2003) as f32 / 1000.0 - 1.0)
    }

    fn bits(x: &Tensor<f32>) -> Vec<u32> {
        x.to_vec().into_iter().map(f32::to_bits).collect()
    }

    fn chain<'t>(x: Var<'t, f32>, w: Var<'t, f32>) -> Var<'t, f32> {
        let y = (x * w + 0.5).tanh();
        (y * y - x).logistic() * y
    }

    fn pending(x: Var<'_, f32>) -> bool {
        x.tape().nodes()[x.index() as usize].value.as_ref().is_some_and(Tensor::is_pending)
    }

    #[test]
    fn values_are_those_of_one_operation_after_the_other() {
        let (x, w) = (numbers(1), numbers(2));
        let y = (&(&x * &w) + &Tensor::scalar(0.5)).tanh();
        let expected = &(&(&y * &y) - &x).logistic() * &y;
        let tape = Tape::new();
        let z = chain(tape.variable(&x), tape.constant(&w));
        assert!(pending(z));
        assert_eq!(bits(&z.value()), bits(&expected));
        assert!(!pending(z));
    }

    #[test]
    fn a_view_of_what_is_not_computed_yet_is_a_view_of_its_values() {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::from_fn([2 * LEN], |i| i[0] as f32 * 1e-4));
        let y = x * x;
        let (front, back) = (y.slice(0, ..LEN as isize), y.slice(0, LEN as isize..));
        let sum = (front * front - back).relu();
        assert!(pending(sum));
        let square = |i: usize| (i as f32 * 1e-4) * (i as f32 * 1e-4);
        let values = sum.value().to_vec();
        for i in [0, 1, TILE, LEN - 1] {
            let expected = (square(i) * square(i) - square(LEN + i)).max(0.0);
            assert_eq!(values[i], expected, "{i}");
        }
        let transposed = y.reshape([2, LEN]).transpose(0, 1) + 1.0;
        assert_eq!(transposed.value().get(&[3, 1]), Some(square(LEN + 3) + 1.0));
    }

    #[test]
    fn gradients_are_those_of_small_tensors() {
        let (x, w) = (numbers(1), numbers(2));
        let tape = Tape::new();
        let (vx, vw) = (tape.variable(&x), tape.variable(&w));
        let loss = chain(vx, vw).sum();
        let gradients = loss.backward();
        for once in [false, true] {
            let gradients = if once { &chain(vx, vw).sum().backward_once() } else { &gradients };
            let whole = [vx, vw].map(|v| gradients.get(v).unwrap().to_vec());
            for start in (0..LEN).step_by(LEN / 3) {
                let small = Tape::new();
                let part = |x: &Tensor<f32>| x.slice(0, start as isize..start as isize + 5);
                let (px, pw) = (small.variable(&part(&x)), small.variable(&part(&w)));
                let gradients = chain(px, pw).sum().backward();
                for (whole, part) in whole.iter().zip([px, pw]) {
                    let part = gradients.get(part).unwrap().to_vec();
                    assert_eq!(whole[start..start + part.len()], part[..]);
                }
            }
        }
    }

    #[test]
    fn a_long_chain_is_computed_on_the_way() {
        let tape = Tape::new();
        let x = tape.variable(&numbers(3));
        let mut y = x;
        for _ in 0..3 * DEEPEST {
            y = y * 0.99 + 0.001;
        }
        let mut expected = x.value().to_vec();
        for _ in 0..3 * DEEPEST {
            for y in &mut expected {
                *y = *y * 0.99 + 0.001;
            }
        }
        assert_eq!(y.value().to_vec(), expected);
        assert!(y.sum().backward().get(x).is_some());
    }

    #[test]
    fn what_is_changed_later_does_not_change_what_was_noted() {
        let mut x = numbers(4);
        let before = x.as_slice().unwrap()[LEN - 1];
        let tape = Tape::new();
        let y = tape.variable(&x) * 2.0;
        x.as_mut_slice().fill(7.0);
        let mut value = y.value();
        assert_eq!(value.as_slice().unwrap()[LEN - 1], before * 2.0);
        value.as_mut_slice().fill(5.0);
        assert_eq!(y.value().as_slice().unwrap()[LEN - 1], before * 2.0);
    }

    #[test]
    fn a_value_many_ask_for_is_computed_a_few_times_and_kept() {
        let tape = Tape::new();
        let x = tape.variable(&numbers(5));
        let y = x.tanh();
        for i in 0..=COMPUTED_AGAIN {
            assert!(pending(y), "after {i}");
            (y * (i as f32)).value().to_vec();
        }
        assert!(!pending(y));
    }

    #[test]
    fn a_gradient_is_one_pass() {
        let tape = Tape::new();
        let (x, w) = (tape.variable(&numbers(9)), tape.constant(&numbers(10)));
        let z = chain(x, w);
        let gradients = z.mean().backward();
        // Only what the mean has looked at is there, and then the gradient.
        let held = |len: usize| tape.memory().live / (len * 4);
        assert_eq!(held(LEN), 1);
        assert!(gradients.get(x).unwrap().is_pending());
        gradients.get(x).unwrap().to_vec();
        assert_eq!(held(LEN), 2);
    }

    #[test]
    fn what_nobody_looks_at_takes_no_memory() {
        let tape = Tape::new();
        let x = tape.variable(&numbers(6));
        let y = chain(x, x);
        assert_eq!(tape.memory().peak, 0);
        let bytes = LEN * 4;
        y.value();
        let _ = y.value().to_vec();
        // The result, and for every thread some tiles.
        assert!(tape.memory().live >= bytes && tape.memory().live < bytes * 9 / 8);
    }

    #[test]
    fn anomalies_are_found_where_they_arise() {
        let tape = Tape::new();
        tape.detect_anomaly(true);
        let x = tape.variable(&numbers(7));
        let error = crate::ops::log(x * 0.0 - 1.0).unwrap_err().to_string();
        assert!(error.starts_with("log "), "{error}");
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let tape = Tape::new();
                let x = tape.variable(&numbers(8));
                let loss = chain(x, x).mean();
                let gradient = loss.backward().get(x).unwrap().clone();
                (loss.item().to_bits(), bits(&gradient))
            })
        };
        assert_eq!(on(1), on(3));
    }
}
