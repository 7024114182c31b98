"""Convolutions with padding by rule, separable ones, pools, images of another size."""
import torch
from torch import nn
import torch.nn.functional as F

from make import case, numbers

case("same", nn.Conv2d(2, 3, (2, 3), padding="same", dilation=(2, 1)), [(2, 2, 4, 3)])
case("valid", nn.Conv1d(2, 3, 2, padding="valid", stride=2), [(2, 2, 5)])
case("same_reflect", nn.Conv2d(1, 2, 3, padding="same", padding_mode="reflect"), [(1, 1, 4, 3)])
case("reflect", nn.Conv1d(4, 2, 3, padding=2, stride=2, groups=2, padding_mode="reflect"), [(2, 4, 5)])
case("replicate", nn.Conv2d(2, 2, 3, padding=(1, 2), padding_mode="replicate", bias=False), [(1, 2, 3, 3)])
case("depthwise", nn.Conv2d(3, 3, 2, groups=3), [(2, 3, 3, 3)])


class Separable(nn.Module):
    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(2, 2, 3, groups=2, padding=1, stride=2)
        self.pointwise = nn.Conv2d(2, 4, 1)

    def forward(self, x):
        return self.pointwise(F.silu(self.depthwise(x)))


case("separable", Separable(), [(2, 2, 4, 3)])


def function(name, shape, f):
    # Squared, so that there are second derivatives.
    case(name, None, [shape], lambda m, x: f(x) ** 2)


def distinct(*shape):
    """Without ties, where PyTorch's adaptive pools take the first and ours share."""
    count = torch.Size(shape).numel()
    return numbers(0, shape) + torch.arange(count).reshape(shape) / 1024


# Odd sizes: bins that share elements.
function("adaptive_max_pool1d", distinct(2, 3, 7), lambda x: F.adaptive_max_pool1d(x, 3))
function("adaptive_max_pool2d", distinct(2, 1, 5, 4), lambda x: F.adaptive_max_pool2d(x, (2, 3)))
function("lp_pool1d", (2, 2, 7), lambda x: F.lp_pool1d(x, 2, 3, 2))
function("lp_pool2d", (1, 2, 4, 5), lambda x: F.lp_pool2d(x, 4, (2, 3), 1))
function("lp_pool1d_odd", (2, 6), lambda x: F.lp_pool1d(x.abs(), 3, 2))
function("global_avg_pool", (2, 3, 2, 2), lambda x: x.mean((2, 3)))
function("global_max_pool", (2, 3, 4), lambda x: x.amax(2))
function("nearest1d", (2, 2, 3), lambda x: F.interpolate(x, scale_factor=3))
function("nearest2d", (1, 2, 2, 3), lambda x: F.interpolate(x, scale_factor=(2, 1)))
function("nearest2d_size", (1, 1, 4, 3), lambda x: F.interpolate(x, size=(3, 7)))
function("linear1d", (1, 2, 3), lambda x: F.interpolate(x, scale_factor=2, mode="linear"))
function("bilinear", (2, 1, 3, 2), lambda x: F.interpolate(x, scale_factor=(2, 3), mode="bilinear"))
function("bilinear_corners", (1, 2, 3, 2),
         lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
function("bilinear_size", (1, 1, 5, 4), lambda x: F.interpolate(x, size=(3, 9), mode="bilinear"))
function("pixel_shuffle", (2, 8, 2, 3), lambda x: F.pixel_shuffle(x, 2))
function("pixel_unshuffle", (2, 1, 4, 6), lambda x: F.pixel_unshuffle(x, 2))
