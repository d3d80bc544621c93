"""Where a step rectifies, stability is decided by all directions, not by one side."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pyrnn import CTRNN, RNN, RNNBase
from pyrnn.dynamics import as_map, find_fixed_points


def growth_by_simulation(network: RNNBase, n_steps: int = 600) -> float:
    """Return by which factor per step small deviations from zero grow, by running them."""
    step = as_map(network)
    h = torch.randn(500, network.hidden_size, dtype=torch.float64)
    x = torch.zeros(1, dtype=torch.float64)
    sizes = []
    for _ in range(n_steps):
        h = 1e-6 * h / h.norm(dim=-1, keepdim=True).clamp(min=1e-300)
        h = step(h, x)
        sizes.append(h.norm(dim=-1) / 1e-6)
    return float(torch.stack(sizes[n_steps // 2 :]).log().mean(0).exp().max())


def rectifier(kind: type[RNNBase], gain: float, seed: int, size: int = 12) -> RNNBase:
    network = kind(1, size, 1, activation="relu", bias=False, seed=seed)
    network.w_rec.weight = gain * torch.randn(size, size) / size**0.5
    return network


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", [RNN, CTRNN])
@pytest.mark.parametrize("gain", [0.5, 3.0])
def test_the_origin_of_a_rectifier(kind: type[RNNBase], gain: float, seed: int) -> None:
    torch.manual_seed(seed)
    network = rectifier(kind, gain, seed)
    growth = growth_by_simulation(network)
    points = find_fixed_points(network, torch.rand(50, 12), progress=False)
    (origin,) = (p for p in points if float(p.state.abs().max()) < 1e-12)
    assert origin.is_one_sided
    if abs(growth - 1) > 0.01:
        assert origin.is_stable == (growth < 1)
        assert (origin.n_unstable > 0) == (growth > 1)
        assert origin.stability.startswith("unstable" if growth > 1 else "stable")
    assert origin.growth == pytest.approx(growth, abs=0.02)
    assert origin.status == "one-sided at a kink"


def test_twice_the_identity_grows() -> None:
    network = RNN(1, 4, 1, activation="relu", bias=False)
    network.w_rec.weight = 2 * torch.eye(4)
    points = find_fixed_points(network, torch.rand(50, 4) + 0.1, progress=False)
    (origin,) = points
    assert origin.stability == "unstable, one-sided at a kink"
    assert origin.growth == pytest.approx(2)
    assert points.index_sum == 0
    assert "1 one-sided at a kink" in points.status


def test_a_point_within_a_region_is_not_one_sided() -> None:
    points = find_fixed_points(lambda h, x: (0.5 * h + 1).relu(), torch.ones(5, 1), progress=False)
    assert not points.is_one_sided.any()
    assert points.stability == ["stable node"]


def test_directions_are_followed_from_cone_to_cone() -> None:
    """Each side alone shrinks to zero in the other coordinate, together they grow by √2."""

    def step(h: Tensor, x: Tensor) -> Tensor:
        a, b = h[..., :1], h[..., 1:]
        return torch.cat([b.relu(), 2 * a.relu()], dim=-1)

    (origin,) = find_fixed_points(step, torch.rand(20, 2), progress=False)
    assert origin.growth == pytest.approx(2**0.5, abs=0.01)
    assert not origin.is_stable
    assert origin.n_unstable >= 1
