//! A user's program that only runs a network.

use wengert::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = Pcg64::seed_from_u64(1);
    // Exclusive or: the weights are set by hand.
    let mut hidden = Linear::new(2, 2, Activation::Relu, &Init::Zeros, &mut rng)?;
    *hidden.weight_mut().value_mut() = Tensor::from([[1.0_f32, -1.0], [-1.0, 1.0]]);
    let mut last = Linear::new(2, 1, Activation::Identity, &Init::Zeros, &mut rng)?;
    *last.weight_mut().value_mut() = Tensor::from([[1.0_f32, 1.0]]);
    let mut model = Sequential::empty();
    model.push(hidden);
    model.push(last);
    let inputs = Tensor::from_vec(vec![0., 0., 0., 1., 1., 0., 1., 1.], [4, 2])?;
    let outputs = model.predict(&inputs).to_vec();
    println!("{outputs:?}");
    if outputs == [0.0, 1.0, 1.0, 0.0] { Ok(()) } else { Err("wrong outputs".into()) }
}
