"""Counting: ones in a sequence, pulses in a trial."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from torch import Tensor

from pyrnn.tasks._arguments import Count, FixedDuration, NonNegative, PositiveDuration
from pyrnn.tasks._base import Task
from pyrnn.tasks._timeline import white_noise
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.tasks.scores import last_value_accuracy

__all__ = ["CountOnes", "CountPulses"]


@dataclass(eq=False)
class _CountTask(Task):
    """A task whose output at the end must round to the right number."""

    output_names: ClassVar[tuple[str, ...]] = ("count",)

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of trials whose last scored output rounds to the right number."""
        return last_value_accuracy(outputs, targets, mask)


@dataclass(eq=False)
class CountOnes(_CountTask):
    r"""Count the ones of a binary sequence.

    .. math:: y_k = \sum_{j \le k} x_j, \qquad x_j = 0 \text{ or } 1

    Args:
        length: Length of the sequence.
        symbol: Duration of each symbol, in ms.

    Shapes:
        inputs ``(time, 1)``: 0 or 1. targets ``(time, 1)``: the number of ones so far, scored at
        the last step only. The metric is the share of exact counts after rounding.

    Raises:
        ValueError: If the sequence is empty, or a symbol shorter than ``dt``.

    Example:
        >>> inputs, targets, mask = CountOnes(length=10, symbol=20.0)[0]
        >>> bool(inputs.sum() == targets[-1, 0]), mask.sum()
        (True, tensor(1.))

    References:
        Roelants, *How to implement a recurrent neural network*, peterroelants.github.io (2015).
    """

    length: Count = 10
    _: KW_ONLY
    dt: float = 20.0
    symbol: FixedDuration = 100.0

    input_names: ClassVar[tuple[str, ...]] = ("symbol",)

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        bits = draws.integers(0, 2, self.length, 1).double()
        inputs = bits.repeat_interleave(self.steps(self.symbol), dim=1)
        targets = bits.cumsum(1).repeat_interleave(self.steps(self.symbol), dim=1)
        mask = inputs.new_zeros(inputs.shape[:2])
        mask[:, -1] = 1
        return Trial(inputs, targets, mask, {"count": bits.sum((1, 2)).long()})


@dataclass(eq=False)
class CountPulses(_CountTask):
    r"""Count pulses, and report their number after a go signal.

    Up to ``max_count`` of the slots hold a pulse; all counts are equally likely. After the go
    signal the output must be the number

    .. math:: y = \sum_k p_k, \qquad p_k = 0 \text{ or } 1 .

    Args:
        max_count: Highest number of pulses.
        n_slots: Number of slots that may hold a pulse.
        slot: Time from one slot to the next, in ms.
        pulse: Duration of a pulse, in ms.
        decision: Time to answer, in ms; only these steps are scored.
        noise: Standard deviation of the input noise at ``dt`` = 20 ms.

    Shapes:
        inputs ``(time, 2)``: pulses, go. targets ``(time, 1)``: the count during the decision. The
        metric is the share of exact counts after rounding.

    Raises:
        ValueError: If there are fewer slots than pulses, a pulse does not fit into its slot, or a
            time is shorter than ``dt``.

    Example:
        >>> task = CountPulses(seed=0)
        >>> task.n_steps, task.slots, task.batch(64).info["count"].max()
        (50, 800.0, tensor(5))

    References:
        Nieder, Diester & Tudusciuc, *Temporal and spatial enumeration processes in the primate
        parietal cortex*, Science 313 (2006), where monkeys count what is shown one after another.
    """

    max_count: Count = 5
    _: KW_ONLY
    dt: float = 20.0
    n_slots: Count = 8
    slot: FixedDuration = 100.0
    pulse: FixedDuration = 60.0
    decision: PositiveDuration = 200.0
    noise: NonNegative = 0.01

    input_names: ClassVar[tuple[str, ...]] = ("pulses", "go")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.max_count <= self.n_slots:
            raise ValueError(
                f"expected at least max_count = {self.max_count} > 0 slots, got {self.n_slots}"
            )
        if not 0 < self.steps(self.pulse) < self.steps(self.slot):
            raise ValueError(
                f"expected a pulse between dt = {self.dt} ms and slot = {self.slot} ms, "
                f"got {self.pulse}"
            )

    @property
    def slots(self) -> float:
        """Duration of all slots together, in ms."""
        return self.n_slots * self.steps(self.slot) * self.dt

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        count = draws.integers(0, self.max_count + 1)
        rank = draws.uniform(self.n_slots).argsort(1).argsort(1)
        time = self.timeline(draws, "slots", "decision")
        is_pulse = (time.step % self.steps(self.slot)) < self.steps(self.pulse)
        slot = (time.step // self.steps(self.slot)).clamp(max=self.n_slots - 1)
        decide = time.on("decision")
        inputs = white_noise(draws, self.noise, self.dt, time.n_steps, 2)
        inputs[..., 0] += (rank < count[:, None])[:, slot] & is_pulse & time.during("slots")
        inputs[..., 1] += decide
        targets = (decide * count[:, None]).unsqueeze(-1)
        return Trial(inputs, targets, decide, {"count": count}, time.epochs)
