"""Constraints are parametrizations of a weight: they hold after any optimizer step, load or copy.

A constraint confines each entry of a weight to an interval: Dale's law to one side of zero, a mask
to zero, a fixed entry to its value. Several constraints confine it to the intersection of their
intervals, so that their order does not matter. If the intersection is empty, they contradict each
other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pyrnn.reflection import Reflection
from pyrnn.validate import as_tensor, check_finite, check_kind

__all__ = ["Bounds", "Constraint", "Dale", "Fixed", "Mask", "SignedMask", "constrain", "intervals"]


class Constraint(ABC):
    """Confine each entry of a weight to an interval.

    Subclassing:
        Write ``interval(weight)``. The constraint can then be combined with others, holds exactly
        under any optimizer, and survives copies and files.

    Example:
        >>> class Weak(Constraint):
        ...     def interval(self, weight):
        ...         return torch.full_like(weight, -0.1), torch.full_like(weight, 0.1)
        >>> bool((constrain(nn.Linear(3, 3), Weak()).weight.abs() <= 0.1).all())
        True
        >>> Weak().interval(torch.zeros(1, 1))
        (tensor([[-0.1000]]), tensor([[0.1000]]))
    """

    @abstractmethod
    def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the lower and the upper bound of each entry, both shaped like ``weight``.

        Args:
            weight: The weight.
        """


class Dale(Constraint):
    r"""Dale's law: all outgoing weights of a unit have its sign.

    .. math:: w_{ij} = s_j\,|v_{ij}|

    with :math:`v` the parameter that an optimizer sees; columns are presynaptic.

    Args:
        signs: One sign for each presynaptic unit, ``(in_features,)``: positive for excitatory,
            negative for inhibitory, zero for units of either sign.

    Raises:
        TypeError: If the signs are no real numbers.
        ValueError: If a sign is not finite, or there is more than one for a unit.

    Example:
        >>> layer = constrain(nn.Linear(2, 2), Dale([1, -1]))
        >>> layer.weight.sign().tolist()
        [[1.0, -1.0], [1.0, -1.0]]

    References:
        Eccles, Fatt & Koketsu (1954); Song, Yang & Wang, *PLoS Comput. Biol.* (2016).
    """

    def __init__(self, signs: Tensor | Sequence[float]) -> None:
        self.signs = _as_finite("signs", signs)
        if self.signs.ndim != 1:
            raise ValueError(
                "expected one sign for each presynaptic unit, shape (in_features,), "
                f"got {tuple(self.signs.shape)}; for a sign per connection use SignedMask"
            )

    def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return [0, inf) for excitatory and (-inf, 0] for inhibitory columns."""
        _check_shape("signs", self.signs, (weight.shape[1],))
        return _half_lines(self.signs.expand(weight.shape), weight)


class SignedMask(Constraint):
    """A signed mask: each connection is positive, negative or absent.

    Args:
        signs: 1, -1 or 0 for each connection, shaped like the weight; 0 for no connection.

    Raises:
        TypeError: If the signs are no real numbers.
        ValueError: If a sign is not finite.

    Example:
        >>> constrain(nn.Linear(2, 1), SignedMask([[0, -1]])).weight[0, 0].item()
        0.0
    """

    def __init__(self, signs: Tensor | Sequence[Sequence[float]]) -> None:
        self.signs = _as_finite("signs", signs)

    def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the half-line of each sign, and [0, 0] where there is no connection."""
        _check_shape("signs", self.signs, weight.shape)
        low, high = _half_lines(self.signs, weight)
        absent = self.signs.to(weight.device) == 0
        return low.masked_fill(absent, 0), high.masked_fill(absent, 0)


class Mask(Constraint):
    """Absent connections: weights that are exactly zero.

    Args:
        mask: True (non-zero) where a connection exists, shaped like the weight.

    Raises:
        TypeError: If the mask holds neither booleans nor real numbers.
        ValueError: If a number is not finite.

    Example:
        >>> no_autapses = Mask(~torch.eye(3, dtype=torch.bool))
        >>> constrain(nn.Linear(3, 3), no_autapses).weight.diagonal().tolist()
        [0.0, 0.0, 0.0]
    """

    def __init__(self, mask: Tensor | Sequence[Sequence[float]]) -> None:
        is_boolean = isinstance(mask, (Tensor, np.ndarray)) and str(mask.dtype).endswith("bool")
        self.mask = torch.as_tensor(mask) if is_boolean else _as_finite("mask", mask) != 0

    def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return [0, 0] where there is no connection."""
        _check_shape("mask", self.mask, weight.shape)
        low, high = _everywhere(weight)
        absent = ~self.mask.to(weight.device)
        return low.masked_fill(absent, 0), high.masked_fill(absent, 0)


class Fixed(Constraint):
    """Weights that keep their value; the others learn.

    Args:
        values: Weights to keep, shaped like the weight; NaN marks the entries that learn.

    Raises:
        TypeError: If the values are no real numbers.
        ValueError: If a value is infinite.

    Example:
        >>> constrain(nn.Linear(2, 1), Fixed([[0.5, float("nan")]])).weight[0, 0].item()
        0.5
    """

    def __init__(self, values: Tensor | Sequence[Sequence[float]]) -> None:
        self.values = as_tensor("values", values)
        if self.values.isinf().any():
            raise ValueError(
                "expected finite values to keep, got infinity; NaN marks free entries"
            )

    def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return [value, value] for the entries that are kept."""
        _check_shape("values", self.values, weight.shape)
        low, high = _everywhere(weight)
        values = self.values.to(weight)
        keep = ~values.isnan()
        return torch.where(keep, values, low), torch.where(keep, values, high)


