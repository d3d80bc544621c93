"""Where the camera stands, and which walls and edges of the box it sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pyrnn.arrays import Array
from pyrnn.render._box import corners_of
from pyrnn.render._geometry import normalized

__all__ = [
    "VIEWS",
    "VIEW_ANGLE",
    "Pose",
    "clear_view",
    "far_walls",
    "fit_camera",
    "label_edges",
    "sideways",
    "view_direction",
]

VIEW_ANGLE = 26.0  # vertical, in degrees
VIEWS = {
    "iso": (1.0, 1.45, 0.62),
    "front": (0.0, 1.0, 0.0),
    "side": (1.0, 0.0, 0.0),
    "top": (0.0, 0.0, 1.0),
}
_MOST = 400  # points whose distances are looked at
_ISO_HEIGHT = 0.38  # of the view from above, as a slope


class Pose(NamedTuple):
    """A camera: where it is, what it looks at, which way is up.

    Example:
        >>> Pose(np.array([0.0, 0.0, 9.0]), np.zeros(3), np.array([0.0, 1.0, 0.0])).focus.tolist()
        [0.0, 0.0, 0.0]
    """

    position: Array
    focus: Array
    up: Array


def view_direction(view: str) -> Array:
    """Return the unit vector from the scene to the camera of a named view.

    Example:
        >>> view_direction("top").tolist()
        [0.0, 0.0, 1.0]
    """
    return normalized(np.array(VIEWS[view]))


def clear_view(centers: Array, default: Array) -> Array:
    """Return the direction to a camera that sees points far apart, a bit from above.

    Args:
        centers: Fixed points, ``(n, 3)``.
        default: The direction for fewer than four points, which hardly hide each other.

    Example:
        >>> clear_view(np.zeros((3, 3)), np.array([1.0, 0.0, 0.0])).tolist()
        [1.0, 0.0, 0.0]
    """
    if len(centers) < 4:
        return default
    centers = centers[:: -(-len(centers) // _MOST)]
    turns = np.arctan2(default[1], default[0]) + np.radians(np.arange(0, 360, 5))
    directions = [np.array([np.cos(a), np.sin(a), _ISO_HEIGHT]) for a in turns]
    clearest = max(directions, key=lambda direction: _spread(centers, direction))
    return normalized(clearest)


def sideways(direction: Array) -> Array:
    """Return the directions to the right and up in a picture, ``(3, 2)``.

    Example:
        >>> sideways(np.array([1.0, 0.0, 0.0])).tolist()
        [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    toward = normalized(direction)
    right = np.cross([0.0, 0.0, 1.0], toward)
    right = normalized(right) if np.linalg.norm(right) > 1e-9 else np.array([1.0, 0.0, 0.0])
    return np.stack([right, np.cross(toward, right)], axis=1)


def _spread(centers: Array, direction: Array) -> float:
    """Return how far points, seen from a direction, are from their nearest neighbors."""
    seen = centers @ sideways(direction)
    apart = np.linalg.norm(seen[:, None] - seen, axis=2) + np.diag(np.full(len(seen), np.inf))
    return round(float(np.sqrt(apart.min(axis=1)).mean()), 9)


def fit_camera(box: Array, direction: Array, aspect: float, fill: float = 0.80) -> Pose:
    """Return a camera that sees a box as large as a given share of the picture.

    Args:
        box: Lower and upper corner, ``(2, 3)``.
        direction: From the scene to the camera, ``(3,)``.
        aspect: Width over height of the picture.
        fill: Share of the picture that the box spans.

    Example:
        >>> cube = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
        >>> pose = fit_camera(cube, view_direction("front"), aspect=1.0)
        >>> pose.position.round(3).tolist(), pose.focus.round(3).tolist()
        ([0.0, 6.414, 0.0], [0.0, 0.0, 0.0])
    """
    up = np.array([0.0, 1.0, 0.0]) if abs(direction[2]) > 0.99 else np.array([0.0, 0.0, 1.0])
    right = normalized(np.cross(up, direction))
    above = np.cross(direction, right)
    axes = np.stack([right, above, direction])
    slopes = np.tan(np.radians(VIEW_ANGLE / 2)) * np.array([aspect, 1.0]) * fill
    focus = box.mean(axis=0)
    for _ in range(8):
        relative = (corners_of(box) - focus) @ axes.T
        distance = (relative[:, 2] + (np.abs(relative[:, :2]) / slopes).max(axis=1)).max()
        seen = relative[:, :2] / (distance - relative[:, 2:])
        shift = (seen.min(axis=0) + seen.max(axis=0)) / 2 * distance
        focus = focus + shift @ axes[:2]
    return Pose(focus + distance * direction, focus, above)


def far_walls(box: Array, position: Array) -> tuple[int, int, int]:
    """Return which wall across each axis is behind the scene: 0 lower, 1 upper.

    Example:
        >>> far_walls(np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]), np.array([9.0, 9.0, -9.0]))
        (0, 0, 1)
    """
    away = position - box.mean(axis=0)
    x, y, z = (int(component < 0) for component in away)
    return x, y, z


def label_edges(box: Array, position: Array) -> Array:
    """Return the edge ``(3, 2, 3)`` of the box at which each axis' label stands.

    The edge is parallel to its axis, where a wall behind the scene ends in front of it: the label
    then lies outside the scene.

    Example:
        >>> box = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
        >>> label_edges(box, np.array([9.0, 9.0, 9.0]))[0].tolist()
        [[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]
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
    """Return which far wall's near edge is seen further left: 0 or 1."""
    toward = position - box.mean(axis=0)
    left = np.array([toward[1], -toward[0], 0.0])  # horizontally, as seen from the camera
    places = []
    for beside in (0, 1):
        place = np.zeros(3)
        place[beside] = box[far[beside], beside]
        place[1 - beside] = box[1 - far[1 - beside], 1 - beside]
        places.append(place @ left)
    return int(np.argmax(places))
