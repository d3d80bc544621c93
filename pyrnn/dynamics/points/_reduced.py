"""The fixed point equation of full-rank weights as contractors split in a few directions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pyrnn.dynamics.points._enclosures import ActivationCurve, Lines
from pyrnn.dynamics.points._equation import Equation, Roots, shrinks
from pyrnn.dynamics.points._intervals import OUTWARD, ball, gamma, interval, middle, times

__all__ = ["Reduced"]

_N_TURNS = 100
_N_NEWTON = 12
_WORTH_A_TEST = 1.0  # mean width of the currents below which a box may hold a single zero
_NARROW = 1e-2  # boxes narrower than this are split in the currents as well

Certify = Callable[[Tensor], Roots]


class Reduced(Equation):
    r"""Fixed points :math:`u = W f(u) + d`, split in :math:`\kappa = V^\top f(u)` alone.

    With the leading singular directions taken out, :math:`W = U V^\top + W_2`, and parallel lines
    around the activation, :math:`f(u) = s u + \mu + e \eta`, currents are a function of
    :math:`\kappa` up to :math:`e`,

    .. math::
        u \in Q (U \kappa + W_2 \mu + d) \pm |Q W_2| e, \qquad Q = (1 - W_2 s)^{-1},

    and :math:`\kappa` obeys an equation as that of low-rank weights. A box is one of
    :math:`\kappa` and :math:`u`. Any :math:`Q` is valid, as its defect and all rounding
    are bounded.

    Args:
        weight: Recurrent weights, ``(n, n)``.
        drive: Constant current, ``(n,)``.
        drive_error: Bound on its error, ``(n,)``.
        curve: The activation, which must be bounded.
        rank: Number of directions.
        certify: Function that proves zeros, see :func:`~pyrnn.dynamics.certify`.

    References:
        Golubitsky & Schaeffer, *Singularities and Groups in Bifurcation Theory I* (1985), chapter
        VII, for the reduction.
    """

    def __init__(
        self,
        weight: Tensor,
        drive: Tensor,
        drive_error: Tensor,
        curve: ActivationCurve,
        rank: int,
        certify: Certify,
    ) -> None:
        self.weight, self.drive, self.drive_error = weight, drive, drive_error
        self.curve, self.rank, self.certify = curve, rank, certify
        u, sizes, vh = torch.linalg.svd(weight)
        self.left, self.right = _turned(u[:, :rank] * sizes[:rank], vh[:rank])
        self.rest = weight - self.left @ self.right
        self.left_size, self.right_size = self.left.abs(), self.right.abs()
        self.rest_size, self.size = self.rest.abs(), weight.abs()
        n = len(weight)
        terms = self.left_size @ self.right_size.sum(1) + self.size.sum(1)
        remainder = gamma(rank + 4) * terms * OUTWARD  # of what the parts do not add up to
        self.values = float(max(map(abs, curve.limits)))
        self.drive_error = drive_error + remainder * self.values
        self.rounding = gamma(4 * n + 4 * rank + 64)
        self.contraction, self.reach = float(self.rest_size.sum(1).max()), 0.0
        self.bytes_per_box = 8 * n * (6 * n + 4 * rank)

    def start(self) -> tuple[Tensor, Tensor]:
        """Return a box that holds every fixed point."""
        ends = [self.drive.new_full((1, len(self.drive)), limit) for limit in self.curve.limits]
        return self._from_values(*ends)

    def _from_values(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        center, radius = middle(low, high)
        kappa = interval(*ball(self.right, center, radius))
        shifted, width = ball(self.weight, center, radius)
        u = interval(shifted + self.drive, width + self.drive_error)
        return torch.cat([kappa[0], u[0]], -1), torch.cat([kappa[1], u[1]], -1)

    def currents(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return bounds on the currents in boxes, ``(n_boxes, n_units)``."""
        return low[:, self.rank :], high[:, self.rank :]

    def contract(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is left of boxes; some ends are in the wrong order where it is nothing."""
        kappa, u = self._relaxed(low, high)
        low = torch.maximum(low, torch.cat([kappa[0], u[0]], -1))
        high = torch.minimum(high, torch.cat([kappa[1], u[1]], -1))
        is_left = (low <= high).all(-1)
        if is_left.any():
            values = self.curve.range(*self.currents(low[is_left], high[is_left]))
            kappa = interval(*ball(self.right, *middle(*values)))
            low[is_left, : self.rank] = torch.maximum(low[is_left, : self.rank], kappa[0])
            high[is_left, : self.rank] = torch.minimum(high[is_left, : self.rank], kappa[1])
        return low, high

    def _relaxed(
        self, low: Tensor, high: Tensor
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Return bounds on both parts of a box from the lines around the activation."""
        size = torch.maximum(low.abs(), high.abs())
        k_size = size[:, : self.rank]
        linear = _Linearized(self, self.curve.lines(*self.currents(low, high)), size)
        center, spread, rest = linear.solved(k_size)
        kappa = _bounds(center, times(spread.abs(), linear.e) + rest)
        # currents with kappa put in, and currents of all kappa in the box
        extra = self.rounding * (center.abs() + times(spread.abs(), linear.e)) + rest
        radius = times((linear.g + linear.p @ spread).abs(), linear.e)
        solved = _bounds(*linear.currents(center, extra, radius))
        own, radius = middle(low[:, : self.rank], high[:, : self.rank])
        extra = radius + self.rounding * own.abs()
        given = _bounds(*linear.currents(own, extra, times(linear.g.abs(), linear.e)))
        return kappa, (torch.maximum(solved[0], given[0]), torch.minimum(solved[1], given[1]))

    def has_at_most_one(self, low: Tensor, high: Tensor) -> Tensor:
        r"""Return whether boxes are proved to hold no two fixed points, ``(n_boxes,)``.

        The difference of two of them obeys :math:`|\delta| \le Z |\delta|` with
        :math:`Z = |1 - Y (1 - W d)| + |Y| |W| r` for slopes :math:`d \pm r`.
        """
        u_low, u_high = self.currents(low, high)
        is_single = (u_high - u_low).mean(-1) < _WORTH_A_TEST
        which = is_single.nonzero()[:, 0]
        if len(which):
            is_single[which] = self._is_single(u_low[which], u_high[which])
        return is_single

    def _is_single(self, low: Tensor, high: Tensor) -> Tensor:
        slope, radius = middle(*self.curve.slopes(low, high))
        inverse, _ = torch.linalg.inv_ex(_one_minus(self.weight * slope[:, None]))
        size = inverse.abs()
        defect = _plus_one((inverse @ self.weight) * slope[:, None] - inverse).abs_()
        steepest = slope.abs() + radius

        def image(w: Tensor) -> Tensor:
            through = (radius + 2 * self.rounding * steepest) * w
            spread = times(size, through @ self.size.mT)
            return times(defect, w) + spread + 2 * self.rounding * (times(size, w) + w)

        return shrinks(image, high - low)

    def roots(self, low: Tensor, high: Tensor) -> Roots:
        """Return the limits of Newton's method from the middle of boxes, each with its proof."""
        u_low, u_high = self.currents(low, high)
        u, _ = middle(u_low, u_high)
        for _ in range(_N_NEWTON if len(u) else 0):
            gap = self.curve.f(u) @ self.weight.mT + self.drive - u
            system = _one_minus(self.weight * self.curve.derivative(u)[:, None])
            move = torch.linalg.solve_ex(system, gap[..., None])[0][..., 0]
            u = (u + move.nan_to_num(0.0, 0.0, 0.0)).clamp(u_low, u_high)
            if move.abs().max() < 1e-15:
                break
        found = self.certify(u)
        reach = found.radius[:, None]
        is_inside = ((u - reach >= u_low) & (u + reach <= u_high)).all(-1)
        value = self.curve.f(u)
        kappa = value @ self.right.mT
        moved = (self.curve.slope * reach + self.rounding * (value.abs() + 1)).expand_as(u)
        moved = moved @ self.right_size.mT * OUTWARD
        is_inside &= (kappa - moved >= low[:, : self.rank]).all(-1)
        is_inside &= (kappa + moved <= high[:, : self.rank]).all(-1)
        return Roots(found.u, found.radius, found.unique, found.is_proved & is_inside)

    def cost(self, low: Tensor, high: Tensor, scale: Tensor) -> Tensor:
        """Return how much it is worth to split each coordinate: a few directions come first."""
        width = (high - low) / scale
        size = self.left.norm(dim=0)
        first = width[:, : self.rank] * (size / size.max())
        is_wide = first.amax(-1, keepdim=True) >= _NARROW
        is_wide |= first.amax(-1, keepdim=True) >= width[:, self.rank :].amax(-1, keepdim=True)
        others = torch.where(is_wide, 0.0, width[:, self.rank :])
        return torch.cat([first, others], -1)


class _Linearized:
    r"""The equation with lines in place of the activation, solved for the currents.

    .. math:: u = c + P \kappa + G e \eta \pm l, \qquad P = Q U, \quad G = Q W_2

    The bound :math:`l` holds the defect of :math:`Q`, the error of the drive and all rounding,
    which is a multiple of the sum of the sizes of all terms.
    """

    def __init__(self, equation: Reduced, lines: Lines, size: Tensor) -> None:
        self.equation, self.s, self.mu, self.e = equation, lines.slope, lines.center, lines.error
        rank, s = equation.rank, lines.slope
        q, _ = torch.linalg.inv_ex(_one_minus(equation.rest * s[:, None]))
        self.g, self.p = q @ equation.rest, q @ equation.left
        self.c = times(q, self.mu @ equation.rest.mT + equation.drive)
        k_size, u_size, q_size = size[:, :rank], size[:, rank:], q.abs()
        terms = (self.mu.abs() + self.e + s.abs() * u_size) @ equation.rest_size.mT
        terms += k_size @ equation.left_size.mT + equation.drive.abs() + equation.drive_error
        terms += u_size
        defect = _plus_one(self.g * s[:, None] - q).abs_()
        self.loose = times(defect, u_size) + times(q_size, equation.drive_error.expand_as(s))
        self.loose += equation.rounding * (times(q_size, terms) + terms)

    def solved(self, k_size: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return center, coefficients of the errors and a bound on the rest of ``kappa``."""
        equation, s = self.equation, self.s
        c = _one_minus(equation.right @ (s[:, :, None] * self.p))
        inverse, _ = torch.linalg.inv_ex(c)
        h = inverse @ equation.right
        spread = h + (h * s[:, None]) @ self.g
        terms = times(self.p.abs(), k_size) + times(self.g.abs(), self.e)
        terms = s.abs() * (self.c.abs() + self.loose + terms) + self.mu.abs() + self.e
        rest = times(inverse.abs(), terms @ equation.right_size.mT + k_size) * equation.rounding
        rest += times(h.abs(), s.abs() * self.loose)
        rest += times(_plus_one(-inverse @ c).abs(), k_size)
        return times(h, s * self.c + self.mu), spread, rest

    def currents(self, kappa: Tensor, error: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
        """Return center and radius of the currents for ``kappa`` up to an error."""
        return self.c + times(self.p, kappa), radius + self.loose + times(self.p.abs(), error)


def _turned(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Return axes turned so that each of them drives as few units as possible (Kaiser 1958).

    Boxes are split along the axes. They are settled sooner where units depend on few of them.
    """
    turn = torch.eye(len(right)).to(left)
    for _ in range(_N_TURNS):
        loads = left @ turn
        target = loads**3 - loads * loads.square().mean(0)
        u, _, vh = torch.linalg.svd(left.mT @ target)
        turn = u @ vh
    return left @ turn, turn.mT @ right


def _one_minus(matrices: Tensor) -> Tensor:
    """Return the identity minus matrices."""
    result = -matrices
    result.diagonal(dim1=-2, dim2=-1).add_(1)
    return result


def _plus_one(matrices: Tensor) -> Tensor:
    matrices.diagonal(dim1=-2, dim2=-1).add_(1)
    return matrices


def _bounds(center: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Return intervals; without any bound where a matrix could not be inverted."""
    is_good = radius.isfinite() & center.isfinite()
    return interval(torch.where(is_good, center, 0.0), torch.where(is_good, radius, 1e300))
