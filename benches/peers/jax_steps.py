"""One workload on JAX, jitted with donated buffers: `jax_steps.py W2 THREADS`."""

import os
import sys

workload, threads = sys.argv[1], int(sys.argv[2])
if threads == 1:
    os.environ["XLA_FLAGS"] = (
        "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
os.environ["JAX_PLATFORMS"] = "cpu"

from functools import partial  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from common import RATE, bench, inputs, mlp, parameters, targets  # noqa: E402
from jax import lax  # noqa: E402


def cross_entropy(logits, y):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))


def lenet(p, x, y):
    names = ("NCHW", "OIHW", "NCHW")
    pool = lambda h: lax.reduce_window(
        h, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"
    )
    for (w, b), pad in zip(p[:2], [[(2, 2), (2, 2)], "VALID"]):
        x = lax.conv_general_dilated(x, w, (1, 1), pad, dimension_numbers=names)
        x = pool(jax.nn.relu(x + b[None, :, None, None]))
    x = x.reshape(x.shape[0], -1)
    for w, b in p[2:-1]:
        x = jax.nn.relu(x @ w + b)
    return cross_entropy(x @ p[-1][0] + p[-1][1], y)


def dense(p, x, y):
    activation = jnp.tanh if mlp(workload)[2] else jax.nn.relu
    for w, b in p[:-1]:
        x = activation(x @ w + b)
    x = x @ p[-1][0] + p[-1][1]
    return jnp.mean((x - y) ** 2) if workload == "W3" else cross_entropy(x, y)


def elementwise():
    x, w = (jnp.array(a) for a in inputs("W7"))

    def loss(x, w):
        z = x
        for _ in range(2):
            z = jnp.tanh((z * w + 0.1) ** 2 * 0.5 - x)
            z = jax.nn.sigmoid(jax.nn.relu(z * x + w))
        return jnp.mean(z)

    both = jax.jit(jax.value_and_grad(loss))

    def step(sync):
        value, gradient = both(x, w)
        if sync:
            gradient.block_until_ready()
            return float(value)
        return 0.0

    return step


def network():
    loss = lenet if workload == "W5" else dense
    # Matrices as [in, out], which is what the products want.
    turned = lambda a: jnp.array(a if a.ndim == 4 else a.T.copy())
    p = [(turned(a), jnp.array(b)) for a, b in parameters(workload)]
    x, y = jnp.array(inputs(workload)), jnp.array(targets(workload))
    tree = jax.tree_util.tree_map
    rate = RATE[workload]

    @partial(jax.jit, donate_argnums=0)
    def train(state, x, y):
        p, m, v, t = state
        value, g = jax.value_and_grad(loss)(p, x, y)
        if workload != "W2":
            return (tree(lambda p, g: p - rate * g, p, g), m, v, t), value
        t = t + 1
        m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        c1, c2 = (1 - beta ** t.astype(jnp.float32) for beta in (0.9, 0.999))
        update = lambda p, m, v: p - rate * (m / c1) / (jnp.sqrt(v / c2) + 1e-8)
        return (tree(update, p, m, v), m, v, t), value

    zeros = lambda: tree(jnp.zeros_like, p) if workload == "W2" else ()
    state = (p, zeros(), zeros(), jnp.zeros((), jnp.int32))

    def step(sync):
        nonlocal state
        state, value = train(state, x, y)
        if sync:
            jax.block_until_ready(state)
            return float(value)
        return 0.0

    return step


bench("jax", workload, threads, elementwise() if workload == "W7" else network())
