"""Rules of Yang et al. (2019): stimuli on two rings, and a response on a ring."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from pyrnn.tasks._arguments import Count, Duration, NonNegative, Positive
from pyrnn.tasks._base import Task
from pyrnn.tasks._rings import angle_of_ring, ring_of_angle
from pyrnn.tasks._timeline import Timeline, white_noise
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.tasks.scores import last_scored

__all__ = ["Decide", "Go", "Match", "RingTask", "ring_accuracy"]

_PHASES = ("fixation", "stimulus", "delay", "stimulus 2", "delay 2", "response")
_RESPONSE = 500.0  # ms
_SHORT = [200.0, 400.0, 600.0]
_DELAYS = [200.0, 400.0, 800.0, 1600.0]
_UNSCORED = 100.0  # ms at the start of a trial
_FIXATION, _BASELINE = 0.8, 0.05  # targets: fixation while it is kept, all others
_TOLERANCE = math.radians(36)
_CENTERS = [math.pi * (0.1 + 0.2 * k) for k in range(10)]  # angles to tell categories apart


class Stimulus(NamedTuple):
    """A stimulus that is shown from the first to the last of two phases."""

    first: str
    last: str
    angle: Tensor  # (n_trials,)
    strength: Tensor  # on each ring, (n_trials, 2)


@dataclass(eq=False)
class RingTask(Task):
    """Respond to stimuli on two rings with an angle on a ring, or keep fixation.

    All rules have the same phases; those that a rule lacks last 0 ms.

    Args:
        ring_size: Number of units of each ring.
        noise: Standard deviation of the input noise at ``dt`` = 20 ms.
        grace: Time to react, in ms, which is not scored.
        go_weight: Weight of the steps of the response; the others have weight 1.

    Subclassing:
        Write ``durations``, ``is_cued`` and ``draw``.

    Example:
        >>> Go("delayed").batch(64).inputs.shape
        torch.Size([64, 170, 65])
    """

    _: KW_ONLY
    dt: float = 20.0
    ring_size: Count = 32
    noise: NonNegative = 0.0316
    grace: NonNegative = 100.0
    go_weight: Positive = 5.0

    @property
    def durations(self) -> Mapping[str, Duration]:
        """Durations of the phases of the rule, in ms."""
        raise NotImplementedError

    @property
    def is_cued(self) -> bool:
        """Whether the fixation input turns off when the response is due."""
        raise NotImplementedError

    def draw(self, draws: TrialRandom) -> tuple[list[Stimulus], Tensor, Tensor]:
        """Return stimuli, the angle of each response, and whether there is one.

        Args:
            draws: Random numbers of the trials.
        """
        raise NotImplementedError

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """Names of the input channels."""
        return ("fixation", *_units("ring 1", self.ring_size), *_units("ring 2", self.ring_size))

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return ("fixation", *_units("response", self.ring_size))

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        stimuli, response, responds = self.draw(draws)
        time = Timeline(draws, self.dt, {name: self.durations.get(name, 0.0) for name in _PHASES})
        inputs = white_noise(draws, self.noise, self.dt, time.n_steps, 1 + 2 * self.ring_size)
        inputs[..., 0] += time.on("fixation", "delay 2" if self.is_cued else "response")
        for first, last, angle, strength in stimuli:
            bump = strength[..., None] * ring_of_angle(angle, self.ring_size)[:, None]
            shown = time.on(first, last).to(inputs)
            inputs[..., 1:] += shown[..., None] * bump.flatten(1)[:, None].to(inputs)
        targets, mask = self._asked(time, response, responds)
        info = {"angle": stimuli[0].angle, "angle 2": stimuli[-1].angle}
        info |= {"response": response, "responds": responds}
        return Trial(inputs, targets, mask, info, time.epochs)

    def _asked(self, time: Timeline, response: Tensor, responds: Tensor) -> tuple[Tensor, Tensor]:
        """Return the targets, and the weights of the steps."""
        due, waits = time.on("response"), time.on("fixation", "delay 2")
        goes = (due * responds[:, None]).unsqueeze(-1)
        bump = ring_of_angle(response, self.ring_size)[:, None].to(due)
        fixation = _BASELINE + (_FIXATION - _BASELINE) * (1 - goes)
        targets = torch.cat([fixation, _BASELINE + goes * bump], dim=-1)
        scored = due * (time.elapsed("response") >= self.grace)
        return targets, waits * (time.step * self.dt >= _UNSCORED) + self.go_weight * scored

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of trials that end right, by :func:`ring_accuracy`."""
        return ring_accuracy(outputs, targets, mask)


