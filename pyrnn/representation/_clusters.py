"""Clusters of units with the same profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch

from pyrnn.arrays import Array, ArrayLike, as_numbers
from pyrnn.representation._arrays import ArrayResult
from pyrnn.representation._task_variance import TaskVariance
from pyrnn.result import Report
from pyrnn.validate import as_integer, as_list, as_rng

__all__ = ["Clusters", "cluster_units"]

_STABLE = 0.9  # adjusted Rand index between seeds


@dataclass(frozen=True, eq=False, repr=False)
class Clusters(ArrayResult):
    """Groups of units with similar profiles.

    Attributes:
        labels: Number of the cluster of each unit, ``(units,)``; -1 for units without a profile.
        centers: Mean profile of each cluster, ``(n_clusters, n_features)``.
        candidates: Numbers of clusters that were tried, ``(n_candidates,)``.
        stability: Mean adjusted Rand index between the clusters of two seeds, for each candidate.
        silhouette: Mean silhouette of the clusters, for each candidate.

    Example:
        >>> profiles = np.repeat(np.eye(3), 5, axis=0)
        >>> clusters = cluster_units(profiles, rng=0)
        >>> clusters.n_clusters, clusters.units(0).tolist(), clusters.status
        (3, [0, 1, 2, 3, 4], 'complete')
        >>> clusters.is_selective[0].tolist()
        [True, False, False]
    """

    labels: Array
    centers: Array
    candidates: Array
    stability: Array
    silhouette: Array

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return len(self.centers)

    def units(self, cluster: int) -> Array:
        """Return the indices of the units of a cluster.

        Args:
            cluster: Its number.
        """
        return np.flatnonzero(self.labels == cluster)

    @property
    def is_selective(self) -> Array:
        """Whether a feature is one of a cluster's own, ``(n_clusters, n_features)``.

        It is, if it has at least half of the largest value of the mean profile. Of a task
        variance, features are tasks; to silence the units impairs the cluster's own tasks, if the
        clusters are what they seem.
        """
        selective: Array = self.centers >= self.centers.max(1, keepdims=True) / 2
        return selective

    @property
    def status(self) -> str:
        """Verdict in words: complete, or that the clusters depend on the seed."""
        stability = float(self.stability[self.candidates == self.n_clusters].max())
        if stability >= _STABLE:
            return "complete"
        return f"undecided: clusters of two seeds agree by {stability:.2f} only (1 is equal)"

    def _frame(self) -> dict[str, list[object]]:
        return {"unit": list(range(len(self.labels))), "cluster": list(self.labels)}

    def _report(self) -> Report:
        rows = [(str(k), str(len(self.units(k)))) for k in range(self.n_clusters)]
        n_out = int((self.labels < 0).sum())
        notes = [
            f"status: {self.status}",
            *([f"{n_out} units without a profile"] if n_out else []),
        ]
        return Report(f"{self.n_clusters} clusters", ("cluster", "units"), rows, notes)


def cluster_units(
    profiles: TaskVariance | ArrayLike,
    n_clusters: int | Sequence[int] = range(2, 11),
    *,
    n_seeds: int = 10,
    rng: torch.Generator | int | None = None,
) -> Clusters:
    r"""Group units with similar profiles, by k-means.

    .. math:: \min \sum_i \| v_i - m_{c(i)} \|^2, \qquad m_k = \langle v_i \rangle_{c(i) = k}

    Several numbers of clusters are tried, each with several seeds. A number is stable if the
    clusters of two seeds agree (mean adjusted Rand index of at least 0.9). Among the stable
    numbers, the one with the largest silhouette is chosen; if none is stable, the most stable.

    Args:
        profiles: What describes each unit, ``(units, n_features)``; or a task variance, whose
            normalized profiles are used.
        n_clusters: Number of clusters, or the numbers to choose from.
        n_seeds: Number of seeds.
        rng: Random generator, or its seed.

    Returns:
        The clusters, in the order of their first unit.

    Raises:
        ValueError: If no number of clusters is possible with these units.

    Example:
        >>> profiles = np.repeat(np.eye(4), 10, axis=0)
        >>> profiles += 0.1 * np.random.default_rng(0).normal(size=profiles.shape)
        >>> cluster_units(profiles, rng=0).n_clusters
        4

    References:
        Yang et al., Nature Neuroscience 22 (2019); Lange et al., *Stability-based validation of
        clustering solutions*, Neural Computation 16 (2004).
    """
    whole = profiles.normalized.T if isinstance(profiles, TaskVariance) else as_numbers(profiles)
    if whole.ndim != 2:
        raise ValueError(f"expected profiles of shape (units, n_features), got {whole.shape}")
    known = np.isfinite(whole).all(1)
    rows = whole[known]
    is_list = isinstance(n_clusters, Iterable)
    wanted = as_list("n_clusters", n_clusters, "numbers") if is_list else [n_clusters]
    most = min(len(rows) - 1, len(np.unique(rows.round(12), axis=0)))
    numbers = [k for k in (as_integer("n_clusters", k, low=2) for k in wanted) if k <= most]
    if not numbers:
        raise ValueError(
            f"expected numbers of clusters from 2 to {most} for {len(rows)} units, got {wanted}"
        )
    seeds = torch.randint(2**31, (as_integer("n_seeds", n_seeds, low=2),), generator=as_rng(rng))
    tried = [_tried(rows, k, seeds.tolist()) for k in numbers]
    stability, silhouette = np.array([t[1:] for t in tried], dtype=float).T
    fit = stability >= min(_STABLE, stability.max())
    found = tried[int(np.where(fit, silhouette, -np.inf).argmax())][0]
    labels = np.full(len(whole), -1)
    labels[known] = found
    centers = np.stack([rows[found == k].mean(0) for k in range(found.max() + 1)])
    return Clusters(labels, centers, np.array(numbers), stability, silhouette)


def _tried(rows: Array, n_clusters: int, seeds: list[int]) -> tuple[Array, float, float]:
    """Return the best clusters of all seeds, their stability and their silhouette."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    runs = [KMeans(n_clusters, n_init=5, random_state=seed).fit(rows) for seed in seeds]
    pairs = combinations([run.labels_ for run in runs], 2)
    stability = float(np.mean([adjusted_rand_score(a, b) for a, b in pairs]))
    best = min(runs, key=lambda run: run.inertia_).labels_
    return _in_order(best), stability, float(silhouette_score(rows, best))


def _in_order(labels: Array) -> Array:
    """Return labels that count the clusters in the order of their first unit."""
    _, first, index = np.unique(labels, return_index=True, return_inverse=True)
    order: Array = first.argsort().argsort()[index]
    return order
