//! Recommendations, and their effect on measured networks.

use wengert_autodiff::{Activation, Kind, Result, Tape, Tensor, Var};

use super::lsuv::Residual;
use super::{function, near, normal, rng};
use crate::init::operating_point::operating_point;
use crate::init::{Init, TheoryError, measure, predict, recommend, recommend_for};
use crate::{
    ActivationLayer, CustomActivation, Layer, Linear, Module, Optimizer, Role, Sequential, Sgd,
};

const WIDTH: usize = 512;
const DEPTH: usize = 50;

/// A user-defined activation.
fn own() -> CustomActivation<f32> {
    CustomActivation::new("x/sqrt(1+x^2) + x/10", |x| x / (x.square() + 1.0).sqrt() + x * 0.1)
}

fn gelu() -> CustomActivation<f32> {
    CustomActivation::new("gelu", |x| x.gelu())
}

fn deep(activation: &CustomActivation<f32>, init: &Init, seed: u64) -> Sequential<f32> {
    let mut model = Sequential::empty();
    let mut rng = rng(seed);
    for _ in 0..DEPTH {
        model.push(Linear::new(WIDTH, WIDTH, Activation::Identity, init, &mut rng).unwrap());
        model.push(activation.clone());
    }
    model
}

/// The factors by which the variances of activations and of gradients differ between the first and
/// the last layer, averaged over some seeds.
fn factors(activation: &CustomActivation<f32>, init: Option<&Init>, seeds: u64) -> [f64; 2] {
    let mut ends = [[0.0; 2]; 2];
    for seed in 0..seeds {
        let mut model = deep(activation, init.unwrap_or(&Init::Zeros), seed);
        if init.is_none() {
            recommend(&model).unwrap().apply(&mut model, &mut rng(seed)).unwrap();
        }
        let (batch, cotangent) = (normal([16, WIDTH], 1), normal([16, WIDTH], 2));
        let seen = measure(&model, &batch, &cotangent).unwrap();
        // A layer shows its product and then its activation.
        for (end, at) in ends.iter_mut().zip([0, 2 * DEPTH - 2]) {
            end[0] += seen[at + 1].activation_variance;
            end[1] += seen[at].gradient_square;
        }
    }
    [0, 1].map(|which| ends[1][which] / ends[0][which])
}

fn assert_kept(activation: &CustomActivation<f32>) {
    let factors = factors(activation, None, 10);
    println!("{activation:?}: {factors:?}");
    assert!(factors.iter().all(|factor| (0.5..=2.0).contains(factor)), "{factors:?}");
}

#[test]
fn fifty_layers_of_tanh_keep_their_variances() {
    assert_kept(&CustomActivation::new("tanh", |x| x.tanh()));
}

#[test]
fn fifty_layers_of_relu_keep_their_variances() {
    assert_kept(&CustomActivation::new("relu", |x| x.relu()).with_kinks([0.0]));
}

#[test]
fn fifty_layers_of_gelu_keep_their_variances() {
    assert_kept(&gelu());
}

#[test]
fn fifty_layers_of_a_users_own_keep_their_variances() {
    assert_kept(&own());
}

#[test]
fn the_naive_ones_do_not() {
    let m = WIDTH as f64;
    for activation in [CustomActivation::new("tanh", |x| x.tanh()), gelu(), own()] {
        for std in [1.0, 0.01, 1.0 / m] {
            let init = Init::Normal { mean: 0.0, std };
            let [_, gradients] = factors(&activation, Some(&init), 1);
            // A ratio that is not finite or zero is none within a factor of two.
            assert!(!(0.01..=100.0).contains(&gradients), "{activation:?} {std}: {gradients}");
        }
    }
}

