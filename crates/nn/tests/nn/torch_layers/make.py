"""Makes the tables of this folder: what the layers and their derivatives are checked against.

    python3 -m venv venv && venv/bin/pip install torch && venv/bin/python make.py

Never run by a test. One table a family of layers, each made by the module of its name. For each case, in
float64: the parameters p.name; the inputs x0, x1, ..; the value y; the gradients g.name and g0, g1, .. of
L = sum(y w); and the gradients h.name and h0, h1, .. of the sum over all these of sum(g v), both contractions
with weights that are a formula. A layer of several outputs has them one after another in y. One record a line:
case, result and its shape, numbers in row-major order.
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


def case(name, module, inputs, f=None, order=2, rename=lambda name: name):
    """The module or function f(module, *inputs) at inputs of these shapes, or at these tensors."""
    x = [value if torch.is_tensor(value) else numbers(seed, value)
         for seed, value in enumerate(inputs)]
    x = [value.clone().requires_grad_() for value in x]
    parameters = dict(module.named_parameters()) if module is not None else {}
    with torch.no_grad():
        for seed, parameter in enumerate(parameters.values()):
            parameter.copy_(0.6 * numbers(40 + seed, parameter.shape))
    everything = {f"{i}": value for i, value in enumerate(x)}
    everything.update({f".{rename(key)}": value for key, value in parameters.items()})
    for key, value in everything.items():
        record(name, f"p{key}" if key.startswith(".") else f"x{key}", value)
    y = module(*x) if f is None else f(module, *x)
    if isinstance(y, tuple):
        y = torch.cat([value.reshape(-1) for value in flat(y)])
    record(name, "y", y)
    # In the order of their names, which is the order in which a reader has them.
    everything = dict(sorted(everything.items()))
    leaves = list(everything.values())
    loss = (y * numbers(90, y.shape)).sum()
    g = gradients(loss, leaves, create_graph=order > 1)
    for key, value, leaf in zip(everything, g, leaves):
        record(name, f"g{key}", value if value is not None else torch.zeros_like(leaf))
    if order < 2:
        return
    total = sum((value * numbers(91 + i, value.shape)).sum() for i, value in enumerate(g)
                if value is not None and value.requires_grad)
    for key, value, leaf in zip(everything, gradients(total, leaves), leaves):
        record(name, f"h{key}", value if value is not None else torch.zeros_like(leaf))


def flat(values):
    for value in values:
        if isinstance(value, tuple):
            yield from flat(value)
        else:
            yield value


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
    for family in sys.argv[1:] or ["attention", "convolution", "dense", "normalization", "recurrent"]:
        with open(folder / f"{family}.csv", "w") as sys.stdout:
            importlib.import_module(family)
        sys.stdout = sys.__stdout__
