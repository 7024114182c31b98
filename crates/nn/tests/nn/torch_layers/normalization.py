"""Normalizations of inputs and weights."""
import torch
from torch import nn
import torch.nn.functional as F
from torch.nn.utils import weight_norm
from torch.nn.utils.parametrizations import spectral_norm

from make import case, numbers

case("instance_norm", nn.InstanceNorm2d(3), [(2, 3, 2, 3)])
case("instance_norm_affine", nn.InstanceNorm1d(3, eps=1e-3, affine=True), [(2, 3, 4)])
case("instance_norm_one", nn.InstanceNorm2d(1, affine=True), [(1, 1, 3, 2)])


class Normed(nn.Module):
    """The weight written out: the second derivatives of torch.nn.utils.weight_norm take the norm for a
    constant, which torch.autograd.gradgradcheck finds."""

    def __init__(self, layer, function):
        super().__init__()
        self.weight, self.bias, self.function = layer.weight, layer.bias, function
        self.weight_g = nn.Parameter(torch.zeros(len(layer.weight), *[1] * (layer.weight.dim() - 1)))

    def forward(self, x):
        axes = tuple(range(1, self.weight.dim()))
        weight = self.weight * self.weight_g / torch.linalg.vector_norm(self.weight, dim=axes, keepdim=True)
        return self.function(x, weight, self.bias)


case("weight_norm", Normed(nn.Linear(3, 2), F.linear), [(4, 3)])
case("weight_norm_conv", Normed(nn.Conv2d(2, 3, 2), F.conv2d), [(2, 2, 3, 3)])
# Against the layer itself, to first order.
case("weight_norm_layer", weight_norm(nn.Linear(3, 2)), [(4, 3)], order=1,
     rename=lambda name: name.replace("weight_v", "weight"))


def spectral(layer):
    """With vectors by the formula of this folder, in inference and so fixed."""
    layer = spectral_norm(layer)
    with torch.no_grad():
        vectors = layer.parametrizations.weight[0]
        vectors._u.copy_(numbers(70, vectors._u.shape))
        vectors._v.copy_(numbers(71, vectors._v.shape))
    return layer.eval()


def original(name):
    return name.replace("parametrizations.weight.original", "weight")


case("spectral_norm", spectral(nn.Linear(3, 2)), [(4, 3)], rename=original)
case("spectral_norm_conv", spectral(nn.Conv1d(2, 3, 2)), [(2, 2, 4)], rename=original)
case("spectral_norm_transposed", spectral(nn.ConvTranspose1d(2, 3, 2)), [(2, 2, 4)], rename=original)
# In training: each pass takes one step from these vectors.
case("spectral_norm_training", spectral(nn.Linear(3, 2)).train(), [(4, 3)], rename=original)
