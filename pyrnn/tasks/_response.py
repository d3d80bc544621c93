"""Responses in space: point to a stimulus, or away from it, after a delay."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from pyrnn.tasks._arguments import Duration, NonNegative, Positive, PositiveDuration, bounds
from pyrnn.tasks._base import Task
from pyrnn.tasks._rings import ring_of_angle
from pyrnn.tasks._timeline import white_noise
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.tasks.scores import angle_between, last_scored
from pyrnn.validate import as_integer, as_names

__all__ = ["DelayedResponse"]


@dataclass(eq=False)
class DelayedResponse(Task):
    r"""Point to a stimulus, or to the opposite side, after a delay.

    A stimulus is shown at an angle :math:`\theta` during fixation. When the fixation input turns
    off after a delay, the outputs must point to :math:`\theta` (rule "pro") or to
    :math:`\theta + \pi` (rule "anti"). The first ``grace`` ms of this time are not scored. With
    :math:`r` the rule,

    .. math:: y = (1, 0, 0) \text{ before}, \qquad
        y = (0, r\cos\theta, r\sin\theta) \text{ after the go signal}, \qquad r = \pm 1 .

    Args:
        rules: Rules to mix, of ``"pro"`` and ``"anti"``.
        fixation: Time before the stimulus, in ms.
        stimulus: Duration of the stimulus, in ms.
        delay: Time from the stimulus to the go signal, in ms.
        go: Time to respond, in ms.
        grace: Time to react, in ms, which is not scored.
        ring_size: Number of units of a ring that code the angle; 0 for cosine and sine.
        go_weight: Weight of the steps of the response; the others have weight 1.
        noise: Standard deviation of the input noise at ``dt`` = 20 ms.

    Shapes:
        inputs ``(time, 4)``: fixation, cos, sin, rule (1 pro, -1 anti); with a ring, its units
        replace cos and sin. targets ``(time, 3)``: fixation, cos, sin. The metric is the share of
        trials that end within 36 degrees of the target with fixation released.

    Raises:
        ValueError: If a rule is unknown, a time is shorter than ``dt``, or the grace is too long.

    Example:
        >>> DelayedResponse(rules=("anti",), ring_size=32).batch(64).inputs.shape
        torch.Size([64, 155, 34])

    References:
        Yang et al., *Task representations in neural networks trained to perform many cognitive
        tasks*, Nature Neuroscience 22 (2019). There, stimuli come on two rings, each rule has an
        input channel, the response is a ring that is read as a population vector, and the fixation
        output counts twice in the loss. Here there is one stimulus, one channel for the rule,
        outputs for cosine and sine, and all outputs count the same.
    """

    rules: tuple[str, ...] = ("pro", "anti")
    _: KW_ONLY
    dt: float = 20.0
    fixation: Duration = (300.0, 700.0)
    stimulus: Duration = 300.0
    delay: Duration = field(default_factory=lambda: [200.0, 400.0, 800.0, 1600.0])
    go: PositiveDuration = 500.0
    grace: NonNegative = 100.0
    ring_size: int = 0
    go_weight: Positive = 5.0
    noise: NonNegative = 0.03

    output_names: ClassVar[tuple[str, ...]] = ("fixation", "cos", "sin")
    cues: ClassVar[tuple[str | tuple[str, ...], ...]] = ("angle", "rule", "delay")
    tolerance: ClassVar[float] = math.radians(36)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ring_size = as_integer("ring_size", self.ring_size, low=0)
        self.rules = tuple(as_names("rules", self.rules, ("pro", "anti")))
        if not self.rules:
            raise ValueError("expected rules to hold pro, anti or both, got none")
        if self.grace >= min(bounds(self.go)):
            raise ValueError(f"expected a grace shorter than go = {self.go} ms, got {self.grace}")

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """Names of the input channels."""
        ring = tuple(f"ring {k}" for k in range(self.ring_size)) or ("cos", "sin")
        return ("fixation", *ring, "rule")

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        angle = draws.uniform(high=2 * math.pi)
        rule = draws.choice([1.0 if rule == "pro" else -1.0 for rule in self.rules]).double()
        time = self.timeline(draws, "fixation", "stimulus", "delay", "go")
        dtype = torch.get_default_dtype()
        go, shown = time.during("go").to(dtype), time.during("stimulus").to(dtype)
        fixate = time.during("fixation", "delay").to(dtype)
        shape = time.n_steps, len(self.input_names)
        inputs = white_noise(draws, self.noise, self.dt, *shape).to(dtype)
        inputs[..., 0] += fixate
        inputs[..., 1:-1].addcmul_(shown.unsqueeze(-1), self._code(angle)[:, None].to(dtype))
        inputs[..., -1] += rule[:, None]
        response = angle + math.pi * (rule < 0)
        aims = torch.stack([response.cos(), response.sin()]).to(dtype).unsqueeze(-1)
        targets = torch.stack([fixate, *(go * aims)], dim=-1)
        mask = fixate + self.go_weight * go * (time.elapsed("go") >= self.grace)
        info = {"angle": angle, "rule": rule, "response": response % (2 * math.pi)}
        info["delay"] = time.duration("delay")
        return Trial(inputs, targets, mask, info, time.epochs)

    def _code(self, angle: Tensor) -> Tensor:
        """Return an angle as cosine and sine, or as a bump of activity on a ring."""
        if not self.ring_size:
            return torch.stack([angle.cos(), angle.sin()], dim=-1)
        return ring_of_angle(angle, self.ring_size)

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of trials that end within 36 degrees with fixation released.

        The tolerance is that of Yang et al. (2019).
        """
        answer, truth = last_scored(outputs, mask), last_scored(targets, mask)
        error = angle_between(answer[..., 1:], truth[..., 1:]).abs()
        return float(((error < self.tolerance) & (answer[..., 0] < 0.5)).double().mean())
