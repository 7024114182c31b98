//! Modules, builders and optimizers compared with explicit calculations.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Gradients, Tape, Tensor};
use wengert_nn::init::{Lsuv, lsuv, recommend};
use wengert_nn::metrics::accuracy;
use wengert_nn::{
    Adam, GroupNorm, Init, Layer, LayerError, Linear, Module, Optimizer, RmsProp, Sequential, Sgd,
    VisitorMut,
};

fn rng() -> Pcg64 {
    Pcg64::seed_from_u64(42)
}

fn model() -> Sequential<f64> {
    Sequential::builder()
        .linear(3, 5, Activation::Tanh)
        .with(Linear::config(5, 5).without_bias())
        .activation(Activation::Logistic)
        .linear(5, 2, Activation::Identity)
        .build(&mut rng())
        .unwrap()
}

#[test]
fn parameters_have_names_shapes_and_one_order() {
    let mut model = model();
    let names: Vec<String> = model
        .parameters()
        .into_iter()
        .map(|(name, parameter)| format!("{name} {}", parameter.value().shape()))
        .collect();
    let expected =
        ["0.weight [5, 3]", "0.bias [5]", "1.weight [5, 5]", "3.weight [2, 5]", "3.bias [2]"];
    assert_eq!(names, expected);
    assert_eq!(model.parameter_count(), 15 + 5 + 25 + 10 + 2);
    let ids: Vec<_> = model.parameters().iter().map(|(_, parameter)| parameter.id()).collect();
    let mut mutable = Vec::new();
    model.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
        mutable.push((path.to_string(), parameter.id()));
    }));
    assert_eq!(mutable.iter().map(|(_, id)| *id).collect::<Vec<_>>(), ids);
    assert_eq!(mutable[2].0, "1.weight");
}

#[test]
fn the_forward_pass_is_the_formula() {
    let model = model();
    let tape = Tape::new();
    let x = Tensor::from_fn([4, 3], |i| 0.3 * i[0] as f64 - 0.2 * i[1] as f64);
    let [w0, b0, w1, w3, b3] = [0, 1, 2, 3, 4].map(|i| model.parameters()[i].1.value().clone());
    let by_hand = {
        let h = &x.matmul(&w0.transpose(0, 1)) + &b0;
        let h = h.tanh().matmul(&w1.transpose(0, 1)).logistic();
        &h.matmul(&w3.transpose(0, 1)) + &b3
    };
    let output = model.forward(tape.constant(&x)).value();
    for (got, want) in output.to_vec().into_iter().zip(by_hand.to_vec()) {
        assert!((got - want).abs() < 1e-14, "{got} {want}");
    }
    let trace = model.trace(tape.constant(&x)).unwrap();
    assert_eq!(trace.len(), 4);
    assert_eq!(trace[3].value(), output);
    assert_eq!(model.layers().nth(2).unwrap().activation(), Activation::Logistic);
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    let error = Sequential::<f32>::builder()
        .linear(3, 5, Activation::Tanh)
        .linear(4, 2, Activation::Identity)
        .build(&mut rng())
        .unwrap_err();
    let [fault] = error.faults() else { panic!("{error}") };
    assert_eq!((fault.layer, &fault.error), (1, &LayerError::Features { takes: 4, given: 5 }));
    assert!(error.to_string().contains("layer 1 takes 4 features"), "{error}");
    let error = Sequential::<f32>::builder()
        .with(Linear::config(3, 5).init(Init::Normal { mean: 0.0, std: f64::NAN }))
        .build(&mut rng())
        .unwrap_err();
    assert!(error.to_string().starts_with("layer 0: "), "{error}");
    for groups in [0, 3] {
        let error = GroupNorm::<f32>::try_new(groups, 8).unwrap_err().to_string();
        let right = format!("the groups must be one or more and divide 8 channels, got {groups}");
        assert_eq!(error, format!("group_norm: {right}"));
        let error = Sequential::<f32>::builder().group_norm(groups, 8).build(&mut rng());
        assert_eq!(error.unwrap_err().to_string(), format!("layer 0: group_norm: {right}"));
    }
    let tape = Tape::new();
    let wrong = model().try_forward(tape.constant(&Tensor::zeros([2, 4]))).unwrap_err();
    assert!(wrong.to_string().starts_with("layer 0: linear: expected x [.., 3] "), "{wrong}");
}

/// The weight, initially 1.0, after each step with given gradients.
fn descend(mut optimizer: impl Optimizer<f64>, gradients: &[f64]) -> Vec<f64> {
    let mut layer = Linear::new(1, 1, Activation::Identity, &Init::Constant(1.0), &mut rng())
        .unwrap()
        .without_bias();
    gradients
        .iter()
        .map(|&gradient| {
            let tape = Tape::new();
            let x = tape.constant(&Tensor::full([1, 1], gradient));
            let loss = layer.forward(x).sum();
            optimizer.step(&mut layer, &loss.backward());
            layer.weight().value().item()
        })
        .collect()
}

