"""Which variables each unit encodes, with permutation tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pyrnn.arrays import Array, ArrayLike, States
from pyrnn.representation._arrays import ArrayResult
from pyrnn.representation._design import orthonormal, regressors
from pyrnn.representation._trials import LabeledTrials, Variables, epoch_average
from pyrnn.result import Report
from pyrnn.validate import as_integer, as_number, as_rng, check_kind

__all__ = ["Selectivity", "selectivity"]

_BATCH = 100  # permutations at once


@dataclass(frozen=True, eq=False, repr=False)
class Selectivity(ArrayResult):
    r"""Effect of each variable on each unit in each epoch, with p-values.

    Attributes:
        variables: Names of the variables.
        epochs: Names of the epochs.
        effect: Share of the variance that only this variable explains, of what the other variables
            leave (partial :math:`R^2`), ``(n_variables, n_epochs, units)``.
        p: p-values of the permutation test, of the same shape.
        q: p-values after control of the false-discovery rate over units and epochs, by the
            method of Benjamini and Hochberg.
        alpha: Level at which a unit counts as selective.

    Example:
        >>> choice = np.tile([0, 1], 20)
        >>> states = np.stack([choice, np.random.default_rng(0).normal(size=40)], 1)[:, None]
        >>> found = selectivity(states, {"choice": choice}, n_permutations=200)
        >>> found.is_selective.tolist(), found.kinds("whole trial")
        ([[[True, False]]], ['pure', 'none'])
        >>> found.n_selective.tolist()
        [[1]]
    """

    variables: tuple[str, ...]
    epochs: tuple[str, ...]
    effect: Array
    p: Array
    q: Array
    alpha: float = 0.05

    @property
    def is_selective(self) -> Array:
        """Whether a unit is selective, ``(n_variables, n_epochs, units)``."""
        selective: Array = self.q <= self.alpha
        return selective

    @property
    def n_selective(self) -> Array:
        """Number of selective units, ``(n_variables, n_epochs)``."""
        return self.is_selective.sum(-1)

    def kinds(self, epoch: str) -> list[str]:
        """Return whether each unit encodes no variable, one (pure) or several (mixed).

        Args:
            epoch: Name of the epoch.

        Raises:
            ValueError: If there is no such epoch.
        """
        if epoch not in self.epochs:
            raise ValueError(f"expected an epoch among {list(self.epochs)}, got {epoch!r}")
        n = self.is_selective[:, self.epochs.index(epoch)].sum(0)
        return [("none", "pure", "mixed")[min(count, 2)] for count in n.tolist()]

    def _frame(self) -> dict[str, list[object]]:
        i, j, unit = np.indices(self.p.shape).reshape(3, -1)
        return {
            "variable": [self.variables[k] for k in i],
            "epoch": [self.epochs[k] for k in j],
            "unit": list(unit),
            **{name: list(getattr(self, name).ravel()) for name in ("effect", "p", "q")},
            "is_selective": list(self.is_selective.ravel()),
        }

    def _report(self) -> Report:
        n_units = self.p.shape[-1]
        rows = [
            (name, *(f"{n} ({n / n_units:.0%})" for n in counts))
            for name, counts in zip(self.variables, self.n_selective.tolist(), strict=True)
        ]
        note = f"false-discovery rate {self.alpha:g} over units and epochs"
        return Report(f"selective units of {n_units}", ("", *self.epochs), rows, [note])


def selectivity(
    states: States,
    variables: Variables,
    by: Sequence[str] | None = None,
    *,
    epochs: Mapping[str, ArrayLike] | None = None,
    valid: ArrayLike | None = None,
    n_permutations: int = 1000,
    alpha: float = 0.05,
    rng: torch.Generator | int | None = None,
) -> Selectivity:
    r"""Test which variables each unit encodes in each epoch.

    The mean of a unit over an epoch is regressed on all variables. The effect of a variable,

    .. math:: R^2 = 1 - \frac{\| r - \hat r_\text{all} \|^2}{\| r - \hat r_\text{others} \|^2} ,

    is compared with that in trials whose residuals, after a regression on the other variables, are
    permuted (Freedman and Lane). Names, and numbers with at most ten different values, are
    categories; other numbers enter linearly.

    Args:
        states: States, ``(n_trials, time, units)``, or a list of trials of unequal duration.
        variables: A batch of trials, or one value for each trial by the name of the variable.
        by: Names of the variables to test; all by default.
        epochs: Which steps belong to each epoch, ``(n_trials, time)``, by name, such as
            ``{"delay": valid_steps(batch, dt, "delay")}``; the whole trial by default.
        valid: Which steps count, ``(n_trials, time)``.
        n_permutations: Number of permutations; a p-value is at least ``1 / (n_permutations + 1)``.
        alpha: False-discovery rate at which a unit counts as selective.
        rng: Random generator of the permutations, or its seed.

    Returns:
        Effects and p-values. A trial in which a unit is not known during an epoch is left out.

    Raises:
        ValueError: If a variable is the same in all trials, or others determine it.

    Example:
        >>> from pyrnn import RateRNN
        >>> from pyrnn.tasks import ContextIntegration
        >>> task = ContextIntegration(seed=0)
        >>> batch = task.batch(64)
        >>> states = RateRNN(4, 16, 1, seed=0).predict(batch.inputs).states
        >>> found = selectivity(states, batch, ["context", "motion"], n_permutations=100)
        >>> found.p.shape
        (2, 1, 16)

    References:
        Freedman & Lane, *A nonstochastic interpretation of reported significance levels*, J. Bus.
        Econ. Stat. 1 (1983); Rigotti et al., *The importance of mixed selectivity in complex
        cognitive tasks*, Nature 497 (2013).
    """
    from scipy.stats import false_discovery_control

    trials = LabeledTrials.of(states, variables, by, valid)
    n = as_integer("n_permutations", n_permutations, low=1)
    alpha = as_number("alpha", alpha, above=0, high=1)
    generator = as_rng(rng)
    if epochs is not None:
        check_kind("epochs", epochs, Mapping, "pass steps by name")
    spans: Mapping[str, ArrayLike | None] = epochs or {"whole trial": None}
    tested = [
        _tests(epoch_average(trials.states, steps), trials.columns, n, generator)
        for steps in spans.values()
    ]
    effect, p = np.moveaxis(np.array(tested), (1, 2), (0, 1))
    q = false_discovery_control(p.reshape(len(p), -1), axis=1).reshape(p.shape)
    return Selectivity(tuple(trials.columns), tuple(spans), effect, p, q, alpha)


def _tests(
    rates: Array, columns: dict[str, Array], n_permutations: int, rng: torch.Generator
) -> list[list[Array]]:
    """Return effects and p-values of all variables, each ``(n_variables, units)``."""
    known = np.isfinite(rates).all(1)
    rates, rows = rates[known], {name: column[known] for name, column in columns.items()}
    results = [_test(rates, rows, name, n_permutations, rng) for name in rows]
    return [list(part) for part in zip(*results, strict=True)]


def _test(
    rates: Array, columns: dict[str, Array], name: str, n_permutations: int, rng: torch.Generator
) -> tuple[Array, Array]:
    """Return the effect of one variable and its p-value, ``(units,)``."""
    others = [regressors(column) for other, column in columns.items() if other != name]
    null = orthonormal(np.concatenate([np.ones((len(rates), 1)), *others], axis=1))
    own = orthonormal(regressors(columns[name]), beyond=null)
    if not own.shape[1] or own.shape[1] + null.shape[1] >= len(rates):
        raise ValueError(
            f"expected trials that tell the effect of {name!r}, got {len(rates)} trials in which "
            "it is constant, or determined by the other variables; test fewer variables"
        )
    residual = rates - null @ (null.T @ rates)
    size = (residual**2).sum(0)
    is_constant = size <= 1e-20 * (rates**2).sum(0)
    residual[:, is_constant] = 0.0
    effect = _share(own.T @ residual, size)
    n_larger = np.zeros(rates.shape[1])
    for permuted in _permuted(np.concatenate([null, own], axis=1), n_permutations, rng):
        fitted = permuted @ residual  # (permutations, null and own, units)
        left = size - (fitted[:, : null.shape[1]] ** 2).sum(1)
        again = _share(fitted[:, null.shape[1] :].swapaxes(0, 1), left)
        n_larger += (again >= effect - 1e-12).sum(0)
    return effect, (1 + n_larger) / (1 + n_permutations)


def _permuted(basis: Array, n_permutations: int, rng: torch.Generator) -> list[Array]:
    """Return a basis, transposed, with its rows in random orders, in batches."""
    orders = np.stack([torch.randperm(len(basis), generator=rng) for _ in range(n_permutations)])
    return [basis[orders[i : i + _BATCH]].swapaxes(1, 2) for i in range(0, n_permutations, _BATCH)]


def _share(projected: Array, size: Array) -> Array:
    """Return the share of squared size that a projection, coordinates first, explains."""
    explained = (projected**2).sum(0)
    share: Array = np.divide(explained, size, out=np.zeros_like(explained), where=size > 0)
    return share
