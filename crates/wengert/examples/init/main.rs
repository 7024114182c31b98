//! The effect of initializers on deep networks: computed, recommended and measured.
//!
//! `cargo run --release -p wengert --example init`
//!
//! Prints gains and the edge of chaos of activations; then, for networks of 50 layers of 512 units,
//! initialized by `recommend` and by three naive schemes, the variance of activations and gradients
//! in every layer (means of 10 seeds); then the accuracy of 50 layers of tanh trained on
//! handwritten digits.

mod digits;

use rayon::prelude::*;
use wengert::init::{Nonlinearity, edge_of_chaos, gain, measure, phase_diagram, recommend};
use wengert::nn::CustomActivation;
use wengert::prelude::*;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const DEPTH: usize = 50;
const WIDTH: usize = 512;
const SEEDS: u64 = 10;
const EXAMPLES: usize = 32;

fn main() -> Result<(), Failure> {
    gains()?;
    edges()?;
    for activation in activations::<f64>() {
        propagation(&activation)?;
    }
    digits::train()
}

/// A user-defined activation that nearly saturates.
fn leaning<E: Element>(x: Var<'_, E>) -> Var<'_, E> {
    let number = E::from_f64;
    x / (x.square() + number(1.0)).sqrt() + x * number(0.1)
}

fn activations<E: Element>() -> [CustomActivation<E>; 4] {
    [
        CustomActivation::new("tanh", |x| x.tanh()),
        CustomActivation::new("relu", |x| x.relu()).with_kinks([0.0]),
        CustomActivation::new("gelu", |x| x.gelu()),
        CustomActivation::new("x/sqrt(1+x^2) + x/10", leaning),
    ]
}

fn gains() -> Result<(), Failure> {
    println!("Gains, computed for z ~ N(0, 1), compared with PyTorch's table");
    println!(
        "{:22}{:>10}{:>10}{:>9}{:>9}{:>10}",
        "", "1/rms f", "E f'^2", "chi_1", "error", "PyTorch"
    );
    let row = |activation: &dyn Nonlinearity, table: &str| -> Result<(), Failure> {
        let gain = gain(activation)?;
        println!(
            "{:22}{:>10.6}{:>10.6}{:>9.4}{:>9.0e}{table:>10}",
            activation.name(),
            gain.forward,
            gain.slope,
            gain.gradient_factor(),
            gain.error
        );
        Ok(())
    };
    row(&Activation::Identity, "1")?;
    row(&Activation::Logistic, "1")?;
    row(&Activation::Tanh, "1.666667")?;
    row(&Activation::Relu, "1.414214")?;
    row(&Activation::leaky_relu(0.01)?, "1.414143")?;
    row(&Activation::Selu, "0.75")?;
    for activation in [Activation::Gelu, Activation::Silu, Activation::Mish] {
        row(&activation, "-")?;
    }
    row(&activations::<f64>()[3], "-")
}

fn edges() -> Result<(), Failure> {
    println!("\nThe edge of chaos: where the norm of the gradient does not depend on the depth");
    println!("{:22}{:>8}{:>10}{:>10}{:>8}", "", "q", "sigma_w^2", "sigma_b^2", "chi_q");
    for activation in activations::<f64>() {
        for q in [0.1, 0.5, 1.0, 4.0] {
            if let Some(point) = edge_of_chaos(&activation).at_variance(q)? {
                println!(
                    "{:22}{:>8.2}{:>10.4}{:>10.4}{:>8.3}",
                    activation.name(),
                    q,
                    point.sigma_w.powi(2),
                    point.sigma_b.powi(2),
                    point.chi_q
                );
            }
        }
    }
    let steps = |count: usize, width: f64| (0..count).map(move |i| width * i as f64 / 60.0);
    println!("\nThe phases of tanh");
    println!("{}", phase_diagram(&Activation::Tanh, steps(61, 4.0), steps(12, 4.0))?);
    Ok(())
}

/// The initialization of the weights.
#[derive(Clone, Copy)]
enum Start {
    Advised,
    Naive(&'static str, f64),
}

const STARTS: [Start; 4] = [
    Start::Advised,
    Start::Naive("N(0, 1)", 1.0),
    Start::Naive("N(0, 0.01^2)", 0.01),
    Start::Naive("N(0, 1/m^2)", 1.0 / WIDTH as f64),
];

/// Layers, each followed by the activation, all initialized in one way.
fn network(
    activation: &CustomActivation<f64>,
    start: Start,
    rng: &mut Pcg64,
) -> Result<Sequential<f64>, Failure> {
    let mut model = Sequential::empty();
    let init = match start {
        Start::Advised => Init::Zeros,
        Start::Naive(_, std) => Init::Normal { mean: 0.0, std },
    };
    for _ in 0..DEPTH {
        model.push(Linear::new(WIDTH, WIDTH, Activation::Identity, &init, rng)?);
        model.push(activation.clone());
    }
    if let Start::Advised = start {
        recommend(&model)?.apply(&mut model, rng)?;
    }
    Ok(model)
}

/// The variance of activations, and of gradients with respect to pre-activations, in each layer.
type Layers = Vec<[f64; 2]>;

fn mean_of_seeds(activation: &CustomActivation<f64>, start: Start) -> Result<Layers, Failure> {
    let one = |seed: u64| -> Result<Layers, Failure> {
        let mut rng = Pcg64::seed_from_u64(seed);
        let model = network(activation, start, &mut rng)?;
        let normal = Init::Normal { mean: 0.0, std: 1.0 };
        let batch = normal.sample([EXAMPLES, WIDTH], &mut rng)?;
        let cotangent = normal.sample([EXAMPLES, WIDTH], &mut rng)?;
        let seen = measure(&model, &batch, &cotangent)?;
        // Each layer is observed twice: its product, then its activation.
        let each = seen.chunks_exact(2);
        Ok(each.map(|pair| [pair[1].activation_variance, pair[0].gradient_square]).collect())
    };
    let runs: Vec<Layers> = (0..SEEDS).into_par_iter().map(one).collect::<Result<_, _>>()?;
    let mean = |layer: usize, which: usize| {
        runs.iter().map(|run| run[layer][which]).sum::<f64>() / SEEDS as f64
    };
    Ok((0..DEPTH).map(|layer| [mean(layer, 0), mean(layer, 1)]).collect())
}

fn propagation(activation: &CustomActivation<f64>) -> Result<(), Failure> {
    println!(
        "\n{}: {DEPTH} layers of {WIDTH}, means of {SEEDS} seeds",
        Nonlinearity::name(activation)
    );
    let model = network(activation, STARTS[0], &mut Pcg64::seed_from_u64(0))?;
    for layer in &recommend(&model)?.layers[..2] {
        println!("  layer {}: {}", layer.weight, layer.reason);
        println!("      sigma_w {:.4}, sigma_b {:.4}", layer.sigma_w, layer.sigma_b);
    }
    println!(
        "  {:14}{:12}{:>9}{:>10}{:>10}  by layer, 1e-3 to 1e3 of the first",
        "", "", "first", "last", "factor"
    );
    for start in STARTS {
        let layers = mean_of_seeds(activation, start)?;
        let name = match start {
            Start::Advised => "advice",
            Start::Naive(name, _) => name,
        };
        for (which, what) in ["activations", "gradients"].into_iter().enumerate() {
            let values: Vec<f64> = layers.iter().map(|layer| layer[which]).collect();
            // Gradients are in the order of the backward pass.
            let (from, to) = (values[0], values[DEPTH - 1]);
            let factor = if which == 0 { to / from } else { from / to };
            let reference = if which == 0 { from } else { to };
            println!(
                "  {:14}{what:12}{from:>9.2e}{to:>10.2e}{factor:>10.2e}  {}",
                if which == 0 { name } else { "" },
                bars(&values, reference)
            );
        }
    }
    Ok(())
}

/// One bar per layer, on a logarithmic scale; `!` where the number is not finite.
fn bars(values: &[f64], reference: f64) -> String {
    const BARS: [char; 7] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇'];
    let bar = |value: &f64| {
        if !value.is_finite() {
            return '!';
        }
        // One decade per step, with the reference in the middle.
        let place = (value / reference).log10() + 3.0;
        BARS[place.round().clamp(0.0, 6.0) as usize]
    };
    values.iter().map(bar).collect()
}
