//! Reductions over all axes, over some, and along one.

use wengert_autodiff::{Result, Tensor, Var, ops};

use super::{Unary, table, unary};
use crate::draw::Draw;
use crate::program::Call;

/// A reduction over some axes.
type OverAxes = for<'t, 'a> fn(Var<'t, f64>, &'a [isize], bool) -> Result<Var<'t, f64>>;

/// An operation along an axis.
type Along = for<'t> fn(Var<'t, f64>, isize) -> Result<Var<'t, f64>>;

pub fn reduction(draw: &mut Draw<'_>) -> Call {
    let (x, shape) = draw.any();
    let all = table![Unary: logsumexp, max, mean, min, prod, sum];
    let over = table![OverAxes: logsumexp_axes, max_axes, mean_axes, min_axes, prod_axes, sum_axes];
    let (axes, keep) = (draw.axes(shape.rank()), draw.flag());
    let correction = draw.small(0, 3);
    let p =
        draw.of(&[2.0, 1.0, 3.0, f64::INFINITY, 0.5, 2.5, f64::NEG_INFINITY, 0.0, -1.0, f64::NAN]);
    match draw.below(20) {
        i @ 0..6 => unary(all[i].0, x, all[i].1),
        i @ 6..12 => {
            let entry = over[i - 6].1;
            let arguments = format!("{axes:?}, {keep}");
            Call::new(all[i - 6].0, arguments, [x], move |v| entry(v[0], &axes, keep))
        }
        12 => Call::new("var", format!("{correction}"), [x], move |v| ops::var(v[0], correction)),
        13 => Call::new("std", format!("{correction}"), [x], move |v| ops::std(v[0], correction)),
        14 => Call::new("norm", format!("{p}"), [x], move |v| ops::norm(v[0], p)),
        15 => {
            let arguments = format!("{axes:?}, {correction}, {keep}");
            Call::new("var", arguments, [x], move |v| ops::var_axes(v[0], &axes, correction, keep))
        }
        16 => {
            let arguments = format!("{axes:?}, {correction}, {keep}");
            Call::new("std", arguments, [x], move |v| ops::std_axes(v[0], &axes, correction, keep))
        }
        17 | 18 => {
            let arguments = format!("{p}, {axes:?}, {keep}");
            Call::new("norm", arguments, [x], move |v| ops::norm_axes(v[0], p, &axes, keep))
        }
        _ => {
            let to = if draw.seldom() { draw.shape().into() } else { draw.broadcasting(&shape) };
            Call::new("sum_to", format!("{to}"), [x], move |v| ops::sum_to(v[0], &to))
        }
    }
}

pub fn along(draw: &mut Draw<'_>) -> Call {
    let (x, shape) = draw.ranked(1);
    let axis = draw.axis(shape.rank());
    let all = table![Along: cumprod, cumsum, log_softmax, softmax];
    let (flag, k) = (draw.flag(), draw.small(0, 4));
    let arguments = format!("{axis}, {flag}");
    match draw.below(10) {
        i @ 0..4 => {
            let entry = all[i].1;
            Call::new(all[i].0, format!("{axis}"), [x], move |v| entry(v[0], axis))
        }
        4 => Call::new("sort", arguments, [x], move |v| Ok(ops::sort(v[0], axis, flag)?.0)),
        5 | 6 => {
            let arguments = format!("{k}, {axis}, {flag}");
            Call::new("topk", arguments, [x], move |v| Ok(ops::topk(v[0], k, axis, flag)?.0))
        }
        7 => Call::new("argmax", arguments, [x], move |v| {
            let index = ops::argmax(v[0], axis, true)?;
            ops::gather(v[0], axis, &index)
        }),
        8 => Call::new("argmin", arguments, [x], move |v| {
            let index = ops::argmin(v[0], axis, flag)?;
            let positions = v[0].shape().iter().copied().max().unwrap_or(1);
            Ok(v[0].tape().constant(&Tensor::one_hot(&index, positions)?))
        }),
        _ => Call::new("argsort", arguments, [x], move |v| {
            let index = ops::argsort(v[0], axis, flag)?;
            ops::gather(v[0], axis, &index)
        }),
    }
}
