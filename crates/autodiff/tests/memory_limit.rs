//! The memory limit of a tape: an operation that would exceed it is an error, and the tape stays
//! usable.

use wengert_autodiff::{Cotangents, Error, Forward, Op, Result, Shape, Tape, Tensor, Vjp, ops};

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
        assert_eq!(refused(&total.try_backward().map(|_| ()).unwrap_err()).0, "mul");
        assert!(total.grad(x).is_err());
    }
    tape.set_memory_limit(None);
    assert!(tape.len() >= length);
    assert_eq!(total.backward().get(x).unwrap().to_vec(), vec![12.0; SMALL]);
    let again = total.grad(x).unwrap().unwrap();
    assert_eq!(again.sum().backward().get(x).unwrap().to_vec(), vec![12.0; SMALL]);
}
