"""How well a variable can be read from the states: over time and across conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pyrnn.arrays import Array, ArrayLike, States, as_array
from pyrnn.representation._arrays import ArrayResult
from pyrnn.representation._trials import LabeledTrials
from pyrnn.result import Report
from pyrnn.statistics import wilson_interval
from pyrnn.validate import as_boolean, as_integer, as_seed

__all__ = ["Decoding", "Estimator", "decode"]


class Estimator(Protocol):
    """A classifier of scikit-learn."""

    def fit(self, rows: Array, labels: Array) -> object:
        """Learn labels of rows."""

    def predict(self, rows: Array) -> Array:
        """Return the labels of rows."""


@dataclass(frozen=True, eq=False, repr=False)
class Decoding(ArrayResult):
    """Share of trials that are decoded correctly.

    Attributes:
        accuracy: Share of the test trials that are decoded correctly, ``(time,)``; with
            ``cross_temporal`` ``(time of training, time of test)``. NaN where too few trials are
            known.
        low: Lower end of its 95 % interval (Wilson's), of the same shape.
        high: Upper end.
        n_trials: Number of test trials, of the same shape.
        chance: Share of the most frequent value.

    Example:
        >>> labels = np.tile([0, 1], 20)
        >>> states = labels[:, None, None] + np.random.default_rng(0).normal(size=(40, 3, 2)) / 9
        >>> decoding = decode(states, labels)
        >>> decoding.accuracy, decoding.chance
        (array([1., 1., 1.]), 0.5)
    """

    accuracy: Array
    low: Array
    high: Array
    n_trials: Array
    chance: float

    def _frame(self) -> dict[str, list[object]]:
        steps = np.indices(self.accuracy.shape).reshape(self.accuracy.ndim, -1)
        names = ("step",) if len(steps) == 1 else ("trained", "step")
        columns = {name: list(step) for name, step in zip(names, steps, strict=True)}
        values = ("accuracy", "low", "high", "n_trials")
        return columns | {name: list(getattr(self, name).ravel()) for name in values}

    def _report(self) -> Report:
        diagonal = self.accuracy if self.accuracy.ndim == 1 else np.diagonal(self.accuracy)
        rows = [("chance", f"{self.chance:.3f}")]
        if np.isfinite(diagonal).any():
            best = int(np.nanargmax(diagonal))
            rows.append((f"best step, {best}", f"{diagonal[best]:.3f}"))
        return Report(f"decoding at {len(diagonal)} steps", rows=rows)


def decode(
    states: States,
    labels: ArrayLike,
    *,
    across: ArrayLike | None = None,
    cross_temporal: bool = False,
    estimator: Estimator | None = None,
    n_folds: int = 5,
    valid: ArrayLike | None = None,
    seed: int = 0,
) -> Decoding:
    """Decode a variable from the states at each step, and test on other trials.

    Args:
        states: States, ``(n_trials, time, units)``, or a list of trials of unequal duration.
        labels: Value to decode for each trial, ``(n_trials,)``.
        across: Condition of each trial, ``(n_trials,)``. If it is given, each condition is
            tested with an estimator that was fitted to the other conditions: the share of right
            trials then measures how the code generalizes.
        cross_temporal: Whether to test the estimator of each step at all steps.
        estimator: A classifier of scikit-learn; by default a linear discriminant analysis with
            shrinkage by the rule of Ledoit and Wolf.
        n_folds: Number of parts of the trials for cross-validation; each has all labels.
        valid: Which steps count, ``(n_trials, time)``.
        seed: Seed of the parts.

    Returns:
        The shares of right trials.

    Raises:
        ValueError: If there are fewer than two different labels or conditions, or fewer trials of
            a label than folds.

    Example:
        >>> from pyrnn import RateRNN
        >>> from pyrnn.tasks import ContextIntegration
        >>> batch = ContextIntegration(seed=0).batch(64)
        >>> states = RateRNN(4, 16, 1, seed=0).predict(batch.inputs).states[:, ::10]
        >>> decode(states, batch.info["motion"] > 0, across=batch.info["context"]).accuracy.shape
        (7,)

    References:
        King & Dehaene, Trends Cogn. Sci. 18 (2014), for tests across time; Bernardi et al., *The
        geometry of abstraction in the hippocampus and prefrontal cortex*, Cell 183 (2020), for
        tests across conditions.
    """
    trials = LabeledTrials.of(states, {"label": labels}, valid=valid)
    y, x = trials.columns["label"], trials.states
    groups = None if across is None else _checked_groups(across, len(y))
    n_folds = as_integer("n_folds", n_folds, low=2)
    values, counts = np.unique(y, return_counts=True)
    if len(values) < 2 or (groups is None and counts.min() < n_folds):
        raise ValueError(
            f"expected at least two labels with {n_folds} trials each, got "
            f"{dict(zip(values.tolist(), counts.tolist(), strict=True))}"
        )
    is_square, seed = as_boolean("cross_temporal", cross_temporal), as_seed("seed", seed)
    n_right, n_tested = np.zeros((2, x.shape[1], x.shape[1]))
    for train, test in _folds(y, groups, n_folds, seed):
        _count(estimator, (x[train], y[train]), (x[test], y[test]), n_right, n_tested, is_square)
    if not is_square:
        n_right, n_tested = np.diagonal(n_right), np.diagonal(n_tested)
    return _decoding(n_right, n_tested, float(counts.max() / counts.sum()))


def _count(
    estimator: Estimator | None,
    train: tuple[Array, Array],
    test: tuple[Array, Array],
    n_right: Array,
    n_tested: Array,
    is_square: bool,
) -> None:
    """Add the test trials of a fold, ``(time of training, time of test)``."""
    (x, y), (others, labels) = train, test
    is_known = np.asarray(np.isfinite(others).all(2))
    for t in range(x.shape[1]):
        fitted = _fitted(estimator, x[:, t], y)
        for s in range(x.shape[1]) if is_square else [t]:
            rows = is_known[:, s]
            if fitted is not None and rows.any():
                n_right[t, s] += (fitted.predict(others[rows, s]) == labels[rows]).sum()
                n_tested[t, s] += rows.sum()


def _decoding(n_right: Array, n_tested: Array, chance: float) -> Decoding:
    is_tested = n_tested > 0
    accuracy = np.divide(n_right, n_tested, out=np.full(n_right.shape, np.nan), where=is_tested)
    low, high = wilson_interval(n_right, np.maximum(n_tested, 1))
    low, high = np.where(is_tested, low, np.nan), np.where(is_tested, high, np.nan)
    return Decoding(accuracy, low, high, n_tested.astype(int), chance)


def _fitted(estimator: Estimator | None, rows: Array, labels: Array) -> Estimator | None:
    """Return a new estimator, fitted to the trials that are known; None if they are too few."""
    from sklearn.base import clone
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    known = np.isfinite(rows).all(1)
    if len(np.unique(labels[known])) < 2 or known.sum() < 4:
        return None
    default = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    fresh: Estimator = clone(default if estimator is None else estimator)
    fresh.fit(rows[known], labels[known])
    return fresh


def _folds(
    labels: Array, groups: Array | None, n_folds: int, seed: int
) -> Iterator[tuple[Array, Array]]:
    """Yield the trials to fit and to test."""
    from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold

    rows = np.zeros((len(labels), 1))
    if groups is None:
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        yield from folds.split(rows, labels)
    else:
        yield from LeaveOneGroupOut().split(rows, labels, groups)


def _checked_groups(across: ArrayLike, n_trials: int) -> Array:
    groups = as_array(across)
    if groups.shape != (n_trials,) or len(np.unique(groups)) < 2:
        raise ValueError(
            f"expected across with one condition for each of {n_trials} trials, and at least two "
            f"different ones, got shape {groups.shape} and {len(np.unique(groups))} conditions"
        )
    return groups
