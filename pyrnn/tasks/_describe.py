"""What a task is, as a table."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from pyrnn.result import Report
from pyrnn.tasks._trial import Trial

__all__ = ["describe"]


class _Described(Protocol):
    """What the table says about a task."""

    dt: float
    loss: ClassVar[str]
    metric_name: ClassVar[str]
    metric_goal: ClassVar[str]

    @property
    def input_size(self) -> int: ...
    @property
    def input_names(self) -> tuple[str, ...]: ...
    @property
    def output_size(self) -> int: ...
    @property
    def output_names(self) -> tuple[str, ...]: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def config(self) -> Mapping[str, object]: ...
    def batch(self, trials: int) -> Trial: ...


def describe(task: _Described) -> Report:
    """Return a table of a task's sizes, channels, epochs, metadata, metric and parameters.

    Args:
        task: The task.

    Returns:
        The table, with the first line of the task's docstring below.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> describe(FlipFlop(n_bits=3)).title
        'FlipFlop'
    """
    trial, n_steps = task.batch(1), task.n_steps
    facts = {
        "inputs": _channels(task.input_size, task.input_names),
        "outputs": _channels(task.output_size, task.output_names),
        "trial": f"{n_steps} steps of {task.dt:g} ms = {n_steps * task.dt:g} ms",
        "epochs": " → ".join(trial.epochs),
        "metadata": ", ".join(trial.info),
        "loss": task.loss,
        "metric": f"{task.metric_name} ({task.metric_goal})",
    }
    rows = [(name, value) for name, value in facts.items() if value]
    for name, value in task.config.items():
        rows.append((name, textwrap.shorten(str(value), 80, placeholder=" …")))
    return Report(type(task).__name__, rows=rows, notes=_first_line(type(task)))


def _channels(size: int, names: Sequence[str]) -> str:
    shown = names if len(names) <= 8 else (*names[:3], "…", *names[-3:])
    return f"{size}: {', '.join(shown)}"


def _first_line(cls: type) -> list[str]:
    """Return the first line of a class's docstring, none where a dataclass wrote it."""
    lines = (cls.__doc__ or "").strip().splitlines()
    return [] if not lines or lines[0].startswith(f"{cls.__name__}(") else lines[:1]
