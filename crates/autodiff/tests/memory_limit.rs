//! The memory limit of a tape: an operation that would exceed it is an error, and the tape stays
//! usable.

use wengert_autodiff::ops::{self, Conv1dOptions, Conv2dOptions, Pool1d};
use wengert_autodiff::{
    Cotangents, CreateGraph, Error, Forward, Index, Op, Result, Shape, Tape, Tensor, Var, Vjp, grad,
};

/// A number of elements that fills its size class, and is too small for a deferred result.
const SMALL: usize = 1 << 10;

/// The least number of elements of a deferred result.
const LARGE: usize = 1 << 16;

fn refused(error: &Error) -> (&'static str, usize, Option<usize>) {
    match *error {
        Error::OutOfMemory { op, bytes, limit, .. } => (op, bytes, limit),
        ref other => panic!("another error: {other}"),
    }
}

#[test]
fn a_result_beyond_the_limit_is_an_error_and_the_tape_goes_on() {
    let tape = Tape::<f32>::new();
    let x = tape.variable(&Tensor::ones([SMALL, 1]));
    let limit = 4 * SMALL + 100;
    tape.set_memory_limit(Some(limit));
    let before = tape.memory();
    let error = ops::matmul(x, x.transpose(0, 1)).unwrap_err();
    assert_eq!(refused(&error), ("matmul", 4 * SMALL * SMALL, Some(limit)));
    assert_eq!(
        error.to_string(),
        "matmul: a tensor of shape [1024, 1024] needs 4194304 bytes, more than is left of the tape's \
         memory limit of 4196 bytes"
    );
    assert_eq!(tape.memory(), before);
    let y = x * 2.0;
    assert_eq!(y.sum().item(), 2.0 * SMALL as f32);
    assert_eq!(refused(&ops::exp(y).unwrap_err()).0, "exp");
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| y.exp())).unwrap_err();
    assert!(
        panic.downcast_ref::<String>().unwrap().starts_with("exp: a tensor of shape [1024, 1]")
    );
    tape.set_memory_limit(None);
    assert_eq!(x.exp().shape().dims(), [SMALL, 1]);
}

#[test]
fn deferred_results_count() {
    let mut tape = Tape::<f32>::new();
    let x = Tensor::ones([LARGE]);
    let expected = x.exp().log();
    tape.set_memory_limit(Some(8 * LARGE));
    for _ in 0..3 {
        let x = tape.variable(&x);
        let y = x.exp().log();
        assert_eq!(refused(&ops::exp(y).unwrap_err()), ("exp", 4 * LARGE, Some(8 * LARGE)));
        assert_eq!(y.value(), expected);
        assert!(tape.memory().live <= 8 * LARGE);
        assert_eq!(refused(&ops::square(y).unwrap_err()).0, "square");
        tape.clear();
        assert_eq!(tape.memory().live, 0);
    }
}

#[test]
fn free_buffers_make_room_for_others() {
    let tape = Tape::<f64>::new();
    let x = tape.constant(&Tensor::ones([SMALL]));
    drop(tape.no_grad(|| x.exp().value()));
    let mut tape = tape;
    tape.clear();
    assert_eq!(tape.memory().pooled, 8 * SMALL);
    tape.set_memory_limit(Some(10 * SMALL));
    let x = tape.constant(&Tensor::ones([SMALL / 2]));
    let _ = x.exp();
    let memory = tape.memory();
    assert!(memory.live + memory.pooled <= 10 * SMALL, "{memory:?}");
    let twice = tape.constant(&Tensor::ones([SMALL + SMALL / 8]));
    assert!(ops::exp(twice).is_err());
}

/// `y = x^3`, its rule written with operators.
#[derive(Debug)]
struct Cube;

impl Op<f32> for Cube {
    fn name(&self) -> &'static str {
        "cube"
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<f32>], ctx: &mut Forward<'_, f32>) -> Result<Tensor<f32>> {
        let mut y = ctx.output()?;
        for (y, x) in y.as_mut_slice().iter_mut().zip(inputs[0].try_to_vec()?) {
            *y = x * x * x;
        }
        Ok(y)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, f32>) -> Result<Cotangents<'t, f32>> {
        let x = node.input(0);
        Ok([Some(node.gy() * (x * x) * 3.0)].into_iter().collect())
    }
}

#[test]
fn a_rule_beyond_the_limit_is_an_error_of_the_walk() {
    let tape = Tape::<f32>::new();
    let x = tape.variable(&Tensor::full([SMALL], 2.0));
    let y = tape.apply(Cube, &[x]).unwrap();
    let total = y.sum();
    let limit = 4 * SMALL + 100;
    tape.set_memory_limit(Some(limit));
    let length = tape.len();
    for _ in 0..2 {
        assert_eq!(refused(&total.try_backward().map(|_| ()).unwrap_err()).0, "cube");
        assert!(total.grad(x).is_err());
    }
    tape.set_memory_limit(None);
    assert!(tape.len() >= length);
    assert_eq!(total.backward().get(x).unwrap().to_vec(), vec![12.0; SMALL]);
    let again = total.grad(x).unwrap().unwrap();
    assert_eq!(again.sum().backward().get(x).unwrap().to_vec(), vec![12.0; SMALL]);
}

/// An error in a gradient names the operation whose gradient it is, not one of its rule.
#[test]
fn a_gradient_beyond_the_limit_names_the_operation() {
    type Function = for<'t> fn(Var<'t, f32>) -> Var<'t, f32>;
    let functions: [(&str, Function); 7] = [
        ("exp", |x| x.exp()),
        ("sqrt", |x| x.sqrt()),
        ("slice", |x| x.slice(0, 1..)),
        ("diagonal", |x| x.reshape([32, 32]).diagonal(0)),
        ("gather", |x| x.gather(0, &Index::from_fn([3], |i| i[0]))),
        ("clamp", |x| x.clamp(0.0, 3.0)),
        ("max_pool1d", |x| x.max_pool1d(Pool1d::new(2))),
    ];
    for (name, f) in functions {
        let tape = Tape::<f32>::new();
        let x = tape.variable(&Tensor::full([SMALL], 2.0));
        let y = f(x);
        let gy = tape.constant(&Tensor::ones(y.shape()));
        // Room for a result, but not for a gradient.
        tape.set_memory_limit(Some(tape.memory().live + 100));
        let error = grad(&[y], &[gy], &[x], CreateGraph::No).unwrap_err();
        assert_eq!(refused(&error).0, name, "{error}");
    }
    // A matrix of which the diagonal is given.
    let tape = Tape::<f32>::new();
    let x = tape.variable(&Tensor::ones([SMALL]));
    tape.set_memory_limit(Some(tape.memory().live + 100));
    assert_eq!(refused(&ops::diag(x, 0).unwrap_err()).0, "diag");
    assert_eq!(refused(&ops::diag_embed(x, 1).unwrap_err()).0, "diag_embed");
    let image = tape.variable(&Tensor::ones([1, 1, 32, 32]));
    let weight = tape.variable(&Tensor::ones([9, 1, 1, 1]));
    let error = ops::conv2d(image, weight, None, Conv2dOptions::new()).unwrap_err();
    assert_eq!(refused(&error).0, "conv2d");
    let line = tape.variable(&Tensor::ones([1, 1, SMALL]));
    let weight = tape.variable(&Tensor::ones([9, 1, 1]));
    let error = ops::conv1d(line, weight, None, Conv1dOptions::new()).unwrap_err();
    assert_eq!(refused(&error).0, "conv1d");
}
