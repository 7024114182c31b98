//! Maps, fixed points and the edge of chaos compared with mpmath, closed forms and published
//! values.

use wengert_autodiff::Activation;

use super::{function, near, reference};
use crate::CustomActivation;
use crate::init::{
    MeanField, Phase, StackLayer, TheoryError, edge_of_chaos, phase_diagram, predict,
};

#[test]
fn fixed_points_and_slopes_are_those_of_mpmath() {
    for (name, numbers) in reference("fixed_point") {
        let [w2, b2, q, chi_1, chi_q] = numbers[..] else { panic!("{name}") };
        let activation = function(name);
        let network = MeanField::new(&*activation, w2.sqrt(), b2.sqrt()).unwrap();
        for start in [0.2 * q, q, 3.0 * q] {
            let found = network.fixed_point(start).unwrap().unwrap();
            near(found, q, 1e-10, name);
        }
        near(network.variance_map(q).unwrap(), q, 1e-12, name);
        near(network.chi_1(q).unwrap(), chi_1, 1e-12, name);
        near(network.chi_q(q).unwrap(), chi_q, 1e-11, name);
        // The slope is that of the map.
        let h = 1e-4 * q;
        let map = |q| network.variance_map(q).unwrap();
        near((map(q + h) - map(q - h)) / (2.0 * h), chi_q, 1e-6, name);
    }
}

#[test]
fn variances_that_vanish_stay_or_explode_are_told_apart() {
    let to = |activation: &Activation, w: f64, b: f64, start: f64| {
        MeanField::new(activation, w, b).unwrap().fixed_point(start).unwrap()
    };
    assert_eq!(to(&Activation::Tanh, 0.9, 0.0, 1.0), Some(0.0));
    assert_eq!(to(&Activation::Tanh, 0.9, 0.0, 0.0), Some(0.0));
    for start in [0.01, 1.0, 7.0] {
        let kept = to(&Activation::Relu, 2.0_f64.sqrt(), 0.0, start).unwrap();
        near(kept, start, 1e-12, "relu keeps any variance");
    }
    assert_eq!(to(&Activation::Relu, 1.5, 0.1, 1.0), None);
    assert_eq!(to(&Activation::Relu, 2.0_f64.sqrt(), 0.1, 1.0), None);
    // Closed form: q = b / (1 - w/2).
    near(to(&Activation::Relu, 1.0, 1.0, 0.0).unwrap(), 2.0, 1e-10, "relu");
}

#[test]
fn correlations_are_those_of_closed_forms_and_mpmath() {
    for (name, numbers) in reference("pair") {
        let [q, c, values, derivatives] = numbers[..] else { panic!("{name}") };
        let activation = function(name);
        let network = MeanField::new(&*activation, 1.3, 0.4).unwrap();
        let length = network.variance_map(q).unwrap();
        let map = network.correlation_map(q, c).unwrap();
        near(map * length, 1.69 * values + 0.16, 1e-9, name);
        near(network.chi_c(q, c).unwrap(), 1.69 * derivatives, 1e-9, name);
    }
    // Cho and Saul 2009 for relu: also close to 1 and -1, where the kinks of the two nearly meet.
    let relu = MeanField::new(&Activation::Relu, 2.0_f64.sqrt(), 0.0).unwrap();
    for c in [-1.0, -0.99, -0.3, 0.0, 0.5, 0.99, 0.9999, 1.0_f64] {
        let angle = c.acos();
        let pi = std::f64::consts::PI;
        let want = (angle.sin() + (pi - angle) * c) / pi;
        near(relu.correlation_map(1.0, c).unwrap(), want, 1e-8, &format!("relu, {c}"));
        // The derivative jumps where both kinks meet.
        near(relu.chi_c(1.0, c).unwrap(), (pi - angle) / pi, 1e-6, &format!("relu', {c}"));
    }
}

#[test]
fn a_kink_not_named_costs_digits_and_no_more() {
    let relu = CustomActivation::<f64>::new("relu", |x| x.relu());
    let network = MeanField::new(&relu, 2.0_f64.sqrt(), 0.0).unwrap();
    let named = MeanField::new(&Activation::Relu, 2.0_f64.sqrt(), 0.0).unwrap();
    for c in [-0.5, 0.2, 0.8] {
        let got = network.correlation_map(2.0, c).unwrap();
        near(got, named.correlation_map(2.0, c).unwrap(), 1e-4, "relu");
    }
}

