//! Regressions that fuzzing with random programs has found: errors in the name of another
//! operation, and a wrong gradient.

use wengert_autodiff::ops::{self, Attention, Conv1dOptions, CrossEntropyOptions, Reduction};
use wengert_autodiff::{
    Activation, Cotangents, Error, Forward, Index, Op, Shape, Tape, Tensor, Var, Vjp, gradcheck,
    hessian, jacobian,
};

/// Whether the error is one line that begins with the operation's name.
#[track_caller]
fn refused(op: &str, result: Result<Var<'_, f64>, Error>) {
    let text = result.expect_err("something that does not fit").to_string();
    assert!(text.starts_with(&format!("{op}: ")) && !text.contains('\n'), "{text}");
}

const HUGE: usize = 1 << 62;

#[test]
fn a_shape_too_large_is_refused_in_the_name_of_the_operation() {
    let tape = Tape::new();
    let of = |shape: &[usize]| tape.variable(&Tensor::ones(shape));
    let (x, empty) = (of(&[2]), of(&[0]));
    refused("reshape", ops::reshape(empty, [0, HUGE]));
    refused("broadcast_to", ops::broadcast_to(x, [HUGE, 2]));
    refused("pad", ops::pad(x, &[(0, HUGE, 1).into()], ops::PadMode::Constant(0.0)));
    refused("pad", ops::pad(x, &[(0, HUGE, 1).into()], ops::PadMode::Edge));
    refused("repeat", ops::repeat(x, &[HUGE]));
    refused("repeat", ops::repeat(empty, &[HUGE]));
    refused("repeat_interleave", ops::repeat_interleave(x, HUGE, 0));
    refused("repeat_interleave", ops::repeat_interleave(empty, HUGE, 0));
    refused("diag", ops::diag(x, isize::MAX));
    refused("diag_embed", ops::diag_embed(x, isize::MIN));
    refused("group_norm", ops::group_norm(of(&[2, 0]), HUGE, None, None, 1e-5));
}

#[test]
fn a_composition_refuses_in_its_own_name() {
    let tape = Tape::new();
    let of = |shape: &[usize]| tape.variable(&Tensor::ones(shape));
    let (number, vector, matrix, cube) = (of(&[]), of(&[2]), of(&[2, 2]), of(&[1, 2, 3]));
    let sharp = Activation::LeakyRelu { slope: 1.0 };
    refused("linear", ops::linear(matrix, matrix, None, sharp));
    let (weight, options) = (of(&[2, 2, 1]), Conv1dOptions::new());
    refused("conv1d", ops::conv1d(cube, weight, None, options.activation(sharp)));
    refused("conv1d", ops::conv1d(cube, weight, Some(cube), options));
    refused("conv_transpose1d", ops::conv_transpose1d(cube, weight, Some(cube), options));
    refused("embedding", ops::embedding(matrix, &Index::from_fn([1], |_| 2), None));
    refused("group_norm", ops::group_norm(cube, 1, None, None, f64::NAN));
    let batches = [of(&[2, 2, 2]), of(&[3, 2, 2])];
    for [query, key, value] in [[0, 1, 0], [0, 0, 1]].map(|which| which.map(|i| batches[i])) {
        let attention = ops::scaled_dot_product_attention(query, key, value, &Attention::new());
        refused("scaled_dot_product_attention", attention);
    }
    refused("squared_error", ops::squared_error(vector, number, Reduction::Mean));
    refused("stack", ops::stack(&[vector], 3));
    refused("smooth_l1_loss", ops::smooth_l1_loss(vector, vector, -1.0, Reduction::Sum));
    let smoothed = CrossEntropyOptions::new().label_smoothing(0.25);
    refused("cross_entropy", ops::cross_entropy_with(of(&[0, 0]), [], smoothed));
}

/// The Hessian is the Jacobian of a gradient, which the caller does not know.
#[test]
fn derivatives_of_functions_refuse_in_their_own_name() {
    let text = |result: Result<Tensor<f64>, Error>| result.unwrap_err().to_string();
    // A square matrix of this size needs 2^43 bytes.
    let x = Tensor::full([1 << 20], 2.0);
    let error = text(hessian(|x| (x * x).sum(), &x));
    assert!(error.starts_with("hessian: "), "{error}");
    let error = text(hessian(|x| x.detach().sum(), &x));
    assert!(error.starts_with("hessian: "), "{error}");
    let error = text(jacobian(|x| x, &x));
    assert!(error.starts_with("jacobian: "), "{error}");
}

/// `y = x`, whose rule asks for something that is not there.
#[derive(Debug)]
struct Asks(fn(&Vjp<'_, '_, f64>));

impl Op<f64> for Asks {
    fn name(&self) -> &'static str {
        "asks"
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, Error> {
        Ok(inputs[0].clone())
    }

    fn forward(
        &self,
        inputs: &[&Tensor<f64>],
        ctx: &mut Forward<'_, f64>,
    ) -> Result<Tensor<f64>, Error> {
        ctx.save(inputs[0].clone());
        ctx.map(inputs[0], |x| x)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>, Error> {
        (self.0)(node);
        Ok([Some(node.gy())].into_iter().collect())
    }
}

#[test]
fn a_rule_that_asks_for_what_is_not_there_panics_in_the_name_of_its_operation() {
    let message = |ask: fn(&Vjp<'_, '_, f64>)| {
        let tape = Tape::new();
        let x = tape.variable(&Tensor::scalar(1.0));
        let y = tape.apply(Asks(ask), &[x]).unwrap();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| y.backward()));
        *panic.unwrap_err().downcast::<String>().unwrap()
    };
    assert_eq!(
        message(|node| {
            node.saved(99);
        }),
        "asks: `vjp` reads saved tensor 99, but `forward` saved 1 (0..1)"
    );
    let operand = "asks: `vjp` reads operand 2, but the operation has 1 (0..1)";
    assert_eq!(
        message(|node| {
            node.input(2);
        }),
        operand
    );
    assert_eq!(
        message(|node| {
            node.needs(2);
        }),
        operand
    );
}

/// The sizes of a split may be many.
#[test]
fn the_error_of_a_split_is_short() {
    let x = Tensor::<f64>::zeros([4, 2]);
    let error = x.try_split(&[1, 2], 0).unwrap_err().to_string();
    assert_eq!(error, "split: the sizes [1, 2] must add up to 4, the size of axis 0 of [4, 2]");
    let error = x.try_split(&vec![1; 100_000], 0).unwrap_err().to_string();
    assert_eq!(
        error,
        "split: the 100000 sizes, of which the first are [1, 1, 1, 1, 1, 1, 1, 1], must add up to 4, the \
         size of axis 0 of [4, 2]"
    );
}

#[test]
fn the_least_number_rolls_back_as_far_as_it_rolls() {
    let x = Tensor::from_fn([3, 2], |i| (i[0] * 2 + i[1]) as f64);
    for by in [isize::MIN, isize::MIN + 1, isize::MAX, -4] {
        gradcheck(|[x]| x.roll(&[(0, by), (1, by)]), [&x]).unwrap();
    }
}
