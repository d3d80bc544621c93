"""Targets as outputs that are right, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from pyrnn.tasks._base import Task

__all__ = ["as_outputs", "as_targets"]


def as_outputs(task: Task, targets: Tensor) -> Tensor:
    """Return the outputs that are right: classes as one-hot vectors, bits as -1 and 1.

    Args:
        task: The task.
        targets: Targets of some trials.

    Example:
        >>> from pyrnn.tasks import PerceptualDecision
        >>> as_outputs(PerceptualDecision(), torch.tensor([[0, 2]]))
        tensor([[[1., 0., 0.],
                 [0., 0., 1.]]])
    """
    if task.loss == "binary_cross_entropy":
        return 2 * targets - 1
    if targets.is_floating_point():
        return targets
    return torch.nn.functional.one_hot(targets, task.output_size).to(torch.get_default_dtype())


def as_targets(task: Task, outputs: Tensor) -> Tensor:
    """Return the targets for which outputs are right, as :func:`as_outputs` in reverse.

    Args:
        task: The task.
        outputs: Outputs of some trials that are right.

    Example:
        >>> from pyrnn.tasks import PerceptualDecision
        >>> as_targets(PerceptualDecision(), torch.tensor([[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]]))
        tensor([[0, 2]])
    """
    if task.loss == "binary_cross_entropy":
        return (outputs + 1) / 2
    return outputs if task[0].targets.is_floating_point() else outputs.argmax(-1)
