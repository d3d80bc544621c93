"""The equations, against independent code: NumPy loops, torch's cell, finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch.utils.data import TensorDataset

from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN, RNNBase
from pyrnn.activations import ACTIVATIONS
from pyrnn.dynamics import jacobian
from pyrnn.tasks import FlipFlop
from tests.networks.reference import F, numpy_loop, randomized


@pytest.mark.parametrize("activation", F)
@pytest.mark.parametrize(
    ("cls", "tau"),
    [(RNN, 10.0), (CTRNN, 100.0), (RateRNN, 50.0), (CTRNN, np.linspace(20, 90, 7))],
)
@pytest.mark.parametrize("dale", [None, 0.6])
def test_numpy_loop(cls: type, tau: float | np.ndarray, activation: str, dale: float) -> None:
    leak = {} if cls is RNN else {"tau": tau}
    rnn = randomized(cls(3, 7, 2, activation=activation, dale_ratio=dale, **leak))
    inputs = torch.randn(4, 12, 3)
    outputs, states = rnn.predict(inputs)
    expected = numpy_loop(rnn, inputs.numpy(), np.asarray(tau))
    assert_close(outputs.numpy(), expected[0], rtol=1e-6, atol=1e-6)
    assert_close(states.numpy(), expected[1], rtol=1e-6, atol=1e-6)


def test_every_activation_is_compared() -> None:
    assert set(F) == set(ACTIVATIONS)


def test_elman_is_torch_rnn() -> None:
    reference = nn.RNN(3, 7, batch_first=True)
    rnn = RNN(3, 7, 2)
    with torch.no_grad():
        rnn.w_in.weight.copy_(reference.weight_ih_l0)
        rnn.w_rec.weight.copy_(reference.weight_hh_l0)
        rnn.w_rec.bias.copy_(reference.bias_ih_l0 + reference.bias_hh_l0)
    inputs = torch.randn(4, 12, 3)
    assert_close(rnn(inputs).states, reference(inputs)[0])


@pytest.mark.parametrize(
    "rnn",
    [
        RNN(2, 5, 1),
        CTRNN(2, 5, 1, dale_ratio=0.6, autapses=False),
        RateRNN(2, 5, 1, activation="softplus", tau=[20.0, 30.0, 40.0, 50.0, 60.0]),
        LowRankRNN(2, 5, 1, rank=2),
        GRU(2, 5, 1),
        LSTM(2, 5, 1),
    ],
    ids=lambda rnn: type(rnn).__name__,
)
def test_jacobian_is_that_of_finite_differences(rnn: RNNBase) -> None:
    randomized(rnn.double())
    h, x = torch.randn(rnn.state_size), torch.randn(2)
    columns = []
    with torch.no_grad():
        for e in 1e-5 * torch.eye(rnn.state_size):
            columns.append((rnn.step(h + e, x) - rnn.step(h - e, x)) / 2e-5)
    assert_close(jacobian(rnn.step, h, x), torch.stack(columns, 1), rtol=1e-5, atol=1e-5)


# ------------------------------------------------------------------ time constants


def test_alpha_and_scale_of_the_noise() -> None:
    rnn = CTRNN(2, 5, 1, tau=50.0, dt=10.0, noise=0.1)
    assert rnn.alpha == pytest.approx(0.2)
    assert rnn._noise_scale == pytest.approx(10**0.5 * 0.1)


def test_time_constants_learn_within_bounds() -> None:
    rnn = CTRNN(2, 5, 1, tau=40.0, dt=2.0, train_tau=True, tau_bounds=(20.0, 60.0))
    optimizer = torch.optim.SGD(rnn.parameters(), lr=1e3)
    for _ in range(20):
        optimizer.zero_grad()
        rnn(torch.randn(2, 4, 2)).states.sum().backward()
        optimizer.step()
        assert rnn.tau.min() >= 20
        assert rnn.tau.max() <= 60
    assert rnn.tau.std() > 0
    assert rnn.tau.shape == (5,)


def test_learned_time_constants_never_fall_below_the_step() -> None:
    rnn = CTRNN(2, 5, 1, tau=20.0, dt=10.0, train_tau=True)
    with torch.no_grad():
        next(rnn.log_tau.parameters()).fill_(-500.0)
    assert rnn.tau.min() >= 10


@pytest.mark.parametrize("tau", [20.0, 100.0, 5000.0])
def test_a_step_of_adam_changes_a_time_constant_by_the_learning_rate(tau: float) -> None:
    """Learned in ms, a time constant changed by 0.01 ms a step, whatever its size."""
    rnn = CTRNN(2, 5, 1, tau=tau, train_tau=True, seed=0)
    torch.nn.init.normal_(rnn.w_out.weight, generator=rnn.generator)
    optimizer = torch.optim.Adam(rnn.parameters(), lr=0.01, eps=1e-30)
    rnn(torch.randn(4, 30, 2)).outputs.square().sum().backward()
    optimizer.step()
    assert_close((rnn.tau / tau).log().abs(), torch.full((5,), 0.01))


@pytest.mark.parametrize("bounds", [None, (30.0, 60.0)])
def test_learning_does_not_depend_on_the_unit_of_time(bounds: tuple[float, float] | None) -> None:
    def learn(unit: float) -> tuple[CTRNN, list[float]]:
        limits = None if bounds is None else (unit * bounds[0], unit * bounds[1])
        options = {"tau": 50.0 * unit, "dt": 10.0 * unit, "tau_bounds": limits}
        rnn = CTRNN(1, 16, 1, train_tau=True, noise=0.1, seed=0, **options)
        task = TensorDataset(*FlipFlop(n_bits=1).batch(64))
        return rnn, rnn.fit(task, epochs=5, lr=0.05, seed=0, progress=False).loss

    (ours, loss), (theirs, other) = learn(1.0), learn(1000.0)
    assert loss == pytest.approx(other)
    assert_close(theirs.tau, 1000 * ours.tau)
    assert_close(theirs.w_rec.weight, ours.w_rec.weight)


def test_time_constants_learn_at_the_default_rate() -> None:
    """With 50 ms at first and a learning rate of 0.01, none moved by more than 1.6 ms."""
    rnn = CTRNN(3, 32, 3, tau=50.0, train_tau=True, seed=0)
    rnn.fit(FlipFlop(n_trials=1024), epochs=15, seed=0, progress=False)
    assert (rnn.tau / 50).log().abs().max() > 0.2


def test_weight_decay_pulls_time_constants_to_their_initial_values() -> None:
    """AdamW at its defaults took them from 100 ms to 82 ms without any loss."""
    rnn = CTRNN(2, 3, 1, tau=[60.0, 100.0, 180.0], train_tau=True, tau_bounds=(50.0, 200.0))
    optimizer = torch.optim.AdamW(rnn.parameters(), lr=0.1, weight_decay=0.1)
    with torch.no_grad():
        next(rnn.log_tau.parameters()).add_(torch.tensor([0.1, -0.2, 0.05]))
    for _ in range(2000):
        optimizer.zero_grad()
        (0 * rnn.tau.sum()).backward()
        optimizer.step()
    assert_close(rnn.tau, torch.tensor([60.0, 100.0, 180.0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tau": -1.0}, r"tau > 0 \(in ms\), got -1"),
        ({"tau": 0.0}, r"tau > 0 \(in ms\), got 0"),
        ({"tau": float("nan")}, r"tau > 0 \(in ms\), got nan"),
        ({"tau": 5.0, "dt": 10.0}, "dt <= tau, got dt=10 and tau=5 ms.*smaller dt"),
        ({"tau": [20.0, 30.0]}, r"tau as one number or of shape \(5,\), got \(2,\)"),
        ({"tau": [20.0, 30.0, torch.inf, 40.0, 50.0]}, r"finite tau > 0 \(in ms\), got inf"),
        ({"train_tau": True, "tau_bounds": (200.0, 300.0)}, "tau.*tau_bounds"),
        ({"train_tau": True, "tau_bounds": (300.0, 20.0)}, "increasing order, got 300 and 20"),
        ({"train_tau": True, "tau_bounds": (torch.nan, 20.0)}, r"tau_bounds\[0\] to be a number"),
        ({"train_tau": True, "tau_bounds": (5.0, 300.0)}, "tau_bounds.*dt"),
        ({"tau_bounds": (20.0, 300.0)}, "train_tau=True"),
    ],
)
def test_refused_time_constants(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CTRNN(2, 5, 1, **options)


def test_the_activation_cannot_be_exchanged_later() -> None:
    """Engines, certificates and files know it by name, so another one would be ignored there."""
    rnn = RNN(1, 4, 1)
    with pytest.raises(AttributeError, match="build a network with it"):
        rnn.f = torch.sin
    with pytest.raises(AttributeError, match="build a network with it"):
        rnn.activation = "relu"
    with pytest.raises(AttributeError, match="build a network with it"):
        rnn.f = torch.nn.ReLU()
