"""Recurrent cells and networks."""
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from make import case

CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
NETWORKS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def state(name, parts):
    return tuple(parts) if name == "lstm" else parts[0]


def packed(name):
    def run(module, x, *parts):
        lengths = torch.tensor([2, 4, 1])
        sequences = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, last = module(sequences, state(name, parts))
        return pad_packed_sequence(y, batch_first=True, total_length=4)[0], last
    return run


def of_kind(name, cell, network):
    part = 2 if name == "lstm" else 1
    case(f"{name}_cell", cell(3, 2), [(4, 3)] + [(4, 2)] * part,
         lambda m, x, *parts: m(x, state(name, parts)))
    case(f"{name}_cell_no_bias", cell(3, 2, bias=False), [(1, 3)])
    case(name, network(3, 2, batch_first=True), [(2, 4, 3)])
    case(f"{name}_no_bias", network(2, 3, bias=False, batch_first=True), [(1, 3, 2)])
    case(f"{name}_deep", network(2, 3, num_layers=2, bidirectional=True, batch_first=True),
         [(2, 3, 2)] + [(4, 2, 3)] * part, lambda m, x, *parts: m(x, state(name, parts)))
    case(f"{name}_packed", network(2, 2, num_layers=2, bidirectional=True, batch_first=True),
         [(3, 4, 2)] + [(4, 3, 2)] * part, packed(name))


for kind in CELLS:
    of_kind(kind, CELLS[kind], NETWORKS[kind])
case("rnn_relu", nn.RNN(3, 2, nonlinearity="relu", batch_first=True), [(2, 3, 3)])
