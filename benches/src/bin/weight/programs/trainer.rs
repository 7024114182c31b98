//! A user's program: two classes of points on a spiral, learned by a small network.

use wengert::prelude::*;

const POINTS: usize = 200;
const HIDDEN: usize = 16;
const STEPS: usize = 600;

/// Points on the two arms of a spiral, and the arm of each.
fn spiral(rng: &mut Pcg64) -> Result<(Tensor, Vec<usize>), Box<dyn std::error::Error>> {
    let noise: Vec<f32> = Tensor::randn([POINTS, 2], rng).to_vec();
    let mut points = Vec::with_capacity(2 * POINTS);
    let mut arms = Vec::with_capacity(POINTS);
    for i in 0..POINTS {
        let arm = i % 2;
        let along = i as f32 / POINTS as f32;
        let angle = 4.0 * along + arm as f32 * std::f32::consts::PI;
        points.push(along * angle.cos() + 0.02 * noise[2 * i]);
        points.push(along * angle.sin() + 0.02 * noise[2 * i + 1]);
        arms.push(arm);
    }
    Ok((Tensor::from_vec(points, [POINTS, 2])?, arms))
}

/// The share of points whose larger output is that of their arm.
fn accuracy(model: &Sequential, points: &Tensor, arms: &[usize]) -> f32 {
    let outputs = model.predict(points).to_vec();
    let right = outputs.chunks(2).zip(arms).filter(|(y, arm)| (y[1] > y[0]) == (**arm == 1));
    right.count() as f32 / arms.len() as f32
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = Pcg64::seed_from_u64(1);
    let (points, arms) = spiral(&mut rng)?;
    let mut model = Sequential::builder()
        .linear(2, HIDDEN, Activation::Tanh)
        .linear(HIDDEN, HIDDEN, Activation::Tanh)
        .linear(HIDDEN, 2, Activation::Identity)
        .build(&mut rng)?;
    let mut optimizer = Adam::new(0.02);
    let mut tape = Tape::new();
    let mut last = f32::NAN;
    for step in 0..STEPS {
        let logits = model.forward(tape.constant(&points));
        let loss = logits.cross_entropy(&arms);
        last = loss.item();
        if step % 200 == 0 {
            println!("step {step}: loss {last:.4}");
        }
        optimizer.step(&mut model, &loss.backward());
        tape.clear();
    }
    let accuracy = accuracy(&model, &points, &arms);
    println!("loss {last:.4}, accuracy {accuracy:.3}");
    if accuracy > 0.9 { Ok(()) } else { Err("the network did not learn".into()) }
}
