#!/usr/bin/env python3
"""Prints the polynomials and split constants of src/math/constants.rs.

Needs mpmath (pip install mpmath). Polynomials are Chebyshev interpolants in 60-digit arithmetic,
which lie within a small factor of the minimax fit; the error printed is that of the fit, relative to
the smallest magnitude the fitted function takes. Coefficients run from the lowest power up.
"""

import struct

from mpmath import (atanh, chebyfit, cos, e, erf, erfc, exp, expm1, findroot, log, mp, mpf, pi, sin,
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


def polynomial(name, kind, f, interval, terms, lows=False):
    a, b = (mpf(v) for v in interval)
    coefficients, error = chebyfit(f, [a, b], terms, error=True)
    smallest = min(abs(f(a + (b - a) * k / 64)) for k in range(65))
    print(f"    // error 2^{float(log(error / smallest, 2)):.1f}")
    values = ", ".join(short(kind, c) for c in reversed(coefficients))
    print(f"    const {name}: &'static [{kind}] = &[{values}];")
    if lows:
        parts = [c - mpf(ROUND[kind](c)) for c in list(reversed(coefficients))[:2]]
        print(f"    const {name}_LOW: [{kind}; 2] = [{', '.join(short(kind, p) for p in parts)}];")


def pair(name, kind, x):
    hi = ROUND[kind](x)
    lo = ROUND[kind](x - mpf(hi))
    print(f"    const {name}: [{kind}; 2] = [{short(kind, hi)}, {short(kind, lo)}];")


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

DETAILS = {
    #        exp log sin cos erf shrink mills mills_max erfc_max
    "f32": (6, 6, 4, 4, 8, 7, 12, 14.6, 10.3),
    "f64": (10, 13, 8, 8, 14, 15, 26, 39.0, 27.4),
}

for kind, (n_exp, n_log, n_sin, n_cos, n_erf, n_shrink, n_mills, z_max, x_max) in DETAILS.items():
    tiny = mpf(10) ** -25
    print(f"impl Constants for {kind}")
    r = log(2) / 2 * mpf("1.0001")
    polynomial("EXP", kind, near_zero(lambda r: (expm1(r) - r) / (r * r) if abs(r) > tiny
                                      else mpf(1) / 2 + r / 6, mpf(1) / 2), (-r, r), n_exp)
    polynomial("LOG", kind, near_zero(log_tail, mpf(1) / 12), (tiny, mpf(4) / 9 * mpf("1.0001")),
               n_log)
    w = (pi / 4) ** 2 * mpf("1.001")
    polynomial("SIN", kind, sin_tail, (tiny, w), n_sin)
    polynomial("COS", kind, cos_tail, (tiny, w), n_cos)
    polynomial("ERF", kind, erf_tail, (tiny, mpf(1)), n_erf)
    polynomial("TANHSHRINK", kind, shrink_tail, (tiny, mpf("0.49")), n_shrink,
               lows=True)
    low = 1 / (1 + SCALE_NORMAL * mpf(z_max)) - CENTER_NORMAL
    low_erfc = 1 / (1 + SCALE_ERFC * mpf(x_max)) - CENTER_ERFC
    high, high_erfc = 1 - CENTER_NORMAL, 1 - CENTER_ERFC
    polynomial("NORMAL_TAIL", kind,
               in_v(lambda z: mills(z) * (1 + SCALE_NORMAL * z), SCALE_NORMAL, CENTER_NORMAL), (low, high),
               n_mills, lows=True)
    polynomial("ERFC", kind,
               in_v(lambda x: erfc(x) * exp(x * x) * (1 + SCALE_ERFC * x), SCALE_ERFC,
                    CENTER_ERFC), (low_erfc, high_erfc), n_mills, lows=True)

    def gelu_slope(z):
        if abs(z - gelu_root) < mpf(10) ** -20:
            z = gelu_root + mpf(10) ** -20
        return (mills(z) - z / sqrt(2 * pi)) / (gelu_root - z)

    polynomial("GELU_SLOPE", kind, in_v(gelu_slope, SCALE_NORMAL, CENTER_NORMAL), (low, high), n_mills,
               lows=True)
    pair("GELU_ROOT", kind, gelu_root)
    pair("SILU_ROOT", kind, silu_root)
    pair("SILU_ROOT_EXP", kind, exp(-silu_root))
    z = gelu_tanh_root
    pair("GELU_TANH_ROOT", kind, z)
    pair("GELU_TANH_ROOT_EXP", kind, exp(-z * (slope + cubic * z * z)))
    pair("GELU_TANH_SLOPE", kind, slope)
    pair("GELU_TANH_CUBIC", kind, cubic)
    x = mish_root
    pair("MISH_ROOT", kind, x)
    pair("MISH_ROOT_EXP", kind, exp(x))
    w0 = exp(x)
    rows = []
    for c in (w0 * (4 * x + 6) + 8 * w0**2 + 3 * w0**3, 4 * w0**2 + 3 * w0**3, w0**3):
        hi = ROUND[kind](c)
        rows.append(f"[{short(kind, hi)}, {short(kind, c - mpf(hi))}]")
    print(f"    const MISH: [[{kind}; 2]; 3] = [{', '.join(rows)}];")
    alpha = mpf("1.6732632423543772848170429916717")
    scale = mpf("1.0507009873554804934193349852946")
    pair("SELU_SCALE", kind, scale)
    pair("SELU_SCALE_ALPHA", kind, scale * alpha)
    triple("HALF_PI", kind, pi / 2)
    pair("SIXTH", kind, mpf(1) / 6)
    print()
