"""One workload on PyTorch: `torch_steps.py MODE W2 THREADS`.

The modes are `eager`; `eager_fused`, with the fused optimizers; `compile`, with the loss compiled; and
`compile_all`, with the optimizer's step compiled as well. W7 has no optimizer: there the second and the
last are the same as the ones before them.
"""

import sys

import torch
import torch.nn as nn
from common import RATE, bench, inputs, mlp, parameters, targets

mode, workload, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
compiled = mode.startswith("compile")


def elementwise():
    x, w = (torch.from_numpy(a) for a in inputs("W7"))
    x.requires_grad_()

    def loss(x, w):
        z = x
        for _ in range(2):
            z = torch.tanh((z * w + 0.1).square() * 0.5 - x)
            z = torch.sigmoid(torch.relu(z * x + w))
        return z.mean()

    loss = torch.compile(loss) if compiled else loss

    def step(sync):
        x.grad = None
        value = loss(x, w)
        value.backward()
        return value.item() if sync else 0.0

    return step


def network():
    if workload == "W5":
        layers = [
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        ]  # fmt: skip
    else:
        widths, _, tanh = mlp(workload)
        layers = []
        for i, o in zip(widths, widths[1:]):
            layers += [nn.Linear(i, o), nn.Tanh() if tanh else nn.ReLU()]
        layers.pop()
    model = nn.Sequential(*layers)
    with torch.no_grad():
        weighted = [m for m in model if hasattr(m, "weight")]
        for module, (weight, bias) in zip(weighted, parameters(workload)):
            module.weight.copy_(torch.from_numpy(weight))
            module.bias.copy_(torch.from_numpy(bias))
    x, y = torch.from_numpy(inputs(workload)), torch.from_numpy(targets(workload))
    criterion = nn.MSELoss() if workload == "W3" else nn.CrossEntropyLoss()
    make = torch.optim.Adam if workload == "W2" else torch.optim.SGD
    optimizer = make(model.parameters(), lr=RATE[workload], fused=mode == "eager_fused" or None)
    loss = lambda x, y: criterion(model(x), y)
    loss = torch.compile(loss) if compiled else loss
    update = torch.compile(optimizer.step) if mode == "compile_all" else optimizer.step

    def step(sync):
        optimizer.zero_grad(set_to_none=True)
        value = loss(x, y)
        value.backward()
        update()
        return value.item() if sync else 0.0

    return step


bench(f"torch-{mode}", workload, threads, elementwise() if workload == "W7" else network())
