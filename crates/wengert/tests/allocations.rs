//! After two steps of warm-up a training step allocates no tensor memory, and each thread allocates
//! its scratch memory once.
//!
//! The counter of allocations is global to the process, so this file holds a single test.

use wengert::kernels::CountingAllocator;
use wengert::prelude::*;

const LARGE: usize = 1024;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new(LARGE);

/// The number of large allocations in each step of several epochs on `threads` threads.
fn allocations(epochs: usize, threads: usize) -> Vec<usize> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| train(epochs))
}

fn train(epochs: usize) -> Vec<usize> {
    let mut rng = Pcg64::seed_from_u64(1);
    let inputs = Tensor::<f32>::uniform([512, 196], 0.0, 1.0, &mut rng);
    let labels: Vec<usize> = (0..512).map(|i| i % 10).collect();
    let mut batches = Batches::new(&inputs, &labels, 128).unwrap().shuffled(2);
    let mut model = Sequential::builder()
        .linear(196, 128, Activation::Relu)
        .linear(128, 64, Activation::Tanh)
        .linear(64, 10, Activation::Identity)
        .build(&mut rng)
        .unwrap();
    let mut sgd = Sgd::new(0.05).momentum(0.9);
    let mut tape = Tape::new();

    let mut counts = Vec::with_capacity(4 * epochs);
    for _ in 0..epochs {
        let mut epoch = batches.epoch();
        loop {
            let (outside, largest) = ALLOCATOR.take();
            assert!(counts.len() <= 2 || outside == 0, "{outside} up to {largest} outside a step");
            let Some(batch) = epoch.next() else { break };
            let loss = model.forward(tape.constant(&batch.inputs)).cross_entropy(batch.targets);
            sgd.step(&mut model, &loss.backward());
            tape.clear();
            counts.push(ALLOCATOR.take().0);
        }
    }
    counts
}

#[test]
fn a_steady_training_step_makes_no_allocation_of_a_kibibyte() {
    let counts = allocations(3, 1);
    assert_eq!(counts.len(), 12);
    // The first step must allocate, which shows that the counter works.
    assert!(counts[0] > 0);
    assert_eq!(counts[2..], [0; 10]);
    // Each of several threads has scratch memory of its own, allocated when it is first needed, in
    // any step.
    let counts = allocations(30, 2);
    let late: usize = counts[2..].iter().sum();
    assert!(late <= 8, "{late} allocations in {} steps", counts.len() - 2);
}
