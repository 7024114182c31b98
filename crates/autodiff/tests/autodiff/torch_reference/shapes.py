"""Shapes: each operation on squares, so that second derivatives say something."""
import torch
import torch.nn.functional as F

from make import case, numbers

INDEX = torch.tensor([[2, 0, 2], [1, 1, 0]])
LINE = torch.tensor([2, 0, 2, 1])


def squares(name, shapes, f):
    case(name, shapes, lambda *x: f(*[value * value for value in x]))


def scatter(axis, index):
    return lambda x, src: torch.scatter_add(x, axis, index, src)


squares("reshape", [(2, 3, 2)], lambda x: x.reshape(4, 3))
squares("reshape_transposed", [(2, 3)], lambda x: x.T.reshape(2, 3))
squares("flatten", [(2, 3, 2)], lambda x: x.flatten(1, -1))
squares("squeeze", [(2, 1, 3)], lambda x: x.squeeze(1))
squares("unsqueeze", [(2, 3)], lambda x: x.unsqueeze(-1))
squares("permute", [(2, 3, 2)], lambda x: x.permute(2, 0, 1))
squares("transpose", [(2, 3, 2)], lambda x: x.transpose(0, -1))
squares("move_axis", [(2, 3, 2)], lambda x: x.movedim(0, 2))
squares("broadcast_to", [(2, 1)], lambda x: x.expand(3, 2, 4))
squares("broadcast_to_none", [(2, 1)], lambda x: x.expand(2, 0))
squares("sum_to", [(2, 3, 2)], lambda x: x.sum_to_size(3, 1))
# --- parts ---------------------------------------------------------------------------------------
squares("slice", [(5, 2)], lambda x: x[1:4])
squares("slice_step", [(2, 7)], lambda x: x[:, 1::3])
squares("slice_negative", [(2, 5)], lambda x: x[:, -3:-1])
squares("slice_backwards", [(6,)], lambda x: x[1:5].flip(0)[::2])
squares("slice_clipped", [(4,)], lambda x: x[2:9])
squares("slice_none", [(4, 2)], lambda x: x[2:2])
squares("select", [(3, 4)], lambda x: x[:, -2])
squares("narrow", [(3, 5)], lambda x: x.narrow(1, 1, 3))
squares("split", [(2, 5)], lambda x: x.split([1, 4], 1)[1])
squares("split_parts", [(2, 5)], lambda x: torch.prod(torch.stack(x.split([2, 2, 1], 1)[:2]), 0))
squares("chunk", [(4, 3)], lambda x: torch.mul(*x.chunk(2, 0)))
# --- joined and repeated -------------------------------------------------------------------------
squares("concat", [(2, 2), (2, 3)], lambda a, b: torch.cat([a, b], 1))
squares("concat_three", [(1, 2), (2, 2), (3, 2)], lambda a, b, c: torch.cat([a, b, c], 0))
squares("concat_rows/empty", [(0, 2), (2, 2)], lambda a, b: torch.cat([a, b], 0))
squares("concat_self", [(2, 2)], lambda a: torch.cat([a, a, a * a], 0))
squares("stack", [(2, 3), (2, 3)], lambda a, b: torch.stack([a, b], 1))
squares("stack_last", [(2, 3), (2, 3)], lambda a, b: torch.stack([a, b], -1))
squares("repeat", [(2, 3)], lambda x: x.repeat(2, 2))
squares("repeat_front", [(3,)], lambda x: x.repeat(2, 2))
squares("repeat_none", [(2, 3)], lambda x: x.repeat(0, 1))
squares("repeat_interleave", [(2, 3)], lambda x: x.repeat_interleave(3, 1))
# --- moved and padded ----------------------------------------------------------------------------
squares("flip_0", [(3, 2)], lambda x: x.flip(0))
squares("flip_both", [(3, 2)], lambda x: x.flip(0, 1))
squares("roll_forward", [(5,)], lambda x: x.roll(2, 0))
squares("roll_back", [(2, 4)], lambda x: x.roll(-1, 1))
squares("roll_both", [(3, 4)], lambda x: x.roll((4, -6), (0, 1)))
squares("pad_constant", [(2, 3)], lambda x: F.pad(x, (1, 2, 0, 1), value=1.5))
squares("pad_reflect", [(1, 4)], lambda x: F.pad(x, (3, 2), mode="reflect"))
squares("pad_reflect_2d", [(1, 3, 4)], lambda x: F.pad(x, (1, 2, 2, 1), mode="reflect"))
squares("pad_edge", [(1, 3)], lambda x: F.pad(x, (4, 2), mode="replicate"))
squares("pad_edge_2d", [(1, 2, 3)], lambda x: F.pad(x, (1, 2, 2, 1), mode="replicate"))
# --- by an index ---------------------------------------------------------------------------------
squares("gather_0", [(3, 3)], lambda x: torch.gather(x, 0, INDEX))
squares("gather_1", [(2, 3)], lambda x: torch.gather(x, 1, INDEX))
squares("index_select_0", [(3, 2)], lambda x: torch.index_select(x, 0, LINE))
squares("index_select_1", [(2, 3)], lambda x: torch.index_select(x, 1, LINE))
squares("index_select_none", [(3, 2)], lambda x: torch.index_select(x, 0, LINE[:0]))
squares("scatter_add_0", [(3, 3), (2, 3)], scatter(0, INDEX))
squares("scatter_add_1", [(2, 3), (2, 3)], scatter(1, INDEX))
squares("scatter_add_gather", [(3, 3), (2, 3)],
        lambda x, src: torch.gather(scatter(0, INDEX)(x, src) * x, 0, INDEX))
squares("sliding_difference", [(6,)], lambda x: x[1:] * x[:-1])
squares("interleaved", [(3,), (3,)], lambda a, b: torch.stack([a, a * b], 1).reshape(6))
