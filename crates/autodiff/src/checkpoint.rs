//! [`checkpoint`]: less memory for more time. The tape keeps the operations of a closure, but not
//! their values, which the backward pass computes again.
//!
//! The closure runs once. The operations that it recorded are removed from the tape with their
//! values and replaced by a single operation. The operands of this operation are all values that
//! the closure read from outside: the variables passed to it, those it captured, and the parameters
//! it put on the tape. The closure may therefore borrow anything, and its side effects (random
//! draws, running averages) happen once.
//!
//! T. Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174, 2016: a chain
//! of `n` steps in `sqrt n` checkpoints of `sqrt n` steps each keeps about `2 sqrt n` values.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use smallvec::SmallVec;
use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::eval::evaluate;
use crate::forward::Context;
use crate::hook::Hook;
use crate::op::{Composition, Cotangents, Forward, Op, Vjp};
use crate::parameter::ParameterId;
use crate::shape::Shape;
use crate::tape::cut::Cut;
use crate::tape::{Recording, Rule, Tape, with};
use crate::tensor::Tensor;
use crate::var::Var;

/// The operations of a closure. They refer to values by their position in a list: the operands,
/// then the constants, then the result of each step. The inputs of a step's rule are such
/// positions.
struct Checkpoint<E: Element> {
    /// Whether a gradient flows from the result to each operand.
    flows: Vec<bool>,
    /// The values that the steps read and that depend on no operand.
    constants: Vec<Tensor<E>>,
    /// The operations in order; the last one gives the result.
    steps: Vec<RecordedOp<E>>,
    shape: Shape,
}

/// One operation of a closure.
struct RecordedOp<E: Element> {
    rule: Arc<Rule<E>>,
    /// Whether a gradient flows through the operation.
    requires_grad: bool,
    recorded_at: &'static Location<'static>,
    hooks: Vec<Hook<E>>,
}

impl<E: Element> fmt::Debug for Checkpoint<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint of {} operations", self.steps.len())
    }
}

impl<E: Element> Op<E> for Checkpoint<E> {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn arity(&self) -> Option<usize> {
        Some(self.flows.len())
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape> {
        Ok(self.shape.clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let context = ctx.context();
        let mut values: Vec<Tensor<E>> = inputs.iter().map(|&x| x.clone()).collect();
        values.extend(self.constants.iter().cloned());
        for step in &self.steps {
            let mut value = None;
            {
                let places = step.rule.inputs.iter();
                let operands: SmallVec<[&Tensor<E>; 4]> =
                    places.map(|&place| &values[place as usize]).collect();
                let anomaly = context.anomaly.map(|_| step.recorded_at);
                let context = Context { anomaly, ..context };
                evaluate(&step.rule.op, &operands, context, &mut Vec::new(), &mut value)?;
            }
            values.extend(value);
        }
        Ok(values.pop().expect("there is a step, and each has given a value"))
    }

    fn vjp<'t>(&self, _: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        unreachable!("the backward pass differentiates the composition")
    }

    fn reads_index(&self, i: usize) -> bool {
        !self.flows[i]
    }

    fn composition(&self) -> Option<&dyn Composition<E>> {
        Some(self)
    }
}

impl<E: Element> Composition<E> for Checkpoint<E> {
    fn record<'t>(&self, inputs: &[Var<'t, E>]) -> Result<Var<'t, E>> {
        let tape = inputs[0].tape();
        let mut values = inputs.to_vec();
        values.extend(self.constants.iter().map(|constant| tape.constant(constant)));
        for step in &self.steps {
            let places = step.rule.inputs.iter();
            let operands: SmallVec<[Var<'t, E>; 4]> =
                places.map(|&place| values[place as usize]).collect();
            let apply = || tape.apply(Again(Arc::clone(&step.rule)), &operands);
            let value = with(&tape.on_behalf_of, Some(step.recorded_at), || {
                if step.requires_grad { apply() } else { tape.no_grad(apply) }
            })?;
            for hook in &step.hooks {
                tape.hooks.borrow_mut().push(value.index(), Arc::clone(hook));
            }
            values.push(value);
        }
        Ok(values.pop().expect("there is a step"))
    }
}

