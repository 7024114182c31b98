//! The functions of `network.py`.

use wengert_autodiff::ops::{
    Attention, Conv1dOptions, Conv2dOptions, CrossEntropyOptions, NormOptions, Pool1d, Pool2d,
    Reduction,
};
use wengert_autodiff::{Activation, Index, Mask, Tensor, Var};

use super::{Functions, function, numbers};

pub fn all() -> Functions {
    [convolutions(), pools(), norms(), lookups(), losses()].into_iter().flatten().collect()
}

fn convolutions() -> Functions {
    let image = Conv2dOptions::new;
    let mut all = vec![
        function("conv1d", |x| {
            let options = Conv1dOptions::new().stride(2).padding(2).dilation(2).groups(2);
            x[0].conv1d(x[1], Some(x[2]), options)
        }),
        function("conv2d", move |x| {
            let options = image().stride([1, 2]).padding([1, 0]).dilation([2, 1]);
            x[0].conv2d(x[1], Some(x[2]), options)
        }),
        function("conv2d_tanh", move |x| {
            let options = image().padding(1).groups(2).activation(Activation::Tanh);
            x[0].conv2d(x[1], Some(x[2]), options)
        }),
        function("conv2d_silu", move |x| {
            x[0].conv2d(x[1], Some(x[2]), image().activation(Activation::Silu))
        }),
        function("conv_transpose1d", |x| {
            let options = Conv1dOptions::new().stride(3).padding(1).groups(2).output_padding(2);
            x[0].conv_transpose1d(x[1], Some(x[2]), options)
        }),
        function("conv_transpose2d", move |x| {
            let options = image().stride([2, 1]).padding([0, 1]).dilation([1, 2]);
            x[0].conv_transpose2d(x[1], Some(x[2]), options.output_padding([1, 0]))
        }),
        function("conv1d_no_bias", |x| x[0].conv1d(x[1], None, Conv1dOptions::new())),
        function("conv1d_pointwise", |x| x[0].conv1d(x[1], Some(x[2]), Conv1dOptions::new())),
        function("conv2d_depthwise", move |x| x[0].conv2d(x[1], Some(x[2]), image().groups(3))),
        function("conv2d_strided", move |x| {
            x[0].conv2d(x[1], Some(x[2]), image().stride(2).padding(1))
        }),
        function("conv2d_no_batch", move |x| x[0].conv2d(x[1], Some(x[2]), image())),
    ];
    all.extend([Activation::Relu, Activation::Gelu, Activation::Logistic].map(|activation| {
        function(&format!("conv1d_{}", activation.name()), move |x| {
            let options = Conv1dOptions::new().padding(1).activation(activation);
            x[0].conv1d(x[1], Some(x[2]), options)
        })
    }));
    all
}

fn pools() -> Functions {
    vec![
        function("max_pool1d", |x| x[0].max_pool1d(Pool1d::new(3).stride(2).padding(1))),
        function("max_pool2d", |x| {
            x[0].max_pool2d(Pool2d::new([2, 3]).stride([2, 1]).padding(1).ceil_mode(true))
        }),
        function("max_pool1d_ties", |x| x[0].max_pool1d(Pool1d::new(2).stride(1))),
        function("max_pool2d_dilated", |x| (x[0] * x[0]).max_pool2d(Pool2d::new(2).dilation(2))),
        function("avg_pool2d_counted", |x| (x[0] * x[0]).avg_pool2d(Pool2d::new(2).padding(1))),
        function("max_pool2d_ties", |x| x[0].max_pool2d(Pool2d::new(3).stride(1))),
        function("avg_pool1d", |x| x[0].avg_pool1d(Pool1d::new(3).stride(2).padding(1))),
        function("avg_pool2d", |x| {
            let pool = Pool2d::new(3).stride(2).padding(1).ceil_mode(true);
            x[0].avg_pool2d(pool.count_include_pad(false))
        }),
        function("adaptive_avg_pool1d", |x| x[0].adaptive_avg_pool1d(3)),
        function("adaptive_avg_pool2d", |x| x[0].adaptive_avg_pool2d([2, 4])),
    ]
}

