//! Checkpoints: the same gradients as without, with less memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{
    Connection, CreateGraph, Error, Gradients, Parameter, Tape, Tensor, Var, checkpoint, grad, ops,
};

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::from_slice(values, [values.len()]).unwrap()
}

/// A step of a deep chain: elementwise, and a weight that every step shares.
fn step<'t>(x: Var<'t, f64>, w: Var<'t, f64>) -> Var<'t, f64> {
    (x * w + 0.1).tanh() * 1.01
}

/// The chain of `n` steps in segments, each a checkpoint; or all recorded.
fn chain<'t>(x: Var<'t, f64>, w: Var<'t, f64>, n: usize, segment: Option<usize>) -> Var<'t, f64> {
    let Some(segment) = segment else { return (0..n).fold(x, |x, _| step(x, w)).sum() };
    (0..n / segment)
        .fold(x, |x, _| checkpoint(move |[x, w]| (0..segment).fold(x, |x, _| step(x, w)), [x, w]))
        .sum()
}

#[test]
fn checkpoints_give_the_same_gradients_to_the_bit() {
    let x = Tensor::from_fn([7], |i| 0.3 * i[0] as f64 - 0.9);
    let w = Tensor::from_fn([7], |i| 1.1 - 0.05 * i[0] as f64);
    let derivatives = |segment: Option<usize>| {
        let tape = Tape::new();
        let (x, w) = (tape.variable(&x), tape.variable(&w));
        // Used before and after the checkpoint, so that several contributions arrive.
        let loss = (chain(x * w, w, 24, segment) * w).sum();
        let one = tape.constant(&Tensor::scalar(1.0));
        let first = grad(&[loss], &[one], &[x, w], CreateGraph::Yes).unwrap();
        let first = [first[0].unwrap(), first[1].unwrap()];
        let second = (first[1] * first[1]).sum().backward();
        let second = [second.get(x).unwrap().to_vec(), second.get(w).unwrap().to_vec()];
        let walks = [loss.backward(), loss.backward_once()]
            .map(|walk| [x, w].map(|x| walk.get(x).unwrap().to_vec()));
        assert_eq!(walks[0], walks[1]);
        assert_eq!(walks[0], first.map(|g| g.value().to_vec()));
        let [first, _] = walks;
        (loss.item(), first, second)
    };
    let (value, first, second) = derivatives(None);
    for segment in [1, 4, 6, 24] {
        let (same_value, same_first, near_second) = derivatives(Some(segment));
        // Equal numbers, none of them zero or NaN, are equal bits.
        assert_eq!((same_value, same_first), (value, first.clone()), "segments of {segment}");
        // Rounding is relative to the largest: the terms of a small sum cancel.
        let largest = second.iter().flatten().fold(0.0_f64, |most, x| most.max(x.abs()));
        for (a, b) in near_second.iter().flatten().zip(second.iter().flatten()) {
            assert!((a - b).abs() <= 1e-13 * largest, "segments of {segment}: {a} {b}");
        }
    }
}

#[test]
fn checkpoints_nest_and_may_return_an_operand() {
    let tape = Tape::new();
    let x = tape.variable(&vector(&[0.2, -0.4]));
    let nested =
        checkpoint(|[x]| checkpoint(|[x]| x.tanh() * x, [x]) + checkpoint(|[x]| x, [x]).exp(), [x]);
    let plain = x.tanh() * x + x.exp();
    assert_eq!(nested.sum().backward().get(x), plain.sum().backward().get(x));
    assert_eq!(nested.sum().backward_once().get(x), plain.sum().backward().get(x));
    // Gradients of a part of the operands; hooks inside are called.
    let w = tape.variable(&vector(&[1.0, 3.0]));
    let y = checkpoint(
        |[x, w]| {
            let product = x * w;
            if product.requires_grad() {
                product.register_hook(|g| Some(g * 2.0));
            }
            product
        },
        [x, w],
    );
    let one = tape.constant(&Tensor::scalar(1.0));
    let gx = grad(&[y.sum()], &[one], &[x], CreateGraph::No).unwrap().remove(0).unwrap();
    assert_eq!(gx.to_vec(), [2.0, 6.0]);
}

