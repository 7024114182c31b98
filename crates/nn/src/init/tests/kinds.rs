//! Initializers use the kinds of parameters that layers state.

use wengert_autodiff::ops::{Conv1dOptions, Conv2dOptions, ConvOptions, ConvTransposeOptions};
use wengert_autodiff::{
    Activation, Kind, Parameter, Result, Shape, Tape, Tensor, Var, WeightLayout,
};

use super::{near, normal, rng};
use crate::init::{
    Distribution, Fan, Init, InitError, Lsuv, LsuvError, StackLayer, lsuv, measure, predict,
    recommend,
};
use crate::{
    Conv, Conv1d, Conv2d, ConvTranspose, ConvTranspose1d, ConvTranspose2d, Embedding, Flatten,
    Layer, LayerNorm, Linear, Module, Sequential, VisitorMut,
};

fn deviation(values: &Tensor<f32>) -> f64 {
    let values: Vec<f64> = values.to_vec().into_iter().map(f64::from).collect();
    (values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64).sqrt()
}

fn linear(inputs: usize, outputs: usize, activation: Activation) -> Linear<f32> {
    Linear::new(inputs, outputs, activation, &Init::xavier_normal(), &mut rng(5)).unwrap()
}

fn values(model: &Sequential<f32>, path: &str) -> Tensor<f32> {
    let parameters = model.parameters();
    parameters.iter().find(|(name, _)| name == path).unwrap().1.value().clone()
}

#[test]
fn a_gain_of_two_axes_is_not_changed() {
    let model = || {
        let mut model = Sequential::<f32>::empty();
        model.push(LayerNorm::new([3, 4]));
        model.push(Flatten);
        model.push(linear(12, 5, Activation::Tanh));
        model
    };
    let advised = &mut model();
    let advice = recommend(advised).unwrap();
    let names: Vec<&str> = advice.layers.iter().map(|layer| layer.weight.as_str()).collect();
    assert_eq!(names, ["2.weight"]);
    assert_eq!(advice.layers[0].bias.as_deref(), Some("2.bias"));
    assert!(advice.others.is_empty() && advice.warning.is_none(), "{advice:?}");
    advice.apply(advised, &mut rng(1)).unwrap();
    let scaled = &mut model();
    let batch = normal([32, 12], 2).reshape([32, 3, 4]);
    let layers = lsuv(scaled, &batch, Lsuv::default(), &mut rng(1)).unwrap();
    assert_eq!(layers.iter().map(|layer| layer.path.as_str()).collect::<Vec<_>>(), ["2"]);
    for model in [advised, scaled] {
        assert_eq!(values(model, "0.weight").to_vec(), [1.0; 12]);
        assert_eq!(values(model, "0.bias").to_vec(), [0.0; 12]);
        assert_ne!(values(model, "2.weight"), values(&model_of_one(), "0.weight"));
    }
}

fn model_of_one() -> Sequential<f32> {
    let mut model = Sequential::empty();
    model.push(linear(12, 5, Activation::Tanh));
    model
}

