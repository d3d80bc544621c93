"""Statistics that several analyses share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LogisticFit", "fit_logistic", "wilson_interval"]

LARGEST_LAPSE = 0.5  # largest share of trials that are lapses
_STEEPEST = 20.0  # smallest width of a fitted curve: one of so many parts of a step of evidence

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


class LogisticFit(NamedTuple):
    """Numbers of a logistic curve with lapses, and their standard errors.

    Attributes:
        bias: Place of the middle.
        width: Width, negative if the curve falls.
        lapse: Share of lapses.
        bias_error: Standard error of the bias.
        width_error: Standard error of the width.
        lapse_error: Standard error of the lapse.

    Example:
        >>> fit_logistic([-1.0, 1.0], [5, 95], [100, 100]).lapse
        0.0
    """

    bias: float
    width: float
    lapse: float
    bias_error: float
    width_error: float
    lapse_error: float


def fit_logistic(
    x: ArrayLike, count: ArrayLike, n: ArrayLike, lapse: float | None = None
) -> LogisticFit:
    r"""Fit a logistic curve with lapses to shares of successes, by maximum likelihood.

    .. math:: P(x) = \frac{\lambda}{2} + \frac{1 - \lambda}{1 + e^{-(x - b) / w}}

    Standard errors are those of the expected information; a number at a limit, or given, has none.

    Args:
        x: Levels, increasing, ``(n_levels,)``.
        count: Number of successes at each level.
        n: Number of trials at each level.
        lapse: Share of lapses :math:`\lambda`; fitted, between 0 and 1/2, by default.

    Returns:
        Bias :math:`b`, width :math:`w`, lapse and their errors; NaN where the data do not tell.
        The width is at least a twentieth of the smallest distance of two levels.

    Example:
        >>> x = np.array([-10.0, -5.0, 5.0, 10.0])
        >>> share = 0.05 + 0.9 / (1 + np.exp(-(x - 2) / 3))  # a tenth are lapses
        >>> fit = fit_logistic(x, 1e6 * share, np.full(4, 1e6))
        >>> round(fit.bias, 3), round(fit.width, 3), round(fit.lapse, 3)
        (2.0, 3.0, 0.1)

    References:
        Wichmann & Hill, *The psychometric function*, Perception & Psychophysics 63 (2001), on
        lapses, which otherwise flatten the curve.
    """
    x, count, n = (np.asarray(values, dtype=float) for values in (x, count, n))
    if count.sum() in (0, n.sum()):
        return LogisticFit(*[np.nan] * 6)
    center, span = x.mean(), np.ptp(x)
    steepest = _STEEPEST * span / np.diff(x).min()
    offset, slope, lapse_ = _most_likely((x - center) / span, count, n, steepest, lapse)
    if abs(slope) < 1e-6:
        return LogisticFit(np.nan, np.inf, *[np.nan] * 4)
    bias, width = center - offset / slope * span, span / slope
    is_fitted = lapse is None and 1e-6 < lapse_ < LARGEST_LAPSE - 1e-6
    is_within = abs(slope) < steepest * (1 - 1e-6)
    errors = _errors(x, n, bias, width, lapse_, is_fitted) if is_within else [np.nan] * 3
    return LogisticFit(float(bias), float(width), lapse_, *errors)


def _most_likely(
    u: NDArray[np.float64],
    count: NDArray[np.float64],
    n: NDArray[np.float64],
    steepest: float,
    lapse: float | None,
) -> tuple[float, float, float]:
    """Return offset, slope and lapse that maximize the likelihood; the best of several starts."""
    from scipy.optimize import minimize
    from scipy.special import expit

    def surprise(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        offset, slope, lapse = parameters
        f = expit(offset + slope * u)
        p = np.clip(lapse / 2 + (1 - lapse) * f, 1e-15, 1 - 1e-15)
        value = -(count @ np.log(p) + (n - count) @ np.log1p(-p)) / n.sum()
        by_p = ((n - count) / (1 - p) - count / p) / n.sum()
        by_z = by_p * (1 - lapse) * f * (1 - f)
        return float(value), np.array([by_z.sum(), by_z @ u, by_p @ (0.5 - f)])

    starts = (0.0, 0.05, 0.2) if lapse is None else (lapse,)
    range_ = (0.0, LARGEST_LAPSE) if lapse is None else (lapse, lapse)
    bounds = [(None, None), (-steepest, steepest), range_]
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000}
    found = [
        minimize(surprise, [0.0, slope, start], jac=True, bounds=bounds, options=options)
        for start in starts
        for slope in (4.0, -4.0)
    ]
    offset, slope, lapse_ = min(found, key=lambda result: result.fun).x
    return float(offset), float(slope), float(lapse_)


def _errors(
    x: NDArray[np.float64],
    n: NDArray[np.float64],
    bias: float,
    width: float,
    lapse: float,
    is_lapse_fitted: bool,
) -> list[float]:
    """Return the standard errors of bias, width and lapse from the expected information."""
    from scipy.special import expit

    z = (x - bias) / width
    f = expit(z)
    slope = (1 - lapse) * f * (1 - f) / width
    by = np.stack([-slope, -slope * z, 0.5 - f])[: 2 + is_lapse_fitted]
    p = np.clip(lapse / 2 + (1 - lapse) * f, 1e-15, 1 - 1e-15)
    information = (n / (p * (1 - p)) * by) @ by.T
    if np.linalg.cond(information) > 1e15:
        return [np.nan] * 3
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    return [*map(float, errors), np.nan][:3]