/// An operation of a checkpoint that is recorded again in the backward pass.
#[derive(Debug)]
struct Again<E: Element>(Arc<Rule<E>>);

impl<E: Element> Op<E> for Again<E> {
    fn name(&self) -> &'static str {
        self.0.op.name()
    }

    fn arity(&self) -> Option<usize> {
        self.0.op.arity()
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.0.op.shape(inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        self.0.op.forward(inputs, ctx)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        self.0.op.vjp(node)
    }

    fn reads_index(&self, i: usize) -> bool {
        self.0.op.reads_index(i)
    }

    fn composition(&self) -> Option<&dyn Composition<E>> {
        self.0.op.composition()
    }
}

/// The part of the tape that a closure records. Dropping the value removes that part.
struct Segment<'t, E: Element> {
    tape: &'t Tape<E>,
    start: usize,
    /// Whether this segment is inside the closure of another checkpoint.
    outer: bool,
}

/// A leaf that was recorded in a segment. It stays on the tape.
struct Leaf<E: Element> {
    place: u32,
    value: Option<Tensor<E>>,
    hooks: Vec<Hook<E>>,
}

/// A segment as one operation.
struct CutOut<E: Element> {
    operands: Vec<u32>,
    op: Checkpoint<E>,
    value: Option<Tensor<E>>,
    requires_grad: bool,
    /// Whether the value was computed from a variable that requires a gradient, without recording.
    cut: bool,
}

impl<E: Element> Drop for Segment<'_, E> {
    fn drop(&mut self) {
        self.tape.segment.set(self.outer);
        if let Some(&(_, place)) = self.take_asked().first() {
            let first = self.tape.parameters.borrow_mut().truncate(place);
            self.tape.forget_lent(first);
        }
        self.tape.truncate(self.start);
    }
}

impl<'t, E: Element> Segment<'t, E> {
    fn begin(tape: &'t Tape<E>) -> Self {
        Segment { tape, start: tape.len(), outer: tape.segment.replace(true) }
    }

    /// Removes and returns the parameters that were put on the tape in the segment.
    fn take_asked(&self) -> Vec<(ParameterId, u32)> {
        let mut asked = self.tape.asked.borrow_mut();
        let first = asked.partition_point(|&(_, place)| (place as usize) < self.start);
        asked.split_off(first)
    }

