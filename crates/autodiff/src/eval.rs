//! Evaluation: the value of an operation or of a composition, with or without a tape.

use std::panic::Location;

use wengert_kernels::Element;

use crate::anomaly::{Anomaly, Pass};
use crate::error::{Error, Result};
use crate::few::with_each;
use crate::forward::{Context, Forward};
use crate::lazy::Schedule;
use crate::memory::BufferPool;
use crate::op::Op;
use crate::shape::Shape;
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::tensor::finite::first_non_finite;
use crate::var::Var;

/// Evaluates an operation: stores its value in `value`, and the tensors that it saves in `saved`.
/// (A tensor in a `Result` would be moved once more by each caller.)
#[inline]
pub(crate) fn evaluate<E: Element, O: Op<E> + ?Sized>(
    op: &O,
    inputs: &[&Tensor<E>],
    context: Context<'_, E>,
    saved: &mut Vec<Tensor<E>>,
    value: &mut Option<Tensor<E>>,
) -> Result<()> {
    match op.arity() {
        Some(expected) if expected != inputs.len() => {
            return Err(Error::Arity { op: op.name(), expected, got: inputs.len() });
        }
        None if inputs.is_empty() => return Err(no_operands(op.name())),
        _ => (),
    }
    let shape = &with_each(inputs, |tensor| Ok(tensor.shape()), |shapes| op.shape(shapes))?;
    let len = shape.checked_len::<E>(op.name())?;
    let value = match op.forward(inputs, &mut Forward { shape, len, context, saved }) {
        Ok(new) => value.insert(new),
        Err(error) => return Err(error.of_op(op.name())),
    };
    if value.shape() != shape {
        return Err(own_shape(op.name(), shape, value.shape()));
    }
    if let Some(pool) = context.pool {
        value.bring_home(pool);
    }
    context.anomaly.map_or(Ok(()), |line| check_finite(op.name(), inputs, value, line))
}

/// Returns an error if a value has a NaN or an infinity.
#[cold]
fn check_finite<E: Element>(
    op: &'static str,
    inputs: &[&Tensor<E>],
    value: &Tensor<E>,
    recorded_at: &'static Location<'static>,
) -> Result<()> {
    let Some((element, value)) = first_non_finite(value) else { return Ok(()) };
    Err(Error::Anomaly(Box::new(Anomaly {
        op,
        inputs: inputs.iter().map(|x| x.shape().clone()).collect(),
        recorded_at,
        pass: Pass::Forward,
        value,
        element,
        given_finite: inputs.iter().all(|x| first_non_finite(x).is_none()),
    })))
}

#[cold]
fn no_operands(op: &'static str) -> Error {
    let message = "got no operands, but takes at least one (an operation without operands must \
                   return `Some(0)` from `arity`)";
    Error::Argument { op, message: message.to_owned() }
}

#[cold]
fn own_shape(op: &'static str, expected: &Shape, got: &Shape) -> Error {
    let expected = format!("an output of shape {expected} from its own forward computation");
    Error::Shapes { op, expected, got: vec![got.clone()] }
}

/// The value of an operation on tensors, in a buffer from the pool if there is one.
#[inline(never)]
pub(crate) fn value_of<E: Element>(
    op: &dyn Op<E>,
    inputs: &[&Tensor<E>],
    pool: Option<&BufferPool<E>>,
) -> Result<Tensor<E>> {
    value_in(op, inputs, Context { pool, anomaly: None, lazy: None, recorded: false })
}

/// The value of an operation on tensors, deferred if the operation permits it.
#[inline(never)]
pub(crate) fn lazy_value_of<E: Element>(
    op: &dyn Op<E>,
    inputs: &[&Tensor<E>],
    pool: &BufferPool<E>,
    schedule: &Schedule<E>,
) -> Result<Tensor<E>> {
    let lazy = Some(schedule);
    value_in(op, inputs, Context { pool: Some(pool), anomaly: None, lazy, recorded: false })
}

fn value_in<E: Element>(
    op: &dyn Op<E>,
    inputs: &[&Tensor<E>],
    context: Context<'_, E>,
) -> Result<Tensor<E>> {
    let mut value = None;
    evaluate(op, inputs, context, &mut Vec::new(), &mut value)?;
    Ok(value.expect("an evaluation without an error has a value"))
}

/// The value of an operation on tensors, computed without a tape.
///
/// # Errors
/// Those of the operation.
pub fn eval<E: Element>(op: &dyn Op<E>, inputs: &[&Tensor<E>]) -> Result<Tensor<E>> {
    let pool = inputs.iter().find_map(|tensor| tensor.pool());
    value_of(op, inputs, pool)
}

/// [`eval`] for the operations of this crate, which are compiled once: see
/// [`Instances`](crate::Instances).
#[inline(never)]
pub(crate) fn eval_op<E: Element, O: Op<E>>(op: &O, inputs: &[&Tensor<E>]) -> Result<Tensor<E>> {
    eval(op, inputs)
}

/// The value, on tensors, of a function composed of operations on variables.
pub(crate) fn compose<E: Element>(
    inputs: &[&Tensor<E>],
    f: impl for<'t> FnOnce(&[Var<'t, E>]) -> Result<Var<'t, E>>,
) -> Result<Tensor<E>> {
    let mut values = compose_all(inputs, |vars| Ok(vec![f(vars)?]))?;
    Ok(values.pop().expect("one value"))
}

/// The values, on tensors, of a function composed of operations on variables.
pub(crate) fn compose_all<E: Element>(
    inputs: &[&Tensor<E>],
    f: impl for<'t> FnOnce(&[Var<'t, E>]) -> Result<Vec<Var<'t, E>>>,
) -> Result<Vec<Tensor<E>>> {
    let pool = inputs.iter().find_map(|tensor| tensor.pool());
    let tape = Tape::with_pool_of(pool);
    let vars: Vec<_> = inputs.iter().map(|tensor| tape.constant(tensor)).collect();
    let values: Vec<Tensor<E>> =
        f(&vars)?.into_iter().map(Var::try_value).collect::<Result<_>>()?;
    values.iter().try_for_each(Tensor::compute)?;
    Ok(values)
}
