//! Broadcast operands, which take no memory, of shapes larger than memory. Every fallible function
//! returns a value that fits in memory or an error of one line; none aborts the process or runs
//! without end.
//!
//! The cases run in a child process with a limited address space, which prints the name of the
//! current one: a case that aborts or hangs is found by name.

#[path = "support/cases.rs"]
mod cases;

use wengert_autodiff::ops::{
    self, Attention, Conv1dOptions, Conv2dOptions, CrossEntropyOptions, NormOptions, PadMode,
    Pool1d, Pool2d, Reduction,
};
use wengert_autodiff::{
    Activation, CreateGraph, Error, Index, Mask, Result, Shape, Tape, Tensor, Var, grad, hessian,
    hvp, jacobian, jvp, value_and_grad, vjp,
};

type Case = cases::Case<Error>;
type Unary = for<'t> fn(Var<'t, f32>) -> Result<Var<'t, f32>>;
type Binary = for<'t> fn(Var<'t, f32>, Var<'t, f32>) -> Result<Var<'t, f32>>;

const K: usize = 1 << 20;

fn shapes() -> Vec<Shape> {
    let list: [&[usize]; 13] = [
        &[1 << 40],
        &[1 << 57],
        &[K, K],
        &[K, K, K / 8],
        &[2, 3, 1 << 36],
        &[1 << 40, 3],
        &[1, 1, K, K],
        &[0, 1 << 40],
        &[1 << 40, 0],
        &[K, 0, K],
        &[2; 40],
        &[1; 40],
        &[1 << 33, 1, 2, 2],
    ];
    list.into_iter().map(Shape::from).collect()
}

/// One number in every place.
fn hostile(shape: &Shape) -> Tensor<f32> {
    Tensor::scalar(0.5).broadcast_to(shape)
}

/// Numbers that differ along the last axis where that is short.
fn striped(shape: &Shape) -> Tensor<f32> {
    match shape.last() {
        Some(&last @ 2..=64) => Tensor::from_fn([last], |i| i[0] as f32 + 0.25).broadcast_to(shape),
        _ => hostile(shape),
    }
}

/// The value of a function, its gradient, and the gradient's own.
fn differentiated(
    x: &Tensor<f32>,
    f: impl for<'t> Fn(Var<'t, f32>) -> Result<Var<'t, f32>>,
) -> Result<()> {
    let tape = Tape::new();
    let x = tape.variable(x);
    let y = f(x)?;
    let value = y.try_value()?;
    assert!(value.to_string().len() < 1 << 16, "printed a tensor of shape {}", value.shape());
    let _ = value == value.clone();
    let total = ops::sum(y)?;
    total.try_value()?.try_contiguous()?;
    if total.requires_grad() {
        let gradients = total.try_backward()?;
        gradients.get(x).map_or(Ok(()), |gradient| gradient.try_contiguous().map(|_| ()))?;
        let one = tape.constant(&Tensor::ones(total.shape()));
        grad(&[total], &[one], &[x], CreateGraph::Yes)?;
    }
    Ok(())
}

macro_rules! named {
    ($($name:ident $(($($arg:expr),*))?),* $(,)?) => {
        vec![$((stringify!($name $(($($arg),*))?), |x| ops::$name(x $(, $($arg),*)?))),*]
    };
}

