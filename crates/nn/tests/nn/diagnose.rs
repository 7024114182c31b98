//! The diagnosis of training runs: faults are named, sound runs are not, and nothing changes.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Tensor};
use wengert_nn::diagnose::{
    Action, Budget, Cause, Course, Data, Level, Loss, Report, Rules, Takes, Targets, preflight,
};
use wengert_nn::layer::Lambda;
use wengert_nn::loss::mse_loss;
use wengert_nn::{
    Adam, Init, Layer, Linear, Module, Optimizer, Sequential, SequentialBuilder, Sgd,
};

const BUDGET: Budget = Budget { epochs: 30, batch: 32 };

fn rng() -> Pcg64 {
    Pcg64::seed_from_u64(5)
}

/// Standard normal inputs, and whether the first is larger than the second.
fn classes(rows: usize) -> (Tensor<f32>, Vec<usize>) {
    let x = Tensor::<f32>::randn([rows, 4], &mut rng());
    let labels = (0..rows).map(|i| usize::from(x[[i, 0]] > x[[i, 1]])).collect();
    (x, labels)
}

fn chain(build: impl FnOnce(SequentialBuilder) -> SequentialBuilder) -> Sequential {
    build(Sequential::builder()).build(&mut rng()).unwrap()
}

fn usual() -> Sequential {
    chain(|b| b.linear(4, 32, Activation::Relu).linear(32, 2, Activation::Identity))
}

fn of_classes(model: &Sequential, rate: f64, x: &Tensor<f32>, labels: &[usize]) -> Report {
    preflight(model, &Loss::cross_entropy(), &Adam::new(rate), &Data::new(x, labels), BUDGET)
}

#[test]
fn a_sound_run_has_no_finding() {
    let (x, labels) = classes(300);
    let report = of_classes(&usual(), 3e-3, &x, &labels);
    assert_eq!(report.causes(), [], "{report}");
    assert!(report.unjudged.is_empty(), "{report}");
}

#[test]
fn a_fault_is_named_by_its_cause() {
    let (x, labels) = classes(300);
    let large = &x * 300.0;
    let one = vec![1; 300];
    let sum = |b: SequentialBuilder| b.linear(4, 32, Activation::Identity);
    let saturated = chain(|b| b.linear(4, 32, Activation::Relu).linear(32, 2, Activation::Tanh));
    let linear = chain(|b| sum(b).linear(32, 2, Activation::Identity));
    let narrow = chain(|b| b.linear(4, 1, Activation::Tanh).linear(1, 2, Activation::Identity));
    let zeros = Linear::config(4, 32).activation(Activation::Tanh).init(Init::Zeros);
    let equal = chain(|b| b.with(zeros).linear(32, 2, Activation::Identity));
    let huge = Linear::config(4, 32).init(Init::Normal { mean: 0.0, std: 30.0 });
    let huge =
        chain(|b| b.with(huge.activation(Activation::Tanh)).linear(32, 2, Activation::Identity));
    let mut deep = Sequential::builder().linear(4, 8, Activation::Logistic);
    for _ in 0..10 {
        deep = deep.linear(8, 8, Activation::Logistic);
    }
    let deep = deep.linear(8, 2, Activation::Identity).build(&mut rng()).unwrap();
    for (cause, report) in [
        (Cause::UnscaledInput, of_classes(&usual(), 3e-3, &large, &labels)),
        (Cause::LabelMismatch, of_classes(&usual(), 3e-3, &x, &one)),
        (Cause::WrongOutputActivation, of_classes(&saturated, 3e-3, &x, &labels)),
        (Cause::MissingNonlinearity, of_classes(&linear, 3e-3, &x, &labels)),
        (Cause::TooSmallCapacity, of_classes(&narrow, 3e-3, &x, &labels)),
        (Cause::SymmetricWeights, of_classes(&equal, 3e-3, &x, &labels)),
        (Cause::BadInitialization, of_classes(&huge, 3e-3, &x, &labels)),
        (Cause::VanishingGradient, of_classes(&deep, 3e-3, &x, &labels)),
        (Cause::LrTooHigh, of_classes(&usual(), 3.0, &x, &labels)),
        (Cause::LrTooLow, of_classes(&usual(), 1e-7, &x, &labels)),
    ] {
        assert!(report.causes().contains(&cause), "{cause} is not in\n{report}");
        let finding = report.standing().find(|finding| finding.cause == cause).unwrap();
        assert!(!finding.evidence.is_empty() && !finding.why.is_empty(), "{finding}");
        assert!(!finding.remedy.text.is_empty(), "{finding}");
    }
}

