"""What part of the state space is shown, and from where it is seen best."""

from __future__ import annotations

import numpy as np

from pyrnn.render.geometry import normalized
from pyrnn.render.layers import Array

AIR = 0.04  # around all that is shown, as a share of its extent
MARGIN = 0.22  # around fixed points, as a share of the largest extent of their set
SMALL = 0.15  # sets of fixed points smaller than this share of the states do not set the frame
LOST = 0.02  # share of the states that the frame may cut off without their being clipped
ISO_HEIGHT = 0.38  # of the view from above, as a slope


def frame(states: Array, centers: Array) -> Array:
    """Return the corners ``(2, 3)`` of the axes.

    They hold all states; but where fixed points form a structure that transients would dwarf,
    they hold this structure and some room around it.

    Args:
        states: All places that trajectories visit, ``(n, 3)``.
        centers: Fixed points, ``(n_points, 3)``.
    """
    everything = np.concatenate([states, centers])
    low, high = everything.min(axis=0), everything.max(axis=0)
    extent = high - low
    air = np.maximum(AIR * extent, 0.02 * (extent.max() or 1.0))
    low, high = low - air, high + air
    reach = np.ptp(centers, axis=0).max() if len(centers) else 0.0
    if reach > SMALL * extent.max():
        low = np.maximum(low, centers.min(axis=0) - MARGIN * reach)
        high = np.minimum(high, centers.max(axis=0) + MARGIN * reach)
    return np.stack([low, high])


def is_clipped(states: Array, box: Array) -> bool:
    """Whether more than a few states lie outside the axes."""
    outside = ((states < box[0]) | (states > box[1])).any(axis=1)
    return bool(outside.mean() > LOST)


def clear_view(centers: Array, default: Array) -> Array:
    """Return the direction to a camera, slightly from above, that sees points most apart.

    Args:
        centers: Fixed points, ``(n, 3)``.
        default: The direction where there are too few points to hide each other.
    """
    if len(centers) < 4:
        return default
    turns = np.arctan2(default[1], default[0]) + np.radians(np.arange(0, 360, 5))
    directions = [np.array([np.cos(a), np.sin(a), ISO_HEIGHT]) for a in turns]
    clearest = max(directions, key=lambda direction: _spread(centers, direction))
    return normalized(clearest)


def _spread(centers: Array, direction: Array) -> float:
    """Return how far points seen from a direction are from their nearest neighbors."""
    toward = normalized(direction)
    right = normalized(np.cross([0.0, 0.0, 1.0], toward))
    seen = centers @ np.stack([right, np.cross(toward, right)], axis=1)
    apart = np.linalg.norm(seen[:, None] - seen, axis=2) + np.diag(np.full(len(seen), np.inf))
    return round(float(np.sqrt(apart.min(axis=1)).mean()), 9)
