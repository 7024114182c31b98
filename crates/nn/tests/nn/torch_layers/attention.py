"""Attention, positions, transformer blocks."""
import torch
from torch import nn
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from make import case

# The one implementation that has second derivatives.
context = sdpa_kernel(SDPBackend.MATH)
context.__enter__()

HIDDEN = ~torch.ones(3, 3).tril().bool()
PADDED = torch.tensor([[0, 0, 0, 0, 0], [0, 0, 0, 1, 1]]).bool()
# By sequence and head: the query i of sequence b does not see the key j of head h.
PAIRS = torch.tensor([[(i + 2 * j + h + b) % 4 == 0 for j in range(5)]
                      for b in range(2) for h in range(2) for i in range(3)]).reshape(4, 3, 5)


def attention(**options):
    return nn.MultiheadAttention(4, 2, batch_first=True, **options)


def own(**masks):
    return lambda m, x: m(x, x, x, **masks)[0]


def cross(**masks):
    return lambda m, q, k, v: m(q, k, v, **masks)[0]


case("attention", attention(), [(2, 3, 4)], own())
case("attention_one", attention(), [(1, 1, 4)], own())
case("attention_no_bias", attention(bias=False), [(2, 3, 4)], own())
case("attention_causal", attention(), [(2, 3, 4)], own(attn_mask=HIDDEN))
case("attention_cross", attention(), [(2, 3, 4), (2, 5, 4), (2, 5, 4)], cross())
case("attention_other_features", attention(kdim=3, vdim=2), [(2, 3, 4), (2, 5, 3), (2, 5, 2)], cross())
case("attention_padded", attention(), [(2, 3, 4), (2, 5, 4), (2, 5, 4)], cross(key_padding_mask=PADDED))
case("attention_pairs", attention(), [(2, 3, 4), (2, 5, 4), (2, 5, 4)], cross(attn_mask=PAIRS))


def rotated(x):
    """By complex numbers: pairs next to each other are multiplied by exp(i angle)."""
    time, features = x.shape[-2:]
    frequencies = 10000.0 ** (-torch.arange(0, features, 2) / features)
    angles = torch.outer(torch.arange(time).double(), frequencies)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], features // 2, 2))
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).reshape(x.shape)


class Grouped(nn.Module):
    """Four heads of two features, of which two share a key and a value."""

    def __init__(self, rotary=False):
        super().__init__()
        self.rotary = rotary
        self.in_proj_weight = nn.Parameter(torch.zeros(16, 8))
        self.in_proj_bias = nn.Parameter(torch.zeros(16))
        self.out_proj = nn.Linear(8, 8)

    def forward(self, x):
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).split([8, 4, 4], -1)
        q, k, v = (part.unflatten(-1, (-1, 2)).transpose(1, 2) for part in (q, k, v))
        if self.rotary:
            q, k = rotated(q), rotated(k)
        k, v = k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(y.transpose(1, 2).flatten(2))


def halves(m, x):
    half = x.shape[-1] // 2
    order = torch.arange(2 * half).reshape(2, half).t().reshape(-1)
    return rotated(x[..., order])[..., torch.argsort(order)]


def sinusoids(m, x):
    time, features = x.shape[-2:]
    t, i = torch.arange(time).double()[:, None], torch.arange(features)[None, :]
    angles = t / 10000.0 ** ((i - i % 2) / features)
    return (x + torch.where(i % 2 == 0, angles.sin(), angles.cos())) ** 2


case("attention_grouped", Grouped(), [(2, 3, 8)])
case("attention_rotary", Grouped(rotary=True), [(1, 3, 8)])
case("rotary", None, [(2, 5, 6)], lambda m, x: rotated(x))
case("rotary_halves", None, [(5, 6)], halves)
case("sinusoidal", None, [(2, 4, 5)], sinusoids)


def block(kind, **options):
    return kind(4, 2, dim_feedforward=6, dropout=0.0, batch_first=True, **options)


def encoder(**options):
    return block(nn.TransformerEncoderLayer, **options)


def decoder(**options):
    return block(nn.TransformerDecoderLayer, **options)


case("encoder_layer", encoder(activation="gelu"), [(2, 3, 4)])
case("encoder_layer_relu", encoder(), [(1, 2, 4)])
case("encoder_layer_pre", encoder(activation="gelu", norm_first=True), [(2, 3, 4)],
     lambda m, x: m(x, src_mask=HIDDEN))
# Without biases but those of the norms, which PyTorch leaves out as well.
no_bias = encoder(activation="gelu", norm_first=True, bias=False)
no_bias.norm1, no_bias.norm2 = nn.LayerNorm(4), nn.LayerNorm(4)
case("encoder_layer_no_bias", no_bias, [(1, 3, 4)])
case("decoder_layer", decoder(activation="gelu"), [(2, 3, 4), (2, 5, 4)],
     lambda m, x, memory: m(x, memory, tgt_mask=HIDDEN, memory_key_padding_mask=PADDED))
case("decoder_layer_pre", decoder(activation="gelu", norm_first=True), [(1, 3, 4), (1, 2, 4)])
case("encoder", nn.TransformerEncoder(encoder(activation="gelu", norm_first=True), 2, nn.LayerNorm(4),
                                      enable_nested_tensor=False), [(1, 3, 4)])
case("decoder", nn.TransformerDecoder(decoder(activation="gelu"), 2, nn.LayerNorm(4)),
     [(1, 3, 4), (1, 2, 4)], lambda m, x, memory: m(x, memory, tgt_mask=HIDDEN))