#[test]
fn what_a_checkpoint_cannot_do_is_said_and_leaves_the_tape_as_it_was() {
    let tape = Tape::new();
    let x = tape.variable(&vector(&[1.0]));
    let weight = Parameter::new(vector(&[2.0]));
    let before = tape.len();
    let error = tape.checkpoint(|v| ops::reshape(v[0] * tape.parameter(&weight), [5]), &[x]);
    assert!(matches!(error, Err(Error::Shapes { .. })));
    let panic = catch_unwind(AssertUnwindSafe(|| {
        checkpoint(|[x]| (x * tape.parameter(&weight)).reshape([5]), [x])
    }));
    assert!(panic.is_err());
    let other = Tape::new();
    let stranger = other.variable(&vector(&[1.0]));
    let different = Error::DifferentTapes { op: "checkpoint" };
    assert_eq!(tape.checkpoint(|_| Ok(stranger), &[x]).unwrap_err(), different);
    assert_eq!(tape.checkpoint(|v| Ok(v[0]), &[stranger]).unwrap_err(), different);
    assert_eq!(tape.len(), before);
    assert!(catch_unwind(|| checkpoint::<f64, 0>(|[]| unreachable!(), [])).is_err());
    // A parameter that a failed closure used is found again.
    let y = x * tape.parameter(&weight);
    assert_eq!(y.backward().parameter(&weight).unwrap().to_vec(), [1.0]);
    // Variables made in a closure do not outlive it.
    let mut inner = None;
    let y = checkpoint(
        |[x]| {
            inner = Some(x * 2.0);
            x.tanh()
        },
        [x],
    );
    assert!(y.backward().get(x).is_some());
    let gone = inner.unwrap().try_value().unwrap_err();
    assert!(matches!(gone, Error::Released { .. }));
    assert!(gone.to_string().contains("was computed inside a checkpoint"), "{gone}");
    // A parameter that was updated since is an error, as it is for what was recorded in place.
    let y = checkpoint(|[x]| x * tape.parameter(&weight), [x]);
    y.backward().release(&weight);
    let _ = tape.parameter(&weight);
    assert!(matches!(y.try_backward(), Err(Error::Released { .. })));
}

