"""Writes losses.csv: losses and their derivatives by the first operand, in f64, by PyTorch.

    python losses.py > losses.csv

The operands are those of ../training/losses.rs: a = 1.5 sin(1 + 3 i + j), b = cos(2 + i - 2 j),
c = sin(i + 5 j) of 4 rows and 3 columns. A line is a name, the loss and the derivatives. PyTorch has no
InfoNCE, focal, Dice and plain hinge loss: they are written out here.
"""

import math

import torch
import torch.nn.functional as F


def matrix(f, rows=4, columns=3):
    return torch.tensor([[f(i, j) for j in range(columns)] for i in range(rows)], dtype=torch.float64)


b = matrix(lambda i, j: math.cos(2 + i - 2 * j))
c = matrix(lambda i, j: math.sin(i + 5 * j))
sign = matrix(lambda i, j: 1.0 if (i + j) % 3 == 0 else -1.0)
bits = (sign + 1) / 2
labels = torch.tensor([2, 0, 1, 1])


def run(name, loss, a=None):
    if a is None:
        a = matrix(lambda i, j: 1.5 * math.sin(1 + 3 * i + j))
    a.requires_grad_()
    value = loss(a)
    value.backward()
    print(",".join([name, repr(value.item())] + [repr(g) for g in a.grad.flatten().tolist()]))


counts = matrix(lambda i, j: float((i * j) % 4))
run("gaussian", lambda a: F.gaussian_nll_loss(a, b, c**2 + 0.1))
run("gaussian_full_sum", lambda a: F.gaussian_nll_loss(a, b, c**2 + 0.1, full=True, reduction="sum"))
run("gaussian_variance", lambda a: F.gaussian_nll_loss(b, c, a**2 + 0.1))
run("poisson", lambda a: F.poisson_nll_loss(a, counts))
run("poisson_full", lambda a: F.poisson_nll_loss(a, counts, full=True, reduction="sum"))
run("poisson_rate", lambda a: F.poisson_nll_loss(a**2 + 0.1, counts, log_input=False))
run("hinge", lambda a: torch.relu(1 - sign * a).mean())
run("multi_margin", lambda a: F.multi_margin_loss(a, labels, margin=0.8))
target = torch.tensor([1.0, -1.0, -1.0, 1.0])
run("cosine_embedding", lambda a: F.cosine_embedding_loss(a, b, target, margin=0.1))
run("triplet", lambda a: F.triplet_margin_loss(a, b, c))
run("triplet_swap", lambda a: F.triplet_margin_loss(a, b, c, margin=2.0, p=3, swap=True, reduction="sum"))


def info_nce(a, both):
    logits = F.normalize(a) @ F.normalize(b).T / 0.5
    own = torch.arange(4)
    loss = F.cross_entropy(logits, own)
    return (loss + F.cross_entropy(logits.T, own)) / 2 if both else loss


run("info_nce", lambda a: info_nce(a, False))
run("info_nce_symmetric", lambda a: info_nce(a, True))


def focal(a, alpha, gamma):
    p = torch.sigmoid(a)
    p = p * bits + (1 - p) * (1 - bits)
    loss = F.binary_cross_entropy_with_logits(a, bits, reduction="none") * (1 - p) ** gamma
    return (loss * (alpha * bits + (1 - alpha) * (1 - bits))).mean() if alpha else loss.mean()


run("focal", lambda a: focal(a, 0.25, 2.0))
run("focal_plain", lambda a: focal(a, None, 0.5))


def dice(a):
    p = torch.sigmoid(a)
    return (1 - (2 * (p * bits).sum(1) + 1) / (p.sum(1) + bits.sum(1) + 1)).mean()


run("dice", dice)
frames = torch.tensor([[[1.5 * math.sin(1 + 3 * t + 7 * n + 2 * k + t * k) for k in range(5)]
                        for n in range(3)] for t in range(6)], dtype=torch.float64)
sequences = torch.tensor([[1, 2, 2], [3, 3, 0], [4, 0, 0]])
sizes = dict(input_lengths=torch.tensor([6, 5, 4]), target_lengths=torch.tensor([3, 2, 1]))
for name, options in [("ctc", {}), ("ctc_sum", dict(reduction="sum"))]:
    run(name, lambda a: F.ctc_loss(F.log_softmax(a, 2), sequences, **sizes, **options), frames.clone())

weights = torch.tensor([0.5, 2.0, 3.5], dtype=torch.float64)
ignored = torch.tensor([2, 0, -100, 1])
for name, targets, options in [
    ("weighted", labels, {}),
    ("weighted_sum", labels, dict(reduction="sum")),
    ("weighted_smooth", labels, dict(label_smoothing=0.2)),
    ("weighted_ignore", ignored, {}),
    ("weighted_ignore_smooth", ignored, dict(label_smoothing=0.2)),
    ("weighted_ignore_smooth_sum", ignored, dict(label_smoothing=0.2, reduction="sum")),
]:
    run(name, lambda a: F.cross_entropy(a, targets, weight=weights, **options))
