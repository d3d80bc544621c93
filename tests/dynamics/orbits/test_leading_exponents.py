"""The leading exponents are found from a few vectors, wherever in the network they lie."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from torch import Tensor

from pyrnn.dynamics import lyapunov_spectrum


def exponents_by_numpy(weight: np.ndarray, h: np.ndarray, n: int, n_steps: int) -> np.ndarray:
    """Return the leading exponents of tanh(W h) by Benettin's method, from a random frame."""
    q = np.linalg.qr(np.random.default_rng(1).normal(size=(len(h), n)))[0]
    total = np.zeros(n)
    for t in range(-500, n_steps):
        h = np.tanh(weight @ h)
        q, r = np.linalg.qr(((1 - h**2)[:, None] * weight) @ q)
        total += np.log(np.abs(np.diag(r))) if t >= 0 else 0
    return np.sort(total / n_steps)[::-1]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_leading_exponents_of_a_diagonal_map(k: int) -> None:
    rates = torch.tensor([0.3, 0.5, 0.9])
    found = lyapunov_spectrum(lambda h, x: h * rates.to(h), torch.ones(3), n_exponents=k)
    assert found.tolist() == pytest.approx(np.log([0.9, 0.5, 0.3])[:k], abs=1e-3)


@pytest.mark.parametrize("is_coupled", [False, True])
def test_a_module_that_is_chaotic_alone_is_found(is_coupled: bool) -> None:
    """The quiet module comes first; it may drive the chaotic one, not the other way round."""
    rng = np.random.default_rng(0)
    quiet, chaotic = (g * rng.normal(size=(20, 20)) / 20**0.5 for g in (0.5, 2.5))
    link = rng.normal(size=(20, 20)) / 20**0.5 if is_coupled else np.zeros((20, 20))
    weight = np.block([[quiet, np.zeros((20, 20))], [link, chaotic]])
    start = rng.normal(size=40)

    def step(h: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(h @ torch.tensor(weight).to(h).T)

    found, errors = lyapunov_spectrum(
        step, torch.tensor(start), n_exponents=3, n_steps=4000, return_errors=True
    )
    reference = exponents_by_numpy(weight, start, 3, 4000)
    assert reference[0] > 0.1
    assert (found - torch.tensor(reference.copy())).abs().max() < 0.02
    assert float(errors.max()) < 0.02


def test_errors_are_those_of_repeats() -> None:
    """Exponents of many runs of a chaotic map spread as much as each of them says."""
    starts = torch.rand(200, 1, dtype=torch.float64)
    found, errors = lyapunov_spectrum(
        lambda h, x: 3.9 * h * (1 - h), starts, n_steps=2000, return_errors=True
    )
    assert float(found.std()) == pytest.approx(float(errors.mean()), rel=0.25)


def test_a_run_that_diverges_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = lyapunov_spectrum(lambda h, x: h**2, torch.tensor([[0.5], [2.0]]))
    assert found.isnan()[:, 0].tolist()[1]
    assert "1 of 2 runs diverged" in caplog.text
