"""What a task is, as a table and as a picture."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pyrnn.tasks.base import Task


def describe(task: Task) -> Table:
    """Return a table of a task's sizes, channels, epochs, score and parameters.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> describe(FlipFlop(n_bits=3)).title
        'FlipFlop'
    """
    summary = (inspect.getdoc(type(task)) or "").split("\n")[0]
    table = Table("", "", title=type(task).__name__, caption=summary, show_header=False)
    for name, value in _facts(task).items():
        table.add_row(name, value)
    table.add_section()
    for name, value in task.config.items():
        table.add_row(name, str(value), style="dim")
    return table


def _facts(task: Task) -> dict[str, str]:
    trial = task.batch(1)
    facts = {
        "inputs": _channels(task.input_size, task.input_names),
        "outputs": _channels(task.output_size, task.output_names),
        "trial": f"{task.n_steps} steps of {task.dt:g} ms = {task.n_steps * task.dt:g} ms",
        "epochs": " → ".join(trial.epochs),
        "metadata": ", ".join(trial.info),
        "loss": task.loss,
        "metric": f"{task.metric_name} ({task.metric_goal})",
    }
    return {name: value for name, value in facts.items() if value}


def _channels(size: int, names: tuple[str, ...]) -> str:
    shown = names if len(names) <= 8 else (*names[:3], "…", *names[-3:])
    return f"{size}: {', '.join(shown)}"


def plot_trial(task: Task, index: int = 0, outputs: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw a trial, its channels by their names; see :func:`pyrnn.plot.plot_trial`.

    Args:
        task: The task.
        index: Which trial.
        outputs: What a network answered to it, ``(time, output_size)``.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.
    """
    from pyrnn import plot

    ax = plot.plot_trial(task.batch([index]), outputs, dt=task.dt, ax=ax)
    names = [*task.input_names, *task.output_names]
    if len(names) == len(ax.get_yticks()):
        ax.set_yticks(ax.get_yticks(), names)
    ax.set_title(f"{type(task).__name__}, trial {index}", loc="left")
    return ax