fn near(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() < 1e-12, "{got} {want}");
    }
}

#[test]
fn sgd_follows_its_formulas() {
    let gradients = [0.5, -1.0, 2.0];
    near(&descend(Sgd::new(0.1), &gradients), &[0.95, 1.05, 0.85]);
    near(&descend(Sgd::new(0.0), &gradients), &[1.0, 1.0, 1.0]);
    // v: 0.5, -0.55, 1.505
    near(&descend(Sgd::new(0.1).momentum(0.9), &gradients), &[0.95, 1.005, 0.8545]);
    // v: 0.5, then 0.45 - 0.5, then -0.045 + 1
    near(&descend(Sgd::new(0.1).momentum(0.9).dampening(0.5), &gradients), &[0.95, 0.955, 0.8595]);
    // g + 0.9 v: 0.95, -1.495, 3.3545
    near(&descend(Sgd::new(0.1).momentum(0.9).nesterov(), &gradients), &[0.905, 1.0545, 0.71905]);
    // The decay adds a tenth of the weight: 0.6, then -1 + 0.094, then 2 + 0.10306
    near(&descend(Sgd::new(0.1).weight_decay(0.1), &gradients), &[0.94, 1.0306, 0.820294]);
}

#[test]
fn adam_follows_its_formulas() {
    let gradients = [0.5, -1.0, 2.0];
    // Computed by another program from the formulas of the papers.
    let plain = [0.900000002, 0.9366103542405654, 0.8946447927181046];
    near(&descend(Adam::new(0.1), &gradients), &plain);
    let decayed = [0.9142857142857143, 0.9605042033679833, 0.8929336551916771];
    let adam = Adam::new(0.1).betas(0.5, 0.9).eps(0.1).weight_decay(0.1);
    near(&descend(adam, &gradients), &decayed);
    let decoupled = [0.890000002, 0.9177103542205653, 0.8665676891558989];
    near(&descend(Adam::new(0.1).decoupled(0.1), &gradients), &decoupled);
    let largest = [0.9000000005, 0.8742158981022823, 0.8444389923998026];
    let adam = Adam::new(0.1).betas(0.9, 0.5).amsgrad();
    near(&descend(adam, &[2.0, -1.0, 0.5]), &largest);
}

#[test]
fn rmsprop_follows_its_formula() {
    let gradients = [0.5, -1.0, 2.0];
    let plain = [1.9999996048181146e-7, 0.8953230819113371, 0.021204008561932497];
    near(&descend(RmsProp::new(0.1), &gradients), &plain);
    let decayed = [0.8855538581016723, 0.9979542803400996, 0.8720342619611596];
    let rmsprop = RmsProp::new(0.1).alpha(0.5).eps(0.1).weight_decay(0.1);
    near(&descend(rmsprop, &gradients), &decayed);
}

