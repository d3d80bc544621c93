"""Piecewise linear networks: the fixed point of every linear region, or the proof of none."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from pyrnn.dynamics.points._equation import Roots
from pyrnn.dynamics.points._intervals import OUTWARD, TINY, gamma, times
from pyrnn.dynamics.points._prune import Pruned

__all__ = ["MOST_UNITS", "search_regions"]

MOST_UNITS = 16  # of a rectifying network: 65,536 regions
_AT_ONCE = 4096


def search_regions(
    weight: Tensor,
    drive: Tensor,
    drive_error: Tensor,
    *,
    rectifies: bool,
    max_boxes: int,
    stop: Callable[[], bool],
) -> Pruned:
    r"""Solve :math:`u = W f(u) + d` in every linear region of a rectifying or linear activation.

    In the region where the units :math:`D` are active, :math:`(1 - W D) u = d` has one solution,
    which is a fixed point if its signs are those of the region. Signs within the bounds on
    rounding, and matrices that may be singular, leave a region undecided.

    Args:
        weight: Recurrent weights, ``(n, n)``.
        drive: Constant current, ``(n,)``.
        drive_error: Bound on its error, ``(n,)``.
        rectifies: Whether the activation is ``max(u, 0)``; otherwise it is ``u``.
        max_boxes: Most regions to look at.
        stop: Ends the work early.

    Returns:
        Fixed points as currents, and the regions that are left undecided.
    """
    n = len(weight)
    n_regions = 2**n if rectifies else 1
    roots = Roots(drive.new_zeros(0, n), drive[:0], drive[:0], drive[:0].bool())
    undecided = []
    for first in range(0, n_regions, _AT_ONCE):
        number = torch.arange(first, min(first + _AT_ONCE, n_regions), device=drive.device)
        if first + len(number) > max_boxes or stop():
            everything = drive.new_full((1, n), math.inf)
            return Pruned(roots, -everything, everything, first, True)
        bits = (number[:, None] >> torch.arange(n, device=drive.device)) & 1
        active = bits.bool() if rectifies else torch.ones_like(bits, dtype=torch.bool)
        u, error, is_regular = _solved(weight, drive, drive_error, active)
        inside = torch.where(active, u, -u)  # how far inside the region
        beyond = inside if rectifies else torch.full_like(u, math.inf)
        is_wrong = (beyond < -error).any(-1) & is_regular
        is_right = (beyond >= error).all(-1) & is_regular
        margin = beyond.amin(-1) / OUTWARD
        unique = torch.where(margin > 0, margin, torch.full_like(margin, TINY))
        found = Roots(u, error.amax(-1), unique, is_right)
        roots = roots.joined(found[is_right])
        low, high = _region(u, error, active, is_regular)
        is_open = ~(is_wrong | is_right)
        undecided.append((low[is_open], high[is_open]))
    low, high = (torch.cat(ends) for ends in zip(*undecided, strict=True))
    return Pruned(roots, low, high, n_regions, False)


def _solved(
    weight: Tensor, drive: Tensor, drive_error: Tensor, active: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the solution of each region, a bound on its error, and whether it is the only one."""
    n = len(weight)
    system = -(weight * active[:, None].to(weight))
    system.diagonal(dim1=-2, dim2=-1).add_(1)
    inverse, _ = torch.linalg.inv_ex(system)
    u = times(inverse, drive.expand(len(active), -1)).nan_to_num(0.0, 0.0, 0.0)
    size, system_size = inverse.abs(), system.abs()
    terms = times(system_size, u.abs()) + drive.abs()
    gap = (drive - times(system, u)).abs() + gamma(n) * terms + drive_error
    defect = -(inverse @ system)
    defect.diagonal(dim1=-2, dim2=-1).add_(1)
    defect = defect.abs().sum(-1) + gamma(n) * times(size, system_size.sum(-1))
    share = defect.amax(-1)
    step = times(size, gap)
    error = (step + (share / (1 - share) * step.amax(-1))[:, None]) * OUTWARD
    return u, error, (share < 0.5) & error.isfinite().all(-1)


def _region(u: Tensor, error: Tensor, active: Tensor, is_regular: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the solution of a region may be: near what was computed, or anywhere in it."""
    low = torch.where(active, 0.0, -math.inf)
    high = torch.where(active, math.inf, 0.0)
    near = is_regular[:, None]
    return torch.where(near, u - error, low.to(u)), torch.where(near, u + error, high.to(u))
