//! Convolutions and pools over lines and images.

use wengert_autodiff::ops::{self, ConvOptions, Pool};

use super::elementwise::any_activation;
use super::optional;
use crate::draw::Draw;
use crate::program::{Call, Operand};

/// A size for each axis.
fn each<const AXES: usize>(draw: &mut Draw<'_>, least: usize, end: usize) -> [usize; AXES] {
    std::array::from_fn(|_| draw.small(least, end))
}

pub fn convolution(draw: &mut Draw<'_>) -> Call {
    if draw.flag() { convolve::<1>(draw) } else { convolve::<2>(draw) }
}

fn convolve<const AXES: usize>(draw: &mut Draw<'_>) -> Call {
    let groups = draw.small(1, 3);
    let mut options = ConvOptions::<AXES>::new()
        .stride(each(draw, 1, 3))
        .dilation(each(draw, 1, 3))
        .padding_sides(std::array::from_fn(|_| [draw.small(0, 3), draw.small(0, 3)]))
        .groups(groups);
    if draw.flag() {
        options = options.activation(any_activation(draw));
    }
    let transposed = draw.flag();
    let most = groups.clamp(1, 2);
    let (inputs, outputs) = (most * (1 + draw.below(2)), most * (1 + draw.below(2)));
    let mut x = vec![1 + draw.below(2), inputs];
    let mut weight =
        if transposed { vec![inputs, outputs / most] } else { vec![outputs, inputs / most] };
    x.extend((0..AXES).map(|_| 1 + draw.below(3)));
    weight.extend((0..AXES).map(|_| 1 + draw.below(2)));
    let mut operands: Vec<Operand> = vec![draw.like(x), draw.like(weight)];
    optional(draw, &mut operands, [outputs]);
    if transposed {
        let options = options.output_padding(each(draw, 0, 2));
        let arguments = format!("{options:?}");
        let name = if AXES == 1 { "conv_transpose1d" } else { "conv_transpose2d" };
        return Call::new(name, arguments, operands, move |v| {
            ops::conv_transpose(v[0], v[1], v.get(2).copied(), options)
        });
    }
    let name = if AXES == 1 { "conv1d" } else { "conv2d" };
    Call::new(name, format!("{options:?}"), operands, move |v| {
        ops::conv(v[0], v[1], v.get(2).copied(), options)
    })
}

pub fn pool(draw: &mut Draw<'_>) -> Call {
    if draw.flag() { slide::<1>(draw) } else { slide::<2>(draw) }
}

fn slide<const AXES: usize>(draw: &mut Draw<'_>) -> Call {
    let front = draw.below(3);
    let mut shape = draw.sizes(front);
    shape.extend((0..AXES).map(|_| 1 + draw.below(4)));
    let x = draw.like(shape);
    let options = Pool::<AXES>::new(each(draw, 1, 4))
        .stride(each(draw, 1, 3))
        .padding_sides(std::array::from_fn(|_| [draw.small(0, 2), draw.small(0, 2)]))
        .dilation(if draw.flag() { [1; AXES] } else { each(draw, 1, 3) })
        .ceil_mode(draw.flag())
        .count_include_pad(draw.flag());
    let line = AXES == 1;
    match draw.below(3) {
        0 => {
            let name = if line { "avg_pool1d" } else { "avg_pool2d" };
            Call::new(name, format!("{options:?}"), [x], move |v| ops::avg_pool(v[0], options))
        }
        1 => {
            let name = if line { "max_pool1d" } else { "max_pool2d" };
            Call::new(name, format!("{options:?}"), [x], move |v| ops::max_pool(v[0], options))
        }
        _ => {
            let output: [usize; 2] = each(draw, 1, 4);
            if line {
                return Call::new("adaptive_avg_pool1d", format!("{}", output[0]), [x], move |v| {
                    ops::adaptive_avg_pool1d(v[0], output[0])
                });
            }
            Call::new("adaptive_avg_pool2d", format!("{output:?}"), [x], move |v| {
                ops::adaptive_avg_pool2d(v[0], output)
            })
        }
    }
}