#[test]
fn the_edge_is_where_poole_and_schoenholz_found_it() {
    let tanh = edge_of_chaos(&Activation::Tanh);
    let point = tanh.at_sigma_b(0.05_f64.sqrt()).unwrap().unwrap();
    assert!((point.sigma_w.powi(2) - 1.76).abs() < 0.005, "{point:?}");
    let (_, numbers) = &reference("edge_at_bias")[0];
    near(point.q, numbers[1], 1e-10, "q");
    near(point.sigma_w, numbers[2], 1e-10, "sigma_w");
    near(tanh.at_sigma_w(numbers[2]).unwrap().unwrap().sigma_b, numbers[0], 1e-9, "sigma_b");
    let silent = tanh.at_sigma_b(0.0).unwrap().unwrap();
    assert_eq!((silent.sigma_w, silent.q), (1.0, 0.0));
    for q in [0.01, 1.0, 30.0] {
        let relu = edge_of_chaos(&Activation::Relu).at_variance(q).unwrap().unwrap();
        near(relu.sigma_w.powi(2), 2.0, 1e-13, "relu");
        assert_eq!(relu.sigma_b, 0.0);
        near(relu.chi_q, 1.0, 1e-13, "relu");
    }
    for (name, numbers) in reference("edge") {
        let activation = function(name);
        let point = edge_of_chaos(&*activation).at_variance(numbers[0]).unwrap().unwrap();
        near(point.sigma_w.powi(2), numbers[1], 1e-11, name);
        near(point.sigma_b.powi(2), numbers[2], 1e-11, name);
    }
    // No bias variance compensates the logistic function's mean at moderate variance.
    assert_eq!(edge_of_chaos(&Activation::Logistic).at_variance(1.0).unwrap(), None);
    // The points of the curve are fixed points with chi_1 = 1.
    let curve = tanh.curve().unwrap();
    assert!(curve.len() > 100);
    for point in curve.iter().step_by(20) {
        let network = MeanField::new(&Activation::Tanh, point.sigma_w, point.sigma_b).unwrap();
        near(network.variance_map(point.q).unwrap(), point.q, 1e-10, "fixed");
        near(network.chi_1(point.q).unwrap(), 1.0, 1e-12, "critical");
    }
}

/// Roberts, Yaida and Hanin, "The Principles of Deep Learning Theory" (2022), section 5.3.4: where
/// both slopes are 1, gelu has `(C_b, C_W) = (0.17292, 1.98305)`, and swish (silu)
/// `(0.55514, 1.98800)` at `q = 14.32`.
#[test]
fn the_doubly_critical_points_of_gelu_and_swish() {
    for (name, low, high, c_b, c_w) in
        [("gelu", 2.0, 6.0, 0.17292, 1.98305), ("silu", 8.0, 20.0, 0.55514, 1.98800)]
    {
        let activation = function(name);
        let edge = edge_of_chaos(&*activation);
        let (mut low, mut high) = (low, high);
        for _ in 0..30 {
            let middle = f64::midpoint(low, high);
            let point = edge.at_variance(middle).unwrap().unwrap();
            if point.chi_q > 1.0 { low = middle } else { high = middle }
        }
        let point = edge.at_variance(high).unwrap().unwrap();
        assert!((point.sigma_b.powi(2) - c_b).abs() < 1e-5, "{name} {point:?}");
        assert!((point.sigma_w.powi(2) - c_w).abs() < 1e-5, "{name} {point:?}");
    }
}

#[test]
fn depth_scales_and_phases() {
    let ordered = MeanField::new(&Activation::Tanh, 1.3_f64.sqrt(), 0.1).unwrap();
    let q = ordered.fixed_point(1.0).unwrap().unwrap();
    let scales = ordered.depth_scales(q).unwrap();
    near(scales.correlation, -1.0 / 0.9752378327107964_f64.ln(), 1e-8, "xi_c");
    near(scales.variance, -1.0 / 0.7152272758147671_f64.ln(), 1e-8, "xi_q");
    assert_eq!(ordered.correlation_fixed_point(q).unwrap(), 1.0);

    let chaotic = MeanField::new(&Activation::Tanh, 2.0, 0.3_f64.sqrt()).unwrap();
    let q = chaotic.fixed_point(1.0).unwrap().unwrap();
    let c = chaotic.correlation_fixed_point(q).unwrap();
    assert!(c > 0.1 && c < 0.9, "{c}");
    near(chaotic.correlation_map(q, c).unwrap(), c, 1e-9, "c*");
    let scales = chaotic.depth_scales(q).unwrap();
    near(scales.correlation, -1.0 / chaotic.chi_c(q, c).unwrap().ln(), 1e-9, "xi_c");

    let critical = edge_of_chaos(&Activation::Tanh).at_variance(0.5).unwrap().unwrap();
    let critical = MeanField::new(&Activation::Tanh, critical.sigma_w, critical.sigma_b).unwrap();
    assert_eq!(critical.depth_scales(0.5).unwrap().correlation, f64::INFINITY);

    let edge = edge_of_chaos(&Activation::Tanh).at_sigma_b(0.2).unwrap().unwrap().sigma_w;
    let diagram = phase_diagram(&Activation::Tanh, [1.0, edge, 2.0], [0.2]).unwrap();
    assert_eq!(diagram.phases, [[Phase::Ordered, Phase::Critical, Phase::Chaotic]]);
    let relu = phase_diagram(&Activation::Relu, [1.0, 2.0_f64.sqrt(), 1.5], [0.0, 0.1]).unwrap();
    let (o, c, d) = (Phase::Ordered, Phase::Critical, Phase::Divergent);
    assert_eq!(relu.phases, [[o, c, d], [o, d, d]]);
    let picture = relu.to_string();
    assert!(picture.starts_with("   0.100 .^^\n   0.000 .o^\n"), "{picture}");
}

