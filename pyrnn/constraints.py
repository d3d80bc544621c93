"""Constraints that live in a weight: true after any optimizer step, load or copy.

Every constraint confines each entry of a weight to an interval: Dale's law to one side of zero, a
mask to zero, a fixed entry to its value, bounds to bounds. Several constraints are the
intersection of their intervals, hence their order cannot matter, and an empty intersection is a
contradiction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = [
    "Bounds",
    "Constraint",
    "Dale",
    "Fixed",
    "Mask",
    "SignedMask",
    "constrain",
    "intervals",
    "nearest_to_zero",
]


class Constraint(ABC):
    """Confine each entry of a weight to an interval.

    Subclassing:
        Write ``interval(weight)``. Combination with other constraints, exactness under any
        optimizer, copies and saved files then work.

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
        """Return the lower and the upper bound of each entry, both shaped like ``weight``."""


class Dale(Constraint):
    r"""Dale's law: all outgoing weights of a unit have its sign.

    .. math:: w_{ij} = s_j\,|v_{ij}|

    with :math:`v` the parameter that an optimizer sees; columns are presynaptic.

    Args:
        signs: One sign per presynaptic unit, ``(in_features,)``: positive for excitatory,
            negative for inhibitory, zero for units of either sign.

    Example:
        >>> layer = constrain(nn.Linear(2, 2), Dale([1, -1]))
        >>> layer.weight.sign().tolist()
        [[1.0, -1.0], [1.0, -1.0]]

    References:
        Eccles, Fatt & Koketsu (1954); Song, Yang & Wang, *PLoS Comput. Biol.* (2016).
    """

    def __init__(self, signs: Tensor | Sequence[float]) -> None:
        self.signs = torch.as_tensor(signs)
        if self.signs.ndim != 1:
            raise ValueError(
                "expected one sign per presynaptic unit, shape (in_features,), "
                f"got {tuple(self.signs.shape)}; for a sign per connection use SignedMask"
            )

    def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return [0, inf) for excitatory and (-inf, 0] for inhibitory columns."""
        _check_shape("signs", self.signs, (weight.shape[1],))
        return _half_lines(self.signs.expand(weight.shape), weight)


class SignedMask(Constraint):
    """A signed mask: positive, negative, or absent, entry by entry.

    Args:
        signs: 1, -1 or 0 per connection, shaped like the weight. Zero means no connection.

    Example:
        >>> constrain(nn.Linear(2, 1), SignedMask([[0, -1]])).weight[0, 0].item()
        0.0
    """

    def __init__(self, signs: Tensor | Sequence[Sequence[float]]) -> None:
        self.signs = torch.as_tensor(signs)

    def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the half-line of each sign, and [0, 0] where there is none."""
        _check_shape("signs", self.signs, weight.shape)
        low, high = _half_lines(self.signs, weight)
        absent = self.signs.to(weight.device) == 0
        return low.masked_fill(absent, 0), high.masked_fill(absent, 0)