#[test]
fn a_symptom_is_a_consequence_of_its_cause() {
    let (x, labels) = classes(300);
    let tanh = chain(|b| b.linear(4, 32, Activation::Tanh).linear(32, 2, Activation::Identity));
    let report = of_classes(&tanh, 3e-3, &(&x * 300.0), &labels);
    assert_eq!(report.causes(), [Cause::UnscaledInput], "{report}");
    let symptom = report.findings.iter().find(|f| f.cause == Cause::SaturatedActivation).unwrap();
    assert_eq!(symptom.consequence_of, Some(Cause::UnscaledInput));
    assert_eq!(report.findings[0].remedy.action, Action::StandardizeInputs);
}

#[test]
fn nothing_changes_to_the_bit() {
    let (x, labels) = classes(64);
    let mut model = chain(|b| {
        let hidden = b.linear(4, 8, Activation::Identity).batch_norm1d(8);
        hidden.activation(Activation::Relu).dropout(0.3).linear(8, 2, Activation::Identity)
    });
    let mut adam = Adam::new(1e-2);
    let step = |model: &mut Sequential, adam: &mut Adam| {
        let tape = wengert_autodiff::Tape::new();
        let loss = model.forward(tape.constant(&x)).cross_entropy(&labels[..]);
        let gradients = loss.backward();
        adam.step(model, &gradients);
        loss.item()
    };
    step(&mut model, &mut adam);
    let (mut other, mut other_adam) = (model.clone(), adam.clone());
    let state = wengert_nn::ParameterState::state(&adam, &model);
    wengert_nn::ParameterState::load_state(&mut other_adam, &other, &state).unwrap();
    let data = Data::new(&x, &labels[..]);
    let report = preflight(&model, &Loss::cross_entropy(), &adam, &data, BUDGET);
    assert!(report.facts.trial.is_some(), "{report}");
    for _ in 0..3 {
        assert_eq!(step(&mut model, &mut adam), step(&mut other, &mut other_adam));
    }
    let values = |model: &Sequential| {
        let buffers = model.buffers().into_iter().map(|(_, buffer)| buffer.value());
        model.parameters().into_iter().map(|(_, p)| p.value().clone()).chain(buffers).collect()
    };
    let (mine, theirs): (Vec<_>, Vec<_>) = (values(&model), values(&other));
    assert_eq!(mine, theirs);
}

#[test]
fn what_cannot_be_judged_is_listed() {
    let (x, labels) = classes(40);
    let data = Data::new(&x, labels.clone());
    let own = Loss::new("own", Takes::Unknown, |y, targets: &Targets<f32>| {
        wengert_autodiff::ops::cross_entropy(y, targets.classes()?)
    });
    let report = preflight(&usual(), &own, &Adam::new(1e-3), &data, BUDGET);
    assert!(report.to_string().contains("not judged: the output activation"), "{report}");
    // A network for other inputs, a layer that panics, and a loss of other targets.
    let other = chain(|b| b.linear(7, 2, Activation::Identity));
    let report = of_classes(&other, 1e-3, &x, &labels);
    assert!(report.unjudged[0].contains("[40, 4]"), "{report}");
    let mut panics = Sequential::empty();
    panics.push(Lambda::new("panics", |_| panic!("no forward pass")));
    let report = of_classes(&panics, 1e-3, &x, &labels);
    assert!(report.unjudged[0].contains("panics: no forward pass"), "{report}");
    let report = preflight(&usual(), &Loss::mse(), &Adam::new(1e-3), &data, BUDGET);
    assert!(report.unjudged[0].contains("targets are classes"), "{report}");
    // No examples, and a tensor without an axis for them.
    for x in [Tensor::<f32>::zeros([0, 4]), Tensor::scalar(1.0)] {
        let data = Data::new(&x, Vec::new());
        let report = preflight(&usual(), &Loss::cross_entropy(), &Adam::new(1e-3), &data, BUDGET);
        assert!(report.to_string().contains("there are no examples"), "{report}");
    }
}

