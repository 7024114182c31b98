"""Makes the tables of this folder: what the operations and their derivatives are checked against.

    python3 -m venv venv && venv/bin/pip install torch && venv/bin/python make.py

Never run by a test. One table a family of operations, each made by the module of its name. For each
case, in float64: the inputs x0, x1, ..; the value y; the gradients g0, g1, .. by the inputs of
L = sum(y w), where those are compared; and where second derivatives are compared the gradients h0, h1, .. of the sum over the
inputs of sum(g v), both contractions with weights that are a formula. One record a line: case, result
and its shape, numbers in row-major order. A case is named function/point, or by the function alone.
"""
import importlib
import pathlib
import sys

import torch

torch.set_default_dtype(torch.float64)


def numbers(seed, shape):
    """The same rational numbers in [-1, 1] in every language."""
    count = 1
    for size in shape:
        count *= size
    values = [((k * 7919 + seed * 104729 + k * k * 31) % 2003) / 1001 - 1 for k in range(count)]
    return torch.tensor(values).reshape(shape)


def case(name, shapes, f, order=2, inputs=None):
    x = inputs or [numbers(seed, shape) for seed, shape in enumerate(shapes)]
    x = [value.clone().requires_grad_() for value in x]
    for i, value in enumerate(x):
        record(name, f"x{i}", value)
    y = f(*x)
    record(name, "y", y)
    if order < 1:
        return
    loss = (y * numbers(90, y.shape)).sum()
    g = gradients(loss, x, create_graph=order > 1)
    for i, value in enumerate(g):
        record(name, f"g{i}", value if value is not None else torch.zeros_like(x[i]))
    if order < 2:
        return
    total = sum((value * numbers(91 + i, value.shape)).sum() for i, value in enumerate(g)
                if value is not None and value.requires_grad)
    for i, value in enumerate(gradients(total, x)):
        record(name, f"h{i}", value if value is not None else torch.zeros_like(x[i]))


def gradients(loss, x, create_graph=False):
    """Gradients, of which those are None on which the loss does not depend."""
    if not torch.is_tensor(loss) or not loss.requires_grad:
        return [None] * len(x)
    return torch.autograd.grad(loss, x, create_graph=create_graph, allow_unused=True)


def record(name, what, value):
    shape = "x".join(str(size) for size in value.shape)
    values = (repr(float(v)) for v in value.detach().reshape(-1))
    print(",".join([name, f"{what}:{shape}", *values]))


if __name__ == "__main__":
    # Under its own name, so that the families share this module.
    sys.modules["make"] = sys.modules["__main__"]
    folder = pathlib.Path(__file__).parent
    sys.path.insert(0, str(folder))
    for family in ["elementwise", "reductions", "linear_algebra", "shapes", "network"]:
        with open(folder / f"{family}.csv", "w") as sys.stdout:
            importlib.import_module(family)
        sys.stdout = sys.__stdout__
