"""Layers of curves and spheres: trajectories, attractors and fixed points."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from pyrnn.arrays import Array, as_array
from pyrnn.palette import INK, rgb, stability_color, stability_label
from pyrnn.render._arguments import Point
from pyrnn.render._coloring import Coloring
from pyrnn.render._drawing import Balls, Card, Curves

__all__ = ["attractor", "chosen_trials", "fixed_points", "pad3", "trajectories"]

log = logging.getLogger(__name__)

_MAX_TUBES, _MAX_LINES = 20_000, 200_000  # states drawn as tubes, as lines; else fewer trials
_TUBE, _ATTRACTOR, _BALL = 0.0016, 0.0045, 0.0095  # radii, as shares of the diagonal
_STABLE = 1.15  # size of stable fixed points relative to the others
_SMALLEST = 0.25  # size of fixed points that would be too small to be seen
_FINE = 0.0008  # radius of clipped trajectories, which would hide the fixed points among them
_CLIPPED_ALPHA = 0.4  # opacity of trajectories that leave the picture
_LINE_ALPHA = 0.55  # opacity of thin lines, which are many


def chosen_trials(lengths: Sequence[int]) -> Array:
    """Return the indices of the trials to draw; if they are many, not all.

    Example:
        >>> chosen_trials([100, 100]).tolist(), len(chosen_trials([500] * 500))
        ([0, 1], 400)
    """
    total = sum(lengths)
    kept = max(min(1, len(lengths)), int(len(lengths) * min(1.0, _MAX_LINES / max(total, 1))))
    if kept < len(lengths):
        log.info("drawing %d of %d trials (%d states)", kept, len(lengths), total)
    return np.unique(np.linspace(0, len(lengths) - 1, kept).round().astype(int))


def trajectories(
    trials: list[Array], coloring: Coloring, unit: float, note: str = "", clip: bool = False
) -> Curves:
    """Return projected trials ``(time, 3)`` as tubes, or as lines if they are many.

    Args:
        trials: Places of each trial.
        coloring: Color of each place.
        unit: Diagonal of the scene.
        note: Text after the name of the layer.
        clip: Whether to cut off what lies outside the axes.

    Example:
        >>> trials = [np.zeros((10, 3)), np.ones((25, 3))]
        >>> layer = trajectories(trials, Coloring(np.zeros((35, 3), np.uint8)), unit=1.0)
        >>> layer.lengths.tolist(), layer.times[[0, 9, 10]].tolist(), layer.are_lines
        ([10, 25], [0, 9, 0], False)
    """
    lengths = np.array([len(trial) for trial in trials])
    radius = (_FINE if clip else _TUBE) * unit if lengths.sum() <= _MAX_TUBES else 0.0
    return Curves(
        "trajectories",
        np.concatenate(trials),
        lengths,
        coloring.colors,
        np.full(len(trials), radius),
        alpha=_CLIPPED_ALPHA if radius and clip else 1.0 if radius else _LINE_ALPHA,
        times=np.concatenate([np.arange(n) for n in lengths]),
        clip=clip,
        note=note,
    )


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
    radii = np.array([1.0 if point.n_unstable else _STABLE for point in points])
    if sizes is not None:
        radii = np.maximum(1.5 * sizes, _SMALLEST)
    colors = [rgb(stability_color(point.n_unstable)) for point in points]
    return Balls(
        "fixed points",
        centers,
        _BALL * unit * radii,
        np.array(colors, np.uint8).reshape(-1, 3),
        tuple(_card(i, point) for i, point in enumerate(points)),
    )


def _card(index: int, point: Point) -> Card:
    values = as_array(point.eigenvalues)
    return Card(
        f"fixed point {index}",
        stability_label(point.n_unstable),
        stability_color(point.n_unstable),
        values[np.argsort(-np.abs(values), kind="stable")],
        (f"speed {float(point.speed):.1e}",),
    )


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
