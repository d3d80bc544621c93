"""Several tasks in one set of channels, with a rule input for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from pyrnn.tasks._answers import as_outputs, as_targets
from pyrnn.tasks._base import Task
from pyrnn.tasks._last_values import LastValueTask
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.validate import check_kind

__all__ = ["Mixture", "MultiTask"]


class Mixture(LastValueTask):
    """Several tasks in one set of channels, of which each trial is one.

    Attributes:
        tasks: The tasks by name.

    Subclassing:
        Set ``tasks``, all with the same ``dt``, and ``loss``.

    Example:
        >>> issubclass(MultiTask, Mixture)
        True
    """

    tasks: Mapping[str, Task]

    cues: ClassVar[tuple[str | tuple[str, ...], ...]] = ("task",)

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
        names, epochs = self._shared
        info = {
            name: _gathered([(rows, part.info[name]) for rows, part in parts]) for name in names
        }
        spans = {
            name: _gathered([(rows, part.epochs[name]) for rows, part in parts]) for name in epochs
        }
        return Trial(inputs, targets, mask, {"task": rule} | info, spans)

    def _parts(self, draws: TrialRandom, rule: Tensor) -> Iterator[tuple[Tensor, Trial]]:
        """Yield the rows of each task in a batch, and its trials."""
        for k, task in enumerate(self.tasks.values()):
            rows = (rule == k).nonzero().squeeze(1)
            if len(rows):
                part = task.trials(draws.rows(rows))
                if task.loss != self.loss:
                    targets = as_outputs(task, part.targets)
                    part = Trial(part.inputs, targets, part.mask, part.info, part.epochs)
                yield rows, part

    @cached_property
    def _shared(self) -> tuple[list[str], list[str]]:
        """Names in info that all tasks have, and of the epochs if all tasks have the same."""
        examples = [task[0] for task in self.tasks.values()]
        names = [n for n in examples[0].info if all(n in one.info for one in examples)]
        epochs = list(examples[0].epochs)
        return names, epochs if all(list(one.epochs) == epochs for one in examples) else []

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
            scores[name] = self._score(task, *fields) if rows.any() else float("nan")
        return scores

    def _score(self, task: Task, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the metric of a task for its own trials."""
        outputs, targets, mask = _cut(task, outputs, targets, mask)
        targets = targets if task.loss == self.loss else as_targets(task, targets)
        return task.metric(outputs, targets, mask)


@dataclass(eq=False)
class MultiTask(Mixture):
    r"""Mix several tasks in one set of channels; a rule input says which task a trial is from.

    .. math:: x = (x^{(k)}, 0, e_k), \qquad y = (y^{(k)}, 0), \qquad k \text{ drawn for each trial}

    The tasks share their input channels and their outputs, beginning with the first; channels
    that a task lacks are 0. In addition, each task has a rule channel, which is 1 in all its
    trials and 0 in all others.

    Tasks may have different losses. The loss of the mixture is then the mean squared error: the
    targets of a task with classes are 1 for the right class and 0 for the others, those of a task
    with bits are -1 and 1. The largest output is the chosen class, as before.

    Args:
        tasks: Tasks by name, all with the same ``dt`` (in ms). Their own seeds do not matter.

    Shapes:
        inputs ``(time, largest input_size + n_tasks)``, targets ``(time, largest output_size)``.
        Trials of a task that differ in duration are padded, as in any batch.

        The metric is the share of trials that end with the right class, or with every output
        right: nearest to its target among the values that it takes at scored steps, or, where
        these are more than 20, within a fifth of their standard deviation. A constant answer is
        right where all trials end with about the same target, as in :class:`ReadySetGo`;
        :meth:`accuracies` returns the metric of each task. ``info["task"]`` is the number of the
        task, in order from 0; ``info`` has what all tasks have in theirs, too.

    Raises:
        ValueError: If there is no task, or ``dt`` differs.
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
        self.loss = losses.pop() if len(losses) == 1 else "mse"  # type: ignore[misc]


def _gathered(parts: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return values of the trials of each task in the order of the batch."""
    rows, values = zip(*parts, strict=True)
    return torch.cat([torch.as_tensor(value) for value in values])[torch.cat(rows).argsort()]


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
