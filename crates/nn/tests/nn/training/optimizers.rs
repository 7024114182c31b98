//! Trajectories of optimizers in f64 against those of PyTorch
//! (`../../training_reference/optimizers.py`).

use wengert_autodiff::{Gradients, Parameter, Tape, Tensor};
use wengert_nn::{
    Adadelta, Adagrad, Adam, Adamax, Average, Groups, Lamb, Lbfgs, Lion, Lookahead, Module, Muon,
    NAdam, Optimizer, ParameterState, RAdam, RmsProp, Sgd,
};

#[derive(Clone, Debug, Module)]
struct Affine {
    weight: Parameter<f64>,
    bias: Parameter<f64>,
    /// The loss does not depend on it.
    unused: Parameter<f64>,
    frozen: Parameter<f64>,
}

/// The mean squared error of `tanh(x w^T + b)`.
fn problem() -> Affine {
    let weight = |i: &[usize]| 0.3 * ((1 + 4 * i[0] + i[1]) as f64).cos();
    let idle = || Tensor::from_fn([3, 2], |i| (i[0] as f64) - 0.7 * i[1] as f64);
    let mut affine = Affine {
        weight: Parameter::weight(Tensor::from_fn([3, 4], weight), 4, 3),
        bias: Parameter::bias(Tensor::from_fn([3], |i| 0.1 * (i[0] as f64 - 1.0))),
        unused: Parameter::weight(idle(), 2, 3),
        frozen: Parameter::weight(idle(), 2, 3),
    };
    affine.frozen.set_frozen(true);
    affine
}

fn loss_and_gradients(affine: &Affine) -> (f64, Gradients<f64>) {
    let x = Tensor::from_fn([8, 4], |i| ((1 + 3 * i[0] + i[1]) as f64).sin());
    let y = Tensor::from_fn([8, 3], |i| 0.5 * (i[0] as f64 - 2.0 * i[1] as f64).cos());
    let tape = Tape::new();
    let (weight, bias) = (tape.parameter(&affine.weight), tape.parameter(&affine.bias));
    let output = (tape.constant(&x).matmul(weight.transpose(0, 1)) + bias).tanh();
    let loss = (output - tape.constant(&y)).square().mean();
    (loss.item(), loss.backward())
}

fn numbers(affine: &Affine) -> Vec<f64> {
    [affine.weight.value().to_vec(), affine.bias.value().to_vec()].concat()
}

/// The lines of the table of this name: the number of steps and the weights.
fn reference(name: &str) -> Vec<(usize, Vec<f64>)> {
    let all = super::table(include_str!("../../training_reference/optimizers.csv"));
    let own = all.filter(|(other, _)| *other == name);
    let lines: Vec<_> = own.map(|(_, row)| (row[0] as usize, row[1..].to_vec())).collect();
    assert_eq!(lines.len(), 3, "{name}");
    lines
}

fn compare(name: &str, step: usize, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-9,
            "{name} after {step} steps: {found} for {expected}"
        );
    }
}

fn follow(name: &str, mut optimizer: impl Optimizer<f64>) {
    let mut affine = problem();
    let mut done = 0;
    for (step, expected) in reference(name) {
        for _ in done..step {
            let gradients = loss_and_gradients(&affine).1;
            optimizer.step(&mut affine, &gradients);
        }
        done = step;
        compare(name, step, &numbers(&affine), &expected);
    }
    let start = problem();
    assert_eq!(affine.unused.value(), start.unused.value(), "{name} moves an unused parameter");
    assert_eq!(affine.frozen.value(), start.frozen.value(), "{name} moves a frozen parameter");
}

#[test]
fn gradient_descent() {
    follow("sgd", Sgd::new(0.1).weight_decay(0.01));
    follow("momentum", Sgd::new(0.1).momentum(0.9).dampening(0.2).weight_decay(0.01));
    follow("nesterov", Sgd::new(0.1).momentum(0.9).nesterov());
}

#[test]
fn adam_and_its_kin() {
    follow("adam", Adam::new(0.01).weight_decay(0.1));
    follow("amsgrad", Adam::new(0.01).betas(0.8, 0.95).amsgrad());
    follow("adamw", Adam::new(0.01).decoupled(0.1));
    follow("nadam", NAdam::new(0.01).weight_decay(0.1));
    follow("nadamw", NAdam::new(0.002).decoupled(0.1).momentum_decay(0.01));
    follow("radam", RAdam::new(0.01).betas(0.9, 0.95).weight_decay(0.1));
    follow("radamw", RAdam::new(0.01).decoupled(0.1));
    follow("adamax", Adamax::new(0.01).weight_decay(0.1));
    follow("lamb", Lamb::new(0.01).weight_decay(0.1));
    follow("lion", Lion::new(0.01).weight_decay(0.1));
}

