//! Hooks, clipping, anomaly detection, and the reasons for an absent gradient.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use wengert_autodiff::{
    Connection, Cotangents, CreateGraph, Error, Forward, Op, Parameter, Pass, Result, Shape, Tape,
    Tensor, Var, Vjp, grad, hvp,
};

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::from_slice(values, [values.len()]).unwrap()
}

/// The element of a vector at a position given as a number: the position has no derivative.
#[derive(Debug)]
struct TakeAt;

impl Op<f64> for TakeAt {
    fn name(&self) -> &'static str {
        "take_at"
    }
    fn shape(&self, _: &[&Shape]) -> Result<Shape> {
        Ok(Shape::scalar())
    }
    fn forward(&self, inputs: &[&Tensor<f64>], _: &mut Forward<'_, f64>) -> Result<Tensor<f64>> {
        Ok(Tensor::scalar(inputs[0].to_vec()[inputs[1].item() as usize]))
    }
    fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
        assert!(!node.needs(1), "no derivative by a position is needed");
        let (at, x) = (node.input(1).item() as usize, node.input(0).shape());
        let mut one_hot = Tensor::zeros(x);
        one_hot.as_mut_slice()[at] = 1.0;
        Ok([Some(node.gy() * node.tape().constant(&one_hot)), None].into_iter().collect())
    }
    fn reads_index(&self, i: usize) -> bool {
        i == 1
    }
}

#[test]
fn every_reason_for_an_absent_gradient_has_a_name() {
    let tape = Tape::new();
    let x = tape.variable(&vector(&[1.0, -2.0]));
    let [at, detached, unrecorded, unused, later] =
        [1.0, 2.0, 3.0, 4.0, 5.0].map(|value| tape.variable(&Tensor::scalar(value)));
    let constant = tape.constant(&Tensor::scalar(6.0));
    let taken = tape.apply(TakeAt, &[x, at]).unwrap();
    // The cut is found through later operations.
    let cut = detached.detach() * 2.0 + tape.no_grad(|| unrecorded * unrecorded) * constant;
    let loss = taken.relu() + cut * x.sum();
    assert!((loss * later).requires_grad());
    let gradients = loss.backward();

    assert_eq!(gradients.get(x).unwrap().to_vec(), [cut.item(), cut.item()]);
    assert_eq!(gradients.connection(x), Connection::Connected);
    assert_eq!(gradients.connection(at), Connection::Index);
    assert_eq!(gradients.connection(detached), Connection::Detached);
    assert_eq!(gradients.connection(unrecorded), Connection::Detached);
    assert_eq!(gradients.connection(unused), Connection::Unused);
    assert_eq!(gradients.connection(later), Connection::Unused);
    assert_eq!(gradients.connection(constant), Connection::Constant);
    // A node in the middle has no entry among the leaves, but is connected.
    assert_eq!(gradients.connection(taken), Connection::Connected);
    for absent in [at, detached, unrecorded, unused, constant] {
        assert!(gradients.get(absent).is_none());
    }
    // A true zero is a gradient.
    let zero = taken.relu().backward();
    assert_eq!(zero.connection(x), Connection::Connected);
    assert_eq!(zero.get(x).unwrap().to_vec(), [0.0, 0.0]);
    // `grad` returns `None`, and the output gives the reason.
    let one = tape.constant(&Tensor::scalar(1.0));
    let found = grad(&[loss], &[one], &[x, at, detached], CreateGraph::Yes).unwrap();
    assert!(found[0].is_some() && found[1].is_none() && found[2].is_none());
    assert_eq!(loss.connection(at), Connection::Index);

    // Several paths: the recorded one counts, then the detached one.
    let both = tape.apply(TakeAt, &[x, at]).unwrap() + at;
    assert_eq!(both.connection(at), Connection::Connected);
    let both = tape.apply(TakeAt, &[x, at.detach()]).unwrap() + at.detach();
    assert_eq!(both.connection(at), Connection::Detached);
    // An index that is itself cut off, and a constant vector: nothing is recorded.
    let taken = tape.apply(TakeAt, &[tape.constant(&vector(&[7.0, 8.0])), at]).unwrap();
    assert!(!taken.requires_grad());
    assert_eq!((taken * x).sum().connection(at), Connection::Index);
    let stranger = Tape::new();
    let stranger = stranger.variable(&Tensor::scalar(1.0));
    assert_eq!(stranger.connection(stranger), Connection::Connected);
}

