//! Predictions compared with measured networks of width 1,000 and depth 50.

use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Parameter, Result, Tape, Tensor, Var};

use super::{normal, rng};
use crate::init::{Init, Propagation, StackLayer, edge_of_chaos, measure, predict};
use crate::{ActivationLayer, CustomActivation, Layer, Linear, Module, Sequential};

/// The variance of pre-activations and the mean square of the gradient in each layer, for some
/// seeds.
fn measured(
    stack: &[StackLayer],
    activation: &CustomActivation<f32>,
    seeds: u64,
    examples: usize,
) -> Vec<Vec<[f64; 2]>> {
    let one = |seed: u64| {
        let mut rng = rng(seed);
        let mut model = Sequential::<f32>::empty();
        for layer in stack {
            let init = Init::lecun_normal().gain(layer.sigma_w);
            let mut linear =
                Linear::new(layer.fan_in, layer.units, Activation::Identity, &init, &mut rng)
                    .unwrap();
            let bias = Init::Normal { mean: 0.0, std: layer.sigma_b };
            *linear.bias_mut().unwrap().value_mut() = bias.sample([layer.units], &mut rng).unwrap();
            model.push(linear);
            model.push(activation.clone());
        }
        let batch = normal([examples, stack[0].fan_in], 1000 + seed);
        let cotangent = normal([examples, stack[stack.len() - 1].units], 2000 + seed);
        let seen = measure(&model, &batch, &cotangent).unwrap();
        let product =
            |layer: &[Propagation]| [layer[0].preactivation_square, layer[0].gradient_square];
        seen.chunks_exact(2).map(product).collect()
    };
    (0..seeds).map(one).collect()
}

/// Layers of one width at the critical point with this variance, the first for inputs of variance
/// 1.
fn critical(
    activation: &CustomActivation<f32>,
    q: f64,
    width: usize,
    depth: usize,
) -> Vec<StackLayer> {
    let point = edge_of_chaos(activation).at_variance(q).unwrap().unwrap();
    let first = (q - point.sigma_b.powi(2)).sqrt();
    let layer = |i| {
        let sigma_w = if i == 0 { first } else { point.sigma_w };
        StackLayer::linear(width, width, activation.clone(), sigma_w, point.sigma_b)
    };
    (0..depth).map(layer).collect()
}

#[test]
fn tanh_of_width_1000_and_depth_50_is_predicted_to_five_per_cent() {
    let tanh = CustomActivation::new("tanh", |x| x.tanh());
    let stack = critical(&tanh, 0.5, 1000, 50);
    let predicted = predict(&stack, 1.0).unwrap();
    let runs = measured(&stack, &tanh, 6, 16);
    for (i, predicted) in predicted.iter().enumerate() {
        let [variance, gradient] =
            [0, 1].map(|which| runs.iter().map(|run| run[i][which]).sum::<f64>() / 6.0);
        let variance = variance / predicted.variance;
        let norm = (gradient / predicted.gradient_square).sqrt();
        assert!((variance - 1.0).abs() < 0.05, "layer {i}: variance {variance}");
        assert!((norm - 1.0).abs() < 0.05, "layer {i}: gradient norm {norm}");
        assert!(predicted.shift.abs() < 0.05 && predicted.variance_deviation < 0.05);
    }
}

/// The ratio depth / width is that of 50 layers of 1,000, at a hundredth of the cost, which allows
/// many networks.
#[test]
fn relus_fluctuations_have_the_size_that_is_stated() {
    let relu = CustomActivation::new("relu", |x| x.relu()).with_kinks([0.0]);
    let (depth, seeds) = (10, 1000);
    let stack = critical(&relu, 1.0, 200, depth);
    let predicted = predict(&stack, 1.0).unwrap();
    let runs = measured(&stack, &relu, seeds, 1);
    let (first, last) = (predicted[0], predicted[depth - 1]);
    for (i, which, want, deviation) in [
        (depth - 1, 0, last.variance, last.variance_deviation),
        (0, 1, first.gradient_square, first.gradient_deviation),
    ] {
        let values: Vec<f64> = runs.iter().map(|run| run[i][which] / want).collect();
        let mean = values.iter().sum::<f64>() / seeds as f64;
        let spread = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / seeds as f64;
        assert!((mean - 1.0).abs() < 4.0 * deviation / (seeds as f64).sqrt(), "{which}: {mean}");
        // To first order in depth / width = 1/20; the input's own length fluctuates as well.
        let ratio = spread.sqrt() / deviation;
        assert!((0.85..1.25).contains(&ratio), "{which}: {} is {ratio} of stated", spread.sqrt());
    }
}