    /// Replaces the segment on the tape by a single operation, whose value is that of `y`.
    #[track_caller]
    fn end(self, y: Var<'t, E>) -> Result<Var<'t, E>> {
        let tape = self.tape;
        y.try_value()?;
        let (start, place) = (self.start, y.index() as usize);
        let inner = place >= start && !tape.nodes()[place].is_leaf();
        let leaves = self.leaves();
        let cut_out = if inner { Some(self.cut_out(place)?) } else { None };
        let asked = self.take_asked();
        drop(self);
        let moved = |old: u32| {
            let at = leaves.iter().position(|leaf| leaf.place == old);
            at.map_or(old, |at| (start + at) as u32)
        };
        for (id, old) in asked {
            tape.parameters.borrow_mut().moved(old, moved(old));
            if tape.segment.get() {
                tape.asked.borrow_mut().push((id, moved(old)));
            }
        }
        let result = moved(y.index());
        for mut leaf in leaves {
            let var = tape.push_from(&mut leaf.value, None, true);
            for hook in leaf.hooks {
                tape.hooks.borrow_mut().push(var.index(), hook);
            }
        }
        Ok(match cut_out {
            Some(cut_out) => cut_out.push(tape),
            None => tape.var(result),
        })
    }

    /// The leaves in the segment, whose values are taken off the tape. They will be the first nodes
    /// of the replacement.
    fn leaves(&self) -> Vec<Leaf<E>> {
        let (mut nodes, hooks) = (self.tape.nodes_mut(), self.tape.hooks.borrow());
        let segment = nodes.iter_mut().enumerate().skip(self.start);
        segment
            .filter(|(_, node)| node.is_leaf())
            .map(|(place, node)| Leaf {
                place: place as u32,
                value: node.value.take(),
                hooks: hooks.of(place),
            })
            .collect()
    }

    /// The operations that the node at `place` depends on, and its value.
    fn cut_out(&self, place: usize) -> Result<CutOut<E>> {
        let start = self.start;
        let (mut nodes, hooks) = (self.tape.nodes_mut(), self.tape.hooks.borrow());
        let segment = &mut nodes[start..=place];

        // The nodes that the result depends on, and the nodes that a gradient flows to.
        let (mut needed, mut flows) = (vec![false; segment.len()], vec![false; segment.len()]);
        let mut outside: BTreeMap<u32, bool> = BTreeMap::new();
        (needed[place - start], flows[place - start]) = (true, true);
        for (i, node) in segment.iter().enumerate().rev() {
            let Some(rule) = node.rule.as_ref().filter(|_| needed[i]) else { continue };
            for (at, &input) in rule.inputs.iter().enumerate() {
                let flow = flows[i] && node.requires_grad && !rule.op.reads_index(at);
                if let Some(input) = (input as usize).checked_sub(start) {
                    needed[input] = true;
                    flows[input] |= flow;
                } else {
                    *outside.entry(input).or_default() |= flow;
                }
            }
        }

        // The operands are the first values of the list, in the order in which they will be on the
        // tape.
        let mut operands: Vec<u32> = outside.keys().copied().collect();
        let mut flow: Vec<bool> = outside.values().copied().collect();
        let mut places = vec![0; segment.len()];
        let leaves = segment.iter().enumerate().filter(|(_, node)| node.is_leaf());
        for (new, (i, _)) in leaves.enumerate().filter(|(_, (i, _))| needed[*i]) {
            places[i] = operands.len() as u32;
            operands.push((start + new) as u32);
            flow.push(flows[i]);
        }
        let mut constants = Vec::new();
        for (i, node) in segment.iter().enumerate() {
            if needed[i] && node.rule.is_none() && !node.is_leaf() {
                places[i] = (operands.len() + constants.len()) as u32;
                constants.push(node.value("checkpoint")?.clone());
            }
        }
        let mut steps = Vec::new();
        for (i, node) in segment.iter_mut().enumerate() {
            let Some(mut rule) = node.rule.take_if(|_| needed[i]) else { continue };
            places[i] = (operands.len() + constants.len() + steps.len()) as u32;
            rule.saved = Vec::new();
            for input in rule.inputs.iter_mut() {
                *input = match (*input as usize).checked_sub(start) {
                    Some(inner) => places[inner],
                    None => operands.partition_point(|outer| *outer < *input) as u32,
                };
            }
            let (requires_grad, recorded_at) = (node.requires_grad, node.recorded_at);
            let hooks = hooks.of(start + i);
            steps.push(RecordedOp { rule: Arc::from(rule), requires_grad, recorded_at, hooks });
        }
        let result = &mut segment[place - start];
        let value = result.value.take();
        let shape = value.as_ref().map(|value| value.shape().clone()).unwrap_or_default();
        let op = Checkpoint { flows: flow, constants, steps, shape };
        let (requires_grad, cut) = (result.requires_grad, result.cut);
        Ok(CutOut { operands, op, value, requires_grad, cut })
    }
}

impl<E: Element> CutOut<E> {
    /// Puts the value on the tape, with the operation if a gradient may flow through it.
    #[track_caller]
    fn push(self, tape: &Tape<E>) -> Var<'_, E> {
        let CutOut { operands, op, mut value, requires_grad, cut } = self;
        let cuts = || operands.iter().map(|&node| Cut { node, index: false }).collect();
        let cuts = (cut && !requires_grad).then(cuts);
        let asked = requires_grad || tape.in_segment();
        let rule =
            (asked && !op.steps.is_empty() && !operands.is_empty()).then(|| -> Box<Rule<E>> {
                let inputs = operands.iter().copied().collect();
                Box::new(Rule { inputs, saved: Vec::new(), composed: true, op })
            });
        match cuts {
            Some(cuts) => tape.push_cut(&mut value, rule, cuts),
            None => tape.push_from(&mut value, rule, requires_grad),
        }
    }
}

