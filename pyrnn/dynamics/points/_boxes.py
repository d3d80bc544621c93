"""Boxes of states in which fixed points may lie, and which of them touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pyrnn.result import Report, Result

__all__ = ["Boxes", "clusters"]

_TOUCH = 1 + 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Boxes(Result):
    """Boxes of states; boxes that touch form a cluster.

    Args:
        low: Smallest state of each, ``(n, state_size)``.
        high: Largest state of each.
        cluster: Number of the cluster of each, ``(n,)``.

    Example:
        >>> boxes = Boxes(torch.zeros(2, 3), torch.ones(2, 3), torch.tensor([0, 0]))
        >>> len(boxes), boxes.n_clusters, boxes.is_finite, boxes.centers[0]
        (2, 1, True, tensor([0.5000, 0.5000, 0.5000]))
    """

    low: Tensor
    high: Tensor
    cluster: Tensor

    @property
    def centers(self) -> Tensor:
        """Centers, ``(n, state_size)``: where a continuum of fixed points is, they trace it."""
        return self.low + (self.high - self.low) / 2

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return len(self.cluster.unique())

    @property
    def is_finite(self) -> bool:
        """Whether all boxes are bounded."""
        return bool((self.low.isfinite() & self.high.isfinite()).all())

    def __len__(self) -> int:
        return len(self.low)

    def __repr__(self) -> str:
        return f"Boxes({len(self)})"

    def _report(self) -> Report:
        rows = []
        for k in self.cluster.unique().tolist():
            own = self.cluster == k
            width = (self.high[own].amax(0) - self.low[own].amin(0)).amax()
            rows.append((str(k), str(int(own.sum())), f"{float(width):.3g}"))
        return Report(f"{len(self)} boxes", ("cluster", "boxes", "width"), rows)

    def _frame(self) -> dict[str, list[object]]:
        columns: dict[str, list[object]] = {"cluster": self.cluster.tolist()}
        for i in range(self.low.shape[-1]):
            columns |= {f"low{i}": self.low[:, i].tolist(), f"high{i}": self.high[:, i].tolist()}
        return columns


def clusters(low: Tensor, high: Tensor) -> Tensor:
    """Return the number of the cluster of each box, ``(n,)``; boxes that touch share one.

    Args:
        low: Lower ends, ``(n, n_axes)``.
        high: Upper ends.

    Example:
        >>> low = torch.tensor([[0.0], [1.0], [5.0]])
        >>> clusters(low, low + 1)
        tensor([0, 0, 1])
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    if not len(low) or not (low.isfinite() & high.isfinite()).all():
        return torch.zeros(len(low), dtype=torch.long)
    unit = (high - low).amax(0).clamp(min=torch.finfo(low.dtype).tiny)
    first, last = (low / unit).numpy(), (high / unit).numpy()
    tree = cKDTree((first + last) / 2)
    a, b = tree.query_pairs(_TOUCH, p=np.inf, output_type="ndarray").T
    reach = _TOUCH * ((last - first)[a] + (last - first)[b]) / 2
    touches = (np.abs(tree.data[a] - tree.data[b]) <= reach + 1e-12).all(1)
    a, b = a[touches], b[touches]
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(len(low), len(low)))
    return torch.from_numpy(connected_components(graph, directed=False)[1]).long()
