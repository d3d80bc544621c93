"""Finite-time Lyapunov exponents against products of Jacobians by numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from pyrnn import CTRNN, RNN
from pyrnn.dynamics import finite_time_lyapunov


@pytest.mark.parametrize("window", [1, 4])
def test_exponents_are_those_of_products_of_jacobians(window: int) -> None:
    rnn = RNN(2, 5, 1, seed=0).double()
    x = torch.randn(3, 9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    states = rnn.predict(x).states
    found = finite_time_lyapunov(rnn, states, x, window=window, n_exponents=5)
    assert found.shape == (3, 9 - window, 5)
    weight, h = rnn.w_rec.weight.detach().numpy(), states.numpy()
    for trial in range(3):
        for t in range(9 - window):
            product = np.eye(5)
            for k in range(t + 1, t + 1 + window):  # the state after the step gives its slope
                product = np.diag(1 - h[trial, k] ** 2) @ weight @ product
            expected = np.log(np.linalg.svd(product, compute_uv=False)) / window
            assert found[trial, t].numpy() == pytest.approx(expected, abs=1e-8)


def test_long_windows_do_not_overflow_and_hidden_exponents_are_not_numbers() -> None:
    gains = torch.tensor([3.0, 2.9, 0.1])
    found = finite_time_lyapunov(
        lambda h, x: h * gains.to(h), torch.zeros(1001, 3), window=1000, n_exponents=3
    )
    assert found[0, 0] == pytest.approx(np.log(3.0), abs=1e-12)
    assert found[0, 1:].isnan().all()  # (2.9 / 3)^1000 = 2e-15


def test_parts_of_a_long_trial_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rnn = CTRNN(1, 6, 1, seed=0)
    states = rnn.predict(torch.randn(2, 40, 1)).states
    whole = finite_time_lyapunov(rnn, states, window=3)
    monkeypatch.setattr("pyrnn.dynamics.orbits.lyapunov._MOST_ELEMENTS", 2 * 36 * 7)
    assert_close(finite_time_lyapunov(rnn, states, window=3), whole, rtol=1e-12, atol=1e-14)


def test_bad_arguments_are_refused() -> None:
    rnn = RNN(1, 4, 1)
    with pytest.raises(ValueError, match="longer than the window of 10 steps"):
        finite_time_lyapunov(rnn, torch.zeros(10, 4))
    with pytest.raises(ValueError, match="n_exponents <= 4, got 5"):
        finite_time_lyapunov(rnn, torch.zeros(11, 4), n_exponents=5)
