"""Callbacks: functions of the running training, called after every epoch.

A callback is given the ``Training`` (``rnn``, ``history``, ``epoch``, ``step``, ``optimizer``) and
ends it by returning True.
"""

from __future__ import annotations

import csv
import math
import os

from pyrnn.files import replacing
from pyrnn.training.loop import Callback, Training
from pyrnn.validate import as_bound, as_integer, as_path

__all__ = ["early_stopping", "log_csv", "log_tensorboard", "save_best"]


def early_stopping(
    monitor: str | None = None,
    *,
    below: float | None = None,
    above: float | None = None,
    patience: int | None = None,
) -> Callback:
    """Stop when a number is good enough, or has not improved for some epochs.

    Args:
        monitor: Name in ``history.epochs``; the validation loss, or else the loss, by default.
        below: Stop once it is smaller.
        above: Stop once it is larger.
        patience: Stop when the best value of this run is this many epochs old. A smaller value is
            better, except for a metric of the task with the goal ``"max"``, or with ``above``.

    Returns:
        The callback.

    Raises:
        ValueError: If no condition is given.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> stop = early_stopping(below=10.0)
        >>> rnn = RNN(3, 8, 3)
        >>> rnn.fit(FlipFlop(n_trials=64), epochs=50, callbacks=[stop], progress=False).n_epochs
        1
    """
    if below is None and above is None and patience is None:
        raise ValueError("expected below=, above= or patience=, got none of them")
    monitor = _checked_name(monitor)
    below = None if below is None else as_bound("below", below)
    above = None if above is None else as_bound("above", above)
    patience = None if patience is None else as_integer("patience", patience, low=1)

    def stop(training: Training) -> bool:
        values = _monitored(training, monitor)
        value = values[-1]
        if (below is not None and value < below) or (above is not None and value > above):
            return True
        best = _best(values, larger=_is_larger_better(training, monitor, above))
        return patience is not None and len(values) - 1 - best >= patience

    return stop


def save_best(path: str | os.PathLike[str], monitor: str | None = None) -> Callback:
    """Write the network to a file after every epoch that is the best of this run so far.

    Args:
        path: Where to write.
        monitor: Name in ``history.epochs``; the validation loss, or else the loss, by default.

    Returns:
        The callback.

    Example:
        >>> import pyrnn
        >>> from pyrnn.tasks import FlipFlop
        >>> path = getfixture("tmp_path") / "best.pt"
        >>> task, rnn = FlipFlop(n_trials=8), pyrnn.RNN(3, 8, 3)
        >>> history = rnn.fit(task, epochs=2, callbacks=save_best(path), progress=False)
        >>> pyrnn.load(path).history.best_epoch == history.best_epoch
        True
    """
    path, monitor = as_path("path", path), _checked_name(monitor)

    def save(training: Training) -> None:
        values = _monitored(training, monitor)
        if _best(values, larger=_is_larger_better(training, monitor, None)) == len(values) - 1:
            training.save(path)

    return save


def log_csv(path: str | os.PathLike[str]) -> Callback:
    """Write ``history.epochs`` to a table after every epoch, one row for each epoch.

    Args:
        path: Where to write.

    Returns:
        The callback.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> path = getfixture("tmp_path") / "training.csv"
        >>> task = FlipFlop(n_trials=8)
        >>> history = RNN(3, 8, 3).fit(task, epochs=2, callbacks=log_csv(path), progress=False)
        >>> len(path.read_text().splitlines())
        3
    """
    path = as_path("path", path)

    def log(training: Training) -> None:
        columns = training.history.epochs
        with replacing(path) as partial, open(partial, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", *columns])
            writer.writerows(
                [i, *row] for i, row in enumerate(zip(*columns.values(), strict=True), start=1)
            )

    return log


def log_tensorboard(folder: str | os.PathLike[str]) -> Callback:
    """Write the numbers of every epoch for TensorBoard.

    Args:
        folder: Where to write event files; view them with ``tensorboard --logdir FOLDER``.

    Returns:
        The callback.

    Raises:
        ImportError: If TensorBoard is not installed.

    Example:
        >>> import tempfile
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> log = log_tensorboard(tempfile.mkdtemp())  # doctest: +SKIP
        >>> RNN(3, 8, 3).fit(FlipFlop(n_trials=8), callbacks=log)  # doctest: +SKIP
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "expected TensorBoard to be installed; pip install pyrnn[tensorboard]"
        ) from error

    writer = SummaryWriter(os.fspath(folder))

    def log(training: Training) -> None:
        for name, values in training.history.epochs.items():
            if not math.isnan(values[-1]):  # not measured in this epoch
                writer.add_scalar(name, values[-1], training.epoch)
        writer.flush()

    return log


def _checked_name(monitor: str | None) -> str | None:
    if monitor is not None and not isinstance(monitor, str):
        raise TypeError(f"expected monitor as a name in history.epochs, got {monitor!r}")
    return monitor


def _monitored(training: Training, monitor: str | None) -> list[float]:
    """Return the numbers of the epochs of this run."""
    epochs = training.history.epochs
    name = monitor or training.monitored
    if name not in epochs:
        raise ValueError(
            f"expected monitor among {', '.join(epochs)}, got {name!r}; a validation_... needs "
            "fit(validation=...)"
        )
    return epochs[name][training.first_epoch :]


def _is_larger_better(training: Training, monitor: str | None, above: float | None) -> bool:
    if above is not None:
        return True
    name = (monitor or training.monitored).removeprefix("validation_")
    return name == training.metric_name and training.metric_goal == "max"


def _best(values: list[float], *, larger: bool) -> int:
    """Return the index of the first best value, -1 if all are NaN."""
    pick = max if larger else min
    known = [i for i, value in enumerate(values) if not math.isnan(value)]
    return pick(known, key=values.__getitem__, default=-1)
