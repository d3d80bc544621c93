"""Where roots meet there is one point with its multiplicity; a continuum is said to be one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pyrnn import RNN
from pyrnn.dynamics import FixedPoints, find_cycles, find_fixed_points

FOLD = np.sqrt(2) - np.arctanh(np.sqrt(0.5))  # tanh(2 h + b): where slope is 1, h = -1/√2
LINE = torch.linspace(-1, 1, 100, dtype=torch.float64)[:, None]


def found(step: object, starts: Tensor) -> FixedPoints:
    return find_fixed_points(step, starts, progress=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_the_pitchfork_itself_is_one_degenerate_point(size: int) -> None:
    points = found(lambda h, x: torch.tanh(h), torch.randn(100, size))
    assert len(points) == 1
    assert points.is_degenerate.all()
    assert points.stability == ["marginal"]
    assert not points.is_stable.any()
    assert points.states.abs().max() < 1e-4  # the cube root of the last digit
    assert "1 degenerate" in points.status
    assert "degenerate and one-sided points are not counted" in str(points.summary())


@pytest.mark.parametrize(
    ("step", "place", "multiplicity"),
    [
        (lambda h, x: torch.tanh(2 * h + FOLD), -np.sqrt(0.5), 2),
        (lambda h, x: h + 0.1 * (h - 0.3) ** 2 * (1 - h), 0.3, 2),
        (lambda h, x: h - 0.1 * (h - 0.3) ** 3, 0.3, 3),
        (lambda h, x: h - 0.1 * (h - 0.3) ** 4 * (h + 2), 0.3, 4),
        (lambda h, x: torch.tanh(h), 0.0, 3),
    ],
)
def test_multiplicity_of_a_root(step: object, place: float, multiplicity: int) -> None:
    points = found(step, LINE)
    (root,) = points[points.is_degenerate]
    assert root.multiplicity == multiplicity
    assert root.status == f"degenerate, of multiplicity {multiplicity}"
    assert float(root.state) == pytest.approx(place, abs=1e-3 if multiplicity == 4 else 1e-6)


@pytest.mark.parametrize(("beyond", "n_points"), [(-1e-10, 3), (0.0, 2), (1e-10, 1)])
def test_a_fold_and_its_neighbors(beyond: float, n_points: int) -> None:
    points = found(lambda h, x: torch.tanh(2 * h + FOLD + beyond), LINE)
    assert len(points) == n_points
    assert points.is_degenerate.sum() == (beyond == 0)


def rotated(values: list[float], seed: int) -> Tensor:
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))[0]
    return torch.tensor(q @ np.diag(values) @ q.T)


@pytest.mark.parametrize("seed", range(5))
def test_a_line_is_marginal_whatever_the_last_digit(seed: int) -> None:
    weight = rotated([1, 0.9, 0.5, 0.3, 0.2, 0.1], seed)
    points = found(lambda h, x: h @ weight.to(h).T, torch.randn(100, 6))
    assert len(points) == 100
    assert points.record.dimension == 1
    assert "a continuum of points of dimension 1" in points.status
    assert set(points.stability) == {"marginal"}
    assert not points.is_stable.any()


def test_a_ring_and_a_space_are_continua() -> None:
    def ring(h: Tensor, x: Tensor) -> Tensor:
        return h * (1.2 - 0.2 * h.norm(dim=-1, keepdim=True))

    points = found(ring, torch.randn(200, 2))
    assert points.record.dimension == 1
    assert len(points) <= 101
    on_ring = points[points.is_degenerate]
    assert (on_ring.states.norm(dim=-1) - 1).abs().max() < 1e-9
    space = found(lambda h, x: 1.0 * h, torch.randn(100, 3))
    assert space.record.dimension == 3
    assert len(space) <= 100


def test_identity_weights_are_no_thousand_points() -> None:
    assert len(found(RNN(1, 4, 1, init="identity"), torch.rand(100, 4))) == 1


def test_no_cycle_is_made_of_a_marginal_flip() -> None:
    """The flip of tanh(-h) is at its bifurcation, so no 2-cycle exists yet."""
    cycles = find_cycles(lambda h, x: torch.tanh(-h), torch.randn(100, 1), progress=False)
    assert len(cycles) == 0
