"""Branches: how fixed points move, appear and vanish as a parameter changes."""

from pyrnn.dynamics.branches.bifurcations import Bifurcation
from pyrnn.dynamics.branches.branch import Branch, Branches
from pyrnn.dynamics.branches.continuation import find_branches
from pyrnn.dynamics.branches.follow import follow, follow_training
from pyrnn.dynamics.branches.tracks import Event, Tracks

__all__ = [
    "Bifurcation",
    "Branch",
    "Branches",
    "Event",
    "Tracks",
    "find_branches",
    "follow",
    "follow_training",
]
