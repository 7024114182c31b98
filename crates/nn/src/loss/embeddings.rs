//! Losses of embeddings: of pairs, triplets and batches of pairs.

use wengert_autodiff::{Element, Error, Result, Var, ops};

use super::{Reduction, constant, domain, magnitude, ordinary, reduce, same_shape, sizes};

/// `1 - cos(a, b)` for pairs with target 1, `max(0, cos(a, b) - margin)` for pairs with target -1.
///
/// # Shapes
/// `a` and `b` are `[.., features]`, the targets and the losses `[..]`.
///
/// # Errors
/// If the shapes do not fit, or the margin is not in -1..=1.
pub fn cosine_embedding_loss<'t, E: Element>(
    a: Var<'t, E>,
    b: Var<'t, E>,
    target: Var<'t, E>,
    margin: f64,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    const OP: &str = "cosine_embedding_loss";
    same_shape(OP, &[a, b])?;
    if !(-1.0..=1.0).contains(&margin) {
        let message = format!("the margin must be in -1..=1, got {margin}");
        return Err(Error::Argument { op: OP, message });
    }
    let cosine = ops::cosine_similarity(a, b, -1, 1e-12)?;
    same_shape(OP, &[cosine, target])?;
    let alike = ops::add_scalar(ops::neg(cosine)?, E::ONE)?;
    let apart = ops::relu(ops::add_scalar(cosine, E::from_f64(-margin))?)?;
    let positive = target.gt_scalar(E::ZERO);
    reduce(ops::where_(&positive, alike, apart)?, reduction)
}

/// Options of [`triplet_margin_loss`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TripletOptions {
    /// The distance by which the negative must be further from the anchor than the positive; 1 by
    /// default.
    pub margin: f64,
    /// The `p` of the norm by which distances are measured; 2 by default.
    pub p: f64,
    /// The number that is added to each difference, so that the distance of equal vectors has a
    /// derivative; 1e-6 by default.
    pub eps: f64,
    /// Whether to use the distance between positive and negative instead of that between anchor and
    /// negative if it is smaller; false by default.
    pub swap: bool,
    /// The reduction of the losses.
    pub reduction: Reduction,
}

impl Default for TripletOptions {
    fn default() -> Self {
        Self { margin: 1.0, p: 2.0, eps: 1e-6, swap: false, reduction: Reduction::Mean }
    }
}

/// `max(0, d(anchor, positive) - d(anchor, negative) + margin)` with the distance
/// `d(a, b) = |a - b + eps|_p`.
///
/// # Shapes
/// All three are `[.., features]`, the losses `[..]`.
///
/// # Errors
/// If the shapes differ, or a number is outside its domain.
///
/// Source: V. Balntas et al., "Learning local feature descriptors with triplets and shallow
/// convolutional neural networks", BMVC 2016.
pub fn triplet_margin_loss<'t, E: Element>(
    anchor: Var<'t, E>,
    positive: Var<'t, E>,
    negative: Var<'t, E>,
    options: TripletOptions,
) -> Result<Var<'t, E>> {
    const OP: &str = "triplet_margin_loss";
    same_shape(OP, &[anchor, positive, negative])?;
    domain::<E>(OP, "the margin", options.margin, true)?;
    domain::<E>(OP, "eps", options.eps, false)?;
    let distance = |a: Var<'t, E>, b: Var<'t, E>| {
        let difference = ops::add_scalar(ops::sub(a, b)?, E::from_f64(options.eps))?;
        ops::norm_axes(difference, options.p, &[-1], false)
    };
    let near = distance(anchor, positive)?;
    let mut far = distance(anchor, negative)?;
    if options.swap {
        far = ops::minimum(far, distance(positive, negative)?)?;
    }
    let losses = ops::add_scalar(ops::sub(near, far)?, E::from_f64(options.margin))?;
    reduce(ops::relu(losses)?, options.reduction)
}

/// The contrastive loss of a batch of pairs: the cross-entropy of each query's own key among all
/// keys, with the cosine similarities divided by `temperature` as logits. With `symmetric`, the
/// mean of this loss and of the loss with queries and keys exchanged.
///
/// # Shapes
/// `queries` and `keys` are `[batch, features]`, the losses `[batch]`.
///
/// # Errors
/// If the shapes differ, or the temperature is not positive and finite.
///
/// Sources: A. van den Oord, Y. Li, O. Vinyals, "Representation learning with contrastive
/// predictive coding", arXiv:1807.03748, 2018; A. Radford et al., "Learning transferable visual
/// models from natural language supervision", ICML 2021.
#[doc(alias = "contrastive_loss")]
pub fn info_nce_loss<'t, E: Element>(
    queries: Var<'t, E>,
    keys: Var<'t, E>,
    temperature: f64,
    symmetric: bool,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    const OP: &str = "info_nce_loss";
    same_shape(OP, &[queries, keys])?;
    domain::<E>(OP, "the temperature", temperature, true)?;
    let shape = queries.shape();
    let &[batch, _] = shape.dims() else {
        let expected = "queries and keys [batch, features]".to_owned();
        return Err(Error::Shapes { op: OP, expected, got: vec![shape] });
    };
    let unit = |x: Var<'t, E>| {
        let magnitudes: Vec<f64> = sizes(OP, x, batch)?.into_iter().map(magnitude).collect();
        // A unit vector does not depend on the length of the vector, so that this constant has no
        // part in its derivative.
        let x = if ordinary(&magnitudes) {
            x
        } else {
            ops::div(x, constant(x, magnitudes.into_iter(), [batch, 1])?)?
        };
        let norm = ops::norm_axes(x, 2.0, &[-1], true)?;
        ops::div(x, ops::clamp(norm, E::from_f64(1e-12), E::INFINITY)?)
    };
    let cosines = ops::matmul(unit(queries)?, ops::transpose(unit(keys)?, 0, 1)?)?;
    let logits = ops::mul_scalar(cosines, E::from_f64(1.0 / temperature))?;
    let own: Vec<usize> = (0..batch).collect();
    let options = ops::CrossEntropyOptions::new().reduction(Reduction::None);
    let losses = ops::cross_entropy_with(logits, &own, options)?;
    if !symmetric {
        return reduce(losses, reduction);
    }
    let others = ops::cross_entropy_with(ops::transpose(logits, 0, 1)?, &own, options)?;
    reduce(ops::mul_scalar(ops::add(losses, others)?, E::from_f64(0.5))?, reduction)
}