def ring_accuracy(outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
    """Return the share of trials that end with the right response, or with fixation.

    The first output is fixation; above 0.5 it is kept. The population vector of the others must
    be within 36 degrees of that of the target, unless fixation must be kept.

    Example:
        >>> targets = Go("fixed").batch(8).targets
        >>> ring_accuracy(targets, targets, torch.ones(targets.shape[:2]))
        1.0
    """
    answer, truth = last_scored(outputs, mask), last_scored(targets, mask)
    keeps, must_keep = answer[..., 0] > 0.5, truth[..., 0] > 0.5
    error = angle_of_ring(answer[..., 1:]) - angle_of_ring(truth[..., 1:])
    is_near = torch.atan2(error.sin(), error.cos()).abs() < _TOLERANCE
    return float(torch.where(must_keep, keeps, ~keeps & is_near).double().mean())


@dataclass(eq=False)
class Go(RingTask):
    """Point to a stimulus, or to the opposite side, by one of three timings.

    Args:
        timing: ``"fixed"``: the stimulus stays, and fixation turns off to ask for the response;
            ``"reaction"``: the stimulus itself asks for it; ``"delayed"``: the stimulus ends
            before.
        anti: Whether to point to the opposite side.

    Example:
        >>> list(Go("reaction").durations)
        ['fixation', 'response']
    """

    timing: str = "fixed"
    anti: bool = False

    @property
    def durations(self) -> Mapping[str, Duration]:
        """Durations of the phases, in ms."""
        if self.timing == "fixed":
            return {"fixation": (300.0, 700.0), "stimulus": (500.0, 1500.0), "response": _RESPONSE}
        if self.timing == "reaction":
            return {"fixation": (500.0, 2500.0), "response": _RESPONSE}
        first = {"fixation": [300.0, 500.0, 700.0], "stimulus": _SHORT, "delay": _DELAYS}
        return first | {"response": _RESPONSE}

    @property
    def is_cued(self) -> bool:
        """Whether the fixation input turns off when the response is due."""
        return self.timing != "reaction"

    def draw(self, draws: TrialRandom) -> tuple[list[Stimulus], Tensor, Tensor]:
        """Return the stimulus, the response to it, and that there is one."""
        angle = draws.uniform(high=2 * math.pi)
        first = "response" if self.timing == "reaction" else "stimulus"
        last = "stimulus" if self.timing == "delayed" else "response"
        stimulus = Stimulus(first, last, angle, _one_ring(draws))
        response = (angle + math.pi * self.anti) % (2 * math.pi)
        return [stimulus], response, torch.ones_like(angle, dtype=torch.bool)


@dataclass(eq=False)
class Decide(RingTask):
    """Point to the stronger one of two stimuli.

    The strengths are :math:`s ± c` with :math:`s` from 0.8 to 1.2 and coherence :math:`c`. If one
    ring is relevant, they are drawn for each ring. If both are, the strengths differ between the
    rings by 20 to 80 %, and their sum counts.

    Args:
        shown: Rings that show stimuli.
        relevant: Rings whose strength counts.
        coherences: Coherences, equally likely.
        delayed: Whether the stimuli are shown one after the other.

    Example:
        >>> list(Decide(shown=(1,)).durations)
        ['fixation', 'stimulus', 'response']
    """

    shown: tuple[int, ...] = (1, 2)
    relevant: tuple[int, ...] = (1,)
    coherences: tuple[float, ...] = (0.01, 0.02, 0.04, 0.08)
    delayed: bool = False

    @property
    def durations(self) -> Mapping[str, Duration]:
        """Durations of the phases, in ms."""
        if not self.delayed:
            shown = [400.0, 800.0, 1600.0]
            return {"fixation": (100.0, 400.0), "stimulus": shown, "response": _RESPONSE}
        first: dict[str, Duration] = {"fixation": _SHORT, "stimulus": _SHORT, "delay": _DELAYS}
        return first | {"stimulus 2": _SHORT, "delay 2": (100.0, 300.0), "response": _RESPONSE}

    @property
    def is_cued(self) -> bool:
        """Whether the fixation input turns off when the response is due."""
        return True

    def draw(self, draws: TrialRandom) -> tuple[list[Stimulus], Tensor, Tensor]:
        """Return the stimuli, the angle of the stronger one, and that there is a response."""
        first = draws.uniform(high=2 * math.pi)
        apart = draws.uniform(low=0.5 * math.pi, high=1.5 * math.pi)
        angles = torch.stack([first, (first + apart) % (2 * math.pi)], dim=-1)
        strength = self._strengths(draws)
        counts = strength[..., [ring - 1 for ring in self.relevant]].sum(-1)
        response = angles.gather(1, counts.argmax(1, keepdim=True)).squeeze(1)
        phases = ("stimulus", "stimulus 2" if self.delayed else "stimulus")
        strength = strength * torch.tensor([float(ring in self.shown) for ring in (1, 2)])
        stimuli = [Stimulus(p, p, angles[:, k], strength[:, k]) for k, p in enumerate(phases)]
        return stimuli, response, torch.ones_like(response, dtype=torch.bool)

    def _strengths(self, draws: TrialRandom) -> Tensor:
        """Return the strength of each stimulus on each ring, ``(n_trials, stimulus, ring)``."""
        mean = draws.uniform(2, low=0.8, high=1.2)
        difference = draws.choice(self.coherences, 2) * draws.sign(2)
        strength = torch.stack([mean + difference, mean - difference], dim=1)
        conflict = draws.uniform(2, low=0.2, high=0.8) * draws.sign(2) / 2
        if len(self.relevant) == 1:
            return strength
        return strength[..., :1] * (1 + torch.stack([conflict, -conflict], dim=-1))


@dataclass(eq=False)
class Match(RingTask):
    """Compare two stimuli; point to the second one, or keep fixation.

    Args:
        by_category: Whether stimuli match that lie in the same half of the ring; otherwise, they
            match at the same angle.
        go_on_match: Whether a match asks for a response; otherwise, a difference does.

    Example:
        >>> task = Match(go_on_match=False)
        >>> info = task.batch(100).info
        >>> bool((info["responds"] == (info["angle"] != info["angle 2"])).all())
        True
    """

    by_category: bool = False
    go_on_match: bool = True

    @property
    def durations(self) -> Mapping[str, Duration]:
        """Durations of the phases, in ms."""
        first = {"fixation": _SHORT, "stimulus": _SHORT, "delay": _DELAYS}
        return first | {"response": _SHORT if self.by_category else _RESPONSE}

    @property
    def is_cued(self) -> bool:
        """Whether the fixation input turns off when the response is due."""
        return False

    def draw(self, draws: TrialRandom) -> tuple[list[Stimulus], Tensor, Tensor]:
        """Return both stimuli, the angle of the second one, and whether to point to it."""
        if self.by_category:
            angle, second = draws.choice(_CENTERS, 2).unbind(-1)
            is_match = (angle < math.pi) == (second < math.pi)
        else:
            angle, is_match = draws.uniform(high=2 * math.pi), draws.sign() > 0
            apart = draws.uniform(low=math.pi / 9, high=17 * math.pi / 9)
            second = torch.where(is_match, angle, (angle + apart) % (2 * math.pi))
        stimuli = [
            Stimulus("stimulus", "stimulus", angle, _one_ring(draws)),
            Stimulus("response", "response", second, _one_ring(draws)),
        ]
        return stimuli, second, is_match == self.go_on_match


def _one_ring(draws: TrialRandom) -> Tensor:
    """Return strengths of a stimulus that is shown on one of the rings, ``(n_trials, 2)``."""
    first = draws.sign() > 0
    return torch.stack([first, ~first], dim=-1).double()


def _units(name: str, size: int) -> tuple[str, ...]:
    return tuple(f"{name} unit {k + 1}" for k in range(size))
