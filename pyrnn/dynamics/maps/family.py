"""A network over one parameter: a map whose input is that parameter."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.maps.map import Map, derivative

__all__ = ["FamilyMap"]


@dataclass(frozen=True, eq=False, repr=False)
class FamilyMap(Map):
    r"""A map over one parameter that moves the input along a line.

    .. math:: F_p(h) = F(h, x_0 + p\, d)

    Args:
        once: The map :math:`F`.
        origin: Input :math:`x_0` at parameter zero, ``(input_size,)``.
        direction: Change :math:`d` of the input for one unit of the parameter, ``(input_size,)``.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> step = as_map(lambda h, x: h / 2 + x, torch.zeros(1), torch.zeros(1))
        >>> family = FamilyMap(step, torch.tensor([1.0]).double(), torch.tensor([2.0]).double())
        >>> family.at(torch.tensor([3.0]))
        tensor([7.], dtype=torch.float64)
        >>> family(torch.zeros(1), torch.tensor([3.0])), family.derivative(*torch.zeros(2, 1))
        (tensor([7.], dtype=torch.float64), tensor([[0.5000, 2.0000]]))
    """

    once: Map
    origin: Tensor
    direction: Tensor

    def __post_init__(self) -> None:
        names = ("state_size", "parts", "dt", "is_smooth", "dtype", "device")
        known = {name: getattr(self.once, name) for name in names} | {"input_size": 1}
        for name, value in known.items():
            object.__setattr__(self, name, value)

    def at(self, parameter: Tensor) -> Tensor:
        """Return the inputs for parameters ``(..., 1)``, ``(..., input_size)``."""
        return self.origin + parameter * self.direction

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next states, ``(..., state_size)``, for parameters ``x``, ``(..., 1)``."""
        return self.once(h, self.at(x))

    def derivative(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the derivatives by state and parameter, ``(..., state_size, state_size + 1)``.

        Where they are taken automatically, one backward pass gives both.

        Args:
            h: States, ``(..., state_size)``.
            x: Parameters, ``(..., 1)``.
        """
        if type(self.once)._jacobian is not Map._jacobian:
            return torch.cat([self._jacobian(h, x), self._input_jacobian(h, x)], dim=-1)
        together = torch.cat([h, x.expand(*h.shape[:-1], 1)], dim=-1)
        return derivative(lambda z: self.step(z[..., :-1], z[..., -1:]), together)

    def to(self, dtype: torch.dtype) -> FamilyMap:
        """Return the same map in another dtype."""
        return FamilyMap(self.once.to(dtype), self.origin.to(dtype), self.direction.to(dtype))

    def _jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the Jacobians with respect to the state, ``(..., state_size, state_size)``."""
        return self.once.jacobian(h, self.at(x))

    def _input_jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the derivatives with respect to the parameter, ``(..., state_size, 1)``."""
        return self.once.input_jacobian(h, self.at(x)) @ self.direction[:, None]
