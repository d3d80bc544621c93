"""Decisions about noisy evidence: one stream, one of two streams, two senses."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from pyrnn.tasks._arguments import Duration, NonNegative, Positive, PositiveDuration, as_numbers
from pyrnn.tasks._base import Task
from pyrnn.tasks._choice import ChoiceTask
from pyrnn.tasks._timeline import white_noise
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.tasks.scores import last_class_accuracy

__all__ = ["ContextIntegration", "MultisensoryIntegration", "PerceptualDecision"]


@dataclass(eq=False)
class PerceptualDecision(Task):
    r"""Decide from noisy evidence whether motion goes left or right.

    Two channels, tuned to the two directions, hold

    .. math:: x(t) = \tfrac{1}{2} + \cos(\theta - \theta^*)\,\tfrac{c}{200}
        + \tfrac{\sigma}{\sqrt{\Delta t}} N(0, 1)

    while the stimulus is on, where :math:`\theta^*` is the true direction and :math:`c` the
    coherence in percent. A third channel is 1 until the decision, to ask for fixation.

    Args:
        coherences: Coherences in percent, equally likely.
        fixation: Time before the stimulus, in ms.
        stimulus: Duration of the stimulus, in ms.
        decision: Time to decide, in ms.
        noise: Standard deviation :math:`\sigma` of the evidence, for ``dt`` in ms.
        decision_weight: Weight of the steps of the decision; the others have weight 1.

    Shapes:
        inputs ``(time, 3)``: fixation, left, right. targets ``(time,)``: classes 0 fixate, 1
        left, 2 right. The metric is the share of right choices at the last step; it is 0.5 for
        trials without coherence.

    Raises:
        ValueError: If a time is shorter than ``dt``.

    Example:
        >>> batch = PerceptualDecision(seed=0).batch(64)
        >>> batch.inputs.shape, sorted(batch.info)
        (torch.Size([64, 22, 3]), ['choice', 'coherence'])

    References:
        Britten et al., *The analysis of visual motion*, J. Neurosci. 12 (1992); timing and
        channels as in Yang & Wang, *Artificial neural networks for neuroscientists*, Neuron 107
        (2020).
    """

    coherences: tuple[float, ...] = (0.0, 6.4, 12.8, 25.6, 51.2)
    _: KW_ONLY
    dt: float = 100.0
    fixation: Duration = 100.0
    stimulus: Duration = 2000.0
    decision: PositiveDuration = 100.0
    noise: NonNegative = 1.0
    decision_weight: Positive = 5.0

    loss: ClassVar[str] = "cross_entropy"
    output_size: ClassVar[int] = 3
    input_names: ClassVar[tuple[str, ...]] = ("fixation", "left", "right")
    output_names: ClassVar[tuple[str, ...]] = ("fixate", "left", "right")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.coherences = as_numbers("coherences", self.coherences, low=0)

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        right = draws.sign()
        coherence = right * draws.choice(self.coherences).double()
        time = self.timeline(draws, "fixation", "stimulus", "decision")
        evidence = torch.stack([0.5 - coherence / 200, 0.5 + coherence / 200], dim=-1)
        noise = white_noise(draws, self.noise / 20**0.5, self.dt, time.n_steps, 2)
        fixate, shown = time.on("fixation", "stimulus"), time.on("stimulus").unsqueeze(-1)
        inputs = torch.empty(*fixate.shape, 3)
        inputs[..., 0] = fixate
        torch.mul(shown, evidence.to(shown).unsqueeze(1) + noise, out=inputs[..., 1:])
        decide = time.during("decision")
        targets = decide * torch.where(right > 0, 2, 1)[:, None]
        mask = fixate + self.decision_weight * decide
        info = {"coherence": coherence, "choice": right}
        return Trial(inputs, targets, mask, info, time.epochs)

    def decision_variable(self, outputs: Tensor) -> Tensor:
        """Return the output for right minus that for left at each step, ``(..., time)``."""
        return outputs[..., 2] - outputs[..., 1]

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of trials with the right choice at the last step."""
        return last_class_accuracy(outputs, targets, mask)


