"""Which fixed point leads to which: the transition graph of a network at rest."""

from __future__ import annotations

import logging
from typing import Any

import networkx as nx
import torch
from torch import Tensor

from pyrnn.dynamics.points import FixedPoints
from pyrnn.dynamics.seeding import default_rng
from pyrnn.dynamics.step import Step, frozen_step, one_thread

logger = logging.getLogger(__name__)

_CHECK_EVERY = 10
_NEAR = 0.05  # of the distance to the next point
_AT_REST = 1e-6
_LOST = -1


def transition_graph(
    rnn: Any,
    points: FixedPoints,
    *,
    n_runs: int = 32,
    scale: float | None = None,
    n_steps: int = 5000,
    rng: torch.Generator | int | None = None,
) -> nx.DiGraph:
    r"""Count where the network goes from each fixed point when it is nudged at random.

    .. math:: h_0 = h^*_i + \sigma \xi, \quad \xi \sim N(0, I / n), \qquad h_t \to h^*_j

    All runs go in one batch, each under the constant input of its point. A run ends when it is
    near a stable point; one that reaches none is counted as lost.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        points: Fixed points, of :func:`~pyrnn.dynamics.find_fixed_points`.
        n_runs: Runs from each point.
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
        ValueError: If there are no points, or an option is not positive.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> graph = transition_graph(step, points)
        >>> sorted(graph.edges), graph.graph["lost"]
        ([(0, 0), (1, 1), (2, 0), (2, 1)], 0)

    References:
        Maheswaranathan et al., *NeurIPS* 32 (2019).
    """
    _check(points, n_runs, scale, n_steps)
    scale = _default_scale(points) if scale is None else scale
    size = points.states.shape[-1]
    nudges = torch.randn(len(points), n_runs, size, generator=default_rng(rng))
    nudges = nudges.to(points.states) * scale / size**0.5
    origin = torch.arange(len(points), device=nudges.device).repeat_interleave(n_runs)
    return _explore(rnn, points, origin, nudges.flatten(0, 1), n_steps, scale)


def manifold_graph(
    rnn: Any, points: FixedPoints, *, scale: float | None = None, n_steps: int = 5000
) -> nx.DiGraph:
    r"""Follow the unstable manifolds: where each growing mode leads, in both directions.

    .. math:: h_0 = h^*_i \pm \sigma v, \qquad J v = \lambda v, \quad |\lambda| > 1

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        points: Fixed points, of :func:`~pyrnn.dynamics.find_fixed_points`.
        scale: Length of the first move along a mode; by default as in :func:`transition_graph`.
        n_steps: Most steps of a run.

    Returns:
        A graph like that of :func:`transition_graph`, with two runs for each unstable mode. Stable
        points have no edges.

    Raises:
        ValueError: If there are no points, or an option is not positive.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> sorted(manifold_graph(step, points).edges)
        [(2, 0), (2, 1)]

    References:
        Sussillo & Barak, *Neural Computation* 25:626 (2013).
    """
    _check(points, 1, scale, n_steps)
    scale = _default_scale(points) if scale is None else scale
    with one_thread():
        values, vectors = torch.linalg.eig(points.jacobians)
    # of a pair, one member gives the real part and the other the imaginary part of its plane
    modes = torch.where(values.imag[:, None] < 0, vectors.imag, vectors.real).mT
    origin, which = (values.abs() > 1).nonzero().unbind(-1)
    along = scale * torch.nn.functional.normalize(modes[origin, which], dim=-1)
    return _explore(rnn, points, origin.repeat(2), torch.cat([along, -along]), n_steps, scale)


