"""Two networks and the line between them, as maps over one parameter."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.maps.equation import EquationMap
from pyrnn.dynamics.maps.family import FamilyMap
from pyrnn.dynamics.maps.map import Map
from pyrnn.unroll import RATE

__all__ = ["line_between"]


def line_between(first: Map, last: Map, x: Tensor) -> FamilyMap:
    r"""Return the maps on the way from one network to another, under a constant input.

    Two built-in networks with the same equation and activation are connected by the line between
    their weights, biases and time constants. Between any others lie the mixtures of their maps,

    .. math:: F_s(h) = (1 - s)\, F_0(h, x) + s\, F_1(h, x) .

    Args:
        first: The map at :math:`s = 0`.
        last: The map at :math:`s = 1`, with states of the same width.
        x: The constant input, ``(input_size,)``.

    Raises:
        ValueError: If the states differ in width.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.dynamics import as_map
        >>> a, b = (as_map(RNN(1, 4, 1, seed=seed)) for seed in range(2))
        >>> line, h = line_between(a, b, torch.zeros(1).double()), torch.ones(4).double()
        >>> bool(torch.allclose(line(h, torch.ones(1)), b(h, torch.zeros(1))))
        True
    """
    if first.state_size != last.state_size:
        raise ValueError(
            f"expected networks with states of one width, got {first.state_size} and "
            f"{last.state_size}; follow checkpoints of a single network"
        )
    is_alike = (
        isinstance(first, EquationMap)
        and isinstance(last, EquationMap)
        and (first.form, first.network.f) == (last.form, last.network.f)
    )
    line = _WeightLine(first, last, x) if is_alike else _Mixture(first, last, x)  # type: ignore[arg-type]
    one = torch.ones(1, dtype=first.dtype, device=first.device)
    return FamilyMap(line, 0 * one, one)


@dataclass(frozen=True, eq=False, repr=False)
class _Line(Map):
    """What both lines share: the ends and the input."""

    first: Map
    last: Map
    x: Tensor

    def __post_init__(self) -> None:
        for name in ("state_size", "parts", "dt", "dtype", "device"):
            object.__setattr__(self, name, getattr(self.first, name))
        object.__setattr__(self, "input_size", 1)
        object.__setattr__(self, "is_smooth", self.first.is_smooth and self.last.is_smooth)

    def to(self, dtype: torch.dtype) -> Map:
        """Return the same maps in another dtype."""
        return type(self)(self.first.to(dtype), self.last.to(dtype), self.x.to(dtype))


class _Mixture(_Line):
    """Mixtures of two maps."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next states, ``(..., state_size)``."""
        return torch.lerp(self.first(h, self.x), self.last(h, self.x), x)

    def _jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        given = self.x.expand(*h.shape[:-1], -1)
        ends = self.first.jacobian(h, given), self.last.jacobian(h, given)
        return torch.lerp(*ends, x[..., None])

    def _input_jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        return (self.last(h, self.x) - self.first(h, self.x))[..., None]


class _WeightLine(_Line):
    """Built-in networks whose weights lie on a line."""

    first: EquationMap
    last: EquationMap

    def __post_init__(self) -> None:
        super().__post_init__()
        a, b = self.first, self.last
        ends = {
            "weight": (a.weight, b.weight),
            "drive": (a.drive(self.x), b.drive(self.x)),
            "alpha": (a.alpha.expand(a.state_size or 0), b.alpha.expand(a.state_size or 0)),
        }
        for name, (start, end) in ends.items():
            object.__setattr__(self, name, start)
            object.__setattr__(self, f"change_of_{name}", end - start)

    weight: Tensor
    drive: Tensor
    alpha: Tensor
    change_of_weight: Tensor
    change_of_drive: Tensor
    change_of_alpha: Tensor

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next states, ``(..., state_size)``."""
        f, alpha = self.first.network.f, self.alpha + x * self.change_of_alpha
        if self.first.form == RATE:
            return (1 - alpha) * h + alpha * f(self._through(h, x))
        return (1 - alpha) * h + alpha * self._through(f(h), x)

    def _through(self, rates: Tensor, x: Tensor) -> Tensor:
        return rates @ self.weight.mT + self.drive + x * self._change_through(rates)

    def _change_through(self, rates: Tensor) -> Tensor:
        return rates @ self.change_of_weight.mT + self.change_of_drive

    def _jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        is_rate, alpha = self.first.form == RATE, self.alpha + x * self.change_of_alpha
        slope = self.first.slope_of(self._through(h, x) if is_rate else h)
        weight = self.weight + x[..., None] * self.change_of_weight
        gained = slope[..., None] * weight if is_rate else weight * slope[..., None, :]
        jacobian = alpha[..., None] * gained
        jacobian.diagonal(dim1=-2, dim2=-1).add_(1 - alpha)
        return jacobian

    def _input_jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        f, alpha = self.first.network.f, self.alpha + x * self.change_of_alpha
        if self.first.form == RATE:
            u = self._through(h, x)
            value, change = f(u), self.first.slope_of(u) * self._change_through(h)
        else:
            value, change = self._through(f(h), x), self._change_through(f(h))
        return (self.change_of_alpha * (value - h) + alpha * change)[..., None]
