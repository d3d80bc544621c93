"""The parametrization that keeps a weight within intervals."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Reflection", "nearest_to_zero"]


class Reflection(nn.Module):
    r"""Reflect each entry of a parameter :math:`v` into its interval :math:`[a, b]`.

    With :math:`o` the value of the interval that is nearest to zero,

    .. math:: w = a + |v + o - a| \;(b = \infty), \qquad w = b - |b - v - o| \;(a = -\infty) .

    Between two finite bounds the parameter is reflected back and forth. A parameter of zero, to
    which weight decay pulls, is a weight of :math:`o`.

    Args:
        low: Lower bounds, shaped like the parameter, perhaps infinite.
        high: Upper bounds, shaped like the parameter, perhaps infinite.

    Attributes:
        has_spans: Whether an entry lies between two finite bounds that differ.

    Example:
        >>> inside = Reflection(torch.tensor([0.0, -1.0]), torch.tensor([torch.inf, 1.0]))
        >>> inside(torch.tensor([-2.0, 1.5])).tolist()
        [2.0, 0.5]
        >>> inside.right_inverse(torch.tensor([3.0, 0.5])).tolist()
        [3.0, 0.5]
        >>> inside.confine(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0]))
        >>> inside(torch.tensor([-0.5, 1.5])).tolist()
        [0.5, 0.5]
        >>> inside.reflect(torch.tensor([-0.5, 1.5])).tolist()
        [0.5, 0.5]
    """

    low: Tensor
    high: Tensor
    origin: Tensor
    pinned: Tensor
    wall: Tensor
    side: Tensor
    span: Tensor

    def __init__(self, low: Tensor, high: Tensor) -> None:
        super().__init__()
        for name in ("low", "high", "origin", "pinned", "wall", "side", "span"):
            self.register_buffer(name, torch.empty(0), persistent=False)
        self.confine(low, high)

    def confine(self, low: Tensor, high: Tensor) -> None:
        """Replace the intervals.

        Args:
            low: Lower bounds.
            high: Upper bounds.
        """
        self.low, self.high, self.pinned = low.clone(), high.clone(), low == high
        self.origin = nearest_to_zero(low, high)
        below, above = low > -torch.inf, high < torch.inf  # faster than isfinite
        only_above = above & ~below
        self.wall = low.masked_fill(~below, 0)
        self.wall.add_(high.masked_fill(~only_above, 0))
        self.side = below.to(low).sub_(only_above.to(low))
        is_folded = below & above & ~self.pinned
        self.has_spans = bool(is_folded.any())
        self.span = torch.full_like(low, torch.inf)
        if self.has_spans:
            self.span = torch.where(is_folded, high - low, self.span)
        self._has_origin = bool(self.origin.any())
        self._has_walls = bool(self.wall.any())
        self._has_pins = bool(self.pinned.any())

    def forward(self, free: Tensor) -> Tensor:
        """Return the admissible weight.

        Args:
            free: The parameter.
        """
        return self.reflect(free + self.origin if self._has_origin else free)

    def reflect(self, weight: Tensor) -> Tensor:
        """Return a weight reflected into its interval.

        Args:
            weight: The weight.
        """
        # no abs() here: it has no slope at the wall, where a weight of zero would be stuck
        if self._has_walls:
            beyond = (weight - self.wall) * self.side < 0
            weight = torch.where(beyond, 2 * self.wall - weight, weight)
        else:
            weight = torch.where(weight * self.side < 0, -weight, weight)
        if self.has_spans:
            weight = self._fold(weight)
        return torch.where(self.pinned, self.low, weight) if self._has_pins else weight

    def _fold(self, weight: Tensor) -> Tensor:
        has_span = self.span.isfinite()
        span = torch.where(has_span, self.span, 1.0)
        phase = torch.remainder(weight - self.wall, 2 * span)
        folded = self.wall + torch.where(phase < span, phase, 2 * span - phase)
        folded = torch.where(folded > self.high, self.high, folded)  # rounding may exceed it
        return torch.where(has_span, folded, weight)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return the parameter of an admissible weight, a copy.

        Args:
            weight: A tensor or an array.

        Raises:
            ValueError: If the shape is wrong, or an entry is outside its interval.
        """
        weight = torch.as_tensor(weight).to(self.low, copy=True)
        if weight.shape != self.low.shape:
            raise ValueError(
                f"expected a weight of shape {tuple(self.low.shape)}, got {tuple(weight.shape)}; "
                "rows are postsynaptic, columns presynaptic"
            )
        wrong = ~((weight >= self.low) & (weight <= self.high))
        if wrong.any():
            at = tuple(wrong.nonzero()[0].tolist())
            raise ValueError(
                f"expected weights within their constraints, got {weight[at]:.4g} at {list(at)}, "
                f"outside [{self.low[at]:.4g}, {self.high[at]:.4g}] ({int(wrong.sum())} entries "
                "in all); change these entries, or build the network with other constraints"
            )
        return weight - self.origin if self._has_origin else weight


def nearest_to_zero(low: Tensor, high: Tensor) -> Tensor:
    """Return the value of each interval that is nearest to zero.

    Args:
        low: Lower bounds.
        high: Upper bounds.

    Example:
        >>> nearest_to_zero(torch.tensor([0.5, -1.0, -2.0]), torch.tensor([1.0, 1.0, -1.5]))
        tensor([ 0.5000,  0.0000, -1.5000])
    """
    return torch.zeros_like(low).clamp(low, high)
