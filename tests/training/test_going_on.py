"""A training goes on: a second fit, a checkpoint, a network that was loaded."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from torch.nn import functional

import pyrnn
from pyrnn import CTRNN, RNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import Training
from tests.training.cases import assert_same, fit, make


def test_a_second_fit_goes_on_where_the_first_ended() -> None:
    """Optimizer state and epoch count included: two and two epochs are four."""
    in_one, in_two = make(noise=0.1), make(noise=0.1)
    fit(in_one, epochs=4)
    fit(in_two, epochs=2)
    history = fit(in_two, epochs=2)
    assert history.n_epochs == 4
    assert history.loss == in_one.history.loss
    assert_same(in_one, in_two)


def test_a_second_fit_may_change_everything() -> None:
    rnn = make()
    fit(rnn, optimizer="sgd")
    history = fit(rnn, optimizer="adam", lr=0.003)
    assert history.learning_rate[-1] == 0.003
    copied = copy.deepcopy(rnn)
    fit(copied)
    assert copied.history.n_epochs == 6
    assert rnn.history.n_epochs == 4


def test_checkpoint_is_written_every_few_epochs_and_at_the_end(tmp_path: Path) -> None:
    path, found = tmp_path / "rnn.pt", []

    def look(training: Training) -> None:
        found.append(pyrnn.load(path).history.n_epochs if path.exists() else 0)

    fit(make(), epochs=5, checkpoint=path, checkpoint_every=2, callbacks=look)
    assert found == [0, 0, 2, 2, 4]
    assert pyrnn.load(path).history.n_epochs == 5


def test_checkpoint_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "rnn.pt"
    fit(CTRNN(1, 5, 1), checkpoint=path)
    with pytest.raises(ValueError, match="resume the run as it began"):
        fit(make(), checkpoint=path, resume=True)
    with pytest.raises(ValueError, match=r"of class RNN in .*got one of class CTRNN"):
        fit(RNN(1, 12, 1), checkpoint=path, resume=True)


def test_a_loaded_network_can_be_resumed(tmp_path: Path) -> None:
    whole = make(noise=0.1)
    fit(whole, epochs=3)
    path = tmp_path / "rnn.pt"
    fit(make(noise=0.1), epochs=3, callbacks=lambda training: training.epoch == 2, checkpoint=path)
    again = pyrnn.load(path)
    fit(again, epochs=3, resume=True)
    assert_same(again, whole)


def test_a_finished_run_that_is_resumed_has_nothing_to_do_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, again = tmp_path / "rnn.pt", make()
    first = make()
    fit(first, checkpoint=path)
    fit(again, checkpoint=path, resume=True)
    assert_same(again, first)
    assert again.training_state is not None
    assert not caplog.records


@pytest.mark.parametrize(
    ("changes", "options"),
    [({"tau": 30.0}, {}), ({}, {"lr": 0.5}), ({}, {"optimizer": "sgd"}), ({}, {"seed": 8})],
)
def test_resume_refuses_another_run(
    tmp_path: Path, changes: dict[str, float], options: dict[str, object]
) -> None:
    task, path = FlipFlop(n_bits=2, n_trials=8), tmp_path / "run.pt"
    known = {"seed": 1, "checkpoint": path, "progress": False}
    CTRNN(2, 4, 2, tau=100.0).fit(task, epochs=1, **known)
    with pytest.raises(ValueError, match="resume the run as it began"):
        CTRNN(2, 4, 2, **{"tau": 100.0, **changes}).fit(
            task, epochs=2, resume=True, **{**known, **options}
        )


@pytest.mark.parametrize("activation", [functional.silu, "relu"])
def test_a_network_with_an_activation_of_its_own_is_resumed(
    activation: Any, tmp_path: Path
) -> None:
    """A file knows the function by its name, the network that goes on has the function."""
    path = tmp_path / "rnn.pt"
    fit(make(activation=activation), epochs=1, checkpoint=path)
    again = make(activation=activation)
    assert fit(again, epochs=3, checkpoint=path, resume=True).n_epochs == 3
    with pytest.raises(ValueError, match="activation='tanh' after"):
        fit(make(), epochs=3, checkpoint=path, resume=True)


def test_a_default_that_is_written_out_is_the_same_run(tmp_path: Path) -> None:
    path = tmp_path / "rnn.pt"
    fit(make(), epochs=1, checkpoint=path)
    again = make(activation="tanh", noise=0.0, tau=100.0)
    assert fit(again, epochs=2, checkpoint=path, resume=True).n_epochs == 2
