//! The backward pass over the tape.
//!
//! It does the work that is the same for all rules, the vector-Jacobian products of operations. It
//! determines the order, skips cotangents that are zero or not needed, sums over broadcast axes,
//! adds cotangents, calls hooks, and frees the values that a rule computed.

mod taken;

use std::panic::Location;

use wengert_kernels::Element;

use crate::anomaly::{Anomaly, Pass};
use crate::error::{Error, Result};
use crate::few;
use crate::hook;
use crate::op::Vjp;
use crate::shape::Shape;
use crate::tape::scratch::{Mark, Scratch};
use crate::tape::{Recording, Rule, Tape, with};
use crate::tensor::Tensor;
use crate::tensor::finite::first_non_finite;
use crate::var::Var;
use taken::TakenRule;

/// The nodes whose gradients are requested.
pub(crate) enum Wanted<'a> {
    /// All leaves that require a gradient.
    Leaves,
    /// The nodes at these places.
    These(&'a [u32]),
}

/// Adds the second tensor to the first, which has its shape.
type Accumulate<E> = fn(&mut Tensor<E>, &Tensor<E>, &Tape<E>) -> Result<()>;

/// The operations that add cotangents.
#[derive(Debug)]
pub struct Sums<E: Element> {
    /// The sum of two variables of one shape.
    pub(crate) add: for<'t> fn(Var<'t, E>, Var<'t, E>) -> Result<Var<'t, E>>,
    /// A variable summed to a shape that broadcasts to the shape of the variable.
    pub(crate) sum_to: for<'t> fn(Var<'t, E>, Shape) -> Result<Var<'t, E>>,
    /// Adds the second tensor to the first, which has its shape.
    pub(crate) accumulate: Accumulate<E>,
}

/// What a backward pass does with the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The tape does not change.
    Tape,
    /// The tape remains, and the operations of the rules are recorded on it.
    Graph,
    /// Nodes are freed after they were visited.
    Nothing,
}

/// The state of one backward pass.
#[derive(Debug)]
pub struct Walk<'t, E: Element> {
    tape: &'t Tape<E>,
    sums: &'static Sums<E>,
    keep: Keep,
    /// The sum of the cotangents that have arrived at each node, if nothing is recorded.
    pub(crate) values: Vec<Option<Tensor<E>>>,
    /// The places on the tape of these sums, if the gradient is to be differentiated again.
    pub(crate) places: Vec<Option<u32>>,
    pub(crate) marks: Vec<Mark>,
    /// The number of leaves among the marked nodes, in a backward pass to all leaves.
    pub(crate) leaves: usize,
}

impl<'t, E: Element> Walk<'t, E> {
    /// Runs a backward pass from `outputs`, each with its cotangent. Afterwards the slots of the
    /// wanted nodes hold their gradients.
    #[inline(never)]
    pub(crate) fn run(
        tape: &'t Tape<E>,
        outputs: &[(Var<'t, E>, Var<'t, E>)],
        wanted: &Wanted<'_>,
        sums: &'static Sums<E>,
        keep: Keep,
    ) -> Result<Self> {
        let top = outputs.iter().map(|(y, _)| y.index() as usize + 1).max().unwrap_or(0);
        let scratch = tape.scratch.take();
        let Scratch { values, places, marks } = scratch;
        let mut walk = Walk { tape, sums, keep, values, places, marks, leaves: 0 };
        tape.failure.set(None);
        walk.resize(top);
        walk.mark(wanted);
        let recording = if walk.graph() { Recording::Graph } else { Recording::Rule };
        let body = || {
            for &(y, cotangent) in outputs {
                walk.begin(y, cotangent)?;
            }
            (0..top).rev().try_for_each(|index| {
                walk.visit(index, keep == Keep::Nothing && index + 1 < top)
            })?;
            // A hook of a leaf, which has no rule, may have run out of memory.
            tape.failure.take().map_or(Ok(()), |error| Err(*error))
        };
        // Operations that a rule records get the source line of the rule's operation: see `pass`.
        with(&tape.on_behalf_of, None, || {
            with(&tape.walks, true, || tape.with_recording(recording, body))
        })?;
        Ok(walk)
    }

