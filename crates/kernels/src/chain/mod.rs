//! Chains of elementwise operations, computed tile by tile: what one operation writes another reads
//! while it is in the first-level cache, and what is not an output never reaches memory.
//!
//! A [`Chain`] is a list of operations, each on arrays, numbers and results of earlier operations.
//! [`Chain::compile`] gives results their places and makes pairs of sums, differences and products
//! one pass; [`Program::run`] goes through all of it for one tile after the other. An element's
//! result has the bits it has when the operations are applied one after the other to whole arrays;
//! where one is NaN so is the other, but sign and payload of a NaN may differ.
//!
//! What does not belong here: the operations, and the choice of those that are computed together.

mod function;
mod pair;
mod program;
#[cfg(test)]
mod tests;

pub use function::{Function1, Function2};
pub use program::Program;

use crate::Element;
use crate::activation::checked;
use crate::elementwise::{Binary, Simple};
use pair::Light;
use program::{Instruction, Kind, Place};

/// The elements of a tile: few enough that two dozen tiles stay in the first-level cache, and
/// enough that the choice of an operation costs nothing measurable.
pub const TILE: usize = 512;

/// The most arrays a chain may read. Indices of places cannot overflow.
const MOST_ARRAYS: usize = 1 << 16;

/// An operand of an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operand<E> {
    /// The elements of the array of this number.
    Array(usize),
    /// One number for all elements.
    Number(E),
    /// The results of the step of this number.
    Step(usize),
}

#[derive(Clone, Copy, Debug)]
enum Function<E> {
    One(Function1<E>),
    Two(Function2),
}

#[derive(Clone, Copy, Debug)]
struct Step<E> {
    function: Function<E>,
    /// The first alone counts where the function takes one.
    operands: [Operand<E>; 2],
}

/// Elementwise operations, each after those it uses.
///
/// ```
/// use wengert_kernels::activation::Activation;
/// use wengert_kernels::chain::{Chain, Operand};
/// use wengert_kernels::elementwise::Binary;
///
/// let mut chain = Chain::new();
/// let sum = chain.zip(Binary::Add, Operand::Array(0), Operand::Number(-1.0));
/// let relu = chain.map(Activation::Relu, Operand::Step(sum));
/// let program = chain.compile(&[relu]);
/// let (mut out, mut scratch) = ([0.0; 3], vec![0.0; program.scratch()]);
/// program.run(&[&[0.5, 1.5, 2.5]], &mut [&mut out], &mut scratch);
/// assert_eq!(out, [0.0, 0.5, 1.5]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Chain<E> {
    steps: Vec<Step<E>>,
}

impl<E: Element> Chain<E> {
    /// Nothing to compute yet.
    pub fn new() -> Self {
        Chain { steps: Vec::new() }
    }

    /// Adds an operation of one operand, and gives its step's number.
    ///
    /// # Panics
    /// If the operand is a step that is not there or an array beyond the 65,536th, or a number of
    /// the activation is outside its domain.
    #[track_caller]
    pub fn map(&mut self, function: impl Into<Function1<E>>, x: Operand<E>) -> usize {
        let function = match function.into() {
            Function1::Activation(act) => Function1::Activation(checked::<E>(act)),
            other => other,
        };
        self.push(Function::One(function), [x; 2])
    }

    /// Adds an operation of two operands, and gives its step's number.
    ///
    /// # Panics
    /// If an operand is a step that is not there or an array beyond the 65,536th, or a number of
    /// the activation is outside its domain.
    #[track_caller]
    pub fn zip(&mut self, function: impl Into<Function2>, a: Operand<E>, b: Operand<E>) -> usize {
        let function = match function.into() {
            Function2::Derivative(act) => Function2::Derivative(checked::<E>(act)),
            other => other,
        };
        self.push(Function::Two(function), [a, b])
    }

    #[track_caller]
    fn push(&mut self, function: Function<E>, operands: [Operand<E>; 2]) -> usize {
        for operand in operands {
            match operand {
                Operand::Step(step) => {
                    let steps = self.steps.len();
                    assert!(step < steps, "an operand is step {step}, there are {steps}");
                }
                Operand::Array(array) => {
                    assert!(
                        array < MOST_ARRAYS,
                        "an operand is array {array}, of {MOST_ARRAYS} at most"
                    );
                }
                Operand::Number(_) => {}
            }
        }
        self.steps.push(Step { function, operands });
        self.steps.len() - 1
    }

    /// The number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The program that computes the results of the steps `outputs`.
    ///
    /// # Panics
    /// If a step is not there, or stands among the outputs twice.
    #[track_caller]
    pub fn compile(&self, outputs: &[usize]) -> Program<E> {
        let steps = self.steps.len();
        let mut output_of = vec![None; steps];
        for (i, &step) in outputs.iter().enumerate() {
            assert!(step < steps, "output {i} is step {step}, there are {steps}");
            assert!(output_of[step].is_none(), "step {step} is an output twice");
            output_of[step] = Some(i);
        }
        let mut places = Places { numbers: Vec::new(), arrays: 0 };
        let mut planned = self.in_pairs(&output_of, &mut places);
        let slots = assign_slots(&mut planned, &output_of, steps);
        Program::new(planned, slots, places.numbers, places.arrays, outputs.len())
    }

