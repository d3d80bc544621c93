"""Callbacks: functions of the running training, called after every epoch.

A callback gets the ``Training`` (``rnn``, ``history``, ``epoch``, ``step``, ``optimizer``) and
ends it by returning True.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pyrnn.training.loop import Training

__all__ = [
    "Callback",
    "early_stopping",
    "live_plot",
    "log_csv",
    "log_tensorboard",
    "save_best",
]

Callback: TypeAlias = "Callable[[Training], bool | None]"


def early_stopping(
    monitor: str | None = None,
    *,
    below: float | None = None,
    above: float | None = None,
    patience: int | None = None,
) -> Callback:
    """Stop when a number is good enough, or hasn't improved for some epochs.

    Args:
        monitor: Name in ``history.epochs``; the validation loss, or else the loss, by default.
        below: Stop once it is smaller.
        above: Stop once it is larger.
        patience: Stop when this many epochs brought no new best. A number is better when
            smaller, but for ``accuracy`` and ``r2``, or where ``above`` is given.

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

    def stop(training: Training) -> bool:
        values = _monitored(training, monitor)
        value = values[-1]
        if (below is not None and value < below) or (above is not None and value > above):
            return True
        best = _best(values, larger=_is_larger_better(training, monitor, above))
        return patience is not None and len(values) - 1 - best >= patience

    return stop


def save_best(path: str | Path, monitor: str | None = None) -> Callback:
    """Write the network to a file after every epoch that is the best so far.

    Args:
        path: Where to.
        monitor: Name in ``history.epochs``; the validation loss, or else the loss, by default.

    Example:
        >>> import pyrnn, tempfile
        >>> from pyrnn.tasks import FlipFlop
        >>> path = Path(tempfile.mkdtemp()) / "best.pt"
        >>> task, rnn = FlipFlop(n_trials=8), pyrnn.RNN(3, 8, 3)
        >>> history = rnn.fit(task, epochs=2, callbacks=save_best(path), progress=False)
        >>> pyrnn.load(path).history.best_epoch == history.best_epoch
        True
    """

    def save(training: Training) -> None:
        values = _monitored(training, monitor)
        if _best(values, larger=_is_larger_better(training, monitor, None)) == len(values) - 1:
            training.save(path)

    return save


def log_csv(path: str | Path) -> Callback:
    """Write ``history.epochs`` as a table, one row per epoch, after every epoch.

    Args:
        path: Where to.

    Example:
        >>> import tempfile
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> path = Path(tempfile.mkdtemp()) / "training.csv"
        >>> task = FlipFlop(n_trials=8)
        >>> history = RNN(3, 8, 3).fit(task, epochs=2, callbacks=log_csv(path), progress=False)
        >>> len(path.read_text().splitlines())
        3
    """

    def log(training: Training) -> None:
        columns = training.history.epochs
        with open(path, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", *columns])
            writer.writerows(
                [i, *row] for i, row in enumerate(zip(*columns.values(), strict=True), start=1)
            )

    return log


def log_tensorboard(folder: str | Path) -> Callback:
    """Write every epoch for TensorBoard.

    Args:
        folder: Where its event files go; ``tensorboard --logdir`` it.

    Raises:
        ImportError: If TensorBoard isn't installed.

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

    writer = SummaryWriter(str(folder))

    def log(training: Training) -> None:
        for name, values in training.history.epochs.items():
            if not math.isnan(values[-1]):  # not measured in this epoch
                writer.add_scalar(name, values[-1], training.epoch)
        writer.flush()

    return log


def live_plot(every: int = 1) -> Callback:
    """Redraw the loss after every few epochs: in place in a notebook, in a window elsewhere.

    Args:
        every: Epochs between two pictures.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> plot = live_plot(every=10)
        >>> history = RNN(3, 8, 3).fit(
        ...     FlipFlop(n_trials=8), epochs=5, callbacks=plot, progress=False
        ... )
    """
    state: dict[str, Any] = {}

    def draw(training: Training) -> None:
        import matplotlib.pyplot as plt

        if training.history.n_epochs % every:
            return
        if not state:
            state["figure"], state["axes"] = plt.subplots()
        figure, axes = state["figure"], state["axes"]
        axes.clear()
        training.history.plot(ax=axes)
        show_figure(figure)

    return draw


def show_figure(figure: Any) -> None:
    """Show a figure that is still changing."""
    import matplotlib.pyplot as plt

    if "inline" in plt.get_backend():
        from IPython.display import clear_output, display

        clear_output(wait=True)
        display(figure)
    else:
        if getattr(figure.canvas, "required_interactive_framework", None):
            figure.show()
        figure.canvas.draw_idle()
        figure.canvas.flush_events()


def _monitored(training: Training, monitor: str | None) -> list[float]:
    epochs = training.history.epochs
    name = monitor or training.history.monitored
    if name not in epochs:
        raise ValueError(
            f"expected monitor among {', '.join(epochs)}, got {name!r}; a validation_... needs "
            "fit(validation=...)"
        )
    return epochs[name]


def _is_larger_better(training: Training, monitor: str | None, above: float | None) -> bool:
    if above is not None:
        return True
    name = (monitor or training.history.monitored).removeprefix("validation_")
    return name == training.metric_name and training.metric_goal == "max"


def _best(values: list[float], *, larger: bool) -> int:
    """Return the index of the first best value."""
    pick = max if larger else min
    return pick(range(len(values)), key=values.__getitem__)
