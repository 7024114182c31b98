//! Normalizations, and attention.

use wengert_autodiff::{Mask, Shape, ops};

use super::optional;
use crate::draw::Draw;
use crate::program::Call;

pub fn normalization(draw: &mut Draw<'_>) -> Call {
    let eps = draw.eps();
    match draw.below(6) {
        0 => {
            let (x, channels) = channels(draw, 1);
            let mut operands = vec![x];
            let weight = optional(draw, &mut operands, [channels]);
            optional(draw, &mut operands, [channels]);
            Call::new("batch_norm", format!("{eps}, {weight}"), operands, move |v| {
                let (weight, bias) = parts(&v[1..], weight);
                Ok(ops::batch_norm(v[0], weight, bias, eps)?.output)
            })
        }
        1 => {
            let (x, channels) = channels(draw, 1);
            let mut operands = vec![x, draw.like([channels]), draw.like([channels])];
            let weight = optional(draw, &mut operands, [channels]);
            optional(draw, &mut operands, [channels]);
            Call::new("batch_norm_inference", format!("{eps}, {weight}"), operands, move |v| {
                let (weight, bias) = parts(&v[3..], weight);
                ops::batch_norm_inference(v[0], v[1], v[2], weight, bias, eps)
            })
        }
        2 => {
            let groups = draw.small(1, 3);
            let (x, channels) = channels(draw, groups.clamp(1, 2));
            let mut operands = vec![x];
            let weight = optional(draw, &mut operands, [channels]);
            optional(draw, &mut operands, [channels]);
            Call::new("group_norm", format!("{groups}, {eps}, {weight}"), operands, move |v| {
                let (weight, bias) = parts(&v[1..], weight);
                ops::group_norm(v[0], groups, weight, bias, eps)
            })
        }
        kind @ 3..5 => {
            let (x, shape) = draw.ranked(1);
            let axes = draw.small(1, 3);
            let last: Shape =
                shape.iter().skip(shape.rank().saturating_sub(axes)).copied().collect();
            let mut operands = vec![x];
            let weight = optional(draw, &mut operands, &last);
            let options = ops::NormOptions::new().axes(axes).eps(eps);
            let arguments = format!("{options:?}, {weight}");
            if kind == 4 {
                return Call::new("rms_norm", arguments, operands, move |v| {
                    ops::rms_norm(v[0], v.get(1).copied(), options)
                });
            }
            optional(draw, &mut operands, &last);
            Call::new("layer_norm", arguments, operands, move |v| {
                let (weight, bias) = parts(&v[1..], weight);
                ops::layer_norm(v[0], weight, bias, options)
            })
        }
        _ => attention(draw),
    }
}

/// A value `[batch, channels, ..]`, and its number of channels.
fn channels(draw: &mut Draw<'_>, multiple: usize) -> (crate::program::Operand, usize) {
    let rank = 2 + draw.below(3);
    let mut shape = draw.sizes(rank);
    shape[1] *= multiple;
    let (x, shape) = draw.fitted(shape);
    (x, shape.get(1).copied().unwrap_or(1))
}

/// Weight and bias among the given parameters, the first being the weight or not.
fn parts<V: Copy>(given: &[V], weight: bool) -> (Option<V>, Option<V>) {
    let (first, second) = (given.first().copied(), given.get(1).copied());
    if weight { (first, second) } else { (None, first) }
}

fn attention(draw: &mut Draw<'_>) -> Call {
    let rank = draw.below(2);
    let front = Shape::from(draw.sizes(rank));
    let (queries, keys, features, out) =
        (1 + draw.below(3), 1 + draw.below(3), 1 + draw.below(2), 1 + draw.below(2));
    let of = |front: Shape, last: [usize; 2]| front.iter().copied().chain(last).collect::<Shape>();
    let query = draw.like(of(front.clone(), [queries, features]));
    let key = draw.broadcasting(&front);
    let key = draw.like(of(key, [keys, features]));
    let value = draw.broadcasting(&front);
    let value = draw.like(of(value, [keys, out]));
    let mut options = ops::Attention::new();
    if draw.flag() {
        let shape = if draw.seldom() { [queries, keys + 1] } else { [queries, keys] };
        let mask = draw.broadcasting(&shape.into());
        options = options.mask(&Mask::from_fn(&mask, |_| draw.below(4) > 0));
    }
    if draw.flag() {
        options = options.causal();
    }
    if draw.flag() {
        options = options.scale(draw.option());
    }
    let arguments = format!("{options:?}");
    Call::new("scaled_dot_product_attention", arguments, [query, key, value], move |v| {
        ops::scaled_dot_product_attention(v[0], v[1], v[2], &options)
    })
}