#[test]
fn each_layer_is_advised_for_what_comes_in_and_what_follows() {
    let mut model = Sequential::<f32>::empty();
    let mut push = |inputs, outputs, activation| {
        let init = Init::Zeros;
        model.push(Linear::new(inputs, outputs, activation, &init, &mut rng(1)).unwrap());
    };
    push(30, 20, Activation::Relu);
    push(20, 20, Activation::Identity);
    model.push(ActivationLayer(Activation::Tanh));
    let mut push = |inputs, outputs, activation| {
        let init = Init::Zeros;
        model.push(Linear::new(inputs, outputs, activation, &init, &mut rng(1)).unwrap());
    };
    push(20, 20, Activation::Logistic);
    push(20, 5, Activation::Identity);
    let advice = recommend_for(&model, 4.0).unwrap();
    let of: Vec<(&str, String)> =
        advice.layers.iter().map(|l| (l.weight.as_str(), l.activation.name())).collect();
    let name = |name: &str| name.to_owned();
    assert_eq!(
        of,
        [
            ("0.weight", name("relu")),
            ("1.weight", name("tanh")),
            ("3.weight", name("logistic")),
            ("4.weight", name("identity")),
        ]
    );
    // The first layer's scale compensates that of the inputs, the second's the factor 1/2 of relu.
    near(advice.layers[0].sigma_w, 0.5, 1e-9, "relu of inputs of square 4");
    near(advice.layers[0].gradient_factor, 1.0, 1e-9, "relu");
    let tanh = &advice.layers[1];
    let want = (tanh.variance - tanh.sigma_b.powi(2)) / 0.5;
    near(tanh.sigma_w.powi(2), want, 1e-9, "tanh after relu");
    near(tanh.gradient_factor, 1.0, 1e-9, "tanh");
    assert!(tanh.reason.contains("edge of chaos"), "{}", tanh.reason);
    let logistic = &advice.layers[2];
    near(logistic.gradient_factor, 0.15282, 1e-4, "logistic");
    assert!(logistic.reason.contains("variance of gradients by 0.153"), "{}", logistic.reason);
    // The symbols are explained, then there is a line for the columns and one for each layer.
    assert_eq!(advice.to_string().lines().count(), 6);
    // By theory every layer has the variance of the advice.
    for (layer, predicted) in advice.layers.iter().zip(predict(&advice.stack(), 4.0).unwrap()) {
        near(predicted.variance / (1.0 + predicted.shift), layer.variance, 1e-9, &layer.weight);
    }
    advice.apply(&mut model, &mut rng(3)).unwrap();
    let bias = model.parameters()[3].1.value().to_vec();
    assert!(bias.iter().any(|b| *b != 0.0), "tanh has random biases");
    let error = recommend_for(&model, 0.0).unwrap_err();
    assert!(matches!(error, TheoryError::Number { .. }), "{error}");
}

#[test]
fn the_table_stays_narrow() {
    let mut model = Sequential::<f32>::empty();
    model.push(Linear::new(4, 4, Activation::Tanh, &Init::Zeros, &mut rng(1)).unwrap());
    let mut advice = recommend(&model).unwrap();
    advice.layers[0].sigma_w = 6.7e153;
    advice.layers[0].gradient_factor = 1.5e-7;
    let table = advice.to_string();
    assert!(table.contains("6.70e153") && table.contains("1.50e-7"), "{table}");
}

#[test]
fn advice_for_another_model_changes_nothing() {
    let model = |widths: &[usize], bias: bool| {
        let mut model = Sequential::<f32>::empty();
        for pair in widths.windows(2) {
            let init = Init::Constant(3.0);
            let layer =
                Linear::new(pair[0], pair[1], Activation::Tanh, &init, &mut rng(1)).unwrap();
            model.push(if bias { layer } else { layer.without_bias() });
        }
        model
    };
    let advice = recommend(&model(&[4, 5, 6], true)).unwrap();
    for (mut other, why) in [
        (model(&[4, 5], true), "no weight \"1.weight\""),
        (model(&[4, 5, 6, 7], true), "nothing on its weight \"2.weight\""),
        (model(&[4, 5, 7], true), "has the shape [7, 5], not [6, 5]"),
        (model(&[4, 5, 6], false), "has no bias"),
    ] {
        let error = advice.apply(&mut other, &mut rng(2)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        let same = |values: Vec<f32>| values.into_iter().all(|x| x == 3.0 || x == 0.0);
        assert!(other.parameters().iter().all(|(_, p)| same(p.value().to_vec())), "{why}");
    }
    advice.apply(&mut model(&[4, 5, 6], true), &mut rng(2)).unwrap();
}

#[test]
fn activations_that_let_nothing_through_are_refused() {
    let faint = CustomActivation::<f32>::new("faint", |x| x.tanh() * 1e-9);
    let zero = CustomActivation::<f32>::new("nothing", |x| x * 0.0);
    for activation in [faint, zero] {
        let mut model = Sequential::<f32>::empty();
        let init = Init::Zeros;
        model.push(Linear::new(4, 4, Activation::Identity, &init, &mut rng(1)).unwrap());
        model.push(activation);
        let error = recommend(&model).unwrap_err();
        assert!(matches!(error, TheoryError::Silent { .. }), "{error}");
    }
}

/// A layer with the role of a normalization.
#[derive(Clone, Debug, Module)]
#[module(role = Role::Normalization)]
struct Normalize;

impl Layer<f32> for Normalize {
    fn try_forward<'t>(&self, x: Var<'t, f32>) -> Result<Var<'t, f32>> {
        Ok(x)
    }
}

