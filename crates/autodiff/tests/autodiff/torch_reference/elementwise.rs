//! The functions of `elementwise.py`.

use wengert_autodiff::Mask;

use super::{Functions, function, functions};

pub fn all() -> Functions {
    [unary(), activations(), binary(), choices(), composed()].into_iter().flatten().collect()
}

fn unary() -> Functions {
    functions![
        "neg": |x| -x[0],
        "abs": |x| x[0].abs(),
        "sign": |x| x[0].sign(),
        "square": |x| x[0].square(),
        "sqrt": |x| x[0].sqrt(),
        "rsqrt": |x| x[0].rsqrt(),
        "reciprocal": |x| x[0].reciprocal(),
        "exp": |x| x[0].exp(),
        "exp_m1": |x| x[0].exp_m1(),
        "log": |x| x[0].log(),
        "log_1p": |x| x[0].log_1p(),
        "sin": |x| x[0].sin(),
        "cos": |x| x[0].cos(),
        "tan": |x| x[0].tan(),
        "erf": |x| x[0].erf(),
        "erfc": |x| x[0].erfc(),
        "floor": |x| x[0].floor(),
        "ceil": |x| x[0].ceil(),
        "round": |x| x[0].round(),
        "trunc": |x| x[0].trunc(),
        "add_scalar": |x| x[0] + 1.5,
        "mul_scalar": |x| x[0] * -2.5,
        "pow_scalar_0": |x| x[0].pow_scalar(0.0),
        "pow_scalar_1": |x| x[0].pow_scalar(1.0),
        "pow_scalar_2": |x| x[0].pow_scalar(2.0),
        "pow_scalar_3": |x| x[0].pow_scalar(3.0),
        "pow_scalar_-2": |x| x[0].pow_scalar(-2.0),
        "pow_scalar_2.5": |x| x[0].pow_scalar(2.5),
        "pow_scalar_0.5": |x| x[0].pow_scalar(0.5),
        "clamp": |x| x[0].clamp(-1.0, 0.5),
    ]
}

fn activations() -> Functions {
    functions![
        "logistic": |x| x[0].logistic(),
        "tanh": |x| x[0].tanh(),
        "relu": |x| x[0].relu(),
        "leaky_relu": |x| x[0].leaky_relu(0.1),
        "relu6": |x| x[0].relu6(),
        "elu": |x| x[0].elu(1.5),
        "selu": |x| x[0].selu(),
        "celu": |x| x[0].celu(0.5),
        "gelu": |x| x[0].gelu(),
        "gelu_tanh": |x| x[0].gelu_tanh(),
        "silu": |x| x[0].silu(),
        "mish": |x| x[0].mish(),
        "softplus": |x| x[0].softplus(2.5),
        "softsign": |x| x[0].softsign(),
        "hard_sigmoid": |x| x[0].hard_sigmoid(),
        "hard_swish": |x| x[0].hard_swish(),
        "hard_tanh": |x| x[0].hard_tanh(-1.0, 2.0),
        "log_sigmoid": |x| x[0].log_sigmoid(),
        "softshrink": |x| x[0].softshrink(0.5),
        "tanhshrink": |x| x[0].tanhshrink(),
    ]
}

fn binary() -> Functions {
    functions![
        "add": |x| x[0] + x[1],
        "sub": |x| x[0] - x[1],
        "mul": |x| x[0] * x[1],
        "div": |x| x[0] / x[1],
        "rem": |x| x[0] % x[1],
        "pow": |x| x[0].pow(x[1]),
        "pow_of_square": |x| (x[0].square() + 0.5).pow(x[1]),
        "atan2": |x| x[0].atan2(x[1]),
        "maximum": |x| x[0].maximum(x[1]),
        "minimum": |x| x[0].minimum(x[1]),
    ]
}

fn choices() -> Functions {
    let lower = |rows, columns| Mask::from_fn([rows, columns], |i| i[1] <= i[0]);
    let upper = || Mask::from_fn([2, 3], |i| i[1] >= i[0]);
    functions![
        "lt": |x| (x[0] * x[0]).where_(&x[0].lt(x[1]), x[0] * x[1]),
        "le": |x| (x[0] * x[0]).where_(&x[0].le(x[1]), x[0] * x[1]),
        "gt": |x| (x[0] * x[0]).where_(&x[0].gt(x[1]), x[0] * x[1]),
        "ge": |x| (x[0] * x[0]).where_(&x[0].ge(x[1]), x[0] * x[1]),
        "eq": |x| (x[0] * x[0]).where_(&x[0].eq(x[1]), x[0] * x[1]),
        "ne": |x| (x[0] * x[0]).where_(&x[0].ne(x[1]), x[0] * x[1]),
        "share": |x| x[0] * x[1] * x[0].share(x[1]),
        "mul_no_nan": |x| x[0].mul_no_nan(x[1]),
        "where_unused_nan": |x| (x[0] * x[1]).where_(&x[0].gt_scalar(0.5), x[1] * x[1]),
        "where_safe_log": |x| {
            let positive = x[0].gt_scalar(0.0);
            x[0].masked_fill(&positive.not(), 1.0).log().where_(&positive, x[0] * x[0])
        },
        "where_broadcast": |x| (x[0] * x[0]).where_(&lower(4, 3), x[0] * x[1]),
        "masked_fill": |x| (x[0] * x[0]).masked_fill(&upper(), 7.0),
        "masked_softmax": |x| x[0].masked_fill(&lower(3, 3).not(), f64::NEG_INFINITY).softmax(-1),
    ]
}

fn composed() -> Functions {
    functions![
        "composed_polynomial": |x| x[0] * x[0] * x[0] - 2.0 * x[0] * x[0] + 0.5,
        "composed_wave": |x| (x[0] * x[1]).sin() * (-x[0] * x[0]).exp() + x[1].cos(),
        "composed_quotient": |x| (x[0] + x[1]) / (x[2] * x[2] + 1.0) - x[0] * x[1] * x[2],
        "composed_tower": |x| x[0].sin().exp().sin().exp(),
        "composed_logs": |x| (x[0] * x[0] + x[1] * x[1] + 1.0).log() * x[0].atan2(x[1]),
        "composed_gates": |x| {
            x[0].logistic() * x[1].tanh() + (1.0 - x[0].logistic()) * x[2]
        },
        "composed_shared": |x| {
            let y = x[0].tanh();
            y * y + y / (x[0] + 2.0)
        },
        "composed_root": |x| (x[0] * x[0] + x[1] * x[1] + 1e-3).sqrt(),
        "composed_maximum": |x| (x[0] * x[0]).maximum((x[1] * x[2]).minimum(x[0] - x[2])),
        "composed_power": |x| (x[0] * x[0] + 1.0).pow(x[1] * x[2]),
    ]
}
