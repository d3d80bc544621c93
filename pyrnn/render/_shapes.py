"""Layers of curves and spheres: trajectories, attractors and fixed points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pyrnn.arrays import Array, as_array
from pyrnn.coloring import Coloring
from pyrnn.dynamics import Boxes
from pyrnn.palette import INK, SLATE, rgb, stability_color, stability_label
from pyrnn.projection import Projection
from pyrnn.render._arguments import Point
from pyrnn.render._crowd import Stroke
from pyrnn.render._drawing import Balls, Card, Curves

__all__ = [
    "attractor",
    "ball_radii",
    "fixed_points",
    "one_input_each",
    "pad3",
    "sorted_spectrum",
    "still",
    "trajectories",
    "undecided_boxes",
]

_ATTRACTOR, _BALL = 0.0045, 0.0095  # radii, as shares of the diagonal
_STILL = 0.005  # radius of a trial that does not move
_FEW = 64  # fixed points up to which all are large
_STABLE = 1.15  # size of stable fixed points relative to the others
_BAND = 0.003  # smallest radius of boxes, as a share of the diagonal
_SMALLEST = 0.25  # size of fixed points that would be too small to be seen


def trajectories(
    trials: list[Array],
    coloring: Coloring,
    stroke: Stroke,
    *,
    fades: Array | None = None,
    note: str = "",
    clip: bool = False,
) -> Curves:
    """Return projected trials ``(time, 3)`` as tubes or as lines.

    Args:
        trials: Places of each trial.
        coloring: Color of each place.
        stroke: Width and opacity.
        fades: Opacity of each place relative to that, ``(n_places,)``.
        note: Text after the name of the layer.
        clip: Whether to cut off what lies outside the axes.

    Example:
        >>> trials = [np.zeros((10, 3)), np.ones((25, 3))]
        >>> coloring, stroke = Coloring(np.zeros((35, 3), np.uint8)), Stroke(0.01, 1.0)
        >>> layer = trajectories(trials, coloring, stroke)
        >>> layer.lengths.tolist(), layer.times[[0, 9, 10]].tolist(), layer.are_lines
        ([10, 25], [0, 9, 0], False)
    """
    lengths = np.array([len(trial) for trial in trials])
    return Curves(
        "trajectories",
        np.concatenate(trials),
        lengths,
        coloring.colors,
        np.full(len(trials), stroke.radius),
        alpha=stroke.alpha,
        fades=None if fades is None or fades.min(initial=1.0) == 1 else fades,
        times=np.concatenate([np.arange(n) for n in lengths]),
        clip=clip,
        note=note,
    )


def still(trials: list[Array], coloring: Coloring, unit: float) -> Balls | None:
    """Return a dot for each trial that does not move, of which no line is seen; or ``None``.

    Example:
        >>> trials = [np.ones((10, 3)), np.arange(6.0).reshape(2, 3)]
        >>> dots = still(trials, Coloring(np.zeros((12, 3), np.uint8)), unit=1.0)
        >>> dots.centers.tolist()
        [[1.0, 1.0, 1.0]]
    """
    starts = np.cumsum([0, *(len(trial) for trial in trials[:-1])])
    found = [i for i, trial in enumerate(trials) if np.ptp(trial, axis=0).max() == 0]
    if not found:
        return None
    centers = np.stack([trials[i][0] for i in found])
    radii = np.full(len(found), _STILL * unit)
    return Balls("states at rest", centers, radii, coloring.colors[starts[found]])


def attractor(path: Array, key: str, unit: float, closed: bool = False) -> Curves:
    """Return a line attractor, a ring or a limit cycle as a dark tube.

    Args:
        path: Places along it, ``(n, 3)``.
        key: Name of the layer.
        unit: Diagonal of the scene.
        closed: Whether the last place is followed by the first.

    Example:
        >>> attractor(np.zeros((4, 3)), "ring", unit=1.0, closed=True).lengths.tolist()
        [5]
    """
    if closed:
        path = np.concatenate([path, path[:1]])
    colors = np.tile(np.array(rgb(INK), np.uint8), (len(path), 1))
    return Curves(key, path, np.array([len(path)]), colors, np.array([_ATTRACTOR * unit]))


def fixed_points(
    points: Sequence[Point], centers: Array, unit: float, sizes: Array | None = None
) -> Balls:
    """Return fixed points as spheres, colored by their number of unstable modes.

    Args:
        points: Fixed points.
        centers: Their places, ``(n, 3)``.
        unit: Diagonal of the scene.
        sizes: Size of each, relative to the largest; by default stable points are a bit larger.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points
        >>> starts = torch.linspace(-1, 1, 9)[:, None]
        >>> points = list(find_fixed_points(lambda h, x: torch.tanh(2 * h), starts))
        >>> [card.tip for card in fixed_points(points, np.zeros((3, 3)), unit=1.0).cards][1:]
        ['fixed point 1 · stable', 'fixed point 2 · 1 unstable mode']
    """
    kinds = np.array([point.n_unstable for point in points], int)
    colors = [rgb(stability_color(kind)) for kind in kinds]
    return Balls(
        "fixed points",
        centers,
        ball_radii(kinds, unit, sizes),
        np.array(colors, np.uint8).reshape(-1, 3),
        tuple(_card(i, point) for i, point in enumerate(points)),
    )


def ball_radii(n_unstable: Array, unit: float, sizes: Array | None = None) -> Array:
    """Return the radii ``(n,)`` of fixed points; by default stable ones are a bit larger.

    Hundreds of points are smaller than a few.

    Args:
        n_unstable: Number of modes that grow, ``(n,)``.
        unit: Diagonal of the scene.
        sizes: Size of each, relative to the largest.

    Example:
        >>> ball_radii(np.array([0, 1]), unit=1.0, sizes=np.array([1.0, 0.0])).round(6).tolist()
        [0.01425, 0.002375]
    """
    ball = _BALL * unit * min(1.0, (_FEW / max(len(n_unstable), 1)) ** 0.25)
    if sizes is None:
        return ball * np.where(n_unstable, 1.0, _STABLE)
    return ball * np.maximum(1.5 * sizes, _SMALLEST)


def one_input_each(balls: Balls, number: Array, n_inputs: int) -> Balls:
    """Return points of which each is shown at the step of its input, and all at one more step.

    Args:
        balls: The points.
        number: Number of the input of each, ``(n,)``.
        n_inputs: Number of inputs; the step of this number shows all.

    Example:
        >>> balls = Balls("points", np.zeros((2, 3)), np.ones(2), np.zeros((2, 3), np.uint8))
        >>> one_input_each(balls, np.array([1, 0]), 2).spans.tolist()
        [[2, 2], [2, 2], [1, 1], [0, 0]]
    """
    spans = np.concatenate([np.full_like(number, n_inputs), number])[:, None].repeat(2, axis=1)
    return replace(
        balls,
        centers=np.tile(balls.centers, (2, 1)),
        radii=np.tile(balls.radii, 2),
        colors=np.tile(balls.colors, (2, 1)),
        cards=2 * balls.cards,
        spans=spans,
    )


def undecided_boxes(boxes: Boxes, projection: Projection, unit: float) -> Balls | None:
    """Return spheres around boxes that may hold fixed points; along a ring they form a band.

    Args:
        boxes: The boxes of a proof. Boxes without bounds cannot be drawn.
        projection: How states come into the picture.
        unit: Diagonal of the scene.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import Boxes
        >>> boxes = Boxes(torch.zeros(1, 3), torch.full((1, 3), 2.0), torch.tensor([0]))
        >>> ball = undecided_boxes(boxes, Projection.onto(np.eye(3)), unit=1.0)
        >>> ball.centers.tolist(), ball.radii.round(3).tolist(), ball.cards[0].tip
        ([[1.0, 1.0, 1.0]], [1.732], 'box 0 · may hold fixed points')
    """
    if not len(boxes) or not boxes.is_finite:
        return None
    half = as_array(boxes.high - boxes.low) / 2
    extents = half @ np.abs(projection.components[:3].T)
    cards = [
        Card(f"box {i}", "may hold fixed points", SLATE, facts=(f"cluster {k}",))
        for i, k in enumerate(boxes.cluster.tolist())
    ]
    return Balls(
        "undecided boxes",
        pad3(projection.transform(as_array(boxes.centers))),
        np.maximum(np.linalg.norm(extents, axis=1), _BAND * unit),
        np.tile(np.array(rgb(SLATE), np.uint8), (len(boxes), 1)),
        tuple(cards),
    )


def _card(index: int, point: Point) -> Card:
    return Card(
        f"fixed point {index}",
        stability_label(point.n_unstable),
        stability_color(point.n_unstable),
        sorted_spectrum(as_array(point.eigenvalues)),
        (f"speed {float(point.speed):.1e}",),
    )


def sorted_spectrum(eigenvalues: Array) -> Array:
    """Return eigenvalues with the largest modulus first.

    Example:
        >>> sorted_spectrum(np.array([0.5, -2.0, 1.0])).tolist()
        [-2.0, 1.0, 0.5]
    """
    return eigenvalues[np.argsort(-np.abs(eigenvalues), kind="stable")]


def pad3(coordinates: Array) -> Array:
    """Return coordinates with three columns, with zeros for missing ones.

    Example:
        >>> pad3(np.ones((1, 2))).tolist(), pad3(np.ones((1, 4))).tolist()
        ([[1.0, 1.0, 0.0]], [[1.0, 1.0, 1.0]])
    """
    missing = 3 - coordinates.shape[-1]
    if missing < 0:
        return coordinates[..., :3]
    return np.concatenate([coordinates, np.zeros((*coordinates.shape[:-1], missing))], axis=-1)