class Mask(Constraint):
    """Absent connections: weights that are exactly zero.

    Args:
        mask: True (non-zero) where a connection exists, shaped like the weight.

    Example:
        >>> no_autapses = Mask(~torch.eye(3, dtype=torch.bool))
        >>> constrain(nn.Linear(3, 3), no_autapses).weight.diagonal().tolist()
        [0.0, 0.0, 0.0]
    """

    def __init__(self, mask: Tensor | Sequence[Sequence[float]]) -> None:
        self.mask = torch.as_tensor(mask) != 0

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

    Example:
        >>> constrain(nn.Linear(2, 1), Fixed([[0.5, float("nan")]])).weight[0, 0].item()
        0.5
    """

    def __init__(self, values: Tensor | Sequence[Sequence[float]]) -> None:
        self.values = torch.as_tensor(values)

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
        low: Smallest value; a number, or a tensor that broadcasts to the weight.
        high: Largest value, in the same form.

    Raises:
        ValueError: If ``low`` exceeds ``high`` anywhere.

    Example:
        >>> layer = constrain(nn.Linear(9, 9), Bounds(-0.1, 0.1))
        >>> bool(layer.weight.abs().max() <= 0.1)
        True
    """

    def __init__(self, low: float | Tensor = -torch.inf, high: float | Tensor = torch.inf) -> None:
        self.low, self.high = torch.as_tensor(low), torch.as_tensor(high)
        if (self.low > self.high).any():
            raise ValueError(f"expected low <= high, got low={low} and high={high}")

    def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return [low, high] everywhere."""
        low, high = self.low.to(weight), self.high.to(weight)
        return low.expand(weight.shape).clone(), high.expand(weight.shape).clone()


def constrain(layer: nn.Module, *constraints: Constraint, name: str = "weight") -> nn.Module:
    r"""Make a weight of a layer obey constraints from here on.

    The parameter :math:`v` that the optimizer sees is free; the weight is :math:`v + o`,
    reflected at the ends of its interval :math:`[a, b]`, where :math:`o` is the admissible value
    nearest to zero. For Dale's law :math:`o = 0` and the weight is :math:`s|v|`; in general

    .. math:: w = a + |v + o - a| \;(b = \infty), \qquad w = b - |b - v - o| \;(a = -\infty).

    Reflection keeps the gradient alive at the border, where clamping would kill it. Weight decay,
    which pulls :math:`v` to zero, pulls the weight to the admissible value nearest to zero. The
    present weight is reflected, too, so the layer obeys at once. Calling again adds constraints.

    Give the layer another weight by assignment, ``layer.weight = value``. It is worked out from
    :math:`v` whenever it is asked for: what ``nn.init``, ``copy_`` or ``.data`` write into it in
    place is lost.

    Args:
        layer: A module with the weight, e.g. ``nn.Linear``: rows postsynaptic, columns
            presynaptic.
        *constraints: What to obey, in any order.
        name: Name of the parameter.

    Returns:
        The same layer.

    Raises:
        ValueError: If shapes do not fit or the constraints contradict each other. Assigning a
            weight that breaks a constraint is refused later on.

    Example:
        >>> layer = constrain(nn.Linear(3, 3), Dale([1, 1, -1]), Mask(1 - torch.eye(3)))
        >>> layer.weight.diagonal().tolist()
        [0.0, 0.0, 0.0]
        >>> layer.weight = torch.eye(3)
        Traceback (most recent call last):
        ...
        ValueError: expected weights within their constraints, got 1 at [0, 0], outside [0, 0] ...
    """
    weight: Tensor = getattr(layer, name).detach()
    existing = _admissible(layer, name)
    if existing is None and parametrize.is_parametrized(layer, name):
        raise ValueError(
            f"expected {name!r} to be free or constrained by pyrnn, got a weight parametrized "
            "otherwise, such as a low-rank one; constrain a plain weight"
        )
    low, high = _everywhere(weight) if existing is None else (existing.low, existing.high)
    pinned = low == high
    for constraint in constraints:
        lower, upper = constraint.interval(weight)
        low, high = torch.maximum(low, lower), torch.minimum(high, upper)
        pinned = pinned | (lower == upper)
    # half-lines of opposite sign meet in zero, which neither of them asked for
    clash = (low > high) | ((low == high) & ~pinned)
    if clash.any():
        _refuse_contradiction(constraints, clash, low, high)
    inside = _Admissible(low, high)
    if existing is None:
        with torch.no_grad():
            getattr(layer, name).copy_(inside.reflect(weight))
        parametrize.register_parametrization(layer, name, inside)
    else:
        existing.confine(low, high)
        setattr(layer, name, existing.reflect(weight))
    return layer


def intervals(layer: nn.Module, name: str = "weight") -> tuple[Tensor, Tensor] | None:
    """Return the bounds of every entry of a constrained weight, or None if it has none.

    Example:
        >>> low, high = intervals(constrain(nn.Linear(2, 1), Dale([1, -1])))
        >>> low.tolist(), high.tolist()
        ([[0.0, -inf]], [[inf, 0.0]])
    """
    inside = _admissible(layer, name)
    return None if inside is None else (inside.low, inside.high)


def nearest_to_zero(low: Tensor, high: Tensor) -> Tensor:
    """Return the value of each interval that is nearest to zero, to which weight decay pulls.

    Args:
        low: Lower bounds.
        high: Upper bounds.

    Example:
        >>> nearest_to_zero(torch.tensor([0.5, -1.0, -2.0]), torch.tensor([1.0, 1.0, -1.5]))
        tensor([ 0.5000,  0.0000, -1.5000])
    """
    return torch.zeros_like(low).clamp(low, high)


class _Admissible(nn.Module):
    """Reflect each entry of a parameter into its interval.

    Args:
        low: Lower bounds, shaped like the parameter; may be minus infinity.
        high: Upper bounds, in the same form; may be infinity.
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
        """Replace the intervals."""
        self.low, self.high, self.pinned = low.clone(), high.clone(), low == high
        below, above = low.isfinite(), high.isfinite()
        self.origin = nearest_to_zero(low, high)
        self.wall = torch.where(below, low, torch.where(above, high, torch.zeros_like(low)))
        self.side = below.to(low) - (above & ~below).to(low)
        self.span = torch.where(below & above & ~self.pinned, high - low, torch.inf)
        self._has_origin = bool(self.origin.any())
        self._has_walls = bool(self.wall.any())
        self._has_spans = bool(self.span.isfinite().any())
        self._has_pins = bool(self.pinned.any())

    def forward(self, free: Tensor) -> Tensor:
        """Return the admissible weight, shaped like ``free``."""
        return self.reflect(free + self.origin if self._has_origin else free)

    def reflect(self, weight: Tensor) -> Tensor:
        """Return a weight that is reflected into its interval."""
        # no abs() here: it has no slope at the wall, where a weight of zero would be stuck
        if self._has_walls:
            beyond = (weight - self.wall) * self.side < 0
            weight = torch.where(beyond, 2 * self.wall - weight, weight)
        else:
            weight = torch.where(weight * self.side < 0, -weight, weight)
        if self._has_spans:
            weight = self._fold(weight)
        return torch.where(self.pinned, self.low, weight) if self._has_pins else weight

    def _fold(self, weight: Tensor) -> Tensor:
        """Fold weights back and forth between two walls."""
        has_span = self.span.isfinite()
        span = torch.where(has_span, self.span, 1.0)
        phase = torch.remainder(weight - self.wall, 2 * span)
        folded = self.wall + torch.where(phase < span, phase, 2 * span - phase)
        folded = torch.where(folded > self.high, self.high, folded)  # rounding stays inside, too
        return torch.where(has_span, folded, weight)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return the parameter of an admissible weight, a tensor or array; refuse any other."""
        weight = torch.as_tensor(weight).to(self.low, copy=True)
        _check_shape("a weight", weight, self.low.shape)
        wrong = (weight < self.low) | (weight > self.high)
        if wrong.any():
            at = tuple(wrong.nonzero()[0].tolist())
            raise ValueError(
                f"expected weights within their constraints, got {weight[at]:.4g} at {list(at)}, "
                f"outside [{self.low[at]:.4g}, {self.high[at]:.4g}] ({int(wrong.sum())} entries "
                "in all); change these entries, or build the network with other constraints"
            )
        return weight - self.origin if self._has_origin else weight


def _admissible(layer: nn.Module, name: str) -> _Admissible | None:
    """Return the parametrization that confines a weight, if it has one."""
    if not parametrize.is_parametrized(layer, name):
        return None
    inside = layer.parametrizations[name][0]  # type: ignore[union-attr, index]
    return inside if isinstance(inside, _Admissible) else None


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
