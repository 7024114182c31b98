"""Reductions and running ones, over all axes, one, several, and of nothing.

Largest and smallest elements are amax and amin, which share equally among ties as wengert does.
"""
import math

import torch

from make import case, numbers

INF, NAN = math.inf, math.nan
AXES = {"all": (None, False), "0": ([0], False), "-1_keep": ([-1], True), "0_2": ([0, 2], False),
        "1_keep": ([1], True)}


def prod(x, axes, keep):
    axes = range(x.dim()) if axes is None else [axis % x.dim() for axis in axes]
    for axis in axes:
        x = torch.prod(x, axis, keepdim=True)
    return x if keep else x.reshape([size for i, size in enumerate(x.shape) if i not in axes])


def over(f):
    return lambda x, axes, keep: f(x, dim=list(range(x.dim())) if axes is None else axes, keepdim=keep)


def norm(p):
    return lambda x, axes, keep: torch.linalg.vector_norm(x, p, axes, keep)


def product(x, axes, keep):
    # PyTorch's divides by the elements, and infinities and NaN with them.
    columns = x.unbind(-1)
    y = columns[0]
    for column in columns[1:]:
        y = y * column
    return y.unsqueeze(-1)


def running_product(x, axis):
    return torch.cat([product(x[..., :i + 1], [-1], True) for i in range(x.shape[-1])], -1)


# The highest order that is compared where not the second.
ORDERS = {
    # What of the gradient goes to which element where the extreme or the sum is NaN.
    **{f"{name}_over_-1_keep/nan": 0 for name in ["max", "min", "norm_1", "norm_inf"]},
    # The norm has no derivative at 0: 0 here of each order, NaN of the second in PyTorch.
    "norm_2_over_-1_keep/zeros": 1, "norm_2.5_over_-1_keep/zeros": 1,
    # By an element at 0 the second derivative is 0; PyTorch multiplies it by 0^-0.5.
    "norm_2.5_over_-1_keep/some_zeros": 1,
    # The second derivatives multiply infinity by what a running product leaves out, 0: NaN here.
    "prod_over_-1_keep/minus_infinity": 1, "cumprod_along_-1/minus_infinity": 1,
}

REDUCTIONS = {
    "sum": over(torch.sum), "mean": over(torch.mean), "prod": prod,
    "max": over(torch.amax), "min": over(torch.amin), "logsumexp": over(torch.logsumexp),
    "var_0": over(lambda x, **at: torch.var(x, correction=0, **at)),
    "var_1": over(lambda x, **at: torch.var(x, correction=1, **at)),
    "std_0": over(lambda x, **at: torch.std(x, correction=0, **at)),
    "std_1": over(lambda x, **at: torch.std(x, correction=1, **at)),
    "norm_1": norm(1), "norm_2": norm(2), "norm_3": norm(3), "norm_2.5": norm(2.5),
    "norm_inf": norm(INF),
}
POINTS = {
    "zeros": [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    "some_zeros": [[0.0, 2.0, 3.0], [0.0, 0.0, -1.5]],
    "ties": [[2.0, -2.0, 2.0], [1.0, 1.0, 1.0]],
    "huge": [[1e4, 999.0, 1e4], [-1e4, -1e4, -9999.0]],
    "minus_infinity": [[-INF, 1.0, 2.0], [0.5, 0.25, -1.0]],
    "nan": [[NAN, 1.0, 2.0], [0.5, 0.25, -1.0]],
}
for name, f in REDUCTIONS.items():
    for over_name, (axes, keep) in AXES.items():
        case(f"{name}_over_{over_name}", [(2, 3, 2)], lambda x: f(x, axes, keep))
    for point, values in POINTS.items():
        case_name = f"{name}_over_-1_keep/{point}"
        at_point = product if name == "prod" else f
        case(case_name, [], lambda x: at_point(x, [-1], True), ORDERS.get(case_name, 2),
             [torch.tensor(values)])
    if name not in ["max", "min", "norm_inf"]:
        case(f"{name}_over_-1_keep/empty", [(2, 0)], lambda x: f(x, [-1], True))
    case(f"{name}_over_-1_keep/no_rows", [(0, 2)], lambda x: f(x, [-1], True))
    case(f"{name}_over_-1_keep/single", [(2, 1)], lambda x: f(x, [-1], True))
# --- along an axis -------------------------------------------------------------------------------
ALONG = {"softmax": torch.softmax, "log_softmax": torch.log_softmax, "cumsum": torch.cumsum,
         "cumprod": torch.cumprod}
for name, f in ALONG.items():
    for axis in [0, 1, -1]:
        case(f"{name}_along_{axis}", [(2, 3, 2)], lambda x: f(x, axis))
    for point, values in POINTS.items():
        at_point = running_product if name == "cumprod" else f
        case(f"{name}_along_-1/{point}", [], lambda x: at_point(x, -1),
             ORDERS.get(f"{name}_along_-1/{point}", 2), [torch.tensor(values)])
    case(f"{name}_along_-1/empty", [(2, 0)], lambda x: f(x, -1))
    case(f"{name}_of_squares", [(2, 3)], lambda x: f(x * x, 0))
# --- order ---------------------------------------------------------------------------------------
case("sort", [(2, 4)], lambda x: torch.sort(x * x, dim=-1, stable=True)[0])
case("sort_descending", [(4, 2)], lambda x: torch.sort(x * x, dim=0, descending=True, stable=True)[0])
case("sort/ties", [], lambda x: torch.sort(x * x, dim=-1, stable=True)[0],
     inputs=[torch.tensor([1.0, -1.0, 0.0, 1.0])])
case("topk", [(2, 5)], lambda x: torch.topk(x * x, 2, -1)[0])
case("topk_smallest", [(5, 2)], lambda x: torch.topk(x * x, 3, 0, largest=False)[0])
case("argmax_gather", [(2, 4)], lambda x: torch.gather(x * x, 1, torch.argmax(x, 1, keepdim=True)))
case("argmin_gather", [(3, 2)], lambda x: torch.gather(x * x, 0, torch.argmin(x, 0, keepdim=True)))
case("argsort_gather", [(2, 4)], lambda x: torch.gather(x * x, 1, torch.argsort(x, 1)))
# --- functions of several operations -------------------------------------------------------------
case("composed_normalized", [(3, 4)], lambda x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True))
case("composed_unit", [(3, 4)], lambda x: x / torch.linalg.vector_norm(x, 2, 1, True))
case("composed_entropy", [(3, 4)], lambda x: -(torch.softmax(x, 1) * torch.log_softmax(x, 1)).sum(1))
case("composed_mixture", [(3,), (3,), (3,)],
     lambda w, m, s: torch.logsumexp(w - 0.5 * (m * m) * torch.exp(-s) - 0.5 * s, 0))
case("composed_products", [(2, 3), (2, 3)], lambda a, b: (a * b).prod(1) + torch.cumprod(a, 1).sum(1))
