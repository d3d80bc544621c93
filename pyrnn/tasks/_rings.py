"""Angles on rings of units: as bumps of activity, and back."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["angle_of_ring", "ring_of_angle"]


def ring_of_angle(angle: Tensor, size: int) -> Tensor:
    r"""Return angles as bumps of activity on a ring of units.

    .. math:: x_i = 0.8\, e^{-\frac{1}{2} (8 d_i / \pi)^2}

    with :math:`d_i` the distance between the angle and the preferred angle of unit :math:`i`.

    Args:
        angle: Angles in radians between 0 and 2 pi, ``(...)``.
        size: Number of units.

    Returns:
        The bumps, ``(..., size)``.

    Example:
        >>> ring_of_angle(torch.tensor(0.0), 4)
        tensor([8.0000e-01, 2.6837e-04, 1.0131e-14, 2.6837e-04])

    References:
        Yang et al., *Task representations in neural networks trained to perform many cognitive
        tasks*, Nature Neuroscience 22 (2019).
    """
    preferred = torch.arange(size) * (2 * math.pi / size)
    distance = math.pi - (math.pi - (angle.unsqueeze(-1) - preferred).abs()).abs()
    return 0.8 * torch.exp(-0.5 * (8 * distance / math.pi) ** 2)


def angle_of_ring(activity: Tensor) -> Tensor:
    r"""Return the angle of the population vector of rings.

    .. math:: \theta = \arg \sum_k x_k\, e^{2 \pi i k / n}

    Args:
        activity: Activity of the units :math:`x_k`, ``(..., size)``.

    Returns:
        Angles in radians between -pi and pi, ``(...)``; 0 without activity.

    Example:
        >>> angle_of_ring(ring_of_angle(torch.tensor(1.5), 32))
        tensor(1.5000)
    """
    size = activity.shape[-1]
    preferred = torch.arange(size).to(activity) * (2 * math.pi / size)
    return torch.atan2(activity @ preferred.sin(), activity @ preferred.cos())
