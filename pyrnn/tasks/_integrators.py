"""Integration over time: of angular velocity, of white noise."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pyrnn.tasks._arguments import FixedDuration, NonNegative, Positive
from pyrnn.tasks._base import Task
from pyrnn.tasks._timeline import shared_epochs
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.tasks.scores import angle_between, angle_error

__all__ = ["HeadingIntegrator", "WhiteNoiseIntegrator"]


@dataclass(eq=False)
class HeadingIntegrator(Task):
    r"""Integrate angular velocity into a heading.

    .. math:: \theta(t) = \theta_0 + \int_0^t \omega(s)\,ds, \qquad
        y = (\cos\theta, \sin\theta)

    Every ``hold`` ms, a new velocity is drawn from :math:`[-\omega_{max}, \omega_{max}]`. The
    first ``cue`` ms show the start as cosine and sine; during this time the velocity is 0 and no
    step is scored. Discrete networks (``RNN``) need a curriculum that begins with short trials,
    ``Curriculum(steps=[200, 500, 900], duration=[300.0, 500.0, 1000.0, 2000.0])``. Networks with
    a time constant learn without one, but need twice the time.

    Args:
        duration: Duration of a trial, in ms.
        max_speed: Fastest turn :math:`\omega_{max}`, in rad/s.
        hold: Duration of each velocity, in ms.
        cue: Duration of the cue for the start, in ms.

    Shapes:
        inputs ``(time, 3)``: velocity as a share of the fastest, cos and sin of the start.
        targets ``(time, 2)``: cos, sin. The metric is the mean absolute angle error in degrees;
        the accuracy is the share of scored steps with an error below 10 degrees.

    Raises:
        ValueError: If a time is shorter than ``dt``, or the cue is as long as the trial.

    Example:
        >>> task = HeadingIntegrator(seed=0)
        >>> _, targets, mask = task.batch(64)
        >>> task.metric(targets, targets, mask)
        0.0

    References:
        Cueva et al., *Emergence of functional and structural properties of the head direction
        system by optimization of recurrent neural networks*, ICLR (2020).
    """

    _: KW_ONLY
    dt: float = 20.0
    duration: FixedDuration = 2000.0
    max_speed: Positive = 15.0
    hold: Positive = 20.0
    cue: FixedDuration = 100.0

    metric_name: ClassVar[str] = "angle error (deg)"
    metric_goal: ClassVar[str] = "min"
    input_names: ClassVar[tuple[str, ...]] = ("velocity", "cos start", "sin start")
    output_names: ClassVar[tuple[str, ...]] = ("cos", "sin")
    cues: ClassVar[tuple[str | tuple[str, ...], ...]] = ("start",)
    tolerance: ClassVar[float] = math.radians(10)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps(self.cue) >= self.steps(self.duration):
            raise ValueError(
                f"expected a cue between dt = {self.dt} and duration = {self.duration} ms, "
                f"got {self.cue}"
            )

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        n_steps, n_cue = self.steps(self.duration), self.steps(self.cue)
        start = draws.uniform(high=2 * math.pi)
        time = (torch.arange(n_steps + 1) - n_cue).clamp(min=0).double() * self.dt
        turned = _integral(draws.uniform(math.ceil(time[-1] / self.hold), low=-1), time, self.hold)
        velocity = turned.diff(dim=1) / self.dt
        is_cue = torch.arange(n_steps) < n_cue
        shown = is_cue[:, None] * torch.stack([start.cos(), start.sin()], dim=-1)[:, None]
        angle = start[:, None] + turned[:, 1:] * (self.max_speed / 1000)
        targets = torch.stack([angle.cos(), angle.sin()], dim=-1)
        inputs = torch.cat([velocity.unsqueeze(-1), shown], dim=-1)
        mask = (~is_cue).double().expand(draws.n_trials, -1)
        epochs = {"cue": (0.0, n_cue * self.dt), "turn": (n_cue * self.dt, n_steps * self.dt)}
        return Trial(
            inputs, targets, mask, {"start": start}, shared_epochs(epochs, draws.n_trials)
        )

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of scored steps with an error below 10 degrees."""
        near = angle_between(outputs, targets).abs() < self.tolerance
        return float((near * mask).sum() / mask.sum())

    def metric(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the mean absolute angle error at scored steps, in degrees."""
        return angle_error(outputs, targets, mask)


def _integral(values: Tensor, time: Tensor, hold: float) -> Tensor:
    """Return the integral, up to some times, of a function that is constant for each ``hold``.

    Args:
        values: Values of the function, ``(n_trials, n_values)``.
        time: The times, ``(n_times,)``.
        hold: Duration of each value, in the unit of time.
    """
    total = torch.nn.functional.pad(values.cumsum(1), (1, 0)) * hold
    piece = (time / hold).floor().long().clamp(max=values.shape[1] - 1)
    return total[:, piece] + values[:, piece] * (time - piece * hold)


@dataclass(eq=False)
class WhiteNoiseIntegrator(Task):
    r"""Integrate white noise with a slight bias.

    .. math:: x(t) = b + \frac{\sigma}{\sqrt{\Delta t}} N(0, 1), \quad
        b = 2 \beta\,(N(0, 1) - \tfrac{1}{2}), \qquad y(t) = \frac{1}{u} \int_0^t x(s)\,ds

    with :math:`\Delta t` in seconds and the unit :math:`u` = 40 ms. At ``dt`` = 40 ms the target
    is hence the cumulative sum of the inputs. The bias has a mean of :math:`-\beta` and a standard
    deviation of :math:`2\beta`, as in the source; with the defaults, integrals end at -0.25 on
    average.

    Args:
        duration: Duration of a trial, in ms.
        bias: Scale :math:`\beta` of the bias, which is drawn once for each trial.
        noise: Standard deviation :math:`\sigma` of the noise, for ``dt`` in seconds.

    Shapes:
        inputs and targets ``(time, 1)``. The metric is R².

    Raises:
        ValueError: If the trial is shorter than ``dt``.

    Example:
        >>> inputs, targets, mask = WhiteNoiseIntegrator(seed=0)[0]
        >>> bool((inputs.cumsum(0) - targets).abs().max() < 1e-6)
        True

    References:
        Sussillo, *Integrator RNN tutorial*, computation-thru-dynamics (2020); at ``dt`` = 40 ms it
        is the same task.
    """

    _: KW_ONLY
    dt: float = 40.0
    duration: FixedDuration = 1000.0
    bias: NonNegative = 0.01
    noise: NonNegative = 0.025

    metric_name: ClassVar[str] = "R²"
    input_names: ClassVar[tuple[str, ...]] = ("noise",)
    output_names: ClassVar[tuple[str, ...]] = ("integral",)

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        bias = 2 * self.bias * (draws.normal() - 0.5)
        noise = draws.normal(self.steps(self.duration), 1) * (self.noise / (self.dt / 1000) ** 0.5)
        inputs = bias[:, None, None] + noise
        return Trial(inputs, inputs.cumsum(1) * (self.dt / 40.0), info={"bias": bias})