#[test]
fn the_size_of_the_fluctuations_is_hanins() {
    // Relu: 5 L / width, forward and backward.
    let stack: Vec<_> = (0..20)
        .map(|_| StackLayer::linear(1000, 1000, Activation::Relu, 2.0_f64.sqrt(), 0.0))
        .collect();
    let predicted = predict(&stack, 1.0).unwrap();
    near(predicted[19].variance_deviation.powi(2), 19.0 * 5.0 / 1000.0, 1e-9, "forward");
    // The gradient of the last layer is given: only f'^2 fluctuates there, by (2 - 1) / width.
    let want = (19.0 * 5.0 + 1.0) / 1000.0;
    near(predicted[0].gradient_deviation.powi(2), want, 1e-9, "backward");
    assert!(predicted.iter().all(|layer| layer.shift.abs() < 1e-9), "the mean of relu is exact");
    for layer in &predicted {
        near(layer.variance, 2.0, 1e-12, "variance");
        near(layer.activation_variance, 1.0 - 1.0 / std::f64::consts::PI, 1e-12, "activations");
    }
}

#[test]
fn numbers_outside_their_domain_are_refused() {
    let number =
        |error: TheoryError| assert!(matches!(error, TheoryError::Number { .. }), "{error}");
    number(MeanField::new(&Activation::Tanh, -1.0, 0.0).unwrap_err());
    number(MeanField::new(&Activation::Tanh, 1.0, f64::NAN).unwrap_err());
    let network = MeanField::new(&Activation::Tanh, 1.0, 0.1).unwrap();
    number(network.correlation_map(1.0, 1.5).unwrap_err());
    number(network.correlation_map(0.0, 0.5).unwrap_err());
    number(network.fixed_point(-1.0).unwrap_err());
    let still = MeanField::new(&Activation::Tanh, 0.0, 0.0).unwrap();
    number(still.correlation_map(1.0, 0.5).unwrap_err());
    number(edge_of_chaos(&Activation::Tanh).at_sigma_b(-0.1).unwrap_err());
    number(predict(&[], f64::INFINITY).unwrap_err());
}

#[test]
fn what_has_no_expectation_or_no_width_is_an_error() {
    let log = CustomActivation::<f64>::new("log", |x| x.log());
    let edge = edge_of_chaos(&log);
    assert!(edge.at_variance(0.0).is_err() && edge.at_sigma_b(0.0).is_err());
    let nothing = StackLayer::linear(0, 0, Activation::Tanh, 1.0, 0.0);
    assert!(predict(&[nothing], 1.0).unwrap_err().to_string().contains("positive"));
}

/// E[f'^2] of a function that is linear on either side of 0 does not depend on the variance.
#[test]
fn a_silent_network_has_the_slopes_of_either_side_of_a_kink() {
    for (activation, slope) in [
        (Activation::Relu, 0.5),
        (Activation::LeakyRelu { slope: 0.01 }, 0.50005),
        (Activation::Tanh, 1.0),
    ] {
        let network = MeanField::new(&activation, 1.0, 0.0).unwrap();
        for q in [0.0, 1e-12] {
            for chi in [network.chi_1(q).unwrap(), network.chi_q(q).unwrap()] {
                assert!((chi - slope).abs() < 1e-9, "{activation} at {q}: {chi}");
            }
        }
    }
    let xavier = MeanField::new(&Activation::Relu, 1.0, 0.0).unwrap();
    assert_eq!(xavier.fixed_point(1.0).unwrap(), Some(0.0));
    let scales = xavier.depth_scales(0.0).unwrap();
    assert!((scales.correlation - 1.0 / 2.0_f64.ln()).abs() < 1e-12, "{scales:?}");
}
