//! The stack size that training needs in a build without any optimization, like a debug build of a
//! user's crate: `cargo test --profile unoptimized -p wengert --test stack`.

use std::thread;

use wengert::kernels::simd::{Level, with_level};
use wengert::prelude::*;

/// Half of the smallest main thread's stack in use, that of Windows.
const STACK: usize = 512 << 10;

/// Runs `body` on every level of this CPU, each on a thread with a small stack.
fn on_little_stack(body: fn()) {
    for level in Level::available() {
        let thread = thread::Builder::new().stack_size(STACK);
        thread.spawn(move || with_level(level, body).unwrap()).unwrap().join().unwrap();
    }
}

/// The example of the README.
#[test]
fn xor() {
    on_little_stack(|| {
        let inputs = Tensor::from_vec(vec![0., 0., 0., 1., 1., 0., 1., 1.], [4, 2]).unwrap();
        let targets = Tensor::from_vec(vec![0., 1., 1., 0.], [4, 1]).unwrap();
        let mut rng = Pcg64::seed_from_u64(7);
        let mut model = Sequential::builder()
            .linear(2, 8, Activation::Tanh)
            .linear(8, 1, Activation::Identity)
            .build(&mut rng)
            .unwrap();
        let mut sgd = Sgd::new(0.1).momentum(0.9);
        let mut tape = Tape::new();
        let mut last = f32::NAN;
        for _ in 0..1_000 {
            let x = tape.constant(&inputs);
            let loss = model.forward(x).mse_loss(tape.constant(&targets));
            last = loss.item();
            sgd.step(&mut model, &loss.backward());
            tape.clear();
        }
        assert!(last < 0.01, "{last}");
    });
}

/// A long chain of deferred operations, and its gradient.
#[test]
fn a_chain() {
    on_little_stack(|| {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::<f32>::full([1 << 16], 0.5));
        let mut y = x;
        for _ in 0..50 {
            y = (y * 1.01).tanh();
        }
        let gradients = y.sum().backward();
        let gradient = gradients.get(x).unwrap();
        assert!(gradient.to_vec().iter().all(|g| *g > 0.0 && *g < 1.0));
    });
}
