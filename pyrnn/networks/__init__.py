"""The built-in networks: one class per equation."""

from pyrnn.networks.cells import TorchRNN
from pyrnn.networks.equations import CTRNN, RNN, LeakyRNN, RateRNN
from pyrnn.networks.low_rank import LowRankRNN

__all__ = ["CTRNN", "RNN", "LeakyRNN", "LowRankRNN", "RateRNN", "TorchRNN"]
