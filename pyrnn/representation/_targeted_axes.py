"""Axes in state space along which variables are encoded, by regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pyrnn.arrays import Array, ArrayLike, States
from pyrnn.projection import Projection
from pyrnn.representation._condition_means import condition_means
from pyrnn.representation._trials import LabeledTrials, Variables, nan_mean
from pyrnn.validate import as_boolean, as_integer

__all__ = ["targeted_axes"]


def targeted_axes(
    states: States,
    variables: Variables,
    by: Sequence[str] | None = None,
    *,
    n_components: int = 12,
    orthogonalize: bool = True,
    valid: ArrayLike | None = None,
) -> Projection:
    r"""Find the axis along which each variable is encoded, by targeted regression.

    At each step, each unit is regressed on all variables, scaled to at most 1 in absolute value:

    .. math:: r_i(t) = \beta_{i0}(t) + \sum_v \beta_{iv}(t)\, x_v .

    The vectors :math:`\beta_v(t)` are denoised: they are projected onto the largest principal
    components of the condition means. The axis of a variable is its vector at the step at which
    this is longest. In the end the axes are made orthonormal in the given order (by a QR
    decomposition), so that each holds what the axes before it do not.

    Args:
        states: States, ``(n_trials, time, units)``, or a list of trials of unequal duration.
        variables: A batch of trials, or one number for each trial by the name of the variable;
            two names, such as "left" and "right", count as -1 and 1.
        by: Names of the variables, in order; all by default.
        n_components: Number of principal components of the condition means that are kept.
        orthogonalize: Whether to make the axes orthonormal; if not, they have unit length only.
        valid: Which steps count, ``(n_trials, time)``.

    Returns:
        The projection, with an axis named after each variable. States move to positive
        coordinates as the variable grows. The mean is that of the condition means.

    Raises:
        ValueError: If a variable has more than two names, or depends linearly on the others.

    Example:
        >>> from pyrnn import RateRNN
        >>> from pyrnn.tasks import ContextIntegration
        >>> batch = ContextIntegration(seed=0).batch(256)
        >>> states = RateRNN(4, 16, 1, seed=0).predict(batch.inputs).states
        >>> axes = targeted_axes(states, batch, ["choice", "motion", "color", "context"])
        >>> axes.labels, axes.transform(states).shape
        (('choice', 'motion', 'color', 'context'), (256, 69, 4))

    References:
        Mante et al., *Context-dependent computation by recurrent dynamics in prefrontal cortex*,
        Nature 503 (2013), supplement 6.
    """
    trials = LabeledTrials.of(states, variables, by, valid)
    names = list(trials.columns)
    design = np.stack([_scaled(name, column) for name, column in trials.columns.items()], axis=1)
    slopes = _slopes(trials.states, design, names)
    means = condition_means(trials.states, trials.columns).states
    space, center = _largest(means, as_integer("n_components", n_components, low=1))
    denoised = slopes @ space.T @ space  # (time, n_variables, units)
    length = np.linalg.norm(denoised, axis=-1)
    axes = denoised[length.argmax(0), np.arange(len(names))]
    size = np.linalg.norm(axes, axis=1)
    if (size <= 1e-12 * size.max()).any():
        silent = [name for name, s in zip(names, size, strict=True) if s <= 1e-12 * size.max()]
        raise ValueError(f"expected states that depend on every variable, got none for {silent}")
    axes /= size[:, None]
    if as_boolean("orthogonalize", orthogonalize):
        q, r = np.linalg.qr(axes.T)
        axes = (q * np.sign(np.diag(r))).T
    return Projection(axes, center, names=tuple(names))


def _scaled(name: str, column: Array) -> Array:
    """Return a variable as numbers, scaled to at most 1 in absolute value."""
    if column.dtype.kind in "USb":
        levels = np.unique(column)
        if len(levels) > 2:
            raise ValueError(
                f"expected numbers or two names in {name!r}, got {len(levels)} names; make a "
                "variable of 0 and 1 for each"
            )
        return np.where(column == levels[-1], 1.0, -1.0)
    largest = np.abs(column).max()
    scaled: Array = column / largest if largest else column.astype(float)
    return scaled


def _slopes(states: Array, design: Array, names: list[str]) -> Array:
    """Return the slopes of all units at all steps, ``(time, n_variables, units)``."""
    columns = np.concatenate([np.ones((len(design), 1)), design], axis=1)
    slopes = np.zeros((states.shape[1], design.shape[1], states.shape[2]))
    for t in range(states.shape[1]):
        known = np.isfinite(states[:, t]).all(1)
        if np.linalg.matrix_rank(columns[known]) == columns.shape[1]:
            slopes[t] = np.linalg.lstsq(columns[known], states[known, t], rcond=None)[0][1:]
    if np.linalg.matrix_rank(columns) < columns.shape[1]:
        raise ValueError(
            f"expected variables that are linearly independent, got {names}; leave one out"
        )
    return slopes


def _largest(means: Array, n_components: int) -> tuple[Array, Array]:
    """Return the largest principal components of condition means, and the mean."""
    rows = means.reshape(-1, means.shape[-1])
    rows = rows[np.isfinite(rows).all(1)]
    center = nan_mean(rows, axis=0)
    _, s, components = np.linalg.svd(rows - center, full_matrices=False)
    n_components = min(n_components, int((s > 1e-12 * s[0]).sum()))
    return components[:n_components], center
