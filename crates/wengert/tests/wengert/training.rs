//! Networks that learn known problems, with the same result on any number of threads.

use wengert::prelude::*;

/// Trains on all examples at once and returns the losses.
fn train(
    model: &mut Sequential<f32>,
    inputs: &Tensor<f32>,
    labels: &[usize],
    rate: f64,
    steps: usize,
) -> Vec<f32> {
    let mut sgd = Sgd::new(rate).momentum(0.9);
    let mut tape = Tape::new();
    (0..steps)
        .map(|_| {
            let loss = model.forward(tape.constant(inputs)).cross_entropy(labels);
            let value = loss.item();
            sgd.step(model, &loss.backward());
            tape.clear();
            value
        })
        .collect()
}

#[test]
fn xor_is_learned() {
    let inputs = Tensor::from_slice(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2]).unwrap();
    let targets = Tensor::from_slice(&[0.0, 1.0, 1.0, 0.0], [4, 1]).unwrap();
    for seed in 0..5 {
        let mut model = Sequential::builder()
            .linear(2, 8, Activation::Tanh)
            .linear(8, 1, Activation::Identity)
            .build(&mut Pcg64::seed_from_u64(seed))
            .unwrap();
        let mut sgd = Sgd::new(0.1).momentum(0.9);
        let mut tape = Tape::new();
        let mut last = f32::NAN;
        for _ in 0..1000 {
            let loss = model.forward(tape.constant(&inputs)).mse_loss(tape.constant(&targets));
            last = loss.item();
            sgd.step(&mut model, &loss.backward());
            tape.clear();
        }
        assert!(last < 0.01, "seed {seed}: the loss is {last}");
    }
}

/// Points on two concentric rings, with the ring as label.
fn rings(count: usize) -> (Tensor<f32>, Vec<usize>) {
    let mut rng = Pcg64::seed_from_u64(9);
    let noise = Tensor::<f32>::uniform([count, 2], -0.1, 0.1, &mut rng).to_vec();
    let labels: Vec<usize> = (0..count).map(|i| i % 2).collect();
    let inputs = Tensor::from_fn([count, 2], |i| {
        let angle = i[0] as f32 * 2.399_963; // the golden angle: evenly spread
        let radius = 0.5 + labels[i[0]] as f32;
        let on_ring = if i[1] == 0 { angle.cos() } else { angle.sin() };
        radius * on_ring + noise[2 * i[0] + i[1]]
    });
    (inputs, labels)
}

#[test]
fn two_rings_are_told_apart_by_depth_and_not_without_an_activation() {
    let (inputs, labels) = rings(200);
    let network = |activation, seed| {
        Sequential::builder()
            .linear(2, 16, activation)
            .linear(16, 16, activation)
            .linear(16, 2, Activation::Identity)
            .build(&mut Pcg64::seed_from_u64(seed))
            .unwrap()
    };
    for activation in [Activation::Tanh, Activation::Relu, Activation::LeakyRelu { slope: 0.01 }] {
        for seed in 0..3 {
            let losses = train(&mut network(activation, seed), &inputs, &labels, 0.1, 600);
            let last = losses[losses.len() - 1];
            assert!(last < 0.01, "{activation}, seed {seed}: the loss is {last}");
        }
    }
    let losses = train(&mut network(Activation::Identity, 0), &inputs, &labels, 0.1, 600);
    assert!(losses[losses.len() - 1] > 0.6, "a linear network cannot: {losses:?}");
}

/// The losses and the final weights, as bits, of a network large enough for its kernels to use
/// threads.
fn run(seed: u64) -> Vec<u32> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let inputs = Tensor::uniform([320, 784], -1.0, 1.0, &mut rng);
    let labels: Vec<usize> = (0..320).map(|i| i * 7 % 10).collect();
    let mut model = Sequential::builder()
        .linear(784, 256, Activation::Tanh)
        .linear(256, 256, Activation::Relu)
        .linear(256, 10, Activation::Identity)
        .build(&mut rng)
        .unwrap();
    let losses = train(&mut model, &inputs, &labels, 0.05, 4);
    let weights = model.parameters().into_iter().flat_map(|(_, p)| p.value().to_vec());
    losses.into_iter().chain(weights).map(f32::to_bits).collect()
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(3))
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(5));
    assert_eq!(one, run(3), "outside any pool of the caller's");
    assert_ne!(one, run(4));
    assert!(one.iter().all(|&bits| f32::from_bits(bits).is_finite()));
}
