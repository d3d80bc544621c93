"""What a worker does for a population: it trains a network and writes its files."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch

from pyrnn.base import RNNBase, load
from pyrnn.populations import _jobs
from pyrnn.populations._folder import Row, Run, write
from pyrnn.populations.grid import Settings
from pyrnn.serialize import register
from pyrnn.tasks import Task
from pyrnn.training.loop import Callback, Training

__all__ = ["Job", "Make", "build", "train"]

Made: TypeAlias = "tuple[RNNBase, object] | tuple[RNNBase, object, Mapping[str, object]]"
Make: TypeAlias = Callable[..., Made]
"""Function of the settings that builds a network, its task and options of ``fit``."""

_OURS = ("checkpoint", "resume", "progress")  # options of fit that a population sets
_SECONDS_BETWEEN = 10.0  # two checkpoints of a run; a kill loses so much, and one epoch
_NEVER = sys.maxsize


@dataclass(frozen=True)
class Job:
    """What a worker needs to train a network: plain data, and the function that builds it."""

    make: _jobs.Carried
    settings: Settings
    folder: str
    name: str
    dtype: torch.dtype


def build(make: Make, row: Settings) -> tuple[RNNBase, object, dict[str, object]]:
    """Call ``make`` and check what it returns."""
    made = make(**row)
    if not isinstance(made, tuple) or len(made) not in (2, 3) or not isinstance(made[0], RNNBase):
        raise TypeError(
            "expected make to return (network, task, options) with a network of pyrnn, got "
            f"{type(made).__name__}"
        )
    for thing in made[:2]:  # a class of a script reaches a worker by value, and more than once
        if isinstance(thing, (RNNBase, Task)):
            register(type(thing))
    options = dict(made[2]) if len(made) == 3 else {}
    ours = [name for name in _OURS if name in options]
    if ours:
        raise TypeError(f"expected options without {', '.join(ours)}, which the population sets")
    return made[0], made[1], {"seed": row.get("seed", 0), **options}


def train(job: Job) -> None:
    """Train one network; write its files."""
    run = Run(Path(job.folder), job.name)
    try:
        with _jobs.settled(job.dtype):
            row = _row_of(_trained(job, run))
    except Exception as error:
        row = {"error": _jobs.reason(error)}
    write(run.row, row)
    run.partial.unlink(missing_ok=True)


def _trained(job: Job, run: Run) -> RNNBase:
    """Return the network of a run, trained to the end.

    Raises:
        KeyboardInterrupt: If Ctrl-C ended the training; its checkpoint is kept.
        FileNotFoundError: If somebody removed the files while it trained.
    """
    if run.network.exists():
        return load(run.network)
    network, task, options = build(job.make.function, job.settings)  # type: ignore[arg-type]
    given = options.get("callbacks", ())
    callbacks = [given] if callable(given) else [*given]  # type: ignore[misc]  # fit checks them
    ours = {
        "callbacks": [*callbacks, _checkpoints(run.partial)],
        "checkpoint": run.partial,
        "resume": True,
        "progress": False,
    }
    history = network.fit(task, **{"checkpoint_every": _NEVER, **options, **ours})  # type: ignore[arg-type]
    if history.interrupted:
        raise KeyboardInterrupt
    try:
        os.replace(run.partial, run.network)
    except FileNotFoundError:  # another process finished the same run
        if not run.network.exists():
            raise
    return network


def _checkpoints(path: Path) -> Callback:
    """Return a callback that writes a checkpoint if the last one is old."""
    last = time.monotonic()

    def save(training: Training) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN:
            training.save(path)
            last = time.monotonic()

    return save


def _row_of(network: RNNBase) -> Row:
    """Return the last number of each column of the history."""
    history = network.history
    if history is None:
        return {}
    last = {name: column[-1] for name, column in history.epochs.items() if column}
    return {**last, "epochs": history.n_epochs, "seconds": history.seconds}
