"""Which fixed point leads to which: the transition graph of a network at rest."""

from __future__ import annotations

import logging

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.graphs._arms import arms_of, skeleton_of
from pyrnn.dynamics.graphs._arrivals import (
    LOST,
    NEAR,
    Arrivals,
    arrivals,
    check_points,
    separations,
)
from pyrnn.dynamics.graphs.transition_graph import TransitionGraph
from pyrnn.dynamics.maps import Map, Network, analysis, as_map
from pyrnn.dynamics.points import FixedPoints
from pyrnn.statistics import wilson_interval
from pyrnn.validate import as_choice, as_integer, as_number, as_rng

__all__ = ["transition_graph"]

logger = logging.getLogger(__name__)


@analysis
def transition_graph(
    network: Network,
    points: FixedPoints,
    *,
    directions: str = "random",
    n_runs: int = 32,
    scale: float | None = None,
    n_steps: int = 5000,
    rng: torch.Generator | int | None = None,
) -> TransitionGraph:
    r"""Count where the network goes from each fixed point when it is nudged.

    .. math:: h_0 = h^*_i + \sigma \xi, \quad \xi \sim N(0, I / n), \qquad h_t \to h^*_j

    All runs go in one batch, each under the constant input of its point. A run has arrived when it
    is near a stable point and every further step leads nearer; one that does not is counted as
    lost.

    With ``directions="modes"`` points are nudged along each of their growing modes, once in either
    direction, :math:`\xi = \pm v` with :math:`J v = \lambda v, |\lambda| > 1`: the runs follow the
    unstable manifolds. Stable points then have no edges.

    Args:
        network: A network, or any batched ``step(h, x)``.
        points: Fixed points, of :func:`~pyrnn.dynamics.find_fixed_points`.
        directions: ``"random"`` or ``"modes"``.
        n_runs: Runs from each point in random directions.
        scale: Length of the nudge; by default a twentieth of the median distance between
            neighboring points.
        n_steps: Most steps of a run.
        rng: Random generator on the CPU, or a seed; by default 0.

    Returns:
        A graph with nodes ``0 .. n-1``, each with its ``point`` and the number of runs ``lost``,
        and edges with ``count``, ``probability`` and its 95 % confidence interval ``low .. high``
        (Wilson), mean travel ``time`` in steps, and the ``start`` of one of the runs. A stable
        point leads to itself. The graph has ``scale``, the total number ``lost`` and the
        ``skeleton``, see :func:`~pyrnn.dynamics.skeleton`, which does not depend on chance.

    Raises:
        TypeError: If an option is of the wrong kind.
        ValueError: If there are no points, or an option is not positive.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> graph = transition_graph(step, points)
        >>> sorted(graph.edges), graph.graph["lost"]
        ([(0, 0), (1, 1), (2, 0), (2, 1)], 0)
        >>> sorted(transition_graph(step, points, directions="modes").edges)
        [(2, 0), (2, 1)]

    References:
        Maheswaranathan et al., *NeurIPS* 32 (2019); Sussillo & Barak, *Neural Computation* 25:626
        (2013), for the unstable manifolds.
    """
    directions = as_choice("directions", directions, ("random", "modes"))
    n_runs = as_integer("n_runs", n_runs, low=1)
    n_steps = as_integer("n_steps", n_steps, low=1)
    check_points(points)
    usual = NEAR * float(separations(points).median())
    scale = usual if scale is None else as_number("scale", scale, above=0)
    if directions == "modes":
        origin, nudges = _along_modes(points)
    else:
        origin, nudges = _at_random(points, n_runs, as_rng(rng))
    step = as_map(network, points, points.inputs)
    return _explore(step, points, origin, scale * nudges, n_steps, scale)


def _at_random(points: FixedPoints, n_runs: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the point of each run, and directions of mean square 1, ``(n_runs, state_size)``."""
    size = points.states.shape[-1]
    nudges = torch.randn(len(points), n_runs, size, generator=rng).to(points.states) / size**0.5
    origin = torch.arange(len(points), device=nudges.device).repeat_interleave(n_runs)
    return origin, nudges.flatten(0, 1)


def _along_modes(points: FixedPoints) -> tuple[Tensor, Tensor]:
    """Return the point of each run, and the growing modes both ways, ``(n_runs, state_size)``."""
    spectrum = points.spectrum
    # of a pair, one member gives the real part and the other the imaginary part of its plane
    is_second = spectrum.eigenvalues.imag[:, None] < 0
    modes = torch.where(is_second, spectrum.right.imag, spectrum.right.real).mT
    origin, which = spectrum.grows.nonzero().unbind(-1)
    along = functional.normalize(modes[origin, which], dim=-1)
    return origin.repeat(2), torch.cat([along, -along])


def _explore(
    step: Map, points: FixedPoints, origin: Tensor, nudges: Tensor, n_steps: int, scale: float
) -> TransitionGraph:
    """Run from nudged points and along arms, and make the graph of where the runs end."""
    starts, arms = points.states[origin] + nudges, arms_of(step, points)
    from_ = torch.cat([origin, arms.origin])
    runs = arrivals(step, torch.cat([starts, arms.starts]), points.inputs[from_], points, n_steps)
    n = len(origin)
    ends, times = runs.ends[:n], runs.times[:n]
    along = Arrivals(*(column[n:] for column in runs))
    n_lost = int((ends == LOST).sum())
    if n_lost:
        logger.warning("%d of %d runs reached no stable fixed point", n_lost, len(ends))
    graph = TransitionGraph(scale=scale, lost=n_lost)
    graph.graph["skeleton"] = skeleton_of(step, points, arms, along, n_steps)
    n_runs = torch.bincount(origin, minlength=len(points))
    lost = torch.bincount(origin[ends == LOST], minlength=len(points)).tolist()
    for i, point in enumerate(points):
        graph.add_node(i, point=point, n_runs=int(n_runs[i]), lost=lost[i])
    arrived = ends != LOST
    if arrived.any():
        _add_edges(graph, origin[arrived], ends[arrived], starts[arrived], times[arrived], n_runs)
    return graph


def _add_edges(
    graph: TransitionGraph, origin: Tensor, ends: Tensor, starts: Tensor, times: Tensor, n: Tensor
) -> None:
    """Add an edge for each pair of points that some runs connect; ``n`` is the runs of each."""
    pairs, of, counts = torch.stack([origin, ends], dim=-1).unique(
        dim=0, return_inverse=True, return_counts=True
    )
    mean = torch.zeros(len(pairs), dtype=torch.float64, device=of.device)
    mean.index_add_(0, of, times.double()).div_(counts)
    order = of.argsort(stable=True)
    first = order[counts.cumsum(0) - counts]  # a run of each pair
    n = n[pairs[:, 0]]
    low, high = wilson_interval(counts.cpu().numpy(), n.cpu().numpy())
    columns = {
        "count": counts.tolist(),
        "probability": (counts / n.double()).tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "time": mean.tolist(),
        "start": starts[first],
        "start_time": times[first].tolist(),
    }
    rows = zip(*columns.values(), strict=True)
    for (i, j), row in zip(pairs.tolist(), rows, strict=True):
        graph.add_edge(i, j, **dict(zip(columns, row, strict=True)))
