"""Initial weights have the spectrum that their name promises."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from pyrnn import CTRNN, RNN
from pyrnn.connectivity import MultiRegion, Region
from pyrnn.initialization import (
    INITIALIZATIONS,
    balance,
    initial_weight,
    spectral_radius,
    with_radius,
)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_normal_has_variance_of_gain_squared_over_n(rng: torch.Generator) -> None:
    weight = initial_weight("normal", 400, 1.5, rng)
    assert_close(weight.var() * 400, torch.tensor(1.5**2), rtol=0.02, atol=0)


def test_orthogonal_is_gain_times_a_rotation(rng: torch.Generator) -> None:
    weight = initial_weight("orthogonal", 20, 0.5, rng)
    assert_close(weight @ weight.T, 0.25 * torch.eye(20))


def test_orthogonal_has_no_preferred_direction(rng: torch.Generator) -> None:
    """Without the sign of R's diagonal, QR returns a biased rotation."""
    traces = torch.stack([initial_weight("orthogonal", 3, 1.0, rng).trace() for _ in range(2000)])
    assert abs(traces.mean()) < 0.1


def test_identity_is_scaled() -> None:
    assert_close(initial_weight("identity", 3, 0.7), 0.7 * torch.eye(3))


def test_spectral_has_the_radius(rng: torch.Generator) -> None:
    assert spectral_radius(initial_weight("spectral", 30, 1.2, rng)) == pytest.approx(1.2)


def test_spectral_radius_of_a_rotation_is_its_length() -> None:
    assert spectral_radius(torch.tensor([[0.0, -2.0], [2.0, 0.0]])) == pytest.approx(2.0)


def test_balance_cancels_excitation_in_every_row(rng: torch.Generator) -> None:
    signs = torch.tensor([1.0, 1.0, 1.0, -1.0])
    weight = balance(torch.rand(4, 4, generator=rng) * signs, signs)
    assert_close(weight.sum(1), torch.zeros(4))


def test_balance_leaves_rows_of_one_kind_alone() -> None:
    weight = torch.tensor([[1.0, 0.0], [1.0, -2.0]])
    assert balance(weight, torch.tensor([1.0, -1.0])).tolist() == [[1.0, 0.0], [1.0, -1.0]]


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_same_seed_same_weights(name: str) -> None:
    first, second = (RNN(2, 12, 1, init=name, seed=5).w_rec.weight for _ in range(2))
    assert torch.equal(first, second)


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match=r"init to be one of normal, orthogonal.*got 'xavier'"):
        RNN(2, 8, 1, init="xavier")


def largest(weight: torch.Tensor) -> list[float]:
    return torch.linalg.eigvals(weight.detach()).abs().sort(descending=True).values.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_dale_has_the_requested_radius_and_no_outlier(seed: int) -> None:
    """Without balance the mean of the matrix makes an eigenvalue that stands far off."""
    rnn = CTRNN(2, 100, 1, dale_ratio=0.8, autapses=False, gain=1.2, seed=seed)
    first, _, third, *_ = largest(rnn.w_rec.weight)  # the second may be the first's conjugate
    assert abs(first - 1.2) < 0.12
    assert first < 1.5 * third
    unbalanced = RNN(2, 100, 1, seed=seed).w_rec.weight.abs() * rnn.signs
    first, _, third, *_ = largest(unbalanced)
    assert first > 3 * third


@pytest.mark.parametrize("ratio", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("autapses", [True, False])
def test_dale_has_exactly_the_requested_radius(ratio: float, autapses: bool) -> None:
    for seed in range(3):
        rnn = CTRNN(2, 100, 1, dale_ratio=ratio, autapses=autapses, gain=1.3, seed=seed)
        assert largest(rnn.w_rec.weight)[0] == pytest.approx(1.3, rel=1e-5)
        assert rnn.w_rec.weight.sum(1).abs().max() < 1e-5


@pytest.mark.parametrize("seed", range(5))
def test_a_weak_loop_does_not_set_the_scale(seed: int) -> None:
    """50 units in a chain, and one autapse: to have a radius of 1, weights grew up to 46."""
    forward = torch.ones(50, 50).triu(1).bool()
    looped = forward.clone()
    looped[20, 20] = True
    without, with_loop = (
        CTRNN(2, 50, 1, connectivity=mask, seed=seed).w_rec.weight for mask in (forward, looped)
    )
    assert with_loop.abs().max() < 5 / 50**0.5
    assert torch.equal(without, with_loop.masked_fill(~forward, 0))


@pytest.mark.parametrize("seed", range(5))
def test_few_loops_among_regions_do_not_set_the_scale(seed: int) -> None:
    """A region of 4 units amid two of 40 without connections of their own: up to 26."""
    densities = {"in": (40, 0.0), "middle": (4, 0.3), "out": (40, 0.0)}
    regions = [Region(name, size, density=density) for name, (size, density) in densities.items()]
    brain = MultiRegion(*regions, seed=seed).connect("in", "middle").connect("middle", "out")
    rnn = CTRNN(1, 84, 1, connectivity=brain.build(1, 1), seed=seed)
    assert rnn.w_rec.weight.abs().max() < 5 / 84**0.5


def test_loops_of_a_sparse_network_set_the_scale() -> None:
    mask = torch.rand(60, 60, generator=torch.Generator().manual_seed(1)) < 0.1
    rnn = CTRNN(2, 60, 1, connectivity=mask, gain=0.9, seed=0)
    assert largest(rnn.w_rec.weight)[0] == pytest.approx(0.9, rel=1e-5)


def test_two_units_with_one_weak_connection_keep_their_scale() -> None:
    """The radius is the geometric mean; to make it 1, the strong weight would become 1000."""
    weak, strong = (torch.tensor([[0.0, 1.0], [w, 0.0]]) for w in (1e-6, 0.25))
    assert torch.equal(with_radius(weak, 1.0), weak)
    assert_close(with_radius(strong, 1.0), 2 * strong)
