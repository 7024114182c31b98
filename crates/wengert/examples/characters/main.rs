//! A transformer learns eight sonnets of Shakespeare character by character, then writes.
//!
//! The text is in the public domain: W. Shakespeare, "Sonnets", 1609, numbers 18, 29, 30, 55, 60,
//! 73, 116 and 130 in modern spelling. `cargo run --release --example characters`.

use rand::RngExt;
use wengert::prelude::*;

const TEXT: &str = include_str!("sonnets.txt");
const CONTEXT: usize = 48;
const WIDTH: usize = 64;
const BATCH: usize = 16;

#[derive(Debug, Module)]
struct Model {
    characters: Embedding,
    blocks: TransformerEncoder,
}

impl Model {
    /// Scores of the next character by the table of the inputs, `[batch, time, characters]`.
    fn forward<'t>(&self, tape: &'t Tape, text: &Index) -> wengert::Result<Var<'t>> {
        let x = self.characters.lookup(tape, text)?;
        self.characters.scores(self.blocks.try_forward(x)?)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut alphabet: Vec<char> = TEXT.chars().collect();
    alphabet.sort_unstable();
    alphabet.dedup();
    let code = |c: char| alphabet.binary_search(&c).unwrap_or_default();
    let text: Vec<usize> = TEXT.chars().map(code).collect();

    let mut rng = Pcg64::seed_from_u64(1);
    let block = TransformerEncoderLayer::config(WIDTH, 4).feedforward(4 * WIDTH).dropout(0.0);
    let block = block.activation(Activation::Gelu).norm_first().rotary().causal();
    let table = Init::Normal { mean: 0.0, std: 0.1 };
    let mut model = Model {
        characters: Embedding::config(alphabet.len(), WIDTH).init(table).build(&mut rng)?,
        blocks: TransformerEncoder::config(block, 2).norm().build(&mut rng)?,
    };
    println!("{} characters, {} parameters", text.len(), model.parameter_count());
    let mut adam = Adam::new(2e-3);
    let mut tape = Tape::new();
    for step in 0..=600 {
        let starts = [(); BATCH].map(|()| rng.random_range(0..text.len() - CONTEXT));
        let inputs = starts.iter().flat_map(|&start| &text[start..][..CONTEXT]).copied();
        let targets = starts.iter().flat_map(|&start| &text[start + 1..][..CONTEXT]).copied();
        let inputs = Index::from_vec(inputs.collect(), [BATCH, CONTEXT])?;
        let targets: Vec<usize> = targets.collect();
        let scores = model.forward(&tape, &inputs)?.reshape([BATCH * CONTEXT, alphabet.len()]);
        let loss = scores.cross_entropy(targets);
        if step % 100 == 0 {
            println!("step {step:3}: {:.3} nats a character", loss.item());
        }
        adam.step(&mut model, &loss.backward());
        tape.clear();
    }

    // The caches keep keys and values, so that a character costs one row of scores. When they hold
    // as many as the model learned with, they begin again with the last half.
    model.eval();
    let (mut caches, mut written) = (model.blocks.caches(), vec![code('S')]);
    for _ in 0..400 {
        let (tape, mut unseen) = (Tape::new(), 1);
        if caches[0].len() == CONTEXT {
            (caches, unseen) = (model.blocks.caches(), CONTEXT / 2);
        }
        let last = Index::from_slice(&written[written.len() - unseen..], [1, unseen])?;
        let x = model.blocks.run_cached(model.characters.lookup(&tape, &last)?, &mut caches)?;
        let scores = model.characters.scores(x)?.select(1, -1);
        let sums = (scores * 1.5).softmax(-1).cumsum(-1).value().to_vec();
        let draw = rng.random::<f32>();
        written.push(sums.iter().position(|&sum| sum > draw).unwrap_or_default());
    }
    println!("\n{}", written.iter().map(|&code| alphabet[code]).collect::<String>());
    Ok(())
}
