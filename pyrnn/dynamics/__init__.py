"""Dynamics of any step(h, x): fixed points and what surrounds them."""

from pyrnn.dynamics.attractors import Attractors, find_attractors
from pyrnn.dynamics.bifurcations import Bifurcation
from pyrnn.dynamics.certificate import Certificates, certify
from pyrnn.dynamics.continuation import Branch, find_branches
from pyrnn.dynamics.cycles import Cycle, find_cycles
from pyrnn.dynamics.dimension import n_principal_components, participation_ratio
from pyrnn.dynamics.export import save_graph
from pyrnn.dynamics.fixed_points import find_fixed_points
from pyrnn.dynamics.flow import (
    FlowField,
    LimitCycle,
    RungeKuttaMap,
    find_limit_cycle,
    flow_field,
    velocity,
)
from pyrnn.dynamics.jacobian import IteratedMap, input_jacobian, jacobian
from pyrnn.dynamics.linearization import (
    Linearization,
    departure_from_normality,
    frequencies,
    linearize,
    timescales,
)
from pyrnn.dynamics.lyapunov import kaplan_yorke_dimension, lyapunov_spectrum
from pyrnn.dynamics.manifolds import Manifold, find_manifolds
from pyrnn.dynamics.points import FixedPoint, FixedPoints, SlowPoint, SlowPoints
from pyrnn.dynamics.record import SearchRecord
from pyrnn.dynamics.results import load_result, save_result
from pyrnn.dynamics.seeding import uniform_states
from pyrnn.dynamics.slow_points import find_slow_points, slow_manifold
from pyrnn.dynamics.stability import classify, count_unstable, index_signs
from pyrnn.dynamics.state_machine import are_isomorphic, state_machine
from pyrnn.dynamics.transitions import manifold_graph, sample_paths, transition_graph

__all__ = [
    "Attractors",
    "Bifurcation",
    "Branch",
    "Certificates",
    "Cycle",
    "FixedPoint",
    "FixedPoints",
    "FlowField",
    "IteratedMap",
    "LimitCycle",
    "Linearization",
    "Manifold",
    "RungeKuttaMap",
    "SearchRecord",
    "SlowPoint",
    "SlowPoints",
    "are_isomorphic",
    "certify",
    "classify",
    "count_unstable",
    "departure_from_normality",
    "find_attractors",
    "find_branches",
    "find_cycles",
    "find_fixed_points",
    "find_limit_cycle",
    "find_manifolds",
    "find_slow_points",
    "flow_field",
    "frequencies",
    "index_signs",
    "input_jacobian",
    "jacobian",
    "kaplan_yorke_dimension",
    "linearize",
    "load_result",
    "lyapunov_spectrum",
    "manifold_graph",
    "n_principal_components",
    "participation_ratio",
    "sample_paths",
    "save_graph",
    "save_result",
    "slow_manifold",
    "state_machine",
    "timescales",
    "transition_graph",
    "uniform_states",
    "velocity",
]