#[test]
fn adaptive_rates() {
    follow("rmsprop", RmsProp::new(0.002).alpha(0.9).weight_decay(0.1));
    follow("adagrad", Adagrad::new(0.1).rate_decay(0.01).weight_decay(0.1).initial_sum(0.1));
    follow("adadelta", Adadelta::new(1.0).weight_decay(0.1));
}

#[test]
fn muon_for_weights_and_adam_for_biases() {
    let biases = Adam::new(0.01).decoupled(0.1);
    follow("muon", Muon::new(0.002).momentum(0.9).weight_decay(0.1).others(biases));
}

#[test]
fn parameter_groups() {
    follow("groups", Groups::new(Adam::new(0.01).weight_decay(0.1)).group("bias", Adam::new(0.05)));
}

#[test]
fn lookahead() {
    follow("lookahead", Lookahead::new(Sgd::new(0.1), 5, 0.5));
}

#[test]
fn averages_of_weights() {
    for (name, mut average) in [("ema", Average::ema(0.9)), ("swa", Average::swa())] {
        let (mut affine, mut sgd, mut done) = (problem(), Sgd::new(0.1), 0);
        for (step, expected) in reference(name) {
            for _ in done..step {
                let gradients = loss_and_gradients(&affine).1;
                sgd.step(&mut affine, &gradients);
                average.update(&affine);
            }
            done = step;
            let weights = numbers(&affine);
            average.swap(&mut affine);
            compare(name, step, &numbers(&affine), &expected);
            average.swap(&mut affine);
            assert_eq!(numbers(&affine), weights, "{name}: swapped twice");
        }
        average.copy_to(&mut affine);
        compare(name, done, &numbers(&affine), &reference(name)[2].1);
    }
}

#[test]
fn lbfgs() {
    let mut affine = problem();
    let mut lbfgs = Lbfgs::new(0.5).max_iter(4).history(3).tolerances(0.0, 0.0);
    let mut done = 0;
    for (step, expected) in reference("lbfgs") {
        for _ in done..step {
            lbfgs.step(&mut affine, loss_and_gradients);
        }
        done = step;
        compare("lbfgs", step, &numbers(&affine), &expected);
    }
    let start = problem();
    assert_eq!(affine.unused.value(), start.unused.value());
    assert_eq!(affine.frozen.value(), start.frozen.value());
}

/// With a line search each step ends below the loss it began at, and the last at a minimum.
#[test]
fn lbfgs_with_a_line_search() {
    let mut affine = problem();
    let mut lbfgs = Lbfgs::new(1.0).strong_wolfe().tolerances(1e-9, 0.0);
    let mut losses = vec![f64::INFINITY];
    for _ in 0..6 {
        losses.push(lbfgs.step(&mut affine, loss_and_gradients));
    }
    assert!(losses.windows(2).all(|pair| pair[1] <= pair[0]), "{losses:?}");
    let (loss, gradients) = loss_and_gradients(&affine);
    assert!(gradients.norm() < 1e-6, "{} at {loss}", gradients.norm());
    let best = &reference("lbfgs")[2].1;
    for (found, expected) in numbers(&affine).iter().zip(best) {
        assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
    }
}

/// The text of the panic of a step.
fn refusal(step: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(step)).unwrap_err();
    payload.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn gradients_of_another_model_are_refused() {
    let (first, mut second) = (problem(), problem());
    let mut clone = first.clone();
    let (_, gradients) = loss_and_gradients(&first);
    let optimizers: [Box<dyn Optimizer<f64>>; 4] = [
        Box::new(Sgd::new(0.1)),
        Box::new(Lookahead::new(Adam::new(0.1), 5, 0.5)),
        Box::new(Groups::new(Sgd::new(0.1)).group("bias", Sgd::new(0.1))),
        Box::new(Muon::new(0.1)),
    ];
    for mut optimizer in optimizers {
        for other in [&mut second, &mut clone] {
            let text = refusal(|| optimizer.step(other, &gradients));
            assert!(text.contains("none of them is a parameter of this module"), "{text}");
            // Without any gradients there is nothing to do.
            optimizer.step(other, &Gradients::new());
        }
    }
    // A module of which nothing is learned is not updated.
    second.freeze();
    Sgd::new(0.1).step(&mut second, &gradients);
    assert_eq!(numbers(&second), numbers(&first));
}

#[test]
fn a_group_without_a_gradient_does_not_move() {
    let mut model = problem();
    let (_, gradients) = loss_and_gradients(&model);
    let unused = model.unused.value().to_vec();
    let mut groups = Groups::new(Sgd::new(0.1)).group("unused", Sgd::new(0.1).weight_decay(0.5));
    groups.step(&mut model, &gradients);
    assert_eq!(model.unused.value().to_vec(), unused);
}

