//! Gradients independent of their tape: kept, sent to threads, summed, and given to an optimizer.

use std::thread;

use wengert_autodiff::{
    Connection, CreateGraph, Error, Gradients, Parameter, Tape, Tensor, Var, grad,
};

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::from_slice(values, [values.len()]).unwrap()
}

/// The parameters of a small network, and one that its loss does not depend on.
struct Network {
    weight: Parameter<f64>,
    bias: Parameter<f64>,
    out: Parameter<f64>,
    unused: Parameter<f64>,
}

const ROWS: usize = 12;

impl Network {
    fn new() -> Self {
        let number = |i: usize, j: usize| ((i * 7 + j * 3) % 11) as f64 * 0.1 - 0.5;
        let matrix = |rows, cols| Tensor::from_fn([rows, cols], |i| number(i[0] + 1, i[1]));
        Network {
            weight: Parameter::new(matrix(3, 5)),
            bias: Parameter::new(vector(&[0.1, -0.2, 0.3, 0.0, 0.2])),
            out: Parameter::new(matrix(5, 1)),
            unused: Parameter::new(vector(&[1.0])),
        }
    }

    fn parameters(&self) -> [&Parameter<f64>; 4] {
        [&self.weight, &self.bias, &self.out, &self.unused]
    }

    /// The sum of squared errors over some rows of the batch.
    fn loss<'t>(&self, tape: &'t Tape<f64>, rows: std::ops::Range<usize>) -> Var<'t, f64> {
        let all = Tensor::from_fn([ROWS, 3], |i| ((i[0] * 5 + i[1] * 3) % 13) as f64 * 0.2 - 1.0);
        let x = tape.constant(&all.slice(0, rows.start as isize..rows.end as isize));
        let [weight, bias, out, _] = self.parameters().map(|parameter| tape.parameter(parameter));
        let y = (x.matmul(weight) + bias).tanh().matmul(out);
        (y - 0.3).square().sum()
    }

    fn gradients(&self, rows: std::ops::Range<usize>) -> Gradients<f64> {
        // The tape is dropped before the gradients are used.
        let tape = Tape::new();
        self.loss(&tape, rows).backward()
    }

    #[track_caller]
    fn check(&self, sum: &Gradients<f64>, expected: &Gradients<f64>) {
        for parameter in self.parameters() {
            let [sum, expected] = [sum, expected].map(|gradients| gradients.parameter(parameter));
            let [Some(sum), Some(expected)] = [sum, expected] else {
                assert!(sum.is_none() && expected.is_none());
                continue;
            };
            for (sum, expected) in sum.to_vec().into_iter().zip(expected.to_vec()) {
                assert!(
                    (sum - expected).abs() <= 1e-14 * (1.0 + expected.abs()),
                    "{sum} {expected}"
                );
            }
        }
    }
}

#[test]
fn gradients_of_halves_on_two_threads_add_up_to_that_of_the_batch() {
    let network = &Network::new();
    let [first, second] = thread::scope(|scope| {
        let on = |rows| scope.spawn(move || network.gradients(rows));
        [on(0..5), on(5..ROWS)].map(|half| half.join().unwrap())
    });
    let whole = network.gradients(0..ROWS);
    // The halves are not the whole: the sum is needed.
    let of = |gradients: &Gradients<f64>| gradients.parameter(&network.out).unwrap().to_vec();
    assert!(of(&first) != of(&whole) && of(&second) != of(&whole));
    network.check(&[first, second].into_iter().sum(), &whole);
    assert!(whole.parameter(&network.unused).is_none());
    assert_eq!(whole.len(), 3);
}

