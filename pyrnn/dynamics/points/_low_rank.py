"""The fixed point equation of low-rank weights as interval contractors in a few dimensions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pyrnn.dynamics.points._enclosures import CURVES, ActivationCurve
from pyrnn.dynamics.points._equation import Equation, Roots, shrinks
from pyrnn.dynamics.points._existence import proved
from pyrnn.dynamics.points._intervals import (
    OUTWARD,
    ball,
    eye_like,
    gamma,
    interval,
    middle,
    times,
)

__all__ = ["LowRank"]

_N_NEWTON = 12


class LowRank(Equation):
    r"""Fixed points :math:`\kappa = R f(L \kappa + d + \epsilon)` of weights :math:`W = L R + E`.

    A box is one of :math:`\kappa`. On the box of currents :math:`u = L \kappa + d + \epsilon` that
    it leads to, the activation lies between parallel lines, :math:`f(u) = s u + \mu + e \eta`, so

    .. math::
        \kappa \in Y R (s d + \mu) \pm \left(|Y R| (e + s |\epsilon|) + |1 - Y M| |\kappa|\right),
        \qquad M = 1 - R s L

    for any matrix :math:`Y`; an approximate inverse of :math:`M` is the best one. The remainder
    :math:`|\epsilon| \le |E| |f|` and all rounding are bounded.

    Args:
        drive: Constant current, ``(n,)``.
        drive_error: Bound on its error, ``(n,)``.
        curve: The activation.
        pair: Factors :math:`L` and :math:`R`.
        remainder: Bound on the row sums of :math:`|E|`, ``(n,)``.
    """

    def __init__(
        self,
        drive: Tensor,
        drive_error: Tensor,
        curve: ActivationCurve,
        pair: tuple[Tensor, Tensor],
        remainder: Tensor,
    ) -> None:
        self.drive, self.drive_error, self.curve = drive, drive_error, curve
        self.left, self.right = pair
        self.left_size, self.right_size = self.left.abs(), self.right.abs()
        n, rank = self.left.shape
        self.rank, self.rounding = rank, gamma(4 * n + 4 * rank + 32)
        products = self.right.mT[:, :, None] * self.left[:, None]
        self.products = products.reshape(n, -1)  # R s L for slopes s is one product
        self.product_sizes = self.products.abs()
        self.remainder = remainder
        row_sums = self.left_size @ self.right_size.sum(1) + self.remainder
        self.row_sums = row_sums * OUTWARD
        self.contraction, self.reach = 0.0, math.inf
        self.bytes_per_box = 8 * n * (2 * rank + 14)

    # ------------------------------------------------------------------ enclosures

    def start(self) -> tuple[Tensor, Tensor]:
        """Return a box that holds every fixed point, infinite if none is known."""
        if self.curve.is_bounded:
            ends = (self.drive.new_full((1, len(self.drive)), x) for x in self.curve.limits)
            return self._project(*ends)
        box = self.drive.new_full((1, self.rank), self.reach)
        return -box, box

    def currents(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return bounds on the currents that boxes lead to, ``(n_boxes, n)``."""
        center, radius = ball(self.left, *middle(low, high))
        size = self.drive.abs() * gamma(4) + self.drive_error
        u = interval(center + self.drive, radius + size)
        if not self.remainder.any():
            return u
        for _ in range(2):  # the remainder needs the values, and these the currents
            bound = _largest(self.curve.range(*u)).amax(-1, keepdim=True)
            u = interval(center + self.drive, radius + size + bound * self.remainder)
        return u

    def _project(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return bounds on what values of the activation add up to."""
        return interval(*ball(self.right, *middle(low, high)))

    def contract(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is left of boxes; some ends are in the wrong order where it is nothing."""
        low, high = _meet((low, high), self._project(*self.curve.range(*self.currents(low, high))))
        is_left = (low <= high).all(-1)
        if is_left.any():
            box = low[is_left], high[is_left]
            low[is_left], high[is_left] = _meet(box, self._relaxed(*box))
        return low, high

    def _relaxed(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        u = self.currents(low, high)
        lines = self.curve.lines(*u)
        slope = lines.slope
        m, m_size = self.linear(slope)
        inverse, _ = torch.linalg.inv_ex(m)
        product, size = inverse @ self.right, inverse.abs()
        value = slope * self.drive + lines.center
        magnitude = slope.abs() * (self.drive.abs() + self.drive_error) + lines.center.abs()
        bound = _largest(self.curve.range(*u)).amax(-1, keepdim=True)
        error = lines.error + slope.abs() * (self.drive_error + bound * self.remainder)
        radius = times(product.abs(), error)
        radius += self.rounding * times(size, (magnitude + error) @ self.right_size.mT)
        defect = (eye_like(m) - inverse @ m).abs() + self.rounding * (size @ m_size)
        radius += times(defect, torch.maximum(low.abs(), high.abs()))
        center = times(product, value)
        is_good = radius.isfinite() & center.isfinite()
        return interval(torch.where(is_good, center, 0.0), torch.where(is_good, radius, 1e300))

    def linear(self, slope: Tensor, size: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return :math:`1 - R s L` and a bound on its terms, for slopes of some size."""
        shape = -1, self.rank, self.rank
        m = -(slope @ self.products).reshape(shape)
        m.diagonal(dim1=-2, dim2=-1).add_(1)
        terms = ((slope.abs() if size is None else size) @ self.product_sizes).reshape(shape)
        terms.diagonal(dim1=-2, dim2=-1).add_(1)
        return m, terms

    # ------------------------------------------------------------------ isolation

    def has_at_most_one(self, low: Tensor, high: Tensor) -> Tensor:
        r"""Return whether boxes are proved to hold no two fixed points, ``(n_boxes,)``.

        For two of them, :math:`\delta = \kappa - \kappa'` and slopes :math:`d \pm r` between,

        .. math:: |\delta| \le Z |\delta|, \qquad Z = |1 - Y (1 - R d L)| + |Y R|\, r\, |L|

        (plus what the remainder adds), and so it is zero if some :math:`w > 0` has
        :math:`Z w < w`.
        """
        u = self.currents(low, high)
        steep_low, steep_high = self.curve.slopes(*u)
        slope, radius = middle(steep_low, steep_high)
        steepest = slope.abs() + radius
        m, m_size = self.linear(slope, steepest)
        inverse, _ = torch.linalg.inv_ex(m)
        product, size = (inverse @ self.right).abs(), inverse.abs()
        z = (eye_like(m) - inverse @ m).abs() + 2 * self.rounding * (size @ m_size)
        z += (product * radius[:, None]) @ self.left_size
        left_over = self.remainder.max() * steepest.amax(-1)
        left_over = torch.where(left_over < 0.5, left_over / (1 - left_over), math.inf)
        extra = times(product, steepest) + self.rounding * (size @ self.right_size.sum(1))
        extra *= left_over[:, None]

        def image(w: Tensor) -> Tensor:
            return times(z, w) + extra * (w @ self.left_size.mT).amax(-1, keepdim=True)

        return shrinks(image, high - low)

    def roots(self, low: Tensor, high: Tensor) -> Roots:
        """Return Newton's limits from the middle of boxes, each with its proof."""
        k, _ = middle(low, high)
        for _ in range(_N_NEWTON):
            u = k @ self.left.mT + self.drive
            gap = self.curve.f(u) @ self.right.mT - k
            m, _ = self.linear(self.curve.derivative(u))
            move = torch.linalg.solve_ex(m, gap[..., None])[0][..., 0]
            k = (k + move.nan_to_num(0.0, 0.0, 0.0)).clamp(low, high)
        return proved(self, k, low, high)

    # ------------------------------------------------------------------ far away

    def from_far_away(self, reach: float) -> tuple[LowRank, Tensor, Tensor]:
        r"""Return the equation of all fixed points with :math:`|\kappa| \ge t`, and its boxes.

        From far away an activation that is not bounded looks like a ramp, or a line. With
        :math:`y = \kappa / t`, a point on the faces of the unit cube, the equation is that of the
        ramp, up to terms of order :math:`1/t`. If it has no solution there, all fixed points are
        nearer than :math:`t`.

        Args:
            reach: Distance :math:`t`, in units of the drive.
        """
        offset = self.curve.beyond
        curve = CURVES["relu" if math.isfinite(offset) else "identity"]
        offset = offset if math.isfinite(offset) else 0.0
        error = (self.drive.abs() + self.drive_error) / reach * OUTWARD
        curve, pair = curve.loosened(offset / reach), (self.left, self.right)
        outside = LowRank(torch.zeros_like(error), error, curve, pair, self.remainder)
        high = torch.ones(2 * self.rank, self.rank).to(error)
        low, axis = -high, torch.arange(self.rank)
        low[axis, axis], high[self.rank + axis, axis] = 1, -1
        return outside, low, high


def _largest(ends: tuple[Tensor, Tensor]) -> Tensor:
    return torch.maximum(ends[0].abs(), ends[1].abs())


def _meet(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return torch.maximum(a[0], b[0]), torch.minimum(a[1], b[1])