#[test]
fn a_table_begins_with_rows_of_variance_one_and_its_padding_stays_zero() {
    let model = || {
        let table = Embedding::new(1000, 16, &Init::ones(), &mut rng(1)).unwrap();
        let mut model = Sequential::<f32>::empty();
        model.push(table.padding(3).unwrap());
        model.push(linear(16, 16, Activation::Tanh));
        model
    };
    let row = |model: &Sequential<f32>| values(model, "0.weight").slice(0, 3..4).to_vec();
    let numbers = Tensor::from_fn([64, 5], |i| ((i[0] * 5 + i[1]) * 3 % 1000) as f32);

    let mut advised = model();
    let advice = recommend(&advised).unwrap();
    near(advice.layers[0].variance, 1.0, 1e-12, "claimed");
    assert!(advice.layers[0].reason.contains("table"), "{}", advice.layers[0].reason);
    advice.apply(&mut advised, &mut rng(2)).unwrap();
    near(deviation(&values(&advised, "0.weight")), 1.0, 0.02, "drawn");
    assert_eq!(row(&advised), [0.0; 16]);
    let seen = measure(&advised, &numbers, &Tensor::ones([64, 5, 16])).unwrap();
    near(seen[0].activation_square, 1.0, 0.1, "measured");
    for (layer, predicted) in advice.layers.iter().zip(predict(&advice.stack(), 1.0).unwrap()) {
        near(predicted.variance / (1.0 + predicted.shift), layer.variance, 1e-9, &layer.weight);
    }

    // LSUV scales the rows, and does not orthogonalize them.
    let mut scaled = model();
    let mut table = values(&scaled, "0.weight");
    table.as_mut_slice().iter_mut().enumerate().for_each(|(i, x)| *x *= (i % 7) as f32);
    scaled.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
        if path.to_string() == "0.weight" {
            *parameter.value_mut() = table.clone();
        }
    }));
    let layers = lsuv(&mut scaled, &numbers, Lsuv::default(), &mut rng(2)).unwrap();
    assert_eq!(layers.len(), 2);
    assert_eq!(row(&scaled), [0.0; 16]);
    let scale = layers[0].scale as f32;
    let ratio = |i: usize| values(&scaled, "0.weight").to_vec()[i] - scale * table.to_vec()[i];
    assert!((0..100).all(|i| ratio(i).abs() < 1e-5), "rows keep their directions");

    let table = Embedding::<f32>::new(20, 4, &Init::Zeros, &mut rng(1)).unwrap();
    let mut parameter = table.padding(7).unwrap().weight().clone();
    for init in [
        Init::ones(),
        Init::Normal { mean: 1.0, std: 1.0 },
        Init::Uniform { low: 1.0, high: 2.0 },
        Init::truncated_normal(1.0),
        Init::orthogonal(),
        Init::he_normal(),
        Init::Sparse { sparsity: 0.1, std: 1.0 },
    ] {
        init.redraw(&mut parameter, &mut rng(3)).unwrap();
        let rows = parameter.value().to_vec();
        assert_eq!(rows[28..32], [0.0; 4], "{init:?}");
        assert!(rows.iter().any(|x| *x != 0.0), "{init:?}");
    }
}

#[test]
fn transposed_convolutions_are_drawn_and_advised_by_their_own_fans() {
    for (inputs, outputs, std) in [(3, 100, 0.1443), (100, 3, 0.025)] {
        let options = ConvTransposeOptions::from(Conv2dOptions::new());
        let init = Init::lecun_normal();
        let layer =
            ConvTranspose2d::<f32>::new(inputs, outputs, 4, options, &init, &mut rng(1)).unwrap();
        assert_eq!(layer.weight().kind().fans(), Some((inputs * 16, outputs * 16)));
        near(deviation(layer.weight().value()) / std, 1.0, 0.03, "drawn");
        let mut model = Sequential::<f32>::empty();
        model.push(layer);
        let advice = recommend(&model).unwrap();
        assert_eq!(advice.stack()[0].units, outputs);
        advice.apply(&mut model, &mut rng(2)).unwrap();
        near(deviation(&values(&model, "0.weight")) / std, 1.0, 0.03, "advised");
        // A pre-activation in the middle is a sum over all positions of the kernel.
        let seed = inputs as u64;
        let x = normal([inputs, 30 * 30], seed).reshape([1, inputs, 30, 30]);
        let seen = measure(&model, &x, &Tensor::ones([1, outputs, 33, 33])).unwrap();
        near(seen[0].preactivation_square, advice.layers[0].variance, 0.3, "measured");
    }
}

#[test]
fn the_fans_of_groups_are_those_of_one_group() {
    let options = Conv2dOptions::new().groups(4);
    let layer = Conv2d::<f32>::new(8, 12, 3, options, &Init::he_normal(), &mut rng(1)).unwrap();
    assert_eq!(layer.weight().kind().fans(), Some((2 * 9, 3 * 9)));
    let init = Init::Scaled { distribution: Distribution::Normal, fan: Fan::Out, gain: 1.0 };
    let layer = Conv2d::<f32>::new(8, 400, 3, options, &init, &mut rng(1)).unwrap();
    near(deviation(layer.weight().value()) * 900.0_f64.sqrt(), 1.0, 0.03, "fan out");
    let transposed = ConvTranspose2d::<f32>::new(8, 12, 3, options, &init, &mut rng(1)).unwrap();
    assert_eq!(transposed.weight().kind().fans(), Some((2 * 9, 3 * 9)));
    assert_eq!(transposed.weight().value().shape().dims(), [8, 3, 3, 3]);
    let stack = StackLayer::conv(8, 12, 9, Activation::Relu, 1.0, 0.0).groups(4);
    assert_eq!((stack.fan_in, stack.fan_out, stack.units), (18, 27, 12));
}

