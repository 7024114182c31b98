//! A multilayer perceptron on MNIST: `cargo run --release --example mnist -- --data FOLDER`, where
//! the folder holds the four IDX files. Without `--data` it learns the 1,797 digits of the lab.

use std::path::Path;
use std::time::Instant;

use wengert::data::{Idx, ImageSet, Split, pick, stratified_split};
use wengert::nn::schedule::Cosine;
use wengert::nn::train::Trainer;
use wengert::prelude::*;

type Failure = Box<dyn std::error::Error>;

fn examples(set: &ImageSet) -> Result<(Tensor, Vec<usize>), Failure> {
    let inputs = Tensor::from_vec(set.scaled_pixels(), [set.len(), set.pixels_per_image()])?;
    Ok((inputs, set.labels().iter().map(|&label| label.into()).collect()))
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--data");
    let folder = arguments.nth(1);
    let ((x, y), (test_x, test_y)) = if let Some(folder) = &folder {
        let open = |split| examples(&ImageSet::from_directory(folder, split)?);
        (open(Split::Train)?, open(Split::Test)?)
    } else {
        let open = |name: &str| {
            Idx::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/data").join(name))
        };
        let labels = open("digits-labels-idx1-ubyte.gz")?;
        let set = ImageSet::new(open("digits-images-idx3-ubyte.gz")?, labels, 10)?;
        let (x, y) = examples(&set.with_pixel_max(16)?)?;
        let (train, test) = stratified_split(&y, 0.25, 1);
        let part = |places: &[usize]| {
            (pick(&x, places), places.iter().map(|&i| y[i]).collect::<Vec<usize>>())
        };
        (part(&train), part(&test))
    };
    let (epochs, size) = if folder.is_some() { (10, 128) } else { (40, 32) };
    let mut rng = Pcg64::seed_from_u64(1);
    let mut model = Sequential::builder()
        .linear(x.shape()[1], 256, Activation::Relu)
        .dropout(0.2)
        .linear(256, 128, Activation::Relu)
        .dropout(0.2)
        .linear(128, 10, Activation::Identity)
        .build(&mut rng)?;
    let mut batches = Batches::new(&x, &y, size)?.shuffled(1);
    let steps = epochs * batches.batches() as u64;
    let start = Instant::now();
    let mut trainer = Trainer::new(&mut model, Adam::new(2e-3).decoupled(0.01))
        .epochs(epochs)
        .schedule(Cosine::new(2e-3, steps - steps / 20).warm_up(steps / 20, 0.1));
    trainer.fit(
        &mut batches,
        |model, tape, batch| {
            Ok(model.try_forward(tape.constant(&batch.inputs))?.cross_entropy(&batch.targets))
        },
        |model| vec![("accuracy", accuracy(&model.predict(&test_x), &test_y))],
    )?;
    print!("{}", trainer.history().to_csv());
    let best = trainer.history().last("accuracy").unwrap_or(f64::NAN);
    println!("test accuracy {:.2} % in {:.1} s", 100.0 * best, start.elapsed().as_secs_f64());
    Ok(())
}