@dataclass(eq=False)
class ContextIntegration(ChoiceTask):
    r"""Integrate one of two noisy streams; the context says which one.

    .. math:: x_m(t) = c_m + \sigma N(0, 1), \qquad y = \mathrm{sign}\, c_a

    The sensory channels show :math:`x_m` while the stimulus is on, for motion and for color. From
    its onset to the end of the trial, a context channel says which stream :math:`a` is relevant.
    The output must be the sign of the coherence of that stream.

    Args:
        coherences: Absolute coherences; each stream has one of them, with a random sign.
        fixation: Time before the context is shown, in ms.
        context: Time from the context to the stimulus, in ms.
        stimulus: Duration of the stimulus, in ms.
        delay: Time from the stimulus to the decision, in ms.
        decision: Time to decide, in ms; only these steps are scored.
        noise: Standard deviation :math:`\sigma` of the evidence at ``dt`` = 20 ms.
        context_strength: Amplitude of the context channels.

    Shapes:
        inputs ``(time, 4)``: motion, color, attend motion, attend color. targets
        ``(time, 1)``: -1 or 1. The metric is the share of right signs at the decision. Analyze a
        context under its input without evidence, ``[0, 0, context_strength, 0]`` for motion.

    Raises:
        ValueError: If a time is shorter than ``dt``, or a coherence is not positive.

    Example:
        >>> task = ContextIntegration(seed=0)
        >>> task.n_steps, task[0].info["context"] in (0, 1)
        (69, True)

    References:
        Mante et al., *Context-dependent computation by recurrent dynamics in prefrontal cortex*,
        Nature 503 (2013). For a network that adds up evidence as theirs does, the evidence must be
        weak: the gallery has their figure with coherences of 0.02, 0.05 and 0.15, and stimuli of
        uncertain duration.
    """

    coherences: tuple[float, ...] = (0.1, 0.2, 0.4)
    _: KW_ONLY
    dt: float = 20.0
    fixation: Duration = 100.0
    context: Duration = 350.0
    stimulus: Duration = 800.0
    delay: Duration = 100.0
    decision: PositiveDuration = 20.0
    noise: NonNegative = 0.1
    context_strength: NonNegative = 0.1

    input_names: ClassVar[tuple[str, ...]] = ("motion", "color", "attend motion", "attend color")
    cues: ClassVar[tuple[str | tuple[str, ...], ...]] = (
        "motion",
        "color",
        ("motion", "color"),
        "context",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.coherences = as_numbers("coherences", self.coherences, above=0)

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        context = draws.integers(0, 2)
        streams = draws.choice(_signed(self.coherences), 2)
        names = ("fixation", "context", "stimulus", "delay", "decision")
        time = self.timeline(draws, *names)
        noise = white_noise(draws, self.noise, self.dt, time.n_steps, 2)
        shown, cued = time.on("stimulus").unsqueeze(-1), time.on("context", "decision")
        attend = one_hot(context, 2).unsqueeze(1).to(cued) * self.context_strength
        inputs = torch.empty(*noise.shape[:2], 4)
        torch.mul(shown, streams.to(shown).unsqueeze(1) + noise, out=inputs[..., :2])
        torch.mul(cued.unsqueeze(-1), attend, out=inputs[..., 2:])
        coherence = streams.gather(1, context[:, None]).squeeze(1)
        info = {"coherence": coherence, "context": context, "choice": coherence.sign()}
        info |= {"motion": streams[:, 0], "color": streams[:, 1]}
        return self.decided(inputs, time, info)


@dataclass(eq=False)
class MultisensoryIntegration(ChoiceTask):
    r"""Decide from visual evidence, auditory evidence, or both.

    .. math:: x_m(t) = c + \sigma N(0, 1), \qquad y = \mathrm{sign}\, c

    While the stimulus is on, each modality :math:`m` of the trial shows :math:`x_m` with its own
    noise; a modality that does not take part is 0. The output must be the sign of the coherence
    :math:`c`.

    Args:
        coherences: Absolute coherences, drawn with random sign.
        fixation: Time before the stimulus, in ms.
        stimulus: Duration of the stimulus, in ms.
        decision: Time to decide, in ms; only these steps are scored.
        noise: Standard deviation :math:`\sigma` of the evidence at ``dt`` = 20 ms.

    Shapes:
        inputs ``(time, 2)``: visual, auditory. targets ``(time, 1)``: -1 or 1. The metric is the
        share of right signs at the decision. ``info["modality"]`` is 0 visual, 1 auditory, 2
        both; ``info["visual"]`` and ``info["auditory"]`` are the coherences of each, or 0.

    Raises:
        ValueError: If a time is shorter than ``dt``, or a coherence is not positive.

    Example:
        >>> MultisensoryIntegration(seed=0).batch(64).inputs.shape
        torch.Size([64, 60, 2])

    References:
        Raposo et al., *A category-free neural population supports evolving demands during
        decision-making*, Nature Neuroscience 17 (2014).
    """

    coherences: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8)
    _: KW_ONLY
    dt: float = 20.0
    fixation: Duration = 100.0
    stimulus: Duration = 1000.0
    decision: PositiveDuration = 100.0
    noise: NonNegative = 0.5

    input_names: ClassVar[tuple[str, ...]] = ("visual", "auditory")
    cues: ClassVar[tuple[str | tuple[str, ...], ...]] = ("visual", "auditory")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.coherences = as_numbers("coherences", self.coherences, above=0)

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        modality = draws.integers(0, 3)
        coherence = draws.choice(_signed(self.coherences))
        time = self.timeline(draws, "fixation", "stimulus", "decision")
        noise = white_noise(draws, self.noise, self.dt, time.n_steps, 2)
        shown = time.on("stimulus").unsqueeze(-1)
        takes_part = torch.stack([modality != 1, modality != 0], dim=-1).unsqueeze(1).to(shown)
        inputs = (coherence.to(shown)[:, None, None] + noise) * takes_part * shown
        info = {"coherence": coherence, "modality": modality, "choice": coherence.sign()}
        info |= {"visual": coherence * (modality != 1), "auditory": coherence * (modality != 0)}
        return self.decided(inputs, time, info)


def _signed(coherences: tuple[float, ...]) -> list[float]:
    """Return the coherences with either sign."""
    return [sign * coherence for coherence in coherences for sign in (-1, 1)]
