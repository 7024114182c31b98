"""Elementwise operations: of one operand at points of several kinds, of two, and choices by masks.

Where PyTorch has several functions that differ at kinks, the one is taken that does as wengert says
it does: hardtanh for clamp (derivative 0 at the bounds), maximum and minimum (halves at ties), a
power of two tensors (that of a number becomes a square root, with other zeros and infinities).
What PyTorch has otherwise is left out, with the reason: see ORDERS.
"""
import math

import torch
import torch.nn.functional as F

from make import case, numbers

INF, NAN = math.inf, math.nan
POINTS = {
    "plain": [*(2 * numbers(0, (6,))).tolist()],
    "wide": [-7.3, -4.1, 2.9, 5.7, 11.3, 19.7],
    "zero": [0.0, -0.0],
    "tiny": [1e-9, -1e-9, 1e-90, -1e-90],
    "huge": [40.0, -40.0, 800.0, -800.0, 1e90, -1e90],
    "infinite": [INF, -INF],
    "nan": [NAN],
}


def power(p):
    return lambda x: torch.pow(x, torch.full_like(x, p))


def angle(y, x):
    # At the origin PyTorch has no second derivative, and at infinity no first; wengert has 0, which
    # at infinity is the limit.
    lost = (y == 0) & (x == 0) | torch.isinf(y) | torch.isinf(x)
    return torch.where(lost, torch.atan2(y, x).detach(),
                       torch.atan2(torch.where(lost, 0.0, y), torch.where(lost, 1.0, x)))


# The highest order that is compared where not the second; None leaves the case out.
ORDERS = {
    # At a NaN every derivative is NaN; PyTorch gives piecewise functions those of one of the pieces.
    **{f"{name}/nan": 0 for name in [
        "abs", "clamp", "celu", "elu", "selu", "hard_sigmoid", "hard_swish", "hard_tanh",
        "leaky_relu", "relu", "relu6", "softshrink", "maximum", "minimum", "pow"]},
    # NaN has no sign; PyTorch's has the sign 0.
    "sign/nan": None,
    # These and their derivatives have limits at infinity; PyTorch multiplies 0 by infinity there.
    **{f"{name}/infinite": None for name in [
        "silu", "gelu", "gelu_tanh", "mish", "softsign", "hard_swish"]},
    # e^800 overflows in PyTorch's second derivative.
    "mish/huge": 1,
    # The second derivative jumps; that of elu and its like is the left one here and the right one in
    # PyTorch, that of softsign the right one here and 0 in PyTorch.
    "elu/zero": 1, "selu/zero": 1, "celu/zero": 1, "softsign/zero": 1,
    # The derivative of a constant; PyTorch multiplies 0 by x^-1.
    "pow_scalar_0/zero": 1, "pow_scalar_0/nan": 1,
    # The pole of a quotient.
    "div/zeros": 1,
    # Squares of 1e-200 underflow in PyTorch's second derivative.
    "atan2/huge": 1,
    # Of 0^2 by the base twice PyTorch has NaN instead of 2; of (-1)^0 by base and exponent wengert
    # has NaN as for all negative bases.
    "pow/ties": 1, "pow/zeros": 1,
    # Remainders that are NaN; and 1e200 % 1e-150 is none to PyTorch (C's fmod has that of wengert).
    "rem/ties": 0, "rem/zeros": 0, "rem/infinite": 0, "rem/huge": None,
}


def listed(name, f, inputs):
    order = ORDERS.get(name, 2)
    if order is not None:
        case(name, [], f, order, [torch.as_tensor(x) for x in inputs])


UNARY = {
    "neg": torch.neg, "abs": torch.abs, "sign": torch.sign, "square": torch.square,
    "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal,
    "exp": torch.exp, "exp_m1": torch.expm1, "log": torch.log, "log_1p": torch.log1p,
    "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "erf": torch.erf, "erfc": torch.erfc,
    "floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "trunc": torch.trunc,
    "add_scalar": lambda x: x + 1.5, "mul_scalar": lambda x: x * -2.5,
    "pow_scalar_0": power(0.0), "pow_scalar_1": power(1.0),
    "pow_scalar_2": power(2.0), "pow_scalar_3": power(3.0),
    "pow_scalar_-2": power(-2.0), "pow_scalar_2.5": power(2.5),
    "pow_scalar_0.5": power(0.5),
    "clamp": lambda x: F.hardtanh(x, -1.0, 0.5),
    "logistic": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1), "relu6": F.relu6,
    "elu": lambda x: F.elu(x, 1.5), "selu": F.selu, "celu": lambda x: F.celu(x, 0.5),
    "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu, "mish": F.mish, "softplus": lambda x: F.softplus(x, 2.5, 60.0),
    "softsign": F.softsign, "hard_sigmoid": lambda x: (F.hardtanh(x, -3.0, 3.0) + 3) / 6, "hard_swish": F.hardswish,
    "hard_tanh": lambda x: F.hardtanh(x, -1.0, 2.0), "log_sigmoid": F.logsigmoid,
    "softshrink": lambda x: F.softshrink(x, 0.5), "tanhshrink": F.tanhshrink,
}
for name, f in UNARY.items():
    for point, values in POINTS.items():
        listed(f"{name}/{point}", f, [values])
    case(f"{name}/empty", [(0, 2)], f)