    /// The instructions; a result's place is still the number of its step.
    fn in_pairs(&self, output_of: &[Option<usize>], places: &mut Places<E>) -> Vec<Instruction<E>> {
        let mut uses = vec![0_usize; self.steps.len()];
        for step in &self.steps {
            for operand in step.distinct() {
                if let Operand::Step(used) = operand {
                    uses[used] += 1;
                }
            }
        }
        let mut made: Vec<Option<Instruction<E>>> = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            let (kind, operands) = step.kind();
            let mut instruction = Instruction { kind, places: [Place::Step(at); 4] };
            for (place, operand) in instruction.places.iter_mut().zip(operands) {
                *place = places.of(operand);
            }
            // The result of a sum, difference or product that one other alone takes stays in a
            // register.
            for side in 0..2 {
                let (Kind::Light(second), Operand::Step(used)) = (instruction.kind, operands[side])
                else {
                    continue;
                };
                if uses[used] > 1 || output_of[used].is_some() {
                    continue;
                }
                let Some(Instruction { kind: Kind::Light(first), places: inner }) = made[used]
                else {
                    continue;
                };
                let other = instruction.places[1 - side];
                let both = operands[0] == operands[1];
                let placed = pair::Side::new(side, both);
                if !pair::is_pair(first, second, placed) {
                    continue;
                }
                let third = if both { inner[1] } else { other };
                made[used] = None;
                instruction.kind = Kind::Pair(first, second, placed);
                instruction.places = [inner[0], inner[1], third, Place::Step(at)];
            }
            instruction.places[3] = Place::Step(at);
            made.push(Some(instruction));
        }
        made.into_iter().flatten().collect()
    }
}

impl<E: Element> Step<E> {
    fn distinct(&self) -> impl Iterator<Item = Operand<E>> {
        let [a, b] = self.operands;
        [Some(a), (a != b).then_some(b)].into_iter().flatten()
    }

    /// How the step is computed, and its operands: an offset, a scale and a square are sums and
    /// products.
    fn kind(&self) -> (Kind<E>, [Operand<E>; 2]) {
        let [x, _] = self.operands;
        match self.function {
            Function::Two(Function2::Binary(Binary::Add)) => {
                (Kind::Light(Light::Add), self.operands)
            }
            Function::Two(Function2::Binary(Binary::Sub)) => {
                (Kind::Light(Light::Sub), self.operands)
            }
            Function::Two(Function2::Binary(Binary::Mul)) => {
                (Kind::Light(Light::Mul), self.operands)
            }
            Function::Two(Function2::Binary(Binary::MulNoNan)) => {
                (Kind::Light(Light::MulNoNan), self.operands)
            }
            Function::One(Function1::Simple(Simple::Offset(number))) => {
                (Kind::Light(Light::Add), [x, Operand::Number(number)])
            }
            Function::One(Function1::Simple(Simple::Scale(factor))) => {
                (Kind::Light(Light::Mul), [x, Operand::Number(factor)])
            }
            Function::One(Function1::Simple(Simple::Square)) => (Kind::Light(Light::Mul), [x; 2]),
            Function::One(Function1::Simple(Simple::Neg)) => (Kind::Neg, [x; 2]),
            Function::One(function) => (Kind::One(function), [x; 2]),
            Function::Two(function) => (Kind::Two(function), self.operands),
        }
    }
}

/// The numbers and arrays operands are.
struct Places<E> {
    numbers: Vec<E>,
    arrays: usize,
}

impl<E: Element> Places<E> {
    fn of(&mut self, operand: Operand<E>) -> Place {
        match operand {
            Operand::Step(step) => Place::Step(step),
            Operand::Array(array) => {
                self.arrays = self.arrays.max(array + 1);
                Place::Array(array)
            }
            Operand::Number(number) => {
                // Zeros of either sign are different numbers.
                let same = |other: &E| other.to_f64().to_bits() == number.to_f64().to_bits();
                let at = self.numbers.iter().position(same).unwrap_or_else(|| {
                    self.numbers.push(number);
                    self.numbers.len() - 1
                });
                Place::Number(at)
            }
        }
    }
}

/// Gives each result an output or a tile whose contents are no longer needed, and counts the tiles.
fn assign_slots<E>(
    instructions: &mut [Instruction<E>],
    output_of: &[Option<usize>],
    steps: usize,
) -> usize {
    let mut last_use = vec![usize::MAX; steps];
    for (at, instruction) in instructions.iter().enumerate() {
        for place in &instruction.places[..3] {
            if let Place::Step(step) = *place
                && *place != instruction.places[3]
            {
                last_use[step] = at;
            }
        }
    }
    let mut place_of = vec![Place::Step(usize::MAX); steps];
    let (mut free, mut slots) = (Vec::new(), 0);
    for (at, instruction) in instructions.iter_mut().enumerate() {
        let Place::Step(step) = instruction.places[3] else { unreachable!("a result is a step's") };
        let own = if let Some(output) = output_of[step] {
            Place::Output(output)
        } else {
            Place::Tile(free.pop().unwrap_or_else(|| {
                slots += 1;
                slots - 1
            }))
        };
        place_of[step] = own;
        for i in 0..3 {
            let Place::Step(used) = instruction.places[i] else { continue };
            // In place of an operand that the function does not have stands its own result.
            if used == step {
                instruction.places[i] = own;
                continue;
            }
            instruction.places[i] = place_of[used];
            if last_use[used] == at {
                // Once, though it be two operands.
                last_use[used] = usize::MAX;
                if let Place::Tile(slot) = place_of[used] {
                    free.push(slot);
                }
            }
        }
        instruction.places[3] = own;
        // No step reads it, and it is no output.
        if last_use[step] == usize::MAX
            && let Place::Tile(slot) = own
        {
            free.push(slot);
        }
    }
    slots
}
