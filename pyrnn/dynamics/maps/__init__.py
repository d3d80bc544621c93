"""One step of a network as a map, its derivatives and its spectrum."""

from pyrnn.arrays import States
from pyrnn.dynamics.maps.as_map import analysis, as_map
from pyrnn.dynamics.maps.deformed import DeformedMap
from pyrnn.dynamics.maps.equation import EquationJacobians, EquationMap
from pyrnn.dynamics.maps.family import FamilyMap
from pyrnn.dynamics.maps.flow_field import FlowField, flow_field
from pyrnn.dynamics.maps.iterated import IteratedMap
from pyrnn.dynamics.maps.line import line_between
from pyrnn.dynamics.maps.linearization import (
    Linearization,
    input_jacobian,
    jacobian,
    linearize,
    velocity,
)
from pyrnn.dynamics.maps.map import Map, Network
from pyrnn.dynamics.maps.nonnormality import (
    departure_from_normality,
    pseudospectral_radius,
    schur_form,
)
from pyrnn.dynamics.maps.runge_kutta import RungeKuttaMap
from pyrnn.dynamics.maps.scaled import ScaledMap, state_scale
from pyrnn.dynamics.maps.spectrum import Spectrum, index_signs
from pyrnn.dynamics.maps.torch_cells import CellMap

__all__ = [
    "CellMap",
    "DeformedMap",
    "EquationJacobians",
    "EquationMap",
    "FamilyMap",
    "FlowField",
    "IteratedMap",
    "Linearization",
    "Map",
    "Network",
    "RungeKuttaMap",
    "ScaledMap",
    "Spectrum",
    "States",
    "analysis",
    "as_map",
    "departure_from_normality",
    "flow_field",
    "index_signs",
    "input_jacobian",
    "jacobian",
    "line_between",
    "linearize",
    "pseudospectral_radius",
    "schur_form",
    "state_scale",
    "velocity",
]
