//! [`checkpoint`]: memory for time. What a closure computes on the way is not kept, and computed
//! again on the walk back.
//!
//! T. Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174, 2016: a chain
//! of `n` steps in `sqrt n` checkpoints of `sqrt n` steps each keeps about `2 sqrt n` values.

use std::cell::Cell;
use std::fmt;

use wengert_kernels::Element;

use crate::error::{Error, Result, expect};
use crate::op::{Composition, Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::{Recording, Tape};
use crate::tensor::Tensor;
use crate::var::Var;

/// The closure, run once: its value waits for the tape to take it.
struct Checkpoint<E: Element, F> {
    f: F,
    shape: Shape,
    value: Cell<Option<Tensor<E>>>,
}

impl<E: Element, F> fmt::Debug for Checkpoint<E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint of a result of shape {}", self.shape)
    }
}

impl<E: Element, F> Op<E> for Checkpoint<E, F>
where
    F: for<'a> Fn(&[Var<'a, E>]) -> Result<Var<'a, E>> + Send + 'static,
{
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape> {
        Ok(self.shape.clone())
    }

    fn forward(&self, _: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        Ok(self.value.take().expect("applied once, by `Tape::checkpoint`"))
    }

    fn vjp<'t>(&self, _: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        unreachable!("the walk goes through the composition")
    }

    fn composition(&self) -> Option<&dyn Composition<E>> {
        Some(self)
    }
}

impl<E: Element, F> Composition<E> for Checkpoint<E, F>
where
    F: for<'a> Fn(&[Var<'a, E>]) -> Result<Var<'a, E>> + Send + 'static,
{
    fn record<'t>(&self, inputs: &[Var<'t, E>]) -> Result<Var<'t, E>> {
        (self.f)(inputs)
    }
}

impl<E: Element> Tape<E> {
    /// The value of `f`, of which nothing else is kept: the walk back runs `f` again. Gradients are to
    /// the bit those of `f` recorded in place. Gradients of gradients are the same up to rounding:
    /// what was run again is recorded behind all else, and sums are formed in another order.
    ///
    /// `f` must give the same on every run, so random numbers in it come from a seed it holds; it
    /// is given every variable it needs, parameters included, as an operand.
    ///
    /// Source: T. Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174,
    /// 2016.
    ///
    /// # Errors
    /// Those of `f`, and [`Error::DifferentTapes`].
    ///
    /// # Panics
    /// If `f` asks its tape for a parameter.
    #[track_caller]
    pub fn checkpoint<'t, F>(&'t self, f: F, inputs: &[Var<'t, E>]) -> Result<Var<'t, E>>
    where
        F: for<'a> Fn(&[Var<'a, E>]) -> Result<Var<'a, E>> + Send + 'static,
    {
        let value = {
            // A tape of its own: what it holds is freed with it.
            let inner = Tape::with_pool(self.pool().clone());
            inner.detect_anomaly(self.detects_anomaly());
            let mut constants = Vec::with_capacity(inputs.len());
            for input in inputs {
                constants.push(inner.constant(&input.try_value()?));
            }
            let run = || inner.with_recording(Recording::Off, || f(&constants));
            let y = inner.closed(run)?;
            if !std::ptr::eq(y.tape(), &raw const inner) {
                return Err(Error::DifferentTapes { op: "checkpoint" });
            }
            y.try_value()?
        };
        let op = Checkpoint { f, shape: value.shape().clone(), value: Cell::new(Some(value)) };
        self.apply(op, inputs)
    }
}

/// The value of `f`, of which nothing else is kept: the walk back runs `f` again. See
/// [`Tape::checkpoint`], which takes any number of operands and a closure that may fail.
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
/// If an operation in `f` does, there are no operands, or `f` asks its tape for a parameter.
#[track_caller]
pub fn checkpoint<'t, E: Element, const N: usize>(
    f: impl for<'a> Fn([Var<'a, E>; N]) -> Var<'a, E> + Send + 'static,
    inputs: [Var<'t, E>; N],
) -> Var<'t, E> {
    let Some(first) = inputs.first() else {
        let message = "a closure of no operands has no gradient; compute its value directly";
        return expect(Err(Error::Argument { op: "checkpoint", message: message.to_owned() }));
    };
    expect(
        first.tape().checkpoint(move |inputs| Ok(f(std::array::from_fn(|i| inputs[i]))), &inputs),
    )
}
