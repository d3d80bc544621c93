"""Scores of answers at the end of trials, on the scale of the answers that a task asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch
from torch import Tensor

from pyrnn.tasks._base import Task
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.tasks.scores import last_class_accuracy, last_scored

__all__ = ["LastValueTask", "LastValues"]

_Own = TypeVar("_Own", bound="LastValueTask")

_N_REFERENCE = 500  # trials that tell what values trials end with

_MOST_LEVELS = 20  # values that an output may take to be one of a list
_SHARE = 0.2  # of the standard deviation of other values, within which an output is right


class LastValues:
    """Values that a task asks for, and the score of what trials end with.

    An output whose target takes at most 20 values at scored steps is right if its target is the
    nearest one of them; as near as others counts as a guess. Any other output is right within a
    fifth of the standard deviation of its target. If its target is always the same, it is right
    within 0.5.

    Args:
        targets: Targets of many trials, ``(..., time, output_size)``.
        mask: Weights of their steps, ``(..., time)``.

    Example:
        >>> targets = torch.tensor([-1.0, 1.0, 1.0])[:, None, None]
        >>> choices, mask = LastValues(targets, torch.ones(3, 1)), torch.ones(3, 1)
        >>> choices.accuracy(torch.tensor([-0.3, -0.2, 0.0])[:, None, None], targets, mask)
        0.5
    """

    def __init__(self, targets: Tensor, mask: Tensor) -> None:
        columns = targets[mask > 0].double().unbind(-1)
        self._levels = [column.unique() for column in columns]
        self._tolerances = [_SHARE * float(column.std(correction=0)) for column in columns]

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of trials that end with every output right.

        Args:
            outputs: A network's outputs, ``(..., time, output_size)``.
            targets: Targets of the same shape.
            mask: Weight of each step, ``(..., time)``.
        """
        answers, truths = (
            last_scored(values, mask).double().unbind(-1) for values in (outputs, targets)
        )
        rules = zip(answers, truths, self._levels, self._tolerances, strict=True)
        scores = [_score(*rule) for rule in rules]
        return float(torch.stack(scores).prod(0).mean())


@dataclass(eq=False)
class LastValueTask(Task):
    """A task whose accuracy is the share of trials that end with the right class or values.

    Subclassing:
        Write ``trials(draws)``.

    Example:
        >>> from pyrnn.tasks import PhaseTask
        >>> issubclass(PhaseTask, LastValueTask)
        True
    """

    @cached_property
    def _answers(self) -> LastValues:
        """What trials end with; it depends on neither seed nor batch."""
        _, targets, mask = self.trials(TrialRandom(0, range(_N_REFERENCE)))
        return LastValues(targets, mask)

    def epoch(self: _Own, k: int) -> _Own:
        """Return the task with the trials of epoch ``k`` of training; see ``Task.epoch``."""
        if self.loss != "cross_entropy":
            self._answers  # noqa: B018, all epochs share what is known now
        return super().epoch(k)

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of trials that end with the right class or the right values."""
        if self.loss == "cross_entropy":
            return last_class_accuracy(outputs, targets, mask)
        if self.loss == "binary_cross_entropy":
            outputs = (outputs.sign() + 1) / 2
        return self._answers.accuracy(outputs, targets, mask)


def _score(answer: Tensor, truth: Tensor, levels: Tensor, tolerance: float) -> Tensor:
    """Return the score of each answer, between 0 and 1, of the shape of the answers."""
    if not 1 < len(levels) <= _MOST_LEVELS:
        within = tolerance if len(levels) > 1 else 0.5
        return ((answer - truth).abs() < within).double()
    levels = levels.to(answer.device)
    distance = (answer[..., None] - levels).abs()
    is_nearest = distance == distance.amin(-1, keepdim=True)
    is_truth = (truth[..., None] - levels).abs().argmin(-1, keepdim=True)
    return is_nearest.gather(-1, is_truth).squeeze(-1) / is_nearest.sum(-1).clamp(min=1)
