use wengert::data::{Idx, ImageSet};

use super::*;
use crate::data::Dataset;
use crate::grid::train::network;
use crate::grid::{ACTIVATIONS, Initialization, Pair};

const ARCHITECTURE: [usize; 4] = [64, 64, 32, 10];

fn digits() -> Examples {
    Examples::new(&Dataset::digits().test)
}

fn model(activation: Activation, initialization: Initialization) -> Sequential<f32> {
    network(&ARCHITECTURE, Pair { activation, initialization }, 1)
}

fn hidden(activation: Activation, initialization: Initialization) -> Vec<Units> {
    hidden_units(&model(activation, initialization), &digits(), &mut Tape::new())
}

#[test]
fn equal_logits_are_a_guess_of_the_first_class() {
    let model = model(Activation::Tanh, Initialization::Zero);
    let judgement = judge(&model, &digits(), &mut Tape::new());
    // 45 of the 450 test digits are noughts.
    assert_eq!(judgement.accuracy, 45.0 / 450.0);
    assert!((judgement.loss - 10.0_f64.ln()).abs() < 1e-4, "{judgement:?}");
}

#[test]
fn constant_weights_make_equal_units_and_drawn_ones_do_not() {
    for activation in ACTIVATIONS {
        for initialization in Initialization::ALL {
            let equal = matches!(initialization, Initialization::Zero | Initialization::Constant);
            let counts: Vec<[usize; 2]> = hidden(activation, initialization)
                .iter()
                .map(|layer| [layer.count, layer.distinct])
                .collect();
            let expected = if equal { [[64, 1], [32, 1]] } else { [[64, 64], [32, 32]] };
            assert_eq!(counts, expected, "{activation} {initialization}");
        }
    }
}

#[test]
fn units_that_differ_only_in_their_bias_are_distinct() {
    let mut layer =
        Linear::<f32>::new(3, 3, Activation::Tanh, &Init::Zeros, &mut Pcg64::seed_from_u64(1))
            .unwrap();
    let distinct = |layer: &Linear<f32>| {
        let bias = layer.bias().unwrap();
        distinct_units(&LayerParameters { weight: layer.weight(), bias })
    };
    assert_eq!(distinct(&layer), 1);
    layer.weight_mut().value_mut().as_mut_slice()[4] = -0.0;
    assert_eq!(distinct(&layer), 1);
    layer.bias_mut().unwrap().value_mut().as_mut_slice()[1] = 1e-30;
    assert_eq!(distinct(&layer), 2);
}

#[test]
fn shares_are_those_of_the_activation() {
    let shares = |activation, initialization| -> Vec<[Option<f64>; 2]> {
        let units = hidden(activation, initialization);
        units.iter().map(|layer| [layer.saturated, layer.dead]).collect()
    };
    // The sum of 64 pixels, each at least 0 and halved, is far beyond where tanh saturates.
    let all = [[Some(1.0), None]; 2];
    assert_eq!(shares(Activation::Tanh, Initialization::Constant), all);
    assert_eq!(shares(Activation::Logistic, Initialization::Zero), [[Some(0.0), None]; 2]);
    assert_eq!(shares(Activation::Relu, Initialization::Zero), [[None, Some(1.0)]; 2]);
    assert_eq!(shares(Activation::Relu, Initialization::Constant), [[None, Some(0.0)]; 2]);
    assert_eq!(shares(ACTIVATIONS[3], Initialization::Zero), [[None, None]; 2]);
}

#[test]
fn one_example_in_any_part_keeps_a_unit_alive() {
    let examples = |bright: Option<usize>| {
        let count = 1200;
        let mut pixels = vec![0; count * 64];
        if let Some(image) = bright {
            pixels[image * 64] = 255;
        }
        let images = Idx::new(vec![count, 8, 8], pixels).unwrap();
        let labels = Idx::new(vec![count], vec![0; count]).unwrap();
        Examples::new(&ImageSet::new(images, labels, 10).unwrap())
    };
    let model = model(Activation::Relu, Initialization::Constant);
    for (bright, dead) in [(None, 1.0), (Some(0), 0.0), (Some(700), 0.0), (Some(1199), 0.0)] {
        let units = hidden_units(&model, &examples(bright), &mut Tape::new());
        assert_eq!(units[0].dead, Some(dead), "{bright:?}");
        assert_eq!(units[1].dead, Some(dead), "{bright:?}");
    }
}

