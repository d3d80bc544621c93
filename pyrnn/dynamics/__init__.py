"""Dynamics of any step(h, x): fixed points, stability, transitions."""

from pyrnn.dynamics.fixed_points import find_fixed_points
from pyrnn.dynamics.jacobian import input_jacobian, jacobian
from pyrnn.dynamics.points import FixedPoint, FixedPoints
from pyrnn.dynamics.stability import classify, count_unstable, index_signs
from pyrnn.dynamics.transitions import save_graph, transition_graph

__all__ = [
    "FixedPoint",
    "FixedPoints",
    "classify",
    "count_unstable",
    "find_fixed_points",
    "index_signs",
    "input_jacobian",
    "jacobian",
    "save_graph",
    "transition_graph",
]
