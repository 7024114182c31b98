//! Network operations at their edges: infinities and NaN, ties, rows without keys, empty
//! batches, and the errors for shapes that do not fit.

use wengert_autodiff::ops::{
    self, Attention, Conv2dOptions, CrossEntropyOptions, NormOptions, Pool1d, Pool2d, Reduction,
};
use wengert_autodiff::{CreateGraph, Mask, Tape, Tensor, Var, grad, gradgradcheck};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

fn line(values: &[f64]) -> Tensor<f64> {
    Tensor::from_slice(values, [values.len()]).unwrap()
}

fn row(values: &[f64]) -> Tensor<f64> {
    Tensor::from_slice(values, [1, values.len()]).unwrap()
}

/// The value of a function of one tensor and the gradient of its sum.
fn both(x: &Tensor<f64>, f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> (Vec<f64>, Vec<f64>) {
    let tape = Tape::new();
    let x = tape.variable(x);
    let y = f(x);
    (y.value().to_vec(), y.sum().backward().get(x).unwrap().to_vec())
}

fn same(got: &[f64], expected: &[f64]) {
    let equal = |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan();
    assert!(
        got.len() == expected.len() && got.iter().zip(expected).all(equal),
        "{got:?} {expected:?}"
    );
}

#[test]
fn losses_have_their_limits_at_infinite_logits_and_nan_stays() {
    let logits = line(&[INF, INF, -INF, -INF, 1e4, -1e4, NAN]);
    let targets = line(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    let (y, g) = both(&logits, |x| {
        let targets = x.tape().constant(&targets);
        x.binary_cross_entropy_with_logits(targets, None, Reduction::None)
    });
    same(&y, &[0.0, INF, INF, 0.0, 1e4, 1e4, NAN]);
    same(&g, &[0.0, 1.0, -1.0, 0.0, 1.0, -1.0, NAN]);

    // A class of probability zero adds nothing to the loss where its target is zero.
    let (y, g) = both(&row(&[0.0, -INF, 0.0]), |x| {
        let targets = x.tape().constant(&row(&[0.5, 0.0, 0.5]));
        x.soft_cross_entropy(targets, Reduction::None)
    });
    assert!((y[0] - 2.0_f64.ln()).abs() < 1e-15, "{y:?}");
    same(&g, &[0.0, 0.0, 0.0]);

    let (y, g) = both(&row(&[-1.0, -INF]), |x| {
        let targets = x.tape().constant(&row(&[1.0, 0.0]));
        x.kl_div(targets, false, Reduction::None)
    });
    same(&y, &[1.0, 0.0]);
    same(&g, &[-1.0, 0.0]);

    let (y, g) = both(&line(&[INF, -INF, NAN, 0.0]), |x| {
        x.huber_loss(x.tape().constant(&line(&[0.0; 4])), 2.0, Reduction::None)
    });
    same(&y, &[INF, INF, NAN, 0.0]);
    same(&g[..2], &[2.0, -2.0]);
}

#[test]
fn ignored_rows_cost_nothing_whatever_they_hold() {
    let x = Tensor::from_slice(&[1.0, 2.0, NAN, INF], [2, 2]).unwrap();
    let options = CrossEntropyOptions::new().ignore_index(7);
    let (y, g) = both(&x, |x| x.cross_entropy_with([0, 7], options));
    let alone = both(&row(&[1.0, 2.0]), |x| x.cross_entropy(&[0][..]));
    assert!((y[0] - alone.0[0]).abs() < 1e-15);
    assert!(g[..2].iter().zip(&alone.1).all(|(a, b)| (a - b).abs() < 1e-15), "{g:?}");
    same(&g[2..], &[0.0, 0.0]);
    let (y, g) = both(&x, |x| x.nll_loss([1, 7], Some(7), Reduction::Mean));
    same(&y, &[-2.0]);
    same(&g, &[0.0, -1.0, 0.0, 0.0]);
    // The mean of no losses is NaN.
    let none = x.nll_loss([7, 7], Some(7), Reduction::Mean);
    assert!(none.item().is_nan());
    let error = ops::cross_entropy_with(Tape::new().constant(&x), [0, 2], options).unwrap_err();
    assert!(error.to_string().contains("label 2 of row 1"), "{error}");
}

#[test]
fn a_row_without_keys_is_zero_and_poisons_nobody() {
    let sampled = |seed: usize, shape: [usize; 2]| {
        Tensor::from_fn(shape, |i| ((7 * i[0] + 3 * i[1] + seed) % 5) as f64 * 0.3 - 0.5)
    };
    let operands = [sampled(0, [3, 2]), sampled(1, [3, 2]), sampled(2, [3, 2])];
    // The second query attends to no key.
    let mask = Mask::from_fn([3, 3], |i| i[0] != 1 && i[1] <= i[0]);
    let tape = Tape::new();
    let x: Vec<_> = operands.iter().map(|x| tape.variable(x)).collect();
    let options = Attention::new().mask(&mask);
    tape.detect_anomaly(true);
    let y = x[0].scaled_dot_product_attention(x[1], x[2], &options);
    let value = y.value();
    same(&value.slice(0, 1..2).to_vec(), &[0.0, 0.0]);
    let causal = operands[0].scaled_dot_product_attention(
        &operands[1],
        &operands[2],
        &Attention::new().causal(),
    );
    for other in [0, 2] {
        let pick = |x: &Tensor<f64>| x.slice(0, other..other + 1).to_vec();
        same(&pick(&value), &pick(&causal));
    }
    let one = tape.constant(&Tensor::scalar(1.0));
    let loss = (y * y).sum();
    let g = grad(&[loss], &[one], &x, CreateGraph::Yes).unwrap();
    let g: Vec<_> = g.into_iter().flatten().collect();
    let total = g.iter().fold(one, |total, g| total + (*g * *g).sum());
    let h = grad(&[total], &[one], &x, CreateGraph::No).unwrap();
    for g in g.into_iter().map(Var::value).chain(h.into_iter().flatten()) {
        assert!(g.to_vec().iter().all(|g| g.is_finite()), "{g:?}");
    }
    same(&loss.backward().get(x[0]).unwrap().slice(0, 1..2).to_vec(), &[0.0, 0.0]);
    let check = gradgradcheck(
        move |[q, k, v]| (q.scaled_dot_product_attention(k, v, &options)).square().sum(),
        [&operands[0], &operands[1], &operands[2]],
    );
    check.unwrap();
}

#[test]
fn a_zero_vector_has_the_cosine_zero_and_a_finite_derivative() {
    let zero = Tensor::<f64>::zeros([3]);
    let other = line(&[3.0, 0.0, 4.0]);
    let (y, g) = both(&zero, |x| x.cosine_similarity(x.tape().constant(&other), 0, 1e-2));
    same(&y, &[0.0]);
    assert!(g.iter().zip([60.0, 0.0, 80.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{g:?}");
}

#[test]
fn a_pool_takes_the_first_maximum_and_nan_wins() {
    let pool = Pool1d::new(3);
    let (y, g) = both(&row(&[2.0, 5.0, 5.0, NAN, 1.0, NAN]), |x| x.max_pool1d(pool));
    same(&y, &[5.0, NAN]);
    same(&g, &[0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn empty_batches_are_empty_or_refused() {
    let none = Tensor::<f64>::zeros([0, 2, 4, 4]);
    let weight = Tensor::ones([3, 2, 3, 3]);
    let tape = Tape::new();
    let (x, w) = (tape.variable(&none), tape.variable(&weight));
    let y = x.conv2d(w, None, Conv2dOptions::new()).max_pool2d(Pool2d::new(2));
    assert_eq!(y.shape(), [0, 3, 1, 1]);
    let gradients = y.sum().backward();
    assert_eq!(gradients.get(w).unwrap(), &Tensor::zeros([3, 2, 3, 3]));
    assert_eq!(x.layer_norm(None, None, NormOptions::new()).shape(), [0, 2, 4, 4]);
    let error = ops::batch_norm(x, None, None, 1e-5).unwrap_err();
    assert!(error.to_string().contains("at least two values per channel"), "{error}");
    let empty = tape.constant(&Tensor::zeros([0, 3]));
    assert!(empty.cross_entropy(&[][..]).item().is_nan());
}

#[test]
fn errors_say_what_would_be_right() {
    let tape = Tape::new();
    let of = |shape: &[usize]| tape.constant(&Tensor::<f64>::zeros(shape.to_vec()));
    let (image, weight) = (of(&[1, 3, 5, 5]), of(&[4, 2, 3, 3]));
    let plain = Conv2dOptions::new();
    let messages = [
        (ops::conv2d(image, weight, None, plain), "as many channels as the weight takes"),
        (ops::conv2d(of(&[3, 5]), weight, None, plain), "x [batch, in, rows, columns]"),
        (ops::conv2d(of(&[1, 2, 2, 2]), weight, None, plain), "spans 3 rows"),
        (ops::conv2d(of(&[1, 2, 5, 5]), weight, Some(of(&[3])), plain), "a bias of shape [4]"),
        (
            ops::conv_transpose2d(of(&[1, 4, 2, 2]), weight, None, plain.output_padding(1)),
            "below the stride 1 or the dilation 1",
        ),
        (ops::max_pool2d(of(&[5]), Pool2d::new(2)), "x [.., rows, columns]"),
        (ops::max_pool2d(image, Pool2d::new(2).padding(2)), "at most 1"),
        (ops::layer_norm(image, Some(of(&[4])), None, NormOptions::new()), "shape [5]"),
        (
            ops::layer_norm(image, None, None, NormOptions::new().axes(5)),
            "axes must be from 1 to 4",
        ),
        (ops::group_norm(image, 2, None, None, 1e-5), "divide 3 channels"),
        (ops::dropout_from(image, 1.5, wengert_kernels::random::Stream::new(1, 0)), "0..=1"),
        (ops::huber_loss(image, image, 0.0, Reduction::Mean), "positive and finite"),
        (ops::l1_loss(image, weight, Reduction::Mean), "operands of one shape"),
        (
            ops::scaled_dot_product_attention(
                of(&[2, 3]),
                of(&[4, 3]),
                of(&[4, 3]),
                &Attention::new().mask(&Mask::full([4, 4], true)),
            ),
            "broadcasts to the scores, [2, 4]",
        ),
    ];
    for (result, expected) in messages {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
}
