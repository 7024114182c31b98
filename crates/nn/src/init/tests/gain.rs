//! Gains compared with mpmath, PyTorch's table, and closed forms.

use wengert_autodiff::Activation;

use super::{Direct, function, near, reference};
use crate::CustomActivation;
use crate::init::{Fan, Init, Nonlinearity, TheoryError, gain};

#[test]
fn gains_are_those_of_forty_digit_quadrature() {
    for (name, numbers) in reference("gain") {
        let gain = gain(&*function(name)).unwrap();
        near(gain.forward, numbers[0], 1e-12, name);
        near(gain.slope, numbers[1], 1e-12, name);
        near(gain.mean, numbers[2], 1e-12, name);
        assert!(gain.error < 1e-12, "{name}: {}", gain.error);
        near(gain.gradient_factor(), numbers[0].powi(2) * numbers[1], 1e-11, name);
    }
}

#[test]
fn the_classical_table() {
    let of = |activation: Activation| gain(&activation).unwrap();
    let relu = of(Activation::Relu);
    assert!((relu.second_moment() - 0.5).abs() < 1e-14 && (relu.slope - 0.5).abs() < 1e-14);
    near(relu.backward(), 2.0_f64.sqrt(), 1e-14, "relu");
    for slope in [0.0, 0.01, 0.2, 0.9] {
        let leaky = of(Activation::LeakyRelu { slope });
        near(leaky.forward, (2.0 / (1.0 + slope * slope)).sqrt(), 1e-14, "leaky relu");
        near(leaky.backward(), leaky.forward, 1e-14, "leaky relu");
    }
    // PyTorch's formulas agree; its rules of thumb differ by as much as the documentation states.
    for (name, numbers) in reference("torch_gain") {
        let (activation, ratio) = match name {
            "linear" => (function("identity"), 1.0),
            "relu" => (function("relu"), 1.0),
            "leaky_relu(0.2)" => (function("leaky_relu(0.2)"), 1.0),
            "leaky_relu(0.01)" => {
                (Box::new(Activation::LeakyRelu { slope: 0.01 }) as Box<dyn Nonlinearity>, 1.0)
            }
            "tanh" => (function("tanh"), 5.0 / 3.0 / 1.5925374197228315),
            "sigmoid" => (function("logistic"), 1.0 / 1.8462285453386054),
            "selu" => (function("selu"), 0.75),
            other => panic!("{other}"),
        };
        near(numbers[0] / gain(&*activation).unwrap().forward, ratio, 1e-12, name);
    }
}

#[test]
fn closures_come_out_with_kinks_named_or_not() {
    let two = CustomActivation::<f64>::new("two kinks", |x| (x - 0.7).relu() + (-(x + 0.3)).relu());
    let named = gain(&two.clone().with_kinks([-0.3, 0.7])).unwrap();
    let found = gain(&two).unwrap();
    // P(z > 0.7) + P(z < -0.3), by mpmath.
    near(named.slope, 0.24196365222307303 + 0.38208857781104733, 1e-13, "named");
    near(found.slope, named.slope, 1e-12, "found");
    near(found.forward, named.forward, 1e-12, "found");
    // The error is that of single precision, whose rounding is not mistaken for a kink.
    let single = CustomActivation::<f32>::new("silu", |x| x * x.logistic());
    let double = gain(&*function("silu")).unwrap();
    near(gain(&single).unwrap().forward, double.forward, 1e-6, "f32");
    // A constant passes no gradient, but has a gain.
    let constant = CustomActivation::<f64>::new("constant", |x| x.detach() * 0.0 + 2.0);
    let constant = gain(&constant).unwrap();
    assert_eq!(constant.slope, 0.0);
    near(constant.mean, 2.0, 1e-14, "constant");
}

#[test]
fn what_has_no_gain_is_refused() {
    let explosive = CustomActivation::<f64>::new("explosive", |x| (x.square() * x.square()).exp());
    assert!(matches!(gain(&explosive), Err(TheoryError::NotFinite { .. })));
    let undefined = CustomActivation::<f64>::new("log", |x| x.log());
    let error = gain(&undefined).unwrap_err();
    assert!(error.to_string().contains("log"), "{error}");
    let reducing = CustomActivation::<f64>::new("sum", |x| x.sum());
    assert!(matches!(gain(&reducing), Err(TheoryError::NotElementwise { .. })));
    let slope = Activation::LeakyRelu { slope: 7.0 };
    assert!(matches!(gain(&slope), Err(TheoryError::Function(_))));
}