/// The mean squares of a layer's outputs and of the gradient with respect to its inputs, with the
/// recommended weights and for inputs and cotangents of mean square 1, relative to the predictions.
fn squares_by_prediction(mut layer: impl Layer<f32>, input: Shape, seed: u64) -> [f64; 2] {
    let advice = recommend(&layer).unwrap();
    advice.apply(&mut layer, &mut rng(seed)).unwrap();
    let draw = |shape: Shape, seed| normal([1, shape.numel()], seed).reshape(shape);
    let tape = Tape::new();
    let x = tape.variable(&draw(input, seed + 1));
    let y = layer.forward(x);
    let gradients = (y * tape.constant(&draw(y.shape(), seed + 2))).sum().backward();
    let predicted = &advice.stack()[0];
    let gradient = predicted.sigma_w.powi(2) * predicted.fan_out as f64 / predicted.fan_in as f64;
    [
        deviation(&y.value()).powi(2) / advice.layers[0].variance,
        deviation(gradients.get(x).unwrap()).powi(2) / gradient,
    ]
}

/// Of the larger image, the input of a convolution or the output of a transposed one, each position
/// is reached by `kernel / stride` positions of the kernel along each axis, in the mean.
fn strided_layers_keep_the_predicted_squares<const AXES: usize>(kernel: [usize; AXES]) {
    let (channels, init) = (48, Init::Zeros);
    for (stride, groups) in [(1, 1), (2, 1), (3, 1), (1, 4), (2, 4), (3, 4)] {
        let options = ConvOptions::new().stride(stride).groups(groups);
        let small = [[200, 12][AXES - 1]; AXES];
        let large: [usize; AXES] = std::array::from_fn(|i| (small[i] - 1) * stride + kernel[i]);
        // Fewer kernel positions reach the border: there are `small * kernel` products on an axis.
        let border: f64 = (0..AXES).map(|i| (small[i] * stride) as f64 / large[i] as f64).product();
        let shape = |size: [usize; AXES]| [2, channels].into_iter().chain(size).collect();
        let rng = || rng(1);
        let conv = Conv::new(channels, channels, kernel, options, &init, &mut rng()).unwrap();
        let transposed =
            ConvTranspose::new(channels, channels, kernel, options, &init, &mut rng()).unwrap();
        let [y, gradient] = squares_by_prediction(conv, shape(large), 10);
        let what = format!("kernel {kernel:?}, stride {stride}, {groups} groups");
        near(y, 1.0, 0.15, &format!("outputs of a convolution, {what}"));
        near(gradient, border, 0.15, &format!("gradient of a convolution, {what}"));
        let [y, gradient] = squares_by_prediction(transposed, shape(small), 20);
        near(y, border, 0.15, &format!("outputs of a transposed convolution, {what}"));
        near(gradient, 1.0, 0.15, &format!("gradient of a transposed convolution, {what}"));
    }
}

#[test]
fn strided_layers_over_lines_keep_the_predicted_squares() {
    // Kernels that are multiples of a stride, and larger or smaller than it.
    for kernel in [2, 4, 5, 6] {
        strided_layers_keep_the_predicted_squares([kernel]);
    }
}

#[test]
fn strided_layers_over_images_keep_the_predicted_squares() {
    strided_layers_keep_the_predicted_squares([4, 6]);
    strided_layers_keep_the_predicted_squares([3, 5]);
}

#[test]
fn fans_of_strided_layers_are_rounded_and_not_zero() {
    let init = Init::he_normal();
    let fans = |kernel: usize, stride: usize| {
        let options = Conv1dOptions::new().stride(stride).groups(2);
        let conv = Conv1d::<f32>::new(2, 2, kernel, options, &init, &mut rng(1)).unwrap();
        let transposed =
            ConvTranspose1d::<f32>::new(2, 2, kernel, options, &init, &mut rng(1)).unwrap();
        [conv.weight().kind().fans().unwrap(), transposed.weight().kind().fans().unwrap()]
    };
    assert_eq!(fans(3, 1), [(3, 3), (3, 3)]);
    assert_eq!(fans(3, 2), [(3, 2), (2, 3)]);
    assert_eq!(fans(4, 3), [(4, 1), (1, 4)]);
    assert_eq!(fans(5, 3), [(5, 2), (2, 5)]);
    assert_eq!(fans(1, usize::MAX), [(1, 1), (1, 1)]);
}