def sample_paths(rnn: Any, graph: nx.DiGraph) -> dict[tuple[int, int], Tensor]:
    """Return one run for each edge of a transition graph.

    Args:
        rnn: The network whose graph it is.
        graph: Of :func:`transition_graph` or :func:`manifold_graph`.

    Returns:
        For each edge the states of a run, ``(n_steps, hidden_size)``.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> path = sample_paths(step, manifold_graph(step, points))[2, 0]
        >>> bool((path[-1] - points[0].state).abs() < 0.05)
        True
    """
    edges = list(graph.edges(data=True))
    if not edges:
        return {}
    h = torch.stack([about["start"] for *_, about in edges])
    x = torch.stack([graph.nodes[i]["point"].input for i, _, _ in edges])
    steps = [about["start_time"] for *_, about in edges]
    states = [h]
    with one_thread(), torch.no_grad():
        step = frozen_step(rnn, h, x)
        for _ in range(max(steps)):
            states.append(step(states[-1], x))
    runs = torch.stack(states, dim=1)
    return {(i, j): run[: n + 1] for (i, j, _), run, n in zip(edges, runs, steps, strict=True)}


def arrivals(
    step: Step, h: Tensor, x: Tensor, points: FixedPoints, n_steps: int
) -> tuple[Tensor, Tensor]:
    """Run states under constant input until each is near a stable point.

    Args:
        step: Batched ``step(h, x)``.
        h: States, ``(n_runs, hidden_size)``.
        x: Inputs, ``(n_runs, input_size)``.
        points: Fixed points; only the stable ones under the input of a run can end it.
        n_steps: Most steps.

    Returns:
        Index of the point where each run ends, -1 for none, and the steps that it took (to the
        next ten), both ``(n_runs,)``.
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
    rnn: Any, points: FixedPoints, origin: Tensor, nudges: Tensor, n_steps: int, scale: float
) -> nx.DiGraph:
    """Run from nudged points, and make the graph of where they end."""
    starts, inputs = points.states[origin] + nudges, points.inputs[origin]
    with one_thread(), torch.no_grad():
        step = frozen_step(rnn, points.states, points.inputs)
        ends, times = arrivals(step, starts, inputs, points, n_steps)
    n_lost = int((ends == _LOST).sum())
    if n_lost:
        logger.warning("%d of %d runs reached no stable fixed point", n_lost, len(ends))
    graph = nx.DiGraph(scale=scale, lost=n_lost)
    n_runs = torch.bincount(origin, minlength=len(points)).tolist()
    lost = torch.bincount(origin[ends == _LOST], minlength=len(points)).tolist()
    for i, point in enumerate(points):
        graph.add_node(i, point=point, n_runs=n_runs[i], lost=lost[i])
    pairs, of = torch.stack([origin, ends], dim=-1).unique(dim=0, return_inverse=True)
    for k, (i, j) in enumerate(pairs.tolist()):
        if j != _LOST:
            runs = (of == k).nonzero()[:, 0]
            graph.add_edge(i, j, **_edge(starts[runs], times[runs], n_runs[i]))
    return graph


def _edge(starts: Tensor, times: Tensor, n_runs: int) -> dict[str, Any]:
    low, high = wilson_interval(len(starts), n_runs)
    return {
        "count": len(starts),
        "probability": len(starts) / n_runs,
        "low": low,
        "high": high,
        "time": float(times.double().mean()),
        "start": starts[0],
        "start_time": int(times[0]),
    }


def wilson_interval(count: int, n_runs: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a probability, from ``count`` of ``n_runs``.

    Args:
        count: How often it happened.
        n_runs: How often it could have happened.

    Example:
        >>> [round(bound, 3) for bound in wilson_interval(16, 32)]
        [0.336, 0.664]

    References:
        Wilson, *J. Am. Stat. Assoc.* 22:209 (1927).
    """
    z, share = 1.959964, count / n_runs
    middle = share + z**2 / (2 * n_runs)
    reach = z * ((share * (1 - share) + z**2 / (4 * n_runs)) / n_runs) ** 0.5
    whole = 1 + z**2 / n_runs
    low, high = (middle - reach) / whole, (middle + reach) / whole
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def _check(points: FixedPoints, n_runs: int, scale: float | None, n_steps: int) -> None:
    if not len(points):
        raise ValueError(
            "expected at least one fixed point, got none; search again with other starts, "
            "or look for cycles"
        )
    if n_runs < 1 or n_steps < 1 or (scale is not None and not scale > 0):
        raise ValueError(
            f"expected positive n_runs, n_steps and scale, got {n_runs}, {n_steps} and {scale}; "
            "leave them out for the defaults"
        )
