"""Writes optimizers.csv: trajectories of optimizers in f64, by PyTorch where it has them.

    python optimizers.py > optimizers.csv

The problem is that of `problem` in ../training/optimizers.rs: the mean squared error of
`tanh(x w^T + b)`. A line is a name, the number of steps, and the 12 weights and 3 biases after them.
The rates are small enough for none to oscillate about the minimum, which would amplify roundings.
PyTorch has no LAMB, Lion and Lookahead: they follow their papers here. Its Muon orthogonalizes in
bfloat16; here it does so in f64.
"""

import math

import torch

X = torch.tensor([[math.sin(1 + 3 * i + j) for j in range(4)] for i in range(8)], dtype=torch.float64)
Y = torch.tensor([[0.5 * math.cos(i - 2 * j) for j in range(3)] for i in range(8)], dtype=torch.float64)


def parameters():
    w = [[0.3 * math.cos(1 + 4 * i + j) for j in range(4)] for i in range(3)]
    b = [0.1 * (i - 1) for i in range(3)]
    return [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (w, b)]


def loss(w, b):
    return ((torch.tanh(X @ w.T + b) - Y) ** 2).mean()


def show(name, step, w, b):
    numbers = torch.cat([w.detach().flatten(), b.detach()]).tolist()
    print(",".join([name, str(step)] + [repr(x) for x in numbers]))


def run(name, make, steps=(1, 10, 100), wrap=None):
    w, b = parameters()
    optimizers = make(w, b)
    if not isinstance(optimizers, list):
        optimizers = [optimizers]
    average = wrap(w, b) if wrap else None
    for step in range(1, max(steps) + 1):
        for p in (w, b):
            p.grad = None
        loss(w, b).backward()
        for optimizer in optimizers:
            optimizer.step()
        if average:
            average.step()
        if step in steps:
            show(name, step, *(average.values() if average else (w, b)))


class Rule:
    """An optimizer that is a function of a parameter, its gradient, its state and the step."""

    def __init__(self, parameters, rule):
        self.parameters, self.rule = parameters, rule
        self.state = [{} for _ in parameters]
        self.steps = 0

    def step(self):
        self.steps += 1
        with torch.no_grad():
            for p, s in zip(self.parameters, self.state):
                self.rule(p, p.grad, s, self.steps)


def lion(p, g, s, _):
    m = s.setdefault("m", torch.zeros_like(p))
    p.sub_(0.01 * (torch.sign(0.9 * m + 0.1 * g) + 0.1 * p))
    m.mul_(0.99).add_(0.01 * g)


def lamb(p, g, s, t):
    m = s.setdefault("m", torch.zeros_like(p))
    v = s.setdefault("v", torch.zeros_like(p))
    m.mul_(0.9).add_(0.1 * g)
    v.mul_(0.999).add_(0.001 * g * g)
    u = (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-6) + 0.1 * p
    p.sub_(0.01 * p.norm() / u.norm() * u)


class Lookahead:
    def __init__(self, *parameters):
        self.parameters = parameters
        self.slow = [p.detach().clone() for p in parameters]
        self.steps = 0

    def step(self):
        self.steps += 1
        if self.steps % 5 == 0:
            with torch.no_grad():
                for p, slow in zip(self.parameters, self.slow):
                    slow.add_(0.5 * (p - slow))
                    p.copy_(slow)

    def values(self):
        return self.parameters


class Averaged:
    """torch.optim.swa_utils.AveragedModel of the two parameters."""

    def __init__(self, ema):
        self.ema = ema

    def __call__(self, w, b):
        model = torch.nn.Module()
        model.w, model.b = torch.nn.Parameter(w), torch.nn.Parameter(b)
        # Parameters made from tensors share their memory.
        options = {"multi_avg_fn": torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)} if self.ema else {}
        self.model, self.averaged = model, torch.optim.swa_utils.AveragedModel(model, **options)
        return self

    def step(self):
        self.averaged.update_parameters(self.model)

    def values(self):
        return self.averaged.module.w, self.averaged.module.b


def lbfgs():
    w, b = parameters()
    optimizer = torch.optim.LBFGS([w, b], lr=0.5, max_iter=4, history_size=3,
                                  tolerance_grad=0, tolerance_change=0)

    def closure():
        optimizer.zero_grad()
        value = loss(w, b)
        value.backward()
        return value

    for step in range(1, 26):
        optimizer.step(closure)
        if step in (1, 5, 25):
            show("lbfgs", step, w, b)


o = torch.optim
run("sgd", lambda w, b: o.SGD([w, b], lr=0.1, weight_decay=0.01))
run("momentum", lambda w, b: o.SGD([w, b], lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.01))
run("nesterov", lambda w, b: o.SGD([w, b], lr=0.1, momentum=0.9, nesterov=True))
run("adam", lambda w, b: o.Adam([w, b], lr=0.01, weight_decay=0.1))
run("amsgrad", lambda w, b: o.Adam([w, b], lr=0.01, betas=(0.8, 0.95), amsgrad=True))
run("adamw", lambda w, b: o.AdamW([w, b], lr=0.01, weight_decay=0.1))
run("rmsprop", lambda w, b: o.RMSprop([w, b], lr=0.002, alpha=0.9, weight_decay=0.1))
run("nadam", lambda w, b: o.NAdam([w, b], lr=0.01, weight_decay=0.1))
run("nadamw", lambda w, b: o.NAdam([w, b], lr=0.002, weight_decay=0.1, momentum_decay=0.01,
                                   decoupled_weight_decay=True))
run("radam", lambda w, b: o.RAdam([w, b], lr=0.01, betas=(0.9, 0.95), weight_decay=0.1))
run("radamw", lambda w, b: o.RAdam([w, b], lr=0.01, weight_decay=0.1, decoupled_weight_decay=True))
run("adamax", lambda w, b: o.Adamax([w, b], lr=0.01, weight_decay=0.1))
run("adagrad", lambda w, b: o.Adagrad([w, b], lr=0.1, lr_decay=0.01, weight_decay=0.1,
                                      initial_accumulator_value=0.1))
run("adadelta", lambda w, b: o.Adadelta([w, b], lr=1.0, weight_decay=0.1))
run("lion", lambda w, b: Rule([w, b], lion))
run("lamb", lambda w, b: Rule([w, b], lamb))
run("groups", lambda w, b: o.Adam([{"params": [w], "weight_decay": 0.1}, {"params": [b], "lr": 0.05}],
                                  lr=0.01))
run("lookahead", lambda w, b: o.SGD([w, b], lr=0.1), wrap=Lookahead)
run("ema", lambda w, b: o.SGD([w, b], lr=0.1), wrap=Averaged(True))
run("swa", lambda w, b: o.SGD([w, b], lr=0.1), wrap=Averaged(False))
lbfgs()
torch.bfloat16 = torch.float64
run("muon", lambda w, b: [o.Muon([w], lr=0.002, weight_decay=0.1, momentum=0.9),
                          o.AdamW([b], lr=0.01, weight_decay=0.1)])