#[test]
fn accumulated_gradients_are_those_of_the_whole() {
    let network = Network::new();
    let mut tape = Tape::new();
    let (mut sum, mut mean) = (Gradients::new(), Gradients::new());
    for rows in [0..4, 4..8, 8..12] {
        let gradients = network.loss(&tape, rows).backward();
        sum += &gradients;
        mean.add_scaled(1.0 / 3.0, &gradients).unwrap();
        tape.clear();
    }
    network.check(&sum, &network.gradients(0..ROWS));
    sum.scale(1.0 / 3.0);
    network.check(&sum, &mean);
    // A gradient that only one part has stays as it is: an absent gradient counts as zero.
    let mut unused = Gradients::new();
    unused.insert(&network.unused, vector(&[4.0])).unwrap();
    sum += &unused;
    assert_eq!(sum.parameter(&network.unused).unwrap().to_vec(), [4.0]);
    assert_eq!(sum.remove(&network.unused).unwrap().to_vec(), [4.0]);
    assert!(sum.parameter(&network.unused).is_none());
    network.check(&sum, &mean);
}

#[test]
fn a_sum_does_not_change_its_parts() {
    let network = Network::new();
    let part = network.gradients(0..4);
    let before = part.parameter(&network.weight).unwrap().to_vec();
    let mut sum = Gradients::new();
    sum += &part;
    sum += &part;
    sum.parameter_mut(&network.bias).unwrap().fill(0.0);
    sum.clip_value(1e-3);
    assert_eq!(part.parameter(&network.weight).unwrap().to_vec(), before);
    assert!(part.parameter(&network.bias).unwrap().to_vec().iter().any(|g| *g != 0.0));
    assert_eq!(sum.parameter(&network.bias).unwrap().to_vec(), [0.0; 5]);
}

#[test]
fn shapes_that_differ_are_refused_and_nothing_is_added() {
    let parameter = Parameter::new(vector(&[1.0, 2.0]));
    let mut a = Gradients::new();
    let error = a.insert(&parameter, vector(&[1.0])).unwrap_err().to_string();
    assert_eq!(error, "insert: expected a gradient of the parameter's shape [2], got [1]");
    a.insert(&parameter, vector(&[1.0, 1.0])).unwrap();
    // The parameter has another shape now.
    let mut parameter = parameter;
    *parameter.value_mut() = vector(&[1.0, 2.0, 3.0]);
    let mut b = Gradients::new();
    b.insert(&parameter, vector(&[1.0, 1.0, 1.0])).unwrap();
    assert!(matches!(a.add_scaled(1.0, &b), Err(Error::Shapes { .. })));
    assert_eq!(a.parameter(&parameter).unwrap().to_vec(), [1.0, 1.0]);
}

#[test]
fn variables_of_other_tapes_and_of_other_steps_have_no_gradient_here() {
    let (mut tape, other) = (Tape::new(), Tape::new());
    let weight = Parameter::new(vector(&[1.0, 2.0]));
    let gradients = {
        let x = tape.variable(&vector(&[3.0, 4.0]));
        let w = tape.parameter(&weight);
        let gradients = (x * w).sum().backward();
        assert_eq!(gradients.get(x).unwrap().to_vec(), [1.0, 2.0]);
        assert_eq!(gradients.get(w).unwrap().to_vec(), [3.0, 4.0]);
        gradients
    };
    tape.clear();
    for tape in [&tape, &other] {
        // At the same places as the variables before.
        let (x, w) = (tape.variable(&vector(&[5.0, 6.0])), tape.parameter(&weight));
        for var in [x, w] {
            assert!(gradients.get(var).is_none());
            assert_eq!(gradients.connection(var), Connection::DifferentTape);
        }
        let detached = tape.parameter(&Parameter::new(vector(&[1.0])));
        assert_eq!(gradients.connection(detached), Connection::DifferentTape);
        assert_eq!(gradients.parameter_connection(&weight, tape), Connection::Connected);
        let stranger = weight.clone();
        assert_eq!(gradients.parameter_connection(&stranger, tape), Connection::DifferentTape);
    }
    // The parameter's stays.
    assert_eq!(gradients.parameter(&weight).unwrap().to_vec(), [3.0, 4.0]);
    drop(tape);
    assert_eq!(gradients.parameter(&weight).unwrap().to_vec(), [3.0, 4.0]);
}

