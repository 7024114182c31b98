//! Reverse mode: the walk back over the tape.
//!
//! Everything a rule need not care about is here: the order, skipping what is zero or what nobody
//! asked for, undoing broadcasts, adding up cotangents, freeing what a rule made.

use wengert_kernels::{Element, elementwise};

use crate::error::{Error, Result, expect};
use crate::few::Few;
use crate::gradients::{Entry, Gradients};
use crate::op::{Vjp, eval};
use crate::ops::{self, add::Add};
use crate::shape::Shape;
use crate::tape::{Rule, Tape, Var};
use crate::tensor::Tensor;

/// The cotangent gathered for a node so far.
#[derive(Clone, Debug)]
enum Slot<E: Element> {
    /// A value: nothing is recorded.
    Value(Tensor<E>),
    /// A place on the tape: the gradient is to be differentiated again.
    Node(u32),
}

/// What the walk has found out about a node.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// A wanted node is among its ancestors, or it is one.
    depends: bool,
    /// The outputs depend on it.
    reached: bool,
    wanted: bool,
}

/// Vectors that are used again by the next walk.
#[derive(Debug)]
pub(crate) struct Scratch<E: Element> {
    slots: Vec<Option<Slot<E>>>,
    marks: Vec<Mark>,
    passed: Vec<Option<Slot<E>>>,
    pub(crate) entries: Vec<Entry<E>>,
}

impl<E: Element> Default for Scratch<E> {
    fn default() -> Self {
        Scratch { slots: Vec::new(), marks: Vec::new(), passed: Vec::new(), entries: Vec::new() }
    }
}

/// Which nodes a gradient is wanted for.
enum Wanted<'a> {
    /// All leaves that require one.
    Leaves,
    /// These.
    These(&'a [u32]),
}

/// The state of one walk.
struct Walk<'t, E: Element> {
    tape: &'t Tape<E>,
    graph: bool,
    slots: Vec<Option<Slot<E>>>,
    marks: Vec<Mark>,
    /// What one rule passes to its operands.
    passed: Vec<Option<Slot<E>>>,
}

impl<'t, E: Element> Walk<'t, E> {
    /// Walks back from `outputs`, each with its cotangent. Afterwards the slots of wanted nodes
    /// hold their gradients.
    fn run(
        tape: &'t Tape<E>,
        outputs: &[(Var<'t, E>, Var<'t, E>)],
        wanted: &Wanted<'_>,
        graph: bool,
    ) -> Result<Self> {
        let top = outputs.iter().map(|(y, _)| y.index() as usize + 1).max().unwrap_or(0);
        let mut scratch = tape.scratch.take();
        scratch.slots.clear();
        scratch.slots.resize_with(top, || None);
        scratch.marks.clear();
        scratch.marks.resize(top, Mark::default());
        let Scratch { slots, marks, passed, entries } = scratch;
        tape.scratch.borrow_mut().entries = entries;
        let mut walk = Walk { tape, graph, slots, marks, passed };
        walk.mark(wanted);
        for &(y, cotangent) in outputs {
            let index = y.index() as usize;
            walk.marks[index].reached = true;
            if walk.marks[index].depends {
                let slot = walk.slot(cotangent)?;
                walk.accumulate(index, slot)?;
            }
        }
        for index in (0..top).rev() {
            let mark = walk.marks[index];
            if mark.reached && mark.depends {
                walk.visit(index)?;
            }
        }
        Ok(walk)
    }

    /// Marks the wanted nodes and all that depends on them.
    fn mark(&mut self, wanted: &Wanted<'_>) {
        let nodes = self.tape.nodes();
        match wanted {
            Wanted::Leaves => {
                for (mark, node) in self.marks.iter_mut().zip(nodes.iter()) {
                    mark.depends = node.requires_grad;
                    mark.wanted = node.requires_grad && node.rule.is_none();
                }
            }
            Wanted::These(list) => {
                for &index in *list {
                    // A wanted node behind the outputs is not reached, and has no mark.
                    if let Some(mark) = self.marks.get_mut(index as usize) {
                        *mark = Mark { depends: true, wanted: true, reached: false };
                    }
                }
                for index in 0..self.marks.len() {
                    if let Some(rule) = &nodes[index].rule {
                        let depends = rule.inputs.iter().any(|&i| self.marks[i as usize].depends);
                        self.marks[index].depends |= depends;
                    }
                }
            }
        }
    }

