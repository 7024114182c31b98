#!/usr/bin/env python3
"""Prints src/math/table/constants.rs.

    python3 tools/tables.py > src/math/table/constants.rs && rustfmt --edition 2024 src/math/table/constants.rs

Needs mpmath (pip install mpmath). On each interval the function is f(c) + t p(t) with t = x - c. The
center c is the f32 near the middle where f comes closest to an f32, so that f(c) has no error to speak of
(S. Gal, B. Bachelis, An accurate elementary mathematical library for the IEEE floating point standard,
1991); p is a Chebyshev interpolant in 40-digit arithmetic.
"""

import struct

from mpmath import atanh, chebyfit, cosh, diff, exp, mp, mpf, sqrt, tanh

mp.dps = 40
COUNT = 32


def bits(x):
    return struct.unpack("I", struct.pack("f", float(x)))[0]


def from_bits(b):
    return struct.unpack("f", struct.pack("I", b))[0]


def f32(x):
    return from_bits(bits(x))


def decimal(x):
    """The shortest decimal that reads back as the same number."""
    for digits in range(1, 12):
        s = f"{x:.{digits}g}"
        if f32(float(s)) == x:
            break
    return s if any(c in s for c in ".en") else s + ".0"


def center(f, middle, reach=3000):
    """The f32 near the middle where f is closest to an f32, in its last places."""
    def distance(b):
        value = f(mpf(from_bits(b)))
        place = mpf(2) ** (int(mp.floor(mp.log(value, 2))) - 23)
        return abs(value - mpf(f32(value))) / place

    first = bits(middle)
    return from_bits(min(range(first - reach, first + reach + 1), key=distance))


def interval(f, c, low, high, terms):
    """f(c), and the polynomial p."""
    value = f(mpf(c))

    def ratio(t):
        if abs(t) < mpf(10) ** -15:
            return diff(f, mpf(c)) + diff(f, mpf(c), 2) * t / 2
        return (f(mpf(c) + t) - value) / t

    p = chebyfit(ratio, [mpf(low) - mpf(c), mpf(high) - mpf(c)], terms)
    return [c, f32(value)] + [f32(a) for a in reversed(p)]


def tanh_rows(terms):
    """Four intervals a binade from 1/16 on, by the lowest bits of the exponent and the highest of the
    mantissa; what lies below 1/16 is an interval of its own."""
    rows = [None] * COUNT
    for exponent in range(-4, 4):
        for quarter in range(4):
            low, high = (2.0**exponent * (1 + (quarter + i) / 4) for i in (0, 1))
            at = (bits(low) >> 21) % COUNT
            if low >= 10:
                rows[at] = [8.5, 1.0] + [0.0] * terms
                continue
            high = 9.52 if low >= 8 else high
            middle = (low + high) / 2
            # Where tanh is almost flat, it is the value nearest to the one in the middle that has a center.
            c = f32(atanh(mpf(f32(tanh(min(middle, 8.7)))))) if low >= 4 else center(tanh, middle)
            rows[at] = interval(tanh, c, low, high, terms)
    # x + x (a x^2 + b x^4): the first x takes f(c)'s place.
    a, b = reversed(chebyfit(lambda w: (tanh(sqrt(w)) / sqrt(w) - 1) / w, [mpf(10) ** -12, mpf(2) ** -8], 2))
    rows[(bits(1 / 16 - 1e-6) >> 21) % COUNT] = [0.0, 0.0, 0.0, 0.0, f32(a), 0.0, f32(b)]
    return rows


def even_rows(f, width, terms):
    """Intervals around the multiples of a width, the first one from 0 on."""
    rows = []
    for k in range(COUNT):
        middle = k * width
        c = center(f, middle) if k else 0.0
        rows.append(interval(f, c, max(middle - width / 2, 0), middle + width / 2, terms))
    return rows


def show(name, what, rows):
    columns = list(zip(*rows))
    print(f"/// {what}")
    print(f"pub(crate) static {name}: Table<{len(columns) - 2}> = Table {{")

    def numbers(column):
        return "[" + ", ".join(decimal(x) for x in column) + "]"

    print(f"    centers: {numbers(columns[0])},")
    print(f"    values: {numbers(columns[1])},")
    print(f"    slopes: [{', '.join(numbers(c) for c in columns[2:])}],")
    print("};\n")


print("//! The numbers of the tables, printed by `tools/tables.py`.\n")
print("use super::Table;\n")
show("TANH", "Of `tanh`: see [`tanh`](super::tanh).", tanh_rows(5))
show("LOGISTIC", "Of `1 / (1 + e^a)`, around the multiples of 3/8.", even_rows(lambda a: 1 / (1 + exp(a)), 0.375, 5))
show("SLOPE", "Of `1 / cosh^2 a`, around the multiples of 1/4.", even_rows(lambda a: 1 / cosh(a) ** 2, 0.25, 5))
