"""What a proof needs of a fixed point equation: contractors of boxes, and tests for one zero."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from pyrnn.dynamics.points._intervals import OUTWARD

__all__ = ["Equation", "Roots", "shrinks"]

_N_POWER = 8
_LEAST = 1e-3  # of the largest weight


@dataclass(frozen=True, eq=False)
class Roots:
    """Zeros that are proved to exist, as currents of the units.

    Attributes:
        u: Currents, ``(n, n_units)``.
        radius: A zero lies this close, in the largest-difference norm, ``(n,)``.
        unique: No other one lies this close, ``(n,)``.
        is_proved: Whether the zero is proved to exist in its box, ``(n,)``.
    """

    u: Tensor
    radius: Tensor
    unique: Tensor
    is_proved: Tensor

    def __len__(self) -> int:
        return len(self.u)

    def __getitem__(self, index: Tensor) -> Roots:
        """Return some of the zeros."""
        return Roots(*(getattr(self, field.name)[index] for field in fields(self)))

    def joined(self, other: Roots) -> Roots:
        """Return these zeros and those of the others that are new."""
        names = [field.name for field in fields(self)]
        both = Roots(*(torch.cat([getattr(self, n), getattr(other, n)]) for n in names))
        distance = torch.cdist(other.u, both.u, p=math.inf) + other.radius[:, None]
        unique = torch.maximum(both.unique, other.unique[:, None])
        is_same = (distance <= unique).tril(len(self) - 1)
        is_new = torch.ones(len(both), dtype=torch.bool, device=self.u.device)
        is_new[len(self) :] = ~is_same.any(1)
        return both[is_new]


class Equation(ABC):
    r"""A fixed point equation on boxes; the coordinates of a box are what it is split in.

    Attributes:
        rank: Number of coordinates of :math:`\kappa`, which come first.
        contraction: Largest row sum of the weights that boxes are not split in.
        bytes_per_box: Memory that a contraction takes for each box.
        reach: Outer bound on the coordinates, for activations that are not bounded.
        pad: Share of its width by which a box is enlarged before it is asked for a single zero.

    Subclassing:
        Write all methods. A contraction may only remove what holds no zero.

    Example:
        >>> from pyrnn.dynamics.points._low_rank import LowRank
        >>> issubclass(LowRank, Equation)
        True
    """

    rank: int
    contraction: float
    bytes_per_box: int
    reach: float
    pad: float = 0.1

    @abstractmethod
    def start(self) -> tuple[Tensor, Tensor]:
        """Return a box that holds every zero, infinite if none is known."""

    @abstractmethod
    def contract(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is left of boxes; some ends are in the wrong order where it is nothing."""

    @abstractmethod
    def has_at_most_one(self, low: Tensor, high: Tensor) -> Tensor:
        """Return whether boxes are proved to hold no two zeros, ``(n_boxes,)``."""

    @abstractmethod
    def roots(self, low: Tensor, high: Tensor) -> Roots:
        """Return the limits of Newton's method from the middle of boxes, each with its proof."""

    @abstractmethod
    def currents(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return bounds on the currents of the units in boxes, ``(n_boxes, n_units)``."""

    def cost(self, low: Tensor, high: Tensor, scale: Tensor) -> Tensor:
        """Return how much it is worth to split each coordinate of boxes."""
        return (high - low) / scale


def shrinks(image: Callable[[Tensor], Tensor], width: Tensor) -> Tensor:
    """Return whether a non-negative linear map shrinks some positive vector in every entry.

    Args:
        image: The map of vectors ``(n, size)``.
        width: Vectors to start from, ``(n, size)``.

    Example:
        >>> shrinks(lambda w: w @ torch.tensor([[0.5, 0.0], [3.0, 0.5]]), torch.ones(1, 2))
        tensor([True])
    """
    w = width / width.amax(-1, keepdim=True)
    for _ in range(_N_POWER):
        after = image(w)
        size = after.amax(-1, keepdim=True)
        w = torch.maximum(after / size, torch.full_like(after, _LEAST))
    ratio = (image(w) * OUTWARD / w).amax(-1)
    return ratio.isfinite() & (ratio < 1)
