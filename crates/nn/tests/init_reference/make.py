"""Makes values.csv: what the initializers and the mean-field theory are checked against.

    python3 -m venv venv && venv/bin/pip install torch numpy scipy mpmath && venv/bin/python make.py

Never run by a test. Sources: torch.nn.init (its tables, fans, standard deviations and bounds as
they arrive at the generator, and the tensors that are not random), scipy's truncated normal, and
mpmath's quadrature at 40 digits. One record a line: kind, name, numbers.
"""
import itertools
import math
import sys

import mpmath as mp
import scipy.stats
import torch

mp.mp.dps = 40
torch.set_default_dtype(torch.float64)
lines = []


def record(kind, name, *numbers):
    lines.append(",".join([kind, name, *(repr(float(x)) for x in numbers)]))


# --- torch: gains, fans, scales ------------------------------------------------------------------
for name, param in [("linear", None), ("relu", None), ("tanh", None), ("sigmoid", None),
                    ("selu", None), ("leaky_relu", 0.01), ("leaky_relu", 0.2)]:
    record("torch_gain", name if param is None else f"{name}({param})",
           torch.nn.init.calculate_gain(name, param))

SHAPES = [(10, 64), (300, 500), (16, 6, 5), (16, 6, 5, 5), (8, 4, 3, 3, 3), (1, 7)]
SCHEMES = {
    "xavier_normal": lambda t: torch.nn.init.xavier_normal_(t),
    "xavier_normal(5/3)": lambda t: torch.nn.init.xavier_normal_(t, gain=5 / 3),
    "xavier_uniform": lambda t: torch.nn.init.xavier_uniform_(t),
    "he_normal": lambda t: torch.nn.init.kaiming_normal_(t, nonlinearity="relu"),
    "he_uniform": lambda t: torch.nn.init.kaiming_uniform_(t, nonlinearity="relu"),
    "he_normal_out": lambda t: torch.nn.init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"),
    "he_uniform_leaky": lambda t: torch.nn.init.kaiming_uniform_(t, a=0.2),
}
seen = {}
normal_, uniform_ = torch.Tensor.normal_, torch.Tensor.uniform_


def spy_normal(self, mean=0.0, std=1.0, generator=None):
    seen["scale"] = std
    return normal_(self, mean, std, generator=generator)


def spy_uniform(self, low=0.0, high=1.0, generator=None):
    assert low == -high
    seen["scale"] = high
    return uniform_(self, low, high, generator=generator)


torch.Tensor.normal_, torch.Tensor.uniform_ = spy_normal, spy_uniform
for shape, (name, scheme) in itertools.product(SHAPES, SCHEMES.items()):
    seen.clear()
    scheme(torch.empty(shape))
    # A normal's standard deviation, a uniform's upper end.
    record("torch_scale", name + " " + "x".join(map(str, shape)), seen["scale"])
torch.Tensor.normal_, torch.Tensor.uniform_ = normal_, uniform_
for shape in SHAPES:
    record("torch_fan", "x".join(map(str, shape)),
           *torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape)))

# --- torch: tensors that are not random, and the orthogonal factor of given draws -------------------
record("torch_eye", "3x5", *torch.nn.init.eye_(torch.empty(3, 5)).flatten().tolist())
for shape, groups in [((4, 3, 3), 1), ((2, 4, 4), 1), ((4, 2, 3, 5), 2), ((4, 4, 2, 2, 3), 1)]:
    tensor = torch.nn.init.dirac_(torch.empty(shape), groups)
    record("torch_dirac", "x".join(map(str, shape)) + f" groups {groups}", *tensor.flatten().tolist())
for shape in [(4, 4), (6, 3), (3, 6), (4, 2, 3)]:
    generator = torch.Generator().manual_seed(1)
    flat = torch.empty(shape[0], math.prod(shape[1:])).normal_(0, 1, generator=generator)
    generator.manual_seed(1)
    result = torch.nn.init.orthogonal_(torch.empty(shape), gain=1.5, generator=generator)
    name = "x".join(map(str, shape))
    record("torch_orthogonal_draws", name, *flat.flatten().tolist())
    record("torch_orthogonal", name, *result.flatten().tolist())

# --- scipy: the truncated normal ------------------------------------------------------------------
for mean, std, low, high in [(0, 1, -2, 2), (1, 2, -1, 2), (0, 1, 3, 8), (0, 1, 4, math.inf),
                             (0, 1, 0.5, 0.6), (0, 3, -math.inf, -2)]:
    a, b = (low - mean) / std, (high - mean) / std
    d = scipy.stats.truncnorm(a, b, loc=mean, scale=std)
    quantiles = d.ppf([0.1, 0.25, 0.5, 0.75, 0.9])
    record("truncated", "", mean, std, low, high, d.mean(), d.var(), *quantiles)

