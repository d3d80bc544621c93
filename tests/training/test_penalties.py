"""Penalties compose and are logged under their own names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pyrnn import CTRNN, RNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import L1, L2, ActivityL1, ActivityL2, BoundsPenalty, Smoothness
from pyrnn.training.penalties import named_penalties


@pytest.fixture
def rnn() -> CTRNN:
    rnn = CTRNN(2, 5, 1, dale_ratio=0.6)
    torch.nn.init.normal_(rnn.w_out.weight)
    return rnn


def test_values_against_their_equations(rnn: CTRNN) -> None:
    rollout = rnn(torch.randn(3, 4, 2))
    states = rollout.states
    weights = [layer.weight for layer in (rnn.w_in, rnn.w_rec, rnn.w_out)]
    outside = weights[0] - weights[0].clamp(-0.1, 0.2)
    expected = [
        (L1(2.0), 2 * sum(w.abs().sum() for w in weights)),
        (L1(2.0, layers=["w_out"]), 2 * weights[2].abs().sum()),
        (L2(3.0), 3 * sum((w**2).sum() for w in weights)),
        (ActivityL2(2.0), 2 * (states**2).mean()),
        (ActivityL1(2.0), 2 * states.tanh().abs().mean()),
        (Smoothness(2.0), 2 * ((states[:, 1:] - states[:, :-1]) ** 2).mean()),
        (BoundsPenalty(2.0, "w_in.weight", -0.1, 0.2), 2 * (outside**2).sum()),
    ]
    for penalty, value in expected:
        assert_close(penalty(rnn, rollout), value)


def test_time_constants_may_be_penalized() -> None:
    rnn = CTRNN(2, 3, 1, tau=50.0, dt=10.0, train_tau=True)
    value = BoundsPenalty(1.0, "tau", low=10 * rnn.dt)(rnn, None)
    assert_close(value, torch.tensor(3 * 50.0**2))
    value.backward()
    assert rnn.time_constants.parametrizations.weight.original.grad.abs().min() > 0


def test_every_term_is_logged_and_they_add_up() -> None:
    def mine(rnn: RNN, rollout: object) -> Tensor:
        return 0.1 * rnn.w_rec.weight.square().mean()

    rnn = RNN(1, 8, 1)
    penalties = [L2(1e-3), ActivityL2(0.1), mine]
    history = rnn.fit(
        FlipFlop(n_bits=1, n_trials=16), epochs=2, penalties=penalties, progress=False
    )
    names = ["task", "l2", "activity_l2", "mine"]
    assert set(names) <= set(history.steps)
    assert all(len(history.steps[name]) == history.n_steps for name in names)
    total = sum(torch.tensor(history.steps[name]) for name in names)
    assert_close(torch.tensor(history.loss), total)


def test_l2_shrinks_the_weights() -> None:
    free, decayed = (RNN(1, 8, 1, seed=0) for _ in range(2))
    task = FlipFlop(n_bits=1, n_trials=64)
    free.fit(task, epochs=10, seed=0, progress=False)
    decayed.fit(task, epochs=10, seed=0, progress=False, penalties={"decay": L2(1.0)})
    assert decayed.w_rec.weight.norm() < 0.9 * free.w_rec.weight.norm()


def test_names() -> None:
    assert list(named_penalties(None)) == []
    assert list(named_penalties(L1(1.0))) == ["l1"]
    assert list(named_penalties([L1(1.0), L1(1.0, ["w_in"], name="l1_in")])) == ["l1", "l1_in"]
    assert list(named_penalties({"mine": L2(1.0)})) == ["mine"]
    with pytest.raises(ValueError, match=r"different names, got \['l1', 'l1'\]; give name"):
        named_penalties([L1(1.0), L1(2.0)])
    with pytest.raises(TypeError, match=r"penalty\(rnn, rollout\) -> scalar, got mine = 3"):
        named_penalties({"mine": 3})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="name"):
        named_penalties({"loss": L2(1.0)})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: L1("a"), TypeError, "weight to be a number, got 'a'"),
        (lambda: ActivityL2(torch.nan), ValueError, "weight to be a number, got nan"),
        (lambda: Smoothness(torch.inf), ValueError, "weight to be a number, got inf"),
        (lambda: L2(0.1, "w_in"), TypeError, "layers as a list of names, got 'w_in'"),
        (lambda: L2(0.1, [3]), TypeError, r"layers as a list of names, got \[3\]"),
        (lambda: BoundsPenalty(1.0, 3), TypeError, "attribute as a name, got 3"),
        (lambda: BoundsPenalty(1.0, "tau", low=torch.nan), ValueError, "low to be a number, perh"),
        (lambda: BoundsPenalty(1.0, "tau", 2.0, 1.0), ValueError, "low <= high, got low=2 and"),
        (lambda: named_penalties({3: L1(1.0)}), TypeError, "names of penalties as text, got 3"),
    ],
)
def test_refused_arguments(make: Callable[[], object], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_layer_that_does_not_exist(rnn: CTRNN) -> None:
    with pytest.raises(ValueError, match=r"CTRNN to have a layer 'w_hid', got none.*L1\(weight"):
        L1(1.0, ["w_hid"])(rnn, rnn(torch.zeros(1, 2, 2)))


def test_numbers_of_numpy_become_plain_ones() -> None:
    assert type(L1(np.float32(0.5)).weight) is float
