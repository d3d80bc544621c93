"""Penalties compose and are logged under their own names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN, RNNBase, Rollout
from pyrnn.constraints import Bounds, constrain
from pyrnn.tasks import FlipFlop
from pyrnn.training import (
    L1,
    L2,
    ActivityL1,
    ActivityL2,
    BoundsPenalty,
    Smoothness,
    collate,
    mse,
)
from pyrnn.training._named import Penalty, named_penalties
from pyrnn.training._step import total_loss
from pyrnn.training.data import Batch
from pyrnn.training.network import as_trainable


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
        (ActivityL2(2.0), 2 * (states.tanh() ** 2).mean()),
        (ActivityL1(2.0), 2 * states.tanh().abs().mean()),
        (Smoothness(2.0), 2 * ((states[:, 1:] - states[:, :-1]) ** 2).mean()),
        (BoundsPenalty(2.0, "w_in.weight", -0.1, 0.2), 2 * (outside**2).sum()),
    ]
    for penalty, value in expected:
        assert_close(penalty(rnn, rollout), value)


SILENT = -60.0  # a current, or an input, that a sigmoid turns into a rate of 1e-26


@pytest.mark.parametrize("penalty", [ActivityL1(1.0), ActivityL2(1.0)])
@pytest.mark.parametrize("make", [RNN, RateRNN, CTRNN, LowRankRNN], ids=lambda make: make.__name__)
def test_a_silent_network_has_no_activity(make: type[RNNBase], penalty: Penalty) -> None:
    """The penalty of a silent RNN or RateRNN was 1/2, the sigmoid of its rate."""
    rnn = make(1, 4, 1, activation="sigmoid")
    rnn.w_rec.bias = torch.full((4,), SILENT)
    h = torch.full((4,), SILENT) if make in (CTRNN, LowRankRNN) else torch.zeros(4)
    assert penalty(rnn, rnn(torch.zeros(2, 30, 1), h)) < 1e-20


def test_activity_is_that_of_rates() -> None:
    """RNN and RateRNN have rates as states, CTRNN currents, LSTM a memory besides."""
    inputs = torch.randn(3, 6, 2)
    for rnn in (
        RNN(2, 5, 1, activation="softplus"),
        RateRNN(2, 5, 1, activation="softplus"),
        CTRNN(2, 5, 1, activation="softplus"),
        LowRankRNN(2, 5, 1, activation="softplus"),
        GRU(2, 5, 1),
        LSTM(2, 5, 1),
    ):
        h = rnn(inputs).states.detach().numpy()
        rates = {CTRNN: np.log1p(np.exp(h)), LowRankRNN: np.log1p(np.exp(h)), LSTM: h[..., :5]}
        r = rates.get(type(rnn), h)
        rollout = rnn(inputs)
        assert ActivityL1(2.0)(rnn, rollout).item() == pytest.approx(2 * np.abs(r).mean())
        assert ActivityL2(2.0)(rnn, rollout).item() == pytest.approx(2 * (r**2).mean())


def test_activity_of_a_module_is_that_of_its_states() -> None:
    module, inputs = nn.GRU(2, 5, batch_first=True), torch.randn(3, 6, 2)
    rollout = as_trainable(module)(inputs)
    outputs, _ = module(inputs)
    assert_close(ActivityL1(1.0)(module, Rollout(outputs, outputs)), outputs.abs().mean())
    with pytest.raises(TypeError, match="to return \\(outputs, states\\)"):
        ActivityL1(1.0)(module, rollout)


@pytest.mark.parametrize("per_channel", [False, True])
def test_padding_and_the_time_after_a_trial_do_not_count(per_channel: bool) -> None:
    """Trials of 5, 5, 5 and 50 steps: the mean is that of 65 steps, not of 200."""
    rnn, lengths = CTRNN(2, 5, 1, seed=0), (5, 5, 5, 50)
    trials = [(torch.randn(n, 2), torch.randn(n, 1)) for n in lengths]
    batch = collate(trials)
    if per_channel:
        batch = batch._replace(mask=batch.mask.unsqueeze(-1))
    states = [rnn(inputs).states for inputs, _ in trials]
    rates = torch.cat([h.tanh() for h in states])
    changes = torch.cat([h[1:] - h[:-1] for h in states])
    expected = {
        ActivityL1(3.0): 3 * rates.abs().mean(),
        ActivityL2(3.0): 3 * rates.square().mean(),
        Smoothness(3.0): 3 * changes.square().mean(),
    }
    assert len(rates) == 65
    rollout = rnn(batch.inputs)
    for penalty, value in expected.items():
        terms = total_loss(rnn, rollout, batch, mse, {"penalty": penalty})
        assert_close(terms["penalty"], value.detach())


def test_steps_that_are_not_scored_count_up_to_the_end_of_a_trial() -> None:
    """The delay is not scored, but it is part of the trial."""
    rnn, mask = RNN(1, 3, 1, seed=0), torch.tensor([[0.0, 1.0, 0.0, 2.0, 0.0, 0.0], [0.0] * 6])
    rollout = rnn(torch.randn(2, 6, 1))
    assert_close(ActivityL1(1.0)(rnn, rollout, mask), rollout.states[0, :4].abs().mean())
    assert ActivityL1(1.0)(rnn, rollout, torch.zeros(2, 6)) == 0


def test_a_penalty_of_ones_own_is_called_with_network_and_rollout() -> None:
    rnn, inputs = RNN(1, 3, 1), torch.randn(2, 6, 1)
    batch = Batch(inputs, torch.zeros(2, 6, 1), torch.zeros(2, 6))
    own = {"mean": lambda rnn, rollout: rollout.states.mean()}
    rollout = rnn(inputs)
    terms = total_loss(rnn, rollout, batch, mse, own)
    assert_close(terms["mean"], rollout.states.mean().detach())
    has_graph = {name: term.requires_grad for name, term in terms.items()}
    assert has_graph == {"task": False, "mean": False, "loss": True}


def test_weights_are_penalized_and_time_constants_are_not() -> None:
    """Raw parameters would be those of tau in ms, and of weights before their constraint."""
    rnn = CTRNN(2, 4, 1, tau=100.0, train_tau=True, seed=0)
    constrain(rnn.w_in, Bounds(0.5, 1.0))
    weights = [rnn.w_in.weight, rnn.w_rec.weight, rnn.w_out.weight]
    assert bool(((rnn.w_in.weight >= 0.5) & (rnn.w_in.weight <= 1.0)).all())
    value = L2(1e-3)(rnn, None)
    assert_close(value, 1e-3 * sum(w.square().sum() for w in weights))
    value.backward()
    assert all(p.grad is None for name, p in rnn.named_parameters() if "tau" in name)


def test_time_constants_may_be_penalized() -> None:
    rnn = CTRNN(2, 3, 1, tau=50.0, dt=10.0, train_tau=True)
    value = BoundsPenalty(1.0, "tau", low=10 * rnn.dt)(rnn, None)
    assert_close(value, torch.tensor(3 * 50.0**2))
    value.backward()
    assert rnn.log_tau.parametrizations.weight.original.grad.abs().min() > 0


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
        (lambda: L2(0.1, "w_in"), TypeError, "layers to be a list of names, got 'w_in'"),
        (lambda: L2(0.1, [3]), TypeError, r"every name in layers to be a str, got 3"),
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
