//! [`Tape::apply`]: evaluates an operation and records it.

use std::panic::Location;

use wengert_kernels::Element;

use super::cut::Cut;
use super::{Recording, Rule, Tape, Var};
use crate::error::{Error, Result};
use crate::eval::evaluate;
use crate::few::{Few, with_each};
use crate::forward::Context;
use crate::op::Op;
use crate::tensor::Tensor;

/// The results of an evaluation.
struct Made<E: Element> {
    value: Option<Tensor<E>>,
    saved: Vec<Tensor<E>>,
    /// Whether an operand requires a gradient.
    differentiable: bool,
    /// Whether an operand was computed from a variable that requires one, recorded or not.
    touched: bool,
}

/// How a result is added to the tape.
#[derive(Clone, Copy)]
struct Entry {
    requires_grad: bool,
    /// Whether the operation is kept.
    recorded: bool,
    composed: bool,
    /// Whether the path of a gradient ends here.
    cut: bool,
}

impl<E: Element> Tape<E> {
    /// Applies an operation, of this crate or user-defined, and records it if an operand requires a
    /// gradient.
    ///
    /// # Errors
    /// Those of the operation, [`Error::DifferentTapes`], and with
    /// [`detect_anomaly`](Self::detect_anomaly) [`Error::Anomaly`].
    // Compiled for each operation, and therefore short: what takes the operation as a trait object
    // is compiled once.
    #[inline(never)]
    #[track_caller]
    pub fn apply<'t, O: Op<E>>(&'t self, op: O, inputs: &[Var<'t, E>]) -> Result<Var<'t, E>> {
        let mut made =
            Made { value: None, saved: Vec::new(), differentiable: false, touched: false };
        let entry = match self.compute(&op, inputs, &mut made) {
            Ok(entry) => entry,
            Err(error) => return self.failed(&op, inputs, error),
        };
        let cuts = if entry.cut { Some(cuts(&op, inputs)) } else { None };
        let Made { ref mut value, saved, .. } = made;
        let rule: Option<Box<Rule<E>>> = if entry.recorded {
            Some(Box::new(Rule { inputs: places(inputs), saved, composed: entry.composed, op }))
        } else {
            None
        };
        Ok(match cuts {
            Some(cuts) => self.push_cut(value, rule, cuts),
            None => self.push_from(value, rule, entry.requires_grad),
        })
    }

    /// Evaluates an operation, and decides how its result is added.
    #[inline(never)]
    #[track_caller]
    fn compute(&self, op: &dyn Op<E>, inputs: &[Var<'_, E>], made: &mut Made<E>) -> Result<Entry> {
        let evaluated = self.evaluate(op, inputs, &[], made);
        if matches!(evaluated, Err(Error::Released { .. })) && self.lends.get() {
            self.evaluate_lent(op, inputs, made)?;
        } else {
            evaluated?;
        }
        let requires_grad = made.differentiable && self.records();
        let recorded = requires_grad || self.in_segment();
        let composed = recorded && op.composition().is_some();
        let cut = made.touched && !requires_grad && self.recording.get() != Recording::Rule;
        Ok(Entry { requires_grad, recorded, composed, cut })
    }

    /// The value of an operation on the tape's variables. `lent` has the values of operands that
    /// the tape has lent to gradients.
    #[inline]
    #[track_caller]
    fn evaluate(
        &self,
        op: &dyn Op<E>,
        inputs: &[Var<'_, E>],
        lent: &[Option<Tensor<E>>],
        made: &mut Made<E>,
    ) -> Result<()> {
        let nodes = self.nodes.borrow();
        // A result that is searched for NaN and infinity is not deferred.
        let context = Context {
            pool: Some(&self.pool),
            anomaly: self.checks_results().then_some(Location::caller()),
            lazy: (!self.anomaly.get()).then_some(&self.schedule),
            recorded: self.recording.get() != Recording::Rule,
        };
        let Made { value, saved, differentiable, touched } = made;
        let mut place = 0;
        let operand = |input: &Var<'_, E>| {
            if !std::ptr::eq(input.tape(), self) {
                return Err(Error::DifferentTapes { op: op.name() });
            }
            let node = input.node(&nodes, op.name())?;
            *differentiable |= node.requires_grad && !op.reads_index(place);
            *touched |= node.requires_grad | node.cut;
            place += 1;
            let value = node.value.as_ref().or_else(|| lent.get(place - 1)?.as_ref());
            value.ok_or_else(|| node.released(op.name()))
        };
        with_each(inputs, operand, |tensors| evaluate(op, tensors, context, saved, value))
    }

    /// Whether results of operations are to be searched for NaN and infinity. Those of operations
    /// inside a rule are not: the walk searches the cotangents that the rule returns, and names the
    /// operation whose rule it is.
    fn checks_results(&self) -> bool {
        self.anomaly.get() && matches!(self.recording.get(), Recording::On | Recording::Off)
    }

    /// Evaluates an operation some of whose operands are lent.
    #[cold]
    #[track_caller]
    fn evaluate_lent(
        &self,
        op: &dyn Op<E>,
        inputs: &[Var<'_, E>],
        made: &mut Made<E>,
    ) -> Result<()> {
        let lent: Vec<_> = inputs.iter().map(|input| self.lent(input.index())).collect();
        self.evaluate(op, inputs, &lent, made)
    }
}

/// The places of the operands.
#[inline(never)]
fn places<E: Element>(inputs: &[Var<'_, E>]) -> Few<u32> {
    Few::from_fn(inputs.len(), |i| inputs[i].index())
}

/// The operands of an operation that is not recorded, to which no gradient flows.
#[cold]
#[inline(never)]
fn cuts<E: Element>(op: &dyn Op<E>, inputs: &[Var<'_, E>]) -> Few<Cut> {
    let places = inputs.iter().enumerate();
    places.map(|(i, x)| Cut { node: x.index(), index: op.reads_index(i) }).collect()
}
