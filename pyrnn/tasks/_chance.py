"""Chance levels: how far strategies get that ignore most of the inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.result import Report, Result
from pyrnn.tasks._answers import as_outputs
from pyrnn.tasks._base import Task
from pyrnn.tasks._trial import Trial
from pyrnn.tasks.scores import last_scored

__all__ = ["ChanceLevels", "chance_levels"]

_MOST_ANSWERS = 50  # different answers that are all tried
_N_EXAMPLES = 8  # answers of single trials that are tried otherwise
_MOST_VALUES = 16  # different values of a cue that are told apart
_N_BINS = 32, 8  # of a cue with more values, alone and together with others
_HIGH = 0.9  # an accuracy of a constant answer that says that the accuracy says little


@dataclass(frozen=True, eq=False, repr=False)
class ChanceLevels(Result):
    """Scores of strategies that ignore most of the inputs.

    ``"silent"`` has outputs of zero, as an untrained network. ``"constant"`` is the best constant
    output, ``"timed"`` the best output that depends on the time since the start of the trial
    alone. The others know one cue, such as the first of two stimuli, and give the best constant
    output for each of its values; or they are strategies that the task itself names.

    Attributes:
        task: Name of the task.
        metric_name: Name of its metric.
        metrics: Metric of each strategy, by name.
        accuracies: Accuracy of each strategy, by name.

    Example:
        >>> from pyrnn.tasks import ParametricWorkingMemory
        >>> levels = chance_levels(ParametricWorkingMemory())
        >>> list(levels.metrics)
        ['silent', 'constant', 'timed', 'f1', 'f2', 'delay']
        >>> round(levels.metrics["f1"], 1), levels.status
        (0.7, 'complete')
    """

    task: str
    metric_name: str
    metrics: dict[str, float]
    accuracies: dict[str, float]

    @property
    def status(self) -> str:
        """Verdict in words: complete, or that a constant answer has a high accuracy."""
        constant = self.accuracies["constant"]
        if constant <= _HIGH:
            return "complete"
        return f"the accuracy says little: a constant answer has {constant:.3f}"

    def _frame(self) -> dict[str, list[object]]:
        return {
            "strategy": list(self.metrics),
            "metric": list(self.metrics.values()),
            "accuracy": list(self.accuracies.values()),
        }

    def _report(self) -> Report:
        table = [("strategy", self.metric_name, "accuracy")]
        for name, value in self.metrics.items():
            table.append((name, f"{value:.3g}", f"{self.accuracies[name]:.3f}"))
        is_same = self.metric_name == "accuracy"
        headings, *rows = [line[:: 2 if is_same else 1] for line in table]
        return Report(f"chance levels of {self.task}", headings, rows, [self.status])


def chance_levels(task: Task, n_trials: int = 1000) -> ChanceLevels:
    """Measure how far strategies get that ignore most of the inputs.

    The best answers are chosen on half of the trials and measured on the other half.

    Args:
        task: The task. Its ``cues`` are names in ``info``; its ``strategies`` are measured, too.
        n_trials: Number of trials.

    Returns:
        Metric and accuracy of each strategy.

    Raises:
        ValueError: If the trials lack a cue.

    Example:
        >>> from pyrnn.tasks import CountPulses
        >>> print(chance_levels(CountPulses()).summary())
        chance levels of CountPulses
          strategy  accuracy
          silent    0.1...
          ...
    """
    batch = task.batch(n_trials)
    known, new = batch.rows(torch.arange(0, n_trials, 2)), batch.rows(torch.arange(1, n_trials, 2))
    steps = new.mask.shape
    outputs = {
        "silent": new.inputs.new_zeros(*steps, task.output_size),
        "constant": _best(task, known, _constants(task, known)).expand(*steps, -1),
        "timed": _best(task, known, _timed(task, known)).expand(*steps, -1),
    }
    for cue in task.cues:
        names = (cue,) if isinstance(cue, str) else tuple(cue)
        unknown = [name for name in names if name not in batch.info]
        if unknown:
            raise ValueError(
                f"expected cues of {type(task).__name__} to be names in info, got {unknown}; its "
                f"info has {sorted(batch.info)}"
            )
        outputs[" and ".join(names)] = _with_cue(task, names, known, new)
    outputs |= task.strategies(new)
    metrics = {k: task.metric(y, new.targets, new.mask) for k, y in outputs.items()}
    accuracies = {k: task.accuracy(y, new.targets, new.mask) for k, y in outputs.items()}
    return ChanceLevels(type(task).__name__, task.metric_name, metrics, accuracies)


def _best(task: Task, trials: Trial, answers: Sequence[Tensor]) -> Tensor:
    """Return the answer, ``(time or 1, output_size)``, that has the best metric in some trials."""
    scores = []
    for answer in answers:
        outputs = answer.expand(*trials.mask.shape, -1)
        value = task.metric(outputs, trials.targets, trials.mask)
        scores.append(value if task.metric_goal == "max" else -value)
    return answers[max(range(len(scores)), key=lambda i: (scores[i] == scores[i], scores[i]))]


def _constants(task: Task, trials: Trial) -> list[Tensor]:
    """Return constant answers to try: the average target, and answers of single trials."""
    targets = as_outputs(task, trials.targets)
    weights = trials.mask.unsqueeze(-1)
    average = (weights * targets).sum((0, 1)) / weights.sum()
    answers = last_scored(targets, trials.mask).unique(dim=0)
    if len(answers) > _MOST_ANSWERS:
        answers = answers[torch.linspace(0, len(answers) - 1, _N_EXAMPLES).round().long()]
    return [answer.unsqueeze(0) for answer in (average, *answers)]


def _timed(task: Task, trials: Trial) -> list[Tensor]:
    """Return answers to try that depend on time: the average target of each step, constants."""
    targets, weights = as_outputs(task, trials.targets), trials.mask.unsqueeze(-1)
    total = weights.sum(0)
    average = (weights * targets).sum(0) / total.clamp(min=1e-12)
    constants = _constants(task, trials)
    return [torch.where(total > 0, average, constants[0]), *constants]


def _with_cue(task: Task, names: tuple[str, ...], known: Trial, new: Trial) -> Tensor:
    """Return the best answers of who knows one cue, ``(n_trials, time, output_size)``."""
    fallback = _best(task, known, _constants(task, known))
    outputs = fallback.repeat(*new.mask.shape, 1)
    for ours, theirs in _groups(known.info, new.info, names):
        if len(ours) and len(theirs):
            trials = known.rows(ours)
            outputs[theirs] = _best(task, trials, _constants(task, trials)).to(outputs)
    return outputs


def _groups(
    known: Mapping[str, Tensor], new: Mapping[str, Tensor], names: tuple[str, ...]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the trials of each value of a cue, or of some cues together: known ones, new ones."""
    n_bins = _N_BINS[len(names) > 1]
    ours = theirs = torch.zeros(1, dtype=torch.int64)
    for name in names:
        a, b = (torch.as_tensor(info[name]).double() for info in (known, new))
        values = a.unique()
        if len(values) > _MOST_VALUES:
            values = a.quantile(torch.linspace(0, 1, n_bins + 1, dtype=a.dtype))
        edges = (values[1:] + values[:-1]) / 2 if len(values) <= _MOST_VALUES else values[1:-1]
        ours, theirs = (
            label * (len(edges) + 1) + torch.bucketize(column, edges)
            for label, column in ((ours, a), (theirs, b))
        )
    for label in ours.unique():
        yield (ours == label).nonzero().squeeze(1), (theirs == label).nonzero().squeeze(1)