fn norms() -> Functions {
    let options = NormOptions::new().eps(1e-3);
    vec![
        function("batch_norm", |x| x[0].batch_norm(Some(x[1]), Some(x[2]), 1e-3).output),
        function("batch_norm_inference", |x| {
            let statistic = |seed| x[0].tape().constant(&numbers(seed, &[2].into()));
            let (mean, variance) = (statistic(50), statistic(51) + 2.0);
            x[0].batch_norm_inference(mean, variance, Some(x[1]), Some(x[2]), 1e-3)
        }),
        function("layer_norm", move |x| x[0].layer_norm(Some(x[1]), Some(x[2]), options.axes(2))),
        function("group_norm", |x| x[0].group_norm(3, Some(x[1]), Some(x[2]), 1e-3)),
        function("layer_norm_plain", move |x| x[0].layer_norm(None, None, options)),
        function("batch_norm_plain", |x| x[0].batch_norm(None, None, 1e-3).output),
        function("group_norm_plain", |x| x[0].group_norm(2, None, None, 1e-3)),
        function("rms_norm_plain", move |x| x[0].rms_norm(None, options)),
        function("rms_norm", move |x| x[0].rms_norm(Some(x[1]), options)),
    ]
}

fn attention<'t>(x: &[Var<'t, f64>], options: &Attention) -> Var<'t, f64> {
    x[0].scaled_dot_product_attention(x[1], x[2], options)
}

fn lookups() -> Functions {
    vec![
        function("attention", |x| attention(x, &Attention::new())),
        function("attention_scale", |x| attention(x, &Attention::new().scale(0.7))),
        function("attention_causal", |x| attention(x, &Attention::new().causal())),
        function("attention_masked_row", |x| {
            let seen = [[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]];
            let mask = Mask::from_fn([3, 4], |i| seen[i[0]][i[1]] == 1);
            attention(x, &Attention::new().mask(&mask))
        }),
        function("embedding", |x| {
            let index = Index::from_slice(&[3, 0, 1, 3], [2, 2]).unwrap();
            x[0].embedding(&index, Some(1)).tanh()
        }),
    ]
}

const LABELS: [usize; 4] = [2, 0, 1, 2];

fn losses() -> Functions {
    let mut all = vec![
        function("binary_cross_entropy_extreme", |x| {
            let targets = Tensor::from_fn([6], |i| [0.0, 1.0, 0.5][i[0] % 3]);
            let targets = x[0].tape().constant(&targets);
            x[0].binary_cross_entropy_with_logits(targets, None, Reduction::None)
        }),
        function("cross_entropy_extreme", |x| x[0].cross_entropy(&[0, 1][..])),
        function("cross_entropy_plain", |x| x[0].cross_entropy(&[3, 0, 1][..])),
        function("mse_loss", |x| x[0].mse_loss(x[1])),
        function("kl_div", |x| x[0].kl_div(x[1].logistic(), false, Reduction::BatchMean)),
        function("kl_div_log_target", |x| x[0].kl_div(x[1], true, Reduction::Mean)),
        function("cosine_similarity", |x| x[0].cosine_similarity(x[1], 1, 1e-4)),
    ];
    let reductions =
        [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)];
    for (name, reduction) in reductions {
        let named = |loss: &str| format!("{loss}_{name}");
        all.extend([
            function(&named("cross_entropy"), move |x| {
                let options = CrossEntropyOptions::new().label_smoothing(0.2).ignore_index(1);
                x[0].cross_entropy_with(LABELS, options.reduction(reduction))
            }),
            function(&named("nll_loss"), move |x| x[0].tanh().nll_loss(LABELS, Some(0), reduction)),
            function(&named("soft_cross_entropy"), move |x| {
                x[0].soft_cross_entropy(x[1], reduction)
            }),
            function(&named("huber_loss"), move |x| x[0].huber_loss(x[1], 0.5, reduction)),
            function(&named("smooth_l1_loss"), move |x| x[0].smooth_l1_loss(x[1], 0.3, reduction)),
            function(&named("l1_loss"), move |x| x[0].tanh().l1_loss(x[1], reduction)),
            function(&named("squared_error"), move |x| x[0].squared_error(x[1], reduction)),
            function(&named("binary_cross_entropy"), move |x| {
                let weight = x[0].tape().constant(&numbers(60, &[4].into())) + 1.5;
                (x[0] * 3.0).binary_cross_entropy_with_logits(x[1], Some(weight), reduction)
            }),
        ]);
    }
    all
}
