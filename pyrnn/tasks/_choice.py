"""Tasks that end in a choice between two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from pyrnn.tasks._base import Task
from pyrnn.tasks._timeline import Timeline
from pyrnn.tasks._trial import Trial
from pyrnn.tasks.scores import choice_accuracy

__all__ = ["ChoiceTask"]


@dataclass(eq=False)
class ChoiceTask(Task):
    """A task whose single output must be -1 or 1 in the last phase, the decision.

    Subclassing:
        Write ``trials(draws)`` with a phase called ``"decision"``. End it with
        ``return self.decided(inputs, time, info)``, where ``info["choice"]`` is the right choice.

    Shapes:
        targets ``(time, 1)``: -1 or 1 during the decision, which alone is scored.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(eq=False)
        ... class Coin(ChoiceTask):
        ...     stimulus: float = 300.0  # in ms
        ...     decision: float = 100.0
        ...
        ...     def trials(self, draws):
        ...         side = draws.sign()
        ...         time = self.timeline(draws, "stimulus", "decision")
        ...         inputs = (time.on("stimulus") * side[:, None]).unsqueeze(-1)
        ...         return self.decided(inputs, time, {"choice": side})
        >>> Coin().batch(64).inputs.shape
        torch.Size([64, 40, 1])
    """

    output_names: ClassVar[tuple[str, ...]] = ("choice",)

    def decided(self, inputs: Tensor, time: Timeline, info: dict[str, Tensor]) -> Trial:
        """Return trials whose target is ``info["choice"]`` during the decision, 0 before.

        Args:
            inputs: Inputs, ``(n_trials, time, input_size)``.
            time: Phases, one of them called ``"decision"``; only its steps are scored.
            info: What was drawn, by name, ``(n_trials,)`` each.
        """
        decide = time.on("decision")
        targets = (decide * info["choice"].to(decide)[:, None]).unsqueeze(-1)
        return Trial(inputs, targets, decide, info, time.epochs)

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of trials with the right sign during the decision."""
        return choice_accuracy(outputs, targets, mask)
