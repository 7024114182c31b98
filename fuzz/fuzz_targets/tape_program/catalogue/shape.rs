//! Operations on shapes: views, parts and copies.

use wengert_autodiff::{Shape, Step, ops};

use crate::draw::Draw;
use crate::program::Call;

/// Permuted, reshaped and repeated values.
pub fn turned(draw: &mut Draw<'_>) -> Call {
    let (x, shape) = draw.any();
    let rank = shape.rank();
    let (a, b) = (draw.axis(rank), draw.axis(rank));
    match draw.below(12) {
        0 => {
            let to: Shape = if draw.flag() { merged(draw, &shape) } else { draw.shape().into() };
            Call::new("reshape", format!("{to}"), [x], move |v| ops::reshape(v[0], &to))
        }
        1 => Call::new("flatten", format!("{a}, {b}"), [x], move |v| ops::flatten(v[0], a, b)),
        2 => Call::new("squeeze", format!("{a}"), [x], move |v| ops::squeeze(v[0], a)),
        3 => Call::new("unsqueeze", format!("{a}"), [x], move |v| ops::unsqueeze(v[0], a)),
        4 => {
            let mut order: Vec<isize> = (0..rank as isize).collect();
            for last in (1..rank).rev() {
                order.swap(last, draw.below(last + 1));
            }
            if draw.seldom() {
                order.push(a);
            }
            Call::new("permute", format!("{order:?}"), [x], move |v| ops::permute(v[0], &order))
        }
        5 => Call::new("transpose", format!("{a}, {b}"), [x], move |v| ops::transpose(v[0], a, b)),
        6 => Call::new("move_axis", format!("{a}, {b}"), [x], move |v| ops::move_axis(v[0], a, b)),
        7 => {
            let to: Shape = if draw.seldom() { draw.shape().into() } else { grown(draw, &shape) };
            Call::new("broadcast_to", format!("{to}"), [x], move |v| ops::broadcast_to(v[0], &to))
        }
        8 => {
            let len = if draw.seldom() { draw.below(5) } else { rank + draw.below(2) };
            let times: Vec<usize> = (0..len).map(|_| draw.small(0, 3)).collect();
            Call::new("repeat", format!("{times:?}"), [x], move |v| ops::repeat(v[0], &times))
        }
        9 => {
            let times = draw.small(0, 4);
            let arguments = format!("{times}, {a}");
            Call::new("repeat_interleave", arguments, [x], move |v| {
                ops::repeat_interleave(v[0], times, a)
            })
        }
        10 => {
            let axes = draw.axes(rank);
            Call::new("flip", format!("{axes:?}"), [x], move |v| ops::flip(v[0], &axes))
        }
        _ => {
            let shifts: Vec<(isize, isize)> =
                draw.axes(rank).into_iter().map(|axis| (axis, draw.offset(4))).collect();
            Call::new("roll", format!("{shifts:?}"), [x], move |v| ops::roll(v[0], &shifts))
        }
    }
}

/// Adjacent axes merged, and axes of size 1 inserted.
fn merged(draw: &mut Draw<'_>, shape: &Shape) -> Shape {
    let mut sizes: Vec<usize> = Vec::new();
    for &size in shape.iter() {
        match sizes.last_mut() {
            Some(last) if draw.flag() => *last *= size,
            _ => sizes.push(size),
        }
        if draw.below(4) == 0 {
            sizes.push(1);
        }
    }
    sizes.into()
}

/// Axes of size 1 repeated, and new leading axes.
fn grown(draw: &mut Draw<'_>, shape: &Shape) -> Shape {
    let mut sizes: Vec<usize> = (0..draw.below(2)).map(|_| draw.below(4)).collect();
    sizes.extend(shape.iter().map(|&size| if size == 1 { draw.below(4) } else { size }));
    sizes.into()
}

