"""What all peers start from, and how they are timed."""

import json
import time

import numpy as np

WORKLOADS = ["W1", "W2", "W3", "W4", "W5", "W7"]
RATE = {"W1": 0.1, "W2": 1e-3, "W3": 0.1, "W4": 0.1, "W5": 0.01}
ELEMENTS = 1 << 20


class Lcg:
    """Knuth's MMIX generator, 24 bits a number: the same as `src/bin/steps/lcg.rs`."""

    def __init__(self, seed):
        self.state = seed

    def raw(self, count):
        a, c, mask = 6364136223846793005, 1442695040888963407, (1 << 64) - 1
        out = np.empty(count, np.float32)
        state = self.state
        for i in range(count):
            state = (state * a + c) & mask
            out[i] = (state >> 40) / 16777216.0
        self.state = state
        return out

    def uniform(self, shape, bound):
        numbers = self.raw(int(np.prod(shape)))
        return ((numbers * 2 - 1) * np.float32(bound)).reshape(shape)


def mlp(workload):
    """Widths, batch, and whether the activation is tanh."""
    return {
        "W1": ([784, 128, 10], 64, False),
        "W2": ([784, 512, 512, 10], 128, False),
        "W3": ([2, 8, 1], 4, True),
        "W4": ([64] + [100] * 20 + [10], 32, True),
    }[workload]


def shapes(workload):
    """The weights' shapes, layer by layer."""
    if workload == "W5":
        return [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]
    widths = mlp(workload)[0]
    return [(o, i) for i, o in zip(widths, widths[1:])]


def parameters(workload):
    lcg = Lcg(1)
    out = []
    for shape in shapes(workload):
        bound = np.float32(1) / np.sqrt(np.float32(np.prod(shape[1:])))
        out.append((lcg.uniform(shape, bound), lcg.uniform((shape[0],), bound)))
    return out


def inputs(workload):
    if workload == "W5":
        return Lcg(2).uniform((64, 1, 28, 28), 1)
    if workload == "W7":
        return Lcg(2).uniform((ELEMENTS,), 1), Lcg(3).uniform((ELEMENTS,), 1)
    widths, batch, _ = mlp(workload)
    return Lcg(2).uniform((batch, widths[0]), 1)


def targets(workload):
    if workload == "W3":
        return Lcg(3).uniform((4, 1), 1)
    batch = 64 if workload == "W5" else mlp(workload)[1]
    return (Lcg(3).raw(batch) * 10).astype(np.int64)


def bench(engine, workload, threads, step):
    """Prints a JSON object like the rows of `steps --json`: 50 turns after 21 steps and some more."""
    losses = [step(i % 10 == 0) for i in range(21)]
    start, count = time.perf_counter(), 0
    while count < 3 or time.perf_counter() - start < 0.6:
        step(True)
        count += 1
    each = (time.perf_counter() - start) / count
    steps = max(1, int(np.ceil(0.02 / each)))
    times = []
    for _ in range(50):
        start = time.perf_counter()
        for _ in range(steps - 1):
            step(False)
        step(True)
        times.append((time.perf_counter() - start) / steps * 1e6)
    times.sort()
    peak = next(l.split()[1] for l in open("/proc/self/status") if l.startswith("VmHWM"))
    row = {
        "workload": workload,
        "engine": engine,
        "threads": threads,
        "median": times[len(times) // 2],
        "minimum": times[0],
        "losses": [losses[0], losses[10], losses[20]],
        "peak_memory": int(peak) / 1024,
    }
    print(json.dumps(row), flush=True)