    fn slot(&self, cotangent: Var<'t, E>) -> Result<Slot<E>> {
        if self.graph {
            Ok(Slot::Node(cotangent.index()))
        } else {
            cotangent.try_value().map(Slot::Value)
        }
    }

    /// Passes a node's cotangent on to its operands.
    fn visit(&mut self, index: usize) -> Result<()> {
        let Some(rule) = Borrowed::take(self.tape, index) else { return Ok(()) };
        let inputs = &rule.get().inputs;
        let mut needs = Few::repeat(false, inputs.len());
        let mut any = false;
        for (&input, needed) in inputs.iter().zip(needs.iter_mut()) {
            let mark = &mut self.marks[input as usize];
            *needed = mark.depends;
            mark.reached |= mark.depends;
            any |= mark.depends;
        }
        if !any {
            return Ok(());
        }
        // A wanted node in the middle keeps its own.
        let slot = if self.marks[index].wanted {
            self.slots[index].clone()
        } else {
            self.slots[index].take()
        };
        // Nothing arrived: the cotangent is zero, and so is all behind it.
        let Some(slot) = slot else { return Ok(()) };
        let mark = self.tape.len();
        let passed = self.pass(index, rule.get(), slot, &needs);
        if !self.graph {
            // What the rule made is freed before anything is added up, so that sums can be formed
            // in place.
            self.tape.truncate(mark);
        }
        passed?;
        for (place, &input) in inputs.iter().enumerate() {
            if let Some(slot) = self.passed[place].take() {
                self.accumulate(input as usize, slot)?;
            }
        }
        Ok(())
    }

    /// Runs a rule and brings each cotangent to its operand's shape, in `passed`.
    fn pass(&mut self, index: usize, rule: &Rule<E>, slot: Slot<E>, needs: &[bool]) -> Result<()> {
        let tape = self.tape;
        let gy = match slot {
            Slot::Value(value) => tape.push(value, None, false),
            Slot::Node(index) => tape.var(index),
        };
        let inputs = &rule.inputs;
        let node =
            Vjp { inputs, output: index as u32, gy, saved: &rule.saved, needs, graph: self.graph };
        let op = rule.op.name();
        let cotangents = tape.with_recording(self.graph, || rule.op.vjp(&node))?;
        if cotangents.len() != inputs.len() {
            return Err(Error::Argument {
                op,
                message: format!(
                    "its vector-Jacobian product returned {} cotangents for {} operands; return one each",
                    cotangents.len(),
                    inputs.len()
                ),
            });
        }
        self.passed.clear();
        for ((&cotangent, &input), &needed) in cotangents.iter().zip(inputs.iter()).zip(needs) {
            let slot = match cotangent {
                Some(cotangent) if needed => {
                    let input = tape.var(input);
                    let fitted = tape.with_recording(self.graph, || fit(op, cotangent, input))?;
                    Some(self.slot(fitted)?)
                }
                _ => None,
            };
            self.passed.push(slot);
        }
        Ok(())
    }

    fn accumulate(&mut self, index: usize, new: Slot<E>) -> Result<()> {
        let slot = &mut self.slots[index];
        *slot = Some(match (slot.take(), new) {
            (Some(Slot::Value(sum)), Slot::Value(new)) => Slot::Value(add_values(sum, &new)?),
            (Some(Slot::Node(sum)), Slot::Node(new)) => {
                let tape = self.tape;
                let (sum, new) = (tape.var(sum), tape.var(new));
                Slot::Node(tape.with_recording(true, || ops::add(sum, new))?.index())
            }
            // Nothing yet; a walk makes slots of one kind only.
            (_, new) => new,
        });
        Ok(())
    }
}

impl<E: Element> Drop for Walk<'_, E> {
    fn drop(&mut self) {
        self.slots.clear();
        self.passed.clear();
        if let Ok(mut scratch) = self.tape.scratch.try_borrow_mut() {
            scratch.slots = std::mem::take(&mut self.slots);
            scratch.marks = std::mem::take(&mut self.marks);
            scratch.passed = std::mem::take(&mut self.passed);
        }
    }
}

