"""The built-in networks: one class per equation."""

from pyrnn.networks._former import torch_rnn
from pyrnn.networks.equations import CTRNN, RNN, LeakyRNN, RateRNN
from pyrnn.networks.gated import GRU, LSTM
from pyrnn.networks.low_rank import LowRankRNN
from pyrnn.serialize import register_former

__all__ = ["CTRNN", "GRU", "LSTM", "RNN", "LeakyRNN", "LowRankRNN", "RateRNN"]

register_former("pyrnn.networks.cells.TorchRNN", torch_rnn)