class Bounds(Constraint):
    """Weights between two bounds.

    Args:
        low: Smallest value: a number, or a tensor that broadcasts to the weight.
        high: Largest value: a number, or a tensor that broadcasts to the weight.

    Raises:
        TypeError: If a bound is no real number.
        ValueError: If a bound is NaN, or ``low`` exceeds ``high`` anywhere.

    Example:
        >>> layer = constrain(nn.Linear(9, 9), Bounds(-0.1, 0.1))
        >>> bool(layer.weight.abs().max() <= 0.1)
        True
    """

    def __init__(self, low: float | Tensor = -torch.inf, high: float | Tensor = torch.inf) -> None:
        self.low, self.high = as_tensor("low", low), as_tensor("high", high)
        try:
            torch.broadcast_shapes(self.low.shape, self.high.shape)
        except RuntimeError as error:
            raise ValueError(
                f"expected low and high of one shape, got {low} and {high}"
            ) from error
        if not (self.low <= self.high).all():
            raise ValueError(f"expected low <= high, got low={low} and high={high}")

    def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return [low, high] everywhere."""
        low, high = self.low.to(weight), self.high.to(weight)
        for name, bound in (("low", low), ("high", high)):
            rows = weight.shape[weight.ndim - bound.ndim :]
            if any(n not in (1, size) for n, size in zip(bound.shape, rows, strict=False)):
                raise ValueError(
                    f"expected {name} of shape {tuple(weight.shape)}, like the weight, got "
                    f"{tuple(bound.shape)}"
                )
        return low.expand(weight.shape).clone(), high.expand(weight.shape).clone()


def constrain(layer: nn.Module, *constraints: Constraint, name: str = "weight") -> nn.Module:
    r"""Make a weight of a layer obey constraints from now on.

    The parameter :math:`v` that the optimizer sees is free; the weight is :math:`v + o`,
    reflected at the ends of its interval :math:`[a, b]`, where :math:`o` is the admissible value
    nearest to zero. For Dale's law :math:`o = 0` and the weight is :math:`s|v|`; in general

    .. math:: w = a + |v + o - a| \;(b = \infty), \qquad w = b - |b - v - o| \;(a = -\infty).

    Unlike clamping, reflection has a gradient at the border. Weight decay, which pulls :math:`v`
    to zero, pulls the weight to the admissible value nearest to zero. The present weight is
    reflected, too, so that the layer obeys at once. Another call adds constraints. If constraints
    contradict each other, they are refused.

    Give the layer another weight by assignment, ``layer.weight = value``; a weight that violates a
    constraint is refused. The weight is computed from :math:`v` whenever it is read: what
    ``nn.init``, ``copy_`` or ``.data`` write into it in place is lost.

    Args:
        layer: A module with the weight, e.g. ``nn.Linear``: rows postsynaptic, columns
            presynaptic.
        *constraints: Constraints, in any order.
        name: Name of the parameter.

    Returns:
        The same layer.

    Raises:
        ValueError: If the weight has another parametrization.

    Example:
        >>> layer = constrain(nn.Linear(3, 3), Dale([1, 1, -1]), Mask(1 - torch.eye(3)))
        >>> layer.weight.diagonal().tolist()
        [0.0, 0.0, 0.0]
        >>> layer.weight = torch.eye(3)
        Traceback (most recent call last):
        ...
        ValueError: expected weights within their constraints, got 1 at [0, 0], outside [0, 0] ...
    """
    weight = _checked_weight(layer, constraints, name)
    existing = _admissible(layer, name)
    if existing is None and parametrize.is_parametrized(layer, name):
        raise ValueError(
            f"expected {name!r} to be free or constrained by pyrnn, got a weight parametrized "
            "otherwise, such as a low-rank one; constrain a plain weight"
        )
    bounds = _everywhere(weight) if existing is None else (existing.low, existing.high)
    low, high = _intersection(bounds, constraints, weight)
    inside = Reflection(low, high)
    if existing is None:
        with torch.no_grad():
            getattr(layer, name).copy_(inside.reflect(weight))
        parametrize.register_parametrization(layer, name, inside)
    else:
        existing.confine(low, high)
        setattr(layer, name, existing.reflect(weight))
    return layer


def confine(layer: nn.Module, low: Tensor, high: Tensor, name: str = "weight") -> None:
    """Give a weight the bounds of another, quickly; its values become those nearest to zero.

    Args:
        layer: A module with the weight.
        low: Lower bounds, shaped like the weight.
        high: Upper bounds, shaped like the weight.
        name: Name of the parameter.

    Raises:
        ValueError: If a bound has another shape, or a lower one exceeds the upper one.

    Example:
        >>> layer = nn.Linear(1, 1)
        >>> confine(layer, torch.zeros(1, 1), torch.ones(1, 1))
        >>> layer.weight.item()
        0.0
    """
    if intervals(layer, name) is not None or not (low <= high).all():
        constrain(layer, Bounds(low, high), name=name)
        return
    weight = getattr(layer, name)
    _check_shape("bounds", low, weight.shape)
    _check_shape("bounds", high, weight.shape)
    inside = Reflection(low.to(weight), high.to(weight))
    with torch.no_grad():
        weight.copy_(inside.origin)
    parametrize.register_parametrization(layer, name, inside, unsafe=True)


def intervals(layer: nn.Module, name: str = "weight") -> tuple[Tensor, Tensor] | None:
    """Return the bounds of every entry of a constrained weight; None if it has none.

    Args:
        layer: A module with the weight.
        name: Name of the parameter.

    Returns:
        Lower and upper bounds, both shaped like the weight.

    Example:
        >>> low, high = intervals(constrain(nn.Linear(2, 1), Dale([1, -1])))
        >>> low.tolist(), high.tolist()
        ([[0.0, -inf]], [[inf, 0.0]])
    """
    check_kind("name", name, str)
    inside = _admissible(layer, name)
    return None if inside is None else (inside.low, inside.high)


def _intersection(
    bounds: tuple[Tensor, Tensor], constraints: Sequence[Constraint], weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the bounds that obey all constraints, in addition to those that are given."""
    low, high = bounds
    pinned = low == high
    for constraint in constraints:
        lower, upper = constraint.interval(weight)
        for bound in (lower, upper):
            _check_shape(f"bounds of {type(constraint).__name__}", bound, weight.shape)
        low, high = torch.maximum(low, lower), torch.minimum(high, upper)
        pinned = pinned | (lower == upper)
    # half-lines of opposite sign meet in zero, though neither of them allows zero alone
    clash = (low > high) | ((low == high) & ~pinned)
    if clash.any():
        _refuse_contradiction(constraints, clash, low, high)
    return low, high


