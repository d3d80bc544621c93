"""From states that a search found to the set of points that it returns."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from pyrnn.dynamics.maps import Map
from pyrnn.dynamics.points._search import Found
from pyrnn.dynamics.points.points import FixedPoints, Points, SlowPoints

__all__ = ["fixed_points_of", "slow_points_at"]

_Set = TypeVar("_Set", bound=Points)


def fixed_points_of(step: Map, found: Found, pool: Tensor) -> FixedPoints:
    """Take speed and distance of what a search found.

    Args:
        step: The map.
        found: What the search found.
        pool: States that it started from.

    Returns:
        The points, by their number of unstable modes and then by state.
    """
    h, x = found.states, found.inputs
    points = FixedPoints(
        h,
        x,
        (step(h, x) - h).norm(dim=-1),
        found.jacobians,
        _distances(h, pool),
        found.record,
        found.multiplicity,
        found.growth,
    )
    vars(points.spectrum)["eigenvalues"] = found.eigenvalues
    return _in_order(points)


def slow_points_at(step: Map, h: Tensor, x: Tensor, pool: Tensor) -> SlowPoints:
    """Take speed, Jacobian and distance at each slow point.

    Args:
        step: The map.
        h: Slow points, ``(n, state_size)``.
        x: Their inputs, ``(n, input_size)``.
        pool: States that the search started from.

    Returns:
        The points, by their number of unstable modes and then by state.
    """
    parts = zip(h.split(64), x.split(64), strict=True)
    jacobians = torch.cat([step.jacobian(*part) for part in parts])
    speeds = (step(h, x) - h).norm(dim=-1)
    return _in_order(SlowPoints(h, x, speeds, jacobians, _distances(h, pool)))


def _in_order(points: _Set) -> _Set:
    h, n_unstable = points.states, points.n_unstable.tolist()
    unit = max(float(h.abs().max()), torch.finfo(h.dtype).tiny) if len(h) else 1.0
    rounded = (h / unit).round(decimals=6).tolist()
    keys = list(zip(n_unstable, points.inputs.tolist(), rounded, strict=True))
    order = sorted(range(len(h)), key=keys.__getitem__)
    return points[torch.tensor(order, dtype=torch.long, device=h.device)]


def _distances(h: Tensor, pool: Tensor) -> Tensor:
    """Return the distance to the nearest state of the pool, ``(n,)``."""
    rough, chunk = pool.float(), max(1, 2**24 // max(len(pool), 1))
    squares = rough.square().sum(-1)
    parts = [torch.addmm(squares, part, rough.mT, alpha=-2) for part in h.float().split(chunk)]
    nearest = torch.cat([part.min(1).indices for part in parts])  # argmin takes twice as long
    return (h - pool[nearest]).norm(dim=-1)
