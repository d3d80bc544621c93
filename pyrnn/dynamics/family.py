"""A network over one parameter, and the curves of its fixed points."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.jacobian import input_jacobian, jacobian
from pyrnn.dynamics.step import Step

_N_CORRECTIONS = 8
_CORRECTED = 1e-10


@dataclass(frozen=True, eq=False)
class Family:
    """Fixed points ``z = (h, p)`` of a step under the input ``origin + parameter * direction``.

    The last entry of ``z`` is the parameter scaled to 0 .. 1.

    Args:
        step: Batched ``step(h, x)``.
        origin: Input at parameter zero, ``(input_size,)``.
        direction: What one unit of the parameter adds, ``(input_size,)``.
        low: Smallest parameter.
        width: Length of the interval.
        is_flow: Whether stability is that of the flow.
    """

    step: Step
    origin: Tensor
    direction: Tensor
    low: float
    width: float
    is_flow: bool = False

    def parameters(self, z: Tensor) -> Tensor:
        """Return the parameters in the user's unit, ``(n,)``."""
        return self.low + self.width * z[:, -1]

    def inputs(self, share: Tensor) -> Tensor:
        """Return the inputs for parameters scaled to 0 .. 1, ``(n, 1)``."""
        return self.origin + (self.low + self.width * share) * self.direction

    def residual(self, z: Tensor) -> Tensor:
        """Return how far the step moves the states, ``(n, hidden_size)``."""
        h = z[:, :-1]
        return self.step(h, self.inputs(z[:, -1:])) - h

    def jacobian(self, z: Tensor) -> Tensor:
        """Return the step's Jacobian with respect to the state."""
        return jacobian(self.step, z[:, :-1], self.inputs(z[:, -1:]))

    def eigenvalues(self, z: Tensor) -> Tensor:
        """Return the eigenvalues, ``(n, hidden_size)``, largest modulus first."""
        values = torch.linalg.eigvals(self.jacobian(z))
        return values.gather(-1, values.abs().argsort(dim=-1, descending=True))

    def grows(self, eigenvalues: Tensor) -> Tensor:
        """Mark the modes that grow."""
        return (eigenvalues.real if self.is_flow else eigenvalues.abs()) > 1

    def derivative(self, z: Tensor) -> Tensor:
        """Return the derivative of the residual, ``(n, hidden_size, hidden_size + 1)``."""
        h, x = z[:, :-1], self.inputs(z[:, -1:])
        eye = torch.eye(h.shape[-1], dtype=h.dtype, device=h.device)
        along = input_jacobian(self.step, h, x) @ (self.width * self.direction)
        return torch.cat([jacobian(self.step, h, x) - eye, along[..., None]], dim=-1)

    def tangent(self, z: Tensor, towards: Tensor) -> Tensor:
        """Return the unit tangents of the curves, turned towards given directions."""
        system = torch.cat([self.derivative(z), towards[:, None]], dim=1)
        target = torch.zeros_like(z)
        target[:, -1] = 1
        tangent, _ = torch.linalg.solve_ex(system, target[..., None])
        return torch.nn.functional.normalize(tangent[..., 0], dim=-1)

    def correct(self, z: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
        """Go back onto the curves across ``normal``; return states and who has arrived."""
        for _ in range(_N_CORRECTIONS):
            residual = self.residual(z)
            if (residual.norm(dim=-1) < _CORRECTED).all():
                break
            system = torch.cat([self.derivative(z), normal[:, None]], dim=1)
            target = torch.nn.functional.pad(-residual, (0, 1))
            z = z + torch.linalg.solve_ex(system, target[..., None])[0][..., 0]
        return z, self.residual(z).norm(dim=-1) < _CORRECTED
