//! The functions of `reductions.py`.

use wengert_autodiff::Var;

use super::{Functions, function, functions};

pub fn all() -> Functions {
    [over_axes(), along_axis(), order(), composed()].into_iter().flatten().collect()
}

/// A reduction of everything, and that over some axes, which may stay.
type Whole = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
type Some = for<'t> fn(Var<'t, f64>, &[isize], bool) -> Var<'t, f64>;

const REDUCTIONS: [(&str, Whole, Some); 15] = [
    ("sum", |x| x.sum(), |x, axes, keep| x.sum_axes(axes, keep)),
    ("mean", |x| x.mean(), |x, axes, keep| x.mean_axes(axes, keep)),
    ("prod", |x| x.prod(), |x, axes, keep| x.prod_axes(axes, keep)),
    ("max", |x| x.max(), |x, axes, keep| x.max_axes(axes, keep)),
    ("min", |x| x.min(), |x, axes, keep| x.min_axes(axes, keep)),
    ("logsumexp", |x| x.logsumexp(), |x, axes, keep| x.logsumexp_axes(axes, keep)),
    ("var_0", |x| x.var(0), |x, axes, keep| x.var_axes(axes, 0, keep)),
    ("var_1", |x| x.var(1), |x, axes, keep| x.var_axes(axes, 1, keep)),
    ("std_0", |x| x.std(0), |x, axes, keep| x.std_axes(axes, 0, keep)),
    ("std_1", |x| x.std(1), |x, axes, keep| x.std_axes(axes, 1, keep)),
    ("norm_1", |x| x.norm(1.0), |x, axes, keep| x.norm_axes(1.0, axes, keep)),
    ("norm_2", |x| x.norm(2.0), |x, axes, keep| x.norm_axes(2.0, axes, keep)),
    ("norm_3", |x| x.norm(3.0), |x, axes, keep| x.norm_axes(3.0, axes, keep)),
    ("norm_2.5", |x| x.norm(2.5), |x, axes, keep| x.norm_axes(2.5, axes, keep)),
    ("norm_inf", |x| x.norm(f64::INFINITY), |x, axes, keep| x.norm_axes(f64::INFINITY, axes, keep)),
];

fn over_axes() -> Functions {
    let axes: [(&str, &[isize], bool); 4] = [
        ("0", &[0], false),
        ("-1_keep", &[-1], true),
        ("0_2", &[0, 2], false),
        ("1_keep", &[1], true),
    ];
    let mut all = Functions::new();
    for (name, whole, some) in REDUCTIONS {
        all.push(function(&format!("{name}_over_all"), move |x| whole(x[0])));
        all.extend(axes.map(|(over, axes, keep)| {
            function(&format!("{name}_over_{over}"), move |x| some(x[0], axes, keep))
        }));
    }
    all
}

fn along_axis() -> Functions {
    let mut all = functions![
        "softmax_of_squares": |x| (x[0] * x[0]).softmax(0),
        "log_softmax_of_squares": |x| (x[0] * x[0]).log_softmax(0),
        "cumsum_of_squares": |x| (x[0] * x[0]).cumsum(0),
        "cumprod_of_squares": |x| (x[0] * x[0]).cumprod(0),
    ];
    for axis in [0, 1, -1] {
        all.extend([
            function(&format!("softmax_along_{axis}"), move |x| x[0].softmax(axis)),
            function(&format!("log_softmax_along_{axis}"), move |x| x[0].log_softmax(axis)),
            function(&format!("cumsum_along_{axis}"), move |x| x[0].cumsum(axis)),
            function(&format!("cumprod_along_{axis}"), move |x| x[0].cumprod(axis)),
        ]);
    }
    all
}

fn order() -> Functions {
    functions![
        "sort": |x| (x[0] * x[0]).sort(-1, false).0,
        "sort_descending": |x| (x[0] * x[0]).sort(0, true).0,
        "topk": |x| (x[0] * x[0]).topk(2, -1, true).0,
        "topk_smallest": |x| (x[0] * x[0]).topk(3, 0, false).0,
        "argmax_gather": |x| (x[0] * x[0]).gather(1, &x[0].argmax(1, true)),
        "argmin_gather": |x| (x[0] * x[0]).gather(0, &x[0].argmin(0, true)),
        "argsort_gather": |x| (x[0] * x[0]).gather(1, &x[0].argsort(1, false)),
    ]
}

fn composed() -> Functions {
    functions![
        "composed_normalized": |x| {
            (x[0] - x[0].mean_axes(&[1], true)) / x[0].std_axes(&[1], 1, true)
        },
        "composed_unit": |x| x[0] / x[0].norm_axes(2.0, &[1], true),
        "composed_entropy": |x| {
            -(x[0].softmax(1) * x[0].log_softmax(1)).sum_axes(&[1], false)
        },
        "composed_mixture": |x| {
            let square = x[1] * x[1] * (-x[2]).exp();
            (x[0] - square * 0.5 - x[2] * 0.5).logsumexp_axes(&[0], false)
        },
        "composed_products": |x| {
            (x[0] * x[1]).prod_axes(&[1], false) + x[0].cumprod(1).sum_axes(&[1], false)
        },
    ]
}
