"""Demixed principal components: axes that each depend on one variable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pyrnn.arrays import Array, ArrayLike, States
from pyrnn.projection import Projection
from pyrnn.representation._arrays import ArrayResult
from pyrnn.representation._condition_means import ConditionMeans, condition_means
from pyrnn.representation._trials import Variables
from pyrnn.result import Report
from pyrnn.validate import as_integer, as_number

__all__ = ["DemixedAxes", "demixed_axes"]


@dataclass(frozen=True, eq=False, repr=False)
class DemixedAxes(ArrayResult):
    """Axes that each hold what depends on one variable, or on one combination of variables.

    Attributes:
        names: Name of each axis, such as ``"choice 1"`` or ``"time 2"``.
        decoders: Directions to project states on, ``(n_axes, units)``.
        encoders: Directions that rebuild the states from the coordinates, ``(n_axes, units)``.
        mean: Mean of the condition means, ``(units,)``.
        explained: Share of the variance of the condition means that each axis explains.
        variance: Share of the variance that depends on each combination, by its name.

    Example:
        >>> choice, time = np.array([-1.0, 1.0]), np.linspace(0, 1, 5)
        >>> states = np.stack([choice[:, None] * time, 0 * choice[:, None] + time], axis=-1)
        >>> axes = demixed_axes(states, {"choice": choice}, n_components=1)
        >>> axes.names, axes.projection.labels
        (('time 1', 'choice 1'), ('time 1', 'choice 1'))
        >>> abs(axes.projection.components.round(6))
        array([[0., 1.],
               [1., 0.]])
    """

    names: tuple[str, ...]
    decoders: Array
    encoders: Array
    mean: Array
    explained: Array
    variance: dict[str, float]

    @property
    def projection(self) -> Projection:
        """Projection onto the decoders, with named axes."""
        return Projection(self.decoders, self.mean, names=self.names)

    def _frame(self) -> dict[str, list[object]]:
        return {"axis": list(self.names), "explained": list(self.explained)}

    def _report(self) -> Report:
        rows = [(n, f"{e:.1%}") for n, e in zip(self.names, self.explained, strict=True)]
        parts = ", ".join(f"{name} {share:.0%}" for name, share in self.variance.items())
        return Report("demixed axes", ("axis", "explained"), rows, [f"variance: {parts}"])


def demixed_axes(
    states: States,
    variables: Variables,
    by: Sequence[str] | None = None,
    *,
    n_components: int = 2,
    ridge: float = 0.0,
    valid: ArrayLike | None = None,
) -> DemixedAxes:
    r"""Find axes that each depend on one variable only, by demixed principal component analysis.

    The condition means :math:`X` are split into what depends on time only, on each variable (and
    time), and on each combination of variables. For each part :math:`X_\phi`, decoder
    :math:`D` and encoder :math:`F` of a given rank minimize

    .. math:: \| X_\phi - F D X \|^2 + \mu\, \| F D \|^2 .

    Args:
        states: States, ``(n_trials, time, units)``, or a list of trials of unequal duration.
        variables: A batch of trials, or one value for each trial by the name of the variable.
        by: Names of the variables; all by default.
        n_components: Largest number of axes for each part.
        ridge: Regularization :math:`\mu`, in units of the total variance.
        valid: Which steps count, ``(n_trials, time)``. Steps that some condition lacks are left
            out.

    Returns:
        The axes: first those of time, then those of the variables and of their combinations.

    Raises:
        ValueError: If a combination of values has no trial.

    Example:
        >>> from pyrnn import RateRNN
        >>> from pyrnn.tasks import ContextIntegration
        >>> batch = ContextIntegration(seed=0).batch(256)
        >>> states = RateRNN(4, 16, 1, seed=0).predict(batch.inputs).states
        >>> demixed_axes(states, batch, ["context", "choice"], n_components=1).names
        ('time 1', 'context 1', 'choice 1', 'context × choice 1')

    References:
        Kobak et al., *Demixed principal component analysis of neural population data*, eLife 5
        (2016).
    """
    means = condition_means(states, variables, by, valid=valid)
    n_components = as_integer("n_components", n_components, low=1)
    ridge = as_number("ridge", ridge, low=0)
    grid = _grid(means)
    mean = grid.reshape(-1, grid.shape[-1]).mean(0)
    grid = grid - mean
    whole = grid.reshape(-1, grid.shape[-1])
    total = float((whole**2).sum())
    gram = whole.T @ whole + ridge * total * np.eye(whole.shape[1])
    inverse = np.linalg.pinv(gram, rcond=1e-12, hermitian=True)
    names, decoders, encoders, variance = [], [], [], {}
    for name, part in _parts(grid, list(means.conditions)):
        variance[name] = float((part**2).sum()) / total if total else 0.0
        d, f = _reduced_rank(part, whole, inverse, n_components)
        names += [f"{name} {i + 1}" for i in range(len(d))]
        decoders.append(d)
        encoders.append(f)
    d, f = np.concatenate(decoders), np.concatenate(encoders)
    rebuilt = [((whole - np.outer(whole @ a, b)) ** 2).sum() for a, b in zip(d, f, strict=True)]
    return DemixedAxes(tuple(names), d, f, mean, 1 - np.array(rebuilt) / total, variance)


def _grid(means: ConditionMeans) -> Array:
    """Return condition means with an axis for each variable, ``(*levels, time, units)``."""
    coded = [np.unique(values, return_inverse=True) for values in means.conditions.values()]
    shape = tuple(len(levels) for levels, _ in coded)
    if len(means.states) != int(np.prod(shape)):
        raise ValueError(
            f"expected trials of all {int(np.prod(shape))} combinations of "
            f"{list(means.conditions)}, got {len(means.states)}; use fewer variables or values"
        )
    known = np.isfinite(means.states).all((0, 2))
    return means.states[:, known].reshape(*shape, int(known.sum()), -1)


def _parts(grid: Array, names: list[str]) -> Iterator[tuple[str, Array]]:
    """Yield the part of condition means that depends on each combination, ``(samples, units)``."""
    axes = tuple(range(len(names)))
    done: dict[tuple[int, ...], Array] = {}
    for size in range(len(names) + 1):
        for chosen in combinations(axes, size):
            others = tuple(axis for axis in axes if axis not in chosen)
            part = np.broadcast_to(grid.mean(others, keepdims=True), grid.shape)
            part = part - sum(p for c, p in done.items() if set(c) < set(chosen))
            done[chosen] = part
            name = " × ".join(names[axis] for axis in chosen) or "time"
            yield name, part.reshape(-1, grid.shape[-1])


def _reduced_rank(
    part: Array, whole: Array, inverse: Array, n_components: int
) -> tuple[Array, Array]:
    """Return decoders and encoders of a part, both ``(n_components, units)``."""
    full = inverse @ whole.T @ part  # (units, units): whole @ full is nearest to the part
    _, s, axes = np.linalg.svd(whole @ full, full_matrices=False)
    n = min(n_components, int((s > 1e-10 * np.linalg.norm(whole)).sum()))
    encoders = axes[:n]
    decoders = (full @ encoders.T).T
    return decoders, encoders
