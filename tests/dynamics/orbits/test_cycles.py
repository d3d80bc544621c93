"""Cycles of maps whose cycles are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch.testing import assert_close

from pyrnn.dynamics import (
    IteratedMap,
    find_attractors,
    find_cycles,
    find_fixed_points,
    jacobian,
    uniform_states,
)
from tests.systems import product_flip_flop, tanh1, tent

TENT_CYCLES = [2, 1, 2, 3, 4]  # of period 1, 2, ... (6, 7 and 8 have 7, 12 and 20)


def test_two_cycle_of_one_neuron() -> None:
    system = tanh1(-2.0, 0.0)
    (cycle,) = find_cycles(system.step, system.starts, system.x, periods=[2])
    m = brentq(lambda h: np.tanh(2 * h) - h, 0.1, 1, xtol=1e-15)
    assert_close(cycle.states[:, 0].abs(), torch.tensor([m, m]), atol=1e-10, rtol=0)
    assert float(cycle.multipliers.real) == pytest.approx((2 * (1 - m**2)) ** 2, abs=1e-10)
    assert float(cycle.multipliers.real) == pytest.approx(0.02767967158, abs=1e-10)
    assert cycle.is_stable
    assert cycle.period == 2
    assert "period=2" in repr(cycle)


def _tent_cycles_by_symbols(period: int) -> int:
    """Solve for the cycle of each sequence of slopes ±1.9, and count those that keep to it."""
    count = 0
    for bits in range(2**period):
        signs = [1 if bits >> k & 1 else -1 for k in range(period)]
        gain, offset = 1.0, 0.0
        for s in signs:
            gain, offset = -1.9 * s * gain, 1 - 1.9 * s * offset
        z = z0 = offset / (1 - gain)
        orbit = []
        for s in signs:
            orbit.append((z, s))
            z = 1 - 1.9 * abs(z)
        follows = all(v * s > 0 for v, s in orbit) and abs(z - z0) < 1e-9
        is_primitive = all(period % d or signs != signs[d:] + signs[:d] for d in range(1, period))
        count += follows and is_primitive
    return count // period


def test_every_unstable_cycle_of_the_tent_map_is_found() -> None:
    system = tent()
    cycles = find_cycles(system.step, system.starts, system.x, periods=range(1, 6))
    counts = [sum(cycle.period == k for cycle in cycles) for k in range(1, 6)]
    assert counts == [_tent_cycles_by_symbols(k) for k in range(1, 6)] == TENT_CYCLES
    for cycle in cycles:
        assert cycle.residual < 1e-10
        assert cycle.n_unstable == 1
        size = float(cycle.multipliers[0].abs())
        assert size == pytest.approx(1.9**cycle.period, rel=1e-9)


@pytest.mark.slow
def test_long_cycles_of_the_tent_map() -> None:
    system = tent()
    starts = torch.linspace(-0.9, 1, 200)[:, None]
    cycles = find_cycles(system.step, starts, system.x, periods=[6, 7, 8])
    counts = [sum(cycle.period == k for cycle in cycles) for k in (6, 7, 8)]
    assert counts == [_tent_cycles_by_symbols(k) for k in (6, 7, 8)] == [7, 12, 20]


def test_jacobian_of_several_steps_is_the_derivative_of_their_composition() -> None:
    step = product_flip_flop().step
    thrice = IteratedMap(step, 3)
    h, x = torch.randn(4, 12), torch.zeros(4, 12)
    assert_close(thrice.jacobian(h, x), jacobian(lambda h, x: thrice(h, x), h, x))


def test_summary_names_the_next_call_when_nothing_attracts() -> None:
    system = tanh1(-2.0, 0.0)
    points = find_fixed_points(system.step, system.starts, system.x)
    assert "find_cycles" in points.summary()


def test_basins_of_one_neuron_within_their_error() -> None:
    system = tanh1(2.0, 0.2)
    starts = uniform_states(torch.tensor([[-1.0], [1.0]]), 20000)
    attractors = find_attractors(system.step, starts, system.x)
    edge = brentq(lambda h: np.tanh(2 * h + 0.2) - h, -0.5, 0, xtol=1e-15)
    assert (1 - edge) / 2 == pytest.approx(0.60142660724, abs=1e-10)
    error = 4 * float(attractors.errors[0])
    assert float(attractors.shares[0]) == pytest.approx((1 - edge) / 2, abs=error)
    assert float(attractors[0].states) == pytest.approx(0.9730156866523543, abs=1e-10)
    assert attractors.aperiodic_share == 0
    assert "2 attractors" in attractors.summary()


def test_basins_of_the_flip_flop_are_alike() -> None:
    system = product_flip_flop()
    attractors = find_attractors(system.step, torch.rand(4000, 12) * 2 - 1, system.x)
    assert len(attractors) == 8
    assert_close(attractors.shares, torch.full((8,), 0.125), atol=4 * 0.0053, rtol=0)
    assert {cycle.period for cycle in attractors} == {1}


def test_cycles_attract_too() -> None:
    system = tanh1(-2.0, 0.0)
    (cycle,) = find_attractors(system.step, system.starts, system.x)
    assert cycle.period == 2
    assert cycle.residual < 1e-12


def test_closed_curves_are_reported_as_aperiodic() -> None:
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    attractors = find_attractors(
        lambda h, x: torch.tanh(1.3 * h @ turn), torch.rand(5, 2), n_steps=500
    )
    assert len(attractors) == 0
    assert attractors.aperiodic_share == 1
    assert attractors.shares.shape == (0,)


def test_bad_input_gets_one_clear_error() -> None:
    system = tanh1(-2.0, 0.0)
    with pytest.raises(ValueError, match=r"at least 1, got 0"):
        find_cycles(system.step, system.starts, periods=[0])
    with pytest.raises(ValueError, match="max_period to be a whole number of at least 1"):
        find_attractors(system.step, system.starts, max_period=0)
    with pytest.raises(ValueError, match="one constant input"):
        find_attractors(system.step, torch.zeros(2, 1), torch.tensor([[0.0], [1.0]]))
