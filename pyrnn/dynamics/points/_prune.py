"""Branch and prune: boxes are contracted, settled, or split, until none is left."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.points._equation import Equation, Roots
from pyrnn.dynamics.points._low_rank import LowRank

__all__ = ["Pruned", "is_empty", "outer_bound", "prune"]

_BYTES = 2**26
_MOST_AT_ONCE = 2048
_N_PASSES = 20
_WORTH = 0.97  # a contraction that leaves more than this share of the widths is not repeated
_PAD_AT_LEAST = 1e-8  # by which a box is enlarged before it is asked for a single zero
_MOST_EMPTY, _NARROWEST = 20_000, 1e-3
_FAR = (64.0, 4096.0, 2.0**20)  # outer bounds that are tried, in units of the drive


@dataclass(frozen=True, eq=False)
class Pruned:
    """What is known of all zeros of an equation.

    Attributes:
        roots: Zeros that exist.
        low: Lower ends of the boxes in which there may be others, ``(n, n_axes)``.
        high: Upper ends.
        n_boxes: Boxes that were looked at.
        was_stopped: Whether it ended early.
    """

    roots: Roots
    low: Tensor
    high: Tensor
    n_boxes: int
    was_stopped: bool


def prune(
    equation: Equation, min_width: float, max_boxes: int, stop: Callable[[], bool]
) -> Pruned:
    """Enclose all zeros of an equation.

    All boxes of one size are worked on before they are split, so that what is left after an early
    stop is spread evenly.

    Args:
        equation: The equation.
        min_width: Boxes narrower than this share of the first one are not split.
        max_boxes: Most boxes to look at.
        stop: Ends the work early.

    Returns:
        Zeros and boxes.
    """
    low, high = equation.start()
    roots = equation.roots(low[:0], high[:0])
    if not (low.isfinite() & high.isfinite()).all():
        return Pruned(roots, low, high, 0, False)
    scale = (high - low)[0].clamp(min=torch.finfo(low.dtype).tiny)
    n_at_once = max(1, min(_MOST_AT_ONCE, _BYTES // equation.bytes_per_box))
    n_boxes, kept = 0, [(low[:0], high[:0])]
    while len(low):
        halves: list[tuple[Tensor, Tensor]] = []
        for part in torch.arange(len(low)).split(n_at_once):
            if n_boxes + len(part) > max_boxes or stop():
                rest = [(low[part[0] :], high[part[0] :]), *halves, *kept]
                return Pruned(roots, *_joined(rest), n_boxes, True)
            n_boxes += len(part)
            box, found = _settled(equation, low[part], high[part], scale)
            roots = roots.joined(found)
            is_narrow = (box[1] - box[0] < min_width * scale).all(-1)
            kept.append((box[0][is_narrow], box[1][is_narrow]))
            halves += _halves(equation, box[0][~is_narrow], box[1][~is_narrow], scale)
        low, high = _joined([*halves, (low[:0], high[:0])])
    return Pruned(roots, *_joined(kept), n_boxes, False)


def is_empty(equation: Equation, low: Tensor, high: Tensor) -> bool:
    """Return whether boxes are proved to hold no zero.

    Args:
        equation: The equation.
        low: Lower ends of the boxes.
        high: Upper ends.
    """
    scale = (high - low).amax(0).clamp(min=torch.finfo(low.dtype).tiny)
    n_boxes = 0
    while len(low):
        n_boxes += len(low)
        box = _contracted(equation, low, high)
        if n_boxes > _MOST_EMPTY or (box[1] - box[0] < _NARROWEST * scale).all(-1).any():
            return False
        low, high = _joined([*_halves(equation, *box, scale), (low[:0], high[:0])])
    return True


def outer_bound(equation: LowRank) -> float:
    """Return a bound on the coordinates of all zeros, infinite if none is proved.

    Args:
        equation: The equation, with an activation that is not bounded.
    """
    offset = equation.curve.beyond
    unit = max(1.0, float(equation.drive.abs().max()), offset if math.isfinite(offset) else 0.0)
    for far in _FAR:
        if is_empty(*equation.from_far_away(far * unit)):
            return far * unit
    return math.inf


def _contracted(equation: Equation, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Return what is left of boxes after some passes, without those of which nothing is left.

    Passes are cheaper than splits: a split doubles the boxes, a pass only the time.
    """
    done = []
    for _ in range(_N_PASSES):
        before = (high - low).sum(-1)
        low, high = equation.contract(low, high)
        is_left = (low <= high).all(-1)
        low, high, before = low[is_left], high[is_left], before[is_left]
        goes_on = (high - low).sum(-1) < _WORTH * before
        done.append((low[~goes_on], high[~goes_on]))
        low, high = low[goes_on], high[goes_on]
        if not len(low):
            break
    return _joined([*done, (low, high)])


def _settled(
    equation: Equation, low: Tensor, high: Tensor, scale: Tensor
) -> tuple[tuple[Tensor, Tensor], Roots]:
    """Return the boxes that are not settled, and the zeros of those that are."""
    low, high = _contracted(equation, low, high)
    pad = equation.pad * (high - low) + _PAD_AT_LEAST * scale
    wide_low, wide_high = low - pad, high + pad
    which = equation.has_at_most_one(wide_low, wide_high).nonzero()[:, 0]
    found = equation.roots(wide_low[which], wide_high[which])
    is_open = torch.ones(len(low), dtype=torch.bool, device=low.device)
    is_open[which[found.is_proved]] = False
    return (low[is_open], high[is_open]), found[found.is_proved]


def _halves(
    equation: Equation, low: Tensor, high: Tensor, scale: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Split each box in two."""
    if not len(low):
        return []
    axis = equation.cost(low, high, scale).argmax(-1, keepdim=True)
    middle = low + (high - low) / 2
    first, second = high.clone(), low.clone()
    first.scatter_(1, axis, middle.gather(1, axis))
    second.scatter_(1, axis, middle.gather(1, axis))
    return [(low, first), (second, high)]


def _joined(boxes: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    low, high = zip(*boxes, strict=True)
    return torch.cat(low), torch.cat(high)
