"""Graphs: which point leads to which, at rest and after a pulse."""

from pyrnn.dynamics.graphs.state_machine import same_transitions, state_machine
from pyrnn.dynamics.graphs.transition_graph import TransitionGraph
from pyrnn.dynamics.graphs.transitions import transition_graph

__all__ = ["TransitionGraph", "same_transitions", "state_machine", "transition_graph"]
