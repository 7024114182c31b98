//! Network operations, their gradients and the gradients of those against PyTorch in f64: see
//! `torch_reference/make.py`.

use std::collections::BTreeMap;

use wengert_autodiff::ops::{
    Attention, Conv1dOptions, Conv2dOptions, CrossEntropyOptions, NormOptions, Pool1d, Pool2d,
    Reduction,
};
use wengert_autodiff::{Activation, CreateGraph, Index, Mask, Shape, Tape, Tensor, Var, grad};

const VALUES: &str = include_str!("torch_reference/values.csv");

/// The numbers of the script, by a formula that is exact in both languages.
fn numbers(seed: usize, shape: &Shape) -> Tensor<f64> {
    let mut k = 0;
    Tensor::from_fn(shape.clone(), |_| {
        let value = ((k * 7919 + seed * 104_729 + k * k * 31) % 2003) as f64 / 1001.0 - 1.0;
        k += 1;
        value
    })
}

type Function = Box<dyn for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>>;

struct Case {
    name: String,
    inputs: Vec<Tensor<f64>>,
    f: Function,
}

fn case(
    name: &str,
    shapes: &[&[usize]],
    f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64> + 'static,
) -> Case {
    let shapes = shapes.iter().map(|&shape| Shape::from(shape));
    let inputs = shapes.enumerate().map(|(seed, shape)| numbers(seed, &shape)).collect();
    Case { name: name.to_owned(), inputs, f: Box::new(f) }
}

fn given(
    name: &str,
    input: Tensor<f64>,
    f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64> + 'static,
) -> Case {
    Case { name: name.to_owned(), inputs: vec![input], f: Box::new(f) }
}

fn convolutions() -> Vec<Case> {
    let image = Conv2dOptions::new;
    vec![
        case("conv1d", &[&[2, 4, 7], &[6, 2, 3], &[6]], |x| {
            let options = Conv1dOptions::new().stride(2).padding(2).dilation(2).groups(2);
            x[0].conv1d(x[1], Some(x[2]), options)
        }),
        case("conv2d", &[&[2, 2, 5, 6], &[3, 2, 2, 3], &[3]], move |x| {
            let options = image().stride([1, 2]).padding([1, 0]).dilation([2, 1]);
            x[0].conv2d(x[1], Some(x[2]), options)
        }),
        case("conv2d_tanh", &[&[1, 2, 4, 4], &[4, 1, 3, 3], &[4]], move |x| {
            let options = image().padding(1).groups(2).activation(Activation::Tanh);
            x[0].conv2d(x[1], Some(x[2]), options)
        }),
        case("conv2d_silu", &[&[1, 1, 4, 4], &[2, 1, 3, 3], &[2]], move |x| {
            x[0].conv2d(x[1], Some(x[2]), image().activation(Activation::Silu))
        }),
        case("conv_transpose1d", &[&[2, 4, 3], &[4, 3, 3], &[6]], |x| {
            let options = Conv1dOptions::new().stride(3).padding(1).groups(2).output_padding(2);
            x[0].conv_transpose1d(x[1], Some(x[2]), options)
        }),
        case("conv_transpose2d", &[&[1, 2, 3, 2], &[2, 3, 2, 3], &[3]], move |x| {
            let options = image().stride([2, 1]).padding([0, 1]).dilation([1, 2]);
            x[0].conv_transpose2d(x[1], Some(x[2]), options.output_padding([1, 0]))
        }),
    ]
}

fn pools() -> Vec<Case> {
    vec![
        case("max_pool1d", &[&[2, 3, 7]], |x| x[0].max_pool1d(Pool1d::new(3).stride(2).padding(1))),
        case("max_pool2d", &[&[1, 2, 5, 6]], |x| {
            x[0].max_pool2d(Pool2d::new([2, 3]).stride([2, 1]).padding(1).ceil_mode(true))
        }),
        given("max_pool2d_ties", Tensor::ones([1, 1, 4, 4]), |x| {
            x[0].max_pool2d(Pool2d::new(3).stride(1))
        }),
        case("avg_pool1d", &[&[2, 3, 7]], |x| x[0].avg_pool1d(Pool1d::new(3).stride(2).padding(1))),
        case("avg_pool2d", &[&[1, 2, 5, 6]], |x| {
            let pool = Pool2d::new(3).stride(2).padding(1).ceil_mode(true);
            x[0].avg_pool2d(pool.count_include_pad(false))
        }),
        case("adaptive_avg_pool1d", &[&[2, 7]], |x| x[0].adaptive_avg_pool1d(3)),
        case("adaptive_avg_pool2d", &[&[1, 2, 5, 3]], |x| x[0].adaptive_avg_pool2d([2, 4])),
    ]
}

