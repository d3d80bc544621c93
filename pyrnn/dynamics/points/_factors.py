"""Matrices of low rank as products of two thin ones, and what is left over."""

from __future__ import annotations

import torch
from torch import Tensor

from pyrnn.dynamics.points._intervals import OUTWARD, UNIT, gamma

__all__ = ["factors", "remainder_of"]

_NEGLIGIBLE = 1e-12  # of the largest weight: what is left is rounding
_WELL_CONDITIONED = 10.0
_ROWS = 256


def factors(weight: Tensor, max_rank: int) -> tuple[Tensor, Tensor] | None:
    r"""Split a matrix of low rank into :math:`W = L R`, ``None`` if its rank is larger.

    Rows and columns of the matrix itself are taken, the largest entry first, so that populations
    without connections stay apart. If the eigenvectors of :math:`R L` are real and well
    conditioned, they become the axes.

    Args:
        weight: The matrix, ``(n, n)``.
        max_rank: Largest rank.

    Returns:
        :math:`L`, ``(n, rank)``, with columns whose largest entry is 1, and :math:`R`.

    Example:
        >>> left, right = factors(torch.ones(3, 3).double(), 2)
        >>> left.shape, bool(torch.equal(left @ right, torch.ones(3, 3).double()))
        (torch.Size([3, 1]), True)

    References:
        Bebendorf, *Numerische Mathematik* 86:565 (2000).
    """
    left, right = weight[:, :0], weight[:0]
    limit = None
    while True:
        i, j, size = _largest_rest(weight, left, right)
        limit = _NEGLIGIBLE * size if limit is None else limit
        if len(right) and size <= limit:
            return _along_modes(left, right)
        if len(right) == max_rank:
            return None
        column = weight[:, j] - left @ right[:, j]
        row = weight[i] - left[i] @ right
        left = torch.cat([left, column[:, None] / (column[i] if size else 1.0)], dim=1)
        right = torch.cat([right, row[None]])


def _largest_rest(weight: Tensor, left: Tensor, right: Tensor) -> tuple[int, int, float]:
    """Return where the largest entry of ``|W - L R|`` is, and the entry."""
    best = 0, 0, -1.0
    for rows in torch.arange(len(weight)).split(_ROWS):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        rest = torch.addmm(weight[part], left[part], right, alpha=-1).abs_()
        size, at = rest.flatten().max(0)
        if size > best[2]:
            i, j = divmod(int(at), weight.shape[1])
            best = part.start + i, j, float(size)
    return best


def _along_modes(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    values, vectors = torch.linalg.eig(right @ left)
    if not values.imag.any() and torch.linalg.cond(vectors.real) < _WELL_CONDITIONED:
        left, right = left @ vectors.real, torch.linalg.solve(vectors.real, right)
    size = left.abs().amax(0)
    size = torch.where(size > 0, size, 1.0)
    return left / size, right * size[:, None]


def remainder_of(weight: Tensor, pair: tuple[Tensor, Tensor]) -> Tensor:
    """Return a bound on the row sums of ``|W - L R|``, ``(n,)``.

    Args:
        weight: The matrix, ``(n, n)``.
        pair: Its factors.

    Example:
        >>> bool(remainder_of(torch.ones(3, 3), factors(torch.ones(3, 3), 1)).max() < 1e-13)
        True
    """
    left, right = pair
    parts = []
    for first in range(0, len(weight), _ROWS):
        rows = slice(first, first + _ROWS)
        rest = torch.addmm(weight[rows], left[rows], right, alpha=-1).abs_().sum(1)
        size = left[rows].abs() @ right.abs().sum(1)
        parts.append(rest + gamma(len(right)) * (size + rest) + 2 * UNIT * size)
    return torch.cat(parts) * OUTWARD