# --- kinks ---------------------------------------------------------------------------------------
KINKS = {
    "clamp": [-1.0, 0.5], "hard_tanh": [-1.0, 2.0], "relu6": [0.0, 6.0], "softshrink": [-0.5, 0.5],
    "hard_sigmoid": [-3.0, 3.0], "hard_swish": [-3.0, 3.0],
    "floor": [1.0, -2.0], "ceil": [1.0, -2.0], "trunc": [1.0, -2.0],
    "round": [0.5, 1.5, 2.5, -0.5, -1.5],
}
for name, values in KINKS.items():
    case(f"{name}/kinks", [], UNARY[name], inputs=[torch.tensor(values)])
# --- two operands --------------------------------------------------------------------------------
BINARY = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "rem": torch.fmod,
    "pow": torch.pow, "atan2": angle, "maximum": torch.maximum, "minimum": torch.minimum,
}
GRID = {
    "ties": ([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]),
    "zeros": ([0.0, -0.0, 1.0], [0.0, -0.0, 2.0, -2.0]),
    "huge": ([1e200, -1e-200, 3.0], [1e150, -1e-150, 0.5]),
    "infinite": ([INF, -INF, 2.0], [INF, 2.0, 1.0]),
    "nan": ([NAN, 1.0, 0.0], [NAN, 1.0, 2.0]),
}
for name, f in BINARY.items():
    # Positive bases have powers of any exponent.
    base = (lambda a, b, f=f: f(a.square() + 0.5, b)) if name == "pow" else f
    operation = name if name != "pow" else "pow_of_square"
    case(f"{operation}/plain", [(2, 3), (2, 3)], base)
    case(f"{operation}/row", [(2, 3), (3,)], base)
    case(f"{operation}/both", [(2, 1, 3), (4, 1)], base)
    case(f"{operation}/scalar", [(), (2, 2)], base)
    case(f"{operation}/empty", [(2, 0), (1, 1)], base)
    for point, (a, b) in GRID.items():
        a, b = torch.meshgrid(torch.tensor(a), torch.tensor(b), indexing="ij")
        listed(f"{name}/{point}", f, [a, b])
# --- comparisons and choices ---------------------------------------------------------------------
COMPARED = [torch.tensor([1.0, 2.0, 2.0, -0.0, NAN, 1.0, INF]),
            torch.tensor([2.0, 1.0, 2.0, 0.0, 1.0, NAN, INF])]
for name in ["lt", "le", "gt", "ge", "eq", "ne"]:
    compare = getattr(torch, name)
    case(f"{name}", [], lambda a, b: torch.where(compare(a, b), a * a, a * b), inputs=COMPARED)
case("share", [], lambda a, b: a * b * ((a > b) * 1.0 + (a == b) * 0.5),
     inputs=[torch.tensor([1.0, 2.0, 3.0, -0.0]), torch.tensor([1.0, 3.0, 2.0, 0.0])])
case("mul_no_nan", [(2, 3), (3,)], lambda a, b: torch.where(b == 0, 0.0, a * b))
case("mul_no_nan/unused", [], lambda a, b: torch.where(b == 0, 0.0, a * b), order=0,
     inputs=[torch.tensor([INF, NAN, 2.0]), torch.tensor([0.0, -0.0, 3.0])])
case("where_unused_nan", [], lambda a, b: torch.where(a > 0.5, a * b, b * b),
     inputs=[torch.tensor([1.0, -1.0, 0.5]), torch.tensor([2.0, 3.0, INF])])
case("where_safe_log", [(6,)],
     lambda x: torch.where(x > 0, torch.log(torch.where(x > 0, x, 1.0)), x * x))
case("where_broadcast", [(2, 1, 3), (4, 1)],
     lambda a, b: torch.where(torch.ones(4, 3).tril().bool(), a * a, a * b))
case("masked_fill", [(2, 3)], lambda x: (x * x).masked_fill(torch.ones(2, 3).triu().bool(), 7.0))
case("masked_fill/infinite", [], lambda x: (x * x).masked_fill(torch.ones(2, 3).triu().bool(), 7.0),
     inputs=[torch.tensor([[INF, NAN, 1.0], [2.0, -INF, NAN]])])
case("masked_softmax", [(3, 3)],
     lambda x: torch.softmax(x.masked_fill(~torch.ones(3, 3).tril().bool(), -INF), -1))
# --- functions of several operations -------------------------------------------------------------
case("composed_polynomial", [(5,)], lambda x: x * x * x - 2 * x * x + 0.5)
case("composed_wave", [(4,), (4,)], lambda a, b: torch.sin(a * b) * torch.exp(-a * a) + torch.cos(b))
case("composed_quotient", [(4,), (4,), (4,)], lambda a, b, c: (a + b) / (1 + c * c) - a * b * c)
case("composed_tower", [(4,)], lambda x: torch.exp(torch.sin(torch.exp(torch.sin(x)))))
case("composed_logs", [(3,), (3, 1)], lambda a, b: torch.log(1 + a * a + b * b) * torch.atan2(a, b))
case("composed_gates", [(4,), (4,), (4,)],
     lambda a, b, c: torch.sigmoid(a) * torch.tanh(b) + (1 - torch.sigmoid(a)) * c)
case("composed_shared", [(4,)], lambda x: torch.tanh(x) * torch.tanh(x) + torch.tanh(x) / (2 + x))
case("composed_root", [(4,), (4,)], lambda a, b: torch.sqrt(a * a + b * b + 1e-3))
case("composed_maximum", [(4,), (4,), (4,)],
     lambda a, b, c: torch.maximum(a * a, torch.minimum(b * c, a - c)))
case("composed_power", [(4,), (4,), (4,)], lambda a, b, c: (1 + a * a) ** (b * c))
