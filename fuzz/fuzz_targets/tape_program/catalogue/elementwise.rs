//! Elementwise operations: arithmetic, elementary functions, activations, comparisons and
//! selections.

use wengert_autodiff::{Activation, ops};

use super::{Binary, Unary, table, unary as one};
use crate::draw::Draw;
use crate::program::Call;

pub fn unary(draw: &mut Draw<'_>) -> Call {
    let (x, _) = draw.any();
    let all = table![Unary:
        abs, ceil, cos, erf, erfc, exp, exp_m1, floor, log, log_1p, neg, reciprocal, round, rsqrt, sign,
        sin, sqrt, square, tan, trunc
    ];
    let number = draw.number();
    match draw.below(all.len() + 4) {
        0 => Call::new("add_scalar", format!("{number}"), [x], move |v| {
            ops::add_scalar(v[0], number)
        }),
        1 => Call::new("mul_scalar", format!("{number}"), [x], move |v| {
            ops::mul_scalar(v[0], number)
        }),
        2 => Call::new("pow_scalar", format!("{number}"), [x], move |v| {
            ops::pow_scalar(v[0], number)
        }),
        3 => {
            let high = draw.number();
            let arguments = format!("{number}, {high}");
            Call::new("clamp", arguments, [x], move |v| ops::clamp(v[0], number, high))
        }
        i => one(all[i - 4].0, x, all[i - 4].1),
    }
}

/// Any activation, with parameters that are nearly always in its domain.
pub fn any_activation(draw: &mut Draw<'_>) -> Activation {
    let factor = draw.option();
    draw.of(&Activation::ALL).map_numbers(|number| number * factor)
}

pub fn activation(draw: &mut Draw<'_>) -> Call {
    let (x, _) = draw.any();
    let all = table![Unary:
        gelu, gelu_tanh, hard_sigmoid, hard_swish, log_sigmoid, logistic, mish, relu, relu6, selu, silu,
        softsign, tanh, tanhshrink
    ];
    let i = draw.below(all.len() + 7);
    if let Some(&(name, entry)) = all.get(i) {
        return one(name, x, entry);
    }
    let a = draw.option();
    match i - all.len() {
        0 => Call::new("leaky_relu", format!("{a}"), [x], move |v| ops::leaky_relu(v[0], a)),
        1 => Call::new("elu", format!("{a}"), [x], move |v| ops::elu(v[0], a)),
        2 => Call::new("celu", format!("{a}"), [x], move |v| ops::celu(v[0], a)),
        3 => Call::new("softplus", format!("{a}"), [x], move |v| ops::softplus(v[0], a)),
        4 => Call::new("softshrink", format!("{a}"), [x], move |v| ops::softshrink(v[0], a)),
        5 => {
            let (min, max) = (draw.number(), a);
            Call::new("hard_tanh", format!("{min}, {max}"), [x], move |v| {
                ops::hard_tanh(v[0], min, max)
            })
        }
        _ => {
            let activation = any_activation(draw);
            let arguments = format!("{activation:?}");
            Call::new(activation.name(), arguments, [x], move |v| ops::activate(v[0], activation))
        }
    }
}

pub fn binary(draw: &mut Draw<'_>) -> Call {
    let all =
        table![Binary: add, atan2, div, maximum, minimum, mul, mul_no_nan, pow, rem, share, sub];
    let (name, entry) = draw.of(all);
    let (a, shape) = draw.any();
    let other = draw.broadcasting(&shape);
    let b = draw.like(other);
    let operands = if draw.flag() { [b, a] } else { [a, b] };
    Call::new(name, String::new(), operands, move |v| entry(v[0], v[1]))
}

/// Comparisons of values, and selections by a mask: one of bytes, or of a comparison.
pub fn choice(draw: &mut Draw<'_>) -> Call {
    let (a, shape) = draw.any();
    let other = draw.broadcasting(&shape);
    let b = draw.like(other);
    macro_rules! compare {
        ($name:ident) => {
            Call::new(stringify!($name), String::new(), [a, b], |v| {
                Ok(v[0].tape().constant(&ops::$name(v[0], v[1])?.to_tensor()))
            })
        };
    }
    match draw.below(9) {
        0 => compare!(lt),
        1 => compare!(le),
        2 => compare!(gt),
        3 => compare!(ge),
        4 => compare!(eq),
        5 => compare!(ne),
        6 => {
            let chosen = draw.broadcasting(&shape);
            let mask = draw.mask(&chosen);
            let arguments = format!("{:?}", mask.to_vec());
            Call::new("where", arguments, [a, b], move |v| ops::where_(&mask, v[0], v[1]))
        }
        7 => {
            // The selection changes with the value itself: a kink where the value is 0.
            Call::new("where", "a < a / 2, a, -a".into(), [a.clone(), a], |v| {
                let mask = ops::lt(v[0], ops::mul_scalar(v[1], 0.5)?)?;
                ops::where_(&mask, v[0], ops::neg(v[1])?)
            })
        }
        _ => {
            let chosen = draw.broadcasting(&shape);
            let (mask, number) = (draw.mask(&chosen), draw.number());
            let arguments = format!("{:?}, {number}", mask.to_vec());
            Call::new("masked_fill", arguments, [a], move |v| ops::masked_fill(v[0], &mask, number))
        }
    }
}
