//! Training 50 layers of tanh on the lab's digits, initialized by `recommend` and otherwise.

use std::path::Path;

use rayon::prelude::*;
use wengert::data::{Idx, ImageSet};
use wengert::prelude::*;

use super::Failure;

const DEPTH: usize = 50;
const WIDTH: usize = 64;
const EPOCHS: usize = 20;
const SEEDS: u64 = 3;
const RATES: [f64; 4] = [0.0003, 0.001, 0.003, 0.01];

/// Images normalized to mean 0 and variance 1 over all pixels, with their labels.
struct Examples {
    inputs: Tensor<f32>,
    labels: Vec<usize>,
}

/// The training and the test set; every fourth image is in the test set.
fn examples() -> Result<(Examples, Examples), Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/data");
    let open = |name: &str| Idx::read(folder.join(name));
    let images = open("digits-images-idx3-ubyte.gz")?;
    let set =
        ImageSet::new(images, open("digits-labels-idx1-ubyte.gz")?, 10)?.with_pixel_max(16)?;
    let pixels = set.scaled_pixels();
    let count = pixels.len() as f32;
    let mean = pixels.iter().sum::<f32>() / count;
    let std = (pixels.iter().map(|p| (p - mean).powi(2)).sum::<f32>() / count).sqrt();
    let part = |test: bool| -> Result<Examples, Failure> {
        let indices: Vec<usize> = (0..set.len()).filter(|i| (i % 4 == 3) == test).collect();
        let some = set.subset(&indices);
        let values = some.scaled_pixels().into_iter().map(|p| (p - mean) / std).collect();
        let inputs = Tensor::from_vec(values, [some.len(), some.pixels_per_image()])?;
        Ok(Examples { inputs, labels: some.labels().iter().map(|&l| l.into()).collect() })
    };
    Ok((part(false)?, part(true)?))
}

/// 50 layers, initialized by a scheme or by the advice for standardized inputs.
fn network(init: Option<&Init>, rng: &mut Pcg64) -> Result<Sequential<f32>, Failure> {
    let mut builder = Sequential::builder();
    let mut inputs = 64;
    let scheme = init.cloned().unwrap_or(Init::Zeros);
    for _ in 1..DEPTH {
        let layer = Linear::config(inputs, WIDTH).activation(Activation::Tanh);
        builder = builder.with(layer.init(scheme.clone()));
        inputs = WIDTH;
    }
    let mut model = builder.with(Linear::config(inputs, 10).init(scheme)).build(rng)?;
    if init.is_none() {
        recommend(&model)?.apply(&mut model, rng)?;
    }
    Ok(model)
}

/// Trains a network for each initialization and learning rate, and prints its accuracy on the test
/// images.
pub fn train() -> Result<(), Failure> {
    let (train, test) = examples()?;
    println!(
        "\n{DEPTH} layers of tanh, {WIDTH} units, {EPOCHS} epochs on {} digits: right of {} others,\n\
         in the mean of {SEEDS} seeds, by learning rate",
        train.labels.len(),
        test.labels.len()
    );
    let heads = RATES.map(|rate| format!("{rate:>9}"));
    println!("  {:14}{}", "", heads.concat());
    for (name, init) in [
        ("advice", None),
        ("N(0, 1)", Some(Init::Normal { mean: 0.0, std: 1.0 })),
        ("N(0, 0.01^2)", Some(Init::Normal { mean: 0.0, std: 0.01 })),
        ("N(0, 1/m^2)", Some(Init::Normal { mean: 0.0, std: 1.0 / WIDTH as f64 })),
    ] {
        let jobs: Vec<(f64, u64)> =
            RATES.iter().flat_map(|&rate| (0..SEEDS).map(move |seed| (rate, seed))).collect();
        let shares = jobs
            .into_par_iter()
            .map(|(rate, seed)| run(init.as_ref(), rate, seed, &train, &test))
            .collect::<Result<Vec<f64>, _>>()?;
        let mean = |seeds: &[f64]| 100.0 * seeds.iter().sum::<f64>() / seeds.len() as f64;
        let row: Vec<String> =
            shares.chunks(SEEDS as usize).map(|s| format!("{:>7.1} %", mean(s))).collect();
        println!("  {name:14}{}", row.concat());
    }
    Ok(())
}

/// The share of test images that a network classifies correctly after training.
fn run(
    init: Option<&Init>,
    rate: f64,
    seed: u64,
    train: &Examples,
    test: &Examples,
) -> Result<f64, Failure> {
    let mut model = network(init, &mut Pcg64::seed_from_u64(seed))?;
    let mut batches = Batches::new(&train.inputs, &train.labels, 32)?.shuffled(seed);
    let mut sgd = Sgd::new(rate).momentum(0.9);
    let mut tape = Tape::new();
    for _ in 0..EPOCHS {
        for batch in batches.epoch() {
            let loss =
                model.forward(tape.constant(&batch.inputs)).cross_entropy(batch.targets.clone());
            sgd.step(&mut model, &loss.backward());
            tape.clear();
        }
    }
    let logits = tape.no_grad(|| model.forward(tape.constant(&test.inputs)).value());
    Ok(accuracy(&logits, &test.labels))
}
