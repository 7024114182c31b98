//! Training on the digits the lab has: 50 layers of tanh, by advice and not.

use std::path::Path;

use wengert::data::{Idx, ImageSet};
use wengert::init::recommend_for;
use wengert::prelude::*;

use super::Failure;

const DEPTH: usize = 50;
const WIDTH: usize = 64;
const EPOCHS: usize = 30;
const RATE: f64 = 0.003;

/// Images scaled to mean 0 and variance 1 over all pixels, with their labels.
struct Examples {
    inputs: Tensor<f32>,
    labels: Vec<usize>,
}

/// Every fourth image is for testing.
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

fn network(init: Option<Init>, rng: &mut Pcg64) -> Result<Sequential<f32>, Failure> {
    let mut builder = Sequential::builder();
    let mut inputs = 64;
    let scheme = init.clone().unwrap_or(Init::Zeros);
    for _ in 1..DEPTH {
        builder = builder.linear(inputs, WIDTH, Activation::Tanh).init(scheme.clone());
        inputs = WIDTH;
    }
    let mut model =
        builder.linear(inputs, 10, Activation::Identity).init(scheme).build::<f32>(rng)?;
    if init.is_none() {
        recommend_for(&model, 1.0)?.apply(&mut model, rng)?;
    }
    Ok(model)
}

/// Trains the network begun in each way and prints its accuracy on the test images.
pub fn train() -> Result<(), Failure> {
    let (train, test) = examples()?;
    println!(
        "\n{DEPTH} layers of tanh, {WIDTH} units, {EPOCHS} epochs on {} digits",
        train.labels.len()
    );
    let ways = [
        ("advice", None),
        ("N(0, 1)", Some(Init::Normal { mean: 0.0, std: 1.0 })),
        ("N(0, 0.01^2)", Some(Init::Normal { mean: 0.0, std: 0.01 })),
        ("N(0, 1/m^2)", Some(Init::Normal { mean: 0.0, std: 1.0 / WIDTH as f64 })),
    ];
    for (name, init) in ways {
        let accuracies = (0..3)
            .map(|seed| {
                run(init.clone(), seed, &train, &test).map(|a| format!("{:5.1} %", 100.0 * a))
            })
            .collect::<Result<Vec<_>, _>>()?;
        println!(
            "  {name:14}{} of {} test digits, three seeds",
            accuracies.join(" "),
            test.labels.len()
        );
    }
    Ok(())
}

fn run(init: Option<Init>, seed: u64, train: &Examples, test: &Examples) -> Result<f64, Failure> {
    let mut model = network(init, &mut Pcg64::seed_from_u64(seed))?;
    let mut batches = Batches::new(&train.inputs, &train.labels, 32)?.shuffled(seed);
    let mut sgd = Sgd::new(RATE).momentum(0.9);
    let mut tape = Tape::new();
    for _ in 0..EPOCHS {
        for batch in batches.epoch() {
            let loss =
                model.forward(tape.constant(&batch.inputs)).cross_entropy(batch.labels.clone());
            sgd.step(&mut model, &loss.backward());
            tape.clear();
        }
    }
    let logits = tape.no_grad(|| model.forward(tape.constant(&test.inputs)).value());
    Ok(accuracy(&logits, &test.labels))
}
