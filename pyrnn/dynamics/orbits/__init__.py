"""Orbits: cycles, attractors with their basins, limit cycles, Lyapunov exponents."""

from pyrnn.dynamics.orbits.attractors import FATES, Attractors, find_attractors
from pyrnn.dynamics.orbits.cycles import Cycle, Cycles, find_cycles
from pyrnn.dynamics.orbits.dimension import n_principal_components, participation_ratio
from pyrnn.dynamics.orbits.limit_cycle import LimitCycle, find_limit_cycle
from pyrnn.dynamics.orbits.lyapunov import (
    finite_time_lyapunov,
    kaplan_yorke_dimension,
    lyapunov_spectrum,
)

__all__ = [
    "FATES",
    "Attractors",
    "Cycle",
    "Cycles",
    "LimitCycle",
    "find_attractors",
    "find_cycles",
    "find_limit_cycle",
    "finite_time_lyapunov",
    "kaplan_yorke_dimension",
    "lyapunov_spectrum",
    "n_principal_components",
    "participation_ratio",
]