/// Checks that `f` has the same gradients through a checkpoint as recorded in place, to the bit: by
/// variables, by a parameter, with and without a graph.
fn same_as_in_place(
    f: impl for<'t> Fn(Var<'t, f64>, Var<'t, f64>, &Parameter<f64>, bool) -> Var<'t, f64>,
) {
    let weight = Parameter::new(vector(&[0.7, -1.3]));
    let of = |through: bool| {
        let tape = Tape::new();
        let (x, w) = (tape.variable(&vector(&[0.4, -0.9])), tape.variable(&vector(&[1.1, 0.6])));
        let loss = f(x, w, &weight, through).sum();
        let found = |walk: &Gradients<f64>| {
            [walk.get(x), walk.get(w), walk.parameter(&weight)].map(|g| g.map(Tensor::to_vec))
        };
        let gradients = loss.backward();
        let first = found(&gradients);
        assert_eq!(first, found(&loss.backward()), "a second walk");
        let asked = gradients.parameter_connection(&weight, &tape);
        assert_eq!(first[2].is_some(), asked == Connection::Connected);
        drop(gradients);
        let one = tape.constant(&Tensor::scalar(1.0));
        let graph = grad(&[loss], &[one], &[x, w], CreateGraph::Yes).unwrap();
        let values =
            |g: &[Option<Var<'_, f64>>]| [g[0], g[1]].map(|g| g.map(|g| g.value().to_vec()));
        assert_eq!(values(&graph), [first[0].clone(), first[1].clone()]);
        let total = graph.iter().flatten().fold(one, |total, g| total + (*g * *g).sum());
        let second = total.requires_grad().then(|| found(&total.backward()));
        assert_eq!(found(&loss.backward_once()), first, "walked once");
        (loss.item(), first, second)
    };
    let (place, checkpointed) = (of(false), of(true));
    assert_eq!((checkpointed.0, &checkpointed.1), (place.0, &place.1));
    let flat = |second: Option<[Option<Vec<f64>>; 3]>| -> Vec<f64> {
        second.into_iter().flatten().flatten().flatten().collect()
    };
    let (place, checkpointed) = (flat(place.2), flat(checkpointed.2));
    assert_eq!(place.len(), checkpointed.len());
    for (a, b) in place.into_iter().zip(checkpointed) {
        assert!((a - b).abs() <= 1e-13 * a.abs().max(1.0), "{a} {b}");
    }
}

/// `f` through a checkpoint, or in place.
fn maybe<'t>(
    through: bool,
    f: impl FnOnce([Var<'t, f64>; 1]) -> Var<'t, f64>,
    x: Var<'t, f64>,
) -> Var<'t, f64> {
    if through { checkpoint(f, [x]) } else { f([x]) }
}

fn inner<'t>(x: Var<'t, f64>, p: &Parameter<f64>) -> Var<'t, f64> {
    (x.tanh() * x.tape().parameter(p)).tanh()
}

#[test]
fn parameters_and_captured_variables_have_the_gradients_of_what_is_recorded_in_place() {
    // Used inside only.
    same_as_in_place(|x, _, p, through| {
        maybe(through, |[x]| (x * x.tape().parameter(p)).tanh(), x)
    });
    // Twice inside, inside and outside, before and after; and a variable that is captured.
    same_as_in_place(|x, w, p, through| {
        let tape = x.tape();
        let x = x * tape.parameter(p);
        let y = maybe(through, |[x]| (x * tape.parameter(p)).tanh() * tape.parameter(p) * w, x);
        (y + tape.parameter(p)).exp() * w
    });
    // In nested checkpoints, at each depth.
    same_as_in_place(|x, w, p, through| {
        let tape = x.tape();
        maybe(
            through,
            |[x]| {
                let y = maybe(through, |[x]| inner(x, p), x * w) * tape.parameter(p);
                maybe(through, |[y]| maybe(through, |[y]| inner(y, p), y) + y * w, y)
            },
            x,
        )
    });
    // A closure that gives the parameter, an operand, or what was captured.
    same_as_in_place(|x, _, p, through| maybe(through, |[x]| x.tape().parameter(p), x) * x);
    same_as_in_place(|x, w, _, through| maybe(through, |_| w, x) * x);
    // Gradients inside: a penalty on a slope.
    same_as_in_place(|x, w, p, through| {
        maybe(
            through,
            |[x]| {
                let y = (x * w * x.tape().parameter(p)).tanh().sum();
                let slope = y.grad(x).unwrap().unwrap();
                let value = y.backward().get(x).unwrap().clone();
                slope.square() + x * x.tape().constant(&value)
            },
            x,
        )
    });
}

#[test]
fn what_no_gradient_flows_through_is_computed_again_as_well() {
    // Straight through: the value of one, the gradient of the other.
    same_as_in_place(|x, w, p, through| {
        maybe(
            through,
            |[x]| {
                let y = x * w.detach() * x.tape().parameter(p);
                y + ((y * 3.0).round() - y).detach()
            },
            x,
        )
    });
    same_as_in_place(|x, w, p, through| {
        let tape = x.tape();
        maybe(
            through,
            |[x]| {
                let scale = tape.no_grad(|| (x * tape.parameter(p)).exp() + w);
                x * scale
            },
            x,
        )
    });
    same_as_in_place(|x, w, p, through| {
        maybe(
            through,
            |_| x.tape().no_grad(|| maybe(through, |[w]| w * x.tape().parameter(p), w)),
            x,
        ) * x
    });
    // Only values that a gradient needs are kept: those of unrecorded operations are not.
    let peak = |through: bool| {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::full([1 << 12], 0.5));
        let y = maybe(
            through,
            |[x]| {
                (0..32)
                    .fold(x, |x, _| x + (x.tanh() - x).detach() + tape.no_grad(|| x.exp()) * 1e-9)
            },
            x,
        );
        y.value();
        tape.memory().live
    };
    assert!(peak(true) * 64 < peak(false), "{} {}", peak(true), peak(false));
}

