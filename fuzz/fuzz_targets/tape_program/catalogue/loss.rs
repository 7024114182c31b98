//! Losses.

use wengert_autodiff::ops::{self, CrossEntropyOptions, Reduction};

use super::optional;
use crate::draw::Draw;
use crate::program::Call;

pub fn loss(draw: &mut Draw<'_>) -> Call {
    let kind = draw.below(14);
    let reduction =
        draw.of(&[Reduction::None, Reduction::Mean, Reduction::Sum, Reduction::BatchMean]);
    if kind < 4 {
        return by_labels(draw, kind, reduction);
    }
    let (x, shape) = if kind == 4 { draw.ranked(2) } else { draw.ranked(1) };
    let target = draw.like(&shape);
    let delta = draw.option();
    let flag = draw.flag();
    match kind {
        4 | 5 => Call::new("soft_cross_entropy", format!("{reduction:?}"), [x, target], move |v| {
            ops::soft_cross_entropy(v[0], v[1], reduction)
        }),
        6 => {
            let mut operands = vec![x, target];
            let weight = draw.broadcasting(&shape);
            optional(draw, &mut operands, weight);
            let name = "binary_cross_entropy_with_logits";
            Call::new(name, format!("{reduction:?}"), operands, move |v| {
                ops::binary_cross_entropy_with_logits(v[0], v[1], v.get(2).copied(), reduction)
            })
        }
        7 => Call::new("kl_div", format!("{flag}, {reduction:?}"), [x, target], move |v| {
            ops::kl_div(v[0], v[1], flag, reduction)
        }),
        8 => Call::new("huber_loss", format!("{delta}, {reduction:?}"), [x, target], move |v| {
            ops::huber_loss(v[0], v[1], delta, reduction)
        }),
        9 => {
            Call::new("smooth_l1_loss", format!("{delta}, {reduction:?}"), [x, target], move |v| {
                ops::smooth_l1_loss(v[0], v[1], delta, reduction)
            })
        }
        10 => Call::new("l1_loss", format!("{reduction:?}"), [x, target], move |v| {
            ops::l1_loss(v[0], v[1], reduction)
        }),
        11 => Call::new("squared_error", format!("{reduction:?}"), [x, target], move |v| {
            ops::squared_error(v[0], v[1], reduction)
        }),
        12 => Call::new("mse_loss", String::new(), [x, target], |v| ops::mse_loss(v[0], v[1])),
        _ => {
            let (axis, eps) = (draw.axis(shape.rank()), draw.eps());
            Call::new("cosine_similarity", format!("{axis}, {eps}"), [x, target], move |v| {
                ops::cosine_similarity(v[0], v[1], axis, eps)
            })
        }
    }
}

/// Losses of rows with a label each.
fn by_labels(draw: &mut Draw<'_>, kind: usize, reduction: Reduction) -> Call {
    let shape = draw.sizes(2);
    let (x, shape) = draw.fitted(shape);
    let (rows, classes) = (shape.first().copied().unwrap_or(1), shape.get(1).copied().unwrap_or(1));
    let labels = draw.labels(rows, classes);
    let ignored = draw.flag().then(|| draw.below(4));
    match kind {
        0 => Call::new("cross_entropy", format!("{labels:?}"), [x], move |v| {
            ops::cross_entropy(v[0], labels.clone())
        }),
        1 => {
            let arguments = format!("{labels:?}, {ignored:?}, {reduction:?}");
            Call::new("nll_loss", arguments, [x], move |v| {
                ops::nll_loss(v[0], &labels, ignored, reduction)
            })
        }
        _ => {
            let smoothing = draw.of(&[0.0, 0.1, 0.5, 1.0, 0.25, -0.1, 1.5, f64::NAN]);
            let mut options =
                CrossEntropyOptions::new().label_smoothing(smoothing).reduction(reduction);
            if let Some(label) = ignored {
                options = options.ignore_index(label);
            }
            Call::new("cross_entropy", format!("{labels:?}, {options:?}"), [x], move |v| {
                ops::cross_entropy_with(v[0], &labels, options)
            })
        }
    }
}
