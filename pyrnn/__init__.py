"""Train recurrent networks on tasks, then see how they compute.

Networks stand here; ``pyrnn.tasks``, ``pyrnn.training``, ``pyrnn.dynamics``, ``pyrnn.plot`` and
``pyrnn.render`` are imported by name, so that ``import pyrnn`` stays light.
"""

from pyrnn.base import RNNBase, Rollout
from pyrnn.checkpoint import load
from pyrnn.networks import CTRNN, RNN, LowRankRNN, RateRNN, TorchRNN

__all__ = ["CTRNN", "RNN", "LowRankRNN", "RNNBase", "RateRNN", "Rollout", "TorchRNN", "load"]
__version__ = "0.1.0"
