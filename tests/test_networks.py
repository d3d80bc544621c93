"""The equations, against independent code: NumPy loops, torch's own cells, finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from pyrnn import CTRNN, RNN, LowRankRNN, RateRNN, RNNBase, TorchRNN
from pyrnn.activations import ACTIVATIONS
from pyrnn.dynamics import jacobian

F = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softplus": lambda z: np.log1p(np.exp(z)),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "retanh": lambda z: np.maximum(np.tanh(z), 0),
    "gelu": lambda z: z * np.vectorize(lambda v: 0.5 * (1 + erf(v / 2**0.5)))(z),
    "identity": lambda z: z,
}


def erf(x: float) -> float:
    import math

    return math.erf(x)


def randomised(rnn: RNNBase) -> RNNBase:
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.normal_(0, 0.4)
    return rnn


def numpy_loop(rnn: RNNBase, inputs: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The equations again, written from the docstrings, one trial and one step at a time."""
    w_in, w_rec, w_out = (
        getattr(rnn, k).weight.detach().numpy() for k in ("w_in", "w_rec", "w_out")
    )
    b, c = rnn.w_rec.bias.detach().numpy(), rnn.w_out.bias.detach().numpy()
    f, a = F[rnn.activation], 10.0 / tau
    outputs, states = [], []
    for trial in inputs:
        h = np.zeros(len(b))
        for x in trial:
            if isinstance(rnn, CTRNN):
                h = (1 - a) * h + a * (w_rec @ f(h) + w_in @ x + b)
                y = w_out @ f(h) + c
            else:
                h = (1 - a) * h + a * f(w_rec @ h + w_in @ x + b)
                y = w_out @ h + c
            states.append(h)
            outputs.append(y)
    shape = inputs.shape[:2]
    return np.reshape(outputs, (*shape, -1)), np.reshape(states, (*shape, -1))


@pytest.mark.parametrize("activation", F)
@pytest.mark.parametrize(
    ("cls", "tau"),
    [(RNN, 10.0), (CTRNN, 100.0), (RateRNN, 50.0), (CTRNN, np.linspace(20, 90, 7))],
)
@pytest.mark.parametrize("dale", [None, 0.6])
def test_numpy_loop(cls: type, tau: float | np.ndarray, activation: str, dale: float) -> None:
    leak = {} if cls is RNN else {"tau": tau}
    rnn = randomised(cls(3, 7, 2, activation=activation, dale_ratio=dale, **leak))
    inputs = torch.randn(4, 12, 3)
    outputs, states = rnn.predict(inputs)
    expected = numpy_loop(rnn, inputs.numpy(), np.asarray(tau))
    assert_close(outputs.numpy(), expected[0], rtol=1e-6, atol=1e-6)
    assert_close(states.numpy(), expected[1], rtol=1e-6, atol=1e-6)


def test_every_activation_is_compared() -> None:
    assert set(F) == set(ACTIVATIONS)


@pytest.mark.parametrize(("theirs", "cell"), [(nn.RNN, "rnn"), (nn.GRU, "gru"), (nn.LSTM, "lstm")])
def test_torch_cells(theirs: type, cell: str) -> None:
    reference = theirs(3, 7, batch_first=True)
    rnn = TorchRNN(3, 7, 2, cell=cell)
    with torch.no_grad():
        rnn.w_in.weight.copy_(reference.weight_ih_l0)
        rnn.w_in.bias.copy_(reference.bias_ih_l0)
        rnn.w_rec.weight.copy_(reference.weight_hh_l0)
        rnn.w_rec.bias.copy_(reference.bias_hh_l0)
    inputs = torch.randn(4, 12, 3)
    states, last = reference(inputs)
    mine = rnn(inputs).states
    assert_close(mine[..., :7], states)
    if cell == "lstm":
        assert_close(mine[:, -1, 7:], last[1][0])


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
        TorchRNN(2, 5, 1, cell="gru"),
        TorchRNN(2, 5, 1, cell="lstm"),
    ],
    ids=lambda rnn: getattr(rnn, "cell", type(rnn).__name__),
)
def test_jacobian_is_that_of_finite_differences(rnn: RNNBase) -> None:
    randomised(rnn.double())
    h, x = torch.randn(rnn.state_size), torch.randn(2)
    columns = []
    with torch.no_grad():
        for e in 1e-5 * torch.eye(rnn.state_size):
            columns.append((rnn.step(h + e, x) - rnn.step(h - e, x)) / 2e-5)
    assert_close(jacobian(rnn.step, h, x), torch.stack(columns, 1), rtol=1e-5, atol=1e-5)