/// A node's rule, taken off the tape while it runs and put back also if it panics.
struct Borrowed<'t, E: Element> {
    tape: &'t Tape<E>,
    index: usize,
    rule: Option<Box<Rule<E>>>,
}

impl<'t, E: Element> Borrowed<'t, E> {
    fn take(tape: &'t Tape<E>, index: usize) -> Option<Self> {
        let rule = tape.take_rule(index)?;
        Some(Borrowed { tape, index, rule: Some(rule) })
    }

    fn get(&self) -> &Rule<E> {
        self.rule.as_ref().expect("the rule is held until it is dropped")
    }
}

impl<E: Element> Drop for Borrowed<'_, E> {
    fn drop(&mut self) {
        if let Some(rule) = self.rule.take() {
            self.tape.put_rule(self.index, rule);
        }
    }
}

/// Sums a cotangent of a broadcast shape to its operand's.
fn fit<'t, E: Element>(
    op: &'static str,
    cotangent: Var<'t, E>,
    input: Var<'t, E>,
) -> Result<Var<'t, E>> {
    let (got, expected) = {
        let nodes = cotangent.tape().nodes();
        let got = cotangent.node(&nodes, op)?.value(op)?.shape();
        let expected = input.node(&nodes, op)?.value(op)?.shape();
        if got == expected {
            return Ok(cotangent);
        }
        (got.clone(), expected.clone())
    };
    if expected.broadcasts_to(&got) {
        ops::sum_to(cotangent, expected)
    } else {
        let expected = format!(
            "a cotangent of its operand's shape {expected} from its vector-Jacobian product"
        );
        Err(Error::Shapes { op, expected, got: vec![got] })
    }
}

/// The sum of two tensors of one shape, in the first one's buffer if nobody shares it.
fn add_values<E: Element>(mut sum: Tensor<E>, new: &Tensor<E>) -> Result<Tensor<E>> {
    if sum.is_unique() && sum.is_contiguous() {
        let new = new.contiguous();
        elementwise::add_assign(sum.as_mut_slice(), new.as_slice().expect("made contiguous"));
        Ok(sum)
    } else {
        eval(&Add, &[&sum, new])
    }
}

/// Zeros of any shape in one element.
fn zeros<E: Element>(shape: &Shape) -> Result<Tensor<E>> {
    Tensor::scalar(E::ZERO).try_broadcast_to(shape.clone())
}

impl<'t, E: Element> Var<'t, E> {
    /// The gradients of this single number with respect to all leaves it depends on.
    ///
    /// The tape stays as it is: values can still be read, and another output differentiated.
    ///
    /// ```
    /// use wengert_autodiff::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.variable(&Tensor::from_slice(&[1.0_f64, 2.0], [2])?);
    /// let gradients = (x * x).sum().backward();
    /// assert_eq!(gradients.get(x).unwrap().to_vec(), [2.0, 4.0]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotScalar`] if it is not a single number, [`Error::NoGradient`] if it depends on
    /// no leaf that requires a gradient, and those of the operations' rules.
    pub fn try_backward(self) -> Result<Gradients<'t, E>> {
        let shape = self.shape();
        if shape.numel() != 1 {
            return Err(Error::NotScalar { op: "backward", shape });
        }
        if !self.requires_grad() {
            let reason = "the output depends on no variable or parameter (only on constants, or on \
                          what was computed without recording)";
            return Err(Error::NoGradient { reason });
        }
        let tape = self.tape();
        let mark = tape.len();
        let seed = tape.push(ones(&shape)?, None, false);
        let walk = Walk::run(tape, &[(self, seed)], &Wanted::Leaves, false);
        tape.truncate(mark);
        let mut walk = walk?;
        let mut entries = std::mem::take(&mut tape.scratch.borrow_mut().entries);
        entries.clear();
        for leaf in 0..walk.marks.len() {
            if walk.marks[leaf].wanted && walk.marks[leaf].reached {
                let gradient = match walk.slots[leaf].take() {
                    Some(Slot::Value(value)) => value,
                    _ => zeros(&tape.var(leaf as u32).shape())?,
                };
                entries.push(Entry { leaf: leaf as u32, gradient });
            }
        }
        Ok(Gradients { tape, entries })
    }

    /// The gradients of this single number. See [`try_backward`](Self::try_backward).
    ///
    /// # Panics
    /// If it is not a single number or depends on no leaf that requires a gradient.
    #[track_caller]
    pub fn backward(self) -> Gradients<'t, E> {
        expect(self.try_backward())
    }
}

