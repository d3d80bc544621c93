"""The built-in equations, whose Jacobians have a closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyrnn.dynamics.step import Step
from pyrnn.unroll import form_of

_EQUATIONS = ("rate", "current")


@dataclass(frozen=True, eq=False)
class Equation:
    r"""A step of the form that the built-in networks share.

    .. math::
        \text{rate:} \quad h' &= (1-\alpha) h + \alpha f(W h + d) \\
        \text{current:} \quad h' &= (1-\alpha) h + \alpha (W f(h) + d)

    with the drive :math:`d = W_{in} x + b`, which the Jacobian of the second does not need.

    Args:
        name: ``"rate"`` or ``"current"``.
        network: What has ``w_rec``, ``w_in``, ``f`` and, if it leaks, ``alpha``.
    """

    name: str
    network: Any

    @property
    def weight(self) -> Tensor:
        """Recurrent weights, ``(hidden_size, hidden_size)``."""
        return self.network.w_rec.weight.detach()

    @property
    def alpha(self) -> Tensor:
        """Leak, one number or one per unit."""
        alpha = torch.as_tensor(getattr(self.network, "alpha", 1.0), dtype=self.weight.dtype)
        return alpha.detach().to(self.weight.device)

    def slope(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the derivative of ``f`` where the equation applies it, ``(..., hidden_size)``."""
        u = h
        if self.name == "rate":
            u = self.network.w_rec(h) + self.network.w_in(x)
        if self.network.f is torch.tanh:
            return 1 - torch.tanh(u).square()
        with torch.enable_grad():
            u = u.detach().requires_grad_()
            value = self.network.f(u).sum()
        return torch.autograd.grad(value, u)[0]

    def jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the Jacobians with respect to the state, ``(..., hidden_size, hidden_size)``."""
        slope, weight = self.slope(h, x), self.weight
        is_leaky = hasattr(self.network, "alpha")
        if is_leaky:
            weight = self.alpha.expand(h.shape[-1])[:, None] * weight
        columns = slope[..., None, :] if self.name == "rate" else slope[..., None]
        scaled = (weight.mT * columns).mT  # by columns, as LAPACK wants it
        if is_leaky:
            scaled.diagonal(dim1=-2, dim2=-1).add_(1 - self.alpha)
        return scaled


def equation_of(step: Step) -> Equation | None:
    """Return the built-in equation that a step is marked with; an override carries no mark."""
    name, network = form_of(step), getattr(step, "__self__", None)
    return Equation(name, network) if network is not None and name in _EQUATIONS else None
