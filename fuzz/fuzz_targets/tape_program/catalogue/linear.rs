//! Matrix products: of two operands, with bias and activation, and by an equation.

use wengert_autodiff::{Shape, ops};

use super::elementwise::any_activation;
use super::optional;
use crate::draw::Draw;
use crate::program::Call;

/// Letters of an equation, and characters that make it malformed.
const LETTERS: [char; 12] = ['i', 'j', 'k', 'i', 'j', ',', '.', '-', '>', ' ', '0', '\n'];

pub fn linear(draw: &mut Draw<'_>) -> Call {
    match draw.below(8) {
        0 | 1 => {
            let (a, shape) = draw.ranked(1);
            let inner = shape.last().copied().unwrap_or(1);
            let mut other: Vec<usize> = match shape.rank().checked_sub(2) {
                Some(front) if draw.flag() => {
                    let batch = Shape::from(&shape[..front]);
                    draw.broadcasting(&batch).to_vec()
                }
                _ => Vec::new(),
            };
            other.push(inner);
            if draw.below(3) > 0 {
                other.push(1 + draw.below(3));
            }
            let b = draw.like(other);
            Call::new("matmul", String::new(), [a, b], |v| ops::matmul(v[0], v[1]))
        }
        2 | 3 => {
            let (x, shape) = draw.ranked(1);
            let (outputs, inputs) = (1 + draw.below(3), shape.last().copied().unwrap_or(1));
            let mut operands = vec![x, draw.like([outputs, inputs])];
            optional(draw, &mut operands, [outputs]);
            let activation = if draw.flag() { any_activation(draw) } else { Default::default() };
            Call::new("linear", format!("{activation:?}"), operands, move |v| {
                ops::linear(v[0], v[1], v.get(2).copied(), activation)
            })
        }
        4 => {
            let (a, b) = (draw.sizes(1), draw.sizes(1));
            let (a, length) = draw.fitted(a);
            let b = if draw.seldom() { draw.like(b) } else { draw.like(length) };
            Call::new("dot", String::new(), [a, b], |v| ops::dot(v[0], v[1]))
        }
        5 => {
            let (a, b) = (draw.sizes(1), draw.sizes(1));
            let operands = [draw.like(a), draw.like(b)];
            Call::new("outer", String::new(), operands, |v| ops::outer(v[0], v[1]))
        }
        _ => einsum(draw),
    }
}

fn einsum(draw: &mut Draw<'_>) -> Call {
    let sizes = draw.sizes(4);
    let mut operands = Vec::new();
    let mut equation = String::new();
    let mut used = Vec::new();
    for operand in 0..1 + draw.below(3) {
        let labels: Vec<usize> = (0..draw.below(4)).map(|_| draw.below(4)).collect();
        let mut shape: Vec<usize> = labels.iter().map(|&label| sizes[label]).collect();
        if operand > 0 {
            equation.push(',');
        }
        if draw.below(4) == 0 {
            equation.push_str("...");
            shape.insert(0, 2);
        }
        equation.extend(labels.iter().map(|&label| char::from(b'i' + label as u8)));
        operands.push(draw.like(shape));
        used.extend(labels);
    }
    if draw.flag() {
        equation.push_str("->");
        if draw.below(4) == 0 {
            equation.push_str("...");
        }
        used.sort_unstable();
        used.dedup();
        let kept = used.iter().filter(|_| draw.flag()).map(|&label| char::from(b'i' + label as u8));
        equation.extend(kept.collect::<Vec<_>>().into_iter().rev());
    }
    if draw.seldom() {
        let at = draw.below(equation.len() + 1);
        equation.insert(at, draw.of(&LETTERS));
    }
    let arguments = format!("{equation:?}");
    Call::new("einsum", arguments, operands, move |v| ops::einsum(&equation, v))
}
