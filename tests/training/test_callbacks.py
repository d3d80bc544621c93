"""Callbacks are functions of the training; True ends it."""

from __future__ import annotations

import csv
import math
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import pyrnn
from pyrnn import RNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import (
    History,
    Training,
    early_stopping,
    log_csv,
    log_tensorboard,
    save_best,
)

TASK = FlipFlop(n_bits=1, n_trials=8, duration=100.0)


def fake(losses: list[float], **columns: list[float]) -> types.SimpleNamespace:
    """Return as much of a training as a callback looks at."""
    history = History(epochs={"loss": losses, **columns})
    return types.SimpleNamespace(
        history=history,
        metric_name="accuracy",
        metric_goal="max",
        epoch=len(losses),
        first_epoch=0,
        monitored=history.monitored,
    )


def test_every_callback_is_called_after_every_epoch() -> None:
    seen = []

    def note(training: Training) -> None:
        seen.append((training.epoch, training.step, training.history.n_epochs))

    RNN(1, 4, 1).fit(TASK, epochs=3, batch_size=4, callbacks=[note, note], progress=False)
    assert seen == [(1, 2, 1), (1, 2, 1), (2, 4, 2), (2, 4, 2), (3, 6, 3), (3, 6, 3)]


def test_true_ends_the_training_and_the_others_are_called_still() -> None:
    seen = []
    calls = [lambda training: training.epoch == 2, lambda training: seen.append(training.epoch)]
    history = RNN(1, 4, 1).fit(TASK, epochs=9, callbacks=calls, progress=False)
    assert history.n_epochs == 2
    assert seen == [1, 2]


@pytest.mark.parametrize(
    ("options", "losses", "stops"),
    [
        ({"below": 0.1}, [0.2, 0.11], False),
        ({"below": 0.1}, [0.2, 0.09], True),
        ({"above": 0.9}, [0.2, 0.95], True),
        ({"patience": 2}, [0.3, 0.2, 0.25], False),
        ({"patience": 2}, [0.3, 0.2, 0.25, 0.2], True),
        ({"patience": 2}, [0.3, 0.2, 0.25, 0.19], False),
    ],
)
def test_early_stopping(options: dict, losses: list[float], stops: bool) -> None:
    assert early_stopping(**options)(fake(losses)) is stops  # type: ignore[arg-type]


def test_early_stopping_on_a_metric_that_grows() -> None:
    stop = early_stopping("accuracy", patience=2)
    assert not stop(fake([1, 1, 1], accuracy=[0.5, 0.6, 0.7]))  # type: ignore[arg-type]
    assert stop(fake([1, 1, 1], accuracy=[0.7, 0.6, 0.5]))  # type: ignore[arg-type]


def test_early_stopping_looks_at_validation_first() -> None:
    stop = early_stopping(below=0.1)
    assert not stop(fake([0.01], validation_loss=[0.2]))  # type: ignore[arg-type]


def test_early_stopping_wants_a_condition_and_a_known_name() -> None:
    with pytest.raises(ValueError, match="below=, above= or patience=, got none"):
        early_stopping()
    with pytest.raises(ValueError, match=r"monitor among .*loss.*got 'validation_loss'"):
        RNN(1, 4, 1).fit(
            TASK, callbacks=early_stopping("validation_loss", below=1.0), progress=False
        )


def test_save_best_keeps_the_best_epoch(tmp_path: Path) -> None:
    weights = []

    def note(training: Training) -> None:
        weights.append(training.rnn.w_rec.weight.detach().clone())

    path = tmp_path / "best.pt"
    history = RNN(1, 4, 1, seed=0).fit(
        TASK, epochs=6, lr=0.3, clip_norm=None, callbacks=[note, save_best(path)], progress=False
    )
    assert torch.equal(pyrnn.load(path).w_rec.weight, weights[history.best_epoch])


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    history = RNN(1, 4, 1).fit(TASK, epochs=3, callbacks=log_csv(path), progress=False)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [float(row["loss"]) for row in rows] == history.epochs["loss"]


def test_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    class Writer:
        def __init__(self, folder: str):
            assert folder == str(tmp_path)

        def add_scalar(self, name: str, value: float, epoch: int) -> None:
            written.append((name, epoch))

        def flush(self) -> None:
            pass

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    RNN(1, 4, 1).fit(TASK, epochs=2, callbacks=log_tensorboard(tmp_path), progress=False)
    assert {("loss", 1), ("loss", 2), ("accuracy", 2)} <= set(written)