    /// Makes room for the cotangents of `len` nodes, and drops those of later nodes.
    fn resize(&mut self, len: usize) {
        self.marks.resize(len, Mark::default());
        if self.graph() {
            self.places.resize(len, None);
        } else {
            self.values.resize_with(len, || None);
        }
    }

    #[inline]
    fn graph(&self) -> bool {
        self.keep == Keep::Graph
    }

    /// Marks the wanted nodes and all nodes that depend on them.
    fn mark(&mut self, wanted: &Wanted<'_>) {
        match wanted {
            Wanted::Leaves => {
                let nodes = self.tape.nodes();
                for (mark, node) in self.marks.iter_mut().zip(nodes.iter()) {
                    mark.depends = node.requires_grad;
                    mark.wanted = node.is_leaf();
                    self.leaves += usize::from(mark.wanted);
                }
            }
            Wanted::These(list) => {
                for &index in *list {
                    // A wanted node after the outputs is not reached, and has no mark.
                    if let Some(mark) = self.marks.get_mut(index as usize) {
                        *mark = Mark { depends: true, wanted: true, reached: false };
                    }
                }
                self.mark_dependents(0);
            }
        }
    }

    /// Marks the nodes from `first` on that depend on marked nodes.
    fn mark_dependents(&mut self, first: usize) {
        let nodes = self.tape.nodes();
        for (index, node) in nodes.iter().enumerate().take(self.marks.len()).skip(first) {
            let Some(rule) = &node.rule else {
                // A spent node may have depended on a wanted one: reaching it is an error.
                self.marks[index].depends |= node.spent;
                continue;
            };
            if !node.requires_grad {
                continue;
            }
            let depends = rule.inputs.iter().enumerate().any(|(place, &input)| {
                self.marks[input as usize].depends && !rule.op.reads_index(place)
            });
            self.marks[index].depends |= depends;
        }
    }

    /// Adds the cotangent of an output.
    fn begin(&mut self, y: Var<'t, E>, cotangent: Var<'t, E>) -> Result<()> {
        let index = y.index() as usize;
        self.marks[index].reached = true;
        if self.marks[index].depends { self.arrive(index, cotangent, false) } else { Ok(()) }
    }

