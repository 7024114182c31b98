//! Random sizes of convolutions, and the naive sums for the output and the two gradients.

use wengert_kernels::activation::Activation;

use super::convolution::{ConvOptions, Sizes};
use crate::op::Op;
use crate::shape::Shape;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Sampler};

/// Sizes of a convolution with few elements, over lines or images; some are empty.
#[cfg(any(test, feature = "testing"))]
pub(super) fn draw(s: &mut Sampler) -> Sizes {
    if s.coin() { draw_axes::<1>(s) } else { draw_axes::<2>(s) }
}

#[cfg(any(test, feature = "testing"))]
fn draw_axes<const AXES: usize>(s: &mut Sampler) -> Sizes {
    let groups = s.choose(&[1, 1, 2]);
    let [batch, group_inputs, group_outputs] =
        [(); 3].map(|()| if s.below(20) == 0 { 0 } else { 1 + s.below(2) });
    let kernel: [usize; AXES] = [(); AXES].map(|()| 1 + s.below(4 - AXES));
    let stride = [(); AXES].map(|()| 1 + s.below(3));
    let dilation = [(); AXES].map(|()| 1 + s.below(2));
    let padding = [(); AXES].map(|()| [s.below(3), s.below(3)]);
    let options = ConvOptions::<AXES>::new()
        .stride(stride)
        .dilation(dilation)
        .padding_sides(padding)
        .groups(groups);
    let outputs = groups * group_outputs;
    let weight = shape([outputs, group_inputs], kernel);
    let extent = |axis: usize| dilation[axis] * (kernel[axis] - 1) + 1;
    let pads = |axis: usize| padding[axis][0] + padding[axis][1];
    let drawn = if s.coin() {
        let size: [usize; AXES] =
            std::array::from_fn(|axis| extent(axis).saturating_sub(pads(axis)) + s.below(3));
        let x = shape([batch, groups * group_inputs], size);
        Sizes::conv::<AXES>("conv", (&x, &weight), &options)
    } else {
        let extra: [usize; AXES] =
            std::array::from_fn(|axis| s.below(stride[axis].max(dilation[axis])));
        // Enough outputs that the input is not all padding.
        let size: [usize; AXES] = std::array::from_fn(|axis| {
            let missing = (pads(axis) + 1).saturating_sub(extent(axis) + extra[axis]);
            missing.div_ceil(stride[axis]) + 1 + s.below(2)
        });
        let y = shape([batch, outputs], size);
        Sizes::transposed::<AXES>("conv", (&y, &weight), &options.output_padding(extra))
    };
    drawn.expect("the sizes fit")
}

fn shape<const AXES: usize>(front: [usize; 2], rest: [usize; AXES]) -> Shape {
    front.into_iter().chain(rest).collect()
}

/// An activation without kinks, and its reference in f64.
#[cfg(any(test, feature = "testing"))]
pub(super) fn activation(s: &mut Sampler) -> (Activation, fn(f64) -> f64) {
    s.choose(&[
        (Activation::Identity, |z| z),
        (Activation::Tanh, f64::tanh),
        (Activation::Silu, |z| z / (1.0 + (-z).exp())),
    ])
}

/// A test case with operands of these shapes.
#[cfg(any(test, feature = "testing"))]
pub(super) fn case<O: Op<f32> + Op<f64> + Clone>(
    s: &mut Sampler,
    op: O,
    shapes: &[Shape],
    reference: impl Fn(&[Dense]) -> Dense + 'static,
) -> Case {
    let inputs = shapes.iter().map(|shape| s.tensor(shape, &Domain::REAL)).collect();
    Case::new(op, inputs, reference)
}

/// Calls `term` with the offsets in the input, the weight and the output for each product of the
/// sums.
fn terms(sizes: Sizes, mut term: impl FnMut(usize, usize, usize)) {
    let geometry = sizes.geometry;
    let [_, inputs, rows, columns] = geometry.input_shape();
    let [batch, outputs, out_rows, out_columns] = geometry.output_shape();
    let [_, group_inputs, kernel_rows, kernel_columns] = geometry.weight_shape();
    let window = geometry.window();
    let at = |axis: usize, i: usize, tap: usize, size: usize| {
        let place = i * window.stride[axis] + tap * window.dilation[axis];
        place.checked_sub(window.padding[axis][0]).filter(|&place| place < size)
    };
    for n in 0..batch {
        for o in 0..outputs {
            let group = o / (outputs / geometry.channels().groups);
            for (i, j) in pairs(out_rows, out_columns) {
                for c in 0..group_inputs {
                    for (r, t) in pairs(kernel_rows, kernel_columns) {
                        let (Some(row), Some(column)) = (at(0, i, r, rows), at(1, j, t, columns))
                        else {
                            continue;
                        };
                        let channel = group * group_inputs + c;
                        term(
                            ((n * inputs + channel) * rows + row) * columns + column,
                            ((o * group_inputs + c) * kernel_rows + r) * kernel_columns + t,
                            ((n * outputs + o) * out_rows + i) * out_columns + j,
                        );
                    }
                }
            }
        }
    }
}

fn pairs(m: usize, n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..m).flat_map(move |i| (0..n).map(move |j| (i, j)))
}

#[cfg(any(test, feature = "testing"))]
pub(super) fn conv(sizes: Sizes, x: &Dense, weight: &Dense) -> Dense {
    let mut out = Dense::zeros(&sizes.output());
    terms(sizes, |xi, wi, yi| out.data[yi] += x.data[xi] * weight.data[wi]);
    out
}

#[cfg(any(test, feature = "testing"))]
pub(super) fn conv_transpose(sizes: Sizes, y: &Dense, weight: &Dense) -> Dense {
    let mut out = Dense::zeros(&sizes.input());
    terms(sizes, |xi, wi, yi| out.data[xi] += y.data[yi] * weight.data[wi]);
    out
}

#[cfg(any(test, feature = "testing"))]
pub(super) fn weight_grad(sizes: Sizes, x: &Dense, y: &Dense) -> Dense {
    let mut out = Dense::zeros(&sizes.weight());
    terms(sizes, |xi, wi, yi| out.data[wi] += x.data[xi] * y.data[yi]);
    out
}

/// The result with the bias of each channel added and the activation applied.
#[cfg(any(test, feature = "testing"))]
pub(super) fn finish(z: &Dense, bias: Option<&Dense>, f: fn(f64) -> f64) -> Dense {
    let bias_of = |index: &[usize]| bias.map_or(0.0, |bias| bias.data[index[1]]);
    let mut places = Dense::from_fn(&z.shape, |index| bias_of(&index));
    for (out, z) in places.data.iter_mut().zip(&z.data) {
        *out = f(*out + z);
    }
    places
}
