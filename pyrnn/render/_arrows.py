"""Layers of arrows: directions of modes, edges of a graph, a flow on a plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import networkx
import numpy as np
from torch import Tensor

from pyrnn.arrays import Array, States, as_array
from pyrnn.dynamics import velocity
from pyrnn.palette import GRAY, colormap, rgb, stability_color
from pyrnn.projection import Projection
from pyrnn.render._arguments import Point
from pyrnn.render._drawing import Balls, Card, Curves
from pyrnn.render._geometry import bezier, normalized, perpendicular, resample
from pyrnn.render._shapes import pad3

__all__ = ["Flow", "Step", "edge_arrows", "flow_arrows", "mode_arrows"]

Step: TypeAlias = Callable[[Tensor, Tensor], Tensor]

_MODE, _FLOW = 0.0020, 0.0011  # radii, as shares of the diagonal
_THIN, _THICK = 0.0009, 0.0036  # radius of an edge, and what probability adds to it
_MODE_LENGTH = 0.085  # of an arrow along a mode, as a share of the diagonal
_REACH = 0.95  # of the longest arrow of a flow, as a share of a grid cell
_EDGE_STEPS = 28  # vertices of an edge
_REAL = 1e-12  # imaginary part below which an eigenvalue is real


def mode_arrows(
    points: Sequence[Point],
    centers: Array,
    projection: Projection,
    unit: float,
    slow: bool = False,
) -> Curves | None:
    """Return the unstable or slow directions of fixed points as pairs of arrows.

    The length of an arrow is the share of its direction that lies in the drawn space. A direction
    that points out of the picture has a short arrow.

    Args:
        points: Fixed points.
        centers: Their places, ``(n, 3)``.
        projection: How directions come into the drawn space.
        unit: Diagonal of the scene.
        slow: Whether to draw the slowest decaying direction of each point instead of the growing
            ones.

    Returns:
        The arrows, or ``None`` if there are none.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points
        >>> starts = torch.linspace(-1, 1, 9)[:, None]
        >>> points = list(find_fixed_points(lambda h, x: torch.tanh(2 * h), starts))
        >>> arrows = mode_arrows(points, np.zeros((3, 3)), Projection.onto([[1.0]]), unit=1.0)
        >>> arrows.vertices[[1, 3], 0].round(3).tolist()
        [-0.085, 0.085]
    """
    arrows, colors = [], []
    for center, point in zip(centers, points, strict=True):
        for direction in pad3(projection.directions(_directions(point, slow))):
            for sign in (-1, 1):
                tip = center + sign * _MODE_LENGTH * unit * direction
                arrows.append(np.stack([center, tip]))
                colors.append(rgb(GRAY if slow else stability_color(point.n_unstable)))
    if not arrows:
        return None
    return Curves(
        "slow modes" if slow else "unstable modes",
        np.concatenate(arrows),
        np.full(len(arrows), 2),
        np.array(colors, np.uint8).repeat(2, axis=0),
        np.full(len(arrows), _MODE * unit),
        heads=True,
        visible=not slow,
    )


def _directions(point: Point, slow: bool) -> Array:
    """Return unit directions ``(n, hidden_size)``: two for each pair of complex modes."""
    values, vectors = as_array(point.eigenvalues), as_array(point.eigenvectors)
    sizes = np.abs(values)
    slowest = sizes[sizes <= 1].max(initial=0.0)
    wanted = (sizes <= 1) & (sizes >= slowest - 1e-9) if slow else sizes > 1
    chosen = wanted & (values.imag >= 0)
    columns = [
        part
        for value, vector in zip(values[chosen], vectors.T[chosen], strict=True)
        for part in ((vector.real, vector.imag) if abs(value.imag) > _REAL else (vector.real,))
    ]
    return normalized(np.array(columns).reshape(-1, len(vectors)))


def edge_arrows(graph: networkx.DiGraph, balls: Balls, unit: float) -> Curves | None:
    """Return the edges of a graph as bent arrows.

    The more probable an edge is, the thicker is its arrow.

    Args:
        graph: Transitions among fixed points or a skeleton, whose nodes are ``0 .. n-1``.
        balls: The fixed points as spheres.
        unit: Diagonal of the scene.

    Returns:
        The arrows, or ``None`` if there are none.

    Example:
        >>> centers = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
        >>> balls = Balls("points", centers, np.full(2, 0.01), np.zeros((2, 3), np.uint8))
        >>> graph = networkx.DiGraph([(0, 1, {"probability": 0.5})])
        >>> edge_arrows(graph, balls, unit=1.0).cards[0].tip
        '0 → 1 · probability 0.50'
    """
    paths, radii, colors, cards = [], [], [], []
    middle = balls.centers.mean(axis=0)
    for source, target, data in graph.edges(data=True):
        if source == target:
            continue
        n_arms = data.get("n_arms", 2)
        share = float(data.get("probability", n_arms / 2))
        paths.append(_edge_path(balls, source, target, middle, unit))
        radii.append(unit * (_THIN + _THICK * share))
        colors.append(balls.colors[source])
        color = "#{:02x}{:02x}{:02x}".format(*balls.colors[source])
        facts = (f"{data['count']} runs",) if "count" in data else ()
        is_arm = "n_arms" in data
        detail = f"{n_arms} of 2 arms" if is_arm else f"probability {share:.2f}"
        cards.append(Card(f"{source} → {target}", detail, color, facts=facts))
    if not paths:
        return None
    is_skeleton = any("n_arms" in data for *_, data in graph.edges(data=True))
    return Curves(
        "skeleton" if is_skeleton else "transition graph",
        np.concatenate(paths),
        np.full(len(paths), _EDGE_STEPS),
        np.array(colors, np.uint8).repeat(_EDGE_STEPS, axis=0),
        np.array(radii),
        heads=True,
        cards=tuple(cards),
    )


def _edge_path(balls: Balls, source: int, target: int, middle: Array, unit: float) -> Array:
    """Return a curve between the surfaces of two spheres, bent away from the middle."""
    start, end = balls.centers[[source, target]]
    chord = end - start
    outward = (start + end) / 2 - middle
    along = normalized(chord)
    outward = outward - (outward @ along) * along
    if np.linalg.norm(outward) < 1e-3 * unit:
        outward = perpendicular(along[None])[0]
    bulge = 0.28 * np.linalg.norm(chord) * normalized(outward)
    path = bezier(start, (start + end) / 2 + bulge, end, 96)
    outside = np.linalg.norm(path - start, axis=1) >= 0.9 * balls.radii[source]
    outside &= np.linalg.norm(path - end, axis=1) >= 1.05 * balls.radii[target]
    return resample(path[outside] if outside.sum() > 1 else path, _EDGE_STEPS)


class Flow(NamedTuple):
    """A flow to draw.

    Example:
        >>> Flow(lambda h, x: 0.5 * h, None, level=0.0, n=5).n
        5
    """

    network: Step  # a network or its step
    x: States | None  # constant input
    level: float  # of the plane, along the third axis
    n: int  # arrows along each side


def flow_arrows(flow: Flow, projection: Projection, box: Array) -> Curves:
    r"""Return how one step moves the states on a plane, as arrows colored by speed.

    The arrow at :math:`z` shows :math:`C\,(\mathrm{step}(h, x) - h)`, where :math:`h` is the state
    that is drawn at :math:`z`. Long arrows are shortened, so that short ones can be seen.

    Args:
        flow: The flow.
        projection: How states come into the drawn space.
        box: Lower and upper corner of the axes, ``(2, 3)``.

    Example:
        >>> flow = Flow(lambda h, x: 0.5 * h, None, level=0.0, n=3)
        >>> box = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
        >>> arrows = flow_arrows(flow, Projection.onto(np.eye(3)), box)
        >>> arrows.vertices[:2, 0].round(3).tolist()  # from a corner towards zero
        [-0.5, -0.164]
    """
    low, high = box
    sides = [np.linspace(low[i], high[i], flow.n + 2)[1:-1] for i in (0, 1)]
    grid = np.stack([each.ravel() for each in np.meshgrid(*sides)], axis=1)
    places = np.c_[grid, np.full(len(grid), flow.level)]
    states = projection.inverse(places[:, : len(projection.components)])
    moves = pad3(projection.directions(velocity(flow.network, states, flow.x)))
    speeds = np.linalg.norm(moves, axis=1)
    share = speeds / (speeds.max() or 1.0)
    cell = _REACH * min((high - low)[:2]) / (flow.n + 1)
    shown = moves / np.maximum(speeds, 1e-12)[:, None] * (cell * np.sqrt(share))[:, None]
    colors = (colormap("viridis_r")(share)[:, :3] * 255).astype(np.uint8)
    return Curves(
        "flow",
        np.stack([places, places + shown], axis=1).reshape(-1, 3),
        np.full(len(places), 2),
        colors.repeat(2, axis=0),
        np.full(len(places), _FLOW * np.linalg.norm(high - low)),
        heads=True,
    )
