"""How crowded a picture is: width, opacity and number of trajectories follow from it."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyrnn.arrays import Array
from pyrnn.render._camera import sideways

__all__ = ["Stroke", "chosen_trials", "fading", "stroke_for"]

log = logging.getLogger(__name__)

_TUBE, _FINE = 0.0016, 0.0007  # largest and smallest radius, as shares of the diagonal
_OPAQUE, _FAINT = 0.9, 0.05  # largest opacity of many trajectories, and the smallest
_SHADE = 0.6  # opacity of all trajectories together where they are most crowded
_VIVID = 0.97  # the same of trajectories whose colors say something
_CROWDED = 0.9  # share of the places along trajectories that are less crowded than that
_MAX_TUBES = 20_000  # states drawn as tubes; beyond that as lines, which are faster
_MAX_STATES = 200_000  # states drawn; beyond that fewer trials
_USUAL = 0.02  # longest step that is no jump, as a share of the diagonal
_PALEST = 0.08  # opacity of the longest jumps, relative to other steps
_CELLS = 40  # along the diagonal of the picture, where trajectories are counted


class Stroke(NamedTuple):
    """How trajectories are drawn.

    Example:
        >>> Stroke(0.0, 0.5).radius
        0.0
    """

    radius: float  # zero for lines of one pixel
    alpha: float


def chosen_trials(lengths: Sequence[int], n: int | None = None) -> Array:
    """Return the indices of the trials to draw; if they are many, not all.

    Args:
        lengths: Number of states of each trial.
        n: How many to draw; by default as many as have 200,000 states together.

    Example:
        >>> chosen_trials([100, 100]).tolist(), len(chosen_trials([500] * 500))
        ([0, 1], 400)
        >>> chosen_trials([500] * 500, n=3).tolist()
        [0, 250, 499]
    """
    total = max(sum(lengths), 1)
    if n is None:
        n = max(min(1, len(lengths)), int(len(lengths) * min(1.0, _MAX_STATES / total)))
    n = min(n, len(lengths))
    if n < len(lengths):
        log.info("drawing %d of %d trials (%d states)", n, len(lengths), total)
    return np.unique(np.linspace(0, len(lengths) - 1, n).round().astype(int))


def stroke_for(
    trials: Sequence[Array], box: Array, toward: Array, *, vivid: bool = False
) -> Stroke:
    r"""Return width and opacity with which trajectories can be told apart.

    If :math:`c` of them lie over each other where they are crowded, their opacity :math:`\alpha`
    is that which gives the same shade :math:`1 - (1 - \alpha)^c` to all pictures. They are also
    finer.

    Args:
        trials: Places of each trial, ``(time, 3)``.
        box: The axes, ``(2, 3)``.
        toward: Direction to the camera.
        vivid: Whether colors say something, and have to be told apart.

    Example:
        >>> rng, box = np.random.default_rng(0), np.array([[-1.0] * 3, [1.0] * 3])
        >>> trials = list(rng.uniform(-1, 1, size=(400, 100, 3)))
        >>> few, many = (stroke_for(trials[:n], box, np.ones(3)) for n in (1, 400))
        >>> few.radius > 0 and many.radius == 0 and few.alpha > many.alpha
        True
    """
    unit = float(np.linalg.norm(box[1] - box[0]))
    crowd = _crowding(trials, box, toward) * 2 * _TUBE * unit
    finer = float(np.clip(crowd**-0.5 if crowd > 0 else 1.0, _FINE / _TUBE, 1.0))
    shade = _VIVID if vivid else _SHADE
    alpha = 1 - (1 - shade) ** (1 / max(crowd * finer, 1e-9))
    alpha = 1.0 if finer == 1.0 else float(np.clip(alpha, _FAINT, _OPAQUE))
    are_tubes = sum(len(trial) for trial in trials) <= _MAX_TUBES
    return Stroke(finer * _TUBE * unit if are_tubes else 0.0, alpha)


def fading(trials: Sequence[Array], unit: float) -> Array:
    """Return the opacity of each state ``(n_states,)``, less than 1 beside jumps.

    An input that jumps moves the state far in one step. These straight strokes say little, but
    without this they would be the first to be seen.

    Args:
        trials: Places of each trial, ``(time, 3)``.
        unit: Diagonal of the scene.

    Example:
        >>> path = np.array([[0.0, 0, 0], [0.01, 0, 0], [0.02, 0, 0], [0.5, 0, 0], [0.51, 0, 0]])
        >>> fading([path], unit=1.0).round(2).tolist()
        [1.0, 1.0, 0.08, 0.08, 1.0]
    """
    moves = [np.linalg.norm(np.diff(trial, axis=0), axis=1) for trial in trials]
    usual = _USUAL * unit
    if any(map(len, moves)):
        usual = max(usual, float(np.median(np.concatenate(moves))))
    largest = [np.maximum(np.r_[0, each], np.r_[each, 0]) for each in moves]
    share = usual / np.maximum(np.concatenate(largest), usual)
    fades: Array = np.maximum(share**2, _PALEST)
    return fades


def _crowding(trials: Sequence[Array], box: Array, toward: Array) -> float:
    """Return the length of trajectories per area of the picture, where they are crowded."""
    cell = float(np.linalg.norm(box[1] - box[0])) / _CELLS
    plane = sideways(toward)
    starts = np.concatenate([trial[:-1] for trial in trials])
    moves = np.concatenate([np.diff(trial, axis=0) for trial in trials])
    inside = ((starts >= box[0]) & (starts <= box[1])).all(axis=1)
    starts, moves = starts[inside] @ plane, moves[inside] @ plane
    sizes = np.linalg.norm(moves, axis=1)
    n_pieces = np.minimum(np.ceil(sizes / cell), _CELLS).astype(int)  # long moves cross many cells
    order = np.arange(n_pieces.sum()) - (np.cumsum(n_pieces) - n_pieces).repeat(n_pieces)
    share = (order + 0.5) / n_pieces.repeat(n_pieces)
    places = starts.repeat(n_pieces, axis=0) + share[:, None] * moves.repeat(n_pieces, axis=0)
    weights = (sizes / np.maximum(n_pieces, 1)).repeat(n_pieces)
    if not weights.sum() > 0:
        return 0.0
    cells = np.floor(places / cell).astype(int)
    _, index = np.unique(cells, axis=0, return_inverse=True)
    density = np.sort(np.bincount(index.ravel(), weights)) / cell**2
    along = np.cumsum(density) / density.sum()  # each cell counts as much as is drawn there
    return float(density[math.floor(along.searchsorted(_CROWDED))])
