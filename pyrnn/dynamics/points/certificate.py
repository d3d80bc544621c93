"""Proof, by bounds on rounding and curvature, that a point found is near a true fixed point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.maps import EquationMap, Network, analysis, as_map
from pyrnn.dynamics.points._enclosures import CURVES, ActivationCurve
from pyrnn.dynamics.points._intervals import OUTWARD, ULPS, UNIT, gamma, kantorovich
from pyrnn.dynamics.points.points import FixedPoints
from pyrnn.result import Report, Result
from pyrnn.threads import in_threads
from pyrnn.validate import check_kind

__all__ = ["Certificates", "certify"]

_ROUGH = 1e-2  # defect of an inverse in float32 that one in float64 is worth


@dataclass(frozen=True, eq=False)
class Certificates(Result):
    """For each point, the ball in which exactly one true fixed point lies, or why none is known.

    Distances are largest differences of a unit.

    Args:
        radius: A true fixed point lies this close, ``(n,)``; infinite if nothing is proven.
        unique_within: No other one lies this close, ``(n,)``; zero if nothing is proven.
        reasons: Why a point is not certified, empty if it is.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.dynamics import find_fixed_points
        >>> rnn = RNN(1, 4, 1, seed=0)
        >>> certificates = certify(rnn, find_fixed_points(rnn, torch.randn(9, 4)))
        >>> certificates, certificates.is_certified
        (Certificates(1 of 1 points certified), tensor([True]))
    """

    radius: Tensor
    unique_within: Tensor
    reasons: tuple[str, ...]

    @property
    def is_certified(self) -> Tensor:
        """Whether a fixed point is proven to exist and to be the only one nearby, ``(n,)``."""
        return self.radius.isfinite()

    def __len__(self) -> int:
        return len(self.radius)

    @property
    def status(self) -> str:
        """Verdict in words."""
        n = int(self.is_certified.sum())
        return "complete" if n == len(self) else f"{len(self) - n} of {len(self)} undecided"

    def _report(self) -> Report:
        rows = [
            (str(i), f"{radius:.1e}", f"{unique:.1e}", reason)
            for i, (radius, unique, reason) in enumerate(
                zip(self.radius.tolist(), self.unique_within.tolist(), self.reasons, strict=True)
            )
        ]
        n = int(self.is_certified.sum())
        title = f"{n} of {len(self)} points certified"
        return Report(title, ("point", "radius", "unique within", "reason"), rows)

    def _frame(self) -> dict[str, list[object]]:
        return {
            "radius": self.radius.tolist(),
            "unique_within": self.unique_within.tolist(),
            "reason": list(self.reasons),
        }

    def __repr__(self) -> str:
        return f"Certificates({int(self.is_certified.sum())} of {len(self)} points certified)"


@analysis
def certify(network: Network, points: FixedPoints) -> Certificates:
    r"""Prove that exactly one true fixed point lies near each point found.

    With an approximate inverse :math:`A \approx (I - J)^{-1}` and, in the largest-difference
    norm, rounding included,

    .. math::
        Y \ge |A (F(h) - h)|, \qquad Z_0 \ge |I - A (I - J)|, \qquad
        L r \ge |A (J(h + \delta) - J(h))| \text{ for } |\delta| \le r,

    every :math:`r` with :math:`Y + Z_0 r + L r^2 < r` is the radius of such a ball
    (Newton and Kantorovich). The smallest such :math:`r` says how exact the point is; the largest
    bounds the distance to any other fixed point. Bounds hold for float64 arithmetic whose
    elementary functions err by at most four units in the last place.

    Args:
        network: A network with one of the built-in equations and activations.
        points: Its fixed points.

    Returns:
        Radii and reasons. Points of another network are not certified, and their reason says so.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`.
        ValueError: If the network does not take states of the points' width.

    Example:
        >>> step = lambda h, x: torch.tanh(h / 2)
        >>> from pyrnn.dynamics import find_fixed_points
        >>> certify(step, find_fixed_points(step, torch.ones(1, 2))).reasons
        ('the step is not one of the built-in equations',)

    References:
        van den Berg & Lessard, *Notices AMS* 62:1057 (2015); Rump, *Acta Numerica* 19:287 (2010).
    """
    check_kind("points", points, FixedPoints, "take those of find_fixed_points")
    if not len(points):
        return _refuse(points, "")
    step = as_map(network, points, points.inputs)
    if not isinstance(step, EquationMap):
        return _refuse(points, "the step is not one of the built-in equations")
    curve = CURVES.get(step.activation)
    if curve is None:
        return _refuse(points, "no bound is known on the curvature of the activation")
    columns = in_threads(lambda part: _radii(step, curve, part), _parts(points))
    radius, unique, limit = (torch.cat(column) for column in zip(*columns, strict=True))
    reasons = tuple(map(_reason, radius.tolist(), limit.tolist()))
    return Certificates(radius, unique, reasons)


def _parts(points: FixedPoints) -> list[FixedPoints]:
    size = max(1, 2**21 // points.states.shape[-1] ** 2)
    return [points[i : i + size] for i in range(0, len(points), size)]


def _refuse(points: FixedPoints, reason: str) -> Certificates:
    radius = torch.full_like(points.speeds, math.inf)
    return Certificates(radius, torch.zeros_like(radius), (reason,) * len(points))


def _reason(radius: float, limit: float) -> str:
    if math.isfinite(radius):
        return ""
    if limit <= 0:
        return "the point lies at a kink of the activation"
    return "the Jacobian is too close to singular for the residual"


def _radii(
    step: EquationMap, curve: ActivationCurve, points: FixedPoints
) -> tuple[Tensor, Tensor, Tensor]:
    """Return smallest and largest radius, and the distance to the nearest kink."""
    bounds = _Bounds(step, curve, points.states, points.inputs)
    y, z0, lipschitz = bounds.of(_inverses(bounds.a, torch.float32))
    is_rough = ~(z0 < _ROUGH)
    if is_rough.any():
        some = bounds.of(_inverses(bounds.a[is_rough], bounds.a.dtype), is_rough)
        for column, better in zip((y, z0, lipschitz), some, strict=True):
            column[is_rough] = better
    return *kantorovich(y, z0, lipschitz, bounds.limit), bounds.limit


def _inverses(matrices: Tensor, dtype: torch.dtype) -> Tensor:
    """Return inverses as exact as ``dtype``, in half the time in float32; any do for a proof."""
    inverses, _ = torch.linalg.inv_ex(matrices.to(dtype))
    return inverses.to(matrices.dtype).nan_to_num_(nan=math.inf, posinf=math.inf, neginf=math.inf)


class _Bounds:
    """Rounding and curvature of a built-in equation at some states.

    ``a`` is :math:`I - J` as computed, and ``a_error`` bounds the sum of the errors in each row;
    ``residual`` bounds ``|F(h) - h|``, ``lipschitz`` the change of a row of ``J`` for each unit of
    distance, and ``limit`` how far all this holds: up to the nearest kink.
    """

    def __init__(self, step: EquationMap, curve: ActivationCurve, h: Tensor, x: Tensor) -> None:
        network, weight, alpha = step.network, step.weight, step.alpha
        alpha, size = alpha.expand(h.shape[-1]), weight.abs()
        rows = size.sum(-1)
        drive_size = x.abs() @ step.input_weight.abs().mT + step.drive(x).abs()
        n = h.shape[-1] + x.shape[-1] + 2
        if step.form == "rate":
            u = network.w_rec(h) + network.w_in(x)
            u_error = 2 * gamma(n) * (h.abs() @ size.mT + drive_size)
            value = network.f(u)
            new_error = alpha * (curve.slope * u_error + ULPS * 2 * UNIT * (value.abs() + 1))
            slope_error = curve.curvature * u_error + ULPS * 2 * UNIT
            self.a_error = alpha * slope_error * rows
            self.lipschitz = (alpha * curve.curvature * rows * rows).expand_as(h)
            reach = rows.clamp(min=1e-300)
        else:
            u, u_error, reach = h, torch.zeros_like(h), torch.ones_like(rows)
            value = network.f(h)
            inner = (value.abs() + 1) @ size.mT + drive_size
            value_error = ULPS * 2 * UNIT * (value.abs() + 1) @ size.mT
            new_error = alpha * (2 * gamma(n) * inner + value_error)
            slope_error = torch.full_like(h, ULPS * 2 * UNIT)
            self.a_error = alpha * (slope_error @ size.mT)
            self.lipschitz = (alpha * curve.curvature * rows).expand_as(h)
        new_error = new_error + 4 * UNIT * (h.abs() + 1)
        self.a = -step.jacobian(h, x)
        self.a.diagonal(dim1=-2, dim2=-1).add_(1)
        self.a_size = self.a.abs().sum(-1)  # |J| is no larger than this plus 1
        self.a_error = self.a_error + 4 * UNIT * (self.a_size + 3)
        self.residual = (step(h, x) - h).abs() + new_error
        distance = torch.full_like(u, math.inf)
        for kink in curve.kinks:
            distance = torch.minimum(distance, (u - kink).abs() - u_error)
        self.limit = (distance / reach).amin(-1) / OUTWARD

    def of(self, inverse: Tensor, which: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the bounds Y, Z0 and L with some inverses, ``(n,)`` each.

        The sum of a row of a product of non-negative matrices, which bounds the rounding of
        ``inverse @ a``, is the product with the sums of the rows.
        """
        names = "a", "a_size", "a_error", "residual", "lipschitz"
        a, a_size, a_error, residual, lipschitz = (
            getattr(self, name) if which is None else getattr(self, name)[which] for name in names
        )
        defect = inverse @ a
        defect.diagonal(dim1=-2, dim2=-1).sub_(1)
        rounding = gamma(a.shape[-1]) * a_size + a_error
        sums = inverse.abs() @ torch.stack([residual, rounding, lipschitz], dim=-1)
        y, lost, bend = sums.unbind(-1)
        return y.amax(-1), (defect.abs().sum(-1) + lost).amax(-1), bend.amax(-1)