#[test]
fn a_released_parameter_is_not_an_unconnected_one() {
    let (mut used, unused) = (Parameter::new(vector(&[1.0, 2.0])), Parameter::new(vector(&[3.0])));
    let frozen = Parameter::new(Tensor::scalar(2.0));
    let tape = Tape::new();
    let _on_the_tape = tape.parameter(&unused);
    let loss = (tape.parameter(&used) * tape.parameter(&frozen).detach()).sum();
    let gradients = loss.backward();
    assert_eq!(gradients.release(&used).unwrap().to_vec(), [2.0, 2.0]);
    used.value_mut().as_mut_slice()[0] = 5.0;
    assert_eq!(gradients.parameter(&used).unwrap().to_vec(), [2.0, 2.0]);
    assert_eq!(gradients.parameter_connection(&used, &tape), Connection::Connected);
    assert!(gradients.parameter(&unused).is_none());
    assert_eq!(gradients.parameter_connection(&unused, &tape), Connection::Unused);
    assert_eq!(gradients.parameter_connection(&frozen, &tape), Connection::Detached);
    assert_eq!(gradients.parameter_connection(&used.clone(), &tape), Connection::Unused);
    // With its new value it is another leaf; each walk uses its own.
    let again = (tape.parameter(&used) * tape.parameter(&used)).sum().backward();
    assert_eq!(again.parameter(&used).unwrap().to_vec(), [10.0, 4.0]);
    assert_eq!(gradients.parameter(&used).unwrap().to_vec(), [2.0, 2.0]);
}

#[test]
fn hooks_read_and_replace_gradients() {
    let tape = Tape::new();
    let x = tape.variable(&vector(&[1.0, 2.0]));
    let y = x * x;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = |name: &'static str| {
        let seen = Arc::clone(&seen);
        move |g: Var<'_, f64>| seen.lock().unwrap().push((name, g.value().to_vec()))
    };
    // All contributions have come together; two hooks see one another; a leaf has hooks as well.
    let (first, second, leaf) = (record("first"), record("second"), record("leaf"));
    y.register_hook(move |g| {
        first(g);
        Some(g * 10.0)
    });
    y.register_hook(move |g| {
        second(g);
        None
    });
    x.register_hook(move |g| {
        leaf(g);
        Some(g + 1.0)
    });
    let loss = (y + y * 2.0).sum();
    let before = tape.len();
    let gradients = loss.backward();
    assert_eq!(gradients.get(x).unwrap().to_vec(), [61.0, 121.0]);
    let expected =
        [("first", vec![3.0; 2]), ("second", vec![30.0; 2]), ("leaf", vec![60.0, 120.0])];
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(tape.len(), before, "what hooks compute does not stay");

    // Part of a gradient that is differentiated again: 60 x + 1, then 60 and one more.
    let one = tape.constant(&Tensor::scalar(1.0));
    let gx = grad(&[loss], &[one], &[x], CreateGraph::Yes).unwrap()[0].unwrap();
    assert_eq!(gx.sum().backward().get(x).unwrap().to_vec(), [61.0, 61.0]);

    let z = tape.variable(&vector(&[1.0]));
    z.register_hook(|g| Some(g.sum()));
    let error = z.sum().try_backward().unwrap_err().to_string();
    assert!(error.starts_with("register_hook: expected") && error.contains("[1]"), "{error}");
    assert!(catch_unwind(AssertUnwindSafe(|| one.register_hook(|_| None))).is_err());

    let mut tape = Tape::new();
    tape.variable(&vector(&[1.0])).register_hook(|g| Some(g * 5.0));
    tape.clear();
    let x = tape.variable(&vector(&[1.0]));
    assert_eq!(x.sum().backward().get(x).unwrap().item(), 1.0, "hooks go with the tape's contents");
}