#[test]
fn after_a_normalization_variance_is_known_whatever_came_before() {
    let linear = |activation| {
        Linear::new(9, 9, activation, &Init::Zeros, &mut rng(1)).unwrap().without_bias()
    };
    // Normalized before the activation, and after it.
    for (before, want) in [(true, 2.0), (false, 1.0)] {
        let mut model = Sequential::<f32>::empty();
        model.push(linear(Activation::Identity));
        if before {
            model.push(Normalize);
        }
        model.push(ActivationLayer(Activation::Relu));
        if !before {
            model.push(Normalize);
        }
        model.push(linear(Activation::Relu));
        let layers = recommend_for(&model, 7.0).unwrap().layers;
        assert!(
            layers[0].reason.starts_with("followed by a normalization"),
            "{}",
            layers[0].reason
        );
        assert_eq!(layers[0].activation.name(), "relu");
        near(layers[1].sigma_w.powi(2), want, 1e-9, "what comes in has that square's inverse");
    }
}

#[test]
fn operating_points_are_stable_and_tell_inputs_apart() {
    for name in ["tanh", "relu", "silu", "elu", "selu", "mish", "softsign", "sin", "identity"] {
        let activation = function(name);
        for depth in [3, 50] {
            let chosen = operating_point(&*activation, depth, true).unwrap().unwrap();
            let drift = chosen.point.chi_q.powi(depth as i32);
            assert!(drift < 1.5, "{name} {depth}: {chosen:?}");
            assert!(chosen.correlation < 0.99, "{name} {depth}: {chosen:?}");
        }
    }
    // A deeper network is operated closer to linearity.
    let at = |depth| operating_point(&Activation::Tanh, depth, true).unwrap().unwrap().point.q;
    assert!(at(5) > 2.0 * at(50) && at(50) > 2.0 * at(500), "{} {} {}", at(5), at(50), at(500));
    // Without a bias only the nearly linear end is possible.
    let silent = operating_point(&Activation::Tanh, 50, false).unwrap().unwrap().point;
    assert!(silent.sigma_b.powi(2) < 0.05 * silent.q, "{silent:?}");
    assert!(operating_point(&Activation::Logistic, 5, true).unwrap().is_none());
}

#[test]
fn residual_branches_get_fixups_scales_and_a_step_does_not_grow_with_their_number() {
    let step = |blocks: usize, advised: bool| {
        let mut model = Sequential::<f32>::empty();
        for _ in 0..blocks {
            let layer = |activation| {
                let layer = Linear::new(64, 64, activation, &Init::he_normal(), &mut rng(1));
                layer.unwrap().without_bias()
            };
            model.push(Residual {
                first: layer(Activation::Relu),
                last: layer(Activation::Identity),
            });
        }
        if advised {
            let advice = recommend(&model).unwrap();
            let first = &advice.layers[0];
            near(first.sigma_w, (2.0 / blocks as f64).sqrt(), 1e-6, "he by sqrt(blocks)");
            assert_eq!(advice.layers[1].weight_init, Init::Zeros);
            assert!(first.reason.contains("residual"), "{}", first.reason);
            advice.apply(&mut model, &mut rng(2)).unwrap();
        }
        // The outputs' squares before a step of gradient descent, and their change by one.
        let x = normal([16, 64], 3);
        let target = normal([16, 64], 4);
        let outputs = |model: &Sequential<f32>| model.forward(Tape::new().constant(&x)).value();
        let before = outputs(&model);
        let tape = Tape::new();
        let y = model.forward(tape.constant(&x));
        let loss = (y * tape.constant(&target)).mean();
        Sgd::new(0.01).step(&mut model, &loss.backward());
        let change = &outputs(&model) - &before;
        let square = |t: &Tensor<f32>| f64::from(t.square().mean().item());
        (square(&before), square(&change).sqrt())
    };
    let (few, many) = (step(4, true), step(64, true));
    assert!((few.0 / many.0 - 1.0).abs() < 1e-6, "the blocks pass on their input");
    assert!((0.3..3.0).contains(&(many.1 / few.1)), "{few:?} {many:?}");
    let (few, many) = (step(4, false), step(64, false));
    assert!(many.0 / few.0 > 1e6, "He's scheme alone doubles the variance in each block");
}