#[test]
fn what_comes_from_the_tail_is_found() {
    // E[exp(a z)^2] = exp(2 a^2), E[exp(z^2/a)^2] = (1 - 4/a)^(-1/2) for a > 4.
    for (a, f) in [
        (5.0, Direct { name: "exp(5x)", f: |x| (5.0 * x).exp(), d: |x| 5.0 * (5.0 * x).exp() }),
        (8.0, Direct { name: "exp(8x)", f: |x| (8.0 * x).exp(), d: |x| 8.0 * (8.0 * x).exp() }),
    ] {
        let got = gain(&f).unwrap();
        near(got.second_moment() / (2.0_f64 * a * a).exp(), 1.0, 1e-11, f.name);
        near(got.slope / (a * a * (2.0_f64 * a * a).exp()), 1.0, 1e-11, f.name);
        assert!(got.error < 1e-11, "{}", got.error);
    }
    let slow = |x: f64| (x * x / 4.2).exp();
    let slow = Direct { name: "exp(x^2/4.2)", f: slow, d: |x| x / 2.1 * (x * x / 4.2).exp() };
    let got = gain(&slow).unwrap();
    near(got.second_moment(), (1.0 - 4.0 / 4.2_f64).powf(-0.5), 1e-10, slow.name);
    for infinite in [
        Direct {
            name: "exp(x^2/4)",
            f: |x| (x * x / 4.0).exp(),
            d: |x| x / 2.0 * (x * x / 4.0).exp(),
        },
        Direct {
            name: "exp(x^2/2.2)",
            f: |x| (x * x / 2.2).exp(),
            d: |x| x / 1.1 * (x * x / 2.2).exp(),
        },
    ] {
        let error = gain(&infinite).unwrap_err();
        assert!(matches!(error, TheoryError::NotFinite { .. }), "{error}");
    }
}

#[test]
fn what_is_not_resolved_is_refused() {
    for unresolved in [
        Direct { name: "1/x", f: f64::recip, d: |x| -1.0 / (x * x) },
        Direct {
            name: "|x|^(1/4)",
            f: |x| x.abs().powf(0.25),
            d: |x| 0.25 * x.abs().powf(-0.75) * x.signum(),
        },
    ] {
        let error = gain(&unresolved).unwrap_err();
        assert!(matches!(error, TheoryError::Unresolved { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(unresolved.name) && text.contains("kinks"), "{text}");
    }
    // A steep step is not: E[f'^2] = a phi(0.37) int sech^4 = 4/3 a phi(0.37).
    let step = Direct {
        name: "tanh(1e6 (x - 0.37))",
        f: |x| (1e6 * (x - 0.37)).tanh(),
        d: |x| 1e6 * (1e6 * (x - 0.37)).cosh().powi(-2),
    };
    let got = gain(&step).unwrap();
    near(got.slope, 4e6 / 3.0 * super::density(0.37), 1e-7, step.name);
    assert!(got.error < 1e-6, "{}", got.error);
}

#[test]
fn an_activation_that_is_zero_everywhere_is_named() {
    let dead = Activation::Softshrink { lambda: 40.0 };
    let error = gain(&dead).unwrap_err();
    assert!(matches!(error, TheoryError::Silent { .. }), "{error}");
    assert!(error.to_string().starts_with("softshrink"), "{error}");
    assert!(error.to_string().contains("is zero"), "{error}");
    assert_eq!(Init::for_activation(dead), Init::lecun_normal());
    let build = |activation| {
        crate::Sequential::<f32>::builder().linear(4, 4, activation).build(&mut super::rng(1))
    };
    let error = build(dead).unwrap_err().to_string();
    assert!(error.contains("for the activation softshrink"), "{error}");
    let error = build(Activation::LeakyRelu { slope: f64::NAN }).unwrap_err().to_string();
    assert!(error.contains("leaky") && error.contains("slope"), "{error}");
}

#[test]
fn the_scheme_of_an_activation_has_its_gain() {
    let leaky = Activation::LeakyRelu { slope: 0.01 };
    let Init::Scaled { gain: scale, .. } = Init::for_activation(leaky) else { panic!("He scales") };
    // torch.nn.init.calculate_gain('leaky_relu', 0.01) = 1.4141428569978354
    near(scale, 1.4141428569978354, 1e-15, "leaky relu");
    assert_eq!(Init::for_activation(Activation::Tanh), Init::xavier_normal());
    assert_eq!(Init::for_activation(Activation::Relu), Init::he_normal());
    // The others have their computed gain, to the seven digits of an initializer.
    for activation in Activation::ALL {
        if let Init::Scaled { gain: scale, fan: Fan::In, .. } = Init::for_activation(activation) {
            let exact = gain(&activation).unwrap().forward;
            near(scale, exact, 1e-6 * exact, activation.name());
        }
    }
}
