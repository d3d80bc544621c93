"""Which fixed point leads to which: the transition graph of a network at rest."""

from __future__ import annotations

import logging

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.graphs.transition_graph import TransitionGraph
from pyrnn.dynamics.maps import Map, Network, analysis, as_map
from pyrnn.dynamics.points import FixedPoints
from pyrnn.statistics import wilson_interval
from pyrnn.validate import as_choice, as_integer, as_number, as_rng

__all__ = ["arrivals", "transition_graph"]

logger = logging.getLogger(__name__)

_CHECK_EVERY = 10
_NEAR = 0.05  # of the distance to the next point
_AT_REST = 1e-6
_LOST = -1


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

    All runs go in one batch, each under the constant input of its point. A run ends when it is
    near a stable point; one that reaches none is counted as lost.

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
        point leads to itself. The graph has ``scale`` and the total number ``lost``.

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
    _check_points(points)
    scale = _default_scale(points) if scale is None else as_number("scale", scale, above=0)
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


def arrivals(
    step: Map, h: Tensor, x: Tensor, points: FixedPoints, n_steps: int
) -> tuple[Tensor, Tensor]:
    """Run states under constant input until each is near a stable point.

    Args:
        step: The map.
        h: States, ``(n_runs, state_size)``.
        x: Inputs, ``(n_runs, input_size)``.
        points: Fixed points; only the stable ones under the input of a run can end it.
        n_steps: Most steps.

    Returns:
        Index of the point where each run ends, -1 for none, and the steps that it took (to the
        next ten), both ``(n_runs,)``.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = as_map(lambda h, x: h / 2, torch.ones(1, 1))
        >>> points = find_fixed_points(step, torch.ones(1, 1))
        >>> arrivals(step, torch.ones(1, 1), torch.zeros(1, 1), points, 100)
        (tensor([0]), tensor([10]))
    """
    ends = torch.full((len(h),), _LOST, device=h.device)
    times = torch.full_like(ends, n_steps)
    stable = points.is_stable.nonzero()[:, 0]
    running = torch.arange(len(h), device=h.device)
    reach = _NEAR * _separations(points)[stable]
    for i in range(1, 1 + n_steps if len(stable) else 0):
        h = step(h, x)
        if i % _CHECK_EVERY and i < n_steps:
            continue
        distance = torch.cdist(h, points.states[stable])
        is_same_input = (x[:, None] == points.inputs[stable]).all(-1)
        is_near = (distance < reach) & is_same_input
        has_arrived = is_near.any(1)
        ends[running[has_arrived]] = stable[is_near[has_arrived].int().argmax(1)]
        times[running[has_arrived]] = i
        goes_on = ~has_arrived & h.isfinite().all(1)
        h, x, running = h[goes_on], x[goes_on], running[goes_on]
        if not len(running):
            break
    if len(running):
        ends[running] = _resting_place(h, x, points)
    return ends, times


def _resting_place(h: Tensor, x: Tensor, points: FixedPoints) -> Tensor:
    """Return the point next to each state, a saddle where symmetry leads there, -1 for none."""
    is_other = (x[:, None] != points.inputs).any(-1)
    distance = torch.cdist(h, points.states).masked_fill(is_other, torch.inf)
    nearest, which = distance.min(1)
    is_there = nearest < _AT_REST * (1 + h.norm(dim=-1))
    return torch.where(is_there, which, torch.full_like(which, _LOST))


def _separations(points: FixedPoints) -> Tensor:
    """Return the distance from each point to the nearest other one under the same input."""
    distance = torch.cdist(points.states, points.states).fill_diagonal_(torch.inf)
    is_other = (points.inputs[:, None] != points.inputs).any(-1)
    nearest = distance.masked_fill(is_other, torch.inf).min(1).values
    alone = 1 + points.states.norm(dim=-1)
    return torch.where(nearest.isfinite(), nearest, alone)


def _default_scale(points: FixedPoints) -> float:
    return float(_separations(points).median()) * _NEAR


def _explore(
    step: Map, points: FixedPoints, origin: Tensor, nudges: Tensor, n_steps: int, scale: float
) -> TransitionGraph:
    """Run from nudged points, and make the graph of where they end."""
    starts, inputs = points.states[origin] + nudges, points.inputs[origin]
    ends, times = arrivals(step, starts, inputs, points, n_steps)
    n_lost = int((ends == _LOST).sum())
    if n_lost:
        logger.warning("%d of %d runs reached no stable fixed point", n_lost, len(ends))
    graph = TransitionGraph(scale=scale, lost=n_lost)
    n_runs = torch.bincount(origin, minlength=len(points))
    lost = torch.bincount(origin[ends == _LOST], minlength=len(points)).tolist()
    for i, point in enumerate(points):
        graph.add_node(i, point=point, n_runs=int(n_runs[i]), lost=lost[i])
    arrived = ends != _LOST
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


def _check_points(points: FixedPoints) -> None:
    if not isinstance(points, FixedPoints):
        raise TypeError(f"expected points of find_fixed_points, got {type(points).__name__}")
    if not len(points):
        raise ValueError(
            "expected at least one fixed point, got none; search again with other starts, "
            "or look for cycles"
        )
