"""Training: fit, losses, penalties, callbacks, curricula, history."""

from pyrnn.progress import track
from pyrnn.training.callbacks import (
    early_stopping,
    live_plot,
    log_csv,
    log_tensorboard,
    save_best,
)
from pyrnn.training.curriculum import Curriculum
from pyrnn.training.data import collate
from pyrnn.training.evaluation import evaluate
from pyrnn.training.fit import fit
from pyrnn.training.history import History
from pyrnn.training.loop import Training
from pyrnn.training.losses import binary_cross_entropy, cross_entropy, mse
from pyrnn.training.penalties import (
    L1,
    L2,
    ActivityL1,
    ActivityL2,
    BoundsPenalty,
    Smoothness,
    WholeL2,
)

__all__ = [
    "L1",
    "L2",
    "ActivityL1",
    "ActivityL2",
    "BoundsPenalty",
    "Curriculum",
    "History",
    "Smoothness",
    "Training",
    "WholeL2",
    "binary_cross_entropy",
    "collate",
    "cross_entropy",
    "early_stopping",
    "evaluate",
    "fit",
    "live_plot",
    "log_csv",
    "log_tensorboard",
    "mse",
    "save_best",
    "track",
]
