//! `y_i = sum_j t_ij (ln(sum_k e^(x_ik)) - x_ij)`: the softmax cross-entropy of each row with
//! target probabilities, from the logarithm of the softmax. With `s` the logarithm of the sum the
//! cotangents are `gy (softmax(x) sum(t) - t)` and `gy (s - x)`. The term of a target that is zero
//! is zero for any logit.

use wengert_kernels::{Element, reduce, softmax};

use super::reduction::Reduction;
use super::soft_cross_entropy_grad::SoftCrossEntropyGrad;
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct SoftCrossEntropy;

/// The numbers of rows and of classes.
pub(super) fn matrix(op: &'static str, logits: &Shape, targets: &Shape) -> Result<(usize, usize)> {
    match logits.dims() {
        [front @ .., classes] if *classes > 0 && logits == targets => {
            Ok((front.iter().product(), *classes))
        }
        _ => {
            let expected =
                "logits [.., classes] of one class or more and targets of the same shape"
                    .to_owned();
            Err(Error::Shapes { op, expected, got: vec![logits.clone(), targets.clone()] })
        }
    }
}

impl<E: Element> Op<E> for SoftCrossEntropy {
    described!("soft_cross_entropy", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        matrix("soft_cross_entropy", inputs[0], inputs[1])?;
        Ok(inputs[0][..inputs[0].rank() - 1].into())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (rows, classes) = matrix("soft_cross_entropy", inputs[0].shape(), inputs[1].shape())?;
        let (logits, targets) = (inputs[0].try_contiguous()?, inputs[1].try_contiguous()?);
        let (logits, targets) = (support::slice(&logits), support::slice(&targets));
        let mut terms = ctx.scratch([rows, classes])?;
        softmax::log_softmax_rows(logits, classes, terms.as_mut_slice());
        for (term, &target) in terms.as_mut_slice().iter_mut().zip(targets) {
            *term = if target == E::ZERO { E::ZERO } else { target * -*term };
        }
        let terms = support::slice(&terms);
        let out = ctx.output_by(|out| reduce::sum_axis(terms, [rows, classes, 1], out))?;
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (gy, x, targets) = (node.gy(), node.input(0), node.input(1));
        let for_x = if node.needs(0) {
            Some(node.tape().apply(SoftCrossEntropyGrad, &[gy, x, targets])?)
        } else {
            None
        };
        // The logarithm of the softmax is `x - s`.
        let for_targets = node.needs(1).then(|| -gy.unsqueeze(-1).cotangent_mul(x.log_softmax(-1)));
        cotangents([for_x, for_targets])
    }
}

/// The softmax cross-entropy with target probabilities, `-sum(targets ln softmax(logits))` for each
/// row: for soft labels, distillation, mixup.
///
/// The term of a target that is zero is zero for any logit, so a logit of `-inf` can exclude a
/// class. Targets are not normalized. The accuracy is that of
/// [`cross_entropy`](super::cross_entropy()), times the sum of the targets' magnitudes.
///
/// ```
/// use wengert_autodiff::{Tensor, ops::Reduction};
/// let logits = Tensor::from_slice(&[0.0_f64, 0.0, f64::NEG_INFINITY], [1, 3])?;
/// let targets = Tensor::from_slice(&[0.5, 0.5, 0.0], [1, 3])?;
/// let loss = logits.soft_cross_entropy(&targets, Reduction::Mean);
/// assert!((loss.item() - 2.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Shapes
/// Both are `[.., classes]`; the losses are `[..]`.
///
/// # Errors
/// If the shapes differ or there are no classes.
#[track_caller]
pub fn soft_cross_entropy<'t, E: Element>(
    logits: Var<'t, E>,
    targets: Var<'t, E>,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    reduction.apply(logits.tape().apply(SoftCrossEntropy, &[logits, targets])?)
}

methods! {
    /// The softmax cross-entropy with target probabilities.
    soft_cross_entropy / try_soft_cross_entropy(targets; reduction: Reduction)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("soft_cross_entropy", |s| {
    let shape = s.shape_with_axis();
    let inputs = vec![s.tensor(&shape, &Domain::REAL), s.tensor(&shape, &Domain::REAL)];
    Case::new(SoftCrossEntropy, inputs, |x| {
        let classes = *x[0].shape.last().expect("an axis");
        let rows = x[0].data.chunks(classes).zip(x[1].data.chunks(classes));
        let data = rows.map(|(logits, targets)| {
            let total: f64 = logits.iter().map(|x| x.exp()).sum();
            logits.iter().zip(targets).map(|(x, t)| t * (total.ln() - x)).sum()
        });
        let front = &x[0].shape[..x[0].shape.len() - 1];
        Dense { shape: front.to_vec(), data: data.collect() }
    })
})];
