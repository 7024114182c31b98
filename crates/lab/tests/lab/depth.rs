//! A tanh network of fifty layers learns the digits with the recommended initialization, and not
//! with other ones.

use wengert::prelude::*;
use wengert_lab::data::Dataset;
use wengert_lab::fit::{Training, fit};
use wengert_lab::measure::judge;
use wengert_lab::network::Mlp;
use wengert_lab::task::{Examples, Task};

const DEPTH: usize = 50;
const WIDTH: usize = 64;
const TRAINING: Training = Training { learning_rate: 3e-4, momentum: 0.9, batch: 32, epochs: 20 };

/// The test accuracy after training, with this initialization or the recommended one.
fn accuracy_after(task: &Task, init: Option<&Init>) -> f64 {
    let mut rng = Pcg64::seed_from_u64(1);
    let mut sizes = vec![WIDTH; DEPTH];
    sizes.push(10);
    let scheme = init.cloned().unwrap_or(Init::Zeros);
    let mut model = Mlp::new(&sizes, Activation::Tanh, scheme).build_with(&mut rng).unwrap();
    if init.is_none() {
        recommend(&model).unwrap().apply(&mut model, &mut rng).unwrap();
    }
    // The recommendation is for pixels with mean 0 and variance 1.
    let mean = task.train.inputs().mean();
    let std = (task.train.inputs() - &mean).square().mean().sqrt();
    let [train, test] = [&task.train, &task.test].map(|examples| {
        Examples::of(&(examples.inputs() - &mean) / &std, examples.labels().to_vec())
    });
    fit(&mut model, &train, TRAINING, 1, |_, _, _| {});
    judge(&model, &test, &mut Tape::new()).accuracy
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