# --- mpmath: gains ---------------------------------------------------------------------------------
ALPHA, SCALE = mp.mpf("1.6732632423543772848170429916717"), mp.mpf("1.0507009873554804934193349852946")
phi = lambda z: mp.npdf(z)
sigmoid = lambda x: 1 / (1 + mp.exp(-x))
softplus = lambda x: mp.log(1 + mp.exp(x))
FUNCTIONS = {
    "identity": (lambda x: x, lambda x: mp.mpf(1)),
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2),
    "logistic": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "relu": (lambda x: max(x, mp.mpf(0)), lambda x: mp.mpf(1 if x > 0 else 0)),
    "leaky_relu(0.2)": (lambda x: x if x > 0 else x / 5, lambda x: mp.mpf(1) if x > 0 else mp.mpf(1) / 5),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "gelu": (lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * phi(x)),
    "softplus": (softplus, sigmoid),
    "mish": (lambda x: x * mp.tanh(softplus(x)),
             lambda x: mp.tanh(softplus(x)) + x * mp.sech(softplus(x)) ** 2 * sigmoid(x)),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), lambda x: mp.mpf(1) if x > 0 else mp.exp(x)),
    "selu": (lambda x: SCALE * (x if x > 0 else ALPHA * mp.expm1(x)),
             lambda x: SCALE * (mp.mpf(1) if x > 0 else ALPHA * mp.exp(x))),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    "sin": (mp.sin, mp.cos),
}
ENDS = [-20, -12, -8, -5, -3, -1.5, 0, 1.5, 3, 5, 8, 12, 20]


def expect(g, q=1):
    root = mp.sqrt(q)
    return mp.quad(lambda z: g(root * z) * phi(z), ENDS)


for name, (f, d) in FUNCTIONS.items():
    record("gain", name, 1 / mp.sqrt(expect(lambda x: f(x) ** 2)), expect(lambda x: d(x) ** 2), expect(f))

# --- mpmath: mean-field theory ---------------------------------------------------------------------
def edge(name, q):
    f, d = FUNCTIONS[name]
    sw2 = 1 / expect(lambda x: d(x) ** 2, q)
    return sw2, q - sw2 * expect(lambda x: f(x) ** 2, q)


for name, q in [("tanh", 0.1), ("tanh", 0.5), ("tanh", 1), ("tanh", 4), ("gelu", 4), ("silu", 15),
                ("relu", 1), ("sin", 0.5)]:
    record("edge", name, q, *edge(name, mp.mpf(q)))
# Where tanh is critical at sigma_b^2 = 0.05: Poole et al. 2016 and Schoenholz et al. 2016 say 1.76.
q = mp.findroot(lambda q: edge("tanh", q)[1] - mp.mpf("0.05"), (0.5, 0.6), tol=1e-25)
record("edge_at_bias", "tanh", mp.sqrt(mp.mpf("0.05")), q, mp.sqrt(edge("tanh", q)[0]))
# Fixed points of the variance: sigma_w^2, sigma_b^2, q, chi_1, d map / dq.
for name, sw2, sb2, guess in [("tanh", 1.3, 0.01, 0.3), ("tanh", 4, 0.3, 2), ("tanh", 0.8, 0.2, 0.5),
                              ("relu", 1, 0.5, 1), ("sin", 3, 0.1, 1)]:
    f, d = FUNCTIONS[name]
    sw2, sb2 = mp.mpf(sw2), mp.mpf(sb2)
    variance = lambda q: sw2 * expect(lambda x: f(x) ** 2, q) + sb2
    q = mp.findroot(lambda q: variance(q) - q, guess, tol=1e-25)
    growth = sw2 * expect(lambda x: x * f(x) * d(x), q) / q
    record("fixed_point", name, sw2, sb2, q, sw2 * expect(lambda x: d(x) ** 2, q), growth)
# E[f(u) f(v)] and E[f'(u) f'(v)] for variances q and correlation c.
mp.mp.dps = 20
for name, q, c in [("tanh", 1, 0.3), ("tanh", 3, 0.95), ("relu", 2, 0.6), ("relu", 1, -0.5), ("sin", 1, 0.9)]:
    f, d = FUNCTIONS[name]
    if name == "relu":  # Cho and Saul 2009
        angle = mp.acos(c)
        ff = q * (mp.sin(angle) + (mp.pi - angle) * c) / (2 * mp.pi)
        dd = (mp.pi - angle) / (2 * mp.pi)
    elif name == "sin":  # by the addition theorem
        ff = mp.exp(-q) * mp.sinh(mp.mpf(q) * mp.mpf(c))
        dd = mp.exp(-q) * mp.cosh(mp.mpf(q) * mp.mpf(c))
    else:
        root, s = mp.sqrt(q), mp.sqrt(1 - mp.mpf(c) ** 2)
        pair = lambda g: mp.quad(lambda a: g(root * a) * phi(a) * mp.quad(
            lambda b: g(root * (c * a + s * b)) * phi(b), [-9, -3, 0, 3, 9]), [-9, -3, 0, 3, 9])
        ff, dd = pair(f), pair(d)
    record("pair", name, q, c, ff, dd)

with open(sys.path[0] + "/values.csv", "w") as file:
    file.write("\n".join(lines) + "\n")
