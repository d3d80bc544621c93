"""Progress bars of rich, which is imported only where one is drawn."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

__all__ = ["passing_bar", "training_bar"]

_WIDTH = 100  # letters of a bar in a notebook


def training_bar() -> Progress:
    """Return a bar with a text, numbers, speed and remaining time.

    Example:
        >>> len(training_bar().columns)
        5
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(20),
        TextColumn("{task.fields[numbers]}"),
        _Speed(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=_console(),
    )


def passing_bar() -> Progress:
    """Return a bar that disappears at the end.

    Example:
        >>> passing_bar().live.transient
        True
    """
    return Progress(transient=True, console=_console())


def _console() -> Console | None:
    """Return where bars are drawn; ``None`` for the usual place.

    In a notebook without ipywidgets a bar is a line of text that is written again and again.
    """
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    shell = get_shell()
    if type(shell).__name__ != "ZMQInteractiveShell" or find_spec("ipywidgets"):
        return None
    return Console(force_jupyter=False, force_terminal=True, force_interactive=True, width=_WIDTH)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.0f} steps/s")
