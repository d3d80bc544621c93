"""Activations as links of a convex regression: the rate is the slope of a convex potential."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["IDENTITY", "LINKS", "Link"]

_MARGIN = 1e-12  # of the interval of rates that an inverse keeps away from its ends


@dataclass(frozen=True)
class Link:
    r"""An increasing activation :math:`f`, with what a convex regression needs.

    For a rate :math:`d`, :math:`F(z) - d z` with :math:`F' = f` is convex in the current
    :math:`z` and smallest where :math:`f(z) = d`.

    Args:
        rate: The activation :math:`f`.
        slope: Its derivative.
        potential: The potential :math:`F`.
        inverse: Current of a rate.
        low: Smallest rate.
        high: Largest rate.
    """

    rate: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    potential: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]
    low: float = -math.inf
    high: float = math.inf

    def current(self, rates: Tensor) -> Tensor:
        """Return the currents of rates; rates beyond the ends are moved inside.

        Args:
            rates: Rates, of any shape.
        """
        width = self.high - self.low if math.isfinite(self.high - self.low) else 1.0
        margin = _MARGIN * width if math.isfinite(self.low) else 0.0
        return self.inverse(rates.clamp(self.low + margin, self.high - margin))

    def is_beyond(self, rates: Tensor) -> Tensor:
        """Return which rates no current can cause.

        Args:
            rates: Rates, of any shape.
        """
        return (rates < self.low - 1e-9) | (rates > self.high + 1e-9)


def _log_cosh(z: Tensor) -> Tensor:
    return z.abs() + torch.log1p(torch.exp(-2 * z.abs())) - math.log(2)


def _softplus_potential(z: Tensor) -> Tensor:
    from scipy.special import spence

    small = z.clamp(max=30.0)
    value = -torch.as_tensor(spence(1 + small.exp().cpu().numpy())).to(z)
    return torch.where(z > 30, z.square() / 2 + math.pi**2 / 6, value)


IDENTITY = Link(
    rate=lambda z: z,
    slope=torch.ones_like,
    potential=lambda z: z.square() / 2,
    inverse=lambda d: d,
)
LINKS = {
    "identity": IDENTITY,
    "tanh": Link(torch.tanh, lambda z: 1 - torch.tanh(z) ** 2, _log_cosh, torch.atanh, -1.0, 1.0),
    "sigmoid": Link(
        torch.sigmoid,
        lambda z: torch.sigmoid(z) * torch.sigmoid(-z),
        functional.softplus,
        torch.logit,
        0.0,
        1.0,
    ),
    "softplus": Link(
        functional.softplus,
        torch.sigmoid,
        _softplus_potential,
        lambda d: d + torch.log(-torch.expm1(-d)),
        0.0,
    ),
    "relu": Link(
        torch.relu, lambda z: (z > 0).to(z), lambda z: z.relu().square() / 2, lambda d: d, 0.0
    ),
    "retanh": Link(
        lambda z: torch.tanh(z).relu(),
        lambda z: torch.where(z > 0, 1 - torch.tanh(z) ** 2, 0.0),
        lambda z: _log_cosh(z.relu()),
        torch.atanh,
        0.0,
        1.0,
    ),
}
