//! The network of `trainer.rs` on random points, trained by dfdx.

use dfdx::optim::{Adam, AdamConfig};
use dfdx::prelude::*;

type Mlp = ((Linear<2, 16>, Tanh), (Linear<16, 16>, Tanh), Linear<16, 2>);

fn main() {
    let device = Cpu::default();
    let mut model = device.build_module::<Mlp, f32>();
    let mut gradients = model.alloc_grads();
    let config = AdamConfig { lr: 0.02, ..AdamConfig::default() };
    let mut optimizer = Adam::new(&model, config);
    let points: Tensor<Rank2<200, 2>, f32, _> = device.sample_normal();
    let targets = std::array::from_fn::<[f32; 2], 200, _>(|i| {
        if points[[i, 0]] > 0.0 { [1.0, 0.0] } else { [0.0, 1.0] }
    });
    let targets = device.tensor(targets);
    let mut last = f32::NAN;
    for _ in 0..600 {
        let logits = model.forward_mut(points.clone().traced(gradients));
        let loss = cross_entropy_with_logits_loss(logits, targets.clone());
        last = loss.array();
        gradients = loss.backward();
        optimizer.update(&mut model, &gradients).expect("every parameter is used");
        model.zero_grads(&mut gradients);
    }
    println!("{last}");
    assert!(last < 0.3);
}
