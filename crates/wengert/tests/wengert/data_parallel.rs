//! Gradients of several batches or threads combined in one step of an optimizer.

use std::thread;

use wengert::nn::Linear;
use wengert::prelude::*;

const ROWS: usize = 24;

/// A batch of a regression: inputs and targets.
fn batch() -> [Tensor<f64>; 2] {
    let mut rng = Pcg64::seed_from_u64(3);
    [[ROWS, 6], [ROWS, 4]].map(|shape| Tensor::uniform(shape, -1.0, 1.0, &mut rng))
}

fn layer() -> Linear<f64> {
    let mut rng = Pcg64::seed_from_u64(4);
    Linear::new(6, 4, Activation::Tanh, &Init::xavier_normal(), &mut rng).unwrap()
}

/// The gradients of the mean squared error over some rows.
fn gradients(
    layer: &Linear<f64>,
    tape: &Tape<f64>,
    rows: std::ops::Range<isize>,
) -> Gradients<f64> {
    let [x, y] = batch().map(|all| tape.constant(&all.slice(0, rows.clone())));
    layer.forward(x).mse_loss(y).backward()
}

/// The weight after three steps, each with the gradients returned by `of`.
fn trained(of: impl Fn(&Linear<f64>, &mut Tape<f64>) -> Gradients<f64>) -> Vec<f64> {
    let (mut layer, mut adam, mut tape) = (layer(), Adam::new(0.05), Tape::new());
    let address =
        |layer: &Linear<f64>| layer.parameters()[0].1.value().as_slice().unwrap().as_ptr().addr();
    let before = address(&layer);
    for _ in 0..3 {
        let mut gradients = of(&layer, &mut tape);
        gradients.clip_norm(0.5);
        adam.step(&mut layer, &gradients);
        // The gradients outlive the cleared tape.
        tape.clear();
        assert_eq!(gradients.len(), 2);
    }
    assert_eq!(address(&layer), before, "the weight was copied");
    layer.parameters()[0].1.value().to_vec()
}

#[test]
fn parts_of_a_batch_train_as_the_batch_does() {
    let whole = trained(|layer, tape| gradients(layer, tape, 0..ROWS as isize));
    let accumulated = trained(|layer, tape| {
        let mut sum = Gradients::new();
        for start in (0..ROWS as isize).step_by(ROWS / 4) {
            tape.clear();
            sum += gradients(layer, tape, start..start + (ROWS / 4) as isize);
        }
        sum.scale(0.25);
        sum
    });
    let parallel = trained(|layer, _| {
        thread::scope(|scope| {
            let parts = [0..9, 9..ROWS as isize].map(|rows| {
                scope.spawn(move || {
                    let share = rows.len() as f64 / ROWS as f64;
                    (share, gradients(layer, &Tape::new(), rows))
                })
            });
            let mut sum = Gradients::new();
            for part in parts {
                let (share, gradients) = part.join().unwrap();
                sum.add_scaled(share, &gradients).unwrap();
            }
            sum
        })
    });
    assert!(whole != layer().parameters()[0].1.value().to_vec(), "it learns");
    for other in [accumulated, parallel] {
        for (whole, other) in whole.iter().zip(other) {
            assert!((whole - other).abs() < 1e-12, "{whole} {other}");
        }
    }
}
