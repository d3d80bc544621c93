"""A map on its way from a constant to itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.maps.map import Map

__all__ = ["DeformedMap"]


@dataclass(frozen=True, eq=False, repr=False)
class DeformedMap(Map):
    r"""A constant :math:`c` deformed into a map, with the constant as further inputs.

    .. math:: F_s(h) = s F(h, x) + (1 - s) c

    Of a map that sends a ball into itself, almost every :math:`c` is connected by a path of fixed
    points of :math:`F_s` to one of :math:`F`.

    Args:
        once: The map :math:`F`.
        share: How far the way is, :math:`s`.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> step = DeformedMap(as_map(lambda h, x: h + 1, torch.zeros(1)), 0.5)
        >>> step(torch.zeros(1), torch.tensor([0.0, 3.0]))  # an input and a constant
        tensor([2.], dtype=torch.float64)

    References:
        Chow, Mallet-Paret & Yorke, *Mathematics of Computation* 32:887 (1978).
    """

    once: Map
    share: float

    def __post_init__(self) -> None:
        names = ("state_size", "parts", "dt", "is_smooth", "dtype", "device")
        for name in names:
            object.__setattr__(self, name, getattr(self.once, name))

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next states, ``(..., state_size)``."""
        given, constant = self._split(h, x)
        return self.share * self.once(h, given) + (1 - self.share) * constant

    def to(self, dtype: torch.dtype) -> DeformedMap:
        """Return the same map in another dtype."""
        return DeformedMap(self.once.to(dtype), self.share)

    def _split(self, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        size = h.shape[-1]
        return x[..., :-size], x[..., -size:]

    def _jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        return self.share * self.once.jacobian(h, self._split(h, x)[0])

    def _input_jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        inputs = self.share * self.once.input_jacobian(h, self._split(h, x)[0])
        eye = (1 - self.share) * torch.eye(h.shape[-1]).to(h)
        return torch.cat([inputs, eye.expand(*h.shape, h.shape[-1])], dim=-1)
