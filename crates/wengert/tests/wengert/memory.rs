//! The peak memory of a training step, compared with the minimum it needs.

use wengert::prelude::*;

#[test]
fn a_step_peaks_at_little_more_than_what_must_be_live() {
    const BATCH: usize = 128;
    const WIDTHS: [usize; 4] = [784, 512, 512, 10];
    let mut rng = Pcg64::seed_from_u64(1);
    let mut model = Sequential::builder()
        .linear(WIDTHS[0], WIDTHS[1], Activation::Relu)
        .linear(WIDTHS[1], WIDTHS[2], Activation::Relu)
        .linear(WIDTHS[2], WIDTHS[3], Activation::Identity)
        .build(&mut rng)
        .unwrap();
    let inputs = Tensor::<f32>::uniform([BATCH, WIDTHS[0]], 0.0, 1.0, &mut rng);
    let labels: Vec<usize> = (0..BATCH).map(|i| i % WIDTHS[3]).collect();
    let mut sgd = Sgd::new(0.1);

    let parameters = model.parameter_count();
    let activations: usize = WIDTHS.iter().map(|width| BATCH * width).sum();
    let float = size_of::<f32>();
    // Parameters and inputs are the caller's own tensors, which the tape does not count.
    let held_elsewhere = (parameters + BATCH * WIDTHS[0]) * float;
    let must = (2 * parameters + activations) * float;

    let mut tape = Tape::new();
    for once in [false, true, true] {
        tape.reset_peak();
        let loss = model.forward(tape.constant(&inputs)).cross_entropy(labels.clone());
        let gradients = if once { loss.backward_once() } else { loss.backward() };
        sgd.step(&mut model, &gradients);
        drop(gradients);
        let memory = tape.memory();
        let peak = memory.peak + held_elsewhere;
        let ratio = peak as f64 / must as f64;
        println!("peak {peak} bytes, {ratio:.3} of the {must} that must be live; {memory:?}");
        assert!(ratio <= 1.25, "{ratio}");
        // The gradients alone are more than half of it, which shows that the measure counts them.
        assert!(memory.peak >= parameters * float);
        tape.clear();
        assert_eq!(tape.memory().live, 0);
    }
}
