//! `y = w t ln(1 + e^-x) + (1 - t) ln(1 + e^x)`: the cross-entropy of targets `t` with the logistic
//! function of logits `x`, positives weighted by `w`. With `s` the logistic function the cotangents
//! are `gy ((1 - t) s(x) - w t s(-x))`, `gy (w ln(1 + e^-x) - ln(1 + e^x))` and
//! `gy t ln(1 + e^-x)`.

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation};

use super::reduction::Reduction;
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct BinaryCrossEntropy;

const SOFTPLUS: Activation = Activation::Softplus { beta: 1.0 };

impl<E: Element> Op<E> for BinaryCrossEntropy {
    fn name(&self) -> &'static str {
        "binary_cross_entropy_with_logits"
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let op = "binary_cross_entropy_with_logits";
        let ([x, t] | [x, t, _]) = inputs else {
            return Err(Error::Arity { op, expected: 3, got: inputs.len() });
        };
        if x == t && inputs.get(2).is_none_or(|weight| weight.broadcasts_to(x)) {
            return Ok((*x).clone());
        }
        let expected = "logits and targets of one shape, and a weight that broadcasts to it".into();
        Err(Error::Shapes {
            op,
            expected,
            got: inputs.iter().map(|&shape| shape.clone()).collect(),
        })
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        if let Some(losses) = support::each_once(self, inputs, ctx)? {
            return Ok(losses);
        }
        let shape = ctx.shape();
        let (x, targets) = (inputs[0].try_contiguous()?, inputs[1].try_contiguous()?);
        let weight = match inputs.get(2) {
            Some(weight) => Some(weight.try_broadcast_to(shape.clone())?.try_contiguous()?),
            None => None,
        };
        let (x, targets) = (support::slice(&x), support::slice(&targets));
        let (mut negated, mut positive) =
            (ctx.scratch(shape.clone())?, ctx.scratch(shape.clone())?);
        let (negated, positive) = (negated.as_mut_slice(), positive.as_mut_slice());
        wengert_kernels::elementwise::neg(x, negated);
        activation::forward(SOFTPLUS, negated, positive);
        // A term whose factor is zero is zero even if the loss is infinite; NaN stays NaN.
        let product = |factor: E, loss: E| {
            if factor == E::ZERO && !loss.is_nan() { E::ZERO } else { factor * loss }
        };
        ctx.output_by(|out| {
            // First the losses as if all targets were 0, then those of the actual targets.
            activation::forward(SOFTPLUS, x, out);
            let weights = weight.as_ref().map(support::slice);
            let losses = positive.iter().zip(targets).enumerate();
            for (out, (i, (&positive, &target))) in out.iter_mut().zip(losses) {
                let factor = weights.map_or(target, |weights| weights[i] * target);
                *out = product(factor, positive) + product(E::ONE - target, *out);
            }
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (gy, x, targets) = (node.gy(), node.input(0), node.input(1));
        let weight = (node.len() > 2).then(|| node.input(2));
        let weighted = |v: Var<'t, E>| weight.map_or(v, |weight| v * weight);
        let mut result = Cotangents::new();
        result.push(node.needs(0).then(|| {
            let negative = (-targets).add_scalar(E::ONE) * x.logistic();
            gy.cotangent_mul(negative - weighted(targets * (-x).logistic()))
        }));
        result.push(
            node.needs(1).then(|| gy.cotangent_mul(weighted((-x).softplus(1.0)) - x.softplus(1.0))),
        );
        if weight.is_some() {
            result.push(node.needs(2).then(|| gy.cotangent_mul(targets * (-x).softplus(1.0))));
        }
        Ok(result)
    }
}

/// The binary cross-entropy of each element, from logits:
/// `-(pos_weight t ln s(x) + (1 - t) ln(1 - s(x)))` with the logistic function `s`, computed
/// without the overflow and the cancellation of that formula.
///
/// At infinite logits it takes its limits: a logit of `inf` has the loss 0 for a target of 1, and
/// an infinite loss for any other target.
///
/// ```
/// use wengert_autodiff::{Tensor, ops::Reduction};
/// let logits = Tensor::from_slice(&[1e4_f32, -1e4], [2])?;
/// let targets = Tensor::from_slice(&[1.0, 1.0], [2])?;
/// let losses = logits.binary_cross_entropy_with_logits(&targets, None, Reduction::None);
/// assert_eq!(losses.to_vec(), [0.0, 1e4]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Shapes
/// Logits and targets have the same shape, to which `pos_weight`, the factor of the losses of
/// positives, broadcasts.
///
/// # Errors
/// If the shapes do not fit; the message states the expected ones.
#[track_caller]
pub fn binary_cross_entropy_with_logits<'t, E: Element>(
    logits: Var<'t, E>,
    targets: Var<'t, E>,
    pos_weight: Option<Var<'t, E>>,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    let tape = logits.tape();
    reduction.apply(match pos_weight {
        Some(weight) => tape.apply(BinaryCrossEntropy, &[logits, targets, weight])?,
        None => tape.apply(BinaryCrossEntropy, &[logits, targets])?,
    })
}

methods! {
    /// The binary cross-entropy of each element, from logits.
    binary_cross_entropy_with_logits / try_binary_cross_entropy_with_logits(targets [pos_weight]; reduction: Reduction)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("binary_cross_entropy_with_logits", |s| {
    let shape = s.shape();
    let mut inputs = vec![s.tensor(&shape, &Domain::REAL), s.tensor(&shape, &Domain::UNIT)];
    if s.coin() {
        let mut weight: Vec<usize> = shape[s.below(shape.rank() + 1)..].to_vec();
        if let Some(size) = weight.first_mut()
            && s.coin()
        {
            *size = 1;
        }
        inputs.push(s.tensor(&weight.into(), &Domain::POSITIVE));
    }
    Case::new(BinaryCrossEntropy, inputs, |x| {
        Dense::from_fn(&x[0].shape, |index| {
            let (logit, target) = (x[0].at(&index), x[1].at(&index));
            let weight = x.get(2).map_or(1.0, |weight| weight.at(&index));
            weight * target * (1.0 + (-logit).exp()).ln()
                + (1.0 - target) * (1.0 + logit.exp()).ln()
        })
    })
})];
