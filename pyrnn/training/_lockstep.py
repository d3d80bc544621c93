"""Runs in step with each other: the kernel makes a step of all of them in one call."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol, TypeAlias

from pyrnn.training._kernel import KernelStep, Made
from pyrnn.training.data import Batch
from pyrnn.unroll.train import make_steps

__all__ = ["Lane", "Stepping", "Steps", "run_lanes"]

Steps: TypeAlias = Generator[Batch, Made, None]
"""A run: it yields a batch, and is sent what the step with this batch has left."""


class Stepping(Protocol):
    """What makes the steps of a run."""

    kernel: KernelStep | None

    def _step_of_torch(self, batch: Batch) -> Made:
        """Make a step by operations of torch."""


class Lane:
    """A run that waits for a step.

    Args:
        run: What makes its steps.
        steps: Its steps.

    Attributes:
        batch: The batch that it waits for; None if it has ended.
        error: The exception that has ended it, if any.
    """

    def __init__(self, run: Stepping, steps: Steps) -> None:
        self.run, self._steps = run, steps
        self.error: Exception | None = None
        self.batch: Batch | None = None

    def begin(self) -> None:
        """Go on to the first step."""
        with self._caught():
            self.batch = next(self._steps, None)

    def load(self) -> KernelStep | None:
        """Return the step if the kernel can make it."""
        kernel = self.run.kernel
        return kernel if kernel and self.batch and kernel.load(self.batch) else None

    def finish(self, kernel: KernelStep | None) -> None:
        """Hand over what the step has left; go on to the next one."""
        batch, self.batch = self.batch, None
        assert batch is not None
        with self._caught(), suppress(StopIteration):
            made = kernel.made(batch) if kernel else self.run._step_of_torch(batch)
            self.batch = self._steps.send(made)

    def interrupt(self, error: KeyboardInterrupt) -> None:
        """End the run; it keeps what was learned."""
        with suppress(KeyboardInterrupt, StopIteration):
            self._steps.throw(error)

    @contextmanager
    def _caught(self) -> Iterator[None]:
        """Let an exception end the run, and keep it."""
        try:
            yield
        except Exception as error:
            self.error = error
            self._steps.close()


def run_lanes(lanes: Sequence[Lane]) -> None:
    """Run to the end. An exception ends its own run, Ctrl-C all of them."""
    try:
        for lane in lanes:
            lane.begin()
        while waiting := [lane for lane in lanes if lane.batch is not None]:
            loaded = [lane.load() for lane in waiting]
            make_steps([kernel.step for kernel in loaded if kernel])
            for lane, kernel in zip(waiting, loaded, strict=True):
                lane.finish(kernel)
    except KeyboardInterrupt as error:
        for lane in lanes:
            lane.interrupt(error)
