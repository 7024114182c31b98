"""Lines of all sides and rounds to one table, with ratios to the best and to PyTorch eager."""

import sys
from collections import defaultdict
from statistics import median

rows = defaultdict(list)
for line in sys.stdin:
    engine, workload, _, *numbers = line.split("\t")
    rows[workload, engine].append([float(n) for n in numbers])

print(f"{'':4} {'engine':18} {'median us':>11} {'minimum':>11} {'loss 0':>9} {'loss 10':>9} {'loss 20':>9} {'MB':>6}")
for workload in sorted({w for w, _ in rows}):
    times = {}
    for (w, engine), runs in rows.items():
        if w != workload:
            continue
        middle = [median(column) for column in zip(*runs)]
        times[engine] = min(run[0] for run in runs)
        m, least, l0, l10, l20, mb = middle
        print(f"{workload:4} {engine:18} {m:11.2f} {least:11.2f} {l0:9.6f} {l10:9.6f} {l20:9.6f} {mb:6.0f}")
    own = times.pop("wengert", None)
    if own and times:
        best = min(times, key=times.get)
        eager = min((t for e, t in times.items() if e.startswith("torch-eager")), default=None)
        against = f", {eager / own:.2f} x PyTorch eager" if eager else ""
        print(f"{workload:4} wengert is {times[best] / own:.2f} x {best}{against}")
