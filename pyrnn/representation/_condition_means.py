"""Means of states over the trials of each condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pyrnn.arrays import Array, ArrayLike, States
from pyrnn.representation._arrays import ArrayResult
from pyrnn.representation._trials import LabeledTrials, Variables, nan_mean
from pyrnn.result import Report

__all__ = ["ConditionMeans", "condition_means"]


@dataclass(frozen=True, eq=False, repr=False)
class ConditionMeans(ArrayResult):
    """Mean states of each condition.

    Attributes:
        states: Mean states, ``(n_conditions, time, units)``; NaN at steps without a valid trial.
        conditions: Values of each variable, ``(n_conditions,)``, by name.
        n_trials: Number of trials of each condition, ``(n_conditions,)``.

    Example:
        >>> states = np.arange(4.0).reshape(4, 1, 1)
        >>> means = condition_means(states, {"choice": [1, 1, 0, 0]})
        >>> means.states.ravel(), means.labels
        (array([2.5, 0.5]), ('choice = 0', 'choice = 1'))
    """

    states: Array
    conditions: Mapping[str, Array | list[str]]
    n_trials: Array

    @property
    def labels(self) -> tuple[str, ...]:
        """Text that names each condition, for a legend."""
        rows = zip(*self.conditions.values(), strict=True)
        names = tuple(self.conditions)
        return tuple(
            ", ".join(f"{name} = {_shown(v)}" for name, v in zip(names, row, strict=True))
            for row in rows
        )

    def _frame(self) -> dict[str, list[object]]:
        columns = {name: list(values) for name, values in self.conditions.items()}
        return {**columns, "n_trials": list(self.n_trials)}

    def _report(self) -> Report:
        rows = [(label, str(n)) for label, n in zip(self.labels, self.n_trials, strict=True)]
        title = f"means of {self.states.shape[2]} units in {len(rows)} conditions"
        return Report(title, ("condition", "trials"), rows)


def condition_means(
    states: States,
    variables: Variables,
    by: Sequence[str] | None = None,
    *,
    valid: ArrayLike | None = None,
) -> ConditionMeans:
    r"""Average states over the trials of each condition.

    .. math:: \bar r_c(t) = \langle r_j(t) \rangle_{j \in c}

    A condition is a combination of values of the variables that occurs in the trials. NaN marks
    states that are not known; they are left out of the mean.

    Args:
        states: States, ``(n_trials, time, units)``, or a list of trials of unequal duration.
        variables: A batch of trials, or one value for each trial by the name of the variable.
        by: Names of the variables that make a condition; all by default.
        valid: Which steps count, ``(n_trials, time)``, such as ``valid_steps(batch, dt)``.

    Returns:
        The means, in the order of the sorted values.

    Raises:
        TypeError: If the states are no numbers.
        ValueError: If there is no such variable, or the numbers of trials differ.

    Example:
        >>> from pyrnn import RateRNN
        >>> from pyrnn.tasks import ContextIntegration
        >>> batch = ContextIntegration(seed=0).batch(64)
        >>> states = RateRNN(4, 16, 1, seed=0).predict(batch.inputs).states
        >>> condition_means(states, batch, ["context", "choice"]).states.shape
        (4, 69, 16)
    """
    trials = LabeledTrials.of(states, variables, by, valid)
    values, index = trials.conditions()
    n_trials = np.bincount(index)
    means = np.stack([nan_mean(trials.states[index == i], axis=0) for i in range(len(n_trials))])
    return ConditionMeans(means, values, n_trials)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)
