"""Times in a trial: phases that follow one another."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pyrnn.tasks._arguments import Duration, Spread, as_spread, bounds, to_steps
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.validate import as_number, check_kind

__all__ = ["Timeline", "draw_spread", "shared_epochs", "white_noise"]


class Timeline:
    """Phases that follow one another, with durations that may differ between trials.

    A duration is a number of ms, a range ``(low, high)`` to draw from uniformly, or a list of
    equally likely values. All trials have as many steps as the longest possible one; the steps
    after the end of a shorter trial belong to no phase.

    Durations are rounded to whole steps after they were drawn, half a step to the even number. The
    two ends of a range are hence half as likely as the steps between them; a list of values has no
    such edge.

    Args:
        draws: Random numbers of the trials.
        dt: Duration of a step, in ms.
        durations: Name and duration of each phase, in order. A tensor holds one duration for
            each trial and needs ``longest``.
        longest: Duration of the longest possible trial, in ms; by default what the durations
            allow.

    Attributes:
        n_steps: Steps of the longest possible trial.
        step: Number of each step, ``(n_steps,)``.
        starts: First step of each phase, by name, ``(n_trials, 1)``.
        stops: Step after the last of each phase, by name, ``(n_trials, 1)``.

    Raises:
        TypeError: If a duration is of another kind.
        ValueError: If a duration is negative or shorter than ``dt``, a range is empty, or a tensor
            comes without ``longest``.

    Example:
        >>> durations = {"cue": 200.0, "delay": [100.0, 300.0]}
        >>> time = Timeline(TrialRandom(0, range(2)), 100.0, durations)
        >>> time.n_steps, time.during("cue")[0]
        (5, tensor([ True,  True, False, False, False]))
        >>> time.on("cue")[0], time.elapsed("delay")[0]
        (tensor([1., 1., 0., 0., 0.]), tensor([-200., -100.,    0.,  100.,  200.]))
        >>> time.duration("cue"), time.epochs["cue"][0]
        (tensor([200., 200.]), tensor([  0., 200.]))
    """

    def __init__(
        self,
        draws: TrialRandom,
        dt: float,
        durations: Mapping[str, Duration | Tensor],
        longest: float | None = None,
    ) -> None:
        check_kind("draws", draws, TrialRandom, "take TrialRandom(seed, indices)")
        check_kind("durations", durations, Mapping, "name each phase: {'cue': 200.0}")  # type: ignore[type-abstract]
        self.dt, self.starts, self.stops = as_number("dt", dt, above=0, unit="ms"), {}, {}
        longest = None if longest is None else as_number("longest", longest, low=0, unit="ms")
        stop, total = torch.zeros(draws.n_trials, 1, dtype=torch.int64), 0
        for name, duration in durations.items():
            if isinstance(duration, Tensor) and longest is None:
                raise ValueError(f"expected longest=... for a {name} of each trial, got none")
            n_steps, most = _draw_steps(draws, name, duration, dt)
            self.starts[name], self.stops[name] = stop, stop + n_steps
            stop, total = self.stops[name], total + most
        self.n_steps = total if longest is None else to_steps("longest", longest, dt)
        self.step = torch.arange(self.n_steps)

    def during(self, first: str, last: str | None = None) -> Tensor:
        """Return whether a step lies in a phase, or in any phase from first to last.

        Args:
            first: Name of the phase.
            last: Name of the last one, if there are several.

        Returns:
            True or False for each step, ``(n_trials, time)``.
        """
        stop = self.stops[last or first]
        return (self.step >= self.starts[first]) & (self.step < stop)

    def on(self, first: str, last: str | None = None) -> Tensor:
        """Return :meth:`during` as numbers, 0 or 1, in torch's default precision."""
        return self.during(first, last).to(torch.get_default_dtype())

    def elapsed(self, name: str) -> Tensor:
        """Return the time since a phase began, in ms, negative before, ``(n_trials, time)``."""
        return (self.step - self.starts[name]) * self.dt

    def duration(self, name: str) -> Tensor:
        """Return the duration of a phase, in ms, ``(n_trials,)``."""
        return ((self.stops[name] - self.starts[name]) * self.dt).squeeze(-1)

    @property
    def epochs(self) -> dict[str, Tensor]:
        """Start and stop of each phase, in ms, ``(n_trials, 2)``."""
        first = next(iter(self.starts.values()))
        edges = torch.cat([first, *self.stops.values()], dim=-1) * self.dt
        return {name: edges[:, k : k + 2] for k, name in enumerate(self.starts)}


def shared_epochs(epochs: Mapping[str, tuple[float, float]], n_trials: int) -> dict[str, Tensor]:
    """Return epochs that all trials share, repeated for each trial.

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


def white_noise(draws: TrialRandom, sigma: float, dt: float, *shape: int) -> Tensor:
    r"""Return input noise whose effect does not depend on the step.

    .. math:: \sigma \sqrt{20\,\mathrm{ms} / \Delta t}\; N(0, 1)

    Args:
        draws: Random numbers of the trials.
        sigma: Standard deviation at ``dt`` = 20 ms.
        dt: Duration of a step, in ms.
        *shape: Shape of the noise of a trial.

    Returns:
        Noise ``(n_trials, *shape)``.

    Example:
        >>> white_noise(TrialRandom(0, range(2)), 0.1, 20.0, 50, 3).shape
        torch.Size([2, 50, 3])
    """
    check_kind("draws", draws, TrialRandom, "take TrialRandom(seed, indices)")
    sigma, dt = as_number("sigma", sigma, low=0), as_number("dt", dt, above=0, unit="ms")
    if sigma == 0:
        return torch.zeros(draws.n_trials, *shape)
    return draws.normal(*shape).mul_(sigma * (20.0 / dt) ** 0.5)


def draw_spread(draws: TrialRandom, spread: Spread) -> Tensor:
    """Return a number, or draws from a range or a list, for each trial.

    Args:
        draws: Random numbers of the trials.
        spread: A number, a range ``(low, high)`` or a list of equally likely values.

    Returns:
        One value for each trial, ``(n_trials,)``, float64.

    Example:
        >>> draw_spread(TrialRandom(1, range(3)), [100.0, 300.0])
        tensor([100., 300., 300.], dtype=torch.float64)
    """
    if isinstance(spread, tuple):
        return draws.uniform(low=spread[0], high=spread[1])
    if isinstance(spread, list):
        return draws.choice([float(value) for value in spread]).double()
    return torch.full((draws.n_trials,), float(spread), dtype=torch.float64)


def _draw_steps(
    draws: TrialRandom, name: str, duration: Duration | Tensor, dt: float
) -> tuple[Tensor | int, int]:
    """Return the number of steps of a phase, ``(n_trials, 1)`` or for all, and the largest one.

    For a tensor of durations, the largest one is not known and returned as 0.
    """
    if isinstance(duration, Tensor):
        n_steps = _round(duration, dt)
        is_bad = (n_steps.squeeze(-1) < 1) & (duration != 0)
        if is_bad.any():
            to_steps(name, float(duration[is_bad][0]), dt)  # raises
        return n_steps, 0
    if not isinstance(duration, float):
        duration = as_spread(name, duration, low=0, unit="ms")
    most = max(to_steps(name, bound, dt) for bound in bounds(duration))
    if isinstance(duration, float):
        return most, most
    return _round(draw_spread(draws, duration), dt), most


def _round(durations: Tensor, dt: float) -> Tensor:
    """Return durations in ms as numbers of steps, ``(n_trials, 1)``."""
    return (durations.double() / dt).round().long().unsqueeze(-1)
