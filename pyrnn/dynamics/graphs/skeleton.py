"""The skeleton of a network: where the arms of its saddles lead."""

from __future__ import annotations

from typing import NamedTuple

import networkx as nx
import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn.functional import normalize

from pyrnn.dynamics.graphs._arrivals import (
    LOST,
    NEAR,
    Arrivals,
    arrivals,
    check_points,
    separations,
)
from pyrnn.dynamics.maps import Map, Network, analysis, as_map
from pyrnn.dynamics.orbits import FATES, find_attractors
from pyrnn.dynamics.points import FixedPoints
from pyrnn.validate import as_integer

__all__ = ["Arms", "arms_of", "skeleton", "skeleton_of"]

_STRAIGHT = 0.05  # an arm begins where its curvature is this small a part of its growth
_N_HALVINGS = 40


@analysis
def skeleton(network: Network, points: FixedPoints, *, n_steps: int = 5000) -> nx.DiGraph:
    r"""Follow the two arms of every saddle with one unstable mode to where they lead.

    .. math:: h_0 = h^*_i \pm \delta v, \quad J v = \lambda v, \; |\lambda| > 1, \qquad
        F^t(h_0, x) \to h^*_j

    The arms are the unstable manifold of such a saddle. Where they lead does not depend on chance,
    so two networks with the same computation have the same skeleton.

    Args:
        network: A network, or any batched ``step(h, x)``.
        points: Fixed points, of :func:`~pyrnn.dynamics.find_fixed_points`.
        n_steps: Most steps along an arm.

    Returns:
        A graph with a node for each point, with its ``n_unstable``, and an edge from each saddle
        to where its arms lead, with the number ``n_arms`` that lead there and the ``time`` in
        steps of the faster one. Arms that end at no point lead to further nodes, called after
        their ``kind``: ``"cycle 0"`` with its ``period``, or ``"aperiodic"``, ``"not settled"``,
        ``"marginal"``, ``"unstable"``, ``"diverged"`` as in
        :func:`~pyrnn.dynamics.find_attractors`.

    Raises:
        TypeError: If ``points`` are no fixed points.
        ValueError: If there are none, or ``n_steps`` is not positive.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> graph = skeleton(step, points)
        >>> sorted(graph.edges), dict(graph.nodes(data="n_unstable"))
        ([(2, 0), (2, 1)], {0: 0, 1: 0, 2: 1})

    References:
        Guckenheimer & Holmes, *Nonlinear Oscillations, Dynamical Systems, and Bifurcations of
        Vector Fields* (1983), section 1.4.
    """
    n_steps = as_integer("n_steps", n_steps, low=1)
    check_points(points)
    step = as_map(network, points, points.inputs)
    arms = arms_of(step, points)
    runs = arrivals(step, arms.starts, points.inputs[arms.origin], points, n_steps)
    return skeleton_of(step, points, arms, runs, n_steps)


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
