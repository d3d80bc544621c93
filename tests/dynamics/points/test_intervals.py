"""Interval arithmetic against exact arithmetic: every rounding is covered."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from pyrnn.dynamics.points._intervals import ball, gamma, interval, kantorovich, middle

F64 = torch.float64


def exact(values: Tensor) -> list[Fraction]:
    return [Fraction(v) for v in values.tolist()]


@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1.0, 1e8])
def test_ends_of_an_interval_are_rounded_outwards(scale: float) -> None:
    rng = torch.Generator().manual_seed(0)
    center = scale * torch.randn(500, generator=rng, dtype=F64)
    radius = scale * 1e-16 * torch.rand(500, generator=rng, dtype=F64)
    low, high = interval(center, radius)
    rows = zip(*map(exact, (low, center, radius, high)), strict=True)
    assert all(a <= c - r and c + r <= b for a, c, r, b in rows)


@pytest.mark.parametrize("width", [0.0, 1e-300, 1e-16, 1.0])
def test_middle_and_radius_cover_the_interval(width: float) -> None:
    rng = torch.Generator().manual_seed(0)
    low = torch.randn(500, generator=rng, dtype=F64)
    high = low + width * torch.rand(500, generator=rng, dtype=F64)
    center, radius = middle(low, high)
    rows = zip(*map(exact, (low, center, radius, high)), strict=True)
    assert all(c - r <= a and b <= c + r for a, c, r, b in rows)


@pytest.mark.parametrize("n", [1, 3, 40, 400])
def test_a_product_holds_the_exact_one(n: int) -> None:
    """Terms that cancel: the result is nothing but rounding."""
    rng = torch.Generator().manual_seed(n)
    matrix = torch.randn(20, n, generator=rng, dtype=F64)
    vector = torch.randn(n, generator=rng, dtype=F64)
    matrix[:, -1] = -(matrix[:, :-1] @ vector[:-1]) / vector[-1]
    center, radius = ball(matrix, vector, torch.zeros_like(vector))
    for row, c, r in zip(matrix, exact(center), exact(radius), strict=True):
        truth = sum((a * b for a, b in zip(exact(row), exact(vector), strict=True)), Fraction(0))
        assert abs(truth - c) <= r


def test_the_sum_of_many_terms_errs_by_less_than_its_bound() -> None:
    assert gamma(10) < 20 * 2.0**-53
    assert gamma(1000) > 1000 * 2.0**-53


def test_radii_of_kantorovich_solve_the_quadratic() -> None:
    one = torch.ones(1, dtype=F64)
    small, large = kantorovich(0.01 * one, 0.1 * one, 2 * one, 10 * one)
    roots = [(0.9 - (0.81 - 0.08) ** 0.5) / 4, (0.9 + (0.81 - 0.08) ** 0.5) / 4]
    assert float(small) == pytest.approx(roots[0])
    assert float(large) == pytest.approx(roots[1])
    small, large = kantorovich(one, 0.5 * one, one, 10 * one)  # no such radius
    assert (float(small), float(large)) == (float("inf"), 0.0)
