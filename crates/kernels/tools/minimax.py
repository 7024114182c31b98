#!/usr/bin/env python3
"""Prints the polynomials and split constants of src/math/constants.rs and src/math/double/constants.rs.

Needs mpmath (pip install mpmath). Polynomials are Chebyshev interpolants in 60-digit arithmetic,
which lie within a small factor of the minimax fit; the error printed is that of the fit, relative to
the smallest magnitude the fitted function takes. Coefficients run from the lowest power up.
"""

import struct

from mpmath import (atan, atanh, chebyfit, cos, e, erf, erfc, exp, expm1, findroot, log, mp, mpf, pi, sin,
                    sqrt, tanh)

mp.dps = 60


def f32(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def f64(x):
    return float(x)


ROUND = {"f32": f32, "f64": f64}



def short(kind, x):
    """The shortest decimal that reads back as the same number."""
    x = ROUND[kind](x)
    if kind == "f64":
        return repr(x)
    for digits in range(6, 12):
        s = f"{x:.{digits}g}"
        if f32(float(s)) == x:
            return s if any(c in s for c in ".en") else s + ".0"
    return repr(x)


def polynomial(name, kind, f, interval, terms, lows=False, start="    const"):
    a, b = (mpf(v) for v in interval)
    coefficients, error = chebyfit(f, [a, b], terms, error=True)
    smallest = min(abs(f(a + (b - a) * k / 64)) for k in range(65))
    print(f"    // error 2^{float(log(error / smallest, 2)):.1f}")
    values = ", ".join(short(kind, c) for c in reversed(coefficients))
    lifetime = "'static " if start == "    const" else ""
    print(f"{start} {name}: &{lifetime}[{kind}] = &[{values}];")
    if lows:
        parts = [c - mpf(ROUND[kind](c)) for c in list(reversed(coefficients))[:2]]
        print(f"{start} {name}_LOW: [{kind}; 2] = [{', '.join(short(kind, p) for p in parts)}];")


def pair(name, kind, x, start="    const"):
    hi = ROUND[kind](x)
    lo = ROUND[kind](x - mpf(hi))
    print(f"{start} {name}: [{kind}; 2] = [{short(kind, hi)}, {short(kind, lo)}];")


def triple(name, kind, x, bits=None):
    parts = []
    for _ in range(3):
        hi = ROUND[kind](x)
        parts.append(hi)
        x -= mpf(hi)
    print(f"    const {name}: [{kind}; 3] = [{', '.join(short(kind, p) for p in parts)}];")


def near_zero(f, series):
    """`f` away from zero, its limit there."""
    return lambda w: series if w == 0 else f(w)


def log_tail(w):
    q = sqrt(w)
    return (2 * atanh(q / 2) - q) / (w * q)


def sin_tail(w):
    r = sqrt(w)
    return (sin(r) - r) / (w * r)


def cos_tail(w):
    return (cos(sqrt(w)) - 1 + w / 2) / (w * w)


def erf_tail(w):
    x = sqrt(w)
    return erf(x) / x - 1


def shrink_tail(w):
    x = sqrt(w)
    return (x - tanh(x)) / (w * x)


def atan_tail(w):
    t = sqrt(w)
    return (atan(t) - t) / (w * t)


def mills(z):
    """e^(z^2/2) Phi(-z)"""
    return erfc(z / sqrt(2)) * exp(z * z / 2) / 2


CENTER_NORMAL = mpf("0.5625")
CENTER_ERFC = mpf("0.4375")
SCALE_NORMAL = mpf("0.25")
SCALE_ERFC = mpf("0.375")


def in_v(f, scale, center):
    """`f(z)` as a function of v = 1 / (1 + scale z) - center."""
    return lambda v: f((1 / (v + center) - 1) / scale)


gelu_root = findroot(lambda z: mills(z) - z / sqrt(2 * pi), 0.75)
silu_root = findroot(lambda z: 1 + exp(-z) - z, 1.278)
slope = 2 * sqrt(2 / pi)
cubic = slope * mpf("0.044715")
gelu_tanh_root = findroot(
    lambda z: 1 + exp(-z * (slope + cubic * z * z)) - z * (slope + 3 * cubic * z * z), 0.7525)
mish_root = findroot(
    lambda x: 4 * (x + 1) + exp(x) * (4 * x + 6) + 4 * exp(2 * x) + exp(3 * x), -1.1924)

def gelu_slope(z):
    if abs(z - gelu_root) < mpf(10) ** -20:
        z = gelu_root + mpf(10) ** -20
    return (mills(z) - z / sqrt(2 * pi)) / (gelu_root - z)


def expm1_ratio(r):
    return expm1(r) / r if abs(r) > TINY else 1 + r / 2


def log_1p_ratio(w):
    return 2 * atanh(sqrt(w)) / sqrt(w)


def erf_ratio(w):
    return erf(sqrt(w)) / sqrt(w)


def of_mapped(f, scale, end):
    """`f(z) (1 + scale z)` up to `end` as a function of u = 1 / (1 + scale z), and where u lies."""
    return lambda u: f((1 / u - 1) / scale), (1 / (1 + scale * end), 1)


TINY = mpf(10) ** -25

DETAILS = {
    #        exp log sin cos shrink
    "f32": (6, 6, 4, 4, 7),
    "f64": (10, 13, 8, 8, 15),
}

for kind, (n_exp, n_log, n_sin, n_cos, n_shrink) in DETAILS.items():
    print(f"impl Constants for {kind}")
    r = log(2) / 2 * mpf("1.0001")
    polynomial("EXP", kind, near_zero(lambda r: (expm1(r) - r) / (r * r) if abs(r) > TINY
                                      else mpf(1) / 2 + r / 6, mpf(1) / 2), (-r, r), n_exp)
    polynomial("LOG", kind, near_zero(log_tail, mpf(1) / 12), (TINY, mpf(4) / 9 * mpf("1.0001")),
               n_log)
    w = (pi / 4) ** 2 * mpf("1.001")
    polynomial("SIN", kind, sin_tail, (TINY, w), n_sin)
    polynomial("COS", kind, cos_tail, (TINY, w), n_cos)
    polynomial("TANHSHRINK", kind, shrink_tail, (TINY, mpf("0.49")), n_shrink, lows=True)
    alpha = mpf("1.6732632423543772848170429916717")
    scale = mpf("1.0507009873554804934193349852946")
    pair("SELU_SCALE", kind, scale)
    pair("SELU_SCALE_ALPHA", kind, scale * alpha)
    triple("HALF_PI", kind, pi / 2)
    pair("SIXTH", kind, mpf(1) / 6)
    print()

print("pub(crate) mod short")
open_line = "    pub(crate) const"
r = log(2) / 2 * mpf("1.0001")
polynomial("EXP_M1", "f64", expm1_ratio, (-r, r), 6, start=open_line)
polynomial("LOG_1P", "f64", log_1p_ratio, (TINY, mpf(1) / 9), 5, start=open_line)
polynomial("ERF", "f64", erf_ratio, (TINY, mpf(1)), 7, start=open_line)
f, interval = of_mapped(lambda z: mills(z) * (1 + mpf("0.3") * z), mpf("0.3"), mpf(15))
polynomial("NORMAL_TAIL", "f64", f, interval, 10, start=open_line)
f, interval = of_mapped(gelu_slope, mpf("0.25"), mpf(20))
polynomial("GELU_SLOPE", "f64", f, interval, 10, start=open_line)
f, interval = of_mapped(lambda x: erfc(x) * exp(x * x) * (1 + mpf("0.3") * x), mpf("0.3"),
                        mpf("10.5"))
polynomial("ERFC", "f64", f, interval, 11, start=open_line)
print()

print("pub(crate) mod long")
polynomial("ERF", "f64", erf_tail, (TINY, mpf(1)), 14, start=open_line)
polynomial("ATAN", "f64", atan_tail, (TINY, (sqrt(2) - 1) ** 2 * mpf("1.001")), 13,
           start=open_line)
low = 1 / (1 + SCALE_NORMAL * mpf(39)) - CENTER_NORMAL
low_erfc = 1 / (1 + SCALE_ERFC * mpf("27.4")) - CENTER_ERFC
high, high_erfc = 1 - CENTER_NORMAL, 1 - CENTER_ERFC
polynomial("NORMAL_TAIL", "f64",
           in_v(lambda z: mills(z) * (1 + SCALE_NORMAL * z), SCALE_NORMAL, CENTER_NORMAL),
           (low, high), 26, lows=True, start=open_line)
polynomial("ERFC", "f64",
           in_v(lambda x: erfc(x) * exp(x * x) * (1 + SCALE_ERFC * x), SCALE_ERFC, CENTER_ERFC),
           (low_erfc, high_erfc), 26, lows=True, start=open_line)
polynomial("GELU_SLOPE", "f64", in_v(gelu_slope, SCALE_NORMAL, CENTER_NORMAL), (low, high), 26,
           lows=True, start=open_line)
print()

print("both")
open_line = "pub(crate) const"
pair("GELU_ROOT", "f64", gelu_root, start=open_line)
pair("SILU_ROOT", "f64", silu_root, start=open_line)
pair("SILU_ROOT_EXP", "f64", exp(-silu_root), start=open_line)
z = gelu_tanh_root
pair("GELU_TANH_ROOT", "f64", z, start=open_line)
pair("GELU_TANH_ROOT_EXP", "f64", exp(-z * (slope + cubic * z * z)), start=open_line)
pair("GELU_TANH_SLOPE", "f64", slope, start=open_line)
pair("GELU_TANH_CUBIC", "f64", cubic, start=open_line)
x = mish_root
pair("MISH_ROOT", "f64", x, start=open_line)
pair("MISH_ROOT_EXP", "f64", exp(x), start=open_line)
w0 = exp(x)
rows = []
for c in (w0 * (4 * x + 6) + 8 * w0**2 + 3 * w0**3, 4 * w0**2 + 3 * w0**3, w0**3):
    hi = f64(c)
    rows.append(f"[{short('f64', hi)}, {short('f64', c - mpf(hi))}]")
print(f"{open_line} MISH: [[f64; 2]; 3] = [{', '.join(rows)}];")
