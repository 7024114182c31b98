"""The rows of all sides and rounds, JSON arrays or objects one after another, as one table.

The ratio is a side's time by wengert's, each the median of its turns, in the same round; the median over
the rounds. The fastest of the other sides is marked. Fails if the losses of a side are not wengert's.
"""

import json
import sys
from collections import defaultdict
from statistics import median

TOLERANCE = 1e-4


def values(text):
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        yield from value if isinstance(value, list) else [value]
        at += len(text[at:]) - len(text[at:].lstrip())


sides = defaultdict(lambda: defaultdict(list))
for row in values(sys.stdin.read().lstrip()):
    sides[row["workload"]][row["engine"]].append(row)

wrong = []
titles = ["median us", "minimum us", "ratio", "loss 0", "loss 10", "loss 20", "peak MB"]
print(f"{'':4} {'engine':17}", *(f"{title:>10}" for title in titles))
for workload, engines in sorted(sides.items()):
    own = engines["wengert"]
    ratios = {}
    for engine, rows in engines.items():
        ratios[engine] = median(a["median"] / b["median"] for a, b in zip(rows, own))
        for row, reference in zip(rows, own):
            if not all(abs(a - b) <= TOLERANCE for a, b in zip(row["losses"], reference["losses"])):
                wrong.append(f"{engine} computes another step on {workload}: {row['losses']}")
    best = min((engine for engine in engines if engine != "wengert"), key=ratios.get, default=None)
    for engine, rows in sorted(engines.items(), key=lambda side: ratios[side[0]]):
        middle = median(row["median"] for row in rows)
        least = min(row["minimum"] for row in rows)
        losses = " ".join(f"{loss:10.6f}" for loss in rows[0]["losses"])
        memory = max(row["peak_memory"] for row in rows)
        name = engine + (" *" if engine == best else "")
        print(
            f"{workload:4} {name:17} {middle:10.2f} {least:10.2f} {ratios[engine]:10.2f} {losses} {memory:10.1f}"
        )
if wrong:
    sys.exit("\n".join(wrong))
