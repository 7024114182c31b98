//! Instructions, and how they are run.

use super::TILE;
use super::function::{Function1, Function2};
use super::pair::{self, Light, Side};
use crate::Element;
use crate::activation::{Activation, Backward, Forward, Relu, Times};
use crate::elementwise::{Neg, Run};
use crate::simd::{Kernel, Level, Simd, run_on};
use crate::slices::{Map, Shared, Source, Zip, check_len};
use crate::vectors::prefetch;

/// The bytes of a cache line.
const LINE: usize = 64;

/// The most cache lines that are prefetched for an instruction.
const MOST_LINES: usize = 8;

/// How an instruction computes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<E> {
    Light(Light),
    Pair(Light, Light, Side),
    Neg,
    One(Function1<E>),
    Two(Function2),
}

/// Where elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tile(usize),
    Number(usize),
    Array(usize),
    Output(usize),
    /// The result of a step, before it is assigned a place.
    Step(usize),
}

/// Up to three operands' places, and the result's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction<E> {
    pub(super) kind: Kind<E>,
    pub(super) places: [Place; 4],
}

/// A compiled [`Chain`](super::Chain).
#[derive(Clone, Debug)]
pub struct Program<E> {
    /// How each instruction computes, and the numbers of its places: tiles, then numbers, arrays
    /// and outputs.
    instructions: Vec<(Kind<E>, [usize; 4])>,
    tiles: usize,
    numbers: Vec<E>,
    arrays: usize,
    outputs: usize,
}

impl<E: Element> Program<E> {
    pub(super) fn new(
        instructions: Vec<Instruction<E>>,
        tiles: usize,
        numbers: Vec<E>,
        arrays: usize,
        outputs: usize,
    ) -> Self {
        let number_of = |place| match place {
            Place::Tile(tile) => tile,
            Place::Number(number) => tiles + number,
            Place::Array(array) => tiles + numbers.len() + array,
            Place::Output(output) => tiles + numbers.len() + arrays + output,
            Place::Step(step) => unreachable!("step {step} was given a place"),
        };
        let instructions = instructions.into_iter();
        let instructions = instructions.map(|i| (i.kind, i.places.map(number_of))).collect();
        Program { instructions, tiles, numbers, arrays, outputs }
    }

    /// The number of arrays it reads.
    pub fn arrays(&self) -> usize {
        self.arrays
    }

    /// The number of elements of scratch memory it needs.
    pub fn scratch(&self) -> usize {
        (self.tiles + self.numbers.len()) * TILE
    }

    /// Computes the outputs from the arrays. `scratch` may hold anything before, and holds nothing
    /// of use afterwards.
    ///
    /// # Panics
    /// If there are fewer arrays than it reads or another number of outputs, if their lengths
    /// differ, or if the scratch memory is shorter than [`scratch`](Self::scratch).
    #[track_caller]
    pub fn run(&self, arrays: &[&[E]], outputs: &mut [&mut [E]], scratch: &mut [E]) {
        let Self { tiles, ref numbers, .. } = *self;
        assert!(
            arrays.len() >= self.arrays && outputs.len() == self.outputs,
            "the program reads {} arrays and has {} outputs, it was given {} and {}",
            self.arrays,
            self.outputs,
            arrays.len(),
            outputs.len()
        );
        let len = outputs.first().map_or(0, |output| output.len());
        for array in &arrays[..self.arrays] {
            check_len("array", array.len(), len);
        }
        for output in outputs.iter() {
            check_len("output", output.len(), len);
        }
        let needed = self.scratch();
        assert!(scratch.len() >= needed, "scratch of {needed} elements, not {}", scratch.len());
        // Of no steps, or of no elements.
        if len == 0 {
            return;
        }
        for (part, &number) in scratch[tiles * TILE..].chunks_exact_mut(TILE).zip(numbers) {
            part.fill(number);
        }
        let shared = Shared::new(scratch);
        let inner = (0..tiles + numbers.len()).map(|i| {
            // SAFETY: the scratch memory has `TILE` elements for each.
            unsafe { shared.at(i * TILE) }
        });
        let arrays = arrays[..self.arrays].iter().map(|array| array.as_ptr().cast_mut());
        let outputs = outputs.iter_mut().map(|output| output.as_mut_ptr());
        let mut places: Vec<*mut E> = inner.chain(arrays).chain(outputs).collect();
        // SAFETY: the scratch memory's places have `TILE` elements, and `check_len` found `len` in
        // arrays and outputs, which are borrowed for this call.
        run_on(Level::current(), unsafe { Tiles::new(self, &mut places, len) });
    }
}

/// All instructions for one tile after the other.
struct Tiles<'a, E> {
    program: &'a Program<E>,
    /// Where each place's elements are: those of arrays and outputs move from tile to tile.
    places: &'a mut [*mut E],
    len: usize,
}