/// Thirty layers with an activation and a last layer of ten outputs, initialized by the builder.
fn thirty(activation: Activation, seed: u64) -> Sequential<f32> {
    let layers =
        (0..30).fold(Sequential::builder(), |builder, _| builder.linear(64, 64, activation));
    layers.linear(64, 10, Activation::Identity).build(&mut rng(seed)).unwrap()
}

#[test]
fn gradients_that_no_weights_keep_are_warned_of_and_not_made_worse() {
    let gradient = |model: &Sequential<f32>, seed| {
        let seen = measure(model, &normal([32, 64], seed), &normal([32, 10], 50 + seed)).unwrap();
        seen[0].gradient_square
    };
    let mut logs = [0.0; 2];
    let mut predicted = 0.0;
    for seed in 0..5 {
        let mut model = thirty(Activation::Logistic, seed);
        for weight in model.parameters() {
            assert!(weight.1.kind() != Kind::Other, "{}", weight.0);
        }
        logs[0] += gradient(&model, seed).ln() / 5.0;
        let advice = recommend(&model).unwrap();
        advice.apply(&mut model, &mut rng(seed)).unwrap();
        logs[1] += gradient(&model, seed).ln() / 5.0;
        let warning = advice.warning.as_ref().unwrap();
        assert_eq!(
            (warning.layers, warning.activations.as_slice()),
            (31, &["logistic".to_owned()][..])
        );
        predicted = predict(&advice.stack(), 1.0).unwrap()[0].gradient_square;
        near(warning.first_gradient.powi(2) / predicted, 1.0, 1e-6, "the stack's prediction");
        let text = advice.to_string();
        let last = text.lines().last().unwrap();
        for part in [
            "gradients vanish",
            "31 weight layers",
            "tanh or relu",
            "layer_norm",
            "add their input",
        ] {
            assert!(last.starts_with("warning: ") && last.contains(part), "{part}: {last}");
        }
    }
    println!(
        "ln gradient^2: glorot {}, advised {}, predicted {}",
        logs[0],
        logs[1],
        predicted.ln()
    );
    assert!(logs[1] > logs[0], "{logs:?}");
    assert!((logs[1] / predicted.ln() - 1.0).abs() < 0.1, "{logs:?} {}", predicted.ln());
    for quiet in [Activation::Tanh, Activation::Relu, Activation::Selu] {
        assert_eq!(recommend(&thirty(quiet, 1)).unwrap().warning, None, "{quiet}");
    }
    let few = Sequential::<f32>::builder().linear(64, 10, Activation::Logistic);
    assert_eq!(recommend(&few.build(&mut rng(1)).unwrap()).unwrap().warning, None);
}

/// Layer norm keeps the mean that all units share, batch norm removes it: the prediction for the
/// gradient at the first layer agrees with the measured one.
#[test]
fn gradients_through_normalized_layers_are_predicted() {
    let build = |activation, standardized: bool| {
        let layers = (0..20).fold(Sequential::builder(), |builder, _| {
            let builder = builder.linear(64, 64, Activation::Identity);
            let builder =
                if standardized { builder.batch_norm1d(64) } else { builder.layer_norm([64]) };
            builder.activation(activation)
        });
        let model = layers.linear(64, 10, Activation::Identity).build(&mut rng(1));
        model.unwrap()
    };
    for (activation, standardized, warns) in [
        (Activation::Logistic, false, true),
        (Activation::Logistic, true, false),
        (Activation::Tanh, false, false),
        (Activation::Relu, false, false),
    ] {
        let mut model: Sequential<f32> = build(activation, standardized);
        let advice = recommend(&model).unwrap();
        let what = format!("{activation}, standardized: {standardized}\n{advice}");
        assert_eq!(advice.warning.is_some(), warns, "{what}");
        advice.apply(&mut model, &mut rng(2)).unwrap();
        let seen = measure(&model, &normal([64, 64], 3), &normal([64, 10], 4)).unwrap();
        let first = seen[0].gradient_square.sqrt();
        if let Some(warning) = &advice.warning {
            // Logarithms: 20 factors of 0.39.
            let ratio = first.ln() / warning.first_gradient.ln();
            assert!((ratio - 1.0).abs() < 0.1, "measured {first:e}\n{what}");
            assert!(warning.to_string().contains("not layer_norm"), "{what}");
        } else {
            assert!((1e-2..1e2).contains(&first), "measured {first:e}\n{what}");
        }
    }
}
