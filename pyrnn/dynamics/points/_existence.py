"""Existence of zeros of low-rank equations, whose Jacobians are inverted in a few dimensions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pyrnn.dynamics.points._equation import Roots
from pyrnn.dynamics.points._intervals import OUTWARD, UNIT, eye_like, kantorovich, times

if TYPE_CHECKING:
    from pyrnn.dynamics.points._low_rank import LowRank

__all__ = ["proved"]

_SLOPE_ERROR = 32 * UNIT


def proved(equation: LowRank, k: Tensor, low: Tensor, high: Tensor) -> Roots:
    r"""Return the zeros near some states, each with its proof and its radius.

    As :func:`~pyrnn.dynamics.certify` does, in the currents :math:`u`, with the inverse of
    :math:`1 - W D` in the form of Woodbury, :math:`A = 1 + L Y R D`, whose defect is

    .. math:: 1 - A (1 - W D) = L (1 - Y M) R D + A E D .

    Args:
        equation: The equation.
        k: States near zeros, ``(n, rank)``.
        low: Lower ends of the boxes that the zeros must be in.
        high: Upper ends.
    """
    inverse = _Inverse(equation, k)
    radius, unique = inverse.radii()
    moved = equation.curve.slope * radius[:, None] + inverse.value_error
    moved = moved + equation.rounding * inverse.value.abs()
    k, reach = inverse.value @ equation.right.mT, moved @ equation.right_size.mT * OUTWARD
    is_inside = ((k - reach >= low) & (k + reach <= high)).all(-1)
    return Roots(inverse.u, radius, unique, is_inside & radius.isfinite())


class _Inverse:
    """Approximate inverses of Jacobians at some states, and what they are worth."""

    def __init__(self, equation: LowRank, k: Tensor) -> None:
        self.equation, curve = equation, equation.curve
        self.u = k @ equation.left.mT + equation.drive
        self.value = curve.f(self.u)
        bottom, top = curve.range(self.u, self.u)
        self.value_error = top - bottom
        slope = curve.derivative(self.u)
        self.slope = slope.abs()
        m, m_size = equation.linear(slope)
        inverse, _ = torch.linalg.inv_ex(m)
        self.size = inverse.abs()
        self.defect = (eye_like(m) - inverse @ m).abs()
        self.defect += 2 * equation.rounding * (self.size @ m_size)

    def through(self, vector: Tensor) -> Tensor:
        """Bound the size of the inverse times a vector."""
        inner = times(self.size, (self.slope * vector) @ self.equation.right_size.mT)
        return (vector + inner @ self.equation.left_size.mT) * OUTWARD

    def radii(self) -> tuple[Tensor, Tensor]:
        """Return Kantorovich's radii."""
        equation = self.equation
        defect = times(self.defect, self.slope @ equation.right_size.mT) @ equation.left_size.mT
        norm = self.through(torch.ones_like(self.u)).amax(-1)
        steep = equation.remainder.max() * (self.slope.amax(-1) + _SLOPE_ERROR)
        z0 = defect.amax(-1) + norm * (steep + _SLOPE_ERROR * equation.row_sums.max())
        rows = equation.row_sums.expand_as(self.u)
        lipschitz = equation.curve.curvature * self.through(rows).amax(-1)
        y = self.through(self._residual()).amax(-1)
        return kantorovich(y, z0, lipschitz, self._distance_to_kinks())

    def _residual(self) -> Tensor:
        """Bound how far the equation is from holding."""
        equation, value = self.equation, self.value
        gap = (value @ equation.right.mT) @ equation.left.mT + equation.drive - self.u
        terms = equation.rounding * value.abs() + self.value_error
        error = (terms @ equation.right_size.mT) @ equation.left_size.mT
        error += equation.rounding * (equation.drive.abs() + self.u.abs())
        largest = (value.abs() + self.value_error).amax(-1, keepdim=True)
        return gap.abs() + error + equation.drive_error + largest * equation.remainder

    def _distance_to_kinks(self) -> Tensor:
        limit = torch.full_like(self.u[:, 0], math.inf)
        for kink in self.equation.curve.kinks:
            away = (self.u - kink).abs() - 4 * UNIT * (self.u.abs() + 1)
            limit = torch.minimum(limit, away.amin(-1) / OUTWARD)
        return limit
