"""Bounds on activations over intervals: values, slopes, and the best pair of parallel lines."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.points._intervals import OUTWARD, TINY, ULPS, UNIT

__all__ = ["CURVES", "ActivationCurve", "Lines"]

_ROOT_2, _ROOT_2_PI = math.sqrt(2.0), math.sqrt(2 * math.pi)
_NARROW = 1e-9  # an interval whose chord says less about the slope than its middle
_JUMP = 20.0  # where torch continues softplus with a straight line
_N_TABLE, _N_POLISH = 4096, 2


@dataclass(frozen=True, eq=False)
class Lines:
    r"""Parallel lines around an activation: :math:`f(u) = s u + \mu + e\,\eta, |\eta| \le 1`.

    Attributes:
        slope: Slopes :math:`s`.
        center: Centers :math:`\mu`.
        error: Half distances :math:`e`; they bound rounding as well.
    """

    slope: Tensor
    center: Tensor
    error: Tensor


@dataclass(frozen=True)
class _Piece:
    """An interval on which an activation is convex (sign 1) or concave (-1).

    ``touch`` returns where the slope is ``s``. Any place gives a valid bound, the right one the
    best.
    """

    low: float
    high: float
    sign: int
    touch: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ActivationCurve:
    """An activation with its bends.

    Attributes:
        f: The activation.
        derivative: Its derivative.
        pieces: Intervals on which it is convex or concave, from left to right.
        turns: Places inside of which the slope is extreme, each with its slopes on both sides.
        lowest: Place and value of its minimum, if it has one inside.
        limits: Its infimum and supremum.
        slope: Largest slope.
        curvature: Largest curvature off its kinks.
        kinks: Where it has no second derivative, or a jump.
        beyond: How far it is from the ramp ``max(u, 0)``, if that is what it looks like from far
            away; infinite for a bounded activation.
        jump: Bound on what a jump at 20 adds to all errors beyond it.
        cancels: Largest ``|u|`` whose rounding is not smaller than that of the value.
        slack: How far the activation may be from ``f``.
    """

    f: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]
    pieces: tuple[_Piece, ...]
    turns: tuple[tuple[float, float, float], ...]
    limits: tuple[float, float]
    slope: float
    curvature: float
    kinks: tuple[float, ...] = ()
    lowest: tuple[float, float] | None = None
    beyond: float = math.inf
    jump: float = 0.0
    cancels: float = 1.0
    slack: float = 0.0

    @property
    def is_bounded(self) -> bool:
        """Whether its values are bounded."""
        return math.isfinite(self.limits[0]) and math.isfinite(self.limits[1])

    def loosened(self, slack: float) -> ActivationCurve:
        """Return bounds for all functions that differ from this one by at most ``slack``."""
        return replace(self, slack=self.slack + slack)

    def range(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return bounds on the values over intervals, with rounding."""
        bottom, top = self.f(low), self.f(high)
        if self.lowest is not None:
            place, value = self.lowest
            bottom, top = torch.minimum(bottom, top), torch.maximum(bottom, top)
            bottom = torch.where((low <= place) & (high >= place), value, bottom)
        error = self._rounding(torch.maximum(bottom.abs(), top.abs()), low, high)
        return bottom - error, top + error

    def slopes(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return bounds on the slope over intervals, with rounding."""
        ends = self.derivative(low), self.derivative(high)
        bottom, top = torch.minimum(*ends), torch.maximum(*ends)
        for place, left, right in self.turns:
            is_inside = (low <= place) & (high >= place)
            least, most = min(left, right), max(left, right)
            bottom = torch.where(is_inside, bottom.clamp(max=least), bottom)
            top = torch.where(is_inside, top.clamp(min=most), top)
        return bottom - 4 * ULPS * UNIT, top + 4 * ULPS * UNIT

    def lines(self, low: Tensor, high: Tensor) -> Lines:
        r"""Return the parallel lines with the slope of the chord.

        On a convex piece :math:`f(u) - s u` lies above its tangents and below its ends; on a
        concave one it is the other way round. So any tangent gives a valid bound, and rounding
        cannot make it wrong by more than the rounding of three numbers.
        """
        at_low, at_high = self.f(low), self.f(high)
        width = high - low
        chord = (at_high - at_low) / width
        slope = torch.where(width > _NARROW, chord, self.derivative(low + width / 2))
        ends = at_low - slope * low, at_high - slope * high
        bottom, top = torch.minimum(*ends), torch.maximum(*ends)
        for piece in self.pieces:
            bound = self._tangent_bound(piece, slope, low, high)
            if piece.sign > 0:
                bottom = torch.minimum(bottom, bound)
            else:
                top = torch.maximum(top, bound)
        value = torch.maximum(at_low.abs(), at_high.abs())
        error = (top - bottom) / 2 * OUTWARD
        rounding = self._rounding(value, low, high)
        size = torch.maximum(low.abs(), high.abs())
        rounding = rounding + 4 * UNIT * (slope.abs() + 4 * ULPS) * size
        return Lines(slope, bottom + (top - bottom) / 2, error + rounding)

    def _tangent_bound(self, piece: _Piece, slope: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Return the bound on ``f(u) - s u`` over a piece by a tangent; none where it is empty."""
        first, last = low.clamp(min=piece.low), high.clamp(max=piece.high)
        place = piece.touch(slope).nan_to_num(nan=0.0)
        place = torch.minimum(torch.maximum(place, first), torch.maximum(first, last))
        value, tilt = self.f(place) - slope * place, self._tilt(piece, place, slope)
        reach = tilt * (first - place), tilt * (last - place)
        bend = torch.minimum(*reach) if piece.sign > 0 else torch.maximum(*reach)
        return torch.where(first < last, value + bend, piece.sign * math.inf)

    def _tilt(self, piece: _Piece, place: Tensor, slope: Tensor) -> Tensor:
        """Return a derivative of ``f(u) - s u`` on a piece; at a kink inside the smallest one."""
        tilt = self.derivative(place) - slope
        for kink, left, right in self.turns:
            if left == right or not math.isfinite(left):
                continue
            own = {piece.low: right, piece.high: left}.get(kink)  # of a kink between pieces
            inside = slope.clamp(min=min(left, right), max=max(left, right))
            at_kink = (inside if own is None else own) - slope
            tilt = torch.where(place == kink, at_kink, tilt)
        return tilt

    def _rounding(self, value: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Bound the error of computed values, and of what torch computes instead of them."""
        size = torch.maximum(low.abs(), high.abs()).clamp(max=self.cancels)
        error = 2 * ULPS * UNIT * (value + size) + TINY + self.slack
        return error if not self.jump else torch.where(high > _JUMP, error + self.jump, error)


def _tanh_touch(s: Tensor) -> Tensor:
    return (1 - s).clamp(min=0, max=1 - UNIT).sqrt().atanh()


def _sigmoid_touch(s: Tensor) -> Tensor:
    return 2 * (1 - 4 * s).clamp(min=0, max=1 - UNIT).sqrt().atanh()


def _gelu_slope(u: Tensor) -> Tensor:
    return torch.special.ndtr(u) + u * (-u * u / 2).exp() / _ROOT_2_PI


def _gelu_bend(u: Tensor) -> Tensor:
    return (2 - u * u) * (-u * u / 2).exp() / _ROOT_2_PI


def _gelu_touch(low: float, high: float) -> Callable[[Tensor], Tensor]:
    """Return a function that finds where gelu has a slope, from a table and by Newton's method."""
    places = torch.linspace(low, high, _N_TABLE, dtype=torch.float64)
    table = _gelu_slope(places)
    if table[0] > table[-1]:
        places, table = places.flip(0), table.flip(0)

    def touch(s: Tensor) -> Tensor:
        i = torch.searchsorted(table, s.detach().cpu().contiguous()).clamp(max=_N_TABLE - 1)
        u = places[i].to(s)
        for _ in range(_N_POLISH):
            move = (_gelu_slope(u) - s) / _gelu_bend(u)
            u = (u - move.nan_to_num(0.0, 0.0, 0.0)).clamp(low, high)
        return u

    return touch


def _zero(s: Tensor) -> Tensor:
    return torch.zeros_like(s)


def _retanh(u: Tensor) -> Tensor:
    return torch.tanh(u).relu()


def _tanh_slope(u: Tensor) -> Tensor:
    return 1 - torch.tanh(u).square()


def _sigmoid_slope(u: Tensor) -> Tensor:
    value = torch.sigmoid(u)
    return value * (1 - value)


_INF = math.inf
CURVES = {
    "tanh": ActivationCurve(
        torch.tanh,
        _tanh_slope,
        (_Piece(-_INF, 0, 1, lambda s: -_tanh_touch(s)), _Piece(0, _INF, -1, _tanh_touch)),
        ((0.0, 1.0, 1.0),),
        (-1.0, 1.0),
        1.0,
        0.76980036,
    ),
    "sigmoid": ActivationCurve(
        torch.sigmoid,
        _sigmoid_slope,
        (_Piece(-_INF, 0, 1, lambda s: -_sigmoid_touch(s)), _Piece(0, _INF, -1, _sigmoid_touch)),
        ((0.0, 0.25, 0.25),),
        (0.0, 1.0),
        0.25,
        0.09622505,
    ),
    "softplus": ActivationCurve(
        functional.softplus,
        lambda u: torch.where(u > _JUMP, 1.0, torch.sigmoid(u)),
        (_Piece(-_INF, _INF, 1, lambda s: torch.logit(s)),),
        ((_JUMP, -_INF, 1.0),),
        (0.0, _INF),
        1.0,
        0.25,
        kinks=(_JUMP,),
        beyond=0.6931471806,
        jump=1e-8,
    ),
    "relu": ActivationCurve(
        torch.relu,
        lambda u: (u > 0).to(u),
        (_Piece(-_INF, _INF, 1, _zero),),
        ((0.0, 0.0, 1.0),),
        (0.0, _INF),
        1.0,
        0.0,
        kinks=(0.0,),
        beyond=0.0,
    ),
    "retanh": ActivationCurve(
        _retanh,
        lambda u: torch.where(u > 0, _tanh_slope(u), 0.0),
        (_Piece(-_INF, 0, 1, _zero), _Piece(0, _INF, -1, _tanh_touch)),
        ((0.0, 0.0, 1.0),),
        (0.0, 1.0),
        1.0,
        0.76980036,
        kinks=(0.0,),
    ),
    "gelu": ActivationCurve(
        functional.gelu,
        _gelu_slope,
        (
            _Piece(-_INF, -_ROOT_2, -1, _gelu_touch(-9.0, -_ROOT_2)),
            _Piece(-_ROOT_2, _ROOT_2, 1, _gelu_touch(-_ROOT_2, _ROOT_2)),
            _Piece(_ROOT_2, _INF, -1, _gelu_touch(_ROOT_2, 9.0)),
        ),
        ((-_ROOT_2, -0.1289041452, -0.1289041452), (_ROOT_2, 1.1289041452, 1.1289041452)),
        (-0.17, _INF),
        1.1289041452,
        0.79788457,
        lowest=(-0.7517915246935645, -0.1699712074799037),
        beyond=0.17,
        cancels=10.0,
    ),
    "identity": ActivationCurve(lambda u: u, torch.ones_like, (), (), (-_INF, _INF), 1.0, 0.0),
}
