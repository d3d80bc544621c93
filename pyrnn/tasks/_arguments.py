"""What every task is asked when it is made: are these arguments possible?"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from pyrnn.tasks._timeline import bounds, draw_ms, to_steps
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.validate import as_integer


def check_arguments(task: Any) -> None:
    """Check the arguments that all tasks share, and those typed ``Duration``.

    Raises:
        TypeError: If the seed or the number of trials is no integer.
        ValueError: If there is no trial, ``dt`` is not positive, or a duration is impossible.
    """
    task.seed = as_integer("seed", task.seed)
    task.n_trials = as_integer("n_trials", task.n_trials)
    if task.n_trials < 1:
        raise ValueError(f"expected n_trials of at least 1, got {task.n_trials}")
    if not (task.dt > 0 and math.isfinite(task.dt)):
        raise ValueError(f"expected a positive dt in ms, got {task.dt}")
    for field in dataclasses.fields(task):
        if field.type == "Duration":
            _check_duration(field.name, getattr(task, field.name), task.dt)


def _check_duration(name: str, duration: Any, dt: float) -> None:
    """Check a duration before any trial is made; there must be time to decide."""
    draw_ms(TrialRandom(0, [0]), name, duration)
    shortest = min(to_steps(name, value, dt) for value in bounds(duration))
    if name in ("decision", "go") and shortest == 0:
        raise ValueError(f"expected a {name} of at least dt = {dt} ms, got none")
