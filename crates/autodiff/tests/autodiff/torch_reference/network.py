"""Network operations and losses."""
import torch
import torch.nn.functional as F

from make import case, numbers

# --- convolutions --------------------------------------------------------------------------------
case("conv1d", [(2, 4, 7), (6, 2, 3), (6,)],
     lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=2, dilation=2, groups=2))
case("conv2d", [(2, 2, 5, 6), (3, 2, 2, 3), (3,)],
     lambda x, w, b: F.conv2d(x, w, b, stride=(1, 2), padding=(1, 0), dilation=(2, 1)))
case("conv2d_tanh", [(1, 2, 4, 4), (4, 1, 3, 3), (4,)],
     lambda x, w, b: torch.tanh(F.conv2d(x, w, b, padding=1, groups=2)))
case("conv2d_silu", [(1, 1, 4, 4), (2, 1, 3, 3), (2,)],
     lambda x, w, b: F.silu(F.conv2d(x, w, b)))
case("conv_transpose1d", [(2, 4, 3), (4, 3, 3), (6,)],
     lambda x, w, b: F.conv_transpose1d(x, w, b, stride=3, padding=1, output_padding=2, groups=2))
case("conv_transpose2d", [(1, 2, 3, 2), (2, 3, 2, 3), (3,)],
     lambda x, w, b: F.conv_transpose2d(x, w, b, stride=(2, 1), padding=(0, 1),
                                        output_padding=(1, 0), dilation=(1, 2)))
# --- pools ---------------------------------------------------------------------------------------
case("max_pool1d", [(2, 3, 7)], lambda x: F.max_pool1d(x, 3, 2, 1))
case("max_pool2d", [(1, 2, 5, 6)], lambda x: F.max_pool2d(x, (2, 3), (2, 1), (1, 1), ceil_mode=True))
case("max_pool2d_ties", [(1, 1, 4, 4)], lambda x: F.max_pool2d(x, 3, 1),
     inputs=[torch.ones(1, 1, 4, 4)])
case("avg_pool1d", [(2, 3, 7)], lambda x: F.avg_pool1d(x, 3, 2, 1))
case("avg_pool2d", [(1, 2, 5, 6)],
     lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False))
case("adaptive_avg_pool1d", [(2, 7)], lambda x: F.adaptive_avg_pool1d(x, 3))
case("adaptive_avg_pool2d", [(1, 2, 5, 3)], lambda x: F.adaptive_avg_pool2d(x, (2, 4)))
# --- norms ---------------------------------------------------------------------------------------
case("batch_norm", [(3, 2, 4), (2,), (2,)],
     lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True, eps=1e-3))
case("batch_norm_inference", [(3, 2, 2, 2), (2,), (2,)],
     lambda x, w, b: F.batch_norm(x, numbers(50, (2,)), numbers(51, (2,)) + 2, w, b, eps=1e-3))
case("layer_norm", [(3, 2, 4), (2, 4), (2, 4)],
     lambda x, w, b: F.layer_norm(x, (2, 4), w, b, 1e-3))
case("group_norm", [(2, 6, 3), (6,), (6,)], lambda x, w, b: F.group_norm(x, 3, w, b, 1e-3))
case("rms_norm", [(3, 5), (5,)], lambda x, w: F.rms_norm(x, (5,), w, 1e-3))
# --- attention and embedding ---------------------------------------------------------------------
# Written out where masks leave a row nothing: what torch makes of such a row has changed.
case("attention", [(2, 3, 4), (2, 5, 4), (2, 5, 3)],
     lambda q, k, v: torch.softmax(q @ k.transpose(-2, -1) / 2, -1) @ v)
case("attention_scale", [(2, 3, 4), (5, 4), (5, 3)],
     lambda q, k, v: torch.softmax(q @ k.transpose(-2, -1) * 0.7, -1) @ v)
CAUSAL = torch.ones(4, 4).tril().bool()
case("attention_causal", [(2, 2, 4, 3), (2, 2, 4, 3), (2, 2, 4, 2)],
     lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=CAUSAL))
MASK = torch.tensor([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]]).bool()


def masked_attention(q, k, v):
    # The row that sees nothing is left out, and zeros put in its place.
    scores = (q @ k.transpose(-2, -1) / 3 ** 0.5)[..., [0, 2], :]
    scores = scores.masked_fill(~MASK[[0, 2]], float("-inf"))
    y = torch.softmax(scores, -1) @ v
    return torch.stack([y[..., 0, :], torch.zeros_like(y[..., 0, :]), y[..., 1, :]], -2)


case("attention_masked_row", [(2, 3, 3), (2, 4, 3), (2, 4, 2)], masked_attention)
case("embedding", [(5, 3)],
     lambda w: torch.tanh(F.embedding(torch.tensor([[3, 0], [1, 3]]), w, padding_idx=1)))
