"""When things happen in a trial: phases that follow one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from pyrnn.tasks._trial_random import TrialRandom

Duration: TypeAlias = float | tuple[float, float] | list[float]
"""A time in ms: a number, a range ``(low, high)`` or a list of equally likely values."""


class Timeline:
    """Lay phases end to end, each trial with durations of its own.

    A duration is a number of ms, a range ``(low, high)`` to draw from uniformly, or a list of
    equally likely values. All trials have as many steps as the longest possible one; the steps
    after a trial's end belong to no phase.

    Args:
        draws: Where random durations come from.
        dt: Duration of a step, in ms.
        durations: Name and duration of each phase, in order. A tensor of one duration per trial
            needs ``longest``.
        longest: Duration of the longest possible trial, in ms; by default what the durations
            allow.

    Attributes:
        n_steps: Steps of the longest possible trial.
        step: Number of each step, ``(n_steps,)``.
        starts: First step of each phase, by name, ``(n_trials, 1)``.
        stops: Step after the last of each phase, by name, ``(n_trials, 1)``.

    Raises:
        ValueError: If a duration is negative or shorter than ``dt``, or a range is empty.

    Example:
        >>> durations = {"cue": 200.0, "delay": [100.0, 300.0]}
        >>> time = Timeline(TrialRandom(0, range(2)), 100.0, durations)
        >>> time.n_steps, time.during("cue")[0]
        (5, tensor([ True,  True, False, False, False]))
    """

    def __init__(
        self,
        draws: TrialRandom,
        dt: float,
        durations: Mapping[str, Duration | Tensor],
        longest: float | None = None,
    ) -> None:
        stop = torch.zeros(draws.n_trials, 1, dtype=torch.int64)
        self.dt, self.starts, self.stops, total = dt, {}, {}, 0
        for name, duration in durations.items():
            self.starts[name] = stop
            stop = stop + _draw_steps(draws, name, duration, dt)
            self.stops[name] = stop
            if longest is None:
                total += max(to_steps(name, value, dt) for value in bounds(duration))
        self.n_steps = total if longest is None else to_steps("longest", longest, dt)
        self.step = torch.arange(self.n_steps)

    def during(self, first: str, last: str | None = None) -> Tensor:
        """Whether a step lies in a phase, or in any from first to last, ``(n_trials, time)``."""
        stop = self.stops[last or first]
        return (self.step >= self.starts[first]) & (self.step < stop)

    def on(self, first: str, last: str | None = None) -> Tensor:
        """Return :meth:`during` as numbers, 0 or 1, in torch's default precision."""
        return self.during(first, last).to(torch.get_default_dtype())

    def elapsed(self, name: str) -> Tensor:
        """Time since a phase began, in ms, negative before, ``(n_trials, time)``."""
        return (self.step - self.starts[name]) * self.dt

    def duration(self, name: str) -> Tensor:
        """Duration of a phase, in ms, ``(n_trials,)``."""
        return ((self.stops[name] - self.starts[name]) * self.dt).squeeze(-1)

    @property
    def epochs(self) -> dict[str, Tensor]:
        """Start and stop of each phase, in ms, ``(n_trials, 2)``."""
        first = next(iter(self.starts.values()))
        edges = torch.cat([first, *self.stops.values()], dim=-1) * self.dt
        return {name: edges[:, k : k + 2] for k, name in enumerate(self.starts)}


def shared_epochs(epochs: Mapping[str, tuple[float, float]], n_trials: int) -> dict[str, Tensor]:
    """Return epochs that all trials share, repeated for each of them.

    Args:
        epochs: Start and stop in ms, by name.
        n_trials: Number of trials.

    Returns:
        Start and stop by name, ``(n_trials, 2)`` each.

    Example:
        >>> shared_epochs({"cue": (0.0, 100.0)}, 2)["cue"]
        tensor([[  0., 100.],
                [  0., 100.]])
    """
    return {name: torch.tensor(span).expand(n_trials, 2) for name, span in epochs.items()}


def to_steps(name: str, duration: float, dt: float) -> int:
    """Convert a duration in ms into a number of steps.

    Raises:
        ValueError: If it is negative, or shorter than a step.
    """
    n = round(duration / dt)
    if duration < 0 or (duration > 0 and n < 1):
        raise ValueError(
            f"expected {name} to last 0 or at least dt = {dt} ms, got {duration} ms; "
            "lengthen it or choose a smaller dt"
        )
    return n


def white_noise(draws: TrialRandom, sigma: float, dt: float, *shape: int) -> Tensor:
    r"""Draw input noise whose effect does not depend on the step.

    .. math:: \sigma \sqrt{20\,\mathrm{ms} / \Delta t}\; N(0, 1)

    Args:
        draws: Where it comes from.
        sigma: Standard deviation at ``dt`` = 20 ms.
        dt: Duration of a step, in ms.
        *shape: Shape of a trial's noise.

    Returns:
        Noise ``(n_trials, *shape)``.
    """
    if sigma == 0:
        return torch.zeros(draws.n_trials, *shape)
    return draws.normal(*shape).mul_(sigma * (20.0 / dt) ** 0.5)


def bounds(duration: Duration | Tensor) -> list[float]:
    """Return the durations that bound what can be drawn: all of a list, the ends of a range."""
    if isinstance(duration, Tensor):
        return duration.flatten().tolist()
    return list(duration) if isinstance(duration, list | tuple) else [duration]


def _draw_steps(
    draws: TrialRandom, name: str, duration: Duration | Tensor, dt: float
) -> Tensor | int:
    """Draw the number of steps of a phase, ``(n_trials, 1)``, or one that all trials share."""
    shared = [to_steps(name, value, dt) for value in bounds(duration)]
    if isinstance(duration, int | float):
        return shared[0]
    return (draw_ms(draws, name, duration) / dt).round().long().unsqueeze(-1)


def draw_ms(draws: TrialRandom, name: str, duration: Duration | Tensor) -> Tensor:
    """Draw durations in ms, ``(n_trials,)``."""
    if isinstance(duration, Tensor):
        return duration.double()
    if isinstance(duration, tuple):
        if len(duration) != 2 or not duration[0] <= duration[1]:
            raise ValueError(f"expected {name} to be a range (low, high), got {duration}")
        return draws.uniform(low=duration[0], high=duration[1])
    if isinstance(duration, list):
        if not duration:
            raise ValueError(f"expected {name} to list some durations, got none")
        return draws.choice([float(value) for value in duration]).double()
    return torch.full((draws.n_trials,), float(duration), dtype=torch.float64)
