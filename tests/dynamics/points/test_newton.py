"""Newton's method, against roots known in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pyrnn.dynamics import Map, as_map
from pyrnn.dynamics.points import newton
from tests.systems import Step


def square_root(h: Tensor, x: Tensor) -> Tensor:
    """Leave the square roots of the input in place."""
    return h + h**2 - x


def as_checked(step: Step, size: int = 1) -> Map:
    return as_map(step, torch.ones(1, size), torch.ones(1))


def bump(h: Tensor, x: Tensor) -> Tensor:
    """Leave the origin in place; the residual is flat at a half, and vanishes at infinity."""
    return h + h * torch.exp(-2 * h**2)


def test_convergence_is_cubic() -> None:
    distance = torch.tensor([[1e-2], [1e-3], [1e-4]])
    h, _ = newton(
        as_checked(square_root),
        2 + distance,
        torch.full((3, 1), 4.0),
        tol=0,
        n_iterations=1,
        cap=1,
    )
    error = (h - 2).abs() / distance**3
    assert torch.allclose(error, error[:1], rtol=0.05)


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 0.0])
def test_no_step_is_longer_than_the_cap(gap: float) -> None:
    """A second step with the Jacobian of a flat place once led to infinity, and stayed there."""
    start = torch.tensor([[0.5 - gap], [0.5 + gap]])
    h, _ = newton(as_checked(bump), start, torch.zeros(2, 1), tol=1e-12, n_iterations=1, cap=1.0)
    assert bool(((h - start).abs() <= 2).all())


def test_who_is_known_is_left_out() -> None:
    start = torch.tensor([[1.0], [3.0], [-1.0]])
    x = torch.full((3, 1), 4.0)
    h, residual = newton(
        as_checked(square_root),
        start,
        x,
        tol=1e-12,
        n_iterations=8,
        cap=2.0,
        is_known=lambda h, r, i: i == 1,
    )
    assert torch.isinf(residual).tolist() == [False, True, False]
    assert h[:, 0].tolist() == pytest.approx([2.0, 3.0, -2.0])