impl<'a, E> Tiles<'a, E> {
    /// All instructions for `len` elements.
    ///
    /// # Safety
    /// While they run, `TILE` elements must be readable and writable at each of the program's inner
    /// places, `len` readable at each array and writable at each output, by this thread alone.
    unsafe fn new(program: &'a Program<E>, places: &'a mut [*mut E], len: usize) -> Self {
        Self { program, places, len }
    }
}

impl<E: Element> Kernel for Tiles<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { program, places, len } = self;
        let fixed = program.tiles + program.numbers.len();
        // The hardware prefetcher loses the arrays between two tiles. The next tile is prefetched a
        // few at a time, as the processor has few requests for cache lines; a short program leaves
        // no time for it.
        let lines = TILE * size_of::<E>() / LINE;
        let share = ((places.len() - fixed) * lines).div_ceil(program.instructions.len());
        let share = if share <= MOST_LINES { share } else { 0 };
        let mut start = 0;
        while start < len {
            let count = TILE.min(len - start);
            let mut next = 0;
            for &(kind, numbers) in &program.instructions {
                for _ in 0..share {
                    if let Some(place) = places.get(fixed + next / lines) {
                        prefetch(
                            place.wrapping_byte_add(TILE * size_of::<E>() + next % lines * LINE),
                        );
                    }
                    next += 1;
                }
                let [a, b, c, out] = numbers.map(|i| places[i]);
                // SAFETY: each place has `count` elements by `new`, from a tile's first or `start`
                // on. A result's place is no operand's, no array is written to, and outputs are no
                // arrays.
                unsafe {
                    match kind {
                        Kind::Light(f) => {
                            pair::light(simd, f, [a, b].map(<*mut E>::cast_const), out, count);
                        }
                        Kind::Pair(f, g, side) => {
                            let operands = [a, b, c].map(<*mut E>::cast_const);
                            pair::pair(simd, (f, g, side), operands, out, count);
                        }
                        Kind::Neg => {
                            simd.vectorize(Map::new(Neg, Source::at_ptr(a), out, count));
                        }
                        Kind::One(f) => one(simd, f, a, out, count),
                        Kind::Two(f) => two(simd, f, [a, b], out, count),
                    }
                }
            }
            start += count;
            for place in &mut places[fixed..] {
                // SAFETY: `start + count <= len`, the number of elements there by `new`.
                *place = unsafe { place.add(count) };
            }
        }
    }
}

/// `out = f(x)`.
///
/// # Safety
/// `len` elements must be readable at `x` and writable at `out`, and must not overlap.
#[inline(always)]
unsafe fn one<E: Element, S: Simd>(simd: S, f: Function1<E>, x: *const E, out: *mut E, len: usize) {
    if let Function1::Activation(act) = f {
        // The call of another activation costs as much as some vectors, so relu is called directly.
        let x = Source::at_ptr(x);
        // SAFETY: the contract of this function is that of both.
        return unsafe {
            match act {
                Activation::Relu => simd.vectorize(Map::new(Relu, x, out, len)),
                _ => run_on(S::LEVEL, Forward::new(act, x, out, len)),
            }
        };
    }
    // SAFETY: `len` elements follow each pointer, by this function's contract.
    let (x, out) = unsafe { (slice(x, len), std::slice::from_raw_parts_mut(out, len)) };
    f.apply(x, out);
}

/// `out = f(a, b)`.
///
/// # Safety
/// `len` elements must be readable at each operand and writable at `out`, which must not overlap
/// one.
#[inline(always)]
unsafe fn two<E: Element, S: Simd>(
    simd: S,
    f: Function2,
    [a, b]: [*mut E; 2],
    out: *mut E,
    len: usize,
) {
    if let Function2::Derivative(act) = f {
        let (gy, saved) = (Source::at_ptr(a), Source::at_ptr(b));
        // SAFETY: the contract of this function is that of both.
        return unsafe {
            match act {
                Activation::Relu => simd.vectorize(Zip::new(Times(Relu), gy, saved, out, len)),
                _ => run_on(S::LEVEL, Backward::new(act, gy, saved, out, len)),
            }
        };
    }
    // SAFETY: `len` elements follow each pointer, by this function's contract.
    let (a, b, out) =
        unsafe { (slice(a, len), slice(b, len), std::slice::from_raw_parts_mut(out, len)) };
    f.apply(Run::Slice(a), Run::Slice(b), out);
}

/// # Safety
/// `len` elements must be readable at the pointer, and must not be written for `'a`.
unsafe fn slice<'a, E>(x: *const E, len: usize) -> &'a [E] {
    // SAFETY: `len` elements follow each pointer, by this function's contract.
    unsafe { std::slice::from_raw_parts(x, len) }
}
