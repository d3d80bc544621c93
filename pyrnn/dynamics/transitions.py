"""Which fixed point leads to which: the transition graph of a network at rest."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import networkx as nx
import torch
from torch import Tensor

from pyrnn.dynamics.points import FixedPoint, FixedPoints
from pyrnn.dynamics.seeding import default_rng
from pyrnn.dynamics.step import Step, frozen_step, one_thread

logger = logging.getLogger(__name__)

_CHECK_EVERY = 10
_NEAR = 0.05
_LOST = -1


def transition_graph(
    rnn: Any,
    points: FixedPoints,
    *,
    n_runs: int = 32,
    scale: float | None = None,
    n_steps: int = 5000,
    rng: torch.Generator | None = None,
) -> nx.DiGraph:
    """Count where the network goes from each fixed point when it is nudged at random.

    All runs go in one batch, each under the constant input of its point. A run ends when it is
    near a stable point; one that reaches none is counted as lost.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        points: Fixed points, of :func:`~pyrnn.dynamics.find_fixed_points`.
        n_runs: Runs from each point.
        scale: Length of the nudge; by default a twentieth of the median distance between
            neighbouring points.
        n_steps: Most steps of a run.
        rng: Random generator on the CPU; by default one with seed 0.

    Returns:
        A graph with nodes ``0 .. n-1``, each with its ``point`` and the number of runs ``lost``,
        and edges with ``count`` and ``probability``. A stable point leads to itself. The graph
        has ``n_runs``, ``scale`` and the total number ``lost``.

    Raises:
        ValueError: If there are no points, or an option is not positive.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> graph = transition_graph(step, points)
        >>> sorted(graph.edges)
        [(0, 0), (1, 1), (2, 0), (2, 1)]

    References:
        Maheswaranathan et al., *NeurIPS* 32 (2019).
    """
    _check(points, n_runs, scale, n_steps)
    rng = rng or default_rng()
    scale = float(_separations(points).median()) * _NEAR if scale is None else scale
    with one_thread(), torch.no_grad():
        step = frozen_step(rnn, points.states, points.inputs)
        origin = torch.arange(len(points)).repeat_interleave(n_runs).to(points.states.device)
        nudge = torch.randn(len(origin), points.states.shape[-1], generator=rng)
        h = points.states[origin] + nudge.to(points.states) * scale / nudge.shape[-1] ** 0.5
        ends = arrivals(step, h, points.inputs[origin], points, n_steps)
    return _graph(points, origin, ends, n_runs=n_runs, scale=scale)


def arrivals(step: Step, h: Tensor, x: Tensor, points: FixedPoints, n_steps: int) -> Tensor:
    """Run states under constant input until each is near a stable point.

    Args:
        step: Batched ``step(h, x)``.
        h: States, ``(n_runs, hidden_size)``.
        x: Inputs, ``(n_runs, input_size)``.
        points: Fixed points; only the stable ones under the input of a run can end it.
        n_steps: Most steps.

    Returns:
        Index of the point where each run ends, -1 for none, ``(n_runs,)``.
    """
    ends = torch.full((len(h),), _LOST, device=h.device)
    stable = points.is_stable.nonzero()[:, 0]
    running = torch.arange(len(h), device=h.device)
    reach = _NEAR * _separations(points)[stable]
    for i in range(n_steps if len(stable) else 0):
        h = step(h, x)
        if (i + 1) % _CHECK_EVERY and i + 1 < n_steps:
            continue
        distance = torch.cdist(h, points.states[stable])
        is_same_input = (x[:, None] == points.inputs[stable]).all(-1)
        is_near = (distance < reach) & is_same_input
        has_arrived = is_near.any(1)
        ends[running[has_arrived]] = stable[is_near[has_arrived].int().argmax(1)]
        goes_on = ~has_arrived & h.isfinite().all(1)
        h, x, running = h[goes_on], x[goes_on], running[goes_on]
        if not len(running):
            break
    return ends


def _separations(points: FixedPoints) -> Tensor:
    """Return the distance from each point to the nearest other one under the same input."""
    distance = torch.cdist(points.states, points.states).fill_diagonal_(torch.inf)
    is_other = (points.inputs[:, None] != points.inputs).any(-1)
    nearest = distance.masked_fill(is_other, torch.inf).min(1).values
    alone = 1 + points.states.norm(dim=-1)
    return torch.where(nearest.isfinite(), nearest, alone)


def _graph(
    points: FixedPoints, origin: Tensor, ends: Tensor, *, n_runs: int, scale: float
) -> nx.DiGraph:
    n_points = len(points)
    counts = torch.zeros(n_points, n_points + 1, dtype=torch.long)
    index = (origin.cpu(), ends.cpu())  # lost runs (-1) fall into the last column
    counts.index_put_(index, torch.ones(len(origin), dtype=torch.long), accumulate=True)
    n_lost = int(counts[:, _LOST].sum())
    if n_lost:
        logger.warning("%d of %d runs reached no stable fixed point", n_lost, len(origin))
    graph = nx.DiGraph(n_runs=n_runs, scale=scale, lost=n_lost)
    for i, point in enumerate(points):
        graph.add_node(i, point=point, lost=int(counts[i, _LOST]))
    for i, j in counts[:, :n_points].nonzero().tolist():
        count = int(counts[i, j])
        graph.add_edge(i, j, count=count, probability=count / n_runs)
    return graph


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


def save_graph(graph: nx.DiGraph, path: str | Path) -> None:
    """Write a transition graph as GraphML or JSON, by the ending of the name.

    A node's point becomes its ``stability``, ``n_unstable``, ``speed``, ``state`` and ``input``
    (lists as JSON text in GraphML).

    Args:
        graph: A graph of :func:`transition_graph`.
        path: Name that ends in ``.graphml`` or ``.json``.

    Raises:
        ValueError: If the name ends otherwise.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".graphml", ".json"):
        raise ValueError(f"expected a name ending in .graphml or .json, got {str(path)!r}")
    plain = nx.DiGraph(**{key: _plain(value, suffix) for key, value in graph.graph.items()})
    for node, about in graph.nodes(data=True):
        point = about.get("point")
        about = {key: value for key, value in about.items() if key != "point"}
        about |= _describe(point) if isinstance(point, FixedPoint) else {}
        plain.add_node(node, **{key: _plain(value, suffix) for key, value in about.items()})
    for i, j, about in graph.edges(data=True):
        plain.add_edge(i, j, **{key: _plain(value, suffix) for key, value in about.items()})
    if suffix == ".graphml":
        nx.write_graphml(plain, str(path))
    else:
        Path(path).write_text(json.dumps(nx.node_link_data(plain, edges="edges"), indent=1))


def _describe(point: FixedPoint) -> dict[str, Any]:
    return {
        "stability": point.stability,
        "n_unstable": point.n_unstable,
        "speed": point.speed,
        "state": point.state,
        "input": point.input,
    }


def _plain(value: Any, suffix: str) -> Any:
    """Turn a value into what the format can hold."""
    value = value.tolist() if isinstance(value, Tensor) else value
    if suffix == ".graphml" and not isinstance(value, (bool, int, float, str)):
        return json.dumps(value)
    return value
