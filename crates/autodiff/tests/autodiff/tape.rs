//! The tape as a whole: connections, errors, long chains, memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wengert_autodiff::{
    Cotangents, CreateGraph, Error, Forward, Op, Parameter, Result, Shape, Tape, Tensor, Vjp, eval,
    grad, ops,
};

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::from_slice(values, [values.len()]).unwrap()
}

#[test]
fn not_connected_is_not_zero() {
    let tape = Tape::new();
    let (x, unused) = (tape.variable(&vector(&[1.0, 2.0])), tape.variable(&vector(&[3.0])));
    let zero = tape.variable(&vector(&[5.0, 6.0]));
    // Connected, with a gradient that is zero: relu' of negative numbers.
    let loss = x.sum() + (-zero).relu().sum();
    let gradients = loss.backward();
    assert_eq!(gradients.get(x).unwrap().to_vec(), [1.0, 1.0]);
    assert_eq!(gradients.get(zero).unwrap().to_vec(), [0.0, 0.0]);
    assert!(gradients.get(unused).is_none());
    assert_eq!(gradients.len(), 2);

    let one = tape.constant(&Tensor::scalar(1.0));
    let tensors = grad(&[loss], &[one], &[x, zero, unused], CreateGraph::No).unwrap();
    assert!(tensors[0].is_some() && tensors[1].is_some() && tensors[2].is_none());
    let variables = grad(&[loss], &[one], &[x, zero, unused], CreateGraph::Yes).unwrap();
    assert!(variables[0].is_some() && variables[1].is_some() && variables[2].is_none());
}

#[test]
fn a_gradient_that_cannot_be_had_is_an_error() {
    let tape = Tape::new();
    let c = tape.constant(&vector(&[1.0, 2.0]));
    let x = tape.variable(&vector(&[1.0, 2.0]));
    assert!(matches!(c.sum().try_backward(), Err(Error::NoGradient { .. })));
    assert!(matches!((x * c).try_backward(), Err(Error::NotScalar { .. })));
    let y = tape.no_grad(|| (x * x).sum());
    assert!(matches!(y.try_backward(), Err(Error::NoGradient { .. })));
    assert!(matches!((x.detach() * c).sum().try_backward(), Err(Error::NoGradient { .. })));
    let one = tape.constant(&Tensor::scalar(1.0));
    let constant = grad(&[x.sum()], &[one], &[c], CreateGraph::No);
    assert!(matches!(constant, Err(Error::NoGradient { .. })));
    let shape = grad(&[x], &[one], &[x], CreateGraph::No);
    assert!(matches!(shape, Err(Error::Shapes { .. })));

    let other = Tape::new();
    let stranger = other.variable(&vector(&[1.0, 2.0]));
    assert!(matches!(ops::add(x, stranger), Err(Error::DifferentTapes { .. })));
    assert!(x.sum().backward().get(stranger).is_none());
}

#[test]
fn messages_name_the_operation_the_shapes_and_the_remedy() {
    let tape = Tape::<f32>::new();
    let a = tape.constant(&Tensor::zeros([2, 3]));
    let b = tape.constant(&Tensor::zeros([4, 5]));
    let message = |result: Result<_, Error>| {
        result.map(|_: wengert_autodiff::Var<f32>| ()).unwrap_err().to_string()
    };
    assert_eq!(
        message(ops::matmul(a, b)),
        "matmul: expected inner sizes that agree, [.., m, k] and [.., k, n], got [2, 3] and [4, 5]"
    );
    assert_eq!(
        message(ops::add(a, b)),
        "add: expected shapes that broadcast: aligned at the last axis, sizes equal or one of them 1, \
         got [2, 3] and [4, 5]"
    );
    assert_eq!(
        message(ops::cross_entropy(a, vec![0, 3])),
        "cross_entropy: the label 3 of row 1 is not among the 3 classes 0..3"
    );
    assert!(message(ops::mse_loss(a, b)).contains("one shape"));
    assert!(message(ops::reshape(a, [4])).contains("6 elements"));
    assert!(message(ops::leaky_relu(a, f64::NAN)).starts_with("leaky_relu: "));
    assert!(message(ops::sum_axes(a, &[2], false)).contains("axes run from -2 to 1"));

    // Methods panic with the same text, at this file's line.
    let hook = std::panic::take_hook();
    let place = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let seen = std::sync::Arc::clone(&place);
    std::panic::set_hook(Box::new(move |info| {
        *seen.lock().unwrap() = info.location().unwrap().file().to_owned();
    }));
    let panic = catch_unwind(AssertUnwindSafe(|| a.matmul(b))).unwrap_err();
    std::panic::set_hook(hook);
    assert!(panic.downcast_ref::<String>().unwrap().starts_with("matmul: expected inner sizes"));
    assert!(place.lock().unwrap().ends_with("tape.rs"), "{}", place.lock().unwrap());
}

#[test]
fn a_million_operations_run_backward_and_drop_without_recursion() {
    // A stack too small for recursion over the chain.
    let chain = || {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::scalar(1.0_f64));
        let mut y = x;
        for _ in 0..500_000 {
            y = (y * 1.000_001) + 1e-9;
        }
        assert_eq!(tape.len(), 1_000_001);
        let gradients = y.backward();
        let expected = 1.000_001_f64.powi(500_000);
        let got = gradients.get(x).unwrap().item();
        assert!((got - expected).abs() <= 1e-8 * expected, "{got} {expected}");
        drop(gradients);
        drop(tape);
    };
    std::thread::Builder::new().stack_size(256 * 1024).spawn(chain).unwrap().join().unwrap();
}