/// The mean square of a gradient after `steps` convolutions by a kernel of three positions with
/// zero padding, on a line of `side` positions, relative to that with circular padding: at each end
/// a third is lost.
fn border_factor(side: usize, steps: usize) -> f64 {
    let mut squares = vec![1.0; side];
    for _ in 0..steps {
        let at = |i: usize| squares.get(i).copied().unwrap_or(0.0);
        squares = (0..side).map(|i| (at(i.wrapping_sub(1)) + at(i) + at(i + 1)) / 3.0).collect();
    }
    squares.iter().sum::<f64>() / side as f64
}

/// The fan-in of 9 makes the mean square of a channel's gradient heavy-tailed: its relative
/// deviation is 1.3 after three layers, and 10 after six. With three layers, 40 networks of 64
/// channels have a standard error of 3 %.
#[test]
fn gradients_of_depthwise_layers_are_predicted() {
    let (channels, depth, side) = (64, 3, 16);
    let options = Conv2dOptions::new().padding(1).groups(channels).activation(Activation::Relu);
    let mut ratios = Vec::new();
    let expected = border_factor(side, depth - 1).powi(2);
    for seed in 0..40 {
        let mut model = Sequential::<f32>::empty();
        for _ in 0..depth {
            let init = Init::Zeros;
            let layer = Conv2d::new(channels, channels, 3, options, &init, &mut rng(1)).unwrap();
            model.push(layer);
        }
        let advice = recommend(&model).unwrap();
        advice.apply(&mut model, &mut rng(seed)).unwrap();
        let predicted = predict(&advice.stack(), 1.0).unwrap()[0].gradient_square;
        let image = |seed| normal([channels, side * side], seed).reshape([1, channels, side, side]);
        let seen = measure(&model, &image(100 + seed), &image(200 + seed)).unwrap();
        ratios.push(seen[0].gradient_square / predicted);
    }
    let count = ratios.len() as f64;
    let mean = ratios.iter().sum::<f64>() / count;
    let variance = ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let error = (variance / count).sqrt();
    assert!(error < 0.05, "the standard error {error} is too large for a test");
    assert!((mean - expected).abs() < 3.0 * error, "{mean} +- {error}, expected {expected}");
}

/// `W W^T` or `W^T W`, whichever is smaller.
fn gram(matrix: &[f64], rows: usize) -> Vec<f64> {
    let columns = matrix.len() / rows;
    let matrix = Tensor::from_slice(matrix, [rows, columns]).unwrap();
    let transposed = matrix.transpose(0, 1);
    let wide = rows <= columns;
    if wide { matrix.matmul(&transposed) } else { transposed.matmul(&matrix) }.to_vec()
}

#[test]
fn orthogonal_convolutions_are_orthogonal_in_each_group() {
    let unit = |gram: &[f64], what: &str| {
        let size = gram.len().isqrt();
        for (i, value) in gram.iter().enumerate() {
            let want = f64::from(u8::from(i % (size + 1) == 0));
            assert!((value - want).abs() < 1e-12, "{what}: {value} at {i}");
        }
    };
    let (inputs, outputs, groups) = (6, 12, 3);
    let options = Conv2dOptions::new().groups(groups);
    let init = Init::orthogonal();
    let plain = Conv2d::<f64>::new(inputs, outputs, 2, options, &init, &mut rng(1)).unwrap();
    // [out, in / groups, 2, 2], a block of rows for each group.
    for group in plain.weight().value().to_vec().chunks(4 * 2 * 4) {
        unit(&gram(group, 4), "convolution");
    }
    let init = Init::orthogonal();
    let transposed =
        ConvTranspose2d::<f64>::new(inputs, outputs, 2, options, &init, &mut rng(1)).unwrap();
    let weight = transposed.weight().value();
    assert_eq!(weight.shape().dims(), [6, 4, 2, 2]);
    for group in 0..3 {
        // [in / groups, out / groups, 2, 2] as [out / groups, (in / groups) 2 2].
        let block = weight.slice(0, 2 * group..2 * group + 2).permute(&[1, 0, 2, 3]);
        unit(&gram(&block.to_vec(), 4), "transposed");
    }
    let init = Init::delta_orthogonal();
    let delta = Conv2d::<f64>::new(inputs, outputs, 3, options, &init, &mut rng(1)).unwrap();
    let centre = delta.weight().value().slice(2, 1..2).slice(3, 1..2);
    for group in centre.to_vec().chunks(4 * 2) {
        unit(&gram(group, 4), "delta");
    }
    let few = Conv2d::<f64>::new(9, 6, 3, options, &init, &mut rng(1)).unwrap_err();
    assert!(few.to_string().contains("in each group"), "{few}");
    // LSUV also orthogonalizes each group.
    let mut model = Sequential::<f64>::empty();
    model.push(plain);
    let batch = Tensor::uniform([8, 6, 5, 5], -1.0, 1.0, &mut rng(2));
    let layers = lsuv(&mut model, &batch, Lsuv::default(), &mut rng(3)).unwrap();
    let weight = model.parameters()[0].1.value().to_vec();
    for group in weight.chunks(4 * 2 * 4) {
        let group: Vec<f64> = group.iter().map(|x| x / layers[0].scale).collect();
        unit(&gram(&group, 4), "lsuv");
    }
}