impl<E: Element> Tape<E> {
    /// Whether the closure of a checkpoint is running, outside of vector-Jacobian products.
    #[inline]
    pub(crate) fn in_segment(&self) -> bool {
        self.segment.get() && self.recording.get() != Recording::Rule
    }

    /// The value of `f`, of which the tape keeps only the operations: the backward pass computes
    /// their values again. The gradients have the same bits as those of `f` recorded without a
    /// checkpoint, also for parameters that `f` puts on this tape and for variables that `f`
    /// captures. Gradients of gradients are equal up to rounding, because the values that are
    /// computed again are recorded last, which changes the order of sums.
    ///
    /// `f` runs once, so it may borrow a model and draw random numbers. Values that `f` computes
    /// outside of operations on variables, such as masks and constants, are kept. An
    /// [`Op::forward`] of your own that `f` uses must return the same bits on every run. The
    /// variables recorded in `f` cannot be used after `f` returns, except the result.
    ///
    /// ```
    /// use wengert_autodiff::{Parameter, Tape, Tensor};
    /// let weight = Parameter::new(Tensor::from_slice(&[0.5_f64, -2.0], [2])?);
    /// let tape = Tape::new();
    /// let x = tape.constant(&Tensor::from_slice(&[1.0, 3.0], [2])?);
    /// let y = tape.checkpoint(|x| Ok((x[0] * tape.parameter(&weight)).tanh()), &[x])?;
    /// let same = (x * tape.parameter(&weight)).tanh();
    /// let [a, b] = [y, same].map(|y| y.sum().backward().parameter(&weight).unwrap().to_vec());
    /// assert_eq!(a, b);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// Source: T. Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174,
    /// 2016.
    ///
    /// # Errors
    /// Those of `f`, and [`Error::DifferentTapes`].
    #[track_caller]
    pub fn checkpoint<'t, F>(&'t self, f: F, inputs: &[Var<'t, E>]) -> Result<Var<'t, E>>
    where
        F: FnOnce(&[Var<'t, E>]) -> Result<Var<'t, E>>,
    {
        let different = Error::DifferentTapes { op: "checkpoint" };
        if !inputs.iter().all(|x| std::ptr::eq(x.tape(), self)) {
            return Err(different);
        }
        let segment = Segment::begin(self);
        let y = f(inputs)?;
        if !std::ptr::eq(y.tape(), self) {
            return Err(different);
        }
        segment.end(y)
    }
}

/// The value of `f`, of which the tape keeps only the operations: the backward pass computes their
/// values again. See [`Tape::checkpoint`], which takes any number of operands and a closure that
/// may return an error.
///
/// ```
/// use wengert_autodiff::{Tape, Tensor, checkpoint};
/// let tape = Tape::new();
/// let [x, w] = [0.5_f64, 2.0].map(|v| tape.variable(&Tensor::scalar(v)));
/// let y = checkpoint(|[x, w]| (x * w).tanh() * w, [x, w]);
/// let same = (x * w).tanh() * w;
/// assert_eq!(y.backward().get(w), same.backward().get(w));
/// ```
///
/// # Panics
/// If an operation in `f` panics, or there are no operands.
#[track_caller]
pub fn checkpoint<'t, E: Element, const N: usize>(
    f: impl FnOnce([Var<'t, E>; N]) -> Var<'t, E>,
    inputs: [Var<'t, E>; N],
) -> Var<'t, E> {
    let Some(first) = inputs.first() else {
        let message =
            "got no operands, which determine the tape; pass one, or call `Tape::checkpoint`";
        return expect(Err(Error::Argument { op: "checkpoint", message: message.to_owned() }));
    };
    expect(first.tape().checkpoint(|_| Ok(f(inputs)), &inputs))
}
