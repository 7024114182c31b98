//! LSUV on chains, on module trees, and on modules that do not show their parts.

use wengert_autodiff::{Activation, Element, Parameter, Result, Tensor, Var};

use super::{normal, rng};
use crate::init::{Init, Lsuv, LsuvError, lsuv, measure};
use crate::{ActivationLayer, CustomActivation, Layer, Linear, Module, Observer, Role, Sequential};

/// `x + last(tanh(first(x)))`, which shows its parts.
#[derive(Clone, Debug, Module)]
#[module(role = Role::Residual)]
pub(super) struct Residual<E: Element> {
    pub(super) first: Linear<E>,
    pub(super) last: Linear<E>,
}

impl<E: Element> Layer<E> for Residual<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        Ok(x + self.last.try_forward(self.first.try_forward(x)?)?)
    }
    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        let hidden = observer.child("first", &self.first, x)?;
        Ok(x + observer.child("last", &self.last, hidden)?)
    }
}

/// Two weights in a chain, which are not shown to observers.
#[derive(Clone, Debug, Module)]
struct Opaque {
    a: Parameter<f32>,
    b: Parameter<f32>,
}

impl Layer<f32> for Opaque {
    fn try_forward<'t>(&self, x: Var<'t, f32>) -> Result<Var<'t, f32>> {
        let tape = x.tape();
        Ok(x.matmul(tape.parameter(&self.a)).relu().matmul(tape.parameter(&self.b)))
    }
}

fn linear(inputs: usize, outputs: usize, activation: Activation, init: &Init) -> Linear<f32> {
    Linear::new(inputs, outputs, activation, init, &mut rng(5)).unwrap()
}

fn model() -> Sequential<f32> {
    let init = Init::Normal { mean: 0.0, std: 0.7 };
    let mut model = Sequential::empty();
    model.push(linear(20, 40, Activation::Relu, &init));
    model.push(ActivationLayer(Activation::Tanh));
    model.push(Residual {
        first: linear(40, 40, Activation::Tanh, &init),
        last: linear(40, 40, Activation::Identity, &init),
    });
    model.push(CustomActivation::new("silu", |x| x * x.logistic()));
    model.push(Opaque {
        a: Parameter::weight(init.sample([40, 30], &mut rng(1)).unwrap(), 40, 30),
        b: Parameter::weight(init.sample([30, 10], &mut rng(2)).unwrap(), 30, 10),
    });
    model
}

#[test]
fn every_layer_has_unit_variance_afterwards() {
    let batch = &normal([256, 20], 3) * &Tensor::scalar(4.0);
    let batch = &batch + &Tensor::scalar(1.0);
    for orthogonal in [true, false] {
        let mut model = model();
        let options = Lsuv { tolerance: 1e-3, orthogonal, ..Lsuv::default() };
        let layers = lsuv(&mut model, &batch, options, &mut rng(4)).unwrap();
        let paths: Vec<&str> = layers.iter().map(|layer| layer.path.as_str()).collect();
        assert_eq!(paths, ["0", "2.first", "2.last", "4"]);
        assert!((layers[0].before - 1.0).abs() > 1.0, "it had something to do: {layers:?}");
        // Measured again, with the package's own measurement (its mean square counts the mean in).
        let seen = measure(&model, &batch, &Tensor::ones([256, 10])).unwrap();
        for layer in &layers {
            assert!((layer.after - 1.0).abs() <= 1e-3, "{layer:?}");
            let seen = seen.iter().find(|seen| seen.path == layer.path).unwrap();
            assert!(seen.preactivation_square >= 0.99 * layer.after, "{layer:?} {seen:?}");
        }
        let weight = model.parameters()[0].1.value().cast::<f64>();
        let gram = weight.transpose(0, 1).matmul(&weight).to_vec();
        let off = gram.iter().enumerate().filter(|(i, _)| i % 21 != 0);
        let off = off.fold(0.0, |most: f64, (_, x)| most.max(x.abs())) / gram[0];
        assert_eq!(off < 1e-5, orthogonal, "{off}");
    }
}

/// A sum that does not show its parts: no scale of its weights gives it unit variance.
#[derive(Clone, Debug, Module)]
struct Hidden(#[module(name = "inner")] Linear<f32>);
impl Layer<f32> for Hidden {
    fn try_forward<'t>(&self, x: Var<'t, f32>) -> Result<Var<'t, f32>> {
        Ok(x * 3.0 + self.0.try_forward(x)?)
    }
}

/// Only the layers before the one that fails are scaled.
#[test]
fn a_layer_that_cannot_be_scaled_keeps_its_weights() {
    let weights = |model: &Sequential<f32>| -> Vec<Vec<f32>> {
        model.parameters().into_iter().map(|(_, parameter)| parameter.value().to_vec()).collect()
    };
    let options = Lsuv { orthogonal: false, ..Lsuv::default() };
    let init = Init::Normal { mean: 0.0, std: 2.0 };
    let mut model = Sequential::<f32>::empty();
    model.push(linear(4, 4, Activation::Identity, &init));
    model.push(CustomActivation::new("shrink", |x| x * 1e-40));
    model.push(linear(4, 4, Activation::Identity, &init));
    let before = weights(&model);
    // Unit variance needs weights near 1e40, which are infinite in f32.
    let error = lsuv(&mut model, &normal([8, 4], 1), options, &mut rng(1)).unwrap_err();
    assert!(matches!(error, LsuvError::Silent { ref path, .. } if path == "2"), "{error}");
    let after = weights(&model);
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1..], before[1..]);
}

#[test]
fn what_cannot_be_scaled_is_an_error_with_the_layers_name() {
    let mut model = Sequential::<f32>::empty();
    model.push(linear(4, 4, Activation::Relu, &Init::Zeros));
    let options = Lsuv { orthogonal: false, ..Lsuv::default() };
    let error = lsuv(&mut model, &normal([8, 4], 1), options, &mut rng(1)).unwrap_err();
    assert!(matches!(error, LsuvError::Silent { ref path, .. } if path == "0"), "{error}");
    let mut model = Hidden(linear(4, 4, Activation::Identity, &Init::Zeros));
    let error = lsuv(&mut model, &normal([8, 4], 1), Lsuv::default(), &mut rng(1)).unwrap_err();
    assert!(matches!(error, LsuvError::NotReached { .. }), "{error}");
    assert!(error.to_string().contains("Layer::observe"), "{error}");
    let error = lsuv(&mut model, &normal([8, 5], 1), Lsuv::default(), &mut rng(1)).unwrap_err();
    assert!(matches!(error, LsuvError::Forward(_)), "{error}");
    for tolerance in [f64::NAN, -0.1] {
        let options = Lsuv { tolerance, ..Lsuv::default() };
        let error = lsuv(&mut model, &normal([8, 4], 1), options, &mut rng(1)).unwrap_err();
        assert!(matches!(error, LsuvError::Tolerance { .. }), "{error}");
    }
}