#[rustfmt::skip]
fn unary() -> Vec<(&'static str, Unary)> {
    let mut all: Vec<(&'static str, Unary)> = named![
        abs, ceil, cos, erf, erfc, exp, exp_m1, floor, log, log_1p, neg, reciprocal, round, rsqrt,
        sign, sin, sqrt, square, tan, trunc, logistic, tanh, relu, relu6, selu, gelu, gelu_tanh,
        silu, mish, softsign, hard_sigmoid, hard_swish, log_sigmoid, tanhshrink, leaky_relu(0.1),
        elu(1.5), celu(1.5), softplus(1.0), softshrink(0.5), hard_tanh(-1.0, 1.0),
        activate(Activation::Tanh), clamp(-1.0, 1.0), add_scalar(1.0), mul_scalar(2.0),
        pow_scalar(3.0), sum, mean, max, min, prod, norm(1.0), norm(2.0), norm(3.0),
        norm(f64::INFINITY), var(0), var(1), std(1), logsumexp, sum_axes(&[0], true),
        mean_axes(&[0], false), max_axes(&[-1], false), min_axes(&[0], true),
        prod_axes(&[-1], true), norm_axes(2.0, &[0], false), var_axes(&[-1], 1, false),
        std_axes(&[0], 0, true), logsumexp_axes(&[0], false), softmax(0), softmax(-1),
        log_softmax(0), cumsum(0), cumsum(-1), cumprod(0), flip(&[0]), roll(&[(0, 3)]),
        reshape([1 << 40]), reshape([K, K]), reshape([1 << 20, 1 << 21]),
        broadcast_to([2, 1 << 40]), flatten(0, -1), unsqueeze(0), squeeze(0), transpose(0, -1),
        move_axis(0, -1), diagonal(0), trace, diag(0), diag_embed(1), tril(0), triu(0),
        slice(0, 0..1), slice(-1, ..), select(0, 0), narrow(0, 0, 1), sum_to([1]),
        repeat(&[1 << 40]), repeat(&[K, K]), repeat(&[usize::MAX, 2, 2, 2]),
        repeat_interleave(1 << 40, 0), repeat_interleave(3, -1),
        pad(&[(0, 1 << 40, 0).into()], PadMode::Constant(0.0)),
        pad(&[(-1, 1, 1).into()], PadMode::Edge), pad(&[(0, 1, 1).into()], PadMode::Reflect),
        pad(&[(0, usize::MAX, 1).into()], PadMode::Constant(0.0)), adaptive_avg_pool1d(2),
        adaptive_avg_pool1d(1 << 40), adaptive_avg_pool2d(2), adaptive_avg_pool2d([K, K]),
        max_pool1d(Pool1d::new(2)), avg_pool1d(Pool1d::new(2)), max_pool2d(Pool2d::new(2)),
        avg_pool2d(Pool2d::new(2)), max_pool1d(Pool1d::new(1 << 40)), gather(0, &Index::from([0])),
        index_select(0, &Index::from([0, 0])), index_select(-1, &Index::from([0])),
        embedding(&Index::from([0, 0]), None), cross_entropy([0, 0]),
        nll_loss(&[0, 0], None, Reduction::Mean),
        cross_entropy_with(&[0, 0], CrossEntropyOptions::new().label_smoothing(0.1)),
        layer_norm(None, None, NormOptions::new()), rms_norm(None, NormOptions::new()),
        group_norm(1, None, None, 1e-5),
    ];
    all.extend(more());
    all
}