def _as_finite(name: str, values: Tensor | Sequence[float] | Sequence[Sequence[float]]) -> Tensor:
    return check_finite(name, as_tensor(name, values), "each entry is one number")


def _checked_weight(layer: nn.Module, constraints: Sequence[Constraint], name: str) -> Tensor:
    if not isinstance(layer, nn.Module):
        raise TypeError(f"expected a layer, an nn.Module, got {type(layer).__name__}")
    for constraint in constraints:
        if not isinstance(constraint, Constraint):
            raise TypeError(
                f"expected constraints, such as Dale(signs), got {type(constraint).__name__}"
            )
    check_kind("name", name, str)
    weight = getattr(layer, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"expected {type(layer).__name__} to have a weight {name!r}, got none")
    return weight.detach()


def _admissible(layer: nn.Module, name: str) -> Reflection | None:
    """Return the parametrization that confines a weight, if it has one."""
    if not parametrize.is_parametrized(layer, name):
        return None
    inside = layer.parametrizations[name][0]  # type: ignore[union-attr, index]
    return inside if isinstance(inside, Reflection) else None


def _everywhere(weight: Tensor) -> tuple[Tensor, Tensor]:
    return torch.full_like(weight, -torch.inf), torch.full_like(weight, torch.inf)


def _half_lines(signs: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    low, high = _everywhere(weight)
    signs = signs.to(weight.device)
    return low.masked_fill(signs > 0, 0), high.masked_fill(signs < 0, 0)


def _check_shape(what: str, given: Tensor, expected: Sequence[int]) -> None:
    if given.shape != torch.Size(expected):
        raise ValueError(
            f"expected {what} of shape {tuple(expected)}, got {tuple(given.shape)}; "
            "rows are postsynaptic, columns presynaptic"
        )


def _refuse_contradiction(
    constraints: Sequence[Constraint], clash: Tensor, low: Tensor, high: Tensor
) -> None:
    at = tuple(clash.nonzero()[0].tolist())
    names = ", ".join(type(c).__name__ for c in constraints)
    raise ValueError(
        f"expected constraints that agree, got {names} with no value left for entry {list(at)}: "
        f"at least {low[at]:.4g} and at most {high[at]:.4g}; change one of them there"
    )