#[test]
fn invalid_data_are_errors() {
    let (mut x, labels) = classes(40);
    x.as_mut_slice()[5] = f32::NAN;
    let report = of_classes(&usual(), 1e-3, &x, &labels);
    assert!(report.has_error() && report.causes()[0] == Cause::InvalidData, "{report}");
    let (x, mut labels) = classes(40);
    labels.pop();
    let report = of_classes(&usual(), 1e-3, &x, &labels);
    assert_eq!(report.causes()[0], Cause::InvalidData, "{report}");
    labels.push(usize::MAX);
    let report = of_classes(&usual(), 1e-3, &x, &labels);
    assert!(!report.unjudged.is_empty(), "{report}");
}

#[test]
fn targets_out_of_reach_are_errors() {
    let (x, _) = classes(100);
    let y = Tensor::from_fn([100, 1], |at| 50.0 * x[[at[0], 0]]);
    let loss = Loss::new("own mse", Takes::Numbers, |y, targets: &Targets<f32>| {
        mse_loss(y, y.tape().constant(targets.values()?))
    });
    let model = chain(|b| b.linear(4, 16, Activation::Relu).linear(16, 1, Activation::Logistic));
    let report = preflight(&model, &loss, &Sgd::new(1e-2), &Data::new(&x, y), BUDGET);
    assert!(report.causes().starts_with(&[Cause::UnscaledTarget]), "{report}");
    assert!(report.causes().contains(&Cause::WrongOutputActivation), "{report}");
}

#[test]
fn a_run_that_has_learned_refutes_a_warning() {
    let (x, labels) = classes(300);
    let report = of_classes(&usual(), 3e-3, &(&x * 30.0), &labels);
    assert_eq!(report.causes(), [Cause::UnscaledInput]);
    let rules = Rules::standard();
    let course = |losses: &[f64]| Course { losses: losses.to_vec(), ..Course::default() };
    let learned = report.after(course(&[0.7, 0.3, 0.1, 0.02, 0.02]), &rules);
    assert_eq!(learned.causes(), [], "{learned}");
    assert!(learned.findings.iter().any(|finding| finding.level == Level::Info));
    let not = report.after(course(&[0.7, 0.69, 0.69, 0.69, 0.69]), &rules);
    assert_eq!(not.causes(), [Cause::UnscaledInput], "{not}");
    let diverged = of_classes(&usual(), 3e-3, &x, &labels).after(course(&[0.7, f64::NAN]), &rules);
    assert_eq!(diverged.causes(), [Cause::LrTooHigh], "{diverged}");
    // A rule that is switched off is silent.
    let rules = Rules::standard().without("diverged");
    let silent = of_classes(&usual(), 3e-3, &x, &labels).after(course(&[0.7, f64::NAN]), &rules);
    assert_eq!(silent.causes(), [], "{silent}");
}

#[test]
fn batch_norm_needs_more_than_one_row() {
    let (x, labels) = classes(65);
    let model = chain(|b| {
        let hidden = b.linear(4, 8, Activation::Identity).batch_norm1d(8);
        hidden.activation(Activation::Relu).linear(8, 2, Activation::Identity)
    });
    let data = Data::new(&x, labels);
    for (batch, refused) in [(1, true), (32, true), (33, false)] {
        let budget = Budget { epochs: 30, batch };
        let loss = Loss::cross_entropy();
        let report = preflight(&model, &loss, &Adam::new(3e-3), &data, budget);
        assert_eq!(report.causes().contains(&Cause::BatchSize), refused, "{batch}: {report}");
    }
}
