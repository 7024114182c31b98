#!/usr/bin/env python3
"""Writes tests/data/reference.csv: the functions listed in tests/support/reference.rs in high precision.

Needs mpmath. A line is `name,x,hi,lo`: the argument and the value as an unevaluated sum of two
doubles, all as hexadecimal bit patterns. Half of the arguments are values of binary32, for which the
same lines validate the reference that the exhaustive sweeps compare with. Run on demand, never by
the tests.
"""

import math
import os
import random
import struct

from mpmath import (cos, erf, erfc, exp, expm1, findroot, log, log1p, mp, mpf, pi, sin, sqrt, tan,
                    tanh)

mp.dps = 400  # the tails cancel: 1 - tanh(300) needs 260 digits


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def f32(x):
    try:
        return struct.unpack("f", struct.pack("f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def logistic(x):
    return 1 / (1 + exp(-x))


def normal(x):
    return erfc(-x / sqrt(mpf(2))) / 2


def density(x):
    return exp(-x * x / 2) / sqrt(2 * pi)


def gelu_tanh_argument(x):
    c = mpf("0.044715")
    return 2 * sqrt(2 / pi) * (x + c * x**3), 2 * sqrt(2 / pi) * (1 + 3 * c * x * x)


def gelu_tanh_grad(x):
    y, slope = gelu_tanh_argument(x)
    s = logistic(y)
    return s + x * s * (1 - s) * slope


def mish(x):
    w = exp(x)
    return x * w * (w + 2) / (w * (w + 2) + 2)


def mish_grad(x):
    w = exp(x)
    omega = 4 * (x + 1) + w * (4 * x + 6) + 4 * w**2 + w**3
    return w * omega / (w**2 + 2 * w + 2) ** 2


def silu_grad(x):
    s = logistic(x)
    return s * (1 + x * (1 - s))


ALPHA = mpf("1.6732632423543772848170429916717")
SCALE = mpf("1.0507009873554804934193349852946")

FUNCTIONS = {
    # name: (function, largest |x| that matters in f64)
    "exp": (exp, 740),
    "exp_m1": (expm1, 700),
    "log": (lambda x: log(abs(x)), 1e300),
    "log_1p": (lambda x: log1p(abs(x)), 1e300),
    "rsqrt": (lambda x: 1 / sqrt(abs(x)), 1e300),
    "sin": (sin, 1e300),
    "cos": (cos, 1e300),
    "erf": (erf, 7),
    "erfc": (erfc, 26),
    "logistic": (logistic, 740),
    "tanh": (tanh, 20),
    "elu": (lambda x: x if x > 0 else expm1(x), 50),
    "selu": (lambda x: SCALE * x if x > 0 else SCALE * ALPHA * expm1(x), 50),
    "celu": (lambda x: x if x > 0 else 3 * expm1(x / 3), 50),
    "gelu": (lambda x: x * normal(x), 38),
    "gelu_tanh": (lambda x: x * logistic(gelu_tanh_argument(x)[0]), 21),
    "silu": (lambda x: x * logistic(x), 740),
    "mish": (mish, 740),
    "softplus": (lambda x: log1p(exp(x)), 740),
    "softplus_3": (lambda x: log1p(exp(3 * x)) / 3, 240),
    "softsign": (lambda x: x / (1 + abs(x)), 1e30),
    "log_sigmoid": (lambda x: -log1p(exp(-x)), 740),
    "hard_sigmoid": (lambda x: min(max(x + 3, mpf(0)), mpf(6)) / 6, 5),
    "hard_swish": (lambda x: x * min(max(x + 3, mpf(0)), mpf(6)) / 6, 5),
    "tanhshrink": (lambda x: x - tanh(x), 50),
    "logistic_grad": (lambda x: logistic(x) * logistic(-x), 740),
    "tanh_grad": (lambda x: 1 - tanh(x) ** 2, 370),
    "elu_grad": (lambda x: mpf(1) if x > 0 else exp(x), 740),
    "selu_grad": (lambda x: SCALE if x > 0 else SCALE * ALPHA * exp(x), 740),
    "celu_grad": (lambda x: mpf(1) if x > 0 else exp(x / 3), 740),
    "gelu_grad": (lambda x: normal(x) + x * density(x), 38),
    "gelu_tanh_grad": (gelu_tanh_grad, 21),
    "silu_grad": (silu_grad, 740),
    "mish_grad": (mish_grad, 740),
    "softplus_grad": (logistic, 740),
    "softplus_3_grad": (lambda x: logistic(3 * x), 240),
    "softsign_grad": (lambda x: 1 / (1 + abs(x)) ** 2, 1e30),
    "log_sigmoid_grad": (lambda x: logistic(-x), 740),
    "tanhshrink_grad": (lambda x: tanh(x) ** 2, 20),
    "hard_swish_grad": (lambda x: mpf(0) if x <= -3 else mpf(1) if x >= 3 else x / 3 + mpf(1) / 2,
                        5),
    "tan": (tan, 1e300),
}

# Where a function changes sign away from zero; arguments are taken close to it as well.
ROOTS = {
    "silu_grad": findroot(silu_grad, -1.278),
    "gelu_grad": findroot(FUNCTIONS["gelu_grad"][0], -0.7518),
    "gelu_tanh_grad": findroot(gelu_tanh_grad, -0.7525),
    "mish_grad": findroot(mish_grad, -1.1924),
    "hard_swish_grad": mpf(-1.5),
    "log": mpf(1),
    "cos": pi / 2,
    "sin": pi,
    "tan": pi,
}


def arguments(name, limit, rng):
    root = ROOTS.get(name)
    for i in range(90):
        span = math.log10(limit)
        kind = i % 3
        if kind == 0:  # every magnitude
            x = 10 ** rng.uniform(-12, min(span, 8 if i % 2 else span))
        elif kind == 1:  # where the function bends
            x = rng.uniform(0, min(limit, 8))
        else:  # towards the end of the range
            x = rng.uniform(0, min(limit, 1e6))
        x *= rng.choice((-1, 1))
        if root is not None and i % 6 == 5:
            x = float(root) + rng.choice((-1, 1)) * 10 ** rng.uniform(-7, -1)
        yield f32(x) if i % 2 else x
    if root is not None:
        yield float(root)
        yield f32(float(root))


def main():
    rng = random.Random(20240607)
    path = os.path.join(os.path.dirname(__file__), "..", "tests", "data", "reference.csv")
    with open(path, "w") as out:
        for name, (function, limit) in FUNCTIONS.items():
            for x in arguments(name, limit, rng):
                if name in ("log", "log_1p", "rsqrt"):
                    x = abs(x)
                value = function(mpf(x))
                hi = float(value)
                lo = float(value - mpf(hi)) if math.isfinite(hi) else 0.0
                out.write(f"{name},{bits(x):016x},{bits(hi):016x},{bits(lo):016x}\n")
    print("// Roots, and the derivatives of the function there, for src/testing/activation.rs")
    mp.dps = 50
    for name in ("silu_grad", "gelu_grad", "gelu_tanh_grad", "mish_grad"):
        function, root = FUNCTIONS[name][0], ROOTS[name]
        hi = float(root)
        lo = float(root - mpf(hi))
        from mpmath import diff, factorial
        taylor = [float(diff(function, root, k) / factorial(k)) for k in range(1, 6)]
        print(f'    ("{name}", {hi!r}, {lo!r}, {taylor}),')


main()
