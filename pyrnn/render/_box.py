"""The box of the axes: its extent, its corners, and the grids on its walls."""

from __future__ import annotations

import itertools

import numpy as np

from pyrnn.arrays import Array

__all__ = ["choose_box", "corners_of", "is_clipped", "wall_grids"]

_AIR = 0.04  # around all that is shown, as a share of its extent
_MARGIN = 0.22  # around fixed points, as a share of the largest extent of their set
_SMALL = 0.15  # sets of fixed points smaller than this share of the states do not set the box
_LOST = 0.02  # share of the states that the box may leave out without their being clipped


def choose_box(states: Array, centers: Array) -> Array:
    """Return the lower and upper corner ``(2, 3)`` of the axes.

    The box holds all states. If there are fixed points far from each other, it ends a bit beyond
    them, even if some states lie outside: transients may be far larger than what they lead to.

    Args:
        states: All places that trajectories visit, ``(n, 3)``.
        centers: Fixed points, ``(n_points, 3)``.

    Example:
        >>> box = choose_box(np.array([[0.0, 0.0, 0.0], [10.0, 10.0, 10.0]]), np.zeros((0, 3)))
        >>> box.tolist()
        [[-0.4, -0.4, -0.4], [10.4, 10.4, 10.4]]
    """
    everything = np.concatenate([states, centers])
    low, high = everything.min(axis=0), everything.max(axis=0)
    extent = high - low
    air = np.maximum(_AIR * extent, 0.02 * (extent.max() or 1.0))
    low, high = low - air, high + air
    reach = np.ptp(centers, axis=0).max() if len(centers) else 0.0
    if reach > _SMALL * extent.max():
        low = np.maximum(low, centers.min(axis=0) - _MARGIN * reach)
        high = np.minimum(high, centers.max(axis=0) + _MARGIN * reach)
    return np.stack([low, high])


def is_clipped(states: Array, box: Array) -> bool:
    """Return whether more than a few states lie outside the box.

    Example:
        >>> box = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
        >>> is_clipped(np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 2.0]]), box)
        True
    """
    outside = ((states < box[0]) | (states > box[1])).any(axis=1)
    return bool(outside.mean() > _LOST)


def corners_of(box: Array) -> Array:
    """Return the eight corners of a box, ``(8, 3)``.

    Example:
        >>> corners_of(np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]))[[0, -1]].tolist()
        [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]
    """
    return np.array(list(itertools.product(*box.T)))


def wall_grids(box: Array, divisions: int = 4) -> list[list[Array]]:
    """Return grid lines ``(n, 2, 3)`` of the lower and upper wall across each axis.

    Example:
        >>> lower, upper = wall_grids(np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]))[2]
        >>> lower.shape, set(upper[..., 2].ravel().tolist())
        ((10, 2, 3), {3.0})
    """
    return [[_grid(box, axis, side, divisions) for side in (0, 1)] for axis in range(3)]


def _grid(box: Array, axis: int, side: int, divisions: int) -> Array:
    lines = []
    for along in {0, 1, 2} - {axis}:
        other = 3 - axis - along
        for share in np.linspace(0, 1, divisions + 1):
            line = np.empty((2, 3))
            line[:, axis] = box[side, axis]
            line[:, along] = box[:, along]
            line[:, other] = box[0, other] + share * (box[1, other] - box[0, other])
            lines.append(line)
    return np.array(lines)
