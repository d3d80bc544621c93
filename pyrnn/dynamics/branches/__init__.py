"""Branches: how fixed points move, appear and vanish as a parameter changes."""

from pyrnn.dynamics.branches.bifurcations import Bifurcation
from pyrnn.dynamics.branches.branch import Branch, Branches
from pyrnn.dynamics.branches.continuation import find_branches

__all__ = ["Bifurcation", "Branch", "Branches", "find_branches"]
