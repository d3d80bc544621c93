"""The search for all fixed points of a step under constant input."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps import Map, Network, analysis, as_map
from pyrnn.dynamics.points._search import Found, Search
from pyrnn.dynamics.points._seeding import distances_to
from pyrnn.dynamics.points.points import FixedPoints
from pyrnn.validate import as_boolean, as_integer, as_number, as_rng

__all__ = ["find_fixed_points"]

logger = logging.getLogger(__name__)


@analysis
def find_fixed_points(
    network: Network,
    starts: States,
    x: States | None = None,
    *,
    tol: float = 1e-9,
    round_size: int = 64,
    max_rounds: int = 64,
    rng: torch.Generator | int | None = None,
    progress: bool = True,
) -> FixedPoints:
    r"""Find the fixed points of a network under a constant input.

    .. math:: F(h^*, x) = h^*

    The search goes in rounds of starts: mixtures of the states given, and midpoints between the
    points already found. Starts of the first round follow the network for some steps, to its
    attractors; some of the later ones are corners of a box, in case all states given are near
    one point. Each round runs batched Newton iterations in float32, merges starts that converged
    to the same point and polishes new points in float64. It ends when two sets of ``round_size``
    starts have brought nothing new, provided that the indices
    :math:`\mathrm{sign}\det(I - J)` add up to +1, which they must for a network with bounded
    states; otherwise, with starts ever further out, after twelve sets.

    Args:
        network: A network, a recurrent module of torch, or any batched ``step(h, x)``; see
            :func:`~pyrnn.dynamics.as_map`.
        starts: States to start from, usually those visited during the task,
            ``(..., state_size)`` or a ``Rollout``; :func:`~pyrnn.dynamics.uniform_states` draws
            from a box.
        x: Constant input ``(input_size,)``, or several, ``(..., input_size)``: each distinct one
            is searched from all starts. By default zero, of one channel for a function.
        tol: Largest speed ``|F(h, x) - h|`` of a point that is returned, relative to the usual
            size of the states. Points are solved for to about 1e-13 in any case; a larger value
            lets no slow points in.
        round_size: Starts of the first round, for each input; the others have twice as many.
        max_rounds: Most rounds, whatever they bring.
        rng: Random generator on the CPU, or a seed; by default 0.
        progress: Whether to show a progress bar when the search takes longer than a second.
            Ctrl-C ends the search and keeps what was found.

    Returns:
        Points without duplicates, sorted by number of unstable modes and then by state. None
        found is an empty result, and one line in the log.

    Raises:
        TypeError: If ``network`` cannot be called, the states are not numbers or an option is of
            the wrong kind.
        ValueError: If starts or inputs have the wrong width, are empty or not finite, or the
            step is not differentiable, not batched, random or changes the shape.

    Warns:
        UserWarning: If the step rounds to single precision, so that the search misses points.

    Example:
        >>> starts = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
        >>> points = find_fixed_points(lambda h, x: torch.tanh(2 * h + x), starts, [0.2])
        >>> points.states[:, 0]
        tensor([-0.9303,  0.9730, -0.2029], dtype=torch.float64)

    References:
        Sussillo & Barak, *Neural Computation* 25:626 (2013);
        Golub & Sussillo, *JOSS* 3:1003 (2018).
    """
    tol = as_number("tol", tol, above=0)
    round_size = as_integer("round_size", round_size, low=1)
    max_rounds = as_integer("max_rounds", max_rounds, low=1)
    rng, progress = as_rng(rng), as_boolean("progress", progress)
    step = as_map(network, starts, x)
    pool, inputs = step.states(starts), step.distinct_inputs(x)
    pool = pool.reshape(-1, pool.shape[-1])
    search = Search(step, pool, tol, round_size, max_rounds, rng, progress)
    points = _as_points(step, search.run(inputs), pool)
    if not len(points):
        logger.warning(
            "no fixed point found below tol=%g; give more starts, or look for cycles", tol
        )
    return points


def _as_points(step: Map, found: Found, pool: Tensor) -> FixedPoints:
    """Take speed and distance of what a search found."""
    h, x = found.states, found.inputs
    points = FixedPoints(
        h,
        x,
        (step(h, x) - h).norm(dim=-1),
        found.jacobians,
        distances_to(pool, h),
        found.record,
        found.multiplicity,
        found.growth,
    )
    vars(points.spectrum)["eigenvalues"] = found.eigenvalues
    return points.in_order()
