"""Limit cycles: stiff ones, longer ones than the limit, and orbits that do not attract."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from pyrnn.dynamics import find_limit_cycle


def van_der_pol(mu: float):
    def step(h: Tensor, x: Tensor) -> Tensor:
        a, b = h[..., :1], h[..., 1:]
        return h + 0.01 * torch.cat([b, mu * (1 - a**2) * b - a], dim=-1)

    return step


def linear(generator: list[list[float]]):
    def step(h: Tensor, x: Tensor) -> Tensor:
        return h + 0.01 * h @ torch.tensor(generator).to(h).T

    return step


@pytest.mark.parametrize("mu", [1.0, 5.0, 10.0, 20.0, 100.0])
def test_stiff_cycles_agree_with_scipy(mu: float) -> None:
    longest = 4 * (3 + 1.7 * mu)
    crossing = lambda t, h: h[0]  # noqa: E731
    crossing.direction = 1
    run = solve_ivp(
        lambda t, h: [h[1], mu * (1 - h[0] ** 2) * h[1] - h[0]],
        (0, 2 * longest),
        [2, 0],
        method="LSODA",
        rtol=1e-12,
        atol=1e-12,
        events=crossing,
    )
    period = np.diff(run.t_events[0])[-1]
    cycle = find_limit_cycle(van_der_pol(mu), [2.0, 0.0], dt=0.01, max_duration=longest)
    assert cycle is not None
    assert cycle.period == pytest.approx(period, rel=1e-6)
    assert abs(cycle.period - period) <= max(cycle.error, 1e-9 * period)
    assert cycle.stability == "stable"


@pytest.mark.parametrize(("c", "period"), [(2.5, 5.749), (3.5, 11.545)])
def test_roessler_before_and_after_a_period_doubling(c: float, period: float) -> None:
    def step(h: Tensor, x: Tensor) -> Tensor:
        a, b, z = h.unbind(-1)
        return h + 0.01 * torch.stack([-b - z, a + 0.2 * b, 0.2 + z * (a - c)], dim=-1)

    cycle = find_limit_cycle(step, torch.ones(3), dt=0.01, max_duration=300.0)
    assert cycle is not None
    assert cycle.period == pytest.approx(period, abs=1e-3)
    assert cycle.is_stable


def reason(caplog: pytest.LogCaptureFixture, *args: object, **options: object) -> str:
    with caplog.at_level(logging.WARNING):
        assert find_limit_cycle(*args, dt=0.01, **options) is None  # type: ignore[arg-type]
    return caplog.text


def test_a_period_beyond_the_limit_is_said_to_be_possible(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = reason(caplog, van_der_pol(20.0), [2.0, 0.0], max_duration=20.0)
    assert "a period may be longer: give a longer max_duration" in text


def test_a_damped_run_comes_to_rest(caplog: pytest.LogCaptureFixture) -> None:
    damped = linear([[0.0, 1.0], [-1.0, -0.1]])
    assert "came to rest" in reason(caplog, damped, [1.0, 0.0], max_duration=1000.0)


def test_a_spiral_and_a_torus_have_no_cycle(caplog: pytest.LogCaptureFixture) -> None:
    damped = linear([[0.0, 1.0], [-1.0, -0.1]])
    assert "no closed orbit" in reason(caplog, damped, [1.0, 0.0], max_duration=50.0)
    two = np.zeros((4, 4))
    two[0, 1], two[1, 0], two[2, 3], two[3, 2] = 1, -1, 1.618034, -1.618034
    assert "no " in reason(caplog, linear(two.tolist()), [1.0, 0, 1, 0], max_duration=100.0)


def test_orbits_around_a_center_are_marginal() -> None:
    cycle = find_limit_cycle(
        linear([[0.0, 1.0], [-1.0, 0.0]]), [1.0, 0.0], dt=0.01, max_duration=50.0
    )
    assert cycle is not None
    assert cycle.period == pytest.approx(2 * np.pi, rel=1e-9)
    assert cycle.stability == "marginal"
    assert not cycle.is_stable
    assert cycle.n_unstable == 0


def test_an_orbit_inside_chaos_is_unstable(caplog: pytest.LogCaptureFixture) -> None:
    def lorenz(h: Tensor, x: Tensor) -> Tensor:
        a, b, z = h.unbind(-1)
        return h + 0.01 * torch.stack([10 * (b - a), a * (28 - z) - b, a * b - 8 / 3 * z], dim=-1)

    with caplog.at_level(logging.WARNING):
        cycle = find_limit_cycle(lorenz, torch.ones(3), dt=0.01, max_duration=50.0)
    if cycle is None:
        assert "no closed orbit" in caplog.text
    else:
        assert cycle.stability == "unstable"
        assert "it does not attract" in caplog.text


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_unit_of_the_states_does_not_matter(scale: float) -> None:
    def step(h: Tensor, x: Tensor) -> Tensor:
        return scale * van_der_pol(1.0)(h / scale, x)

    start = scale * torch.tensor([2.0, 0.0])
    cycle = find_limit_cycle(step, start, dt=0.01, max_duration=20.0)
    assert cycle is not None
    assert cycle.period == pytest.approx(6.66328686, rel=1e-7)
