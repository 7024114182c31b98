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

/// The result of an evaluation.
struct Made<E: Element> {
    value: Option<Tensor<E>>,
    saved: Vec<Tensor<E>>,
    /// Whether an operand requires a gradient.
    differentiable: bool,
    /// Whether an operand was computed from a variable that requires a gradient, with or without
    /// recording.
    touched: bool,
    /// Whether the operation is a composition, through which the backward pass goes.
    composed: bool,
    /// The operands, if paths of gradients end at this operation.
    cuts: Option<Few<Cut>>,
}

impl<E: Element> Tape<E> {
    /// Applies an operation, of this crate or your own, and records it if an operand requires a
    /// gradient.
    ///
    /// # Errors
    /// Those of the operation; [`Error::DifferentTapes`]; and [`Error::Anomaly`] with
    /// [`detect_anomaly`](Self::detect_anomaly).
    // This function is compiled for each operation, together with the evaluation: a call through
    // the operation's vtable takes 180 more instructions for an operation on a few elements.
    #[inline(never)]
    #[track_caller]
    pub fn apply<'t, O: Op<E>>(&'t self, op: O, inputs: &[Var<'t, E>]) -> Result<Var<'t, E>> {
        let mut made = Made {
            value: None,
            saved: Vec::new(),
            differentiable: false,
            touched: false,
            composed: false,
            cuts: None,
        };
        match self.compute(&op, inputs, &mut made) {
            Ok(false) => Ok(self.add(&mut made, inputs, None)),
            Ok(true) => {
                // `add` writes all fields but the operation.
                let (places, saved) = (Few::default(), Vec::new());
                let rule = Rule { inputs: places, saved, composed: false, op };
                Ok(self.add(&mut made, inputs, Some(Box::new(rule))))
            }
            Err(error) => self.failed(&op, inputs, error),
        }
    }

    /// Evaluates an operation, and returns whether it is recorded.
    #[inline]
    #[track_caller]
    fn compute<O: Op<E>>(&self, op: &O, inputs: &[Var<'_, E>], made: &mut Made<E>) -> Result<bool> {
        let evaluated = self.evaluate(op, inputs, &[], made);
        if matches!(evaluated, Err(Error::Released { .. })) && self.lends.get() {
            self.evaluate_lent(op, inputs, made)?;
        } else {
            evaluated?;
        }
        made.differentiable &= self.records();
        if made.touched && !made.differentiable && self.recording.get() != Recording::Rule {
            let places = inputs.iter().enumerate();
            let cut =
                |(i, x): (usize, &Var<'_, E>)| Cut { node: x.index(), index: op.reads_index(i) };
            made.cuts = Some(places.map(cut).collect());
        }
        let recorded = made.differentiable || self.in_segment();
        made.composed = recorded && op.composition().is_some();
        Ok(recorded)
    }

    /// Adds a result to the tape, with the rule if the operation is recorded.
    #[inline(never)]
    #[track_caller]
    fn add(
        &self,
        made: &mut Made<E>,
        inputs: &[Var<'_, E>],
        mut rule: Option<Box<Rule<E>>>,
    ) -> Var<'_, E> {
        if let Some(rule) = &mut rule {
            rule.inputs = Few::from_fn(inputs.len(), |i| inputs[i].index());
            rule.saved = std::mem::take(&mut made.saved);
            rule.composed = made.composed;
        }
        match made.cuts.take() {
            Some(cuts) => self.push_cut(&mut made.value, rule, cuts),
            None => self.push_from(&mut made.value, rule, made.differentiable),
        }
    }

    /// The value of an operation on variables of the tape. `lent` holds the values of operands that
    /// the tape has lent to gradients.
    #[inline]
    #[track_caller]
    fn evaluate<O: Op<E> + ?Sized>(
        &self,
        op: &O,
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
        let Made { value, saved, differentiable, touched, .. } = made;
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

    /// Whether the results of operations are searched for NaN and infinity. Those of operations
    /// inside a rule are not: the backward pass searches the cotangents that the rule returns, and
    /// names the operation to which the rule belongs.
    fn checks_results(&self) -> bool {
        self.anomaly.get() && matches!(self.recording.get(), Recording::On | Recording::Off)
    }

    /// Evaluates an operation with operands whose values are lent.
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
