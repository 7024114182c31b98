//! After two steps of warm-up a training step allocates no tensor memory.
//!
//! The counter is the whole process's; this file holds one test.

use wengert::kernels::CountingAllocator;
use wengert::prelude::*;

const LARGE: usize = 1024;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new(LARGE);

#[test]
fn a_steady_training_step_makes_no_allocation_of_a_kibibyte() {
    let mut rng = Pcg64::seed_from_u64(1);
    let inputs = Tensor::<f32>::uniform([512, 196], 0.0, 1.0, &mut rng);
    let labels: Vec<usize> = (0..512).map(|i| i % 10).collect();
    let mut batches = Batches::new(&inputs, &labels, 128).unwrap().shuffled(2);
    let mut model = Sequential::builder()
        .linear(196, 128, Activation::Relu)
        .linear(128, 64, Activation::Tanh)
        .linear(64, 10, Activation::Identity)
        .build::<f32>(&mut rng)
        .unwrap();
    let mut sgd = Sgd::new(0.05).momentum(0.9);
    let mut tape = Tape::new();

    let mut steps = 0;
    for _ in 0..3 {
        let mut epoch = batches.epoch();
        loop {
            let before = ALLOCATOR.take();
            assert!(steps <= 2 || before.0 == 0, "outside a step: {before:?}");
            let Some(batch) = epoch.next() else { break };
            let loss = model.forward(tape.constant(&batch.inputs)).cross_entropy(batch.labels);
            sgd.step(&mut model, &loss.backward());
            tape.clear();
            let (count, largest) = ALLOCATOR.take();
            if steps < 2 {
                // The counter counts: the first step cannot do without memory.
                assert!(steps > 0 || count > 0);
            } else {
                assert_eq!(count, 0, "step {steps} made allocations of up to {largest} bytes");
            }
            steps += 1;
        }
    }
    assert_eq!(steps, 12);
}
