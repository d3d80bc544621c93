"""Progress bars, and a clean stop on Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sized
from contextlib import contextmanager
from importlib.util import find_spec
from types import FrameType
from typing import TypeVar

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

__all__ = ["Interrupt", "TrainingBar", "interruptible", "is_interrupted", "track"]

_WIDTH = 100  # letters of a bar in a notebook
_PATIENCE = 1.0  # seconds of work before a bar appears

_T = TypeVar("_T")


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


class TrainingBar:
    """A bar with loss, learning rate, speed and remaining time, redrawn ten times a second.

    Args:
        total: Number of steps; None if unknown.
        done: Number of steps made before.
        enabled: Whether to draw it.

    Example:
        >>> with TrainingBar(10, enabled=False) as bar:
        ...     if bar.is_due():
        ...         bar.show("epoch 1/1", loss=0.5)
    """

    def __init__(self, total: int | None, done: int = 0, *, enabled: bool = True) -> None:
        self.done = done
        self._next = 0.0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(20),
            TextColumn("{task.fields[numbers]}"),
            _Speed(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            disable=not enabled,
            console=_console(),
        )
        self._task = self._progress.add_task("train", total=total, completed=done, numbers="")

    def __enter__(self) -> TrainingBar:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.update(self._task, completed=self.done)
        self._progress.stop()

    def is_due(self) -> bool:
        """Return whether the bar was last drawn more than a tenth of a second ago."""
        return time.monotonic() >= self._next

    def show(self, description: str, **numbers: float) -> None:
        """Redraw the bar with some numbers.

        Args:
            description: Text before the bar.
            **numbers: Numbers by name.
        """
        self._next = time.monotonic() + 0.1
        text = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        self._progress.update(
            self._task, completed=self.done, description=description, numbers=text
        )


def track(
    items: Iterable[_T], description: str, *, enabled: bool = True
) -> Generator[_T, None, None]:
    """Show a progress bar while items are processed, if that takes longer than a second.

    Args:
        items: The items.
        description: Text before the bar.
        enabled: Whether to draw it.

    Yields:
        The items.

    Example:
        >>> [n**2 for n in track(range(3), "squares", enabled=False)]
        [0, 1, 4]
    """
    if not enabled:
        yield from items
        return
    total = len(items) if isinstance(items, Sized) else None
    began, progress = time.monotonic(), Progress(transient=True, console=_console())
    bar = progress.add_task(description, total=total)
    try:
        for done, item in enumerate(items):
            if not progress.live.is_started and time.monotonic() - began > _PATIENCE:
                progress.start()
            progress.update(bar, completed=done)
            yield item
    finally:
        if progress.live.is_started:
            progress.stop()


class Interrupt:
    """Whether Ctrl-C was pressed.

    Example:
        >>> Interrupt().pressed
        False
    """

    pressed = False


_active: list[Interrupt] = []  # of the main thread, the outermost first


def is_interrupted() -> bool:
    """Return whether Ctrl-C was pressed within an ``interruptible``, for loops far below it.

    Example:
        >>> is_interrupted()
        False
    """
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and any(interrupt.pressed for interrupt in _active)


@contextmanager
def interruptible(*, held: bool = False) -> Iterator[Interrupt]:
    """Turn the first Ctrl-C into a flag, so that no step is cut in half; the second one raises.

    Only the main thread receives signals; in any other thread nothing changes. If one is within
    another, Ctrl-C sets the flags of both.

    Args:
        held: Whether every further Ctrl-C sets the flag, too.

    Yields:
        The flag.

    Example:
        >>> with interruptible() as interrupt:
        ...     interrupt.pressed
        False
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    previous = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        if interrupt.pressed and not held and callable(previous):  # it was pressed further inside
            previous(number, frame)
            return
        for each in _active:
            each.pressed = True
        if not held:
            signal.signal(signal.SIGINT, previous)

    if previous is None or previous == signal.SIG_IGN:
        yield interrupt
        return
    _active.append(interrupt)
    signal.signal(signal.SIGINT, handle)
    try:
        yield interrupt
    finally:
        _active.remove(interrupt)
        signal.signal(signal.SIGINT, previous)
