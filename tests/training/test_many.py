"""Many networks at once: each is trained exactly as it would be alone."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

import pyrnn
from pyrnn import CTRNN, GRU, RNN, RNNBase
from pyrnn.tasks import FlipFlop, PerceptualDecision
from pyrnn.training import fit_many
from pyrnn.unroll import fused
from tests.training.cases import TASK, assert_same, make

OPTIONS = {"epochs": 3, "batch_size": 8, "progress": False}


def rnn_of(seed: int) -> CTRNN:
    return CTRNN(1, 12, 1, seed=seed, dale_ratio=0.8 if seed % 2 else None, noise=0.1 * seed)


def task_of(seed: int) -> FlipFlop:
    return FlipFlop(n_bits=1, n_trials=24, duration=200.0, seed=seed)


def assert_same_training(mine: RNNBase, theirs: RNNBase) -> None:
    assert_same(mine, theirs)
    first, second = (rnn.history.to_dict() for rnn in (mine, theirs))
    for history in (first, second):
        history["epochs"].pop("seconds")
    assert first == second


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n", [1, 3, 16])
def test_every_network_learns_as_if_it_were_alone(n: int, n_threads: int, monkeypatch) -> None:
    monkeypatch.setattr(fused, "thread_count", lambda work: n_threads)
    each = [{"seed": i, "lr": 0.01 + 0.01 * i, "clip_norm": 0.1 + i} for i in range(n)]
    alone, together = ([rnn_of(i) for i in range(n)] for _ in range(2))
    for i, rnn in enumerate(alone):
        rnn.fit(task_of(i), **OPTIONS, **each[i])
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    found = fit_many(together, [task_of(i) for i in range(n)], each=each, **OPTIONS)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    assert [history is rnn.history for history, rnn in zip(found, together, strict=True)]
    for mine, theirs in zip(together, alone, strict=True):
        assert_same_training(mine, theirs)


def test_networks_may_differ_in_everything() -> None:
    def build() -> list[RNNBase]:
        decision = PerceptualDecision(n_trials=16)
        sizes = decision.input_size, 9, decision.output_size
        return [RNN(*sizes, seed=0), rnn_of(1), GRU(1, 5, 1, seed=2), CTRNN(1, 7, 1, seed=3)]

    tasks = [PerceptualDecision(n_trials=16, dt=50.0), *(task_of(i) for i in range(3))]
    each = [
        {"optimizer": "adamw", "scheduler": "cosine"},
        {"callbacks": lambda training: training.epoch == 2, "epochs": 5},
        {},
        {"penalties": pyrnn.training.L2(0.01), "validation": 0.25, "epochs": 1},
    ]
    alone, together = build(), build()
    for rnn, task, options in zip(alone, tasks, each, strict=True):
        rnn.fit(task, **OPTIONS | {"seed": 5} | options)
    fit_many(together, tasks, each=each, seed=5, **OPTIONS)
    for mine, theirs in zip(together, alone, strict=True):
        assert_same_training(mine, theirs)
    assert [rnn.history.n_epochs for rnn in together] == [3, 2, 3, 1]


def test_ctrl_c_stops_all_and_they_can_be_resumed(tmp_path: Path) -> None:
    def press(optimizer: torch.optim.Optimizer) -> LambdaLR:
        def rate(step: int) -> float:
            if step == 4 and not pressed:
                pressed.append(step)
                signal.raise_signal(signal.SIGINT)
            return 1.0

        return LambdaLR(optimizer, rate)

    def each(folder: str) -> list[dict[str, object]]:
        (tmp_path / folder).mkdir(exist_ok=True)
        return [{"checkpoint": tmp_path / folder / f"{i}.pt", "seed": i} for i in range(3)]

    options = OPTIONS | {"scheduler": press}
    whole, cut, again = ([rnn_of(i) for i in range(3)] for _ in range(3))
    tasks, pressed = [task_of(i) for i in range(3)], [0]
    fit_many(whole, tasks, each=each("whole"), **options)
    pressed.clear()
    histories = fit_many(cut, tasks, each=each("cut"), **options)
    assert all(history.interrupted and history.n_epochs < 3 for history in histories)
    histories = fit_many(again, tasks, each=each("cut"), resume=True, **options)
    for mine, theirs in zip(again, whole, strict=True):
        assert_same_training(mine, theirs)


def test_a_failure_ends_one_network_and_the_others_go_on() -> None:
    def fail(training: pyrnn.training.Training) -> None:
        raise ArithmeticError("told")

    networks, alone = [rnn_of(i) for i in range(3)], rnn_of(2)
    each = [{}, {"callbacks": fail}, {}]
    with pytest.raises(ArithmeticError, match="told"):
        fit_many(networks, [TASK] * 3, each=each, seed=0, **OPTIONS)
    alone.fit(TASK, seed=0, **OPTIONS)
    assert_same_training(networks[2], alone)
    assert [rnn.history.n_epochs for rnn in networks] == [3, 1, 3]


def test_modules_of_torch_are_trained_one_after_the_other() -> None:
    modules = [nn.GRU(1, 1, batch_first=True) for _ in range(2)]
    histories = fit_many(modules, [TASK] * 2, **OPTIONS)
    assert [history.engine for history in histories] == ["torch: GRU is no network of pyrnn"] * 2


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (([make()], [TASK] * 2), ValueError, "each of 1 networks, got 2 datasets and 1 options"),
        (([make()] * 2, [TASK] * 2), ValueError, "one of them twice"),
        ((make(), [TASK]), TypeError, "networks to be a list"),
        (([make()], [TASK], {"rate": 1}), TypeError, "rate"),
        (([make()], [TASK], {"each": [3]}), TypeError, "expected each"),
    ],
    ids=["lengths", "twice", "no list", "option", "each"],
)
def test_wrong_arguments_are_refused(given, error: type[Exception], message: str) -> None:
    networks, datasets, *options = given
    with pytest.raises(error, match=message):
        fit_many(networks, datasets, progress=False, **(options[0] if options else {}))
