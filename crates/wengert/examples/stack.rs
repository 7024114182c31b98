//! Theory compared with measurement: signal and gradient in a deep network at criticality.
//!
//! `cargo run --release -p wengert --example stack -- [ACTIVATION] [WIDTH] [DEPTH] [SEEDS]`
//!
//! Prints for every tenth layer the variance of the pre-activations and the norm of the gradient,
//! as predicted and as the mean over the seeds, and the expected error of that mean (two standard
//! deviations). The default is 400 relu networks of width 1,000 and depth 50; a single network
//! deviates by half of the predicted value.
//!
//! Where `chi_q > 1`, as for gelu, the variance does not return to its critical value after a
//! deviation: fluctuations grow from layer to layer, and the prediction, which is of first order in
//! 1/width, holds for a few layers only.

use wengert::init::{StackLayer, edge_of_chaos, measure, predict};
use wengert::nn::ActivationLayer;
use wengert::prelude::*;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An argument, or its default.
fn argument(index: usize, name: &str, or: usize) -> Result<usize, Failure> {
    match std::env::args().nth(index) {
        None => Ok(or),
        Some(text) => match text.parse() {
            Ok(0) | Err(_) => {
                Err(format!("{name} must be a positive whole number, got `{text}`").into())
            }
            Ok(number) => Ok(number),
        },
    }
}

/// A row of numbers with mean square 1.
fn direction(width: usize, rng: &mut Pcg64) -> Result<Tensor<f32>, Failure> {
    let draw: Tensor<f32> = Init::Normal { mean: 0.0, std: 1.0 }.sample([1, width], rng)?;
    let length = draw.square().mean().item().sqrt();
    Ok(&draw / &Tensor::scalar(length))
}

fn main() -> Result<(), Failure> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "relu".into());
    let Some(activation) = Activation::ALL.into_iter().find(|act| act.name() == name) else {
        let names: Vec<&str> = Activation::ALL.iter().map(Activation::name).collect();
        return Err(format!("no activation is called `{name}`: {}", names.join(", ")).into());
    };
    let width = argument(2, "WIDTH", 1000)?;
    let depth = argument(3, "DEPTH", 50)?;
    let seeds = argument(4, "SEEDS", 400)?;

    let variance = 0.5;
    let Some(point) = edge_of_chaos(&activation).at_variance(variance)? else {
        return Err(format!("{name} has no edge of chaos at a variance of {variance}").into());
    };
    let first = (variance - point.sigma_b.powi(2)).sqrt();
    let sigma_w = |layer: usize| if layer == 0 { first } else { point.sigma_w };
    let stack: Vec<StackLayer> = (0..depth)
        .map(|i| StackLayer::linear(width, width, activation, sigma_w(i), point.sigma_b))
        .collect();
    let predicted = predict(&stack, 1.0)?;

    let mut sums = vec![[0.0; 2]; depth];
    for seed in 0..seeds {
        let mut rng = Pcg64::seed_from_u64(seed as u64);
        let mut model = Sequential::<f32>::empty();
        for i in 0..depth {
            let init = Init::lecun_normal().gain(sigma_w(i));
            let mut linear = Linear::new(width, width, Activation::Identity, &init, &mut rng)?;
            if let Some(bias) = linear.bias_mut() {
                let draw = Init::Normal { mean: 0.0, std: point.sigma_b };
                *bias.value_mut() = draw.sample([width], &mut rng)?;
            }
            model.push(linear);
            model.push(ActivationLayer(activation));
        }
        let [input, cotangent] = [direction(width, &mut rng)?, direction(width, &mut rng)?];
        let seen = measure(&model, &input, &cotangent)?;
        for (sum, layer) in sums.iter_mut().zip(seen.chunks_exact(2)) {
            sum[0] += layer[0].preactivation_square / seeds as f64;
            sum[1] += layer[0].gradient_square / seeds as f64;
        }
    }

    println!(
        "{seeds} networks of {depth} layers of {width} {name} units, chi_q {:.3}",
        point.chi_q
    );
    println!("{:>5}{:>12}{:>9}{:>12}{:>9}", "layer", "variance", "+-", "gradient", "+-");
    let certain = 2.0 / (seeds as f64).sqrt();
    let mut worst = [0.0_f64; 2];
    for (i, (sum, layer)) in sums.iter().zip(&predicted).enumerate() {
        let ratios = [sum[0] / layer.variance, (sum[1] / layer.gradient_square).sqrt()];
        worst = [0, 1].map(|k| worst[k].max((ratios[k] - 1.0).abs()));
        if i % 10 == 9 || i == 0 || i + 1 == depth {
            // The norm is a square root: its relative deviation is half of that of its square.
            // The mean over a layer's own units is a mean over a sample.
            let sample = (2.0 / width as f64).sqrt();
            let off = [layer.variance_deviation, layer.gradient_deviation];
            let [variance, gradient] = off.map(|deviation| certain * deviation.hypot(sample));
            let gradient = gradient / 2.0;
            let layer = i + 1;
            println!(
                "{layer:>5}{:>12.4}{variance:>9.4}{:>12.4}{gradient:>9.4}",
                ratios[0], ratios[1]
            );
        }
    }
    let [variance, gradient] = worst.map(|off| 100.0 * off);
    println!("at worst {variance:.1} % off in variance and {gradient:.1} % in the gradient's norm");
    Ok(())
}
