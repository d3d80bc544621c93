"""Progress bars, and a clean stop on Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sized
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Interrupt", "TrainingBar", "interruptible", "is_interrupted", "track"]

_PATIENCE = 1.0  # seconds of work before a bar appears

_T = TypeVar("_T")


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
        self._progress: Progress | None = None
        if enabled:
            from pyrnn.bars import training_bar

            self._progress = training_bar()
            self._task = self._progress.add_task("train", total=total, completed=done, numbers="")

    def __enter__(self) -> TrainingBar:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._progress is not None:
            self._progress.update(self._task, completed=self.done)
            self._progress.stop()

    def is_due(self) -> bool:
        """Return whether the bar was last drawn more than a tenth of a second ago."""
        return self._progress is not None and time.monotonic() >= self._next

    def show(self, description: str, **numbers: float) -> None:
        """Redraw the bar with some numbers.

        Args:
            description: Text before the bar.
            **numbers: Numbers by name.
        """
        if self._progress is None:
            return
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
    from pyrnn.bars import passing_bar

    total = len(items) if isinstance(items, Sized) else None
    began, progress = time.monotonic(), passing_bar()
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
