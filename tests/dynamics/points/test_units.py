"""Lengths are relative: results do not depend on the unit in which states are measured."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pyrnn.dynamics import (
    find_cycles,
    find_fixed_points,
    find_manifolds,
    find_slow_points,
)

SCALES = [1e-8, 1e-5, 1e-3, 1e3, 1e8]
LINE = torch.linspace(-1, 1, 21, dtype=torch.float64)[:, None]


@pytest.mark.parametrize("scale", SCALES)
def test_fixed_points(scale: float) -> None:
    starts = scale * torch.randn(200, 2)
    points = find_fixed_points(
        lambda h, x: scale * torch.tanh(2 * h / scale), starts, progress=False
    )
    assert points.n_unstable.tolist() == [0] * 4 + [1] * 4 + [2]
    assert points.index_sum == 1


@pytest.mark.parametrize("scale", SCALES)
def test_slow_points(scale: float) -> None:
    (ghost,) = find_slow_points(
        lambda h, x: scale * torch.tanh(2 * h / scale + x), scale * LINE, [0.55]
    )
    assert float(ghost.state) == pytest.approx(-0.715687 * scale, rel=1e-5)
    assert ghost.speed == pytest.approx(0.00858 * scale, rel=1e-3)


@pytest.mark.parametrize("scale", SCALES)
def test_manifolds(scale: float) -> None:
    def ring(h: Tensor, x: Tensor) -> Tensor:
        return h * (1.2 - 0.2 * h.norm(dim=-1, keepdim=True) / scale)

    angle = torch.linspace(0, 6.28, 400)
    states = scale * torch.stack([angle.cos(), angle.sin()], dim=-1)
    (found,) = find_manifolds(ring, states)
    assert found.kind == "ring"
    assert found.length == pytest.approx(6.28 * scale, rel=0.05)


@pytest.mark.parametrize("scale", SCALES)
def test_cycles(scale: float) -> None:
    (cycle,) = find_cycles(
        lambda h, x: scale * torch.tanh(-2 * h / scale), scale * LINE, periods=[2], progress=False
    )
    assert float(cycle.states.abs().max()) == pytest.approx(0.9575 * scale, rel=1e-4)
    assert cycle.is_stable


@pytest.mark.parametrize("extreme", [1e3, 1e19, 1e30, 1e200])
def test_one_extreme_start_spoils_nothing(extreme: float) -> None:
    starts = torch.cat([LINE, torch.tensor([[extreme]])])
    step = lambda h, x: torch.tanh(2 * h)  # noqa: E731
    assert len(find_fixed_points(step, starts, progress=False)) == 3
    ghost = find_slow_points(lambda h, x: torch.tanh(2 * h + x), starts, [0.55])
    assert len(ghost) == 1
