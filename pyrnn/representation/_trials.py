"""Trials with labels: states and what was shown, as arrays of the same trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, Union

import numpy as np

from pyrnn.arrays import Array, ArrayLike, HasStates, States, as_array
from pyrnn.projection import as_states
from pyrnn.tasks import Trial
from pyrnn.validate import as_names, as_number, check_kind

__all__ = ["LabeledTrials", "Variables", "epoch_average", "valid_steps"]

Variables: TypeAlias = Union[Trial, Mapping[str, ArrayLike]]  # noqa: UP007 (3.10)
"""A batch, or one value for each trial by the name of the variable."""


def valid_steps(batch: Trial, dt: float, *epochs: str) -> Array:
    """Return which steps of a batch belong to its trials, and are no padding.

    Args:
        batch: The batch, whose ``epochs`` are known in ms.
        dt: Duration of a step, in ms.
        *epochs: Names of epochs to choose; all of them by default.

    Returns:
        True where a step is in one of the epochs, ``(n_trials, time)``. All steps are valid in a
        batch without epochs.

    Raises:
        ValueError: If there is no such epoch.

    Example:
        >>> from pyrnn.tasks import ContextIntegration
        >>> task = ContextIntegration(stimulus=(200, 800), seed=0)
        >>> batch = task.batch(3)
        >>> valid_steps(batch, task.dt).sum(1) == batch.mask.argmax(1).numpy() + 1
        array([ True,  True,  True])
        >>> valid_steps(batch, task.dt, "delay").sum(1)
        array([5, 5, 5])
    """
    check_kind("batch", batch, Trial, "task.batch(n) makes one")
    dt = as_number("dt", dt, above=0, unit="ms")
    for name in epochs:
        if name not in batch.epochs:
            raise ValueError(f"expected epochs among {sorted(batch.epochs)}, got {name!r}")
    if not batch.epochs:
        return np.ones(tuple(batch.mask.shape), bool)
    time = (np.arange(batch.mask.shape[-1]) + 0.5) * dt
    is_valid = np.zeros(tuple(batch.mask.shape), bool)
    for name in epochs or batch.epochs:
        start, stop = np.moveaxis(as_array(batch.epochs[name])[..., None, :], -1, 0)
        is_valid |= (start <= time) & (time < stop)
    return is_valid


@dataclass(frozen=True)
class LabeledTrials:
    """States of trials with the variables of each trial.

    Args:
        states: States, ``(n_trials, time, units)``; NaN at steps that are not valid.
        columns: Values of each variable, ``(n_trials,)``, by name.
    """

    states: Array
    columns: dict[str, Array]

    @classmethod
    def of(
        cls,
        states: States,
        variables: Variables,
        by: Sequence[str] | None = None,
        valid: ArrayLike | None = None,
    ) -> LabeledTrials:
        """Return checked trials.

        Args:
            states: States, ``(n_trials, time, units)``, or a list of trials, ``(time, units)``.
            variables: Values of the variables, by name.
            by: Names of the variables to use; all by default.
            valid: Which steps count, ``(n_trials, time)``.

        Raises:
            ValueError: If the shapes do not fit together.
        """
        array = _as_padded(states)
        if valid is not None:
            keep = as_array(valid).astype(bool)
            if keep.shape != array.shape[:2]:
                raise ValueError(
                    f"expected valid of shape {array.shape[:2]}, one value per step, got "
                    f"{keep.shape}"
                )
            array = np.where(keep[..., None], array, np.nan)
        return cls(array, _columns(variables, by, len(array)))

    def conditions(self) -> tuple[dict[str, Array], Array]:
        """Return the values of each condition, and the number of the condition of each trial."""
        coded = [np.unique(column, return_inverse=True) for column in self.columns.values()]
        rows, index = np.unique(np.stack([c for _, c in coded], 1), axis=0, return_inverse=True)
        values = {
            name: levels[rows[:, i]]
            for i, (name, (levels, _)) in enumerate(zip(self.columns, coded, strict=True))
        }
        return values, index.reshape(-1)


def epoch_average(states: Array, steps: ArrayLike | None = None) -> Array:
    """Return the mean of each trial over steps, ``(n_trials, units)``; NaN where there is none.

    Args:
        states: States, ``(n_trials, time, units)``; NaN at steps that are not valid.
        steps: Which steps count, ``(n_trials, time)``; all valid ones by default.
    """
    chosen = states if steps is None else np.where(as_array(steps)[..., None], states, np.nan)
    return nan_mean(chosen, axis=1)


def nan_mean(values: Array, axis: int) -> Array:
    """Return the mean of the values that are known; NaN where none is.

    Args:
        values: Numbers and NaN.
        axis: Axis to average over.
    """
    known = np.isfinite(values)
    n = known.sum(axis)
    total = np.where(known, values, 0.0).sum(axis)
    mean: Array = np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)
    return mean


def _as_padded(states: States) -> Array:
    """Return states as an array; shorter trials of a list end with NaN."""
    if isinstance(states, (list, tuple)) and not isinstance(states, HasStates):
        trials = [as_states(trial) for trial in states]
        if {trial.ndim for trial in trials} == {2} and len({t.shape[1] for t in trials}) == 1:
            longest = max(map(len, trials))
            array = np.full((len(trials), longest, trials[0].shape[1]), np.nan)
            for row, trial in zip(array, trials, strict=True):
                row[: len(trial)] = trial
            return array
    array = as_states(states)
    if array.ndim != 3 or not array.size:
        raise ValueError(
            f"expected states of shape (n_trials, time, units), got {array.shape}; "
            "states of a single step are states[:, None]"
        )
    return array.astype(float)


def _columns(variables: Variables, by: Sequence[str] | None, n_trials: int) -> dict[str, Array]:
    """Return the chosen variables; by default all with one value for each trial."""
    check_kind("variables", variables, (Trial, Mapping), "pass values by name, or a batch")
    table = variables.info if isinstance(variables, Trial) else variables
    names = list(table) if by is None else as_names("by", by, table)
    columns = {name: as_array(table[name], "pass one value per trial") for name in names}
    if by is None:
        columns = {name: column for name, column in columns.items() if column.ndim == 1}
    for name, column in columns.items():
        if column.shape != (n_trials,):
            raise ValueError(
                f"expected one value of {name!r} for each of {n_trials} trials, got shape "
                f"{column.shape}"
            )
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            raise ValueError(f"expected finite values of {name!r}; leave out the other trials")
    if not columns:
        raise ValueError("expected at least one variable with a value for each trial, got none")
    return columns
