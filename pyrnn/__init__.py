"""Train recurrent networks on tasks, then see how they compute.

This module has the networks. Import ``pyrnn.tasks``, ``pyrnn.training``, ``pyrnn.dynamics``,
``pyrnn.plot`` and ``pyrnn.render`` by name; ``import pyrnn`` alone does not draw or analyze.
"""

from pyrnn.base import RNNBase, Rollout, load
from pyrnn.networks import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN
from pyrnn.unroll import Engine

__all__ = [
    "CTRNN",
    "GRU",
    "LSTM",
    "RNN",
    "Engine",
    "LowRankRNN",
    "RNNBase",
    "RateRNN",
    "Rollout",
    "load",
]
__version__ = "0.2.0"
