//! Losses for rare classes and for areas of images.

use wengert_autodiff::{Element, Error, Result, Shape, Var, ops};

use super::{Reduction, constant, domain, magnitude, ordinary, reduce, same_shape, sizes};

/// Options of [`focal_loss`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FocalOptions {
    /// The weight of positive examples; negative examples have the weight `1 - alpha`. With `None`
    /// both have the weight 1. 0.25 by default.
    pub alpha: Option<f64>,
    /// The exponent by which the loss of easy examples is reduced; 2 by default. With 0 and no
    /// `alpha` the loss is the binary cross-entropy.
    pub gamma: f64,
    /// The reduction of the losses.
    pub reduction: Reduction,
}

impl Default for FocalOptions {
    fn default() -> Self {
        Self { alpha: Some(0.25), gamma: 2.0, reduction: Reduction::Mean }
    }
}

/// The binary cross-entropy of logits, times `(1 - p)^gamma` with the probability `p` of the
/// target, so that easy examples count little: for many negatives and few positives.
///
/// # Shapes
/// Logits and targets have the same shape, which is also that of the losses. The targets lie in
/// 0..=1.
///
/// # Errors
/// If the shapes differ, `alpha` is not in 0..=1, or `gamma` is negative or not finite.
///
/// Source: T.-Y. Lin et al., "Focal loss for dense object detection", ICCV 2017.
pub fn focal_loss<'t, E: Element>(
    logits: Var<'t, E>,
    targets: Var<'t, E>,
    options: FocalOptions,
) -> Result<Var<'t, E>> {
    const OP: &str = "focal_loss";
    same_shape(OP, &[logits, targets])?;
    domain::<E>(OP, "gamma", options.gamma, false)?;
    let entropy = ops::binary_cross_entropy_with_logits(logits, targets, None, Reduction::None)?;
    let one_minus = |x: Var<'t, E>| ops::add_scalar(ops::neg(x)?, E::ONE);
    // 1 - p, without a difference that cancels: each probability is one of its own logit.
    let (yes, no) = (ops::logistic(logits)?, ops::logistic(ops::neg(logits)?)?);
    let negatives = one_minus(targets)?;
    let missed = ops::add(ops::mul(no, targets)?, ops::mul(yes, negatives)?)?;
    let mut losses = if options.gamma == 0.0 {
        entropy
    } else {
        ops::mul(entropy, ops::pow_scalar(missed, E::from_f64(options.gamma))?)?
    };
    if let Some(alpha) = options.alpha {
        if !(0.0..=1.0).contains(&alpha) {
            let message = format!("alpha must be in 0..=1, got {alpha}");
            return Err(Error::Argument { op: OP, message });
        }
        let (positive, negative) = (E::from_f64(alpha), E::from_f64(1.0 - alpha));
        let weights =
            ops::add(ops::mul_scalar(targets, positive)?, ops::mul_scalar(negatives, negative)?)?;
        losses = ops::mul(losses, weights)?;
    }
    reduce(losses, options.reduction)
}

/// One minus the overlap of predicted and true areas: for each sample
/// `1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth)`.
///
/// # Shapes
/// The probabilities `p` and the targets are `[batch, ..]`, the losses `[batch]`.
///
/// # Errors
/// If the shapes differ or there is no batch axis, or `smooth` is negative or not finite.
///
/// Source: F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net: fully convolutional neural networks for
/// volumetric medical image segmentation", 3DV 2016.
pub fn dice_loss<'t, E: Element>(
    probabilities: Var<'t, E>,
    targets: Var<'t, E>,
    smooth: f64,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    const OP: &str = "dice_loss";
    same_shape(OP, &[probabilities, targets])?;
    domain::<E>(OP, "smooth", smooth, false)?;
    let shape = probabilities.shape();
    if shape.rank() == 0 {
        let expected = "probabilities [batch, ..]".to_owned();
        return Err(Error::Shapes { op: OP, expected, got: vec![shape] });
    }
    let axes: Vec<isize> = (1..shape.rank() as isize).collect();
    let total = |x: Var<'t, E>| {
        if axes.is_empty() { Ok(x) } else { ops::sum_axes(x, &axes, false) }
    };
    let overlap =
        |p: Var<'t, E>, t: Var<'t, E>| ops::mul_scalar(total(ops::mul(p, t)?)?, E::from_f64(2.0));
    let areas = |p: Var<'t, E>, t: Var<'t, E>| ops::add(total(p)?, total(t)?);
    let (p, t, batch) = (probabilities, targets, shape[0]);
    // Beside a larger number no small product matters.
    let magnitudes: Vec<f64> = if smooth > 1e-6 {
        Vec::new()
    } else {
        let sizes = sizes(OP, p, batch)?.into_iter().zip(sizes(OP, t, batch)?);
        sizes.map(|(p, t)| magnitude(p.max(t).max(smooth))).collect()
    };
    let (overlap, areas) = if ordinary(&magnitudes) {
        let smooth = E::from_f64(smooth);
        (ops::add_scalar(overlap(p, t)?, smooth)?, ops::add_scalar(areas(p, t)?, smooth)?)
    } else {
        // Areas and overlap in units of the sample's magnitude: products of small probabilities
        // are out of range, but the derivatives of the ratio are not.
        let constant = |numbers: Vec<f64>, rank: usize| {
            let ones = std::iter::repeat_n(1, rank - 1);
            let shape: Shape = std::iter::once(batch).chain(ones).collect();
            constant(p, numbers.into_iter(), shape)
        };
        let smooth = constant(magnitudes.iter().map(|unit| smooth / unit).collect(), 1)?;
        let unit = constant(magnitudes.clone(), 1)?;
        let units = constant(magnitudes, shape.rank())?;
        let (p, t) = (ops::div(p, units)?, ops::div(t, units)?);
        (ops::add(ops::mul(overlap(p, t)?, unit)?, smooth)?, ops::add(areas(p, t)?, smooth)?)
    };
    let losses = ops::add_scalar(ops::neg(ops::div(overlap, areas)?)?, E::ONE)?;
    reduce(losses, reduction)
}
