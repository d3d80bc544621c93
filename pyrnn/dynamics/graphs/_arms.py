"""The arms of saddles, and the graph of where they lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import networkx as nx
import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn.functional import normalize

from pyrnn.dynamics.graphs._arrivals import LOST, NEAR, Arrivals, separations
from pyrnn.dynamics.orbits import FATES, find_attractors

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import Map
    from pyrnn.dynamics.points import FixedPoints

__all__ = ["Arms", "arms_of", "skeleton_of"]

_STRAIGHT = 0.05  # an arm begins where its curvature is this small a part of its growth
_N_HALVINGS = 40


class Arms(NamedTuple):
    """Starts on both arms of each saddle with one unstable mode.

    Attributes:
        starts: Starts, ``(n_arms, state_size)``.
        origin: Index of the saddle of each, ``(n_arms,)``.
    """

    starts: Tensor
    origin: Tensor


def arms_of(step: Map, points: FixedPoints) -> Arms:
    """Return where arms begin: as far out as they are straight.

    Args:
        step: The map.
        points: Fixed points.

    Returns:
        Both arms of each saddle with one unstable mode.
    """
    origin = ((points.n_unstable == 1) & ~points.is_degenerate).nonzero()[:, 0]
    if not len(origin):
        return Arms(points.states[:0], origin)
    saddles = points[origin]
    fastest = saddles.spectrum.right[..., 0].real
    v = normalize(_oriented(fastest), dim=-1).repeat(2, 1)
    v[len(origin) :] *= -1
    origin = origin.repeat(2)
    h, x = points.states[origin], points.inputs[origin]
    grown = saddles.eigenvalues[:, 0].real.repeat(2)
    lengths = NEAR * separations(points)[origin] * 0.5 ** torch.arange(_N_HALVINGS).to(h)[:, None]
    out = lengths[..., None] * v
    bend = vector_norm(step(h + out, x) - h - grown[:, None] * out, dim=-1)
    is_straight = bend <= _STRAIGHT * (grown.abs() - 1) * lengths
    first = is_straight.int().argmax(0)  # zero if none is
    return Arms(h + out.gather(0, first[None, :, None].expand(1, *h.shape))[0], origin)


def _oriented(vectors: Tensor) -> Tensor:
    """Turn each vector so that its largest component is positive."""
    largest = vectors.gather(-1, vectors.abs().argmax(-1, keepdim=True))
    return vectors * largest.sign()


def skeleton_of(
    step: Map, points: FixedPoints, arms: Arms, runs: Arrivals, n_steps: int
) -> nx.DiGraph:
    """Return the graph of where the arms ended.

    Args:
        step: The map.
        points: Fixed points.
        arms: Arms of the saddles.
        runs: Where they ended.
        n_steps: Most steps of a further run of arms that reached no point.

    Returns:
        The graph, see :func:`~pyrnn.dynamics.skeleton`.
    """
    graph = nx.DiGraph()
    for i, n_unstable in enumerate(points.n_unstable.tolist()):
        graph.add_node(i, kind="point", n_unstable=n_unstable)
    arrived = runs.ends != LOST
    rows = torch.stack([arms.origin, runs.ends, runs.times], dim=-1)
    for i, j, time in rows[arrived].tolist():
        _add_arm(graph, i, j, time)
    inputs = points.inputs[arms.origin]
    for x in inputs[~arrived].unique(dim=0):
        these = ~arrived & (inputs == x).all(-1)
        _add_others(graph, step, arms.origin[these], runs.states[these], x, n_steps)
    return graph


def _add_others(
    graph: nx.DiGraph, step: Map, origin: Tensor, h: Tensor, x: Tensor, n_steps: int
) -> None:
    """Add arms that reached no point."""
    is_lost = ~h.isfinite().all(-1)
    for i in origin[is_lost].tolist():
        graph.add_node("diverged", kind="diverged", n_unstable=0)
        _add_arm(graph, i, "diverged", n_steps)
    if is_lost.all():
        return
    found = find_attractors(step, h[~is_lost], x, n_steps=n_steps)
    first = sum(about["kind"] == "cycle" for _, about in graph.nodes(data=True))
    for i, end in zip(origin[~is_lost].tolist(), found.ends.tolist(), strict=True):
        if end >= 0:
            node, kind, period = f"cycle {first + end}", "cycle", found[end].period
        else:
            node, kind, period = FATES[-1 - end], FATES[-1 - end], 0
        graph.add_node(node, kind=kind, n_unstable=0, period=period)
        _add_arm(graph, i, node, n_steps)


def _add_arm(graph: nx.DiGraph, i: int, j: int | str, time: int) -> None:
    known = graph.get_edge_data(i, j, {"n_arms": 0, "time": time})
    graph.add_edge(i, j, n_arms=known["n_arms"] + 1, time=min(known["time"], time))
