"""Boxes in which terms cancel that are a million times larger than what is left of them.

What is left is rounding, so that a contractor that forgets to bound it loses the zero. The zeros
are known to 40 digits.
"""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

from pyrnn.dynamics.points._enclosures import CURVES
from pyrnn.dynamics.points._low_rank import LowRank
from pyrnn.dynamics.points._reduced import Reduced

F64, N = torch.float64, 6
NOTHING = torch.zeros(N, dtype=F64)
SEEDS = range(4)
WIDTH = 1e-7


CURVE = {  # value and slope
    "tanh": (mp.tanh, lambda v: 1 - mp.tanh(v) ** 2),
    "sigmoid": (mp.sigmoid, lambda v: mp.sigmoid(v) * mp.sigmoid(-v)),
}


def zero_near(
    left: Tensor, right: Tensor, rest: Tensor, drive: Tensor, guess: Tensor, name: str = "tanh"
) -> tuple[list[mpf], list[mpf]]:
    """Solve u = (L R + E) f(u) + d with 40 digits; return kappa = R f(u) and u."""
    before, r, e, d, u = (mp.matrix(each.tolist()) for each in (left, right, rest, drive, guess))
    weight = before * r + e
    for _ in range(12):
        slope = mp.diag(list(u.apply(CURVE[name][1])))
        gap = weight * u.apply(CURVE[name][0]) + d - u
        u = u + mp.lu_solve(mp.eye(N) - weight * slope, gap)
    return list(r * u.apply(CURVE[name][0])), list(u)


def around(truth: list[mpf]) -> tuple[Tensor, Tensor]:
    center = torch.tensor([[float(z) for z in truth]], dtype=F64)
    return center - WIDTH, center + WIDTH


def holds(low: Tensor, high: Tensor, truth: list[mpf]) -> bool:
    ends = zip(low[0].tolist(), truth, high[0].tolist(), strict=True)
    return all(mpf(a) <= z <= mpf(b) for a, z, b in ends)


def large_sums(rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Axes that are nearly parallel, with kappa near zero: the terms of Y R (s d + mu) cancel."""
    left, right = (torch.randn(N, 2, generator=rng, dtype=F64) for _ in range(2))
    drive = torch.randn(N, generator=rng, dtype=F64)
    f = torch.tanh(drive)
    right = right - f[:, None] * (f @ right) / (f @ f)  # so that R f(d) = 0
    turn = torch.tensor([[1.0, 1.0], [1.0, 1.0 + 1e-6]], dtype=F64)
    return left @ turn, torch.linalg.solve(turn, right.mT), drive, drive


def large_matrix(rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A large R with a small R s L, and a large kappa with a small L kappa."""
    size = 1e6
    u, first, other, wanted, small = (torch.randn(N, generator=rng, dtype=F64) for _ in range(5))
    f = torch.tanh(u)
    q, _ = torch.linalg.qr((1 - f.square())[:, None] * torch.stack([first, other], 1))
    wanted = wanted - q @ (q.mT @ wanted)
    wanted = size * wanted / (wanted @ f)
    left = torch.stack([first, first + other / size], 1)
    right = torch.stack([wanted, small / 3 - wanted])
    return left, right, u - left @ (right @ f), u


@pytest.mark.parametrize("case", [large_sums, large_matrix])
@pytest.mark.parametrize("form", ["low rank", "reduced"])
@pytest.mark.parametrize("seed", SEEDS)
def test_sums_that_cancel_do_not_lose_the_zero(form: str, case, seed: int) -> None:
    left, right, drive, guess = case(torch.Generator().manual_seed(seed))
    with mp.workdps(40):
        kappa, u = zero_near(left, right, torch.zeros(N, N, dtype=F64), drive, guess)
        if form == "low rank":
            equation = LowRank(drive, NOTHING, CURVES["tanh"], (left, right), NOTHING)
            assert holds(*equation.contract(*around(kappa)), kappa)
        else:
            equation = split(left, right, torch.zeros(N, N, dtype=F64), drive)
            assert holds(*equation.contract(*around(kappa + u)), kappa + u)


@pytest.mark.parametrize("seed", SEEDS)
def test_currents_that_cancel_do_not_lose_the_zero(seed: int) -> None:
    """An inverse of 1 - W s with huge entries, and currents near zero: W f(u) + d cancels."""
    rng = torch.Generator().manual_seed(seed)
    axes = torch.randn(N, N, generator=rng, dtype=F64)
    axes[:, 0] = 1  # along which 1 - W s is small, so that the drive is
    turn, _ = torch.linalg.qr(axes)
    turn[:, 2] = turn[:, 1] + 1e-6 * turn[:, 2]
    values = 0.5 + torch.rand(N, generator=rng, dtype=F64)
    system = turn @ torch.diag(values) @ torch.linalg.inv(turn)
    rest = 4 * (torch.eye(N, dtype=F64) - system)  # the slope of sigmoid is 1/4 at zero
    sums = [sum(map(Fraction, row)) for row in rest.tolist()]
    drive = torch.tensor([float(-total / 2) for total in sums], dtype=F64)
    left = torch.zeros(N, 1, dtype=F64)
    right = torch.randn(1, N, generator=rng, dtype=F64)
    with mp.workdps(40):
        kappa, u = zero_near(left, right, rest, drive, NOTHING, "sigmoid")
        assert max(map(abs, u)) < WIDTH
        equation = split(left, right, rest, drive, "sigmoid")
        assert holds(*equation.contract(*around(kappa + u)), kappa + u)


def split(left: Tensor, right: Tensor, rest: Tensor, drive: Tensor, name: str = "tanh") -> Reduced:
    """Return the equation of W = L R + E in these parts, of which any are right."""
    equation = Reduced(left @ right + rest, drive, NOTHING, CURVES[name], len(right), None)
    equation.left, equation.right, equation.rest = left, right, rest
    equation.left_size, equation.right_size = left.abs(), right.abs()
    equation.rest_size, equation.drive_error = rest.abs(), NOTHING
    return equation
