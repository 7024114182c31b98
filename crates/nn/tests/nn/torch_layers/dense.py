"""Dense layers, gated units, bags of embeddings."""
import torch
from torch import nn
import torch.nn.functional as F

from make import case

case("bilinear", nn.Bilinear(3, 4, 2), [(5, 3), (5, 4)])
case("bilinear_axes", nn.Bilinear(2, 3, 4, bias=False), [(2, 3, 2), (2, 3, 3)])
case("prelu", nn.PReLU(), [(3, 4)])
case("prelu_channels", nn.PReLU(3), [(2, 3, 2, 2)])
case("glu", nn.GLU(), [(3, 6)])
case("glu_channels", nn.GLU(1), [(2, 4, 3)])


class Gated(nn.Module):
    def __init__(self, activation, bias=True):
        super().__init__()
        self.linear, self.activation = nn.Linear(3, 8, bias), activation

    def forward(self, x):
        value, gate = self.linear(x).chunk(2, -1)
        return value * self.activation(gate)


def last(name):
    return name.split(".")[-1]


case("gated_logistic", Gated(torch.sigmoid), [(2, 3)], rename=last)
case("gated_silu", Gated(F.silu, bias=False), [(2, 2, 3)], rename=last)
case("gated_gelu", Gated(F.gelu), [(2, 3)], rename=last)
case("gated_relu", Gated(torch.relu), [(4, 3)], rename=last)


class Highway(nn.Module):
    def __init__(self):
        super().__init__()
        self.transform, self.gate = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        t = torch.sigmoid(self.gate(x))
        return t * torch.tanh(self.transform(x)) + (1 - t) * x


class Maxout(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 8)

    def forward(self, x):
        return self.linear(x).unflatten(-1, (2, 4)).amax(-1)


case("highway", Highway(), [(4, 3)])
case("maxout", Maxout(), [(4, 3)], rename=last)
case("residual", nn.Linear(3, 3), [(2, 3)], lambda m, x: x + torch.tanh(m(x)),
     rename=lambda name: f"inner.{name}")
case("parallel_sum", nn.ModuleList([nn.Linear(3, 2), nn.Linear(3, 2)]), [(4, 3)],
     lambda m, x: torch.tanh(m[0](x)) + m[1](x), rename=lambda name: name.replace(".", ".0."))
case("parallel_concat", nn.ModuleList([nn.Linear(3, 2), nn.Linear(3, 1)]), [(4, 3)],
     lambda m, x: torch.cat([torch.tanh(m[0](x)), m[1](x)], -1), rename=lambda name: name.replace(".", ".0."))
case("unflatten", None, [(2, 6)], lambda m, x: x.unflatten(1, (3, 2)) ** 2)

ROWS, OFFSETS = torch.tensor([3, 0, 1, 3, 4, 1]), torch.tensor([0, 2, 2, 5])
for mode in ["sum", "mean", "max"]:
    case(f"bag_{mode}", nn.EmbeddingBag(5, 3, mode=mode), [], lambda m: m(ROWS, OFFSETS), order=1)
    case(f"bag_{mode}_padding", nn.EmbeddingBag(5, 3, mode=mode, padding_idx=1), [],
         lambda m: m(ROWS.reshape(3, 2)), order=1)
case("bag_weighted", nn.EmbeddingBag(5, 3, mode="sum"), [(3, 2)],
     lambda m, w: m(ROWS.reshape(3, 2), per_sample_weights=w), order=1)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(5, 3))

    def forward(self):
        x = torch.tanh(F.embedding(ROWS, self.weight))
        return torch.tanh(F.linear(x, self.weight))


case("tied", Tied(), [], lambda m: m())
