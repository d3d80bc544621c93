"""Agreement: how often two networks have found the same solution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyrnn.arrays import Array
from pyrnn.result import Report, Result
from pyrnn.statistics import wilson_interval

__all__ = ["Agreement", "shared"]


@dataclass(frozen=True, eq=False, repr=False)
class Agreement(Result):
    r"""How probably two networks are of the same class, for each pair of settings.

    With :math:`n_{ik}` of :math:`n_i` networks of setting :math:`i` in class :math:`k`,

    .. math:: p_{ij} = \sum_k \frac{n_{ik} n_{jk}}{n_i n_j}, \qquad
        p_{ii} = \sum_k \frac{n_{ik} (n_{ik} - 1)}{n_i (n_i - 1)} .

    The interval is Wilson's for as many pairs as have no network in common,
    :math:`\min(n_i, n_j)` or :math:`\lfloor n_i / 2 \rfloor`. All pairs together are at least as
    exact as these (Hoeffding 1948), so the interval is rather too wide than too narrow.

    Args:
        probability: Probabilities, ``(n, n)``; NaN where a setting has fewer than two networks.
        low: Lower end of the interval, ``(n, n)``.
        high: Upper end, ``(n, n)``.
        values: Values of the setting, ``(n,)``.
        by: Name of the setting; empty if all networks are taken together.

    Example:
        >>> from pyrnn.populations import Classes
        >>> classes = Classes(np.array([0, 0, 0, 1]), ("",) * 4, ({}, {}), ({},) * 4)
        >>> agreement = classes.agreement()
        >>> agreement, agreement.text(0, 0)
        (Agreement(0.50), '0.50 (0.09 to 0.91)')

    References:
        Hoeffding, *A class of statistics with asymptotically normal distribution*, Annals of
        Mathematical Statistics 19 (1948), section 5.
    """

    probability: Array
    low: Array
    high: Array
    values: tuple[str, ...]
    by: str = ""

    def __post_init__(self) -> None:
        for name in ("probability", "low", "high"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)))

    def text(self, i: int, j: int) -> str:
        """Return the probability of a pair of settings and its interval, as text.

        Args:
            i: Number of the first setting.
            j: Number of the second one.
        """
        p, low, high = self.probability[i, j], self.low[i, j], self.high[i, j]
        return "unknown" if np.isnan(p) else f"{p:.2f} ({low:.2f} to {high:.2f})"

    def __repr__(self) -> str:
        return f"Agreement({', '.join(f'{p:.2f}' for p in self.probability.ravel())})"

    def _frame(self) -> dict[str, list[object]]:
        n = range(len(self.values))
        pairs = [(i, j) for i in n for j in n if i <= j]
        return {
            "first": [self.values[i] for i, _ in pairs],
            "second": [self.values[j] for _, j in pairs],
            "probability": [float(self.probability[pair]) for pair in pairs],
            "low": [float(self.low[pair]) for pair in pairs],
            "high": [float(self.high[pair]) for pair in pairs],
        }

    def _report(self) -> Report:
        n = range(len(self.values))
        rows = [(self.values[i], *(self.text(i, j) for j in n)) for i in n]
        title = "probability that two networks are of the same class"
        return (
            Report(title, (self.by, *self.values), rows)
            if self.by
            else Report(title, rows=[("two networks", self.text(0, 0))])
        )


def shared(counts: Array) -> tuple[Array, Array, Array]:
    """Return probabilities and intervals from the number of networks of each class.

    Args:
        counts: Number of networks of each setting in each class, ``(n, n_classes)``.

    Returns:
        Probabilities, lower and upper ends, ``(n, n)`` each.

    Example:
        >>> shared(np.array([[2.0, 0.0], [0.0, 2.0]]))[0]
        array([[1., 0.],
               [0., 1.]])
    """
    n = counts.sum(1)
    same, pairs = counts @ counts.T, np.outer(n, n)
    np.fill_diagonal(same, np.diag(same) - n)
    np.fill_diagonal(pairs, np.diag(pairs) - n)
    independent = np.minimum(n[:, None], n)
    np.fill_diagonal(independent, n // 2)
    probability = np.divide(same, pairs, out=np.full_like(same, np.nan), where=independent > 0)
    low, high = np.full_like(same, np.nan), np.full_like(same, np.nan)
    known = independent > 0
    low[known], high[known] = wilson_interval(
        probability[known] * independent[known], independent[known]
    )
    return probability, low, high
