"""Where the camera stands, and which sides of the axes it sees: pure geometry."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyrnn.render.geometry import normalized

Array = NDArray[Any]

VIEW_ANGLE = 26.0  # vertical, in degrees
VIEWS = {
    "iso": (1.0, 1.45, 0.62),
    "front": (0.0, 1.0, 0.0),
    "side": (1.0, 0.0, 0.0),
    "top": (0.0, 0.0, 1.0),
}


class Pose(NamedTuple):
    """A camera: where it is, what it looks at, which way is up."""

    position: Array
    focus: Array
    up: Array


def view_direction(view: str) -> Array:
    """Return the direction from the scene to the camera for a named view.

    Raises:
        ValueError: If the view is unknown.
    """
    if view not in VIEWS:
        raise ValueError(f"expected a view among {', '.join(VIEWS)}, got {view!r}; choose one")
    return normalized(np.array(VIEWS[view]))


def fit_camera(box: Array, direction: Array, aspect: float, fill: float = 0.80) -> Pose:
    """Place the camera so that the corners of a box fill a share of the picture.

    Args:
        box: Lower and upper corner, ``(2, 3)``.
        direction: From the scene to the camera, ``(3,)``.
        aspect: Width over height of the picture.
        fill: Share of the picture that the box spans.
    """
    up = np.array([0.0, 1.0, 0.0]) if abs(direction[2]) > 0.99 else np.array([0.0, 0.0, 1.0])
    right = normalized(np.cross(up, direction))
    above = np.cross(direction, right)
    axes = np.stack([right, above, direction])
    slopes = np.tan(np.radians(VIEW_ANGLE / 2)) * np.array([aspect, 1.0]) * fill
    focus = box.mean(axis=0)
    for _ in range(8):
        relative = (corners(box) - focus) @ axes.T
        distance = (relative[:, 2] + (np.abs(relative[:, :2]) / slopes).max(axis=1)).max()
        seen = relative[:, :2] / (distance - relative[:, 2:])
        shift = (seen.min(axis=0) + seen.max(axis=0)) / 2 * distance
        focus = focus + shift @ axes[:2]
    return Pose(focus + distance * direction, focus, above)


def corners(box: Array) -> Array:
    """Return the eight corners of a box, ``(8, 3)``."""
    return np.array(list(itertools.product(*box.T)))


def walls(box: Array, divisions: int = 4) -> list[list[Array]]:
    """Return the grid lines ``(n, 2, 3)`` of the lower and upper wall across each axis."""
    return [[_wall(box, axis, side, divisions) for side in (0, 1)] for axis in range(3)]


def _wall(box: Array, axis: int, side: int, divisions: int) -> Array:
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


def far_walls(box: Array, position: Array) -> tuple[int, int, int]:
    """Return, for each axis, which of its two walls (0 lower, 1 upper) is behind the scene."""
    away = position - box.mean(axis=0)
    x, y, z = (int(component < 0) for component in away)
    return x, y, z


def label_edges(box: Array, position: Array) -> Array:
    """Return the edge ``(3, 2, 3)`` of the visible walls that carries each axis' label.

    It runs along its axis where a far wall meets a near side: on the silhouette, out of the way.
    """
    far = np.array(far_walls(box, position))
    edges = np.empty((3, 2, 3))
    for axis in range(3):
        beside = (2, 2, _leftmost(box, position, far))[axis]
        other = 3 - axis - beside
        edges[axis, :, axis] = box[:, axis]
        edges[axis, :, beside] = box[far[beside], beside]
        edges[axis, :, other] = box[1 - far[other], other]
    return edges


def _leftmost(box: Array, position: Array, far: Array) -> int:
    """Return which far wall's near edge appears further left: 0 or 1."""
    toward = position - box.mean(axis=0)
    left = np.array([toward[1], -toward[0], 0.0])  # horizontally, as seen from the camera
    places = []
    for beside in (0, 1):
        place = np.zeros(3)
        place[beside] = box[far[beside], beside]
        place[1 - beside] = box[1 - far[1 - beside], 1 - beside]
        places.append(place @ left)
    return int(np.argmax(places))