/// Parts of a value, and diagonals.
pub fn parts(draw: &mut Draw<'_>) -> Call {
    let kind = draw.below(13);
    let (x, shape) = draw.ranked(if kind < 6 { 1 } else { 2 });
    let axis = draw.axis(shape.rank());
    let size = usize::try_from(axis).map_or_else(
        |_| shape.iter().rev().nth(axis.unsigned_abs() - 1).copied(),
        |axis| shape.get(axis).copied(),
    );
    let size = size.unwrap_or(1);
    let offset = draw.offset(2);
    match kind {
        0 | 1 => {
            let mut bound = || draw.flag().then(|| draw.offset(4));
            let (start, stop) = (bound(), bound());
            let range = Step { start, stop, step: draw.offset(2) };
            Call::new("slice", format!("{axis}, {range:?}"), [x], move |v| {
                ops::slice(v[0], axis, range)
            })
        }
        2 => {
            let (start, len) = (draw.small(0, 3), draw.small(0, 4));
            let arguments = format!("{axis}, {start}, {len}");
            Call::new("narrow", arguments, [x], move |v| ops::narrow(v[0], axis, start, len))
        }
        3 => Call::new("select", format!("{axis}, {offset}"), [x], move |v| {
            ops::select(v[0], axis, offset)
        }),
        4 => {
            let mut left = size;
            let mut sizes = Vec::new();
            while left > 0 && sizes.len() < 3 {
                sizes.push(draw.below(left + 1));
                left -= sizes[sizes.len() - 1];
            }
            sizes.push(if draw.seldom() { draw.small(0, 4) } else { left });
            let part = draw.below(sizes.len());
            let arguments = format!("{sizes:?}, {axis}; part {part}");
            Call::new("split", arguments, [x], move |v| Ok(ops::split(v[0], &sizes, axis)?[part]))
        }
        5 => {
            let (count, part) = (draw.below(4), draw.below(4));
            let arguments = format!("{count}, {axis}; part {part}");
            // There may be fewer parts than requested.
            Call::new("chunk", arguments, [x], move |v| {
                let parts = ops::chunk(v[0], count, axis)?;
                Ok(parts.get(part).or(parts.last()).copied().expect("at least one part"))
            })
        }
        6 => Call::new("diagonal", format!("{offset}"), [x], move |v| ops::diagonal(v[0], offset)),
        7 => Call::new("trace", String::new(), [x], |v| ops::trace(v[0])),
        8 | 9 => Call::new("diag", format!("{offset}"), [x], move |v| ops::diag(v[0], offset)),
        10 => Call::new("diag_embed", format!("{offset}"), [x], move |v| {
            ops::diag_embed(v[0], offset)
        }),
        11 => Call::new("tril", format!("{offset}"), [x], move |v| ops::tril(v[0], offset)),
        _ => Call::new("triu", format!("{offset}"), [x], move |v| ops::triu(v[0], offset)),
    }
}

/// Several values concatenated, and padded values.
pub fn joined(draw: &mut Draw<'_>) -> Call {
    let (x, shape) = draw.any();
    let axis = draw.axis(shape.rank());
    match draw.below(4) {
        0 | 1 => {
            let concat = draw.flag();
            let mut operands = vec![x];
            for _ in 0..draw.below(3) {
                let mut other = shape.to_vec();
                if concat && !other.is_empty() {
                    let at = axis.rem_euclid(other.len() as isize) as usize;
                    other[at] = draw.below(4);
                }
                operands.push(draw.like(other));
            }
            if draw.seldom() {
                operands.clear();
            }
            let (name, entry) = if concat {
                ("concat", ops::concat as Joined)
            } else {
                ("stack", ops::stack as Joined)
            };
            Call::new(name, format!("{axis}"), operands, move |v| entry(v, axis))
        }
        _ => {
            let widths: Vec<ops::PadWidth> = draw
                .axes(shape.rank())
                .into_iter()
                .map(|axis| (axis, draw.small(0, 3), draw.small(0, 3)).into())
                .collect();
            let mode = match draw.below(3) {
                0 => ops::PadMode::Constant(draw.number()),
                1 => ops::PadMode::Reflect,
                _ => ops::PadMode::Edge,
            };
            Call::new("pad", format!("{widths:?}, {mode:?}"), [x], move |v| {
                ops::pad(v[0], &widths, mode)
            })
        }
    }
}

type Joined = for<'t, 'a> fn(
    &'a [wengert_autodiff::Var<'t, f64>],
    isize,
) -> wengert_autodiff::Result<wengert_autodiff::Var<'t, f64>>;