    /// Takes the cotangent that has arrived at a node, as a variable; a wanted node also keeps it.
    #[inline]
    fn arrived(&mut self, index: usize) -> Option<Var<'t, E>> {
        let wanted = self.marks[index].wanted;
        if self.graph() {
            let place = &mut self.places[index];
            return if wanted { *place } else { place.take() }.map(|place| self.tape.var(place));
        }
        let value = &mut self.values[index];
        if value.is_none() {
            return None;
        }
        let copy = wanted.then(|| value.clone()).flatten();
        let cotangent = self.tape.push_from(value, None, false);
        *value = copy;
        Some(cotangent)
    }

    /// Passes the cotangent of a node to its operands. Frees the node afterwards if `free` is true.
    #[inline]
    fn visit(&mut self, index: usize, free: bool) -> Result<()> {
        let mark = self.marks[index];
        if !(mark.reached && mark.depends) {
            return Ok(());
        }
        if !self.tape.hooks.borrow().is_empty() {
            self.run_hooks(index)?;
            self.tape.failure.take().map_or(Ok(()), |error| Err(*error))?;
        }
        let Some(mut rule) = TakenRule::take(self.tape, index)? else { return Ok(()) };
        let mut passed = self.visit_rule(index, rule.get());
        if let Some(error) = self.tape.failure.take() {
            passed = Err(*error);
        }
        if let Err(Error::OutOfMemory { op, .. }) = &mut passed
            && !rule.get().composed
        {
            // The caller knows the recorded operation, but not the operations of its rule.
            *op = rule.get().op.name();
        }
        if free && passed.is_ok() {
            rule.spend();
        }
        passed
    }

    fn visit_rule(&mut self, index: usize, rule: &Rule<E>) -> Result<()> {
        let inputs = &rule.inputs[..];
        // Not a `Few`, which takes 120 more instructions per step in a tiny network.
        let (mut short, mut long) = ([false; few::INLINE], Vec::new());
        let needs = if let Some(short) = short.get_mut(..inputs.len()) {
            short
        } else {
            long.resize(inputs.len(), false);
            &mut long
        };
        let mut any = false;
        for (place, (&input, needed)) in inputs.iter().zip(needs.iter_mut()).enumerate() {
            let mark = &mut self.marks[input as usize];
            *needed = mark.depends && !rule.op.reads_index(place);
            mark.reached |= *needed;
            any |= *needed;
        }
        if !any {
            return Ok(());
        }
        let mark = self.tape.len();
        let passed =
            if rule.composed { self.compose(index, rule) } else { self.pass(index, rule, needs) };
        if !self.graph() {
            self.tape.truncate(mark);
        }
        passed
    }

    /// The source line that recorded a node. An error if the value of an operand was released.
    #[inline]
    fn line(&self, index: usize, rule: &Rule<E>) -> Result<&'static Location<'static>> {
        let nodes = self.tape.nodes();
        for &input in rule.inputs.iter() {
            let operand = &nodes[input as usize];
            if operand.value.is_none() {
                return Err(operand.released(rule.op.name()));
            }
        }
        Ok(nodes[index].recorded_at)
    }

    /// Runs a rule, brings each cotangent to the shape of its operand, and adds it to the cotangent
    /// that has arrived there.
    fn pass(&mut self, index: usize, rule: &Rule<E>, needs: &[bool]) -> Result<()> {
        let tape = self.tape;
        let (made, watched) = (tape.len(), tape.detects_anomaly());
        let line = self.line(index, rule);
        // If no cotangent arrived, it is zero, and so are all its contributions.
        let Some(gy) = self.arrived(index) else { return Ok(()) };
        let given_finite = !watched || self.anomaly_of(gy).is_none();
        tape.on_behalf_of.set(Some(line?));
        let (inputs, saved, graph) = (&rule.inputs[..], &rule.saved[..], self.graph());
        let op = &rule.op;
        let node = Vjp { op, inputs, output: index as u32, gy, saved, needs, graph };
        let cotangents = rule.op.vjp(&node)?;
        let cotangents = &cotangents[..];
        if cotangents.len() != inputs.len() {
            return Err(wrong_number(rule, cotangents.len()));
        }
        for (place, (&input, &needed)) in inputs.iter().zip(needs).enumerate() {
            let (Some(cotangent), true) = (cotangents[place], needed) else { continue };
            let fitted = self.fit(rule, cotangent, input)?;
            if watched {
                self.check_finite(index, rule, place, fitted, given_finite)?;
            }
            // A value that the rule computed is moved to the last operand that receives it. Values
            // from before the rule stay on the tape.
            let mut later = cotangents[place + 1..].iter().flatten();
            let last = !later.any(|other| other.index() == fitted.index());
            self.arrive(input as usize, fitted, last && fitted.index() as usize >= made)?;
        }
        Ok(())
    }

    /// A cotangent in the shape of its operand: summed if it has the shape of a broadcast operand.
    #[inline]
    fn fit(&self, rule: &Rule<E>, cotangent: Var<'t, E>, input: u32) -> Result<Var<'t, E>> {
        let tape = self.tape;
        if !std::ptr::eq(cotangent.tape(), tape) {
            return Err(Error::DifferentTapes { op: rule.op.name() });
        }
        let expected = {
            let nodes = tape.nodes();
            let got = cotangent.node(&nodes, "vjp")?.value("vjp")?.shape();
            let expected = nodes[input as usize].value("vjp")?.shape();
            if got == expected {
                return Ok(cotangent);
            }
            if !expected.broadcasts_to(got) {
                return Err(wrong_shape(rule, expected, got));
            }
            expected.clone()
        };
        (self.sums.sum_to)(cotangent, expected)
    }

    /// Adds a cotangent to the one that has arrived at a node. `may_take` states whether the
    /// cotangent may be moved off the tape, because no other operand receives it.
    #[inline]
    fn arrive(&mut self, index: usize, cotangent: Var<'t, E>, may_take: bool) -> Result<()> {
        if self.graph() {
            let sum = match self.places[index] {
                Some(sum) => (self.sums.add)(self.tape.var(sum), cotangent)?,
                None => cotangent,
            };
            self.places[index] = Some(sum.index());
            return Ok(());
        }
        let mut nodes = self.tape.nodes_mut();
        let node = &mut nodes[cotangent.index() as usize];
        let sum = &mut self.values[index];
        if sum.is_none() && may_take {
            std::mem::swap(sum, &mut node.value);
            return Ok(());
        }
        match (sum, &node.value) {
            (Some(sum), Some(new)) => (self.sums.accumulate)(sum, new, self.tape),
            (sum, new) => {
                sum.clone_from(new);
                Ok(())
            }
        }
    }

    /// Records a composition and continues the backward pass through it, as if it had been recorded
    /// in place of its operation.
    fn compose(&mut self, index: usize, rule: &Rule<E>) -> Result<()> {
        let tape = self.tape;
        let Some(composition) = rule.op.composition() else { return Ok(()) };
        let Some(cotangent) = self.arrived(index) else { return Ok(()) };
        let base = tape.len();
        let inputs: Vec<_> = rule.inputs.iter().map(|&input| tape.var(input)).collect();
        tape.on_behalf_of.set(None);
        let y =
            tape.closed(|| tape.with_recording(Recording::On, || composition.record(&inputs)))?;
        if !std::ptr::eq(y.tape(), tape) {
            return Err(Error::DifferentTapes { op: rule.op.name() });
        }
        self.resize(tape.len());
        self.mark_dependents(base);
        let result = self.begin(y, cotangent).and_then(|()| {
            // Only this backward pass uses these nodes: each is freed after it was visited.
            (base..self.marks.len().min(y.index() as usize + 1))
                .rev()
                .try_for_each(|index| self.visit(index, !self.graph()))
        });
        if !self.graph() {
            self.resize(base);
            tape.truncate(base);
        }
        result
    }

    fn run_hooks(&mut self, index: usize) -> Result<()> {
        let hooks = self.tape.hooks.borrow().of(index);
        if hooks.is_empty() {
            return Ok(());
        }
        let mark = self.tape.len();
        self.tape.on_behalf_of.set(None);
        let Some(cotangent) = self.arrived(index) else { return Ok(()) };
        self.forget(index);
        let result = hook::run(hooks, cotangent).and_then(|new| self.arrive(index, new, false));
        if !self.graph() {
            self.tape.truncate(mark);
        }
        result
    }

    /// Drops the cotangent that has arrived at a node.
    fn forget(&mut self, index: usize) {
        if self.graph() {
            self.places[index] = None;
        } else {
            self.values[index] = None;
        }
    }

    fn anomaly_of(&self, x: Var<'t, E>) -> Option<(usize, f64)> {
        self.tape.nodes()[x.index() as usize].value.as_ref().and_then(first_non_finite)
    }

    /// Returns an error if the cotangent that a rule passes to an operand is not finite.
    #[cold]
    fn check_finite(
        &self,
        index: usize,
        rule: &Rule<E>,
        operand: usize,
        passed: Var<'t, E>,
        given_finite: bool,
    ) -> Result<()> {
        let Some((element, value)) = self.anomaly_of(passed) else { return Ok(()) };
        let nodes = self.tape.nodes();
        let shape =
            |&input: &u32| nodes[input as usize].value.as_ref().map(|value| value.shape().clone());
        Err(Error::Anomaly(Box::new(Anomaly {
            op: rule.op.name(),
            inputs: rule.inputs.iter().filter_map(shape).collect(),
            recorded_at: nodes[index].recorded_at,
            pass: Pass::Backward { operand },
            value,
            element,
            given_finite,
        })))
    }
}

impl<E: Element> Drop for Walk<'_, E> {
    fn drop(&mut self) {
        self.values.clear();
        self.places.clear();
        self.marks.clear();
        if let Ok(mut scratch) = self.tape.scratch.try_borrow_mut() {
            scratch.values = std::mem::take(&mut self.values);
            scratch.places = std::mem::take(&mut self.places);
            scratch.marks = std::mem::take(&mut self.marks);
        }
    }
}

#[cold]
fn wrong_number<E: Element>(rule: &Rule<E>, got: usize) -> Error {
    let message = format!(
        "`vjp` returned {got} cotangents for {} operands; it must return one for each operand",
        rule.inputs.len()
    );
    Error::Argument { op: rule.op.name(), message }
}

#[cold]
fn wrong_shape<E: Element>(rule: &Rule<E>, expected: &Shape, got: &Shape) -> Error {
    let expected = format!("`vjp` to return a cotangent of the operand's shape {expected}");
    Error::Shapes { op: rule.op.name(), expected, got: vec![got.clone()] }
}
