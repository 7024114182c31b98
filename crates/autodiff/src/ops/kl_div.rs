//! `y = t (ln t - x)`: the terms of the Kullback-Leibler divergence of targets `t` from
//! log-probabilities `x`; with log-probabilities `l = ln t` as targets, `y = e^l (l - x)`. The
//! cotangents are `-gy t` for `x`, and `gy (ln t - x + 1)` or `gy (y + e^l)` for the target. The
//! term of a target that is zero is zero.

use wengert_kernels::{Element, math};

use super::reduction::Reduction;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct KlDiv {
    log_target: bool,
}

impl<E: Element> Op<E> for KlDiv {
    described!("kl_div", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::same("kl_div", inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        if let Some(terms) = support::each_once(self, inputs, ctx)? {
            return Ok(terms);
        }
        let (x, target) = (inputs[0].try_contiguous()?, inputs[1].try_contiguous()?);
        let (x, target) = (support::slice(&x), support::slice(&target));
        let mut other = ctx.scratch(ctx.shape().clone())?;
        let other = other.as_mut_slice();
        let (probability, logarithm): (&[E], &[E]) = if self.log_target {
            math::exp(target, other);
            (other, target)
        } else {
            math::log(target, other);
            (target, other)
        };
        ctx.output_by(|out| {
            let targets = probability.iter().zip(logarithm);
            for ((out, &x), (&probability, &logarithm)) in out.iter_mut().zip(x).zip(targets) {
                let term = probability * (logarithm - x);
                *out = if probability == E::ZERO { E::ZERO } else { term };
            }
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (gy, x, target) = (node.gy(), node.input(0), node.input(1));
        let probability = || if self.log_target { target.exp() } else { target };
        cotangents([
            node.needs(0).then(|| -gy.cotangent_mul(probability())),
            node.needs(1).then(|| {
                if self.log_target {
                    gy.cotangent_mul(node.output() + probability())
                } else {
                    gy.cotangent_mul((target.log() - x).add_scalar(E::ONE))
                }
            }),
        ])
    }
}

/// The terms of the Kullback-Leibler divergence, `target (ln target - x)`, of targets from
/// log-probabilities `x`; the term of a target that is zero is zero. With `log_target` the targets
/// are given as logarithms too.
///
/// The divergence itself is the sum over the classes: [`Reduction::BatchMean`] is its mean over the
/// batch, [`Reduction::Mean`] divides by the classes as well.
///
/// # Shapes
/// Both have the same shape, which is that of the terms.
///
/// # Errors
/// If the shapes differ.
#[track_caller]
pub fn kl_div<'t, E: Element>(
    x: Var<'t, E>,
    target: Var<'t, E>,
    log_target: bool,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    reduction.apply(x.tape().apply(KlDiv { log_target }, &[x, target])?)
}

methods! {
    /// The terms of the Kullback-Leibler divergence.
    kl_div / try_kl_div(target; log_target: bool, reduction: Reduction)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("kl_div", |s| {
    let shape = s.shape();
    let log_target = s.coin();
    let domain = if log_target { Domain::REAL } else { Domain::UNIT };
    let inputs = vec![s.tensor(&shape, &Domain::REAL), s.tensor(&shape, &domain)];
    Case::new(KlDiv { log_target }, inputs, move |x| {
        Dense::zip(
            &x[0],
            &x[1],
            |x, t| {
                if log_target { t.exp() * (t - x) } else { t * (t.ln() - x) }
            },
        )
    })
})];