#[test]
fn a_closure_runs_once_and_its_random_numbers_are_drawn_once() {
    let of = |through: bool| {
        let mut rng = Pcg64::seed_from_u64(3);
        let tape = Tape::new();
        let x = tape.variable(&Tensor::from_fn([400], |i| 0.01 * i[0] as f64));
        let mut runs = 0;
        let loss = maybe(
            through,
            |[x]| {
                runs += 1;
                let nested = maybe(through, |[x]| x.dropout(0.5, &mut rng), x.tanh());
                nested.dropout(0.25, &mut rng) * x
            },
            x,
        )
        .sum();
        let gradients = [loss.backward(), loss.backward()].map(|g| g.get(x).unwrap().to_vec());
        assert_eq!(gradients[0], gradients[1]);
        assert_eq!(runs, 1);
        let [gradient, _] = gradients;
        (loss.item(), gradient, rng)
    };
    assert_eq!(of(true), of(false));
}

#[test]
fn lines_and_hooks_of_a_closure_are_those_of_its_operations() {
    let tape = Tape::new();
    let x = tape.variable(&vector(&[0.0]));
    let line = line!() + 1;
    let y = checkpoint(|[x]| x.sqrt() * 2.0, [x]);
    tape.detect_anomaly(true);
    let error = y.try_backward().unwrap_err();
    assert!(
        matches!(&error, Error::Anomaly(a) if a.op == "sqrt" && a.recorded_at.line() == line),
        "{error}"
    );
    tape.detect_anomaly(false);
    let weight = Parameter::new(vector(&[3.0]));
    let y = checkpoint(
        |[x]| {
            let (weight, shifted) = (tape.parameter(&weight), x + 1.0);
            weight.register_hook(|g| Some(g * 10.0));
            shifted.register_hook(|g| Some(g * 100.0));
            weight * shifted
        },
        [x],
    );
    let gradients = y.backward();
    assert_eq!(gradients.get(x).unwrap().to_vec(), [300.0]);
    assert_eq!(gradients.parameter(&weight).unwrap().to_vec(), [10.0]);
}

/// The peak of live bytes in units of one value of the chain.
fn peak(n: usize, segment: Option<usize>) -> f64 {
    const LEN: usize = 4096;
    let tape = Tape::new();
    let x = tape.variable(&Tensor::full([LEN], 0.5));
    let w = tape.variable(&Tensor::full([LEN], 0.9));
    let y = chain(x, w, n, segment);
    y.backward();
    tape.memory().peak as f64 / (LEN * 8) as f64
}

#[test]
fn checkpoints_take_the_square_root_of_the_memory() {
    // A step holds four values.
    for (n, root) in [(64_usize, 8_usize), (256, 16), (1024, 32)] {
        let (plain, checkpointed) = (peak(n, None), peak(n, Some(root)));
        assert!(plain >= 4.0 * n as f64, "{n}: {plain}");
        // One value a checkpoint, the values of one segment, and a few cotangents.
        let expected = (root + 4 * root) as f64;
        assert!(checkpointed <= expected + 8.0, "{n}: {checkpointed} of {plain}");
        assert!(checkpointed >= expected - 8.0, "{n}: {checkpointed}, less than it needs?");
    }
}
