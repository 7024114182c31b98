"""Writes schedules.csv: the rates of PyTorch's schedules.

    python schedules.py > schedules.csv

A line is a name and the rates of the steps 0, 1, .., or the momenta if the name ends in `_momentum`; of
`plateau` the metrics are |cos(step)| rounded to one digit, plus 1.
"""

import math

import torch
from torch.optim import lr_scheduler as s


def run(name, make, steps=30):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = make(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for step in range(steps):
        optimizer.step()
        if isinstance(scheduler, s.ReduceLROnPlateau):
            scheduler.step(1 + round(abs(math.cos(step)), 1))
        else:
            scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    print(",".join([name] + [repr(float(rate)) for rate in rates]))


run("step", lambda o: s.StepLR(o, 7, 0.5))
run("multistep", lambda o: s.MultiStepLR(o, [3, 10, 11], 0.3))
run("exponential", lambda o: s.ExponentialLR(o, 0.9))
run("polynomial", lambda o: s.PolynomialLR(o, 20, 2.0))
run("linear", lambda o: s.LinearLR(o, 0.2, 0.9, 12))
run("cosine", lambda o: s.CosineAnnealingLR(o, 30, 0.01))
run("restarts", lambda o: s.CosineAnnealingWarmRestarts(o, 6, 1, 0.01))
run("longer_restarts", lambda o: s.CosineAnnealingWarmRestarts(o, 4, 2, 0.0))
run("one_cycle", lambda o: s.OneCycleLR(o, 0.1, 31))
run("one_cycle_linear", lambda o: s.OneCycleLR(o, 0.1, 31, pct_start=0.45, anneal_strategy="linear",
                                               div_factor=10, final_div_factor=100))
run("one_cycle_three", lambda o: s.OneCycleLR(o, 0.1, 31, three_phase=True))
run("lambda", lambda o: s.LambdaLR(o, lambda step: 1 / (step + 1)))
run("warm_up", lambda o: s.SequentialLR(
    o, [s.LinearLR(o, 0.1, 1.0, 5), s.CosineAnnealingLR(o, 25)], [5]))
run("then", lambda o: s.SequentialLR(o, [s.ConstantLR(o, 1.0, 0), s.ExponentialLR(o, 0.9)], [10]))
run("times", lambda o: s.ChainedScheduler([s.LinearLR(o, 0.5, 1.0, 8), s.ExponentialLR(o, 0.95)]))
run("plateau", lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=1, min_lr=0.01))
run("plateau_max", lambda o: s.ReduceLROnPlateau(o, mode="max", factor=0.5, patience=1, threshold=0.05))


def momentum(name, make, adam):
    parameters = [torch.zeros(1, requires_grad=True)]
    optimizer = torch.optim.Adam(parameters) if adam else torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
    scheduler = make(optimizer)
    momenta = []
    for _ in range(31):
        group = optimizer.param_groups[0]
        momenta.append(group["betas"][0] if adam else group["momentum"])
        optimizer.step()
        if len(momenta) < 31:
            scheduler.step()
    print(",".join([name + "_momentum"] + [repr(float(x)) for x in momenta]))


momentum("one_cycle", lambda o: s.OneCycleLR(o, 0.1, 31), False)
momentum("one_cycle_linear", lambda o: s.OneCycleLR(
    o, 0.1, 31, pct_start=0.45, anneal_strategy="linear", base_momentum=0.7, max_momentum=0.9), True)
momentum("one_cycle_three", lambda o: s.OneCycleLR(o, 0.1, 31, three_phase=True), True)
