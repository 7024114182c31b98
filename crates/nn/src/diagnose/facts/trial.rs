//! [`Trial`]: some steps on a copy of the model and the optimizer.

use wengert_autodiff::{Element, Result, Tape, Tensor};

use crate::diagnose::data::Targets;
use crate::diagnose::loss::Loss;
use crate::forward::Layer;
use crate::module::Role;
use crate::observe::Observer;
use crate::optim::Optimizer;

/// The number of trial steps.
pub(crate) const STEPS: usize = 3;

/// Some trial steps on the same batch.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Trial {
    /// The loss of the batch before each step and after the last one.
    pub losses: Vec<f64>,
    /// The relative change of each weight by all steps together: path, norm of the change over norm
    /// of the weight. Weights that are zero at the start are left out.
    pub changes: Vec<(String, f64)>,
    /// The share of its inputs that each dropout layer set to zero: path, share, number of units.
    pub dropped: Vec<(String, f64, usize)>,
    /// Whether the outputs are zero for all examples after the steps, and were not before.
    pub output_died: bool,
}

/// Carries out the steps on this copy.
pub(crate) fn tried<E: Element, M: Layer<E>>(
    model: &mut M,
    optimizer: &mut dyn Optimizer<E>,
    loss: &Loss<E>,
    roles: &dyn Fn(&str) -> Role,
    (inputs, targets): (&Tensor<E>, &Targets<E>),
) -> Result<Trial> {
    let mut trial = Trial::default();
    let weights = |model: &M| -> Vec<(String, Vec<E>)> {
        let all = model.parameters().into_iter();
        let weights = all.filter(|(_, p)| p.kind().is_weight() && !p.is_frozen());
        weights.map(|(path, p)| (path, p.value().to_vec())).collect()
    };
    let before = weights(model);
    let mut tape = Tape::new();
    let mut silent = [false; 2];
    for step in 0..=STEPS {
        let mut dropped = Vec::new();
        let output = model.observe(
            tape.constant(inputs),
            &mut Observer::new(&mut |path, layer| {
                if step == 0 && roles(path) == Role::Dropout {
                    dropped.push((path.to_owned(), layer));
                }
            }),
        )?;
        for (path, layer) in dropped {
            let (input, output) = (layer.input.try_value()?, layer.output.try_value()?);
            let units = input.shape().last().copied().unwrap_or(1);
            let pairs = input.to_vec().into_iter().zip(output.to_vec());
            let (mut live, mut zero) = (0_usize, 0_usize);
            for (x, y) in pairs.filter(|(x, _)| x.to_f64() != 0.0) {
                live += 1;
                zero += usize::from(y.to_f64() == 0.0 && x.to_f64().is_finite());
            }
            trial.dropped.push((path, zero as f64 / live.max(1) as f64, units));
        }
        let zero = output.try_value()?.to_vec().into_iter().all(|y| y.to_f64() == 0.0);
        if step == 0 || step == STEPS {
            silent[usize::from(step == STEPS)] = zero;
        }
        let value = loss.compute(output, targets)?;
        trial.losses.push(value.try_value()?.try_item()?.to_f64());
        if step < STEPS && value.requires_grad() {
            let gradients = value.try_backward()?;
            optimizer.step(model, &gradients);
        }
        tape.clear();
    }
    trial.output_died = silent == [false, true];
    for ((path, old), (_, new)) in before.into_iter().zip(weights(model)) {
        let square = |x: f64| x * x;
        let size: f64 = old.iter().map(|w| square(w.to_f64())).sum();
        let change: f64 = old.iter().zip(&new).map(|(a, b)| square(a.to_f64() - b.to_f64())).sum();
        if size > 0.0 {
            trial.changes.push((path, (change / size).sqrt()));
        }
    }
    Ok(trial)
}
