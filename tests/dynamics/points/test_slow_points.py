"""Ghosts, lines and rings, and their distinction from fixed points."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.testing import assert_close

from pyrnn.dynamics import (
    SlowPoint,
    find_fixed_points,
    find_manifolds,
    find_slow_points,
    slow_manifold,
)
from tests.systems import tanh1


def ring(h: Tensor, x: Tensor) -> Tensor:
    """A ring of fixed points of radius 1 in the first two units; the others decay."""
    plane, rest = h[..., :2], h[..., 2:]
    radius = plane.norm(dim=-1, keepdim=True)
    return torch.cat([plane + 0.3 * plane * (1 - radius), 0.4 * rest], dim=-1)


def test_ghost_of_one_neuron() -> None:
    system = tanh1(2.0, 0.55)
    (ghost,) = find_slow_points(system.step, system.starts, system.x)
    best = minimize_scalar(
        lambda h: (np.tanh(2 * h + 0.55) - h) ** 2,
        bracket=(-0.9, -0.7, -0.5),
        options={"xtol": 1e-12},
    )
    assert float(ghost.state) == pytest.approx(best.x, abs=1e-7)
    assert float(ghost.state) == pytest.approx(-0.71568679351, abs=1e-8)
    assert ghost.speed == pytest.approx(0.00858001232, abs=1e-10)
    assert ghost.q == pytest.approx(ghost.speed**2 / 2)
    assert isinstance(ghost, SlowPoint)


def test_a_slow_point_is_not_a_fixed_point(caplog: pytest.LogCaptureFixture) -> None:
    system = tanh1(2.0, 0.55)
    points = find_fixed_points(system.step, system.starts, system.x, tol=1e-2)
    assert len(points) == 1
    assert (points.speeds < 1e-12).all()
    bistable = tanh1(2.0, 0.0)
    with caplog.at_level(logging.WARNING):
        assert len(find_slow_points(bistable.step, bistable.starts, bistable.x)) == 0
    assert len(caplog.records) == 1


def test_slow_points_print_as_such() -> None:
    system = tanh1(2.0, 0.55)
    points = find_slow_points(system.step, system.starts, system.x)
    assert points.summary().startswith("1 slow point")
    assert_close(points.q, points.speeds**2 / 2)


def test_states_keep_their_place_on_a_line() -> None:
    """h' = diag(.999, .5) h: positions along the slow axis stay, the others go."""
    rates = torch.tensor([0.999, 0.5])
    states = torch.rand(50, 2) * 2 - 1
    moved = slow_manifold(lambda h, x: h * rates, states)
    assert_close(moved[:, 0], states[:, 0], atol=2e-2, rtol=1e-2)
    assert moved[:, 1].abs().max() < 1e-8


def test_ring_is_found_and_closed() -> None:
    (manifold,) = find_manifolds(ring, torch.randn(1500, 4), n_points=80)
    assert manifold.kind == "ring"
    assert manifold.length == pytest.approx(2 * np.pi, rel=2e-3)
    assert_close(manifold.states.norm(dim=-1), torch.ones(len(manifold)), atol=1e-3, rtol=0)
    assert ((manifold.slow_modes.abs() - 1).abs() < 1e-3).all()
    assert manifold.is_attracting
    assert manifold.drift.abs().max() < 1e-4
    angle = torch.atan2(manifold.states[:, 1], manifold.states[:, 0]).numpy()
    turns = np.diff(np.unwrap(angle))
    assert (turns > 0).all() or (turns < 0).all()
    assert "ring" in repr(manifold)


def test_line_with_drift_is_ordered_along_its_way() -> None:
    """Along the line the state creeps to the right by 1e-3 a step."""

    def step(h: Tensor, x: Tensor) -> Tensor:
        return torch.stack([h[..., 0] + 1e-3, 0.5 * h[..., 1] + 0.2 * h[..., 0] ** 2], dim=-1)

    (manifold,) = find_manifolds(step, torch.rand(800, 2) * 2 - 1, n_points=60)
    assert manifold.kind == "line"
    along = manifold.states[:, 0].diff()
    assert (along > 0).all() or (along < 0).all()
    onwards = along.sign()[0]
    assert (manifold.drift * onwards > 0).all()
    assert_close(manifold.drift * onwards, torch.full((len(manifold),), 1e-3), atol=3e-4, rtol=0)
    assert (manifold.positions.diff() > 0).all()


def test_two_lines_are_told_apart() -> None:
    """Bistable in one direction, neutral in the other."""

    def step(h: Tensor, x: Tensor) -> Tensor:
        return torch.stack([h[..., 0], torch.tanh(3 * h[..., 1])], dim=-1)

    starts = torch.rand(1500, 2) * 2 - 1
    starts[:, 1] = starts[:, 1].sign() * 0.9
    found = find_manifolds(step, starts, n_points=80)
    assert [manifold.kind for manifold in found] == ["line", "line"]
    assert {int(manifold.states[0, 1].sign()) for manifold in found} == {-1, 1}
    assert [line.split()[-1] for line in found.summary().splitlines()[2:4]] == ["yes", "yes"]


def test_isolated_points_are_no_manifold() -> None:
    system = tanh1(2.0, 0.0)
    manifolds = find_manifolds(system.step, system.starts, system.x)
    assert len(manifolds) == 0
    assert "isolated points are found by find_fixed_points" in manifolds.status


def test_summary_leads_from_a_line_to_its_manifold() -> None:
    line = find_fixed_points(lambda h, x: h * torch.tensor([1.0, 0.5]), torch.randn(20, 2))
    assert "find_manifolds(network" in line.summary()
    node = find_fixed_points(lambda h, x: h * torch.tensor([0.7, 0.5]), torch.randn(20, 2))
    assert "find_manifolds" not in node.summary()


def test_states_of_a_sheared_line_keep_their_place_along_it() -> None:
    """h' = S diag(.999, .5) S⁻¹ h: states move along the fast mode onto the slow one."""
    shear = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    matrix = shear @ torch.diag(torch.tensor([0.999, 0.5])) @ torch.linalg.inv(shear)
    states = torch.tensor([[1.0, 0.3], [-0.5, 0.2], [0.2, -0.1]])
    on = slow_manifold(lambda h, x: h @ matrix.to(h).T, states, n_iterations=20)
    assert on[:, 1].abs().max() < 1e-3
    a = torch.eye(2) - matrix  # the damped solution, once more with numpy
    expected = states.numpy()
    for _ in range(20):
        residual = expected @ (matrix.numpy() - np.eye(2)).T
        damped = a.numpy().T @ a.numpy() + 0.05**2 * np.eye(2)
        expected = expected + residual @ a.numpy() @ np.linalg.inv(damped)
    assert_close(on, torch.tensor(expected), atol=1e-10, rtol=0)