fn norms() -> Vec<Case> {
    let options = NormOptions::new().eps(1e-3);
    vec![
        case("batch_norm", &[&[3, 2, 4], &[2], &[2]], |x| {
            x[0].batch_norm(Some(x[1]), Some(x[2]), 1e-3).output
        }),
        case("batch_norm_inference", &[&[3, 2, 2, 2], &[2], &[2]], |x| {
            let statistic = |seed| x[0].tape().constant(&numbers(seed, &[2].into()));
            let (mean, variance) = (statistic(50), statistic(51) + 2.0);
            x[0].batch_norm_inference(mean, variance, Some(x[1]), Some(x[2]), 1e-3)
        }),
        case("layer_norm", &[&[3, 2, 4], &[2, 4], &[2, 4]], move |x| {
            x[0].layer_norm(Some(x[1]), Some(x[2]), options.axes(2))
        }),
        case("group_norm", &[&[2, 6, 3], &[6], &[6]], |x| {
            x[0].group_norm(3, Some(x[1]), Some(x[2]), 1e-3)
        }),
        case("rms_norm", &[&[3, 5], &[5]], move |x| x[0].rms_norm(Some(x[1]), options)),
    ]
}

fn attention<'t>(x: &[Var<'t, f64>], options: &Attention) -> Var<'t, f64> {
    x[0].scaled_dot_product_attention(x[1], x[2], options)
}

fn lookups() -> Vec<Case> {
    vec![
        case("attention", &[&[2, 3, 4], &[2, 5, 4], &[2, 5, 3]], |x| {
            attention(x, &Attention::new())
        }),
        case("attention_scale", &[&[2, 3, 4], &[5, 4], &[5, 3]], |x| {
            attention(x, &Attention::new().scale(0.7))
        }),
        case("attention_causal", &[&[2, 2, 4, 3], &[2, 2, 4, 3], &[2, 2, 4, 2]], |x| {
            attention(x, &Attention::new().causal())
        }),
        case("attention_masked_row", &[&[2, 3, 3], &[2, 4, 3], &[2, 4, 2]], |x| {
            let seen = [[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]];
            let mask = Mask::from_fn([3, 4], |i| seen[i[0]][i[1]] == 1);
            attention(x, &Attention::new().mask(&mask))
        }),
        case("embedding", &[&[5, 3]], |x| {
            let index = Index::from_slice(&[3, 0, 1, 3], [2, 2]).unwrap();
            x[0].embedding(&index, Some(1)).tanh()
        }),
    ]
}

const LABELS: [usize; 4] = [2, 0, 1, 2];

