"""An end of a run is an attractor only where every further step leads nearer to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pyrnn import CTRNN, RNN
from pyrnn.dynamics import as_map, find_attractors, uniform_states
from pyrnn.dynamics.points import Attraction
from pyrnn.tasks import FlipFlop

LINE = torch.linspace(-1, 1, 21, dtype=torch.float64)[:, None]
FOLD = np.sqrt(2) - np.arctanh(np.sqrt(0.5))  # of tanh(2 h + b)


@pytest.mark.parametrize("slope", [-0.99, -0.9999, 0.99, 0.9999, 0.5])
def test_a_slow_point_has_period_one(slope: float) -> None:
    (attractor,) = find_attractors(lambda h, x: slope * torch.tanh(h), LINE)
    assert attractor.period == 1
    assert float(attractor.multipliers.real) == pytest.approx(slope)


@pytest.mark.parametrize("seed", range(30))
def test_slowly_turning_points_are_no_cycles(seed: int) -> None:
    """All of these have radius 0.97, and contract: some norm below 1 after 500 steps."""
    torch.manual_seed(seed)
    weight = torch.randn(16, 16, dtype=torch.float64)
    weight *= 0.97 / torch.linalg.eigvals(weight).abs().max()
    found = find_attractors(lambda h, x: torch.tanh(h @ weight.to(h)), torch.rand(20, 16) - 0.5)
    h = torch.rand(20, 16, dtype=torch.float64) - 0.5
    for _ in range(5000):
        h = torch.tanh(h @ weight)
    if h.abs().max() < 1e-9:
        assert [cycle.period for cycle in found] == [1]
    assert found.status == "complete"


@pytest.mark.parametrize("beyond", [1e-10, 1e-8])
def test_a_ghost_is_no_attractor(beyond: float) -> None:
    found = find_attractors(
        lambda h, x: torch.tanh(2 * h + FOLD + beyond), LINE, n_steps=int(0.1 / beyond**0.5)
    )
    assert len(found) == 1
    assert float(found[0].states) == pytest.approx(0.98678, abs=1e-4)
    assert set(found.fates) == {"not settled"}
    assert "not settled after" in found.status


def may_leonard(h: Tensor, x: Tensor) -> Tensor:
    """Three competitors that beat each other in turn: runs pass three saddles for ever."""
    growth = 1 - h - 0.5 * h.roll(-1, -1) - 1.8 * h.roll(-2, -1)
    return h * torch.exp(0.1 * growth)


@pytest.mark.parametrize("n_steps", [5000, 20000])
def test_the_saddles_of_a_heteroclinic_cycle_are_no_attractors(n_steps: int) -> None:
    found = find_attractors(may_leonard, torch.rand(200, 3), n_steps=n_steps)
    assert len(found) == 0
    assert sum(found.fates.values()) == pytest.approx(1)
    assert set(found.fates) <= {"not settled", "aperiodic"}


def test_what_is_unstable_is_no_attractor_whoever_starts_there() -> None:
    axis = torch.arange(-10, 11) / 10
    grid = torch.cartesian_prod(axis, axis, axis)
    found = find_attractors(lambda h, x: torch.tanh(2 * h), grid)
    assert len(found) == 8
    assert torch.allclose(found.shares.double(), torch.full((8,), 1000 / 9261).double())
    assert found.fates == {"unstable": pytest.approx(1 - 8000 / 9261)}


def test_points_of_a_line_are_marginal() -> None:
    assert find_attractors(lambda h, x: 1.0 * h, LINE).fates == {"marginal": 1.0}
    slow = find_attractors(lambda h, x: torch.tanh(h), LINE)  # h falls as 1 / sqrt(t) for ever
    assert len(slow) == 0
    assert slow.fates["not settled"] == pytest.approx(20 / 21)


def test_runs_that_diverge_are_named() -> None:
    found = find_attractors(lambda h, x: 1.5 * h, LINE + 0.01)
    assert found.fates == {"diverged": 1.0}
    mixed = find_attractors(lambda h, x: h**3, 1.5 * LINE)
    assert mixed.fates["diverged"] == pytest.approx(8 / 21)


@pytest.mark.parametrize(("r", "period"), [(3.2, 2), (3.5, 4), (3.55, 8), (3.83, 3), (3.9, None)])
def test_the_logistic_map(r: float, period: int | None) -> None:
    found = find_attractors(lambda h, x: r * h * (1 - h), torch.rand(50, 1))
    if period is None:
        assert found.fates == {"aperiodic": 1.0}
        return
    assert [cycle.period for cycle in found] == [period]
    product = np.prod([r * (1 - 2 * float(h)) for h in found[0].states])
    assert float(found[0].multipliers.real) == pytest.approx(product)


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e3, 1e8])
def test_the_unit_of_the_states_does_not_matter(scale: float) -> None:
    def step(h: Tensor, x: Tensor) -> Tensor:
        return scale * torch.tanh(-2 * h / scale)

    (cycle,) = find_attractors(step, scale * LINE)
    assert cycle.period == 2
    assert float(cycle.states.abs().max()) == pytest.approx(0.9575 * scale, rel=1e-4)


def test_shares_are_those_of_long_runs() -> None:
    network = RNN(1, 6, 1, seed=3, bias=False)
    network.w_rec.weight = 2 * torch.randn(6, 6, generator=torch.Generator().manual_seed(3))
    starts = 2 * torch.rand(500, 6) - 1
    found = find_attractors(network, starts)
    h, zero = starts.double(), torch.zeros(1, dtype=torch.float64)
    step = network.double().step
    with torch.no_grad():
        for _ in range(20000):
            h = step(h, zero.expand(len(h), 1))
    for i, cycle in enumerate(found):
        is_there = torch.cdist(h, cycle.states.to(h)).amin(1) < 1e-6
        assert bool((found.ends[is_there] == i).all())


def test_high_dimensional_basins_are_those_of_long_runs() -> None:
    """Two bits in 64 units with Dale's law: four basins, none of which swallows another."""
    task = FlipFlop(n_bits=2, seed=0)
    network = CTRNN(2, 64, 2, dale_ratio=0.8, autapses=False, seed=0)
    network.fit(task, epochs=20, scheduler="cosine", seed=0, progress=False)
    starts = uniform_states(network.predict(task.batch(64).inputs).states, 300)
    found = find_attractors(network, starts)
    step, h, x = as_map(network), starts.clone(), torch.zeros(2)
    for _ in range(3000):
        h = step(h, x)
    ends = torch.stack([torch.cdist(h, cycle.states).amin(1) for cycle in found]).min(0)
    assert float(ends.values.max()) < 1e-6
    assert torch.equal(ends.indices, found.ends)
    assert float(found.shares.min()) > 0.1


def test_a_state_is_drawn_in_where_the_linear_part_rules() -> None:
    """Of h³ + h/2 the basin of 0 ends at √½, where its nonlinear part equals the linear pull."""
    zero = torch.zeros(1, 1)
    step = as_map(lambda h, x: h**3 + h / 2, zero)
    attraction = Attraction.of(zero, torch.full((1, 1, 1), 0.5))
    h = torch.linspace(0, 1, 101)[:, None]
    drawn = attraction.draws(step, h, zero.expand(101, 1), torch.zeros(101).long())
    border = float(h[drawn].max())
    assert drawn[: int(100 * border)].all()
    assert 0.4 < border < 0.5**0.5
