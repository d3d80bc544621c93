"""Graphs: which point leads to which, at rest and after a pulse."""

from pyrnn.dynamics.graphs.same_transitions import same_transitions
from pyrnn.dynamics.graphs.skeleton import skeleton
from pyrnn.dynamics.graphs.state_machine import state_machine
from pyrnn.dynamics.graphs.transition_graph import TransitionGraph
from pyrnn.dynamics.graphs.transitions import transition_graph

__all__ = [
    "TransitionGraph",
    "same_transitions",
    "skeleton",
    "state_machine",
    "transition_graph",
]
