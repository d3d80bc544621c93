"""Task variance of units, and clusters of units with the same profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyrnn.arrays import Array, ArrayLike, States
from pyrnn.representation._arrays import ArrayResult
from pyrnn.representation._trials import LabeledTrials, Variables, nan_mean
from pyrnn.result import Report
from pyrnn.validate import as_list

__all__ = ["TaskVariance", "task_variance"]


@dataclass(frozen=True, eq=False, repr=False)
class TaskVariance(ArrayResult):
    """How much each unit varies over the trials of each task.

    Attributes:
        tasks: Names of the tasks.
        variance: Variance over trials, averaged over time, ``(n_tasks, units)``.

    Example:
        >>> states = np.array([0.0, 2.0, 5.0, 5.0])[:, None, None]
        >>> variance = task_variance(states, {"task": ["a", "a", "b", "b"]})
        >>> variance.variance.ravel(), variance.normalized.ravel()
        (array([1., 0.]), array([1., 0.]))
        >>> variance.fractional("a", "b")
        array([1.])
    """

    tasks: tuple[str, ...]
    variance: Array

    @property
    def normalized(self) -> Array:
        """Variance in units of the largest one of each unit; NaN for units that never vary."""
        largest = self.variance.max(0)
        varies = largest > 1e-3 * largest.mean()
        shape = self.variance.shape
        ratio: Array = np.divide(self.variance, largest, out=np.full(shape, np.nan), where=varies)
        return ratio

    def fractional(self, first: str, second: str) -> Array:
        r"""Return :math:`(v_1 - v_2) / (v_1 + v_2)` of two tasks, ``(units,)``.

        It is 1 for units of the first task only, -1 for those of the second only.

        Args:
            first: Name of a task.
            second: Name of another task.

        Raises:
            ValueError: If there is no such task.
        """
        for name in (first, second):
            if name not in self.tasks:
                raise ValueError(f"expected tasks among {list(self.tasks)}, got {name!r}")
        a, b = (self.variance[self.tasks.index(name)] for name in (first, second))
        shape = a.shape
        ratio: Array = np.divide(a - b, a + b, out=np.full(shape, np.nan), where=a + b > 0)
        return ratio

    def _frame(self) -> dict[str, list[object]]:
        i, unit = np.indices(self.variance.shape).reshape(2, -1)
        columns = {"variance": self.variance, "normalized": self.normalized}
        return {
            "task": [self.tasks[k] for k in i],
            "unit": list(unit),
            **{name: list(values.ravel()) for name, values in columns.items()},
        }

    def _report(self) -> Report:
        first = np.bincount(self.variance.argmax(0), minlength=len(self.tasks))
        rows = [
            (name, f"{values.mean():.3g}", str(n))
            for name, values, n in zip(self.tasks, self.variance, first, strict=True)
        ]
        title = f"task variance of {self.variance.shape[1]} units"
        return Report(title, ("task", "mean variance", "units that vary most here"), rows)


def task_variance(
    states: States,
    variables: Variables,
    task: str = "task",
    *,
    names: tuple[str, ...] | None = None,
    valid: ArrayLike | None = None,
) -> TaskVariance:
    r"""Measure how much each unit varies over the trials of each task.

    .. math:: v_i(k) = \langle (r_i(j, t) - \langle r_i(j, t) \rangle_j)^2
        \rangle_{j, t}, \qquad j \text{ a trial of task } k

    Args:
        states: Rates, ``(n_trials, time, units)``, or a list of trials of unequal duration.
        variables: A batch of trials, or one value for each trial by the name of the variable.
        task: Name of the variable that says which task a trial is from.
        names: Names of the tasks, in the order of the sorted values; the values by default. Of a
            ``MultiTask`` they are ``tuple(task.tasks)``.
        valid: Which steps count, ``(n_trials, time)``.

    Returns:
        The variances.

    Raises:
        ValueError: If there is no such variable, or the number of names is wrong.

    Example:
        >>> from pyrnn import RateRNN
        >>> from pyrnn.tasks import ContextIntegration
        >>> batch = ContextIntegration(seed=0).batch(64)
        >>> states = RateRNN(4, 16, 1, seed=0).predict(batch.inputs).states
        >>> task_variance(states, batch, "context", names=("motion", "color")).variance.shape
        (2, 16)

    References:
        Yang et al., *Task representations in neural networks trained to perform many cognitive
        tasks*, Nature Neuroscience 22 (2019).
    """
    trials = LabeledTrials.of(states, variables, [task], valid)
    levels, index = np.unique(trials.columns[task], return_inverse=True)
    given = [str(level) for level in levels] if names is None else as_list("names", names, "texts")
    if len(given) != len(levels):
        raise ValueError(f"expected names of the {len(levels)} tasks in the trials, got {given}")
    parts = [trials.states[index == i] for i in range(len(levels))]
    squares = [(part - nan_mean(part, axis=0)) ** 2 for part in parts]
    variances = [nan_mean(nan_mean(square, axis=0), axis=0) for square in squares]
    return TaskVariance(tuple(given), np.stack(variances))