# ------------------------------------------------------------------ time constants


def test_alpha_and_noise_scale() -> None:
    rnn = CTRNN(2, 5, 1, tau=50.0, dt=10.0, noise=0.1)
    assert rnn.alpha == pytest.approx(0.2)
    assert rnn.noise_scale == pytest.approx(10**0.5 * 0.1)


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


def test_learnt_time_constants_never_fall_below_the_step() -> None:
    rnn = CTRNN(2, 5, 1, tau=20.0, dt=10.0, train_tau=True)
    with torch.no_grad():
        next(rnn.time_constants.parameters()).fill_(-500.0)
    assert rnn.tau.min() >= 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tau": -1.0}, r"tau > 0 \(in ms\), got -1"),
        ({"tau": 0.0}, r"tau > 0 \(in ms\), got 0"),
        ({"tau": float("nan")}, r"tau > 0 \(in ms\), got nan"),
        ({"tau": 5.0, "dt": 10.0}, "dt <= tau, got dt=10 and tau=5 ms.*smaller dt"),
        ({"tau": [20.0, 30.0]}, r"tau as one number or of shape \(5,\), got \(2,\)"),
        ({"train_tau": True, "tau_bounds": (200.0, 300.0)}, "tau.*tau_bounds"),
        ({"train_tau": True, "tau_bounds": (5.0, 300.0)}, "tau_bounds.*dt"),
        ({"tau_bounds": (20.0, 300.0)}, "train_tau=True"),
    ],
)
def test_refused_time_constants(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CTRNN(2, 5, 1, **options)


# ------------------------------------------------------------------ low rank


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_rank_one_follows_its_latent_equation(activation: str) -> None:
    """kappa' = (1-a) kappa + a/N sum n f(m kappa + I), with I the filtered input."""
    rnn = randomised(LowRankRNN(2, 64, 1, rank=1, bias=False, activation=activation))
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
        ({"rank": 0}, r"rank in 1..5 \(hidden_size\), got 0"),
        ({"rank": 6}, r"rank in 1..5 \(hidden_size\), got 6"),
        ({"random_gain": -1.0}, "random_gain >= 0, got -1"),
        ({"dale_ratio": 0.8}, "no constraint on the recurrent weights of a LowRankRNN"),
        ({"autapses": False}, "no constraint on the recurrent weights of a LowRankRNN"),
        ({"connectivity": torch.ones(5, 5)}, "no constraint on the recurrent weights"),
    ],
)
def test_refused_low_rank(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LowRankRNN(2, 5, 1, **options)


# ------------------------------------------------------------------ torch's cells


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dale_ratio": 0.8}, "no constraint on the gates of cell="),
        ({"autapses": False}, "no constraint on the gates of cell="),
        ({"connectivity": torch.ones(5, 5)}, "no constraint on the gates of cell="),
        ({"connectivity": {"w_in": torch.ones(15, 2)}}, "no constraint on the gates of cell="),
        ({"activation": "relu"}, "no activation for cell=.*gates have their own"),
        ({"init": "orthogonal"}, "init='torch' for cell=.*got 'orthogonal'"),
    ],
)
def test_gates_refuse(cell: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TorchRNN(2, 5, 1, cell=cell, **options)


def test_unknown_cell() -> None:
    with pytest.raises(ValueError, match="cell among rnn, gru, lstm, got 'mgu'"):
        TorchRNN(2, 5, 1, cell="mgu")


def test_constraints_on_the_vanilla_cell() -> None:
    rnn = TorchRNN(2, 5, 1, cell="rnn", dale_ratio=0.6, autapses=False, init="spectral")
    assert bool((rnn.w_rec.weight[:, 3:] <= 0).all())
    assert rnn.state_size == 5


def test_frozen_mask_and_readout_of_an_lstm() -> None:
    rnn = TorchRNN(2, 5, 1, cell="lstm", connectivity={"w_out": torch.tensor([[1, 0, 0, 0, 1]])})
    assert (rnn.w_out.weight[:, 1:4] == 0).all()
    assert rnn.state_size == 10
