"""Timing: produce an interval, compare two intervals."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pyrnn.tasks._arguments import (
    Duration,
    FixedDuration,
    NonNegative,
    Positive,
    PositiveDuration,
    as_numbers,
    bounds,
)
from pyrnn.tasks._base import Task
from pyrnn.tasks._choice import ChoiceTask
from pyrnn.tasks._timeline import Timeline, white_noise
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom

__all__ = ["IntervalDiscrimination", "ReadySetGo"]

_MOST_BEYOND = 10.0


@dataclass(eq=False)
class ReadySetGo(Task):
    r"""Reproduce the interval between two pulses.

    The set pulse follows the ready pulse after an interval :math:`t_s`. From the set pulse on, the
    output must ramp,

    .. math:: y(t) = \frac{t - t_{set}}{g\,t_s} .

    The network answers when its output crosses the threshold 1; for the target this is after
    :math:`g\,t_s`. The ramp is scored until a little beyond the threshold, so that the time of
    the crossing is well defined. An answer may come later, until the trial ends.

    Args:
        interval: Interval between the pulses, in ms.
        gains: Gains :math:`g`, equally likely.
        fixation: Time before the ready pulse, in ms.
        pulse: Duration of the pulses, in ms.
        beyond: How far the target ramps beyond the threshold, as a share of it; more than the 10 %
            within which an answer is right.
        noise: Standard deviation of the input noise at ``dt`` = 20 ms.

    Shapes:
        inputs ``(time, 3)``: ready, set, gain. targets ``(time, 1)``. The metric is the mean
        absolute error of the produced interval in ms, where no answer counts as an error of the
        whole interval; the accuracy is the share of trials with an error below 10 % of the
        interval. :meth:`share_answered` is the share of trials with an answer.

    Raises:
        ValueError: If a time is shorter than ``dt``, the pulses overlap, or the ramp ends too
            early to tell a late answer from none.

    Example:
        >>> task = ReadySetGo(interval=500.0, seed=0)
        >>> _, targets, mask = task.batch(2)
        >>> task.metric(targets, targets, mask), task.produced(targets, targets)
        (0.0, tensor([500., 500.]))
        >>> task.share_answered(0 * targets, targets), task.metric(0 * targets, targets, mask)
        (0.0, 500.0)

    References:
        Jazayeri & Shadlen, *Temporal context calibrates interval timing*, Nature Neuroscience 13
        (2010); Sohn et al., *Bayesian computation through cortical latent dynamics*, Neuron 103
        (2019).
    """

    interval: PositiveDuration = (400.0, 1000.0)
    gains: tuple[float, ...] = (1.0,)
    _: KW_ONLY
    dt: float = 20.0
    fixation: Duration = (100.0, 300.0)
    pulse: FixedDuration = 60.0
    beyond: NonNegative = 0.2
    noise: NonNegative = 0.01

    metric_name: ClassVar[str] = "production error (ms)"
    metric_goal: ClassVar[str] = "min"
    input_names: ClassVar[tuple[str, ...]] = ("ready", "set", "gain")
    output_names: ClassVar[tuple[str, ...]] = ("ramp",)
    tolerance: ClassVar[float] = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gains = as_numbers("gains", self.gains, above=0)
        if self.steps(self.pulse) > min(bounds(self.interval)) / self.dt:
            raise ValueError(
                f"expected a pulse between dt = {self.dt} ms and the shortest interval, got "
                f"{self.pulse} and {self.interval}"
            )
        self._check_beyond()

    def _check_beyond(self) -> None:
        """Check that targets reach the threshold, and that right answers fit into the trial."""
        shortest = self.steps(min(bounds(self.interval))) * self.dt * min(self.gains)
        longest = max(bounds(self.interval)) * max(self.gains)
        least = max(self.tolerance + self.dt / longest, 1.5 * self.dt / shortest)
        if not least - 1e-9 <= self.beyond <= _MOST_BEYOND:
            raise ValueError(
                f"expected beyond of at least {least:.3g} for these intervals, as answers up to "
                f"{self.tolerance:.0%} too late are right, got {self.beyond}; at most "
                f"{_MOST_BEYOND:g} make sense"
            )

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        gain = draws.choice(self.gains).double()
        longest = max(bounds(self.interval)) * max(self.gains) * (1 + self.beyond)
        phases = {"fixation": self.fixation, "interval": self.interval, "produce": longest}
        time = Timeline(draws, self.dt, phases)
        sample = time.duration("interval")
        ready, go = time.elapsed("interval"), time.elapsed("produce")
        inputs = white_noise(draws, self.noise, self.dt, time.n_steps, 3)
        for channel, t in enumerate((ready, go)):
            inputs[..., channel] += (t >= 0) & (t < self.pulse)
        inputs[..., 2] += gain[:, None]
        asked = (gain * sample)[:, None]
        end = (asked * (1 + self.beyond) / self.dt).round() * self.dt
        mask = (go < end).double()
        targets = (mask * go.clamp(min=0) / asked).unsqueeze(-1)
        info = {"interval": sample, "gain": gain, "produced": asked.squeeze(1)}
        return Trial(inputs, targets, mask, info, time.epochs)

    def produced(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the time from the set pulse to the crossing of the threshold in each trial.

        The crossing is interpolated between steps. An output that is above the threshold at the
        set pulse already has produced 0 ms.

        Args:
            outputs: A network's outputs, ``(..., time, 1)``.
            targets: The targets, ``(..., time, 1)``.

        Returns:
            Times in ms, ``(...,)``; NaN where the threshold is not reached until the trial ends.

        Example:
            >>> task = ReadySetGo(interval=500.0)
            >>> _, targets, _ = task.batch(2)
            >>> task.produced(0.5 * targets, targets)  # up to 0.6
            tensor([nan, nan])
        """
        onset = (targets[..., 0] > 0).double().argmax(-1, keepdim=True) - 1
        n_steps = torch.arange(outputs.shape[-2], device=outputs.device) - onset  # after set
        above = (outputs[..., 0] >= 1) & (n_steps > 0)
        step = above.double().argmax(-1, keepdim=True)
        after = outputs[..., 0].gather(-1, step)
        before = outputs[..., 0].gather(-1, (step - 1).clamp(min=0))
        late = ((after - 1) / (after - before).clamp(min=1e-9)).clamp(0, 1)
        time = (n_steps.gather(-1, step) - late).squeeze(-1) * self.dt
        return torch.where(above.any(-1), time, torch.nan)

    def share_answered(self, outputs: Tensor, targets: Tensor) -> float:
        """Return the share of trials whose output reaches the threshold before the trial ends.

        Args:
            outputs: A network's outputs, ``(..., time, 1)``.
            targets: The targets, ``(..., time, 1)``.
        """
        return float((~self.produced(outputs, targets).isnan()).double().mean())

    def strategies(self, batch: Trial) -> dict[str, Tensor]:
        """Return ramps of who always produces the median interval, without measuring it."""
        time = (torch.arange(batch.mask.shape[1]) * self.dt).to(batch.targets)
        since_set = time - batch.epochs["produce"][:, :1].to(batch.targets)
        ramps = since_set.clamp(min=0) / batch.info["produced"].median().to(batch.targets)
        return {"mean interval": ramps.unsqueeze(-1)}

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of trials whose produced interval is less than 10 % wrong."""
        asked = self.produced(targets, targets)
        error = (self.produced(outputs, targets) - asked).abs()
        return float((error < self.tolerance * asked).double().mean())

    def metric(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the mean absolute error of the produced interval, in ms.

        A trial without an answer has an error of the whole interval that was asked for.
        """
        asked = self.produced(targets, targets)
        error = (self.produced(outputs, targets) - asked).abs()
        return float(torch.where(error.isnan(), asked, error).mean())


