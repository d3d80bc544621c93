"""The smallest shock, against known borders."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from pyrnn import CTRNN, RNN
from pyrnn.dynamics import FixedPoints, find_fixed_points, skeleton
from pyrnn.interventions import Shock, minimal_shock
from pyrnn.tasks import FlipFlop

BETA = (1.5, 2.0, 3.0)
AMPLITUDE = (0.85855963664011036215, 0.95750402407726874068, 0.99490152845262893852)
SIGNS = torch.tensor([[1, 1, -1, 1], [1, -1, -1, 1], [1, 1, 1, -1.0]])


def product() -> tuple[Callable[[Tensor, Tensor], Tensor], Tensor]:
    """Return three bistable populations of four units, and one of their eight memories."""
    signs = SIGNS.double()
    blocks = [b * torch.outer(s, s) / 4 for b, s in zip(BETA, signs, strict=True)]
    weight = torch.block_diag(*blocks)
    memory = torch.cat([m * s for m, s in zip(AMPLITUDE, signs, strict=True)])
    return lambda h, x: torch.tanh(h @ weight.to(h).T), memory


@pytest.mark.parametrize("k", range(3))
def test_shocks_of_a_product_flip_flop(k: int) -> None:
    step, memory = product()
    saddle = memory.clone()
    saddle[4 * k : 4 * k + 4] = 0
    shock = minimal_shock(step, memory, saddle)
    assert shock.size == pytest.approx(2 * AMPLITUDE[k], abs=1e-9)
    expected = torch.zeros(3, 4).double()
    expected[k] = -SIGNS[k] / 2
    assert torch.allclose(shock.direction, expected.flatten(), atol=1e-7)
    assert shock.status == "complete"


def test_states_in_single_precision_serve_as_well() -> None:
    """Runs come to rest next to an attractor that is rounded, and have come back all the same."""
    torch.set_default_dtype(torch.float32)
    step, memory = product()
    saddle = memory.clone()
    saddle[4:8] = 0
    shock = minimal_shock(step, memory.float(), saddle.float())
    assert shock.size == pytest.approx(2 * AMPLITUDE[1], abs=1e-9)
    assert shock.status == "complete"


def test_a_curved_border() -> None:
    """The nearest point of the border x = y²/4, against a fine grid on it.

    In u = x - y²/4 and y the map is u' = tanh(2u), y' = 1 + (y - 1)/2: the border is u = 0.
    """

    def step(h: Tensor, x: Tensor) -> Tensor:
        u, y = torch.tanh(2 * (h[..., 0] - h[..., 1] ** 2 / 4)), 1 + (h[..., 1] - 1) / 2
        return torch.stack([u + y**2 / 4, y], -1)

    memory = torch.tensor([AMPLITUDE[1] + 0.25, 1.0]).double()
    shock = minimal_shock(step, memory, torch.tensor([0.25, 1.0]).double())
    y = torch.linspace(-3, 3, 2_000_001, dtype=torch.float64)
    nearest = ((y**2 / 4 - memory[0]) ** 2 + (y - memory[1]) ** 2).sqrt().min()
    assert shock.size == pytest.approx(float(nearest), abs=1e-9)
    assert shock.angle < 1e-5


@pytest.fixture(scope="module")
def trained() -> tuple[RNN, FixedPoints]:
    torch.set_default_dtype(torch.float32)
    rnn, task = RNN(3, 64, 3, seed=0), FlipFlop(n_bits=3, seed=0)
    rnn.fit(task, epochs=12, progress=False, seed=0)
    states = rnn.predict(task.batch(64).inputs).states
    return rnn, find_fixed_points(rnn, states)


def leaves(rnn: RNN, h: Tensor, memory: Tensor) -> Tensor:
    """Return which states do not come back to a memory, by brute force."""
    weight = rnn.w_rec.weight.detach().double()
    bias = rnn.w_rec.bias.detach().double()
    for _ in range(400):
        h = torch.tanh(h @ weight.T + bias)
    return (h - memory).norm(dim=-1) > 0.1


def test_no_other_direction_is_as_short(trained: tuple[RNN, FixedPoints]) -> None:
    rnn, points = trained
    memory = points[0]
    saddles = list(skeleton(rnn, points).predecessors(0))
    assert saddles
    shocks = [minimal_shock(rnn, memory, points[i]) for i in saddles]
    assert [shock.status for shock in shocks] == ["complete"] * len(shocks)
    assert max(shock.n_rounds for shock in shocks) < 20  # extrapolated; plain turns take 30
    least = min(shocks, key=lambda shock: shock.size)
    near = least.direction * least.size * torch.tensor([[1 - 1e-6], [1 + 1e-6]])
    assert leaves(rnn, memory.state + near, memory.state).tolist() == [False, True]
    random = torch.randn(300, 64, generator=torch.Generator().manual_seed(0)).double()
    others = points.states[points.is_stable][1:] - memory.state
    straight = torch.cat([random, others, points.states[saddles] - memory.state])
    assert not leaves(
        rnn, memory.state + least.size * normalize(straight, dim=-1), memory.state
    ).any()


def test_a_shock_is_saved_and_becomes_a_table(tmp_path: object) -> None:
    step, memory = product()
    saddle = memory.clone()
    saddle[:4] = 0
    shock = minimal_shock(step, memory, saddle)
    again = Shock.load(shock.save(f"{tmp_path}/shock.npz"))
    assert torch.equal(again.vector, shock.vector)
    assert again.to_pandas()["status"].tolist() == ["complete"]
    assert "1.71712" in shock.summary()


def test_what_makes_no_sense_is_refused() -> None:
    step, memory = product()
    saddle = memory.clone()
    saddle[:4] = 0
    with pytest.raises(ValueError, match="stable fixed point as the attractor"):
        minimal_shock(step, saddle, memory)
    with pytest.raises(ValueError, match="saddle with one unstable mode, got a point with 3"):
        minimal_shock(step, memory, torch.zeros(12).double())
    with pytest.raises(ValueError, match="saddle with one unstable mode, got a point with 0"):
        minimal_shock(step, memory, -memory)
    with pytest.raises(ValueError, match="fixed point as the saddle, got a state that moves"):
        minimal_shock(step, memory, 0.5 * memory)
    with pytest.raises(ValueError, match="different places"):
        minimal_shock(step, memory, memory)
    with pytest.raises(ValueError, match="smooth step, got one that rectifies"):
        minimal_shock(CTRNN(1, 4, 1, activation="relu"), torch.zeros(4), torch.ones(4))


def test_a_saddle_of_another_basin_is_said_to_be_one() -> None:
    step, memory = product()
    far = -memory
    far[:4] = 0  # bounds the basin of -memory
    assert minimal_shock(step, memory, far).status != "complete"
