"""The twenty tasks of Yang et al. (2019) in one set of channels."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pyrnn.tasks._arguments import Count, NonNegative, Positive, as_numbers
from pyrnn.tasks._base import Task
from pyrnn.tasks._multitask import Mixture
from pyrnn.tasks._ring_rules import Decide, Go, Match, ring_accuracy
from pyrnn.tasks._rings import ring_of_angle
from pyrnn.tasks._trial import Trial
from pyrnn.validate import as_names

__all__ = ["Yang2019"]

_RULES = (
    *("fdgo", "reactgo", "delaygo", "fdanti", "reactanti", "delayanti"),
    *("dm1", "dm2", "contextdm1", "contextdm2", "multidm"),
    *("delaydm1", "delaydm2", "contextdelaydm1", "contextdelaydm2", "multidelaydm"),
    *("dmsgo", "dmsnogo", "dmcgo", "dmcnogo"),
)
_SHORTEST = 200.0  # ms of a response


@dataclass(eq=False)
class Yang2019(Mixture):
    r"""Mix the twenty tasks of Yang et al. (2019): respond to stimuli on two rings by a rule.

    A stimulus at angle :math:`\theta` is a bump of activity on one of two rings,

    .. math:: x_i = s\, 0.8\, e^{-\frac{1}{2} (8 |\theta - \theta_i| / \pi)^2} + \sigma N(0, 1),

    with strength :math:`s`. Fixation must be kept until the response is due. The response is such
    a bump on the ring of outputs.

    ============================== =======================================================
    rules                          what is asked
    ============================== =======================================================
    fdgo, reactgo, delaygo         point to the stimulus: when fixation turns off, at once, or
                                   after a delay
    fdanti, reactanti, delayanti   point to the opposite side
    dm1, dm2                       point to the stronger one of two stimuli on ring 1, or 2
    contextdm1, contextdm2         the same, with other stimuli on the other ring
    multidm                        point to the one that is stronger on both rings together
    delaydm1, …, multidelaydm      the same five, of stimuli shown one after the other
    dmsgo, dmsnogo                 point to the second stimulus if it is, or is not, at the
                                   angle of the first; otherwise keep fixation
    dmcgo, dmcnogo                 the same, for the same half of the ring
    ============================== =======================================================

    Args:
        rules: Names of the rules to mix; all by default.
        ring_size: Number of units of each ring.
        coherences: By how much the strengths of two stimuli differ from their mean; equally
            likely.
        delayed_coherences: The same, of stimuli that are shown one after the other.
        noise: Standard deviation :math:`\sigma` of the input noise at ``dt`` = 20 ms.
        grace: Time to react, in ms, which is not scored.
        go_weight: Weight of the steps of the response; the others have weight 1, and the first
            100 ms are not scored.

    Shapes:
        inputs ``(time, 1 + 2 ring_size + n_rules)``: fixation, the rings, one channel for each
        rule. targets ``(time, 1 + ring_size)``: fixation, the response. The metric is the share
        of trials that end right: with fixation (an output above 0.5) where it must be kept,
        otherwise with fixation released and the population vector within 36 degrees of the
        target. :meth:`accuracies` returns it for each rule. ``info`` has the ``task``, the
        ``angle`` of the first stimulus and ``angle 2`` of the second, in radians, the angle of
        the ``response``, and whether the trial ``responds``. All trials have the same epochs;
        those that a rule lacks last 0 ms.

    Raises:
        ValueError: If a rule is unknown, a coherence is not positive, ``dt`` is longer than a
            phase, or the grace is as long as the shortest response, 200 ms.

    Example:
        >>> task = Yang2019(seed=0)
        >>> task.input_size, task.output_size, len(task.tasks)
        (85, 33, 20)
        >>> batch = task.batch(400)
        >>> set(task.accuracies(batch.targets, batch).values())
        {1.0}
        >>> Yang2019(rules=("contextdm1", "contextdm2")).input_size
        67

    References:
        Yang et al., *Task representations in neural networks trained to perform many cognitive
        tasks*, Nature Neuroscience 22 (2019); times, strengths and noise are those of the code
        published with it. There, all trials of a batch have the same rule and times, noise is on
        the rule channels, too, and the fixation output counts twice in the loss. Here each trial
        has its own rule and times, and all outputs count the same.
    """

    rules: tuple[str, ...] = _RULES
    _: KW_ONLY
    dt: float = 20.0
    ring_size: Count = 32
    coherences: tuple[float, ...] = (0.01, 0.02, 0.04, 0.08)
    delayed_coherences: tuple[float, ...] = (0.08, 0.16, 0.32)
    noise: NonNegative = 0.0316
    grace: NonNegative = 100.0
    go_weight: Positive = 5.0

    loss: ClassVar[str] = "mse"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rules = tuple(as_names("rules", self.rules, _RULES))
        if not self.rules:
            raise ValueError(f"expected rules among {', '.join(_RULES)}, got none")
        self.coherences = as_numbers("coherences", self.coherences, above=0)
        self.delayed_coherences = as_numbers(
            "delayed_coherences", self.delayed_coherences, above=0
        )
        if self.grace >= _SHORTEST:
            raise ValueError(f"expected a grace below {_SHORTEST} ms, got {self.grace}")
        self.tasks = {rule: self._rule(rule) for rule in self.rules}

    def _rule(self, name: str) -> Task:
        """Return the task of a rule."""
        options = {n: getattr(self, n) for n in ("dt", "ring_size", "noise", "grace", "go_weight")}
        if name.endswith(("go", "anti")) and not name.startswith("dm"):
            timing = {"f": "fixed", "r": "reaction", "d": "delayed"}[name[0]]
            return Go(timing, name.endswith("anti"), **options)
        if name.startswith(("dms", "dmc")):
            return Match(name[2] == "c", not name.endswith("nogo"), **options)
        delayed = "delay" in name
        rings = (1, 2) if name.startswith("multi") else (int(name[-1]),)
        shown = rings if name.startswith(("dm", "delay")) else (1, 2)
        coherences = self.delayed_coherences if delayed else self.coherences
        return Decide(shown, rings, coherences, delayed, **options)

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of trials that end right, of all rules together."""
        return ring_accuracy(outputs, targets, mask)

    def strategies(self, batch: Trial) -> dict[str, Tensor]:
        """Return the outputs of a network that always points to the first stimulus.

        Args:
            batch: The trials.
        """
        bump = ring_of_angle(batch.info["angle"], self.ring_size)
        outputs = torch.cat([torch.zeros_like(bump[:, :1]), bump], dim=-1)
        return {"first stimulus": outputs[:, None].expand(*batch.mask.shape, -1)}
