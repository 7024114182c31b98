//! A language model of characters: a transformer that learns eight sonnets of Shakespeare, then
//! writes.
//!
//! The text is that of W. Shakespeare, "Sonnets", 1609 (numbers 18, 29, 30, 55, 60, 73, 116, 130),
//! in modern spelling; it is in the public domain.
//!
//!     cargo run --release --example characters

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
    /// The scores of each character to follow, `[batch, time, characters]`, with the table of the
    /// inputs.
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

    // Each character costs one row of scores: the caches keep the keys and values of those before.
    model.eval();
    let (mut caches, mut next) = (model.blocks.caches(), code('W'));
    print!("\nW");
    for _ in 0..300 {
        let tape = Tape::new();
        let x = model.characters.lookup(&tape, &Index::from_slice(&[next], [1, 1])?)?;
        let scores = model.characters.scores(model.blocks.run_cached(x, &mut caches)?)?;
        let shares = (scores * 2.0).softmax(-1).value().to_vec();
        let mut draw = rng.random::<f32>();
        let mut reached = |share: &f32| {
            draw -= share;
            draw < 0.0
        };
        next = shares.iter().position(&mut reached).unwrap_or_default();
        print!("{}", alphabet[next]);
    }
    println!();
    Ok(())
}
