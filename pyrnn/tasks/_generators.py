"""Generation of patterns: a sine of a given frequency, a chirp after a pulse."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pyrnn.tasks._arguments import Count, Duration, FixedDuration, NonNegative, Positive
from pyrnn.tasks._base import Task
from pyrnn.tasks._timeline import Timeline, white_noise
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom

__all__ = ["PulseToChirp", "SineGenerator"]


@dataclass(eq=False)
class SineGenerator(Task):
    r"""Generate a sine; a constant input says its frequency.

    .. math:: x_1 = \frac{j}{n} + \frac{1}{4}, \qquad y(t) = \sin(w_j t), \quad j = 0, \dots, n - 1

    where :math:`w_j` goes from ``low`` to ``high`` in equal steps. A pulse on a second channel
    starts the sine. The cue lies between 1/4 and 5/4 for any number of frequencies; with 51 of
    them, it is the cue of the paper.

    Args:
        n_frequencies: Number :math:`n` of frequencies.
        duration: Duration of a trial, in ms.
        low: Lowest angular frequency, in rad per unit of time.
        high: Highest angular frequency, in rad per unit of time.
        unit: Unit of time of the frequencies, in ms, such as the network's time constant.
        start_pulse: Duration of the start pulse, in ms.

    Shapes:
        inputs ``(time, 2)``: frequency cue, start pulse. targets ``(time, 1)``. The metric is R².

    Raises:
        ValueError: If a time is shorter than ``dt``, or ``low`` is above ``high``.

    Example:
        >>> task = SineGenerator(seed=0)
        >>> inputs, targets, _ = task.batch(64)
        >>> inputs.shape, bool(targets.abs().max() <= 1)
        (torch.Size([64, 100, 2]), True)

    References:
        Sussillo & Barak, *Opening the black box*, Neural Computation 25 (2013).
    """

    n_frequencies: Count = 51
    _: KW_ONLY
    dt: float = 20.0
    duration: FixedDuration = 2000.0
    low: Positive = 0.1
    high: Positive = 0.6
    unit: Positive = 100.0
    start_pulse: FixedDuration = 100.0

    metric_name: ClassVar[str] = "R²"
    input_names: ClassVar[tuple[str, ...]] = ("frequency cue", "start")
    output_names: ClassVar[tuple[str, ...]] = ("sine",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low > self.high:
            raise ValueError(f"expected low <= high, got {self.low} and {self.high}")
        if self.steps(self.start_pulse) >= self.steps(self.duration):
            raise ValueError(
                f"expected a start_pulse between dt = {self.dt} and duration = {self.duration} "
                f"ms, got {self.start_pulse}"
            )

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        j = draws.integers(0, self.n_frequencies)
        table = torch.linspace(self.low, self.high, self.n_frequencies, dtype=torch.float64)
        time = torch.arange(self.steps(self.duration)).double() * self.dt
        cue = (j / self.n_frequencies + 0.25)[:, None].expand(-1, len(time))
        start = (time < self.start_pulse).double().expand(draws.n_trials, -1)
        targets = (table[j][:, None] * time / self.unit).sin()
        info = {"frequency": table[j] / self.unit * (1000 / (2 * math.pi))}
        return Trial(torch.stack([cue, start], dim=-1), targets.unsqueeze(-1), info=info)


@dataclass(eq=False)
class PulseToChirp(Task):
    r"""Generate a chirp after a pulse.

    A period consists of ``silence`` and ``rest``; the rest begins with a pulse of height 1. For
    ``chirp`` ms from the onset :math:`t_0` of the pulse, the target is

    .. math:: y(t) = \sin\big(2\pi\, r\,(t - t_0)^2\big) ,

    with time in seconds; otherwise it is 0. The frequency rises by :math:`2r` hertz per second.

    With a ``silence`` of one duration, trials differ by their noise only: a network need not see
    the pulse, it may count the time from the start of the trial. Drawn from a range, such as
    ``silence=(500.0, 1500.0)``, the pulse is needed. A constant output of 0 has an MSE of 0.157.

    Args:
        n_periods: Number of periods in a trial.
        silence: Time before each pulse, in ms.
        pulse: Duration of the pulse, in ms.
        rest: Time from the pulse's onset to the end of the period, in ms.
        chirp: Duration of the chirp, in ms.
        rate: Rate :math:`r` of the chirp, in 1/s².
        noise: Standard deviation of the input noise at ``dt`` = 20 ms.

    Shapes:
        inputs and targets ``(time, 1)``. The metric is the mean squared error.

    Raises:
        ValueError: If the chirp or the pulse outlasts the period, a time is shorter than ``dt``,
            or the chirp is too fast for ``dt``.

    Example:
        >>> trial = PulseToChirp(dt=5.0)[0]
        >>> {name: span.tolist() for name, span in trial.epochs.items()}
        {'silence': [0.0, 1000.0], 'chirp': [1000.0, 2000.0], 'rest': [2000.0, 3000.0]}

    References:
        Rockpool's tutorial on training rate-based networks, rockpool.ai (SynSense).
    """

    n_periods: Count = 1
    _: KW_ONLY
    dt: float = 1.0
    silence: Duration = 1000.0
    pulse: FixedDuration = 50.0
    rest: FixedDuration = 2000.0
    chirp: FixedDuration = 1000.0
    rate: Positive = 10.0
    noise: NonNegative = 0.01

    metric_name: ClassVar[str] = "MSE"
    metric_goal: ClassVar[str] = "min"
    input_names: ClassVar[tuple[str, ...]] = ("pulse",)
    output_names: ClassVar[tuple[str, ...]] = ("chirp",)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("pulse", "chirp"):
            if self.steps(getattr(self, name)) > self.steps(self.rest):
                raise ValueError(
                    f"expected a {name} that ends within rest = {self.rest} ms, got "
                    f"{getattr(self, name)} ms"
                )
        fastest = 2 * self.rate * self.chirp / 1000
        if fastest * self.dt > 500:
            raise ValueError(
                f"expected at least 2 steps per cycle, got a chirp up to {fastest} Hz at "
                f"dt = {self.dt} ms; choose a smaller dt"
            )

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        periods = range(self.n_periods)
        phases: dict[str, Duration | Tensor] = {}
        for k in periods:
            phases |= {f"silence {k}": self.silence, f"rest {k}": self.rest}
        time = Timeline(draws, self.dt, phases)
        is_pulse, target = torch.zeros(2, draws.n_trials, time.n_steps, dtype=torch.float64)
        for k in periods:
            since = time.elapsed(f"rest {k}").double()
            is_pulse += (since >= 0) & (since < self.pulse)
            is_chirp = (since >= 0) & (since < self.chirp)
            target += is_chirp * torch.sin(2 * math.pi * self.rate * (since / 1000) ** 2)
        noise = white_noise(draws, self.noise, self.dt, time.n_steps, 1)
        mask = time.during("silence 0", f"rest {self.n_periods - 1}").double()
        inputs = is_pulse.unsqueeze(-1) + noise
        return Trial(inputs, target.unsqueeze(-1), mask, epochs=self._epochs(time))

    def _epochs(self, time: Timeline) -> dict[str, Tensor]:
        """Return the spans of the first period, by name."""
        (start, onset), (_, end) = (time.epochs[f"{name} 0"].T for name in ("silence", "rest"))
        edges = {"silence": (start, onset), "chirp": (onset, onset + self.chirp)}
        edges["rest"] = onset + self.chirp, end
        return {name: torch.stack(span, dim=-1) for name, span in edges.items()}

    def metric(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the mean squared error at scored steps."""
        error = (outputs - targets).square().mean(-1)
        return float((error * mask).sum() / mask.sum())
