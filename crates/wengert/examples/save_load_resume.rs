//! A training run that is saved, loaded and resumed, and goes on to the bit:
//! `cargo run --release --example save_load_resume`.

use wengert::nn::schedule::Cosine;
use wengert::prelude::*;

type Failure = Box<dyn std::error::Error>;

struct Run {
    model: Sequential,
    adam: Adam,
    scheduler: Scheduler<Cosine>,
    average: Average,
    batches: Batches,
}

impl Run {
    fn new(seed: u64) -> Result<Self, Failure> {
        let mut rng = Pcg64::seed_from_u64(seed);
        let model = Sequential::builder()
            .linear(2, 32, Activation::Tanh)
            .dropout(0.1)
            .linear(32, 2, Activation::Identity)
            .build(&mut rng)?;
        // Points inside and outside of a circle.
        let mut points = Pcg64::seed_from_u64(0);
        let x = Tensor::<f32>::uniform([512, 2], -1.0, 1.0, &mut points);
        let inside = |i| usize::from(x[[i, 0]].hypot(x[[i, 1]]) < 0.7);
        let labels: Vec<usize> = (0..512).map(inside).collect();
        Ok(Self {
            model,
            adam: Adam::new(0.01),
            scheduler: Scheduler::new(Cosine::new(0.01, 400)),
            average: Average::ema(0.99),
            batches: Batches::new(&x, labels, 32)?.shuffled(seed),
        })
    }

    fn train(&mut self, steps: usize) {
        let mut tape = Tape::new();
        let mut done = 0;
        while done < steps {
            let Some(batch) = self.batches.next_batch() else { continue };
            let loss =
                self.model.forward(tape.constant(&batch.inputs)).cross_entropy(batch.targets);
            self.scheduler.step(&mut self.adam);
            self.adam.step(&mut self.model, &loss.backward());
            self.average.update(&self.model);
            done += 1;
            tape.clear();
        }
    }

    fn checkpoint(&mut self) -> Checkpoint<'_> {
        Checkpoint::new(&mut self.model)
            .optimizer(&mut self.adam)
            .follower("average", &mut self.average)
            .with("schedule", &mut self.scheduler)
            .with("batches", &mut self.batches)
    }
}

fn main() -> Result<(), Failure> {
    let folder = std::env::temp_dir();
    let [path, weights] = ["run.safetensors", "model.safetensors"].map(|name| folder.join(name));
    let (mut whole, mut first, mut second) = (Run::new(1)?, Run::new(1)?, Run::new(2)?);
    whole.train(400);
    first.train(200);
    first.checkpoint().save(&path)?;
    second.checkpoint().load(&path)?;
    second.train(200);
    second.average.copy_to(&mut second.model);
    whole.average.copy_to(&mut whole.model);
    save_model(&second.model, &weights)?;
    load_model(&mut first.model, &weights)?;
    let same = |a: &Sequential, b: &Sequential| {
        a.parameters().iter().zip(b.parameters()).all(|((_, a), (_, b))| a.value() == b.value())
    };
    assert!(same(&whole.model, &second.model) && same(&second.model, &first.model));
    println!("400 steps and 200 + 200 steps end at the same bits; {} was written", path.display());
    Ok(())
}
