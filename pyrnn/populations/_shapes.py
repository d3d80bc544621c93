"""Shape and CKA of all pairs of networks at once, from products of their states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from pyrnn.arrays import Array, States
from pyrnn.projection import as_states

__all__ = ["angle_of_cka", "angle_of_shape", "cka_matrix", "normalized", "shape_matrix"]

_BLOCK = 1024  # columns of states that are multiplied at a time
_CLOSE = 1e-7  # cosines this close to 1 have lost the digits of their angle


def normalized(states: States) -> Array:
    """Return centered states of norm 1, one in each row.

    Raises:
        ValueError: If all states are the same.
    """
    flat = np.atleast_1d(as_states(states))
    flat = flat.reshape(-1, flat.shape[-1]).astype(float)
    flat = flat - flat.mean(axis=0)
    size = np.linalg.norm(flat)
    if not size > 0:
        raise ValueError("expected states that differ, got one state only; pass other inputs")
    return np.asarray(flat / size)


def angle_of_shape(a: Array, b: Array) -> float:
    """Return the angle between normalized states after the best rotation, exact near zero."""
    left, _, right = np.linalg.svd(b.T @ a, full_matrices=False)
    # the chord is exact also where the cosine is 1 to machine precision
    residual = float(np.linalg.norm(a @ right.T - b @ left)) ** 2
    lost = [max(1 - float(np.linalg.norm(x)) ** 2, 0.0) for x in (a @ right.T, b @ left)]
    return _angle(np.sqrt(residual + sum(lost)))


def angle_of_cka(a: Array, b: Array) -> float:
    """Return the angle between the Gram matrices of normalized states, exact near zero."""
    both: Array = np.linalg.qr(np.concatenate([a, b], axis=1), mode="r")  # type: ignore[assignment]
    first, second = both[:, : a.shape[1]], both[:, a.shape[1] :]
    grams = [x @ x.T for x in (first, second)]
    one, other = (gram / np.linalg.norm(gram) for gram in grams)
    return _angle(float(np.linalg.norm(one - other)))


def _angle(chord: float) -> float:
    return float(2 * np.arcsin(min(chord / 2, 1.0)))


def shape_matrix(states: Sequence[Array]) -> Array:
    """Return the angle of shape of each pair of normalized states, ``(n, n)``."""
    cosines = np.eye(len(states))
    for rows, columns, products in _products(states):
        cosines[rows, columns] = torch.linalg.svdvals(products).sum(-1).numpy()
    return _angles(cosines, states, angle_of_shape)


def cka_matrix(states: Sequence[Array]) -> Array:
    """Return the angle of CKA of each pair of normalized states, ``(n, n)``."""
    cosines = np.eye(len(states))
    sizes = np.array([np.linalg.norm(x.T @ x) for x in states])
    for rows, columns, products in _products(states):
        shared = products.square().sum((-1, -2)).numpy()
        cosines[rows, columns] = shared / np.outer(sizes[rows], sizes[columns])
    return _angles(cosines, states, angle_of_cka)


def _products(states: Sequence[Array]) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield the products of the states of all pairs, some networks with some others at a time.

    Narrower networks are padded with zeros, which change neither measure. Nothing is held but
    the states and one such block.
    """
    width = max(x.shape[1] for x in states)
    size = max(1, _BLOCK // width)
    blocks = [slice(i, min(i + size, len(states))) for i in range(0, len(states), size)]
    for k, rows in enumerate(blocks):
        own = _beside(states[rows], width)
        for columns in blocks[k:]:
            both = own.T @ (own if columns is rows else _beside(states[columns], width))
            yield (
                rows,
                columns,
                both.view(-1, width, both.shape[1] // width, width).transpose(1, 2),
            )


def _beside(states: Sequence[Array], width: int) -> Tensor:
    """Return the states of some networks as columns, ``(n_samples, n * width)``."""
    columns = torch.zeros(len(states[0]), len(states), width, dtype=torch.float64)
    for i, x in enumerate(states):
        columns[:, i, : x.shape[1]] = torch.from_numpy(x)
    return columns.view(len(states[0]), -1)


def _angles(
    cosines: Array, states: Sequence[Array], exact: Callable[[Array, Array], float]
) -> Array:
    """Return the angles of cosines; those that are nearly zero are computed exactly."""
    upper = np.arccos(np.clip(np.triu(cosines, 1), -1, 1))
    for i, j in zip(*np.nonzero(np.triu(cosines, 1) > 1 - _CLOSE), strict=True):
        upper[i, j] = exact(states[i], states[j])
    upper = np.triu(upper, 1)
    return np.asarray(upper + upper.T)
