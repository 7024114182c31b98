//! Conversions between the layouts of a weight's axes.

use wengert_autodiff::{Element, Shape, Tensor, WeightLayout};

/// The shape `[out, in / groups, field ..]` of a weight whose own shape has this layout; `None` if
/// the groups do not divide its first axis, or the inputs come first and there is no second axis.
pub(super) fn canonical(shape: &Shape, layout: WeightLayout) -> Option<Shape> {
    let WeightLayout { groups, inputs_first } = layout;
    let first = shape.dims().first().copied().unwrap_or(1);
    if groups == 0 || !first.is_multiple_of(groups) {
        return None;
    }
    if !inputs_first {
        return Some(shape.clone());
    }
    let [_, second, field @ ..] = shape.dims() else { return None };
    let front = [second.checked_mul(groups)?, first / groups];
    Some(front.into_iter().chain(field.iter().copied()).collect())
}

/// The number of outputs of a weight with this layout.
pub(super) fn outputs(shape: &Shape, layout: WeightLayout) -> usize {
    canonical(shape, layout).and_then(|shape| shape.dims().first().copied()).unwrap_or(1)
}

/// The shapes that [`canonical`] accepts, for an error message.
pub(super) fn needs(layout: WeightLayout) -> &'static str {
    if layout.inputs_first {
        "a weight [in, out / groups, ..] with a number of inputs that the groups divide"
    } else {
        "a weight [out, in / groups, ..] with a number of outputs that the groups divide"
    }
}

/// Permutes a weight `[out, in / groups, ..]` to `[in, out / groups, ..]`. `groups` divides `out`.
pub(super) fn exchanged<E: Element>(weight: &Tensor<E>, groups: usize) -> Tensor<E> {
    let [outputs, group_inputs, field @ ..] = weight.shape().dims() else { return weight.clone() };
    let shape = |front: &[usize]| -> Shape { front.iter().chain(field).copied().collect() };
    let grouped = weight.reshape(shape(&[groups, outputs / groups, *group_inputs]));
    grouped.transpose(1, 2).reshape(shape(&[groups * group_inputs, outputs / groups]))
}
