"""What units and states represent: selectivity, coding axes, decoding, clusters of units.

All functions take states ``(n_trials, time, units)`` and the variables of the trials: a batch of a
task, or one value for each trial by name. NaN marks states that are not known.
"""

from pyrnn.representation._clusters import Clusters, cluster_units
from pyrnn.representation._condition_means import ConditionMeans, condition_means
from pyrnn.representation._decoding import Decoding, decode
from pyrnn.representation._demixed_axes import DemixedAxes, demixed_axes
from pyrnn.representation._selectivity import Selectivity, selectivity
from pyrnn.representation._targeted_axes import targeted_axes
from pyrnn.representation._task_variance import TaskVariance, task_variance
from pyrnn.representation._trials import valid_steps

__all__ = [
    "Clusters",
    "ConditionMeans",
    "Decoding",
    "DemixedAxes",
    "Selectivity",
    "TaskVariance",
    "cluster_units",
    "condition_means",
    "decode",
    "demixed_axes",
    "selectivity",
    "targeted_axes",
    "task_variance",
    "valid_steps",
]
