#!/usr/bin/env python3
"""Prints ACCURACY.md's table from the text the `ulp` example prints.

    accuracy_table.py sampled.txt [exhaustive.txt]

Rows of the second file replace those of the first.
"""

import sys


def read(path):
    rows = {}
    for line in open(path):
        fields = line.split()
        if len(fields) == 7 and fields[0] != "function":
            name, level, worst, bound, at, _, double = fields
            rows.setdefault(name, {})[level] = (worst, bound, at, double)
    # A function whose sweep was cut short lacks a level.
    return {name: levels for name, levels in rows.items() if len(levels) == 3}


def main():
    sampled = read(sys.argv[1])
    exhaustive = read(sys.argv[2]) if len(sys.argv) > 2 else {}
    print("| function | inputs | AVX-512 | at | AVX2 | bound | portable | bound | f64 |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, rows in sampled.items():
        inputs = "all" if name in exhaustive else "1/61"
        rows = exhaustive.get(name, rows)
        wide, narrow, portable = rows["avx512"], rows["avx2"], rows["portable"]
        double = max(float(row[3]) for row in rows.values())
        print(f"| {name} | {inputs} | {float(wide[0]):.3f} | {float(wide[2]):.6g} "
              f"| {float(narrow[0]):.3f} | {float(wide[1]):g} | {float(portable[0]):.3f} "
              f"| {float(portable[1]):g} | {double:.2f} |")


main()
