"""Which fixed point or edge is under the pointer, by distance in pixels."""

from __future__ import annotations

import numpy as np

from pyrnn.arrays import Array
from pyrnn.render._drawing import Balls, Card, Curves, Layer
from pyrnn.render.gl._stage import Stage

__all__ = ["find_card"]

_SLACK = 6.0  # pixels; things smaller than this are hit within this distance


def find_card(stage: Stage, x: float, y: float) -> Card | None:
    """Return the card of what is seen at a pixel from the lower left, if anything.

    A fixed point hides an edge. Of two fixed points, the one nearer to the camera counts.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> from pyrnn.render import Scene, probe_opengl
        >>> points = find_fixed_points(lambda h, x: 0.5 * h, np.zeros((1, 3)))
        >>> if probe_opengl().ok:
        ...     stage = Stage(Scene(points=points).drawing, (80, 60))
        ...     assert find_card(stage, 40, 30).title == "fixed point 0"
        ...     stage.close()
    """
    shown = [actor.layer for key, actor in stage.actors.items() if stage.is_visible(key)]
    layers = [layer for layer in shown if layer.cards]
    pointer = np.array([x, y])
    for kind in (Balls, Curves):
        for layer in layers:
            index = _nearest(stage, layer, pointer) if isinstance(layer, kind) else None
            if index is not None:
                return layer.cards[index]
    return None


def _nearest(stage: Stage, layer: Layer, pointer: Array) -> int | None:
    if isinstance(layer, Balls):
        return _nearest_ball(stage, layer, pointer)
    return _nearest_curve(stage, layer, pointer)


def _nearest_ball(stage: Stage, balls: Balls, pointer: Array) -> int | None:
    seen = stage.to_pixels(balls.centers)
    away = np.linalg.norm(seen[:, :2] - pointer, axis=1)
    hit = away <= np.maximum(_pixel_radii(stage, balls.centers, balls.radii), _SLACK)
    hit &= balls.shown(stage.moment)
    return int(np.where(hit, seen[:, 2], np.inf).argmin()) if hit.any() else None


def _nearest_curve(stage: Stage, curves: Curves, pointer: Array) -> int | None:
    seen = stage.to_pixels(curves.vertices)[:, :2]
    owner = np.arange(len(curves.lengths)).repeat(curves.lengths)
    joined = np.flatnonzero(owner[1:] == owner[:-1])
    start, along = seen[joined], seen[joined + 1] - seen[joined]
    share = ((pointer - start) * along).sum(1) / np.maximum((along**2).sum(1), 1e-12)
    closest = start + np.clip(share, 0, 1)[:, None] * along
    away = np.linalg.norm(closest - pointer, axis=1)
    middle = curves.vertices[joined]
    reach = np.maximum(_pixel_radii(stage, middle, curves.radii[owner[joined]]), _SLACK / 1.5)
    best = int(away.argmin())
    return int(owner[joined[best]]) if away[best] <= reach[best] else None


def _pixel_radii(stage: Stage, centers: Array, radii: Array) -> Array:
    """Return the radii of spheres as they are seen, in pixels."""
    eye = stage.renderer.GetActiveCamera()
    up = np.array(eye.GetViewUp())
    edge = stage.to_pixels(centers + radii[:, None] * up)
    lengths: Array = np.linalg.norm(edge[:, :2] - stage.to_pixels(centers)[:, :2], axis=1)
    return lengths
