"""Training: fit, losses, penalties, callbacks, curricula, history."""

from pyrnn.training._evaluation import evaluate
from pyrnn.training.callbacks import early_stopping, log_csv, log_tensorboard, save_best
from pyrnn.training.curriculum import Curriculum
from pyrnn.training.data import collate
from pyrnn.training.fit import fit
from pyrnn.training.force import train_force
from pyrnn.training.history import History
from pyrnn.training.loop import Training
from pyrnn.training.losses import binary_cross_entropy, cross_entropy, mse, poisson
from pyrnn.training.many import fit_many
from pyrnn.training.network import Trainable
from pyrnn.training.penalties import (
    L1,
    L2,
    ActivityL1,
    ActivityL2,
    BoundsPenalty,
    Smoothness,
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
    "Trainable",
    "Training",
    "binary_cross_entropy",
    "collate",
    "cross_entropy",
    "early_stopping",
    "evaluate",
    "fit",
    "fit_many",
    "log_csv",
    "log_tensorboard",
    "mse",
    "poisson",
    "save_best",
    "train_force",
]
