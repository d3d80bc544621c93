"""Where a step leaves the state in place, or nearly: points, and the manifolds that they fill."""

from pyrnn.dynamics.points._attraction import Attraction
from pyrnn.dynamics.points._boxes import Boxes
from pyrnn.dynamics.points._kinks import find_kinks
from pyrnn.dynamics.points._newton import newton
from pyrnn.dynamics.points._roots import uncertainty
from pyrnn.dynamics.points._search import Search
from pyrnn.dynamics.points._seeding import uniform_states
from pyrnn.dynamics.points.certificate import Certificates, certify
from pyrnn.dynamics.points.fixed_points import find_fixed_points
from pyrnn.dynamics.points.input_proof import InputProof
from pyrnn.dynamics.points.manifolds import Manifold, Manifolds, find_manifolds
from pyrnn.dynamics.points.points import FixedPoint, FixedPoints, SlowPoint, SlowPoints
from pyrnn.dynamics.points.proof import Proof, prove_along, prove_complete
from pyrnn.dynamics.points.slow_points import find_slow_points, slow_manifold

__all__ = [
    "Attraction",
    "Boxes",
    "Certificates",
    "FixedPoint",
    "FixedPoints",
    "InputProof",
    "Manifold",
    "Manifolds",
    "Proof",
    "Search",
    "SlowPoint",
    "SlowPoints",
    "certify",
    "find_fixed_points",
    "find_kinks",
    "find_manifolds",
    "find_slow_points",
    "newton",
    "prove_along",
    "prove_complete",
    "slow_manifold",
    "uncertainty",
    "uniform_states",
]
