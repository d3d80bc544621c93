"""Distances: how far apart each two networks are, and what that is to be measured by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pyrnn.arrays import Array
from pyrnn.populations._folder import Row
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer

__all__ = ["Distances"]

_N_STEPS = 300  # of the search for places in a plane


@dataclass(frozen=True, eq=False, repr=False)
class Distances(Result):
    """Distances between networks, with the smallest and largest ones to expect.

    Args:
        matrix: Distance of each pair, ``(n, n)``.
        floor: Distance of a network to itself: with its units in another order and with other
            signs, which only rounding keeps from zero; for ``"dsa"``, from the other half of the
            trials.
        ceiling: Distance of networks that have nothing in common: the states of one are in random
            order, or no point has a partner. NaN for a function of the user's.
        measure: Name of the measure.
        rows: Settings and scores of each network.
        index: Which of the networks that were given these are, ``(n,)``: those with an analysis.
        details: Numbers that belong to the measure, such as the rank of operators.

    Example:
        >>> places = np.array([0.0, 1.0, 5.0])
        >>> distances = Distances(abs(places[:, None] - places), 0.0, 9.0, "shape", ({},) * 3)
        >>> distances, distances.nearest().tolist(), len(distances)
        (Distances(shape, 3 networks), [1, 0, 1], 3)
        >>> abs(np.diff(distances.embedding(1)[:, 0])).round(6).tolist()
        [1.0, 4.0]
        >>> distances.stress(distances.embedding(2)) < 1e-6, distances.order().tolist()
        (True, [2, 1, 0])
        >>> distances.pairs.tolist()
        [1.0, 5.0, 4.0]
    """

    matrix: Array
    floor: float
    ceiling: float
    measure: str
    rows: tuple[Row, ...]
    index: Array = None  # type: ignore[assignment]  # set below
    details: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        index = np.arange(len(self.matrix)) if self.index is None else np.asarray(self.index)
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "matrix", np.asarray(self.matrix))

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def pairs(self) -> Array:
        """Distance of each pair once, ``(n * (n - 1) / 2,)``."""
        return np.asarray(self.matrix[np.triu_indices(len(self), 1)])

    def nearest(self) -> Array:
        """Return the network that is nearest to each, ``(n,)``."""
        return np.argmin(self.matrix + np.diag(np.full(len(self), np.inf)), axis=1)

    def order(self) -> Array:
        """Return an order of the networks in which those alike are side by side, ``(n,)``.

        It is that of the leaves of average linkage, turned so that neighbors are close.
        """
        from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering

        if len(self) < 3:
            return np.arange(len(self))
        tree = linkage(self.pairs, "average")
        return np.asarray(leaves_list(optimal_leaf_ordering(tree, self.pairs)))

    def embedding(self, n_components: int = 2) -> Array:
        r"""Return places whose distances are as near to those of the networks as possible.

        The places minimize :math:`\sum_{ij} (d_{ij} - |z_i - z_j|)^2`, from those of classical
        scaling on (SMACOF). They do not depend on chance.

        Args:
            n_components: Number of coordinates.

        Returns:
            Places, ``(n, n_components)``.

        Raises:
            ValueError: If ``n_components`` is not positive.

        References:
            Borg & Groenen, *Modern Multidimensional Scaling* (2005), chapter 8.
        """
        n, n_components = len(self), as_integer("n_components", n_components, low=1)
        center = np.eye(n) - 1 / max(n, 1)
        values, axes = np.linalg.eigh(-center @ self.matrix**2 @ center / 2)
        largest = np.argsort(-values)[:n_components]
        axes = axes[:, largest] * np.sign(axes[np.abs(axes[:, largest]).argmax(0), largest])
        places = np.zeros((n, n_components))
        places[:, : len(largest)] = axes * np.sqrt(values[largest].clip(min=0))
        for _ in range(_N_STEPS):
            apart = np.linalg.norm(places[:, None] - places, axis=-1)
            ratio = np.divide(self.matrix, apart, out=np.zeros((n, n)), where=apart > 0)
            places = (ratio.sum(1, keepdims=True) * places - ratio @ places) / max(n, 1)
        return np.asarray(places)

    def stress(self, places: Array) -> float:
        r"""Return how far places are from the distances, Kruskal's stress.

        .. math:: \sqrt{\sum_{i<j} (d_{ij} - |z_i - z_j|)^2 / \sum_{i<j} d_{ij}^2}

        Args:
            places: Places, ``(n, n_components)``.
        """
        apart = np.linalg.norm(places[:, None] - places, axis=-1)[np.triu_indices(len(self), 1)]
        size = float(np.linalg.norm(self.pairs)) or 1.0
        return float(np.linalg.norm(self.pairs - apart)) / size

    def __repr__(self) -> str:
        return f"Distances({self.measure}, {len(self)} networks)"

    def _frame(self) -> dict[str, list[object]]:
        i, j = np.triu_indices(len(self), 1)
        first, second = self.index[i].tolist(), self.index[j].tolist()
        return {"first": first, "second": second, "distance": self.pairs.tolist()}

    def _report(self) -> Report:
        rows = [("floor", f"{self.floor:.2g}")]
        if len(self) > 1:
            low, middle, high = np.quantile(self.pairs, [0, 0.5, 1])
            rows += [("smallest", f"{low:.3g}"), ("median", f"{middle:.3g}")]
            rows += [("largest", f"{high:.3g}")]
        rows += [("ceiling", f"{self.ceiling:.3g}")]
        rows += [(name.replace("_", " "), f"{value:g}") for name, value in self.details.items()]
        return Report(f"{self.measure} distances of {len(self)} networks", rows=rows)
