"""Train recurrent networks on tasks, then see how they compute.

Networks stand here; ``pyrnn.tasks``, ``pyrnn.training``, ``pyrnn.dynamics``, ``pyrnn.plot`` and
``pyrnn.render`` are imported by name, so that ``import pyrnn`` stays light.
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
