"""The flow of a network on a plane of the drawn space."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pyrnn.dynamics import velocity
from pyrnn.palette import colormap
from pyrnn.projection import Projection
from pyrnn.render.build import pad3
from pyrnn.render.layers import Array, Curves

RADIUS, REACH = 0.0011, 0.95  # of arrows, as shares of the diagonal and of a grid cell


class Flow(NamedTuple):
    """A flow field to be drawn: of which network or step, under which input, where, how finely."""

    rnn: Any
    x: Any
    level: float
    n: int


def flow(field: Flow, projection: Projection, box: Array) -> Curves:
    r"""Draw where the plane's states move in one step, colored by speed.

    The arrow at :math:`z` shows :math:`C\,(\mathrm{step}(h, x) - h)` for the state :math:`h` that
    lies in the drawn space at :math:`z`; long ones are shortened, so that slow ones can be seen.
    """
    low, high = box
    sides = [np.linspace(low[i], high[i], field.n + 2)[1:-1] for i in (0, 1)]
    grid = np.stack([each.ravel() for each in np.meshgrid(*sides)], axis=1)
    places = np.c_[grid, np.full(len(grid), field.level)]
    states = projection.inverse(places[:, : len(projection.components)])
    moves = pad3(projection.directions(velocity(field.rnn, states, field.x)))
    speeds = np.linalg.norm(moves, axis=1)
    share = speeds / (speeds.max() or 1.0)
    cell = REACH * min(side[1] - side[0] for side in sides)
    shown = moves / np.maximum(speeds, 1e-12)[:, None] * (cell * np.sqrt(share))[:, None]
    colors = (colormap("viridis_r")(share)[:, :3] * 255).astype(np.uint8)
    return Curves(
        "flow",
        np.stack([places, places + shown], axis=1).reshape(-1, 3),
        np.full(len(places), 2),
        colors.repeat(2, axis=0),
        np.full(len(places), RADIUS * np.linalg.norm(high - low)),
        heads=True,
    )