@dataclass(eq=False)
class IntervalDiscrimination(ChoiceTask):
    r"""Decide which of two stimuli was longer.

    .. math:: y = \mathrm{sign}(d_1 - d_2), \qquad |d_1 - d_2| \ge \mathrm{difference}

    Args:
        intervals: Range of the two durations, in ms.
        difference: Smallest difference of the two durations, in ms, rounded up to whole steps.
        fixation: Time before the first stimulus, in ms.
        delay: Time between the stimuli, in ms.
        decision: Time to decide, in ms; only these steps are scored.
        noise: Standard deviation of the input noise at ``dt`` = 20 ms.

    Shapes:
        inputs ``(time, 2)``: first stimulus, second stimulus. targets ``(time, 1)``: 1 if the
        first was longer, -1 if the second was. The metric is the share of right choices.

    Raises:
        ValueError: If a time is shorter than ``dt``, or the difference does not fit in the range.

    Example:
        >>> info = IntervalDiscrimination(seed=0)[0].info
        >>> sorted(info)
        ['choice', 'delay', 'difference', 'first', 'second']

    References:
        Genovesio, Tsujimoto & Wise, *Feature- and order-based timing representations in the
        frontal cortex*, Neuron 63 (2009).
    """

    intervals: tuple[float, float] = (300.0, 600.0)
    _: KW_ONLY
    dt: float = 20.0
    difference: Positive = 60.0
    fixation: Duration = 100.0
    delay: Duration = (800.0, 1500.0)
    decision: PositiveDuration = 300.0
    noise: NonNegative = 0.01

    input_names: ClassVar[tuple[str, ...]] = ("first", "second")
    cues: ClassVar[tuple[str | tuple[str, ...], ...]] = ("first", "second", "delay")

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = as_numbers("intervals", self.intervals, above=0, size=2)
        self.intervals = low, high
        if not self.dt <= self.difference <= self._least_difference < high - low:
            raise ValueError(
                f"expected a difference of at least dt = {self.dt} ms that fits into the "
                f"intervals, got {self.difference} and {self.intervals} ms"
            )

    @property
    def _least_difference(self) -> float:
        """Smallest difference in whole steps, so that it outlasts rounding of both durations."""
        return math.ceil(self.difference / self.dt - 1e-9) * self.dt

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        first, second = self._pair(draws)
        others = {"fixation": self.fixation, "delay": self.delay, "decision": self.decision}
        n_steps = sum(self.steps(max(bounds(value))) for value in others.values())
        longest = (n_steps + 2 * self.steps(self.intervals[1])) * self.dt
        phases = {"fixation": self.fixation, "first": first, "delay": self.delay}
        phases |= {"second": second, "decision": self.decision}
        time = Timeline(draws, self.dt, phases, longest)
        inputs = white_noise(draws, self.noise, self.dt, time.n_steps, 2)
        inputs[..., 0] += time.during("first")
        inputs[..., 1] += time.during("second")
        first, second = time.duration("first"), time.duration("second")
        info = {"first": first, "second": second, "delay": time.duration("delay")}
        info |= {"difference": first - second, "choice": (first - second).sign()}
        return self.decided(inputs, time, info)

    def _pair(self, draws: TrialRandom) -> tuple[Tensor, Tensor]:
        """Return two durations that differ enough, the longer one first or second."""
        (low, high), least = self.intervals, self._least_difference
        short = draws.uniform(low=low, high=high - least)
        long = short + least + draws.uniform() * (high - short - least)
        swap = draws.sign() > 0
        return torch.where(swap, short, long), torch.where(swap, long, short)
