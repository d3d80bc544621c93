"""A map in another unit of its states."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.maps.map import Map

__all__ = ["ScaledMap", "state_scale"]

_NEAR_ONE = 16.0  # scales up to this, or down to its inverse, need no change of units


@dataclass(frozen=True, eq=False, repr=False)
class ScaledMap(Map):
    r"""The same map with states measured in units of a scale: :math:`G(z) = F(s z) / s`.

    Tolerances of an analysis are then relative to the size of the states, and numbers in single
    precision neither overflow nor underflow.

    Args:
        once: The map :math:`F`.
        scale: Unit :math:`s`, a power of two, so that nothing is rounded.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> step = as_map(lambda h, x: 1e-6 * torch.tanh(2e6 * h), torch.zeros(1, 1))
        >>> ScaledMap(step, 2.0**-20)(torch.ones(1), torch.zeros(1))
        tensor([1.0033], dtype=torch.float64)
    """

    once: Map
    scale: float

    def __post_init__(self) -> None:
        names = ("state_size", "input_size", "parts", "dt", "is_smooth", "dtype", "device")
        for name in names:
            object.__setattr__(self, name, getattr(self.once, name))

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next states, ``(..., state_size)``."""
        return self.once.step(h * self.scale, x) / self.scale

    def to(self, dtype: torch.dtype) -> ScaledMap:
        """Return the same map in another dtype."""
        return ScaledMap(self.once.to(dtype), self.scale)

    def _jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        return self.once._jacobian(h * self.scale, x)

    def _input_jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        return self.once._input_jacobian(h * self.scale, x) / self.scale


def state_scale(sizes: Tensor) -> float:
    """Return a power of two near the usual size of states, 1 if that is of the order of 1.

    A few states of any size do not change it: it follows from the median of those that are not
    zero.

    Args:
        sizes: Largest number of each state, ``(n,)``.

    Returns:
        The scale.

    Example:
        >>> state_scale(torch.tensor([1e-6, 3e-6])), state_scale(torch.tensor([0.2, 0.9]))
        (9.5367431640625e-07, 1.0)
        >>> state_scale(torch.tensor([0.0, 0.5, 0.7, 1e200]).double())
        1.0
    """
    sizes = sizes[sizes > 0]
    if not len(sizes):
        return 1.0
    usual = float(sizes.median())
    if 1 / _NEAR_ONE <= usual <= _NEAR_ONE:
        return 1.0
    return 2.0 ** round(math.log2(usual))