#[test]
fn a_pattern_that_fits_no_parameter_is_refused() {
    let mut model = problem();
    let (_, gradients) = loss_and_gradients(&model);
    let mut groups = Groups::new(Sgd::new(0.1)).group("*.bais", Sgd::new(0.1));
    let before = numbers(&model);
    let text = refusal(|| groups.step(&mut model, &gradients));
    let expected = "groups: the pattern \"*.bais\" fits no parameter of the module; its parameters \
                    are weight, bias, unused, frozen";
    assert_eq!(text, expected);
    assert_eq!(numbers(&model), before);
}

/// What rounds to zero or to infinity in the element type makes weights NaN.
#[test]
fn numbers_beyond_the_element_type_are_refused() {
    let tiny = [
        refusal(|| drop(Adam::<f32>::new(0.1).eps(1e-50))),
        refusal(|| drop(NAdam::<f32>::new(0.1).eps(1e-50))),
        refusal(|| drop(RAdam::<f32>::new(0.1).eps(1e-50))),
        refusal(|| drop(Adamax::<f32>::new(0.1).eps(1e-50))),
        refusal(|| drop(RmsProp::<f32>::new(0.1).eps(1e-50))),
        refusal(|| drop(Adagrad::<f32>::new(0.1).eps(1e-50))),
        refusal(|| drop(Adadelta::<f32>::new(0.1).eps(1e-50))),
        refusal(|| drop(Lamb::<f32>::new(0.1).eps(1e-50))),
    ];
    for text in tiny {
        assert_eq!(text, "the eps must be finite and positive, got 1e-50, which is 0 as f32");
    }
    let zero = refusal(|| drop(RmsProp::<f64>::new(0.1).eps(0.0)));
    assert_eq!(zero, "the eps must be finite and positive, got 0");
    let huge = [
        refusal(|| drop(Sgd::<f32>::new(1e300))),
        refusal(|| drop(Adam::<f32>::new(1e300))),
        refusal(|| drop(Lion::<f32>::new(1e300))),
        refusal(|| Adadelta::<f32>::new(0.1).set_learning_rate(1e300)),
        refusal(|| Adam::<f32>::new(0.1).set_learning_rate(1e300)),
        refusal(|| Muon::<f32>::new(0.1).set_learning_rate(1e300)),
        refusal(|| Groups::<f32>::new(Sgd::new(0.1)).set_learning_rate(1e300)),
        refusal(|| drop(Sgd::<f32>::new(0.1).weight_decay(1e300))),
        refusal(|| drop(Adam::<f32>::new(0.1).decoupled(1e300))),
        refusal(|| drop(Adagrad::<f32>::new(0.1).initial_sum(1e300))),
    ];
    for text in huge {
        let expected = "must be finite and not negative, got 1e300, which is inf as f32";
        assert!(text.ends_with(expected), "{text}");
    }
    assert!(
        refusal(|| drop(Muon::<f32>::new(1e300))).contains("finite when rounded to f32, got 1e300")
    );
    // What fits f64 is used.
    drop(Sgd::<f64>::new(1e300).weight_decay(1e300));
    drop(Adam::<f64>::new(0.1).eps(1e-50));
    let mut state = Sgd::<f32>::new(0.1).state(&problem_of_one());
    state.insert_number("learning_rate", 1e300);
    let error = Sgd::<f32>::new(0.1).load_state(&problem_of_one(), &state).unwrap_err();
    assert!(error.to_string().contains("it is 1e300, but a learning rate"), "{error}");
}

fn problem_of_one() -> Parameter {
    Parameter::new(Tensor::zeros([1]))
}

/// `1 - beta` of these betas is not a difference of numbers of an `f32`.
#[test]
fn betas_near_one_train_in_single_precision() {
    #[derive(Clone, Debug, Module)]
    struct Weight {
        weight: Parameter<f32>,
    }
    let adam = |beta| Adam::new(1e-2).betas(beta, beta);
    let optimizers: [(&str, Box<dyn Optimizer<f32>>); 3] = [
        ("adam", Box::new(adam(1.0 - 1e-9))),
        ("adamax", Box::new(Adamax::new(1e-2).betas(1.0 - 1e-9, 0.999))),
        ("radam", Box::new(RAdam::new(1e-2).betas(0.9, 1.0 - 1e-9))),
    ];
    for (name, mut optimizer) in optimizers {
        let mut model = Weight { weight: Parameter::new(Tensor::ones([1])) };
        for _ in 0..3 {
            let tape = Tape::new();
            let loss = tape.parameter(&model.weight).sum();
            optimizer.step(&mut model, &loss.backward());
        }
        // Steps of a constant gradient of 1 have the size of the rate.
        let weight = model.weight.value().to_vec()[0];
        assert!((weight - 0.97).abs() < 2e-3, "{name}: {weight}");
    }
}