#[test]
fn clipping_bounds_the_norm_of_all_or_each_number() {
    let tape = Tape::new();
    let (a, b) = (tape.variable(&vector(&[1.0, -2.0])), tape.variable(&Tensor::scalar(2.0)));
    // Gradients 1 and 1 (one repeated element), and -3.
    let gradients = || (a.sum() - b * 3.0).backward();
    let expected = 11.0_f64.sqrt();
    let mut clipped = gradients();
    assert!((clipped.norm() - expected).abs() < 1e-15);
    assert!((clipped.clip_norm(2.0) - expected).abs() < 1e-15);
    assert!((clipped.norm() - 2.0).abs() < 1e-15);
    let scaled = -3.0 * 2.0 / expected;
    assert!((clipped.get(b).unwrap().item() - scaled).abs() < 1e-15);
    let mut unclipped = gradients();
    unclipped.clip_norm(4.0);
    assert_eq!(unclipped.get(b).unwrap().item(), -3.0);
    unclipped.clip_value(0.5);
    assert_eq!(unclipped.get(a).unwrap().to_vec(), [0.5, 0.5]);
    assert_eq!(unclipped.get(b).unwrap().item(), -0.5);
    assert_eq!(gradients().get(a).unwrap().to_vec(), [1.0, 1.0], "others are not touched");

    // Neither overflows nor underflows where squares do; gradients that are not finite are reported
    // and kept.
    let scaled = |factor: f64| (a * factor).sum().backward();
    assert!((scaled(1e200).norm() / 1e200 - 2.0_f64.sqrt()).abs() < 1e-15);
    assert!((scaled(1e-200).norm() / 1e-200 - 2.0_f64.sqrt()).abs() < 1e-15);
    let mut infinite = scaled(f64::INFINITY);
    assert_eq!(infinite.clip_norm(1.0), f64::INFINITY);
    assert_eq!(infinite.get(a).unwrap().to_vec(), [f64::INFINITY; 2]);
    let mut nan = scaled(f64::NAN);
    assert!(nan.clip_norm(1.0).is_nan());
    nan.clip_value(1.0);
    assert!(nan.get(a).unwrap().to_vec()[0].is_nan());
    assert!(catch_unwind(AssertUnwindSafe(|| scaled(1.0).clip_norm(-1.0))).is_err());
}

#[test]
fn anomaly_mode_names_the_first_operation_that_went_wrong() {
    let tape = Tape::new();
    tape.detect_anomaly(true);
    let x = tape.variable(&vector(&[4.0, 0.0]));
    // Forward: 0 / 0 at one element.
    let line = line!() + 1;
    let error = wengert_autodiff::ops::div(x, x).unwrap_err();
    let Error::Anomaly(anomaly) = &error else { panic!("{error}") };
    assert_eq!((anomaly.op, anomaly.pass, anomaly.element), ("div", Pass::Forward, 1));
    assert!(anomaly.value.is_nan() && anomaly.given_finite);
    assert_eq!(anomaly.inputs, [Shape::from([2]), Shape::from([2])]);
    assert_eq!(anomaly.recorded_at.line(), line);
    assert!(anomaly.recorded_at.file().ends_with("controls.rs"));
    let message = error.to_string();
    assert!(message.contains("[2] and [2]") && message.contains("is NaN"), "{message}");

    // Backward: the value is finite, the slope of the root at 0 is not. The line is the user's.
    let line = line!() + 1;
    let loss = (x.sqrt() * 2.0).sum();
    let one = tape.constant(&Tensor::scalar(1.0));
    for error in [
        loss.try_backward().unwrap_err(),
        grad(&[loss], &[one], &[x], CreateGraph::Yes).unwrap_err(),
    ] {
        let Error::Anomaly(anomaly) = &error else { panic!("{error}") };
        let pass = Pass::Backward { operand: 0 };
        assert_eq!((anomaly.op, anomaly.pass, anomaly.element), ("sqrt", pass, 1));
        assert!(anomaly.value.is_infinite() && anomaly.given_finite);
        assert_eq!((anomaly.recorded_at.line(), &anomaly.inputs[..]), (line, &[x.shape()][..]));
    }
    // A value that was not finite before the operation is reported as such.
    let bad = tape.variable(&vector(&[f64::NAN, 1.0]));
    let error = wengert_autodiff::ops::exp(bad).unwrap_err().to_string();
    assert!(error.contains("an operand was already not finite"), "{error}");
    // Inside a checkpoint it is the closure's operation and line.
    let line = line!() + 1;
    let inside = tape.checkpoint(|v| wengert_autodiff::ops::log(v[0]), &[x]).unwrap_err();
    assert!(
        matches!(&inside, Error::Anomaly(a) if a.op == "log" && a.recorded_at.line() == line),
        "{inside}"
    );
    tape.detect_anomaly(false);
    assert!(loss.backward().get(x).unwrap().to_vec()[1].is_infinite());
}