/// A user-defined module, `relu(x w + offset) v`, with other names and another order of parameters.
#[derive(Clone, Debug, Module)]
struct Own {
    first: Parameter<f32>,
    offset: Parameter<f32>,
    second: Parameter<f32>,
}

impl Own {
    fn new(stated: bool) -> Self {
        let draw = |seed| normal([8, 8], seed);
        let layout = WeightLayout { inputs_first: true, ..WeightLayout::default() };
        let kind = Kind::Weight { fan_in: 8, fan_out: 8, layout };
        let of_kind = |tensor| {
            if stated { Parameter::of_kind(tensor, kind) } else { Parameter::new(tensor) }
        };
        let offset = Tensor::ones([8]);
        Self {
            offset: if stated { Parameter::bias(offset) } else { Parameter::new(offset) },
            first: of_kind(draw(1)),
            second: of_kind(draw(2)),
        }
    }
}

impl Layer<f32> for Own {
    fn try_forward<'t>(&self, x: Var<'t, f32>) -> Result<Var<'t, f32>> {
        let tape = x.tape();
        let hidden = x.matmul(tape.parameter(&self.first)) + tape.parameter(&self.offset);
        Ok(hidden.relu().matmul(tape.parameter(&self.second)))
    }
}

#[test]
fn parameters_of_no_stated_kind_are_not_changed_and_listed() {
    let mut own = Own::new(false);
    let before: Vec<Tensor<f32>> =
        own.parameters().iter().map(|(_, parameter)| parameter.value().clone()).collect();
    let advice = recommend(&own).unwrap();
    assert!(advice.layers.is_empty());
    assert_eq!(advice.others, ["first", "offset", "second"]);
    assert!(advice.to_string().ends_with("not stated: first, offset, second"), "{advice}");
    advice.apply(&mut own, &mut rng(1)).unwrap();
    let error = lsuv(&mut own, &normal([9, 8], 1), Lsuv::default(), &mut rng(1)).unwrap_err();
    assert!(matches!(error, LsuvError::NoWeight { .. }), "{error}");
    assert!(error.to_string().contains("first, offset, second"), "{error}");
    for ((path, parameter), before) in own.parameters().into_iter().zip(&before) {
        assert_eq!(parameter.value(), before, "{path}");
    }
}

#[test]
fn parameters_of_a_stated_kind_need_no_names() {
    let mut own = Own::new(true);
    let advice = recommend(&own).unwrap();
    let of = |i: usize| (advice.layers[i].weight.as_str(), advice.layers[i].bias.as_deref());
    assert_eq!([of(0), of(1)], [("first", Some("offset")), ("second", None)]);
    let clone = own.first.clone();
    assert_eq!(clone.kind(), own.first.kind());
    lsuv(&mut own, &normal([9, 8], 1), Lsuv::default(), &mut rng(1)).unwrap();
    assert_eq!(own.offset.value().to_vec(), [0.0; 8]);
}

#[test]
fn groups_that_do_not_divide_a_weight_are_refused() {
    let layout = WeightLayout { groups: 3, inputs_first: false };
    let kind = Kind::Weight { fan_in: 4, fan_out: 4, layout };
    let refused = Init::he_normal().sample_for::<f32>([4, 4], kind, &mut rng(1)).unwrap_err();
    assert!(matches!(refused, InitError::Shape { .. }), "{refused}");
    assert!(refused.to_string().contains("groups divide"), "{refused}");
    let layout = WeightLayout { groups: 1, inputs_first: true };
    let kind = Kind::Weight { fan_in: 4, fan_out: 4, layout };
    assert!(Init::he_normal().sample_for::<f32>([4], kind, &mut rng(1)).is_err());
}
