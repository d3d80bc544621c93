"""Dynamics of any step(h, x): fixed points and what surrounds them."""

from pyrnn.dynamics.certificate import Certificates, certify
from pyrnn.dynamics.fixed_points import find_fixed_points
from pyrnn.dynamics.jacobian import input_jacobian, jacobian
from pyrnn.dynamics.linearisation import (
    Linearisation,
    frequencies,
    henrici,
    linearise,
    timescales,
)
from pyrnn.dynamics.points import FixedPoint, FixedPoints
from pyrnn.dynamics.stability import classify, count_unstable, index_signs
from pyrnn.dynamics.transitions import save_graph, transition_graph

__all__ = [
    "Certificates",
    "FixedPoint",
    "FixedPoints",
    "Linearisation",
    "certify",
    "classify",
    "count_unstable",
    "find_fixed_points",
    "frequencies",
    "henrici",
    "index_signs",
    "input_jacobian",
    "jacobian",
    "linearise",
    "save_graph",
    "timescales",
    "transition_graph",
]
