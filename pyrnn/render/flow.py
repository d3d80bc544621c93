"""The flow of a network on a plane of the drawn space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib import colormaps

from pyrnn.projection import Projection, as_array
from pyrnn.render.build import pad3
from pyrnn.render.layers import Array, Curves

RADIUS, REACH = 0.0011, 0.95  # of arrows, as shares of the diagonal and of a grid cell


class Flow(NamedTuple):
    """A flow field to be drawn: which step, under which input, where, how finely."""

    step: Callable[[Any, Any], Any]
    x: Any
    level: float
    n: int


def flow(field: Flow, projection: Projection, box: Array) -> Curves:
    r"""Draw where the plane's states move in one step, coloured by speed.

    The arrow at :math:`z` shows :math:`C\,(\mathrm{step}(h, x) - h)` for the state :math:`h` that
    lies in the drawn space at :math:`z`; long ones are shortened, so that slow ones can be seen.
    """
    low, high = box
    sides = [np.linspace(low[i], high[i], field.n + 2)[1:-1] for i in (0, 1)]
    grid = np.stack([each.ravel() for each in np.meshgrid(*sides)], axis=1)
    places = np.c_[grid, np.full(len(grid), field.level)]
    moves = pad3(projection.directions(_moves(field, projection, places)))
    speeds = np.linalg.norm(moves, axis=1)
    share = speeds / (speeds.max() or 1.0)
    cell = REACH * min(side[1] - side[0] for side in sides)
    shown = moves / np.maximum(speeds, 1e-12)[:, None] * (cell * np.sqrt(share))[:, None]
    colors = (colormaps["viridis_r"](share)[:, :3] * 255).astype(np.uint8)
    return Curves(
        "flow",
        np.stack([places, places + shown], axis=1).reshape(-1, 3),
        np.full(len(places), 2),
        colors.repeat(2, axis=0),
        np.full(len(places), RADIUS * np.linalg.norm(high - low)),
        heads=True,
    )


def _moves(field: Flow, projection: Projection, places: Array) -> Array:
    """Return how states at these places change in one step, ``(n, hidden_size)``."""
    x = torch.as_tensor(field.x)
    n_axes = len(projection.components)
    h = torch.as_tensor(projection.inverse(places[:, :n_axes]), dtype=x.dtype, device=x.device)
    with torch.no_grad():
        return as_array(field.step(h, x.expand(len(h), -1)) - h)
