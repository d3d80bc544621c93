"""History keeps one number per step and per epoch, whatever comes and goes."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from rich.console import Console

from pyrnn import RNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import History


@pytest.fixture
def history() -> History:
    history = History(n_parameters=1234)
    for loss in (0.5, 0.25, 0.3):
        history.record_steps({"loss": [loss] * 2, "learning_rate": [0.1] * 2})
        history.record_epoch(loss=loss, seconds=2.0, accuracy=1 - loss)
    return history


def test_what_follows_from_the_record(history: History) -> None:
    assert (history.n_epochs, history.n_steps, history.seconds) == (3, 6, 6.0)
    assert history.loss == [0.5, 0.5, 0.25, 0.25, 0.3, 0.3]
    assert history.learning_rate == [0.1] * 6
    assert history.best_epoch == 1


def test_validation_is_what_counts(history: History) -> None:
    history.record_epoch(loss=0.01, seconds=1.0, validation_loss=0.7)
    history.record_epoch(loss=0.02, seconds=1.0, validation_loss=0.6)
    assert history.monitored == "validation_loss"
    assert history.best_epoch == 4
    assert all(math.isnan(value) for value in history.epochs["validation_loss"][:3])
    assert math.isnan(history.epochs["accuracy"][-1])
    assert {len(column) for column in history.epochs.values()} == {5}


def test_steps_of_another_fit_may_have_other_names(history: History) -> None:
    history.record_steps({"loss": [0.1], "l2": [0.01]})
    assert {len(column) for column in history.steps.values()} == {7}
    assert math.isnan(history.steps["learning_rate"][-1])


def test_columns_stand_in_the_order_in_which_they_came(history: History) -> None:
    """Not in that of a set, which differs from one process to the next."""
    for _ in range(2):
        history.record_epoch(loss=0.1, **{f"metric_{i}": 0.0 for i in range(9)})
    expected = ["loss", "seconds", "accuracy", *(f"metric_{i}" for i in range(9))]
    assert list(history.epochs) == expected


def test_empty_history() -> None:
    history = History()
    assert (history.n_epochs, history.n_steps, history.seconds) == (0, 0, 0)
    assert history.best_epoch is None
    Console(quiet=True).print(history)


def test_plain_data_and_back(history: History) -> None:
    assert History.from_dict(history.to_dict()).to_dict() == history.to_dict()


def test_report(history: History) -> None:
    history.interrupted = True
    console = Console(width=80)
    with console.capture() as capture:
        console.print(history)
    text = capture.get()
    for part in ("1,234", "3, 6", "6.0 s", "final loss", "0.3", "2 (loss 0.25)", "interrupted"):
        assert part in text
    assert "final accuracy: 0.7" in repr(history)


def test_pandas(history: History) -> None:
    pytest.importorskip("pandas")
    assert list(history.to_pandas()["loss"]) == [0.5, 0.25, 0.3]
    assert len(history.to_pandas(per="step")) == 6
    assert history.to_pandas(per="step").index.name == "step"
    with pytest.raises(ValueError, match="per to be one of epoch, step; got 'trial'"):
        history.to_pandas(per="trial")


def test_pandas_that_is_not_installed(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install pyrnn\[pandas\]"):
        history.to_pandas()


def test_what_is_shown_in_a_terminal_and_in_a_notebook(history: History) -> None:
    history.interrupted = True
    for text in (history.summary(), repr(history), history._repr_html_()):
        assert "1,234" in text
        assert "2 (loss 0.25)" in text
        assert "what was learned is kept" in text
    assert History(epochs={"loss": []}).summary().count("loss") == 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"steps": [0.5, 0.3]}, TypeError, "steps as a mapping of columns, got list"),
        ({"steps": {"loss": 0.5}}, TypeError, r"steps\['loss'\] to be a list of numbers, got 0.5"),
        ({"epochs": {"loss": ["a"]}}, TypeError, r"epochs\['loss'\] to be a number, got 'a'"),
        ({"epochs": {"loss": [1.0], "seconds": []}}, ValueError, "columns of the same length"),
        ({"n_parameters": -1}, ValueError, "n_parameters to be a whole number"),
        ({"interrupted": "no"}, TypeError, "interrupted to be True or False, got 'no'"),
    ],
)
def test_refused_histories(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        History(**options)


def test_numbers_become_plain(history: History) -> None:
    history = History(epochs={"loss": np.array([0.5, np.nan], dtype=np.float32)})
    assert [type(value) for value in history.epochs["loss"]] == [float, float]


def test_a_complete_training_was_not_interrupted():
    assert not RNN(2, 4, 2).fit(FlipFlop(n_bits=2, n_trials=8), progress=False).interrupted


def test_a_history_is_a_file(tmp_path) -> None:
    steps = {"loss": [0.5, float("nan")], "learning_rate": [0.1, 0.1]}
    history = History(steps=steps, epochs={"loss": [0.4]}, n_parameters=3, interrupted=True)
    again = History.load(history.save(tmp_path / "history.npz"))
    assert again.n_parameters == 3
    assert again.interrupted
    assert str(again.steps) == str(history.steps)
    assert again.epochs == history.epochs