#[test]
fn a_sum_over_tapes_has_the_gradients_of_the_variables_of_each() {
    let (mut one, two) = (Tape::new(), Tape::new());
    let weight = Parameter::new(vector(&[1.0, 2.0]));
    let mut sum = Gradients::new();
    {
        let [x, y] = [3.0, 4.0].map(|v| one.variable(&vector(&[v, v])));
        let z = two.variable(&vector(&[5.0, 6.0]));
        let [w1, w2] = [&one, &two].map(|tape| tape.parameter(&weight));
        sum += (x * w1).sum().backward();
        sum += (x * y).sum().backward();
        sum += (z * w2 * w2).sum().backward();
        assert_eq!(sum.get(x).unwrap().to_vec(), [1.0 + 4.0, 2.0 + 4.0]);
        assert_eq!(sum.get(y).unwrap().to_vec(), [3.0, 3.0]);
        assert_eq!(sum.get(z).unwrap().to_vec(), [1.0, 4.0]);
        for w in [w1, w2] {
            assert_eq!(sum.get(w).unwrap().to_vec(), [3.0 + 10.0, 3.0 + 24.0]);
        }
        assert_eq!(sum.connection(one.variable(&vector(&[1.0]))), Connection::Unused);
        let detached = (x.detach() * y).sum().backward();
        assert_eq!(detached.connection(x), Connection::Detached);
        let mut both = detached;
        both += (x * 2.0).sum().backward();
        assert_eq!(both.connection(x), Connection::Connected);
    }
    // The gradients of a step that has ended are dropped by the next sum.
    assert_eq!(sum.len(), 4);
    one.clear();
    sum += Gradients::new();
    assert_eq!(sum.len(), 2);
    assert_eq!(sum.get(two.parameter(&weight)).unwrap().to_vec(), [3.0 + 10.0, 3.0 + 24.0]);
}

/// Changes a parameter as an optimizer does, and returns whether that was done in place.
fn step(parameter: &mut Parameter<f64>, gradients: &Gradients<f64>) -> bool {
    let address = |parameter: &Parameter<f64>| parameter.value().as_slice().unwrap().as_ptr();
    let before = address(parameter);
    let gradient = gradients.release(parameter).unwrap().to_vec();
    for (w, g) in parameter.value_mut().as_mut_slice().iter_mut().zip(gradient) {
        *w -= g;
    }
    before == address(parameter)
}

#[test]
fn a_tape_reads_parameters_after_a_walk_back_until_an_optimizer_changes_them() {
    for once in [false, true] {
        let tape = Tape::new();
        let mut used = Parameter::new(vector(&[1.0, 2.0]));
        let kept = Parameter::new(vector(&[3.0, 4.0]));
        let [u, k] = [&used, &kept].map(|parameter| tape.parameter(parameter));
        let loss = (u * k).sum();
        let gradients = if once { loss.backward_once() } else { loss.backward() };
        // Values, operations, further walks and closures read what an optimizer has not changed.
        assert_eq!(u.value().to_vec(), [1.0, 2.0]);
        assert_eq!((&u.shape(), &k.detach().value()), (used.value().shape(), kept.value()));
        let (size, again) = (tape.len(), tape.parameter(&used));
        assert_eq!(tape.len(), size, "it is on the tape");
        let square = (again * u * k).sum();
        assert_eq!(square.item(), 3.0 + 16.0);
        let second = square.backward();
        assert_eq!(second.get(u).unwrap().to_vec(), [6.0, 16.0]);
        let one = tape.constant(&Tensor::scalar(1.0));
        let slope = grad(&[square], &[one], &[u], CreateGraph::Yes).unwrap()[0].unwrap();
        assert_eq!(slope.sum().backward().get(u).unwrap().to_vec(), [6.0, 8.0]);
        let inner = tape.checkpoint(
            |x| {
                let y = (x[0] * tape.parameter(&used) * tape.parameter(&kept)).sum();
                assert_eq!(y.backward().get(u).unwrap().to_vec(), [6.0, 16.0]);
                Ok(y)
            },
            &[u],
        );
        assert_eq!(inner.unwrap().backward().get(u).unwrap().to_vec(), [6.0, 16.0]);

        assert!(step(&mut used, &gradients), "in place");
        assert_eq!(used.value().to_vec(), [-2.0, -2.0]);
        assert!(matches!(u.try_value(), Err(Error::Released { .. })));
        assert!(matches!(wengert_autodiff::ops::add(u, k), Err(Error::Released { .. })));
        assert!(matches!(square.try_backward(), Err(Error::Released { .. })));
        assert_eq!(k.value().to_vec(), [3.0, 4.0]);
        // The new value is another leaf.
        let new = tape.parameter(&used);
        let third = (new * k).sum();
        assert_eq!(third.item(), -14.0);
        let third = third.backward();
        assert_eq!(third.get(new), third.parameter(&used));
        assert!(third.get(u).is_none() && gradients.get(new).is_none());
        assert!(step(&mut used, &third), "in place");
    }
}

