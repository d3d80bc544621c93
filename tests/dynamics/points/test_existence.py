"""Proofs of zeros in the form of Woodbury against dense matrices and exact arithmetic."""

from __future__ import annotations

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor
from torch.testing import assert_close

from pyrnn.dynamics.points._enclosures import CURVES
from pyrnn.dynamics.points._existence import _SLOPE_ERROR, _Inverse, proved
from pyrnn.dynamics.points._low_rank import LowRank

F64, N = torch.float64, 5


def equation(
    name: str, left: Tensor, right: Tensor, drive: Tensor, error: float = 0, rest: float = 0
) -> LowRank:
    """Return u = (L R + E) f(u) + d, with d known up to an error and E up to its row sums."""
    n = torch.ones(len(left), dtype=F64)
    return LowRank(drive, error * n, CURVES[name], (left, right), rest * n)


def spoil(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """Let inverses be a share of what they are."""
    exact = torch.linalg.inv_ex
    monkeypatch.setattr(torch.linalg, "inv_ex", lambda m: (share * exact(m)[0], None))


def slopes_at(name: str, u: Tensor) -> Tensor:
    v = u.clone().requires_grad_()
    return torch.autograd.grad(CURVES[name].f(v).sum(), v)[0]


@pytest.mark.parametrize("share", [0.97, 1.03])
@pytest.mark.parametrize("rest", [0.0, 1e-3])
@pytest.mark.parametrize(("name", "at"), [("tanh", 0.5), ("sigmoid", 0.0), ("gelu", -1.5)])
def test_radii_solve_the_quadratic_of_the_dense_matrices(
    name: str, at: float, rest: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Y, Z_0 and L of states at and beside a zero, with an inverse that misses by 3 %."""
    rng, curve = torch.Generator().manual_seed(0), CURVES[name]
    left, right = (
        0.3 * torch.randn(shape, generator=rng, dtype=F64) for shape in ((N, 2), (2, N))
    )
    u = at + 0.3 * torch.randn(N, generator=rng, dtype=F64)
    zero = right @ curve.f(u)
    drive = u - left @ zero
    k = zero + torch.tensor([[0.0], [1e-3], [-2e-3]], dtype=F64)
    spoil(monkeypatch, share)
    roots = proved(equation(name, left, right, drive, 1e-5, rest), k, k - 1, k + 1)
    for i in range(3):
        u = left @ k[i] + drive
        value, slope = curve.f(u), slopes_at(name, u)
        m = torch.eye(2, dtype=F64) - right @ torch.diag(slope) @ left
        inverse = share * torch.linalg.inv(m)
        size = left.abs() @ inverse.abs() @ right.abs() @ torch.diag(slope.abs())
        size = torch.eye(N, dtype=F64) + size
        residual = (left @ (right @ value) + drive - u).abs() + 1e-5 + rest * value.abs().max()
        defect = (torch.eye(2, dtype=F64) - inverse @ m).abs()
        z0 = (left.abs() @ defect @ right.abs() @ slope.abs()).max()
        z0 = z0 + rest * size.sum(1).max() * slope.abs().max()
        rows = left.abs() @ right.abs().sum(1) + rest
        y, bend = (size @ residual).max(), curve.curvature * (size @ rows).max()
        room = 1 - z0
        root = (room**2 - 4 * y * bend).sqrt()
        assert_close(roots.u[i], u)
        assert float(roots.radius[i]) == pytest.approx(float(2 * y / (room + root)), rel=1e-6)
        assert float(roots.unique[i]) == pytest.approx(float((room + root) / 2 / bend), rel=1e-6)


@pytest.mark.parametrize("name", ["relu", "softplus"])
def test_the_nearest_kink_ends_the_ball(name: str) -> None:
    """Currents .3, -.2 and .4 from a kink; rates so small that no curvature counts before."""
    (kink,) = CURVES[name].kinks
    u = kink + torch.tensor([0.3, -0.2, 0.4], dtype=F64)
    weak = torch.full((3, 1), 1e-9, dtype=F64)
    k = torch.zeros(2, 1, dtype=F64)
    roots = proved(equation(name, weak, weak.mT, u), k, k - 1, k + 1)
    assert roots.unique.tolist() == pytest.approx([0.2, 0.2])


def test_a_zero_is_proved_in_a_box_that_holds_what_its_ball_leads_to() -> None:
    """A ball of currents r leads to slope |R| r; a box that ends before this is not enough."""
    left = torch.tensor([[0.1, 0.2], [0.3, -0.1], [0.2, 0.1]], dtype=F64)
    right = torch.tensor([[0.2, -0.3, 0.1], [0.1, 0.1, 0.4]], dtype=F64)
    k = right @ torch.full((3,), 0.5, dtype=F64)
    eq = equation("sigmoid", left, right, -left @ k, 1e-3)
    roots = proved(eq, k[None], k[None] - 1, k[None] + 1)
    assert roots.is_proved.all()
    reach = 0.25 * float(roots.radius) * right.abs().sum(1)  # 1/4: the slope of sigmoid at most
    for share, is_proved in ((0.99, False), (1.01, True)):
        for axis in range(2):
            for sign in (-1, 1):
                end = torch.ones(2, dtype=F64)
                end[axis] = share * reach[axis]
                low, high = (k - 1, k + end) if sign > 0 else (k - end, k + 1)
                found = proved(eq, k[None], low[None], high[None]).is_proved
                assert found.tolist() == [is_proved]


@pytest.mark.parametrize("seed", range(4))
def test_rounding_is_bounded_where_terms_cancel(seed: int) -> None:
    """Axes that are nearly parallel: L is small along them, and R large."""
    rng = torch.Generator().manual_seed(seed)
    left, right = (torch.randn(shape, generator=rng, dtype=F64) for shape in ((N, 2), (2, N)))
    turn = torch.tensor([[1.0, 1.0], [1.0, 1.0 + 1e-6]], dtype=F64)
    left, right = left @ turn, torch.linalg.solve(turn, right)
    u = torch.randn(N, generator=rng, dtype=F64)
    kappa = right @ torch.tanh(u)
    found = _Inverse(equation("tanh", left, right, u - left @ kappa), kappa[None])
    with mp.workdps(50):
        before, r, u, drive = (
            mp.matrix(part.tolist()) for part in (left, right, found.u[0], found.equation.drive)
        )
        value, slope = u.apply(mp.tanh), u.apply(lambda v: 1 - mp.tanh(v) ** 2)
        gap = before * (r * value) + drive - u
        assert all(map(within, gap, found._residual()[0].tolist()))
        rounded = [a - mpf(b) for a, b in zip(value, found.value[0].tolist(), strict=True)]
        assert all(map(within, rounded, found.value_error[0].tolist()))
        m = mp.eye(2) - r * mp.diag(found.slope[0].tolist()) * before
        inverse = torch.linalg.inv(found.equation.linear(found.slope)[0])[0]
        defect = mp.eye(2) - mp.matrix(inverse.tolist()) * m
        assert all(map(within, defect, found.defect[0].flatten().tolist()))
        off = [a - mpf(b) for a, b in zip(slope, found.slope[0].tolist(), strict=True)]
        assert all(abs(each) <= _SLOPE_ERROR for each in off)


def within(value: mpf, bound: float) -> bool:
    return abs(value) <= mpf(bound)
