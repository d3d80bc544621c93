"""Several tasks in one set of channels, with a rule input for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from pyrnn.tasks._base import Task
from pyrnn.tasks._last_values import LastValueTask
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.validate import check_kind

__all__ = ["MultiTask"]


@dataclass(eq=False)
class MultiTask(LastValueTask):
    r"""Mix several tasks in one set of channels; a rule input says which task a trial is from.

    .. math:: x = (x^{(k)}, 0, e_k), \qquad y = (y^{(k)}, 0), \qquad k \text{ drawn for each trial}

    The tasks share their input channels and their outputs, beginning with the first; channels
    that a task lacks are 0. In addition, each task has a rule channel, which is 1 in all its
    trials and 0 in all others.

    Args:
        tasks: Tasks by name, all with the same loss and ``dt`` (in ms). Their own seeds do not
            matter.

    Shapes:
        inputs ``(time, largest input_size + n_tasks)``, targets ``(time, largest output_size)``.
        Trials of a task that differ in duration are padded, as in any batch.

        The metric is the share of trials that end with the right class, or with every output
        right: nearest to its target among the values that it takes at scored steps, or, where
        these are more than 20, within a fifth of their standard deviation. A constant answer is
        right where all trials end with about the same target, as in :class:`ReadySetGo`;
        :meth:`accuracies` returns the metric of each task. ``info["task"]`` is the number of the
        task, in order from 0.

    Raises:
        ValueError: If there is no task, or losses or ``dt`` differ.
        TypeError: If one of them is no task.

    Example:
        >>> from pyrnn.tasks import DelayedMatchToSample, ParametricWorkingMemory
        >>> task = MultiTask({"match": DelayedMatchToSample(), "romo": ParametricWorkingMemory()})
        >>> task.batch(64).inputs.shape
        torch.Size([64, 250, 4])
        >>> batch = task.batch(64)
        >>> task.accuracies(batch.targets, batch)
        {'match': 1.0, 'romo': 1.0}

    References:
        Yang et al., *Task representations in neural networks trained to perform many cognitive
        tasks*, Nature Neuroscience 22 (2019).
    """

    tasks: Mapping[str, Task]
    _: KW_ONLY
    dt: float = 20.0

    cues: ClassVar[tuple[str | tuple[str, ...], ...]] = ("task",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kind("tasks", self.tasks, Mapping, "name each task: {'go': task}")  # type: ignore[type-abstract]
        if not self.tasks:
            raise ValueError("expected at least one task, got none")
        for name, task in self.tasks.items():
            if not isinstance(task, Task):
                raise TypeError(f"expected {name!r} to be a Task, got {type(task).__name__}")
            if task.dt != self.dt:
                raise ValueError(
                    f"expected every task to have dt = {self.dt} ms, got {task.dt} ms in "
                    f"{name!r}; use task.replace(dt={self.dt})"
                )
        losses = {task.loss for task in self.tasks.values()}
        if len(losses) > 1:
            raise ValueError(f"expected tasks with the same loss, got {sorted(losses)}")
        self.loss = losses.pop()  # type: ignore[misc]

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """Names of the channels of the task that has most of them, then of the rules."""
        widest = max(self.tasks.values(), key=lambda task: task.input_size)
        return (*widest.input_names, *self.tasks)

    @cached_property
    def output_size(self) -> int:
        """Number of outputs of the task that has most of them."""
        return max(task.output_size for task in self.tasks.values())

    @cached_property
    def n_steps(self) -> int:
        """Number of steps of the longest task; of first trials, where they differ in duration."""
        return max(task.n_steps for task in self.tasks.values())

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        rule = draws.integers(0, len(self.tasks))
        parts = list(self._parts(draws, rule))
        n_steps = max(self.n_steps, *(part.mask.shape[1] for _, part in parts))
        size, is_class = (draws.n_trials, n_steps), self.loss == "cross_entropy"
        inputs, mask = torch.zeros(*size, len(self.input_names)), torch.zeros(size)
        targets = mask.long() if is_class else torch.zeros(*size, self.output_size)
        for rows, part in parts:
            for whole, field in zip((inputs, targets, mask), part.to(mask.dtype), strict=True):
                _corner(whole, field).index_copy_(0, rows, field)
        inputs[torch.arange(len(rule)), :, rule - len(self.tasks)] = 1.0
        return Trial(inputs, targets, mask, info={"task": rule})

    def _parts(self, draws: TrialRandom, rule: Tensor) -> Iterator[tuple[Tensor, Trial]]:
        """Yield the rows of each task in a batch, and its trials."""
        for k, task in enumerate(self.tasks.values()):
            rows = (rule == k).nonzero().squeeze(1)
            if len(rows):
                yield rows, task.trials(draws.rows(rows))

    def accuracies(self, outputs: Tensor, batch: Trial) -> dict[str, float]:
        """Return the metric of each task for its own trials.

        Args:
            outputs: A network's outputs, ``(n_trials, time, output_size)``.
            batch: The trials.

        Returns:
            The metric by name of the task; NaN for a task without trials.
        """
        scores = {}
        for k, (name, task) in enumerate(self.tasks.items()):
            rows = batch.info["task"] == k
            fields = (outputs[rows], batch.targets[rows], batch.mask[rows])
            scores[name] = task.metric(*_cut(task, *fields)) if rows.any() else float("nan")
        return scores


def _cut(task: Task, outputs: Tensor, targets: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    """Return fields of a batch without the steps and channels that a task lacks."""
    n_scored = int((mask > 0).any(0).nonzero().max()) + 1
    steps, size = max(task.n_steps, n_scored), task.output_size
    targets = targets[:, :steps] if targets.ndim == 2 else targets[:, :steps, :size]
    return outputs[:, :steps, :size], targets, mask[:, :steps]


def _corner(whole: Tensor, part: Tensor) -> Tensor:
    """Return the first steps and channels of a tensor, as many as a part has."""
    whole = whole[:, : part.shape[1]]
    return whole if part.ndim == 2 else whole[..., : part.shape[2]]
