//! [`loss()`] and [`loss_of()`]: the losses of a case.
//!
//! A loss is the mean over the rows of the training loss of each row, or with the reduction `sum`
//! their sum. Except for the cross-entropies over classes and `bce_unclipped`, the loss of a row is
//! the mean over its outputs.

use wengert::nn::loss::{
    PoissonNll, Reduction, binary_cross_entropy_with_logits, l1_loss, mse_loss, poisson_nll_loss,
    soft_cross_entropy,
};
use wengert::prelude::{Layer, Tensor, Var, ops};
use wengert::{Result, Tape};

use super::data::Rows;
use super::format_training::{LossName, LossSpec, RowReduction};
use super::network::Network;

/// The limit of probabilities: `EPS..=1 - EPS`.
const EPS: f32 = 1e-7;

/// The loss of a network for a batch. A cross-entropy after a softmax is computed from its inputs,
/// so that its gradient does not vanish where a probability is rounded to 0 or 1.
///
/// # Errors
/// If the shapes of inputs, outputs and targets do not fit.
pub fn loss<'t>(
    spec: &LossSpec,
    network: &Network,
    inputs: Var<'t>,
    targets: &Tensor<f32>,
) -> Result<Var<'t>> {
    if spec.name == LossName::Cce && network.ends_in_softmax() {
        let logits = network.logits(inputs)?;
        let targets = logits.tape().constant(targets);
        return fused(spec, logits, targets);
    }
    let output = network.try_forward(inputs)?;
    loss_of(spec, output, targets)
}

/// The cross-entropy of a softmax from its inputs.
fn fused<'t>(spec: &LossSpec, logits: Var<'t>, targets: Var<'t>) -> Result<Var<'t>> {
    soft_cross_entropy(logits, targets, reduction(spec))
}

/// The loss of outputs that are not those of a softmax, or whose loss is not a cross-entropy over
/// classes.
///
/// # Errors
/// If the shapes of outputs and targets differ.
pub fn loss_of<'t>(spec: &LossSpec, output: Var<'t>, targets: &Tensor<f32>) -> Result<Var<'t>> {
    let tape = output.tape();
    let y = tape.constant(targets);
    let mean = match spec.name {
        LossName::Mse => mse_loss(output, y)?,
        LossName::Mae => l1_loss(output, y, Reduction::Mean)?,
        LossName::Bce => {
            let p = ops::clamp(output, EPS, 1.0 - EPS)?;
            ops::mean(binary_terms(p, y, targets, tape)?)?
        }
        LossName::BceLogits => binary_cross_entropy_with_logits(output, y, None, Reduction::Mean)?,
        LossName::Poisson => {
            let options = PoissonNll { log_input: false, eps: 1e-7, ..PoissonNll::default() };
            poisson_nll_loss(output, y, options)?
        }
        LossName::CceLogits => return fused(spec, output, y),
        LossName::BceUnclipped => {
            let terms = binary_terms(output, y, targets, tape)?;
            // The gradient is (p - y) / (p (1 - p)), which is not finite at 0 and 1, also where the
            // engine's product with a target of 0 would be 0.
            let undefined = output.try_value()?.to_vec().iter().any(|&p| p == 0.0 || p == 1.0);
            return by_row(spec, if undefined { without_gradient(terms, output)? } else { terms });
        }
        LossName::Cce => {
            let total = ops::sum_axes(output, &[-1], true)?;
            let p = ops::clamp(ops::div(output, total)?, EPS, 1.0 - EPS)?;
            let terms = ops::neg(ops::mul(y, ops::log(p)?)?)?;
            // A row whose sum is 0 has no probabilities, and its gradient is NaN.
            let undefined = total.try_value()?.to_vec().contains(&0.0);
            return by_row(spec, if undefined { without_gradient(terms, output)? } else { terms });
        }
    };
    match spec.reduction {
        Some(RowReduction::Sum) => {
            ops::mul_scalar(mean, targets.shape().first().copied().unwrap_or(1) as f32)
        }
        _ => Ok(mean),
    }
}

/// `-(y ln p + (1 - y) ln(1 - p))` of each element.
fn binary_terms<'t>(
    p: Var<'t>,
    y: Var<'t>,
    targets: &Tensor<f32>,
    tape: &'t Tape<f32>,
) -> Result<Var<'t>> {
    let not_y = tape.constant(&(1.0 - targets));
    let not_p = ops::add_scalar(ops::neg(p)?, 1.0)?;
    let yes = ops::mul(y, ops::log(p)?)?;
    let no = ops::mul(not_y, ops::log(not_p)?)?;
    ops::neg(ops::add(yes, no)?)
}

/// Losses of elements that are NaN, as is their gradient. The engine's product with a zero is zero,
/// where the formulas of these losses have a NaN.
fn without_gradient<'t>(terms: Var<'t>, output: Var<'t>) -> Result<Var<'t>> {
    ops::add(terms, ops::mul_scalar(output, f32::NAN)?)
}

/// Losses of elements, summed over the outputs and reduced over the rows.
fn by_row<'t>(spec: &LossSpec, terms: Var<'t>) -> Result<Var<'t>> {
    let rows = terms.shape().first().copied().unwrap_or(1).max(1) as f32;
    let sum = ops::sum(terms)?;
    match spec.reduction {
        Some(RowReduction::Sum) => Ok(sum),
        _ => ops::mul_scalar(sum, 1.0 / rows),
    }
}

fn reduction(spec: &LossSpec) -> Reduction {
    match spec.reduction {
        Some(RowReduction::Sum) => Reduction::Sum,
        _ => Reduction::Mean,
    }
}

/// The loss of a network for a batch, and its value. The value of a cross-entropy after a softmax
/// is that of limited probabilities, although its gradient is that of [`loss`].
pub(super) fn training_loss<'t>(
    spec: &LossSpec,
    network: &Network,
    inputs: Var<'t>,
    targets: &Tensor<f32>,
) -> Result<(Var<'t>, f64)> {
    if spec.name != LossName::Cce || !network.ends_in_softmax() {
        let loss = loss(spec, network, inputs, targets)?;
        return Ok((loss, f64::from(loss.try_value()?.try_item()?)));
    }
    let logits = network.logits(inputs)?;
    let rows = soft_cross_entropy(logits, logits.tape().constant(targets), Reduction::None)?;
    let (each, y) = (rows.try_value()?.to_vec(), targets.to_vec());
    let width = (y.len() / each.len().max(1)).max(1);
    let limited = each.iter().zip(y.chunks(width)).map(|(&loss, y)| {
        let most = -EPS.ln() * y.iter().sum::<f32>();
        f64::from(if loss.is_finite() && loss > most { most } else { loss })
    });
    let sum: f64 = limited.sum();
    let sum_of_rows = spec.reduction == Some(RowReduction::Sum);
    let loss = if sum_of_rows { ops::sum(rows)? } else { ops::mean(rows)? };
    Ok((loss, if sum_of_rows { sum } else { sum / each.len() as f64 }))
}

/// The loss of all rows of a part of the data as a number, without gradients.
///
/// # Errors
/// If the shapes of inputs, outputs and targets do not fit.
pub fn reported(spec: &LossSpec, network: &Network, rows: &Rows) -> Result<f64> {
    let tape = Tape::new();
    tape.no_grad(|| {
        let (_, value) = training_loss(spec, network, tape.constant(&rows.inputs), &rows.targets)?;
        Ok(value)
    })
}

#[cfg(test)]
mod tests;