def test_the_real_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    rnn = RNN(1, 4, 1)
    rnn.fit(TASK, validation=0.5, callbacks=log_tensorboard(tmp_path), epochs=2, progress=False)
    history = rnn.fit(TASK, callbacks=log_tensorboard(tmp_path), epochs=1, progress=False)
    events = EventAccumulator(str(tmp_path)).Reload()
    for name, values in history.epochs.items():
        written = {event.step: event.value for event in events.Scalars(name)}
        known = {i: pytest.approx(v) for i, v in enumerate(values, start=1) if v == v}
        assert written == known


def test_tensorboard_that_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"pip install pyrnn\[tensorboard\]"):
        log_tensorboard(tmp_path)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: early_stopping(below="low"), TypeError, "below to be a number, got 'low'"),
        (lambda: early_stopping(below=torch.nan), ValueError, "below to be a number, perhaps"),
        (lambda: early_stopping(above=None, patience=0), ValueError, "patience to be a whole"),
        (lambda: early_stopping(patience=1.5), TypeError, "patience to be a whole number"),
        (lambda: early_stopping(3, below=0.1), TypeError, "monitor as a name"),
        (lambda: save_best("best.pt", monitor=3), TypeError, "monitor as a name"),
        (lambda: save_best(3), TypeError, "path of a file, got 3"),
        (lambda: log_csv(None), TypeError, "path of a file, got None"),
    ],
)
def test_refused_arguments(make: Callable[[], object], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


# ------------------------------------------------------------------------- their own run


def test_patience_counts_the_epochs_of_this_run(tmp_path: Path) -> None:
    """After a run without validation, and after one with smaller losses."""
    rnn = RNN(1, 4, 1)
    rnn.fit(TASK, epochs=6, progress=False)
    rnn.history.epochs["loss"][:] = [0.0] * 6  # nothing can be better
    stop, best = early_stopping(patience=3), save_best(tmp_path / "best.pt")
    rnn.fit(TASK, epochs=8, lr=1e-12, callbacks=[stop, best], progress=False)
    assert rnn.history.n_epochs >= 6 + 4  # the first one is the best of this run
    assert (tmp_path / "best.pt").exists()
    n_before = rnn.history.n_epochs
    rnn.fit(TASK, epochs=2, validation=0.5, callbacks=early_stopping(patience=2), progress=False)
    assert rnn.history.n_epochs == n_before + 2


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([math.nan, 0.5, 0.6], False),
        ([0.5, math.nan, math.nan], True),
        ([math.nan, math.nan, math.nan], True),
        ([math.nan, math.nan], True),
        ([math.nan], False),
    ],
)
def test_nan_is_never_the_best(losses: list[float], stops: bool) -> None:
    assert early_stopping(patience=2)(fake(losses)) == stops


def test_nan_is_never_saved_as_the_best(tmp_path: Path) -> None:
    saved = []
    training = fake([math.nan])
    training.save = saved.append
    save_best(tmp_path / "best.pt")(training)
    assert saved == []
    training = fake([math.nan, 0.5])
    training.save = saved.append
    save_best(tmp_path / "best.pt")(training)
    assert len(saved) == 1


def test_a_plateau_is_that_of_this_run() -> None:
    """A second run without validation has no validation loss to follow."""
    rnn = RNN(1, 4, 1)
    rnn.fit(TASK, epochs=1, validation=0.5, scheduler="plateau", progress=False)
    rnn.fit(TASK, epochs=2, scheduler="plateau", progress=False)
    assert rnn.history.n_epochs == 3


def test_a_resumed_run_is_one_run(tmp_path: Path) -> None:
    """The best epoch was before the cut."""
    path, best = tmp_path / "run.pt", []
    options = {"checkpoint": path, "lr": 1e-12, "seed": 0, "progress": False}
    RNN(1, 4, 1, seed=0).fit(TASK, epochs=3, **options)
    rnn = RNN(1, 4, 1, seed=0)
    rnn.fit(TASK, epochs=5, resume=True, callbacks=lambda t: best.append(t.first_epoch), **options)
    assert best == [0, 0]
