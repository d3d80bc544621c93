"""Distances between spectra of points that are matched, of all pairs of networks."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from pyrnn.arrays import Array

__all__ = ["HIGHEST_PRICE", "Spectra", "slowest", "spectra_matrix", "wasserstein"]

_AT_ONCE = 2**20  # differences of eigenvalues
HIGHEST_PRICE = 1e100  # of a point without a partner; its square is finite


class Spectra(NamedTuple):
    """The nodes of a network: the slowest eigenvalues of each, and its kind.

    Attributes:
        values: Eigenvalues, ``(n, k)``, complex; zero for nodes that are no points.
        kinds: Kinds of the nodes. Only nodes of the same kind can be matched.
    """

    values: Array
    kinds: Sequence[Hashable]


def slowest(eigenvalues: Array, k: int) -> Array:
    """Return the eigenvalues of largest modulus in the upper half-plane, ``(n, k)``.

    A spectrum is symmetric about the real axis, so one half says all, and a cut cannot part a
    pair in two ways.
    """
    folded = eigenvalues.real + 1j * np.abs(eigenvalues.imag)
    order = np.lexsort((-folded.real.round(9), -np.abs(folded).round(9)))[:, :k]
    return np.asarray(np.take_along_axis(folded, order, axis=1))


def wasserstein(a: Array, b: Array) -> Array:
    """Return the mean squared distance of matched eigenvalues, for each pair of rows ``(n,)``."""
    from scipy.optimize import linear_sum_assignment

    found = np.empty(len(a))
    step = max(1, _AT_ONCE // a.shape[-1] ** 2)
    for start in range(0, len(a), step):
        part = slice(start, start + step)
        apart = a[part, :, None] - b[part, None, :]
        costs = apart.real**2 + apart.imag**2
        columns = np.array([linear_sum_assignment(cost)[1] for cost in costs])
        found[part] = np.take_along_axis(costs, columns[..., None], 2)[..., 0].mean(1)
    return found


def spectra_matrix(networks: Sequence[Spectra], price: float) -> Array:
    """Return the distance of each pair of networks, ``(n, n)``; see ``spectra_distance``."""
    n_nodes = np.array([len(network.kinds) for network in networks])
    owner = np.repeat(np.arange(len(networks)), n_nodes)
    values = np.concatenate([network.values for network in networks])
    kinds = [kind for network in networks for kind in network.kinds]
    numbers = {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}
    kind = np.array([numbers[each] for each in kinds], dtype=int)
    size = np.maximum.outer(n_nodes, n_nodes)
    total = size * price**2  # of networks without any match
    for each in range(len(numbers)):
        these = np.nonzero(kind == each)[0]
        total -= _saved(values[these], owner[these], len(networks), price)
    squares = np.divide(total, size, out=np.zeros(total.shape), where=size > 0)
    upper = np.triu(np.sqrt(squares.clip(min=0)), 1)
    return np.asarray(upper + upper.T)


def _saved(values: Array, owner: Array, n: int, price: float) -> Array:
    """Return how much the best matches of one kind save, for each pair of networks ``(n, n)``."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = np.nonzero(owner[:, None] < owner)
    gain = np.zeros((len(values), len(values)))
    gain[rows, columns] = (price**2 - wasserstein(values[rows], values[columns])).clip(min=0)
    saved = np.zeros((n, n))
    borders = np.searchsorted(owner, np.arange(n + 1))
    blocks = [slice(*borders[i : i + 2]) for i in range(n)]
    has = np.nonzero(np.diff(borders))[0]
    for a, i in enumerate(has):
        for j in has[a + 1 :]:
            block = gain[blocks[i], blocks[j]]
            saved[i, j] = block[linear_sum_assignment(block, maximize=True)].sum()
    return saved
