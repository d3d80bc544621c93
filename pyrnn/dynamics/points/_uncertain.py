"""Fixed points of low-rank weights under all inputs of a stretch at once."""

from __future__ import annotations

import torch
from torch import Tensor

from pyrnn.dynamics.points._equation import Roots
from pyrnn.dynamics.points._intervals import OUTWARD, UNIT
from pyrnn.dynamics.points._low_rank import LowRank
from pyrnn.dynamics.points._prune import outer_bound, prune

__all__ = ["UncertainDrive", "n_points_between"]

_N_BOXES = 1000  # a stretch that takes more is split
_MIN_WIDTH = 1e-3  # of the boxes of a stretch


class UncertainDrive(LowRank):
    r"""The equation of low-rank weights for every drive between two.

    A box is mapped by :math:`\kappa \mapsto \kappa - Y (\kappa - R f(L \kappa + d))`, whose image
    lies in what the contraction leaves of it. If that is inside of the box, Brouwer's theorem says
    that there is a fixed point for every drive; another test says that there is no other one.

    Args:
        equation: The equation under any drive.
        first: One drive, ``(n,)``.
        last: The other one, ``(n,)``.
    """

    pad = 1.5  # where a point moves to and fro over the border of a box, both sides hold it

    def __init__(self, equation: LowRank, first: Tensor, last: Tensor) -> None:
        vars(self).update(vars(equation))
        half, rounding = (last - first).abs() / 2, 4 * UNIT * (first.abs() + last.abs())
        self.drive = first + (last - first) / 2
        self.drive_error = (half + equation.drive_error + rounding) * OUTWARD
        if not self.curve.is_bounded:
            self.reach = outer_bound(self)

    def roots(self, low: Tensor, high: Tensor) -> Roots:
        """Return boxes that hold a fixed point for every drive; ``u`` are both of their ends."""
        inner = self._relaxed(low, high)
        is_inside = ((inner[0] > low) & (inner[1] < high)).all(-1)
        none = torch.zeros_like(low[:, 0])
        return Roots(torch.cat([low, high], dim=-1), none, none, is_inside)


def n_points_between(equation: LowRank, first: Tensor, last: Tensor) -> tuple[int, int]:
    """Return how many fixed points there are under every drive between two.

    Args:
        equation: The equation under any drive.
        first: One drive, ``(n,)``.
        last: The other one, ``(n,)``.

    Returns:
        The number, or -1 if it is undecided; and how many boxes were looked at.
    """
    uncertain = UncertainDrive(equation, first, last)
    pruned = prune(uncertain, _MIN_WIDTH, _N_BOXES, lambda: False)
    if pruned.was_stopped or len(pruned.low):
        return -1, pruned.n_boxes
    low, high = pruned.roots.u.chunk(2, dim=-1)
    n = 0
    while len(low):  # boxes that touch may hold the same point
        bottom, top, n_before, own = low[:1], high[:1], 0, low.new_ones(1)
        while int(own.sum()) > n_before:
            n_before = int(own.sum())
            own = ((low <= top) & (high >= bottom)).all(-1)
            bottom, top = low[own].amin(0, keepdim=True), high[own].amax(0, keepdim=True)
        if n_before > 1 and not uncertain.has_at_most_one(bottom, top)[0]:
            return -1, pruned.n_boxes
        low, high, n = low[~own], high[~own], n + 1
    return n, pruned.n_boxes
