"""From states that a search found to the set of points that it returns."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from pyrnn.dynamics.maps import Map
from pyrnn.dynamics.points._record import SearchRecord
from pyrnn.dynamics.points.points import FixedPoint, Points, SlowPoint

__all__ = ["measure"]

_Set = TypeVar("_Set", bound=Points[FixedPoint] | Points[SlowPoint])


def measure(
    kind: type[_Set],
    step: Map,
    h: Tensor,
    x: Tensor,
    pool: Tensor,
    record: SearchRecord | None = None,
    eigenvalues: Tensor | None = None,
) -> _Set:
    """Take speed, Jacobian and distance at each point; sort by unstable modes, then by state.

    Args:
        kind: Class of the set to return.
        step: The map.
        h: Points, ``(n, state_size)``.
        x: Their inputs, ``(n, input_size)``.
        pool: States that the search started from.
        record: What the search did.
        eigenvalues: Eigenvalues of the Jacobian at each, where they are known.

    Returns:
        The points.
    """
    speeds = (step(h, x) - h).norm(dim=-1)
    parts = zip(h.split(64), x.split(64), strict=True)
    jacobians = torch.cat([step.jacobian(*part) for part in parts])
    distances = _nearest(h, pool)
    points = kind(h, x, speeds, jacobians, distances, record)
    if eigenvalues is not None:
        vars(points.spectrum)["eigenvalues"] = eigenvalues
    n_unstable = points.n_unstable.tolist()
    keys = list(zip(n_unstable, x.tolist(), h.round(decimals=6).tolist(), strict=True))
    order = sorted(range(len(h)), key=keys.__getitem__)
    chosen: _Set = points[torch.tensor(order, dtype=torch.long, device=h.device)]  # type: ignore[assignment]
    if record is None or not record.multiplicity:
        return chosen
    ordered = replace(record, multiplicity=tuple(record.multiplicity[i] for i in order))
    vars(chosen)["record"] = ordered
    return chosen


def _nearest(h: Tensor, pool: Tensor) -> Tensor:
    """Return the distance to the nearest state of the pool, ``(n,)``."""
    rough, chunk = pool.float(), max(1, 2**24 // max(len(pool), 1))
    squares = rough.square().sum(-1)
    parts = [torch.addmm(squares, part, rough.mT, alpha=-2) for part in h.float().split(chunk)]
    nearest = torch.cat([part.min(1).indices for part in parts])  # argmin takes twice as long
    return (h - pool[nearest]).norm(dim=-1)
