"""Interval arithmetic: sums and products whose rounding is bounded, and Kantorovich's test."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "OUTWARD",
    "TINY",
    "ULPS",
    "UNIT",
    "ball",
    "eye_like",
    "gamma",
    "interval",
    "kantorovich",
    "middle",
    "times",
]

UNIT = 2.0**-53
ULPS = 4.0  # assumed accuracy of exp, tanh and their kin
OUTWARD = 1 + 1e-9  # more than the rounding of sums and products of non-negative bounds
TINY = 1e-300  # more than what underflows


def gamma(n: int) -> float:
    """Return a bound on the relative error of a sum of ``n`` products, in any order.

    Args:
        n: Number of terms. For a chain of products of matrices, the sum of the inner sizes.

    Example:
        >>> gamma(2) > 2 * UNIT
        True
    """
    return (n + 4) * UNIT / (1 - (n + 4) * UNIT)


def middle(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Return centers and radii of intervals; center and radius cover the interval.

    Args:
        low: Lower ends.
        high: Upper ends.

    Example:
        >>> middle(torch.tensor(0.0), torch.tensor(2.0))[0]
        tensor(1.)
    """
    center = low + (high - low) / 2
    return center, torch.maximum(high - center, center - low) * (1 + 4 * UNIT) + TINY


def interval(center: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Return the ends of intervals, rounded outwards.

    Args:
        center: Centers.
        radius: Radii.

    Example:
        >>> low, high = interval(torch.tensor(1.0), torch.tensor(0.5))
        >>> bool(low <= 0.5), bool(high >= 1.5)
        (True, True)
    """
    radius = radius * OUTWARD + 2 * UNIT * center.abs() + TINY
    return center - radius, center + radius


def ball(matrix: Tensor, center: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return center and radius of a matrix times vectors of intervals.

    .. math:: M (c \pm r) \subseteq M c \pm \left(|M| r + \gamma_n |M| |c|\right)

    Args:
        matrix: Matrix, ``(m, n)``.
        center: Centers, ``(..., n)``.
        radius: Radii, ``(..., n)``.

    Example:
        >>> ball(torch.eye(1), torch.ones(1), torch.ones(1))[0]
        tensor([1.])
    """
    rounding = gamma(matrix.shape[-1]) * center.abs()
    return center @ matrix.mT, (radius + rounding) @ matrix.abs().mT


def eye_like(matrices: Tensor) -> Tensor:
    """Return the identity of the size, dtype and device of matrices.

    Args:
        matrices: Matrices, ``(..., n, n)``.

    Example:
        >>> eye_like(torch.zeros(3, 1, 1))
        tensor([[1.]])
    """
    return torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)


def times(matrices: Tensor, vectors: Tensor) -> Tensor:
    """Return the product of each matrix with its vector, ``(..., m)``.

    Args:
        matrices: Matrices, ``(..., m, n)``.
        vectors: Vectors, ``(..., n)``.

    Example:
        >>> times(2 * torch.eye(2)[None], torch.ones(3, 2)).shape
        torch.Size([3, 2])
    """
    return (matrices @ vectors[..., None])[..., 0]


def kantorovich(y: Tensor, z0: Tensor, lipschitz: Tensor, limit: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return the smallest and the largest :math:`r` with :math:`Y + Z_0 r + L r^2 < r`.

    A ball of such a radius holds exactly one zero (Newton and Kantorovich).

    Args:
        y: Bound on Newton's step, ``(n,)``.
        z0: Bound on the defect of the inverse, ``(n,)``.
        lipschitz: Bound on how fast the derivative changes, ``(n,)``.
        limit: Distance up to which this holds, ``(n,)``.

    Returns:
        Both radii, ``(n,)``; infinity and zero where there is none.

    Example:
        >>> one = torch.ones(1)
        >>> [round(float(r), 6) for r in kantorovich(0.5 * one, 0 * one, 0 * one, 2 * one)]
        [0.5, 2.0]
    """
    y, z0, lipschitz = (bound * OUTWARD for bound in (y, z0, lipschitz))
    room = 1 - z0
    root = (room.square() - 4 * y * lipschitz).sqrt()  # NaN where there is no radius
    smallest = 2 * y / (room + root) * OUTWARD + TINY
    largest = torch.where(lipschitz > 0, (room + root) / (2 * lipschitz), math.inf) / OUTWARD
    largest = torch.minimum(largest, limit)
    proven = (room > 0) & root.isfinite() & (smallest < largest)
    smallest = torch.where(proven, smallest, torch.full_like(smallest, math.inf))
    return smallest, torch.where(proven, largest, torch.zeros_like(largest))
