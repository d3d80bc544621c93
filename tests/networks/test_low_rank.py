"""Low rank: the latent equation, and what rank the weights have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from pyrnn import LowRankRNN
from tests.networks.reference import F, randomized


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_rank_one_follows_its_latent_equation(activation: str) -> None:
    """kappa' = (1-a) kappa + a/N sum n f(m kappa + I), with I the filtered input."""
    rnn = randomized(LowRankRNN(2, 64, 1, rank=1, bias=False, activation=activation))
    inputs = torch.randn(3, 40, 2)
    m, n = rnn.m.detach().numpy()[:, 0], rnn.n.detach().numpy()[:, 0]
    w_in, f, a = rnn.w_in.weight.detach().numpy(), F[activation], rnn.alpha
    for trial, states in zip(inputs.numpy(), rnn.predict(inputs).states.numpy(), strict=True):
        kappa, current = 0.0, np.zeros(64)
        for x, h in zip(trial, states, strict=True):
            drive = np.mean(n * f(m * kappa + current))
            kappa = (1 - a) * kappa + a * drive
            current = (1 - a) * current + a * w_in @ x
            assert_close(h, m * kappa + current, rtol=1e-6, atol=1e-6)


def test_low_rank_weights() -> None:
    rnn = LowRankRNN(1, 32, 1, rank=3, random_gain=0.8, seed=0)
    chi = rnn.w_rec.weight - rnn.m @ rnn.n.T / 32
    assert torch.linalg.matrix_rank(rnn.w_rec.weight - chi) == 3
    assert_close(chi.std() * 32**0.5, torch.tensor(0.8), rtol=0.1, atol=0)
    assert not chi.detach().requires_grad


def test_assigning_a_matrix_takes_its_nearest_of_that_rank() -> None:
    rnn = LowRankRNN(1, 8, 1, rank=2, random_gain=0.5)
    wanted = torch.randn(8, 2) @ torch.randn(2, 8)
    fixed = rnn.w_rec.parametrizations.weight[0].fixed
    rnn.w_rec.weight = wanted + fixed
    assert_close(rnn.w_rec.weight.detach(), wanted + fixed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "rank to be a whole number of at least 1, got 0"),
        ({"rank": 6}, r"rank of at most 5 \(hidden_size\), got 6"),
        ({"random_gain": -1.0}, "random_gain to be a number >= 0, got -1"),
        ({"dale_ratio": 0.8}, "no constraint on the recurrent weights of a LowRankRNN"),
        ({"autapses": False}, "no constraint on the recurrent weights of a LowRankRNN"),
        ({"connectivity": torch.ones(5, 5)}, "no constraint on the recurrent weights"),
        ({"gain": 5.0}, "no gain of a full matrix for a LowRankRNN, got 5.0; scale the param"),
        ({"init": "orthogonal"}, "no init of a full matrix for a LowRankRNN, got 'orthogonal'"),
    ],
)
def test_refused_low_rank(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LowRankRNN(2, 5, 1, **options)


def test_defaults_may_be_written_out() -> None:
    default, written = (
        LowRankRNN(2, 5, 1, seed=0),
        LowRankRNN(2, 5, 1, gain=1, init="normal", seed=0),
    )
    assert torch.equal(default.w_rec.weight, written.w_rec.weight)
    as_torch = LowRankRNN(2, 5, 1, init="torch", seed=0)
    assert bool((as_torch.w_in.weight.abs() < 5**-0.5).all())


def test_vectors_are_standard_normal() -> None:
    rnn = LowRankRNN(1, 400, 1, rank=2, seed=0)
    for vectors in (rnn.m, rnn.n):
        assert_close(vectors.mean(0), torch.zeros(2), rtol=0, atol=0.2)
        assert_close(vectors.std(0), torch.ones(2), rtol=0.15, atol=0)
