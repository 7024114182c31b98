#!/usr/bin/env python3
"""Writes tests/data/reference.csv: the functions of tests/support/reference.rs in high precision.

    cargo run -p wengert-kernels --example ulp -- --formulas | python3 tools/reference.py

Needs mpmath. Reads a JSON object for each function, one a line: its name, its formula in terms of `x`
and of its numbers, whether the derivative of the formula is meant, and the arguments that matter. A line
of the table is `name,x,hi,lo`: the argument and the value as an unevaluated sum of two doubles, all as
hexadecimal bit patterns. Half of the arguments are values of binary32, for which the same lines validate
the reference that the exhaustive sweeps compare with. The arguments of a function depend on its name
and its domain alone, so that a new function adds lines and changes none. Run on demand, never by the
tests.
"""

import json
import math
import os
import random
import struct
import sys

import mpmath
from mpmath import diff, factorial, findroot, mp, mpf

mp.dps = 400  # the tails cancel: 1 - tanh(300) needs 260 digits

NAMES = {name: getattr(mpmath, name) for name in dir(mpmath) if not name.startswith("_")}
NAMES.update(min=min, max=max, abs=abs)


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def f32(x):
    try:
        return struct.unpack("f", struct.pack("f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def function_of(row):
    """The function, or by `mpmath.diff` its derivative, with an error far below 400 digits."""
    numbers = {name: mpf(number) for name, number in row["numbers"].items()}
    code = compile(row["formula"], row["name"], "eval")

    def value(x):
        return mpf(eval(code, NAMES | numbers | {"x": x}))

    return (lambda x: diff(value, x)) if row["derivative"] else value


def root_of(function, domain):
    """The simple zero nearest to the origin but not at it, if there is one within 4."""
    low, high = max(domain[0], -4), min(domain[1], 4)
    steps = [mpf(i) / 16 + mpf(1) / 37 for i in range(64)]
    with mp.workdps(30):
        for left, right in zip(steps, steps[1:]):
            for sign in (1, -1):
                a, b = sign * left, sign * right
                if not (low <= min(a, b) and max(a, b) <= high and function(a) * function(b) < 0):
                    continue
                near = findroot(function, (a, b), solver="anderson", verify=False)
                if abs(function(near)) < mpf(10) ** -20:  # not a pole
                    with mp.workdps(400):
                        return findroot(function, near)
    return None


def arguments(name, domain, root):
    rng = random.Random(name)
    limit = domain[1]
    span = math.log10(limit)
    for i in range(90):
        kind = i % 3
        if kind == 0:  # every magnitude
            x = 10 ** rng.uniform(-12, min(span, 8 if i % 2 else span))
        elif kind == 1:  # where the function bends
            x = rng.uniform(0, min(limit, 8))
        else:  # towards the end of the range
            x = rng.uniform(0, min(limit, 1e6))
        x *= rng.choice((-1, 1)) if domain[0] < 0 else 1
        if root is not None and i % 6 == 5:
            x = float(root) + rng.choice((-1, 1)) * 10 ** rng.uniform(-7, -1)
        yield f32(x) if i % 2 else x
    if root is not None:
        yield float(root)
        yield f32(float(root))


def print_taylor(name, function, root):
    """The zero and the Taylor coefficients there, for `Root` in src/activation/reference.rs."""
    with mp.workdps(50):
        hi = float(root)
        taylor = [float(diff(function, root, k) / factorial(k)) for k in range(1, 6)]
        print(f"{name}: {hi!r}, {float(root - mpf(hi))!r}, {taylor}", file=sys.stderr)


def main():
    rows = [json.loads(line) for line in sys.stdin]
    path = os.path.join(os.path.dirname(__file__), "..", "tests", "data", "reference.csv")
    with open(path, "w") as out:
        for row in rows:
            name, domain, function = row["name"], row["domain"], function_of(row)
            root = root_of(function, domain)
            for x in arguments(name, domain, root):
                value = function(mpf(x))
                hi = float(value)
                lo = float(value - mpf(hi)) if math.isfinite(hi) else 0.0
                out.write(f"{name},{bits(x):016x},{bits(hi):016x},{bits(lo):016x}\n")
            if root is not None and row["derivative"]:
                print_taylor(name, function, root)


main()
