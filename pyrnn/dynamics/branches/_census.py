"""Which fixed points there are at some places, and which of two lists are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pyrnn.dynamics.branches._seeds import simple_points

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import Map

__all__ = ["Census"]

_SAME = 1e-6  # states closer than this, in units of their usual length, are one
_MOST_IN_POOL = 4096


class Census:
    """Searches for fixed points, each place once, and comparisons of lists of them.

    Args:
        pool: States to start from, ``(n_states, state_size)``.
        size: Usual length of the states.

    Attributes:
        was_stopped: Whether Ctrl-C ended a search.
    """

    def __init__(self, pool: Tensor, size: float) -> None:
        self.pool, self.reach, self.was_stopped = pool, _SAME * size, False
        self._known: dict[tuple[int, bytes], Tensor] = {}

    def at(self, step: Map, x: Tensor) -> Tensor:
        """Return the simple fixed points of a map under an input, ``(n, state_size)``."""
        key = id(step), (x + 0.0).cpu().numpy().tobytes()  # -0 is 0
        if key not in self._known:
            self._known[key], was_stopped = simple_points(step, self.pool, x)
            self.was_stopped |= was_stopped
            self.pool = torch.cat([self.pool, self._known[key]])[-_MOST_IN_POOL:]
        return self._known[key]

    def unmatched(self, found: Tensor | None, reached: Tensor) -> Tensor:
        """Return the points found that are not among those reached; none if none were searched."""
        return reached[:0] if found is None else found[~self.is_among(found, reached)]

    def is_among(self, h: Tensor, others: Tensor) -> Tensor:
        """Return whether each state is one of the others, ``(n,)``."""
        if not len(others):
            return torch.zeros(len(h), dtype=torch.bool, device=h.device)
        return _distances(h, others).amin(1) < self.reach

    def are_distinct(self, h: Tensor) -> bool:
        """Return whether no state occurs twice."""
        gap = _distances(h, h).fill_diagonal_(torch.inf)
        return not len(h) or float(gap.min()) > self.reach


def _distances(a: Tensor, b: Tensor) -> Tensor:
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