#[test]
fn gradients_of_weights_and_squares_of_activations_are_predicted() {
    // Widths that differ, an activation with a mean, one example.
    let widths = [150, 300, 200, 250];
    let (sigma_w, sigma_b, seeds) = (1.3, 0.2, 60);
    let layer = |w: &[usize]| StackLayer::linear(w[0], w[1], Activation::Relu, sigma_w, sigma_b);
    let stack: Vec<StackLayer> = widths.windows(2).map(layer).collect();
    let predicted = predict(&stack, 1.0).unwrap();
    let mut sums = [[0.0; 3]; 3];
    for seed in 0..seeds {
        let mut rng = rng(seed);
        let mut model = Sequential::<f32>::empty();
        for w in widths.windows(2) {
            let init = Init::lecun_normal().gain(sigma_w);
            let mut linear = Linear::new(w[0], w[1], Activation::Relu, &init, &mut rng).unwrap();
            let bias = Init::Normal { mean: 0.0, std: sigma_b };
            *linear.bias_mut().unwrap().value_mut() = bias.sample([w[1]], &mut rng).unwrap();
            model.push(linear);
        }
        let x = normal([1, widths[0]], 500 + seed);
        let cotangent = normal([1, widths[3]], 900 + seed);
        let seen = measure(&model, &x, &cotangent).unwrap();
        let tape = Tape::new();
        let loss = (model.forward(tape.constant(&x)) * tape.constant(&cotangent)).sum();
        let gradients = loss.backward();
        let weights = model.parameters().into_iter().filter(|(_, p)| p.value().rank() == 2);
        for (sum, ((_, weight), seen)) in sums.iter_mut().zip(weights.zip(&seen)) {
            let gradient = gradients.parameter(weight).unwrap();
            // The norm of the cotangent is sqrt(250) on average; the prediction is for norm 1.
            sum[0] += f64::from(gradient.square().sum().item()) / widths[3] as f64;
            sum[1] += seen.activation_square;
            sum[2] += seen.activation_variance;
        }
    }
    for (i, (sum, predicted)) in sums.iter().zip(&predicted).enumerate() {
        let [gradient, square, variance] = sum.map(|sum| sum / seeds as f64);
        let norm = gradient.sqrt() / predicted.weight_gradient_norm;
        assert!((norm - 1.0).abs() < 0.05, "layer {i}: {norm}");
        for (got, want) in
            [(square, predicted.activation_square), (variance, predicted.activation_variance)]
        {
            assert!((got / want - 1.0).abs() < 0.05, "layer {i}: {got} {want}");
        }
    }
}

/// `tanh` after a convolution of three places on a ring, `y[p] = sum_k W_k x[p + k - 1] + b`.
///
/// # Shapes
/// `[places, channels]` to the same.
#[derive(Clone, Debug, Module)]
struct Ring {
    taps: Vec<Parameter<f32>>,
    bias: Parameter<f32>,
}

const PLACES: usize = 12;
const TAPS: usize = 3;

impl Ring {
    fn new(channels: usize, sigma_w: f64, sigma_b: f64, rng: &mut Pcg64) -> Self {
        // The scheme for a convolution's weight, so that its fan is what is tried.
        let scheme = Init::lecun_normal().gain(sigma_w);
        let weight: Tensor<f32> = scheme.sample([channels, channels, TAPS], rng).unwrap();
        let tap = |k: usize| {
            let k = k as isize;
            Parameter::new(weight.slice(2, k..k + 1).contiguous().reshape([channels, channels]))
        };
        let bias = Init::Normal { mean: 0.0, std: sigma_b };
        let bias = Parameter::new(bias.sample([channels], rng).unwrap());
        Self { taps: (0..TAPS).map(tap).collect(), bias }
    }
}

impl Layer<f32> for Ring {
    fn try_forward<'t>(&self, x: Var<'t, f32>) -> Result<Var<'t, f32>> {
        let tape = x.tape();
        let tap = |(k, tap): (usize, &Parameter<f32>)| {
            let roll = |i: &[usize]| u8::from((i[0] + k + PLACES - 1) % PLACES == i[1]);
            let roll = Tensor::from_fn([PLACES, PLACES], |i| f32::from(roll(i)));
            tape.constant(&roll).matmul(x).matmul(tape.parameter(tap).transpose(0, 1))
        };
        let products = self.taps.iter().enumerate().map(tap);
        let sum = products.reduce(|a, b| a + b).expect("three taps");
        Ok(sum + tape.parameter(&self.bias))
    }
}

#[test]
fn a_convolution_does_the_same_in_each_channel() {
    let (channels, depth, seeds) = (100, 12, 40);
    // Off the edge, so that both variance and gradients change from layer to layer.
    let (sigma_w, sigma_b) = (1.6, 0.3);
    let layer = StackLayer::conv(channels, channels, TAPS, Activation::Tanh, sigma_w, sigma_b);
    let predicted = predict(&vec![layer; depth], 1.0).unwrap();
    let growth = predicted[1].gradient_square / predicted[10].gradient_square;
    assert!(growth > 2.0 && predicted[0].variance > 2.0, "{predicted:?}");
    let mut sums = vec![[0.0; 2]; depth];
    for seed in 0..seeds {
        let mut rng = rng(seed);
        let mut model = Sequential::empty();
        for _ in 0..depth {
            model.push(Ring::new(channels, sigma_w, sigma_b, &mut rng));
            model.push(ActivationLayer(Activation::Tanh));
        }
        let (x, g) = (normal([PLACES, channels], seed), normal([PLACES, channels], 99 + seed));
        let seen = measure(&model, &x, &g).unwrap();
        for (sum, layer) in sums.iter_mut().zip(seen.chunks_exact(2)) {
            sum[0] += layer[0].preactivation_square / seeds as f64;
            sum[1] += layer[0].gradient_square / seeds as f64;
        }
    }
    for (i, (sum, predicted)) in sums.iter().zip(&predicted).enumerate() {
        let variance = sum[0] / predicted.variance;
        let norm = (sum[1] / predicted.gradient_square).sqrt();
        assert!((variance - 1.0).abs() < 0.05, "layer {i}: variance {variance}");
        assert!((norm - 1.0).abs() < 0.05, "layer {i}: gradient norm {norm}");
    }
}
