"""Networks, compared with what theory says of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from pyrnn import CTRNN, RNN, LowRankRNN, RateRNN, RNNBase


@pytest.mark.parametrize("dt", [5.0, 10.0, 25.0, 50.0])
@pytest.mark.parametrize("cls", [CTRNN, RateRNN])
def test_private_noise_has_the_stationary_variance_of_the_field(
    cls: type[RNNBase], dt: float
) -> None:
    """h' = (1 - a) h + a s sqrt(2 / a) xi has the variance s^2 / (1 - a / 2)."""
    rnn = cls(1, 500, 1, tau=50.0, dt=dt, noise=0.3, activation="identity", gain=0.0, seed=0)
    alpha, n_steps = dt / 50.0, round(300 / dt)
    states = rnn.train()(torch.zeros(4, n_steps, 1)).states[:, -1]
    assert float(states.detach().var()) == pytest.approx(0.09 / (1 - alpha / 2), rel=0.1)


def test_private_noise_of_the_discrete_network() -> None:
    rnn = RNN(1, 1000, 1, noise=0.3, activation="identity", gain=0.0, seed=0)
    states = rnn.train()(torch.zeros(4, 3, 1)).states
    assert float(states.detach().var()) == pytest.approx(2 * 0.09, rel=0.1)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_fixed_points_of_currents_are_those_of_rates(activation: str) -> None:
    """r = f(h): of the current form h = W f(h) + b, of the rate form r = f(W r + b)."""
    current = CTRNN(1, 30, 1, gain=0.7, activation=activation, seed=0)
    rates = RateRNN(1, 30, 1, gain=0.7, activation=activation, seed=0)
    for rnn in (current, rates):
        rnn.w_rec.bias = torch.linspace(-1, 1, 30)
    assert torch.equal(current.w_rec.weight, rates.w_rec.weight)
    h, r = (rnn.predict(torch.zeros(3000, 1)).states[-1] for rnn in (current, rates))
    assert_close(current.rates(h), r, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("gain", "overlap", "kappa"), [(0.0, 2.0, 1.337), (0.8, 2.0, 1.212)])
def test_a_rank_one_network_settles_where_mean_field_theory_says(
    gain: float, overlap: float, kappa: float
) -> None:
    """Mastrogiuseppe & Ostojic (2018): kappa of vectors with a given overlap, and chaos of gain g.

    The values solve kappa = overlap kappa <f'(sqrt(D) z)> and D = kappa^2 + g^2 <f(sqrt(D) z)^2>.
    """
    z, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    k, variance = 1.0, 1.0
    for _ in range(1000):
        x = np.sqrt(variance) * z
        k = 0.9 * k + 0.1 * overlap * k * (weights @ (1 - np.tanh(x) ** 2))
        variance = 0.9 * variance + 0.1 * (k**2 + gain**2 * (weights @ np.tanh(x) ** 2))
    assert k == pytest.approx(kappa, abs=2e-3)
    n = 1200
    rng = torch.Generator().manual_seed(1)
    m = torch.randn(n, 1, generator=rng)
    rnn = LowRankRNN(1, n, 1, random_gain=gain, tau=100.0, dt=20.0, bias=False, seed=0)
    with torch.no_grad():
        rnn.m.copy_(m)
        rnn.n.copy_(overlap * m)
    h = rnn.predict(torch.zeros(150, 1), m[:, 0]).states[-1]
    measured = float((rnn.n[:, 0] @ h.tanh()).detach() / n)
    assert measured == pytest.approx(kappa, rel=0.08)
