"""Variables of trials as columns of a regression."""

from __future__ import annotations

import numpy as np

from pyrnn.arrays import Array

__all__ = ["orthonormal", "regressors"]

_MOST_LEVELS = 10  # numbers with more different values are regressors, not categories


def regressors(column: Array) -> Array:
    """Return a variable as columns of a regression, ``(n_trials, n_columns)``, without a constant.

    Names, and numbers with at most ten different values, have one column for each value but the
    first. Other numbers are one column.

    Args:
        column: Values, ``(n_trials,)``.

    Example:
        >>> regressors(np.array(["left", "right", "right"])).ravel()
        array([0., 1., 1.])
    """
    levels = np.unique(column)
    if column.dtype.kind in "US" or len(levels) <= _MOST_LEVELS:
        return (column[:, None] == levels[None, 1:]).astype(float)
    return column[:, None].astype(float)


def orthonormal(columns: Array, beyond: Array | None = None) -> Array:
    """Return an orthonormal basis of the span of columns, ``(n_trials, rank)``.

    Args:
        columns: Columns, ``(n_trials, n_columns)``.
        beyond: Orthonormal columns; the basis is orthogonal to them.

    Example:
        >>> orthonormal(np.ones((4, 2))).shape
        (4, 1)
    """
    rest = columns if beyond is None else columns - beyond @ (beyond.T @ columns)
    u, s, _ = np.linalg.svd(rest, full_matrices=False)
    scale = np.linalg.norm(columns) if columns.size else 0.0
    return u[:, s > 1e-10 * max(scale, 1e-300)]