#[test]
fn numbers_optimizers_cannot_use_are_refused() {
    let said = |make: fn()| {
        let payload = catch_unwind(make).expect_err("it is refused");
        payload.downcast_ref::<String>().cloned().unwrap_or_default()
            + payload.downcast_ref::<&str>().copied().unwrap_or_default()
    };
    let cases: [(fn(), &str); 6] = [
        (|| drop(Sgd::<f32>::new(f64::NAN)), "learning rate must be finite and not negative"),
        (|| drop(Sgd::<f32>::new(0.1).momentum(1.0)), "momentum must lie in [0, 1), got 1"),
        (|| drop(Sgd::<f32>::new(0.1).nesterov()), "call `momentum` first"),
        (|| drop(Adam::<f32>::new(0.1).betas(0.9, 1.0)), "beta2 must lie in [0, 1), got 1"),
        (|| drop(Adam::<f32>::new(0.1).decoupled(-1.0)), "weight decay must be finite and not"),
        (|| drop(RmsProp::<f32>::new(0.1).alpha(-0.5)), "alpha must lie in [0, 1), got -0.5"),
    ];
    for (make, expected) in cases {
        let message = said(make);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_value_of_another_shape_is_named() {
    let said =
        |optimizer: &mut dyn Optimizer<f64>, layer: &mut Linear<f64>, grads: &Gradients<f64>| {
            let step = AssertUnwindSafe(|| optimizer.step(layer, grads));
            *catch_unwind(step).expect_err("it is refused").downcast::<String>().unwrap()
        };
    let mut layer: Linear<f64> = Linear::config(2, 3).build(&mut rng()).unwrap();
    let gradients = |layer: &Linear<f64>, inputs: usize| {
        let tape = Tape::new();
        layer.forward(tape.constant(&Tensor::ones([1, inputs]))).sum().backward()
    };
    let before = gradients(&layer, 2);
    let mut adam = Adam::new(0.1);
    adam.step(&mut layer, &before);
    *layer.weight_mut().value_mut() = Tensor::zeros([3, 4]);
    let message = said(&mut Sgd::new(0.1), &mut layer, &before);
    assert!(message.contains("weight has shape [3, 4], but its gradient has [3, 2]"), "{message}");
    let now = gradients(&layer, 4);
    let message = said(&mut adam, &mut layer, &now);
    assert!(
        message.contains("has 12 elements, but had 6 at the optimizer's last step"),
        "{message}"
    );
    Sgd::new(0.1).step(&mut layer, &now);
    assert_eq!(layer.weight().value().to_vec(), [-0.1; 12]);
}

#[test]
fn a_parameter_without_a_gradient_stays() {
    let mut model = model();
    let before: Vec<_> = model.parameters().iter().map(|(_, p)| p.value().clone()).collect();
    let tape = Tape::new();
    let other = tape.variable(&Tensor::scalar(2.0_f64));
    Sgd::new(0.1).step(&mut model, &(other * other).backward());
    let after: Vec<_> = model.parameters().iter().map(|(_, p)| p.value().clone()).collect();
    assert_eq!(before, after);
}

#[test]
fn weights_are_updated_in_place() {
    let mut layer =
        Linear::<f32>::new(4, 4, Activation::Tanh, &Init::xavier_normal(), &mut rng()).unwrap();
    let place = layer.weight().value().as_slice().unwrap().as_ptr();
    let mut tape = Tape::new();
    for _ in 0..2 {
        let y = layer.forward(tape.constant(&Tensor::ones([2, 4])));
        Sgd::new(0.1).momentum(0.9).step(&mut layer, &y.sum().backward());
        tape.clear();
        assert_eq!(layer.weight().value().as_slice().unwrap().as_ptr(), place);
    }
}

#[test]
fn accuracy_counts_the_first_of_the_largest() {
    let logits = Tensor::from_slice(&[1.0_f32, 3.0, 2.0, 5.0, 5.0, 0.0], [2, 3]).unwrap();
    assert_eq!(accuracy(&logits, [1, 0]), 1.0);
    assert_eq!(accuracy(&logits, [1, 1]), 0.5);
    assert!(accuracy(&Tensor::<f32>::zeros([0, 3]), []).is_nan());
}

/// Optimizers, advice and LSUV do not change frozen parameters; a layer of frozen weights passes on
/// gradients.
#[test]
fn frozen_parameters_stay_as_they_are() {
    let mut model: Sequential<f64> = Sequential::builder()
        .linear(3, 4, Activation::Tanh)
        .with(Linear::config(4, 4).activation(Activation::Tanh))
        .linear(4, 2, Activation::Identity)
        .build(&mut rng())
        .unwrap();
    model.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
        parameter.set_frozen(path.to_string().starts_with("1."));
    }));
    let values = |model: &Sequential<f64>| -> Vec<Tensor<f64>> {
        model.parameters().iter().map(|(_, p)| p.value().clone()).collect()
    };
    let changed = |before: &[Tensor<f64>], model: &Sequential<f64>| -> Vec<bool> {
        before.iter().zip(values(model)).map(|(before, after)| *before != after).collect()
    };
    let x = Tensor::from_fn([8, 3], |i| (i[0] as f64 - 3.5) * (i[1] as f64 + 0.5));
    let tape = Tape::new();
    let loss = model.forward(tape.constant(&x)).square().sum();
    let gradients = loss.backward();
    for (name, parameter) in model.parameters() {
        let gradient = gradients.parameter(parameter);
        assert_eq!(gradient.is_none(), parameter.is_frozen(), "{name}");
    }
    let before = values(&model);
    Adam::new(0.1).step(&mut model, &gradients);
    assert_eq!(changed(&before, &model), [true, true, false, false, true, true]);

    // Frozen after the forward pass: there is a gradient, but no step.
    let tape = Tape::new();
    let loss = model.forward(tape.constant(&x)).square().sum();
    let gradients = loss.backward();
    let before = values(&model);
    model.freeze();
    Sgd::new(0.1).step(&mut model, &gradients);
    assert_eq!(changed(&before, &model), [false; 6]);

    model.unfreeze();
    model.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
        parameter.set_frozen(path.to_string().starts_with("1."));
    }));
    recommend(&model).unwrap().apply(&mut model, &mut rng()).unwrap();
    let again = changed(&before, &model);
    assert_eq!((again[0], again[2], again[4]), (true, false, true));
    let seen = lsuv(&mut model, &x, Lsuv::default(), &mut rng()).unwrap();
    assert_eq!(seen.iter().map(|layer| &*layer.path).collect::<Vec<_>>(), ["0", "2"]);
    let again = changed(&before, &model);
    assert_eq!((again[2], again[3]), (false, false));
    // A clone is frozen where the original is.
    let frozen = |model: &Sequential<f64>| -> Vec<bool> {
        model.parameters().iter().map(|(_, p)| p.is_frozen()).collect()
    };
    assert_eq!(frozen(&model.clone()), frozen(&model));
}
