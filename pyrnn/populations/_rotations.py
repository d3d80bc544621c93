"""The best rotation of one operator onto another, from many starts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pyrnn.arrays import Array

__all__ = ["Aligned", "aligned"]

_N_CHARTS = 20  # of the group of rotations, one after the other
_STILL = 1e-9  # gradient at a minimum


class Aligned(NamedTuple):
    """Angles between an operator and a rotated one.

    Attributes:
        angles: Angle in radians that each start ended at, ``(n_starts,)``.
        lowest: No rotation has a smaller angle.
    """

    angles: Array
    lowest: float


def aligned(a: Array, b: Array, n_starts: int, rng: torch.Generator) -> Aligned:
    """Search the rotation ``C`` that takes ``C b C^T`` closest to ``a``.

    The distance is the size of ``a C - C b``, a quadratic form of ``C``. Its smallest eigenvalue
    among all matrices, not rotations alone, is a lower bound. Half of the starts are the rotations
    next to the first eigenvectors of this form, the others are random.

    Args:
        a: An operator, ``(n, n)``.
        b: Another one.
        n_starts: Number of starts.
        rng: Random generator of the starts.

    Returns:
        The angles of all starts, and their lower bound.
    """
    first, second = (torch.from_numpy(x / np.linalg.norm(x)).double() for x in (a, b))
    n = len(first)
    eye = torch.eye(n, dtype=torch.float64)
    form = sum(
        k.mT @ k
        for x, y in ((first, second), (first.mT, second.mT))
        for k in [torch.kron(x.contiguous(), eye) - torch.kron(eye, y.mT.contiguous())]
    )
    values, vectors = torch.linalg.eigh(form)  # of both, which are as large for a rotation
    n_guided = min((n_starts + 1) // 2, n * n)
    drawn = torch.randn(n_starts - n_guided, n, n, generator=rng, dtype=torch.float64)
    near = torch.cat([vectors[:, :n_guided].mT.reshape(-1, n, n), drawn])
    left, _, right = torch.linalg.svd(near)
    angles = np.array([_descended(first, second, start) for start in left @ right])
    chord = np.sqrt(max(float(values[0]) * n / 2, 0.0))
    return Aligned(angles, float(2 * np.arcsin(min(chord / 2, 1.0))))


def _descended(a: Tensor, b: Tensor, c: Tensor) -> float:
    """Return the angle at the minimum that is reached from one rotation."""
    from scipy.optimize import minimize

    rows, columns = torch.triu_indices(len(a), len(a), 1)
    eye = torch.eye(len(a), dtype=a.dtype)

    def skew(numbers: Array) -> Tensor:
        s = torch.zeros_like(a)
        s[rows, columns] = torch.from_numpy(numbers)
        return s - s.mT

    def turned(numbers: Array, at: Tensor) -> tuple[Tensor, Tensor]:
        """Return Cayley's rotation from ``at``, and the inverse that its gradient needs."""
        inverse = torch.linalg.inv(eye - skew(numbers) / 2)
        return inverse @ (eye + skew(numbers) / 2) @ at, inverse

    def squared_chord(numbers: Array, at: Tensor) -> tuple[float, Array]:
        new, inverse = turned(numbers, at)
        residual = a - new @ b @ new.mT
        slope = -2 * (residual @ new @ b.mT + residual.mT @ new @ b)
        by_skew = inverse.mT @ slope @ (at + new).mT / 2
        return float(residual.square().sum()), (by_skew - by_skew.mT)[rows, columns].numpy()

    options = {"maxiter": 1000, "maxcor": 20, "gtol": _STILL, "ftol": 0.0}
    zero = np.zeros(len(rows))
    for _ in range(_N_CHARTS):
        found = minimize(squared_chord, zero, (c,), "L-BFGS-B", jac=True, options=options)
        c = turned(found.x, c)[0]
        if np.abs(squared_chord(zero, c)[1]).max() < _STILL or found.nit < 2:
            break
    chord = np.sqrt(squared_chord(zero, c)[0])
    return float(2 * np.arcsin(min(chord / 2, 1.0)))
