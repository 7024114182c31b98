//! A tanh network of fifty layers learns the digits with the recommended initialization, and not
//! with other ones.

use wengert::prelude::*;
use wengert_lab::data::Dataset;
use wengert_lab::task::Task;

const DEPTH: usize = 50;
const WIDTH: usize = 64;
const EPOCHS: usize = 20;

/// The test accuracy after training, with this initialization or the recommended one.
fn accuracy_after(task: &Task, init: Option<&Init>) -> f64 {
    let mut rng = Pcg64::seed_from_u64(1);
    let mut builder = Sequential::builder();
    let scheme = init.cloned().unwrap_or(Init::Zeros);
    for _ in 1..DEPTH {
        let layer = Linear::config(WIDTH, WIDTH).activation(Activation::Tanh);
        builder = builder.with(layer.init(scheme.clone()));
    }
    let mut model = builder.with(Linear::config(WIDTH, 10).init(scheme)).build(&mut rng).unwrap();
    if init.is_none() {
        recommend(&model).unwrap().apply(&mut model, &mut rng).unwrap();
    }
    // The recommendation is for pixels with mean 0 and variance 1.
    let mean = task.train.inputs().mean();
    let std = (task.train.inputs() - &mean).square().mean().sqrt();
    let standardized = |inputs: &Tensor<f32>| &(inputs - &mean) / &std;
    let inputs = standardized(task.train.inputs());
    let mut batches = Batches::new(&inputs, task.train.labels(), 32).unwrap().shuffled(1);
    let mut sgd = Sgd::new(3e-4).momentum(0.9);
    let mut tape = Tape::new();
    for _ in 0..EPOCHS {
        for batch in batches.epoch() {
            let loss =
                model.forward(tape.constant(&batch.inputs)).cross_entropy(batch.targets.clone());
            sgd.step(&mut model, &loss.backward());
            tape.clear();
        }
    }
    let logits = model.forward(tape.constant(&standardized(task.test.inputs()))).value();
    accuracy(&logits, task.test.labels())
}

#[test]
fn fifty_layers_of_tanh_learn_with_the_recommended_initialization_only() {
    let task = Task::new(&Dataset::digits(), &[]);
    let recommended = accuracy_after(&task, None);
    assert!(recommended >= 0.93, "recommended: {recommended}");
    for std in [1.0, 0.01, 1.0 / WIDTH as f64] {
        let other = accuracy_after(&task, Some(&Init::Normal { mean: 0.0, std }));
        assert!(other < 0.5, "N(0, {std}^2): {other}");
    }
}
