"""The metric in which a stable point attracts, against scipy, and what it draws in by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_lyapunov
from torch import Tensor
from torch.testing import assert_close

from pyrnn.dynamics import as_map
from pyrnn.dynamics.points import Attraction


def _lopsided(n: int, radius: float, lean: float) -> np.ndarray:
    """Return a matrix that is far from normal, with a given spectral radius."""
    rng = np.random.default_rng(n)
    matrix = np.triu(lean * rng.normal(size=(n, n)), 1) + np.diag(np.linspace(-radius, radius, n))
    turn, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return turn @ matrix @ turn.T


@pytest.mark.parametrize(("n", "radius", "lean"), [(2, 0.5, 3), (4, 0.9, 1), (3, 0.999, 0.1)])
def test_the_metric_solves_the_equation_of_stein(n: int, radius: float, lean: float) -> None:
    jacobian = _lopsided(n, radius, lean)
    attraction = Attraction.of(torch.zeros(1, n), torch.tensor(jacobian)[None])
    (factor,), gamma = attraction.factors, (1 + radius) / 2
    assert attraction.gamma.tolist() == pytest.approx([gamma])
    metric = solve_discrete_lyapunov((jacobian / gamma).T, np.eye(n))
    assert_close(factor.mT @ factor, torch.tensor(metric), rtol=1e-6, atol=1e-6)
    v = torch.randn(n, 100)
    shrunk = (factor @ torch.tensor(jacobian) @ v).norm(dim=0) / (factor @ v).norm(dim=0)
    assert (shrunk <= gamma * (1 + 1e-9)).all()


def test_each_point_draws_by_its_own_linear_part() -> None:
    """Near each of three points F(h) = c + a d + d²: drawn in where d² <= 0.9 (1 - γ) |d|."""
    centers, slopes = torch.tensor([[0.0], [10.0], [20.0]]), torch.tensor([0.5, -0.2, 0.9])

    def step(h: Tensor, x: Tensor) -> Tensor:
        near = (h / 10).round().long().clamp(0, 2)
        apart = h - 10.0 * near
        return 10.0 * near + slopes.to(h)[near] * apart + apart**2

    attraction = Attraction.of(centers, slopes[:, None, None])
    reach = 0.9 * (1 - (1 + slopes.abs()) / 2)
    which = torch.tensor([2, 0, 1, 0, 2, 1, 1])
    share = torch.tensor([0.99, -0.99, 0.5, 1.01, -1.01, 1.01, -0.99])
    h = centers[which] + (share * reach[which])[:, None]
    drawn = attraction.draws(as_map(step, h), h, torch.zeros(7, 1), which)
    assert drawn.tolist() == (share.abs() < 1).tolist()


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_rounding_keeps_no_run_from_its_point(unit: float) -> None:
    """So near to a point that its distance is rounding, the next step is rounding, too."""
    zero = torch.zeros(1, 1)
    step = as_map(lambda h, x: 0.5 * h + 1e-10 * unit, zero)
    attraction = Attraction.of(zero, torch.full((1, 1, 1), 0.5), unit)
    h = unit * torch.tensor([[0.9e-9], [1e-10], [2e-10]])
    assert attraction.draws(step, h[:1], zero, torch.zeros(1).long()).all()
    far = unit * torch.tensor([[0.4e-9], [1.1e-9]])
    beside = as_map(lambda h, x: 0.5 * h + 1e-9 * unit, zero)
    drawn = attraction.draws(beside, far, zero.expand(2, 1), torch.zeros(2).long())
    assert drawn.tolist() == [True, False]


def test_no_point_draws_nothing() -> None:
    none = torch.zeros(0, 2)
    attraction = Attraction.of(none, torch.zeros(0, 2, 2))
    step = as_map(lambda h, x: h / 2, torch.zeros(1, 2))
    assert attraction.draws(step, none, none[:, :1], torch.zeros(0).long()).tolist() == []