/// Functions that are no entries by themselves, under names of their own.
fn more() -> Vec<(&'static str, Unary)> {
    vec![
        ("argmax", |x| ops::argmax(x, 0, false).map(|_| x)),
        ("argmin", |x| ops::argmin(x, -1, true).map(|_| x)),
        ("argsort", |x| ops::argsort(x, 0, false).map(|_| x)),
        ("argsort -1", |x| ops::argsort(x, -1, true).map(|_| x)),
        ("sort", |x| Ok(ops::sort(x, -1, true)?.0)),
        ("topk", |x| Ok(ops::topk(x, 1, 0, true)?.0)),
        ("split", |x| Ok(ops::split(x, &[x.shape().first().copied().unwrap_or(0)], 0)?[0])),
        ("chunk 2", |x| Ok(ops::chunk(x, 2, 0)?[0])),
        ("chunk 2^40", |x| Ok(ops::chunk(x, 1 << 40, 0)?[0])),
        ("chunk 2^40 of the last", |x| Ok(ops::chunk(x, 1 << 40, -1)?[0])),
        ("concat", |x| ops::concat(&[x, x], 0)),
        ("stack", |x| ops::stack(&[x; 3], 0)),
        ("einsum sum", |x| ops::einsum("...->", &[x])),
        ("einsum product", |x| ops::einsum("i...,i...->i", &[x, x])),
        ("einsum outer", |x| ops::einsum("...i,...j->...ij", &[x, x])),
        ("einsum of many", |x| {
            let equation = format!("{}->", vec!["..."; 5000].join(","));
            ops::einsum(&equation, &[x; 5000])
        }),
        ("einsum of hundreds", |x| {
            let equation = format!("{}->", vec!["..."; 300].join(","));
            ops::einsum(&equation, &[x; 300])
        }),
        ("where", |x| ops::where_(&Mask::full(x.shape(), true), x, x)),
        ("masked_fill", |x| ops::masked_fill(x, &Mask::full(x.shape(), true), 1.0)),
        ("masked_fill of a comparison", |x| ops::masked_fill(x, &ops::gt(x, x)?, 1.0)),
        ("any, all, count", |x| {
            let mask = ops::eq(x, x)?;
            assert_eq!(mask.all(), mask.count() == mask.len());
            assert!(mask.any() || mask.is_empty());
            assert!(mask == Mask::full(x.shape(), true));
            let inverse = !&mask;
            assert!(!inverse.any());
            Ok(x)
        }),
        ("bilinear", |x| ops::matmul(x, ops::transpose(x, -1, -2)?)),
        ("gram", |x| ops::matmul(ops::transpose(x, -1, -2)?, x)),
        ("column", |x| {
            let column = x.tape().constant(&Tensor::scalar(2.0).broadcast_to([last(x)?, 1]));
            ops::matmul(x, column)
        }),
        ("linear", |x| {
            let weight = Tensor::scalar(2.0).broadcast_to([3, last(x)?]);
            ops::linear(x, x.tape().constant(&weight), None, Activation::Tanh)
        }),
        ("linear to many", |x| {
            let weight = Tensor::scalar(2.0).try_broadcast_to([1 << 30, last(x)?])?;
            ops::linear(x, x.tape().constant(&weight), None, Activation::Identity)
        }),
        ("attention", |x| ops::scaled_dot_product_attention(x, x, x, &Attention::new().causal())),
        ("conv1d", |x| conv1d(x, Conv1dOptions::new())),
        ("conv1d, padded and strided", |x| {
            conv1d(x, Conv1dOptions::new().padding(1 << 40).stride(1 << 40))
        }),
        ("conv2d", |x| conv2d(x, Conv2dOptions::new())),
        ("conv2d, padded and strided", |x| {
            conv2d(x, Conv2dOptions::new().padding(1 << 28).stride(1 << 28))
        }),
        ("conv2d, dilated", |x| conv2d(x, Conv2dOptions::new().padding(K).dilation(K))),
        ("conv_transpose1d", |x| {
            let channels = x.shape().get(1).copied().unwrap_or(1);
            let weight = x.tape().constant(&Tensor::scalar(1.0).broadcast_to([channels, 1, 2]));
            ops::conv_transpose1d(x, weight, None, Conv1dOptions::new().stride(1 << 40))
        }),
        ("pool, padded", |x| ops::max_pool2d(x, Pool2d::new(1 << 30).padding(1 << 29))),
        ("batch_norm", |x| Ok(ops::batch_norm(x, None, None, 1e-5)?.output)),
        ("dropout", |x| ops::dropout(x, 0.5, &mut rand_pcg::Pcg64::new(1, 2))),
        ("inference", |x| {
            let channels = x.shape().get(1).copied().unwrap_or(1);
            let one = x.tape().constant(&Tensor::scalar(1.0).broadcast_to([channels]));
            ops::batch_norm_inference(x, one, one, None, None, 1e-5)
        }),
    ]
}

fn last(x: Var<'_, f32>) -> Result<usize> {
    x.shape().last().copied().ok_or(Error::NoGradient { reason: "it has no axes" })
}

