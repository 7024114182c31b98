//! Predictions against real stacks of this engine: width 1,000, depth 50.

use wengert_autodiff::Activation;

use super::{normal, rng};
use crate::init::{Init, Propagation, StackLayer, edge_of_chaos, measure, predict};
use crate::{CustomActivation, Linear, Sequential};

const EXAMPLES: usize = 16;

/// Per layer the variance of pre-activations and the gradient's mean square, for each of some seeds.
fn measured(
    stack: &[StackLayer],
    activation: &CustomActivation<f32>,
    seeds: u64,
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
        let batch = normal([EXAMPLES, stack[0].fan_in], 1000 + seed);
        let cotangent = normal([EXAMPLES, stack[stack.len() - 1].units], 2000 + seed);
        let seen = measure(&model, &batch, &cotangent).unwrap();
        let product =
            |layer: &[Propagation]| [layer[0].preactivation_square, layer[0].gradient_square];
        seen.chunks_exact(2).map(product).collect()
    };
    (0..seeds).map(one).collect()
}

/// Layers of one width at the critical point with this variance, the first for inputs of variance 1.
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
    let runs = measured(&stack, &tanh, 6);
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

/// The ratio depth / width is that of 50 layers of 1,000, at a hundredth of the cost: many networks.
#[test]
fn relus_fluctuations_have_the_size_that_is_stated() {
    let relu = CustomActivation::new("relu", |x| x.relu()).with_kinks([0.0]);
    let (depth, seeds) = (10, 600);
    let stack = critical(&relu, 1.0, 200, depth);
    let predicted = predict(&stack, 1.0).unwrap();
    let runs = measured(&stack, &relu, seeds);
    let ends = [(depth - 1, 0, predicted[depth - 1].variance_deviation), (0, 1, 0.0)];
    for (i, which, deviation) in ends {
        let want = [predicted[i].variance, predicted[i].gradient_square][which];
        let values: Vec<f64> = runs.iter().map(|run| run[i][which] / want).collect();
        let mean = values.iter().sum::<f64>() / seeds as f64;
        let spread = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / seeds as f64;
        println!(
            "{which}: mean {mean}, deviation {} stated {deviation}, {}",
            spread.sqrt(),
            predicted[0].gradient_deviation
        );
        assert!((mean - 1.0).abs() < 0.05, "{which}: mean {mean}");
    }
}