#[test]
fn a_cleared_tape_reuses_its_buffers() {
    let mut tape = Tape::new();
    let weight = Parameter::new(Tensor::<f32>::full([64, 64], 0.01));
    let input = Tensor::<f32>::ones([64, 64]);
    let mut after = Vec::new();
    for _ in 0..4 {
        let x = tape.constant(&input);
        let loss = x.matmul(tape.parameter(&weight)).tanh().mean();
        let gradients = loss.backward();
        assert!(gradients.parameter(&weight).is_some());
        drop(gradients);
        tape.clear();
        after.push(tape.memory());
    }
    assert_eq!(after[1], after[3]);
    assert_eq!(after[3].live, 0);
    tape.shrink();
    assert_eq!(tape.memory().pooled, 0);
}

#[test]
fn gradients_accumulate_over_every_use() {
    let tape = Tape::new();
    let x = tape.variable(&vector(&[2.0, 3.0]));
    let y = x * x + x + x.detach() * x;
    assert_eq!(y.sum().backward().get(x).unwrap().to_vec(), [4.0 + 1.0 + 2.0, 6.0 + 1.0 + 3.0]);
    // The leaf itself as output.
    let z = tape.variable(&Tensor::scalar(4.0));
    assert_eq!(z.backward().get(z).unwrap().item(), 1.0);
}

#[test]
fn higher_orders_nest() {
    let tape = Tape::new();
    let x = tape.variable(&Tensor::scalar(0.7_f64));
    let mut y = x.tanh() * x;
    // Derivatives of x tanh(x) at 0.7, from mpmath 1.3 with 30 digits:
    // [diff(lambda x: x*tanh(x), mpf('0.7'), n) for n in range(1, 5)]
    let expected =
        [1.0486854901048845, 0.7324165629005756, -2.2165823361074841, 2.4288575054794958];
    for want in expected {
        y = y.grad(x).unwrap().unwrap();
        assert!((y.item() - want).abs() < 1e-11 * want.abs().max(1.0), "{} {want}", y.item());
    }
}

#[test]
fn a_parameter_is_one_leaf_and_can_be_released() {
    let mut weight = Parameter::new(vector(&[1.0, 2.0]));
    let tape = Tape::new();
    let (a, b) = (tape.parameter(&weight), tape.parameter(&weight));
    let gradients = (a * b).sum().backward();
    assert_eq!(gradients.parameter(&weight).unwrap().to_vec(), [2.0, 4.0]);
    let address = weight.value().as_slice().unwrap().as_ptr();
    let gradient = gradients.release(&weight).unwrap().clone();
    weight.value_mut().as_mut_slice()[0] -= gradient.to_vec()[0];
    assert_eq!(weight.value().as_slice().unwrap().as_ptr(), address, "changed in place");
    assert!(matches!(a.try_value(), Err(Error::Released { .. })));
    // Put on the tape again it is another leaf, with the new value.
    assert_eq!(tape.parameter(&weight).value().to_vec(), [-1.0, 2.0]);
    assert_ne!(weight.clone().id(), weight.id());
}

#[test]
fn shared_buffers_are_copied_before_writing() {
    let tape = Tape::new();
    let mut data = vector(&[1.0, 2.0]);
    let x = tape.variable(&data);
    let y = (x * x).sum();
    data.as_mut_slice()[0] = 100.0;
    assert_eq!(x.value().to_vec(), [1.0, 2.0]);
    assert_eq!(y.backward().get(x).unwrap().to_vec(), [2.0, 4.0]);
}

#[test]
fn tensors_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    fn send<T: Send>() {}
    check::<Tensor<f32>>();
    check::<Parameter<f64>>();
    send::<Tape<f32>>();
}

#[test]
fn rows_without_classes_are_no_rows_to_stumble_on() {
    let tape = Tape::<f32>::new();
    let none = tape.variable(&Tensor::zeros([0, 0]));
    assert!(none.cross_entropy(vec![]).item().is_nan());
    let empty = tape.variable(&Tensor::zeros([2, 0]));
    for y in [empty.softmax(-1), empty.log_softmax(-1)] {
        let gradients = y.sum().backward();
        assert_eq!(*gradients.get(empty).unwrap().shape(), [2, 0]);
    }
    let one = tape.variable(&Tensor::zeros([1, 0]));
    assert!(matches!(ops::cross_entropy(one, vec![0]), Err(Error::Label { classes: 0, .. })));
}

/// The first operand, of any number.
#[derive(Debug)]
struct First;

impl Op<f64> for First {
    fn name(&self) -> &'static str {
        "first"
    }
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }
    fn forward(&self, inputs: &[&Tensor<f64>], _: &mut Forward<'_, f64>) -> Result<Tensor<f64>> {
        Ok(inputs[0].clone())
    }
    fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
        let _ = node.input(5);
        Ok([Some(node.gy())].into_iter().collect())
    }
}

#[test]
fn operands_that_are_not_there_are_named() {
    let tape = Tape::new();
    for error in [tape.apply(First, &[]).unwrap_err(), eval(&First, &[]).unwrap_err()] {
        assert!(matches!(error, Error::Argument { op: "first", .. }), "{error}");
    }
    let x = tape.variable(&Tensor::scalar(2.0));
    let y = tape.apply(First, &[x]).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| y.backward())).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("reads operand 5, but the operation has 1"), "{message}");
}