fn conv1d(x: Var<'_, f32>, options: Conv1dOptions) -> Result<Var<'_, f32>> {
    let channels = x.shape().get(1).copied().unwrap_or(1);
    let weight = x.tape().constant(&Tensor::scalar(1.0).broadcast_to([1, channels, 1]));
    ops::conv1d(x, weight, None, options)
}

fn conv2d(x: Var<'_, f32>, options: Conv2dOptions) -> Result<Var<'_, f32>> {
    let channels = x.shape().get(1).copied().unwrap_or(1);
    let weight = x.tape().constant(&Tensor::scalar(1.0).broadcast_to([1, channels, 1, 2]));
    ops::conv2d(x, weight, None, options)
}

fn binary() -> Vec<(&'static str, Binary)> {
    vec![
        ("add", ops::add),
        ("sub", ops::sub),
        ("mul", ops::mul),
        ("div", ops::div),
        ("pow", ops::pow),
        ("rem", ops::rem),
        ("atan2", ops::atan2),
        ("maximum", ops::maximum),
        ("minimum", ops::minimum),
        ("mul_no_nan", ops::mul_no_nan),
        ("share", ops::share),
        ("mse_loss", ops::mse_loss),
        ("dot", ops::dot),
        ("outer", ops::outer),
        ("matmul", ops::matmul),
        ("l1_loss", |a, b| ops::l1_loss(a, b, Reduction::Mean)),
        ("squared_error", |a, b| ops::squared_error(a, b, Reduction::Sum)),
        ("huber_loss", |a, b| ops::huber_loss(a, b, 1.0, Reduction::BatchMean)),
        ("smooth_l1_loss", |a, b| ops::smooth_l1_loss(a, b, 1.0, Reduction::None)),
        ("kl_div", |a, b| ops::kl_div(a, b, false, Reduction::Mean)),
        ("soft_cross_entropy", |a, b| ops::soft_cross_entropy(a, b, Reduction::Mean)),
        ("binary_cross_entropy", |a, b| {
            ops::binary_cross_entropy_with_logits(a, b, None, Reduction::Mean)
        }),
        ("cosine_similarity", |a, b| ops::cosine_similarity(a, b, 0, 1e-8)),
        ("scatter_add", |a, b| ops::scatter_add(a, 0, &Index::from([0]), b)),
        ("lt", |a, b| ops::lt(a, b).map(|mask| if mask.any() { a } else { b })),
        ("where of less", |a, b| ops::where_(&ops::le(a, b)?, a, b)),
    ]
}

/// Functions that take tensors or make them.
fn others() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |name: String, case: Box<dyn Fn() -> Result<()>>| cases.push((name, case));
    let beyond =
        [Shape::from([1 << 62]), Shape::from([usize::MAX, 2]), Shape::from([usize::MAX, 0])];
    for shape in shapes().into_iter().chain(beyond) {
        macro_rules! case {
            ($name:literal, |$shape:ident| $body:expr) => {{
                let $shape = shape.clone();
                add(format!("{} {shape}", $name), Box::new(move || $body));
            }};
        }
        case!("from_slice", |shape| Tensor::from_slice(&[1.0_f32], &shape).map(|_| ()));
        case!("from_vec", |shape| Tensor::from_vec(vec![1.0_f64], &shape).map(|_| ()));
        case!("try_full", |shape| Tensor::try_full(&shape, 1.0_f32).map(|_| ()));
        case!("try_from_fn", |shape| Tensor::try_from_fn(&shape, |_| 1.0_f32).map(|_| ()));
        case!("Index", |shape| Index::from_slice(&[0], &shape).map(|_| ()));
        case!("Index::from_signed", |shape| Index::from_signed(&[-1], &shape, 3).map(|_| ()));
        case!("Mask", |shape| Mask::from_slice(&[true], &shape).map(|_| ()));
        case!("Mask::try_from_fn", |shape| Mask::try_from_fn(&shape, |_| true).map(|_| ()));
        case!("Mask::try_broadcast_to", |shape| {
            Mask::full(Shape::scalar(), true).try_broadcast_to(&shape)?.try_to_vec().map(|_| ())
        });
        case!("one_hot", |shape| {
            let classes = shape.iter().copied().max().unwrap_or(1);
            Tensor::<f32>::one_hot(&Index::from(vec![0; 4096]), classes).map(|_| ())
        });
        case!("try_broadcast_to", |shape| {
            let x = Tensor::scalar(1.0_f32).try_broadcast_to(&shape)?;
            assert!(x.to_string().len() < 1 << 16 && x == x.clone());
            Ok(())
        });
    }
    for shape in shapes() {
        macro_rules! case {
            ($name:literal, |$x:ident| $body:expr) => {{
                let $x = striped(&shape);
                add(format!("{} {shape}", $name), Box::new(move || $body));
            }};
        }
        case!("try_reshape", |x| x.try_reshape([1 << 40]).map(|_| ()));
        case!("try_reshape in pieces", |x| x.try_reshape([K, x.len() / K]).map(|_| ()));
        case!("try_permute", |x| x.try_permute(&[1, 0]).map(|_| ()));
        case!("try_transpose", |x| x.try_transpose(0, -1)?.try_to_vec().map(|_| ()));
        case!("try_slice", |x| x.try_slice(0, 1..)?.try_contiguous().map(|_| ()));
        case!("try_unsqueeze", |x| x.try_unsqueeze(0).map(|_| ()));
        case!("try_squeeze", |x| x.try_squeeze(0).map(|_| ()));
        case!("try_diagonal", |x| x.try_diagonal(0)?.try_contiguous().map(|_| ()));
        case!("try_cast", |x| x.try_cast::<f64>()?.try_to_vec().map(|_| ()));
        case!("eq", |x| {
            assert!(x.is_empty() || x != x.slice(0, ..).mul_scalar(2.0));
            assert_eq!(x, x.clone());
            Ok(())
        });
        case!("jacobian", |x| jacobian(|x| x * x, &x).map(|_| ()));
        case!("jacobian of a sum", |x| jacobian(|x| x.sum(), &x).map(|_| ()));
        case!("hessian", |x| hessian(|x| (x * x).sum(), &x).map(|_| ()));
        case!("hvp", |x| hvp(|x| (x * x * x).mean(), &x, &x).map(|_| ()));
        case!("hvp of a constant", |x| hvp(|x| x.detach().sum(), &x, &x).map(|_| ()));
        case!("jvp", |x| jvp(|[x]| x.tanh(), [&x], [&x]).map(|_| ()));
        case!("vjp", |x| vjp(|[x]| x.exp(), [&x], &x).map(|_| ()));
        case!("value_and_grad", |x| value_and_grad(|[x]| x.exp().mean(), [&x]).map(|_| ()));
    }
    cases
}

fn cases() -> Vec<Case> {
    let mut cases = others();
    for shape in shapes() {
        for (name, f) in unary() {
            for (kind, x) in [("", hostile(&shape)), (" striped", striped(&shape))] {
                let name = format!("{name} of {shape}{kind}");
                cases.push((name, Box::new(move || differentiated(&x, f))));
            }
        }
        for (name, f) in binary() {
            let (small, large) = (Tensor::scalar(0.25), striped(&shape));
            for (kind, a, b) in [
                ("both", large.clone(), large.clone()),
                ("the first", large.clone(), small.clone()),
                ("the second", small, large),
            ] {
                let by_first = b.clone();
                let case = move || {
                    differentiated(&a, |a| f(a, a.tape().constant(&by_first)))?;
                    differentiated(&by_first, |b| f(b.tape().constant(&a), b))
                };
                cases.push((format!("{name} of {shape}, {kind}"), Box::new(case)));
            }
        }
    }
    cases
}

#[test]
fn every_fallible_entry_refuses_or_fits() {
    cases::run_in_children("every_fallible_entry_refuses_or_fits", cases, 1000);
}