fn losses() -> Vec<Case> {
    let mut all = vec![
        case("soft_cross_entropy", &[&[4, 3], &[4, 3]], |x| {
            x[0].soft_cross_entropy(x[1], Reduction::Mean)
        }),
        given(
            "binary_cross_entropy_extreme",
            Tensor::from_fn([6], |i| if i[0] < 3 { 1e4 } else { -1e4 }),
            |x| {
                let targets = Tensor::from_fn([6], |i| [0.0, 1.0, 0.5][i[0] % 3]);
                let targets = x[0].tape().constant(&targets);
                x[0].binary_cross_entropy_with_logits(targets, None, Reduction::None)
            },
        ),
        given(
            "cross_entropy_extreme",
            Tensor::from_slice(&[1e4, -1e4, 0.0, 1e4, -1e4, 3.0], [2, 3]).unwrap(),
            |x| x[0].cross_entropy(&[0, 1][..]),
        ),
        case("kl_div", &[&[3, 4], &[3, 4]], |x| {
            x[0].kl_div(x[1].logistic(), false, Reduction::BatchMean)
        }),
        case("kl_div_log_target", &[&[3, 4], &[3, 4]], |x| {
            x[0].kl_div(x[1], true, Reduction::Mean)
        }),
        case("cosine_similarity", &[&[3, 4, 2], &[4, 2]], |x| {
            x[0].cosine_similarity(x[1], 1, 1e-4)
        }),
    ];
    let reductions =
        [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)];
    for (name, reduction) in reductions {
        let named = |loss: &str| format!("{loss}_{name}");
        let pair: &[&[usize]] = &[&[3, 4], &[3, 4]];
        all.extend([
            case(&named("cross_entropy"), &[&[4, 3]], move |x| {
                let options = CrossEntropyOptions::new().label_smoothing(0.2).ignore_index(1);
                x[0].cross_entropy_with(&LABELS, options.reduction(reduction))
            }),
            case(&named("nll_loss"), &[&[4, 3]], move |x| {
                x[0].tanh().nll_loss(&LABELS, Some(0), reduction)
            }),
            case(&named("huber_loss"), pair, move |x| x[0].huber_loss(x[1], 0.5, reduction)),
            case(&named("smooth_l1_loss"), pair, move |x| {
                x[0].smooth_l1_loss(x[1], 0.3, reduction)
            }),
            case(&named("l1_loss"), pair, move |x| x[0].tanh().l1_loss(x[1], reduction)),
            case(&named("squared_error"), pair, move |x| x[0].squared_error(x[1], reduction)),
            case(&named("binary_cross_entropy"), pair, move |x| {
                let weight = x[0].tape().constant(&numbers(60, &[4].into())) + 1.5;
                (x[0] * 3.0).binary_cross_entropy_with_logits(x[1], Some(weight), reduction)
            }),
        ]);
    }
    all
}

/// The results of a case, under the names they have in the table.
fn results(case: &Case) -> BTreeMap<String, Tensor<f64>> {
    let tape = Tape::new();
    let x: Vec<_> = case.inputs.iter().map(|x| tape.variable(x)).collect();
    let y = (case.f)(&x);
    let loss = (y * tape.constant(&numbers(90, &y.shape()))).sum();
    let mut all = BTreeMap::from([("y".to_owned(), y.value())]);
    // Without a graph the rules may take another way.
    let plain = loss.backward();
    let one = tape.constant(&Tensor::scalar(1.0));
    let g = grad(&[loss], &[one], &x, CreateGraph::Yes).unwrap();
    let mut total = tape.constant(&Tensor::scalar(0.0));
    for (i, (g, x)) in g.iter().zip(&x).enumerate() {
        let zeros = Tensor::zeros(x.shape());
        let graph = g.map_or(zeros.clone(), Var::value);
        let kernel = plain.get(*x).cloned().unwrap_or(zeros);
        near(&case.name, &format!("g{i} with a graph"), &graph, &kernel.to_vec());
        all.insert(format!("g{i}"), kernel);
        if let Some(g) = g {
            total = total + (*g * tape.constant(&numbers(91 + i, &g.shape()))).sum();
        }
    }
    let h = grad(&[total], &[one], &x, CreateGraph::No);
    for (i, x) in x.iter().enumerate() {
        let value = h.as_ref().ok().and_then(|h| h[i]).map(Var::value);
        all.insert(format!("h{i}"), value.unwrap_or_else(|| Tensor::zeros(x.shape())));
    }
    all
}

fn near(name: &str, result: &str, got: &Tensor<f64>, expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{name}, {result}");
    for (i, (got, want)) in got.to_vec().into_iter().zip(expected).enumerate() {
        let near = (got - want).abs() <= 1e-11 * (1.0 + want.abs());
        assert!(near, "{name}, {result}, element {i}: {got:e}, PyTorch has {want:e}");
    }
}

#[test]
fn values_and_derivatives_are_those_of_pytorch() {
    let mut table: BTreeMap<&str, Vec<(&str, Vec<f64>)>> = BTreeMap::new();
    for line in VALUES.lines() {
        let mut fields = line.split(',');
        let (name, result) = (fields.next().unwrap(), fields.next().unwrap());
        let numbers = fields.map(|number| number.parse().unwrap()).collect();
        table.entry(name).or_default().push((result, numbers));
    }
    let cases: Vec<Case> =
        [convolutions(), pools(), norms(), lookups(), losses()].into_iter().flatten().collect();
    assert_eq!(table.len(), cases.len(), "every case of the table is checked");
    for case in &cases {
        let expected = table.get(case.name.as_str()).expect("the case is in the table");
        let got = results(case);
        for (result, expected) in expected {
            near(&case.name, result, &got[*result], expected);
        }
    }
}