/// Ones of any shape in one element.
fn ones<E: Element>(shape: &Shape) -> Result<Tensor<E>> {
    Tensor::scalar(E::ONE).try_broadcast_to(shape.clone())
}

/// Whether a gradient is itself to be differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateGraph {
    /// The gradients are constants.
    No,
    /// The gradients are recorded, and have gradients of their own.
    Yes,
}

/// The gradients of `outputs` with respect to `inputs`, any variables of the tape, as variables:
/// `sum_i cotangents[i] . d outputs[i] / d inputs[j]`.
///
/// A `None` among the results says that no output depends on that input; a gradient that is zero
/// is a variable full of zeros.
///
/// ```
/// use wengert_autodiff::{CreateGraph, Tape, Tensor, grad};
/// let tape = Tape::new();
/// let x = tape.variable(&Tensor::scalar(2.0_f64));
/// let y = x * x * x;
/// let one = tape.constant(&Tensor::scalar(1.0));
/// let dy = grad(&[y], &[one], &[x], CreateGraph::Yes)?[0].unwrap();
/// assert_eq!(dy.item(), 12.0);
/// assert_eq!(dy.backward().get(x).unwrap().item(), 12.0); // 6 x
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shapes`] if a cotangent has not its output's shape or their numbers differ,
/// [`Error::NoGradient`] if an input is a constant, [`Error::DifferentTapes`], and those of the
/// operations' rules.
pub fn grad<'t, E: Element>(
    outputs: &[Var<'t, E>],
    cotangents: &[Var<'t, E>],
    inputs: &[Var<'t, E>],
    create_graph: CreateGraph,
) -> Result<Vec<Option<Var<'t, E>>>> {
    let op = "grad";
    let shapes = |vars: &[Var<'t, E>]| vars.iter().map(|var| var.shape()).collect::<Vec<_>>();
    if shapes(outputs) != shapes(cotangents) {
        let expected = format!("cotangents of the outputs' shapes {:?}", shapes(outputs));
        return Err(Error::Shapes { op, expected, got: shapes(cotangents) });
    }
    let Some(tape) = outputs.first().map(|y| y.tape()) else { return Ok(vec![None; inputs.len()]) };
    let all = outputs.iter().chain(cotangents).chain(inputs);
    if !all.into_iter().all(|var| std::ptr::eq(var.tape(), tape)) {
        return Err(Error::DifferentTapes { op });
    }
    if !inputs.iter().all(|x| x.requires_grad()) {
        let reason = "an input is a constant (or was computed without recording); make it a \
                      variable to have its gradient";
        return Err(Error::NoGradient { reason });
    }
    let graph = create_graph == CreateGraph::Yes;
    let pairs: Vec<_> = outputs.iter().copied().zip(cotangents.iter().copied()).collect();
    let wanted: Vec<u32> = inputs.iter().map(|x| x.index()).collect();
    let walk = Walk::run(tape, &pairs, &Wanted::These(&wanted), graph)?;
    inputs
        .iter()
        .map(|x| {
            let index = x.index() as usize;
            if !walk.marks.get(index).is_some_and(|mark| mark.reached) {
                return Ok(None);
            }
            Ok(Some(match walk.slots[index].clone() {
                Some(Slot::Node(index)) => tape.var(index),
                Some(Slot::Value(value)) => tape.push(value, None, false),
                None => tape.push(zeros(&x.shape())?, None, false),
            }))
        })
        .collect()
}

impl<'t, E: Element> Var<'t, E> {
    /// The gradient of this single number with respect to `x`, recorded so that it can be
    /// differentiated again; `None` if it does not depend on `x`. See [`grad`].
    ///
    /// # Errors
    /// [`Error::NotScalar`], and those of [`grad`].
    pub fn grad(self, x: Var<'t, E>) -> Result<Option<Var<'t, E>>> {
        let shape = self.shape();
        if shape.numel() != 1 {
            return Err(Error::NotScalar { op: "grad", shape });
        }
        let seed = self.tape().push(ones(&shape)?, None, false);
        Ok(grad(&[self], &[seed], &[x], CreateGraph::Yes)?[0])
    }
}