# --- losses --------------------------------------------------------------------------------------
LABELS = torch.tensor([2, 0, 1, 2])
for reduction in ["mean", "sum", "none"]:
    case(f"cross_entropy_{reduction}", [(4, 3)],
         lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.2, ignore_index=1,
                                   reduction=reduction))
    case(f"nll_loss_{reduction}", [(4, 3)],
         lambda x: F.nll_loss(torch.tanh(x), LABELS, ignore_index=0, reduction=reduction))
    case(f"soft_cross_entropy_{reduction}", [(4, 3), (4, 3)],
         lambda x, t: F.cross_entropy(x, t, reduction=reduction))
    case(f"huber_loss_{reduction}", [(3, 4), (3, 4)],
         lambda x, t: F.huber_loss(x, t, delta=0.5, reduction=reduction))
    case(f"smooth_l1_loss_{reduction}", [(3, 4), (3, 4)],
         lambda x, t: F.smooth_l1_loss(x, t, beta=0.3, reduction=reduction))
    case(f"l1_loss_{reduction}", [(3, 4), (3, 4)],
         lambda x, t: F.l1_loss(torch.tanh(x), t, reduction=reduction))
    case(f"squared_error_{reduction}", [(3, 4), (3, 4)],
         lambda x, t: F.mse_loss(x, t, reduction=reduction))
    case(f"binary_cross_entropy_{reduction}", [(3, 4), (3, 4)],
         lambda x, t: F.binary_cross_entropy_with_logits(
             3 * x, t, pos_weight=numbers(60, (4,)) + 1.5, reduction=reduction))
case("binary_cross_entropy_extreme", [], lambda x: F.binary_cross_entropy_with_logits(
    x, torch.tensor([0.0, 1.0, 0.5, 0.0, 1.0, 0.5]), reduction="none"),
    inputs=[torch.tensor([1e4, 1e4, 1e4, -1e4, -1e4, -1e4])])
case("cross_entropy_extreme", [], lambda x: F.cross_entropy(x, torch.tensor([0, 1])),
     inputs=[torch.tensor([[1e4, -1e4, 0.0], [1e4, -1e4, 3.0]])])
case("kl_div", [(3, 4), (3, 4)],
     lambda x, t: F.kl_div(x, torch.sigmoid(t), reduction="batchmean"))
case("kl_div_log_target", [(3, 4), (3, 4)],
     lambda x, t: F.kl_div(x, t, reduction="mean", log_target=True))
case("cosine_similarity", [(3, 4, 2), (4, 2)],
     lambda a, b: F.cosine_similarity(a, b, dim=1, eps=1e-4))
# --- kinks, ties, nothing ------------------------------------------------------------------------
KINKS = [torch.tensor([1.0, -1.0, 0.5, -0.5, 0.0, 2.0]), torch.zeros(6)]
case("huber_loss_none/kinks", [], lambda x, t: F.huber_loss(x, t, delta=0.5, reduction="none"),
     inputs=KINKS)
case("smooth_l1_loss_none/kinks", [], lambda x, t: F.smooth_l1_loss(x, t, beta=0.3, reduction="none"),
     inputs=KINKS)
case("l1_loss_none/kinks", [],
     lambda x, t: F.l1_loss(torch.tanh(x), t, reduction="none"), inputs=KINKS)
for name, f in {"huber_loss": lambda x, t: F.huber_loss(x, t, delta=0.5, reduction="sum"),
                "l1_loss": lambda x, t: F.l1_loss(torch.tanh(x), t, reduction="sum"),
                "squared_error": lambda x, t: F.mse_loss(x, t, reduction="sum")}.items():
    case(f"{name}_sum/empty", [(0, 3), (0, 3)], f)
case("mse_loss", [(3, 4), (3, 4)], lambda x, t: F.mse_loss(x, t))
case("cosine_similarity/zero", [], lambda a, b: F.cosine_similarity(a, b, dim=1, eps=1e-4), order=1,
     inputs=[torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([[2.0, 0.5], [1.0, 1.0]])])
case("max_pool1d_ties", [], lambda x: F.max_pool1d(x, 2, 1),
     inputs=[torch.tensor([[[0.0, 0.0, 1.0, 1.0, 0.0]]])])
case("max_pool2d_dilated", [(1, 1, 6, 6)], lambda x: F.max_pool2d(x * x, 2, 2, 0, 2))
case("avg_pool2d_counted", [(1, 2, 4, 5)], lambda x: F.avg_pool2d(x * x, 2, 2, 1))
for name, f in {"relu": torch.relu, "gelu": F.gelu, "logistic": torch.sigmoid}.items():
    case(f"conv1d_{name}", [(2, 2, 5), (3, 2, 3), (3,)],
         lambda x, w, b: f(F.conv1d(x, w, b, padding=1)))
case("conv1d_no_bias", [(1, 2, 5), (2, 2, 2)], F.conv1d)
case("conv1d_pointwise", [(2, 3, 4), (2, 3, 1), (2,)], F.conv1d)
case("conv2d_depthwise", [(1, 3, 4, 4), (3, 1, 2, 2), (3,)],
     lambda x, w, b: F.conv2d(x, w, b, groups=3))
case("conv2d_strided", [(2, 1, 5, 5), (2, 1, 3, 3), (2,)],
     lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1))
case("conv2d_no_batch", [(0, 1, 3, 3), (2, 1, 2, 2), (2,)], F.conv2d)
case("layer_norm_plain", [(3, 4)], lambda x: F.layer_norm(x, (4,), None, None, 1e-3))
case("layer_norm_plain/constant", [], lambda x: F.layer_norm(x, (4,), None, None, 1e-3),
     inputs=[torch.full((2, 4), 3.0)])
case("batch_norm_plain", [(4, 2)],
     lambda x: F.batch_norm(x, None, None, None, None, training=True, eps=1e-3))
case("rms_norm_plain", [(3, 4)], lambda x: F.rms_norm(x, (4,), None, 1e-3))
case("rms_norm_plain/zero", [], lambda x: F.rms_norm(x, (4,), None, 1e-3),
     inputs=[torch.zeros(2, 4)])
case("group_norm_plain", [(2, 4, 2)], lambda x: F.group_norm(x, 2, None, None, 1e-3))
case("cross_entropy_plain", [(3, 4)], lambda x: F.cross_entropy(x, torch.tensor([3, 0, 1])))