#[test]
fn gradients_without_a_graph_leave_nothing_on_the_tape() {
    const LEN: usize = 4096;
    let tape = Tape::new();
    let x = tape.variable(&Tensor::full([LEN], 0.5_f64));
    let y = (x.tanh() * x).sum();
    let one = tape.constant(&Tensor::scalar(1.0));
    let (len, live) = (tape.len(), tape.memory().live);
    let mut kept = None;
    for _ in 0..100 {
        kept = grad(&[y], &[one], &[x], CreateGraph::No).unwrap().remove(0);
    }
    assert_eq!((tape.len(), tape.memory().live), (len, live + LEN * 8));
    assert_eq!(kept.as_ref(), y.backward().get(x));
    drop(kept);
    assert_eq!(tape.memory().live, live);
}

#[test]
fn buffers_are_back_in_the_pool_while_the_walk_goes_on() {
    const LEN: usize = 4096;
    let run = |once: bool| {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::full([LEN], 0.5_f64));
        let early = x.tanh();
        // A hook near the end of the walk reads the memory in use: what the walk has freed is
        // missing.
        let first = Arc::new(Mutex::new(0));
        let seen = Arc::clone(&first);
        early.register_hook(move |g| {
            *seen.lock().unwrap() = g.tape().memory().live;
            None
        });
        let loss = (0..50).fold(early, |y, _| y.tanh()).sum();
        let before = tape.memory().live;
        tape.reset_peak();
        let gradients = if once { loss.backward_once() } else { loss.backward() };
        let value = gradients.get(x).unwrap().to_vec();
        let live = *first.lock().unwrap();
        (before / (LEN * 8), live / (LEN * 8), tape.memory().peak / (LEN * 8), value)
    };
    let (before, live, peak, kept) = run(false);
    // Every value stays; of the cotangents only the current one is in memory.
    assert_eq!((before, live), (51, 52));
    assert!(peak <= 51 + 3, "{peak}");
    let (before, live, peak, freed) = run(true);
    assert_eq!(before, 51);
    // The values of later nodes are freed: this one's own and the cotangent are left.
    assert!(live <= 2, "{live}");
    assert!(peak <= 51 + 2, "{peak}");
    assert_eq!(kept, freed);
}

#[test]
fn a_tape_walked_once_says_so() {
    let tape = Tape::new();
    let x = tape.variable(&vector(&[1.0, 2.0]));
    let y = x.exp();
    let (loss, other) = (y.sum(), (y * y).sum());
    assert!(loss.backward_once().get(x).is_some());
    assert_eq!(x.value().to_vec(), [1.0, 2.0]);
    assert!(loss.item() > 10.0);
    let one = tape.constant(&Tensor::scalar(1.0));
    for error in [
        y.try_value().unwrap_err(),
        grad(&[other], &[one], &[x], CreateGraph::No).unwrap_err(),
        other.try_backward().unwrap_err(),
        loss.try_backward().unwrap_err(),
        wengert_autodiff::ops::exp(y).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Released { .. }), "{error}");
        assert!(error.to_string().contains("backward_once"), "{error}");
    }
}

/// Far from 0 the second derivative is zero, and not NaN by a product with infinity.
#[test]
fn second_derivatives_vanish_far_out() {
    use wengert_autodiff::Activation;
    for activation in [
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Mish,
        Activation::Tanhshrink,
        Activation::Tanh,
        Activation::Logistic,
    ] {
        for far in [1e8_f32, -1e20, f32::MAX, f32::INFINITY, f32::NEG_INFINITY] {
            let x = Tensor::from_slice(&[far, 0.5], [2]).unwrap();
            let ones = Tensor::ones([2]);
            let second = hvp(|x| x.activate(activation).sum(), &x, &ones).unwrap().to_vec();
            assert_eq!(second[0], 0.0, "{activation} at {far}");
            assert!(second[1].is_finite() && second[1] != 0.0, "{activation}");
        }
    }
}
