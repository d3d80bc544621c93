"""Statistics that several analyses share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["wilson_interval"]

_Z = 1.959963984540054  # 97.5 % quantile of the standard normal distribution


def wilson_interval(
    count: ArrayLike, n: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return the 95 % confidence interval of a probability, by Wilson's method.

    With :math:`p` the share of successes and :math:`z` = 1.96,

    .. math:: \frac{1}{1 + z^2 / n} \left( p + \frac{z^2}{2n} \pm
        z \sqrt{\frac{p (1 - p)}{n} + \frac{z^2}{4 n^2}} \right) .

    It stays between 0 and 1, even for few trials and for shares of 0 and 1.

    Args:
        count: Number of successes, of any shape.
        n: Number of trials, of a shape that broadcasts with it.

    Returns:
        Lower and upper end, of the common shape.

    Raises:
        ValueError: If there is no trial, or more successes than trials.

    Example:
        >>> low, high = wilson_interval([0, 5], 10)
        >>> low.round(2), high.round(2)
        (array([0.  , 0.24]), array([0.28, 0.76]))

    References:
        Wilson, *Probable inference*, Journal of the American Statistical Association 22 (1927).
    """
    k, n = np.asarray(count, dtype=float), np.asarray(n, dtype=float)
    if not ((n >= 1) & (k >= 0) & (k <= n)).all():
        raise ValueError(f"expected 0 <= count <= n and n >= 1, got count = {k} and n = {n}")
    p, z2 = k / n, _Z**2
    middle = p + z2 / (2 * n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2)))
    low = np.where(k == 0, 0.0, (middle - half) / (1 + z2 / n))
    high = np.where(k == n, 1.0, (middle + half) / (1 + z2 / n))
    return low, high