#[test]
fn gradients_of_the_parts_are_the_gradient_of_the_whole() {
    let examples = Examples::new(&Dataset::digits().train);
    assert!(examples.parts().len() > 1);
    let model = model(Activation::Tanh, Initialization::Xavier);
    let mut tape = Tape::new();
    let found = gradients(&model, &examples, &mut tape);

    let loss = model.forward(tape.constant(examples.inputs())).cross_entropy(examples.labels());
    let whole = loss.backward();
    let norm_of = |parameter: &Parameter<f32>| {
        let gradient = whole.parameter(parameter).unwrap().to_vec();
        gradient.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
    };
    assert_eq!(found.len(), 3);
    for (layer, found) in layer_parameters(&model).iter().zip(found) {
        for (parameter, found) in [(layer.weight, found.weight), (layer.bias, found.bias)] {
            let expected = norm_of(parameter);
            assert!(expected > 1e-3, "{expected}");
            assert!((found - expected).abs() <= 1e-4 * expected, "{found} for {expected}");
        }
    }
}

#[test]
fn zero_weights_pass_nothing_on_but_to_the_last_bias() {
    let examples = digits();
    let model = model(Activation::Relu, Initialization::Zero);
    let found = gradients(&model, &examples, &mut Tape::new());
    let nothing = LayerGradient { weight: 0.0, bias: 0.0 };
    assert_eq!(found[..2], [nothing; 2]);
    assert_eq!(found[2].weight, 0.0);
    // The mean of softmax minus one-hot: 1/10 less the share of each class.
    let counts = [45.0, 46.0, 44.0, 46.0, 45.0, 46.0, 45.0, 45.0, 43.0, 45.0];
    let expected = counts.iter().map(|n: &f64| (0.1 - n / 450.0).powi(2)).sum::<f64>().sqrt();
    assert!((found[2].bias - expected).abs() < 1e-6, "{found:?}, not {expected}");
    assert_eq!(found[2].norm(), found[2].bias);
}

#[test]
fn outputs_that_are_not_finite_are_a_share_of_their_own() {
    for activation in [Activation::Relu, Activation::Tanh, Activation::Softshrink { lambda: 0.5 }] {
        let mut model = model(activation, Initialization::Xavier);
        let mut first = true;
        model.visit_mut(&mut VisitorMut::new(&mut |_, parameter| {
            if std::mem::take(&mut first) {
                // Every fourth unit of the first layer.
                for weight in &mut parameter.value_mut().as_mut_slice()[..16 * 64] {
                    *weight = f32::NAN;
                }
            }
        }));
        let units = hidden_units(&model, &digits(), &mut Tape::new());
        assert_eq!(units[0].not_finite, 0.25, "{activation}");
        assert_eq!(units[1].not_finite, 1.0, "{activation}");
        let none = |share: Option<f64>| share.is_none_or(|share| share == 0.0);
        assert!(none(units[1].dead) && none(units[1].saturated), "{activation} {units:?}");
    }
}

#[test]
fn fractions_of_layers_are_weighted_by_their_units() {
    let units = |count, dead| Units {
        count,
        saturated: None,
        dead,
        not_finite: count as f64 / 128.0,
        distinct: count,
    };
    let not_finite = not_finite_fraction(&[units(64, None), units(32, None)]);
    assert_eq!(not_finite, (64.0 * 0.5 + 32.0 * 0.25) / 96.0);
    assert_eq!(dead_fraction(&[units(64, Some(0.5)), units(32, Some(0.25))]), Some(40.0 / 96.0));
    assert_eq!(dead_fraction(&[units(64, Some(0.5)), units(32, None)]), None);
    assert_eq!(saturated_fraction(&[]), None);
}
