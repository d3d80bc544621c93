"""The equations of a curve of fixed points over a parameter."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.maps import FamilyMap, Spectrum

__all__ = ["FixedPointCurve"]

_N_CORRECTIONS = 8
_CORRECTED = 1e-10


@dataclass(frozen=True, eq=False)
class FixedPointCurve:
    r"""Fixed points :math:`z = (h, p)` of a family of maps, :math:`F_p(h) = h`.

    The last entry of ``z`` is the parameter, scaled to 0 .. 1.

    Args:
        family: The maps over the parameter.
        low: Smallest parameter.
        width: Length of the interval.
        is_flow: Whether stability is that of the flow.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> from pyrnn.dynamics.maps import FamilyMap
        >>> step, zero = as_map(lambda h, x: h / 2 + x, torch.zeros(1), [0.0]), torch.zeros(1)
        >>> curve = FixedPointCurve(FamilyMap(step, zero.double(), zero.double() + 1), 0.0, 2.0)
        >>> z = torch.tensor([[2.0, 0.5]], dtype=torch.float64)
        >>> curve.residual(z), curve.parameters(z)
        (tensor([[0.]], dtype=torch.float64), tensor([1.], dtype=torch.float64))
    """

    family: FamilyMap
    low: float
    width: float
    is_flow: bool = False

    def parameters(self, z: Tensor) -> Tensor:
        """Return the parameters in the user's unit, ``(n,)``."""
        return self.low + self.width * z[:, -1]

    def _split(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return states and parameters, ``(n, state_size)`` and ``(n, 1)``."""
        return z[:, :-1], self.parameters(z)[:, None]

    def residual(self, z: Tensor) -> Tensor:
        """Return how far the map moves the states, ``(n, state_size)``."""
        h, p = self._split(z)
        return self.family(h, p) - h

    def jacobian(self, z: Tensor) -> Tensor:
        """Return the Jacobian of the map with respect to the state."""
        return self.family.jacobian(*self._split(z))

    def spectrum(self, z: Tensor) -> Spectrum:
        """Return the spectra at some points of the curve, ``n`` of them, without vectors."""
        values = [Spectrum(self.jacobian(part), self.is_flow).eigenvalues for part in z.split(64)]
        return Spectrum.from_eigenvalues(torch.cat(values), is_flow=self.is_flow)

    def derivative(self, z: Tensor) -> Tensor:
        """Return the derivative of the residual, ``(n, state_size, state_size + 1)``."""
        h, p = self._split(z)
        derivative = torch.cat(
            [self.family.jacobian(h, p), self.width * self.family.input_jacobian(h, p)], dim=-1
        )
        derivative.diagonal(dim1=-2, dim2=-1).sub_(1)
        return derivative

    def tangent(self, z: Tensor, towards: Tensor) -> Tensor:
        """Return the unit tangents of the curve, turned towards given directions."""
        system = torch.cat([self.derivative(z), towards[:, None]], dim=1)
        target = torch.zeros_like(z)
        target[:, -1] = 1
        tangent, _ = torch.linalg.solve_ex(system, target[..., None])
        return functional.normalize(tangent[..., 0], dim=-1)

    def correct(self, z: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
        """Go back onto the curve across ``normal``; return states and which have converged."""
        for _ in range(_N_CORRECTIONS):
            residual = self.residual(z)
            if (residual.norm(dim=-1) < _CORRECTED).all():
                break
            system = torch.cat([self.derivative(z), normal[:, None]], dim=1)
            target = functional.pad(-residual, (0, 1))
            z = z + torch.linalg.solve_ex(system, target[..., None])[0][..., 0]
        return z, self.residual(z).norm(dim=-1) < _CORRECTED
