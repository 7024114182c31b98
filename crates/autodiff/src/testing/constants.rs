//! Compares gradients with respect to some operands, while the others are constants, with the
//! gradients with respect to all operands.

use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::case::{Case, Failure};
use crate::backward::{CreateGraph, grad};
use crate::error::Result;
use crate::gradcheck::{Differing, Gradcheck, both_signs, brackets, distinct};
use crate::op::Op;
use crate::tape::Tape;
use crate::tensor::Tensor;

/// The gradients with respect to some operands, each with the number of the operand.
type Gradients = Vec<(usize, Tensor<f64>)>;

/// Checks that the gradients do not depend on which operands are variables. Each operand is the
/// only variable once, and, of more than two, the only constant once. Operands that hold positions
/// ([`Op::reads_index`]) are constants throughout. For an operation with fewer than two other
/// operands, there is nothing to check.
///
/// The gradients are compared without and with [`CreateGraph::Yes`]. If `order` is less than 2, a
/// recorded gradient that is an error is not compared.
///
/// # Cost
/// One evaluation and two backward passes for all operands together and for each operand, and as
/// many again for each of more than two operands.
///
/// # Errors
/// [`Failure`] names the operand and the element whose gradient differs.
pub(super) fn check_constants(
    case: &Case,
    order: u8,
    wrap: impl Fn(Box<dyn Op<f64>>) -> Box<dyn Op<f64>>,
) -> Result<(), Failure> {
    let all = {
        let op = wrap(case.op());
        (0..case.inputs.len()).filter(|&i| !op.reads_index(i)).collect::<Vec<_>>()
    };
    if all.len() < 2 {
        return Ok(());
    }
    let without = |constant: usize| all.iter().copied().filter(|&i| i != constant).collect();
    let mut subsets: Vec<Vec<usize>> = all.iter().map(|&i| vec![i]).collect();
    if all.len() > 2 {
        subsets.extend(all.iter().map(|&i| without(i)));
    }
    let fail = |error: crate::error::Error| Failure::new(error.to_string());
    let compute = |variables: &[usize]| gradients(case, order, wrap(case.op()), variables);
    let (expected, expected_recorded) = compute(&all).map_err(fail)?;
    for variables in subsets {
        let (plain, recorded) = compute(&variables).map_err(fail)?;
        let pairs = [
            (Some(plain), Some(&expected), ""),
            (recorded, expected_recorded.as_ref(), " with `CreateGraph::Yes`"),
        ];
        for (got, expected, how) in pairs {
            let (Some(got), Some(expected)) = (got, expected) else { continue };
            let expected: Gradients =
                expected.iter().filter(|(i, _)| variables.contains(i)).cloned().collect();
            let differing = Gradcheck::new().differing(&got, &expected);
            if let Some(Differing { count, of, input, index, got, expected }) = differing {
                let [got, expected] = distinct(got, expected);
                return Err(Failure::new(format!(
                    "the gradients depend on which operands are variables, at {count} of {of} \
                     elements; a vector-Jacobian product that branches on `needs` is the usual \
                     cause:\n  the gradient of operand {input}{}{how} is {got} where the variables \
                     are the operands {variables:?}, but {expected} where they are the operands \
                     {all:?}",
                    brackets(&index)
                )));
            }
        }
    }
    Ok(())
}

/// The gradients of the operation with respect to the operands `variables` for one random
/// cotangent, and their values computed with [`CreateGraph::Yes`]. `None` for the latter if `order`
/// is less than 2 and they are an error.
fn gradients(
    case: &Case,
    order: u8,
    op: Box<dyn Op<f64>>,
    variables: &[usize],
) -> Result<(Gradients, Option<Gradients>)> {
    let tape = Tape::new();
    let place = |(i, x): (usize, &Tensor<f64>)| {
        if variables.contains(&i) { tape.variable(x) } else { tape.constant(x) }
    };
    let operands: Vec<_> = case.inputs.iter().enumerate().map(place).collect();
    let output = tape.apply(op, &operands)?;
    let shape = output.shape();
    let elements = both_signs(&mut Pcg64::seed_from_u64(0x71d3), shape.numel());
    let cotangent = tape.constant(&Tensor::from_vec(elements, shape)?);
    let wanted: Vec<_> = variables.iter().map(|&i| operands[i]).collect();
    let numbered = |values: Vec<Option<Tensor<f64>>>| -> Gradients {
        let zeros = |i: usize| Tensor::zeros(case.inputs[i].shape());
        let each = variables.iter().zip(values);
        each.map(|(&i, value)| (i, value.unwrap_or_else(|| zeros(i)))).collect()
    };
    let plain = grad(&[output], &[cotangent], &wanted, CreateGraph::No)?;
    let recorded = match grad(&[output], &[cotangent], &wanted, CreateGraph::Yes) {
        Err(_) if order < 2 => None,
        recorded => {
            let values = recorded?.into_iter().map(|gradient| gradient.map(|g| g.value()));
            Some(numbered(values.collect()))
        }
    };
    Ok((numbered(plain), recorded))
}