#[test]
fn gradients_of_an_ended_step_release_nothing_of_the_next() {
    let mut tape = Tape::new();
    let mut weight = Parameter::new(vector(&[1.0, 2.0]));
    let past = tape.parameter(&weight).square().sum().backward();
    tape.clear();
    assert!(step(&mut weight, &past), "no tape holds it");
    let loss = tape.parameter(&weight).square().sum();
    let now = loss.backward();
    assert!(!step(&mut weight, &past), "the tape of the new step holds it");
    assert_eq!(now.parameter(&weight).unwrap().to_vec(), [-2.0, -4.0]);
    assert_eq!(weight.value().to_vec(), [-3.0, -6.0]);
}

#[test]
fn gradients_are_sent_and_shared() {
    fn is<T: Send + Sync + 'static>() {}
    is::<Gradients<f32>>();
    is::<Gradients<f64>>();
}

/// A parameter that changes between two uses on one tape: each use reads the value at that time.
#[test]
fn a_changed_parameter_is_a_new_leaf() {
    let mut weight = Parameter::new(vector(&[2.0]));
    let mut tape = Tape::new();
    let gradients = tape.parameter(&weight).square().sum().backward();
    tape.clear();
    let before = tape.parameter(&weight) * 3.0;
    assert_eq!(before.value().to_vec(), [6.0]);
    // Of a tape that was cleared, so that nothing is released.
    let gradient = gradients.release(&weight).unwrap().clone();
    assert_eq!(gradient.to_vec(), [4.0]);
    weight.value_mut().as_mut_slice()[0] = 5.0;
    let after = tape.parameter(&weight) * 3.0;
    assert_eq!(after.value().to_vec(), [15.0]);
    let gradients = (after * after).sum().backward();
    assert_eq!(gradients.parameter(&weight).unwrap().to_vec(), [90.0]);
}

/// Sums of the same tapes in another order are released on two threads at once.
#[test]
fn sums_are_released_in_any_order() {
    for _ in 0..200 {
        let mine = Parameter::new(vector(&[1.0, 2.0]));
        let other = Parameter::new(vector(&[3.0, 4.0]));
        let (left, right) = (Tape::new(), Tape::new());
        let gradients =
            |tape: &Tape<f64>| (tape.parameter(&mine) * tape.parameter(&other)).sum().backward();
        let [mut first, mut second] = [gradients(&left), gradients(&right)];
        let copy = first.clone();
        first += &second;
        second += &copy;
        thread::scope(|scope| {
            scope.spawn(|| first.release(&mine).unwrap().clone());
            scope.spawn(|| second.release(&other).unwrap().clone());
        });
    }
}
