//! A penalty on large weights: the optimizer updates the weights in place, and the loss can be read
//! before or after.
//!
//! The counter of allocations is global to the process, so this file holds a single test.

use wengert::kernels::CountingAllocator;
use wengert::prelude::*;

const SIZE: usize = 256;
/// One byte less than the size of a weight.
const LARGE: usize = SIZE * SIZE * size_of::<f32>() - 1;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new(LARGE);

/// The losses of several steps, read before or after each update, and the allocations of a weight's
/// size.
fn train(read_before: bool) -> (Vec<u32>, Vec<usize>) {
    let mut rng = Pcg64::seed_from_u64(1);
    let mut model = Sequential::builder()
        .linear(SIZE, SIZE, Activation::Tanh)
        .linear(SIZE, 10, Activation::Identity)
        .build(&mut rng)
        .unwrap();
    let inputs = Tensor::<f32>::uniform([32, SIZE], 0.0, 1.0, &mut rng);
    let labels: Vec<usize> = (0..32).map(|i| i % 10).collect();
    let mut adam = Adam::new(1e-3);
    let mut tape = Tape::new();
    let address = |model: &Sequential| {
        let parameters = model.parameters();
        let weight = parameters[0].1.value();
        assert_eq!(weight.len(), SIZE * SIZE);
        weight.as_slice().unwrap().as_ptr().addr()
    };
    let (mut losses, mut counts) = (Vec::new(), Vec::new());
    let before = address(&model);
    for _ in 0..6 {
        ALLOCATOR.take();
        let mut loss = model.forward(tape.constant(&inputs)).cross_entropy(labels.clone());
        for (_, parameter) in model.parameters() {
            let w = tape.parameter(parameter);
            loss = loss + (w * w).sum() * 1e-4 + w.abs().mean() * 1e-3;
        }
        let early = read_before.then(|| loss.item());
        adam.step(&mut model, &loss.backward());
        losses.push(early.unwrap_or_else(|| loss.item()).to_bits());
        assert_eq!(address(&model), before, "the weight was copied");
        tape.clear();
        counts.push(ALLOCATOR.take().0);
    }
    (losses, counts)
}

#[test]
fn a_penalized_weight_is_changed_in_place() {
    let (before, counts) = train(true);
    assert!(counts[0] > 0);
    assert_eq!(counts[2..], [0; 4]);
    let (after, counts) = train(false);
    assert_eq!(counts[2..], [0; 4]);
    assert_eq!(before, after);
}
