"""Check that a task keeps the promises that training relies on."""

from __future__ import annotations

import torch

from pyrnn.tasks._answers import as_outputs
from pyrnn.tasks._base import Task
from pyrnn.tasks._chance import ChanceLevels, chance_levels
from pyrnn.tasks._trial import Trial
from pyrnn.validate import as_integer

__all__ = ["check_task"]


def check_task(task: Task, *, n_trials: int = 1000) -> ChanceLevels:
    """Check that a task keeps its promises; an error says which promise is broken.

    Trials must be finite and score at least one step. Their sizes must be those that the task
    declares. A trial must not depend on when, or in which batch, it is generated. Trials must
    differ from each other and between seeds. Perfect outputs must have an accuracy of 1. A broken
    promise is a ``ValueError``.

    Then measure its chance levels: how far strategies get that ignore most of the inputs. A
    network has learned the task only if it does better than all of them.

    Args:
        task: The task to check.
        n_trials: Number of trials to measure chance levels with; the standard error of an accuracy
            of 0.5 is 0.022 with the default.

    Returns:
        Metric and accuracy of outputs of zero, of the best constant and of the best timed output,
        and of the best use of each of the task's ``cues`` alone.

    Raises:
        TypeError: If it is no task.

    Example:
        >>> from pyrnn.tasks import IntervalDiscrimination
        >>> levels = check_task(IntervalDiscrimination())
        >>> levels.metrics["constant"] < 0.6, levels.metrics["first"] > 0.75
        (True, True)
        >>> class Forgetful(Task):
        ...     def trial(self, rng):
        ...         inputs = torch.randn(20, 1)  # forgot generator=rng
        ...         return Trial(inputs, inputs)
        >>> check_task(Forgetful())
        Traceback (most recent call last):
        ...
        ValueError: expected trial 0 of Forgetful to be the same each time, got another one; ...
    """
    if not isinstance(task, Task):
        raise TypeError(f"expected a Task, got {type(task).__name__}")
    n_trials = as_integer("n_trials", n_trials, low=2)
    batch = task.batch(8)
    _check_contents(task, batch)
    _check_sizes(task, batch)
    _check_reproducible(task, batch)
    _check_random(task, batch)
    _check_accuracy(task, batch)
    return chance_levels(task, n_trials)


def _name(task: Task) -> str:
    return type(task).__name__


def _check_contents(task: Task, batch: Trial) -> None:
    for field in ("inputs", "targets", "mask"):
        if not getattr(batch, field).isfinite().all():
            raise ValueError(f"expected finite {field} from {_name(task)}, got NaN or infinity")
    if (batch.mask < 0).any():
        raise ValueError(f"expected a mask of weights >= 0 from {_name(task)}, got negative ones")
    if not (batch.mask > 0).any(-1).all():
        raise ValueError(
            f"expected a mask that scores a step in each trial of {_name(task)}, got none"
        )


def _check_sizes(task: Task, batch: Trial) -> None:
    if task.input_size != batch.inputs.shape[-1]:
        raise ValueError(
            f"expected {_name(task)} to have input_size = {task.input_size} channels as it "
            f"declares, got trials with {batch.inputs.shape[-1]}"
        )
    if batch.targets.ndim == 3 and task.output_size != batch.targets.shape[-1]:
        raise ValueError(
            f"expected {_name(task)} to have output_size = {task.output_size} channels as it "
            f"declares, got targets with {batch.targets.shape[-1]}"
        )
    if batch.targets.ndim == 2 and not _are_classes(batch.targets, task.output_size):
        raise ValueError(
            f"expected classes from 0 to {task.output_size - 1} in the targets of "
            f"{_name(task)}, got {batch.targets.unique().tolist()}"
        )


def _are_classes(targets: torch.Tensor, n_classes: int) -> bool:
    within = (targets >= 0) & (targets < n_classes)
    return targets.dtype == torch.int64 and bool(within.all())


def _check_reproducible(task: Task, batch: Trial) -> None:
    for i, expected in enumerate(batch.unbind()):
        for ours, theirs in zip(expected, task.batch([i]).unbind()[0], strict=True):
            n = min(len(ours), len(theirs))  # a batch pads its shorter trials
            if not torch.equal(ours[:n], theirs[:n]):
                raise ValueError(
                    f"expected trial {i} of {_name(task)} to be the same each time, got another "
                    "one; draw only from the generator that trial(rng) is given"
                )


def _check_random(task: Task, batch: Trial) -> None:
    if all(torch.equal(batch.inputs[0], inputs) for inputs in batch.inputs[1:]):
        raise ValueError(
            f"expected trials of {_name(task)} to differ, got the same inputs 8 times; "
            "draw something from the generator that trial(rng) is given"
        )
    other = task.replace(seed=task.seed + 1).batch(8)
    if other.inputs.shape == batch.inputs.shape and torch.equal(other.inputs, batch.inputs):
        raise ValueError(
            f"expected another seed to give other trials of {_name(task)}, got the same"
        )


def _check_accuracy(task: Task, batch: Trial) -> None:
    score = task.accuracy(as_outputs(task, batch.targets), batch.targets, batch.mask)
    if not score > 0.999:
        raise ValueError(
            f"expected accuracy() of {_name(task)} to be 1 for perfect outputs, got {score}"
        )
