"""Distances between two networks: of their states, spectra and operators."""

from __future__ import annotations

from pyrnn.arrays import States, as_array
from pyrnn.dynamics import FixedPoints
from pyrnn.populations._shapes import angle_of_shape, normalized
from pyrnn.populations._spectra import HIGHEST_PRICE, Spectra, slowest, spectra_matrix
from pyrnn.validate import as_integer, as_number

__all__ = ["shape_distance", "spectra_distance"]


def shape_distance(a: States, b: States) -> float:
    r"""Return the angle between two sets of states, after the best rotation.

    With centered states of norm 1, in rows :math:`A` and :math:`B`,

    .. math:: d = \min_Q \arccos \langle A, B Q \rangle, \qquad Q^T Q = I .

    It is a metric. It is zero if the states are the same up to rotation, reflection, shift and
    scale, so also for permuted units; but not if units have other scales.

    Args:
        a: States, ``(..., hidden_size)``.
        b: States of another network under the same inputs, ``(..., other_hidden_size)``.

    Returns:
        Angle in radians, from 0 to π/2.

    Raises:
        ValueError: If the numbers of states differ, or all states of a network are the same.

    Example:
        >>> import numpy as np
        >>> states = np.random.default_rng(0).normal(size=(5, 20, 8))
        >>> round(shape_distance(states, 3 * states[..., ::-1] + 1), 9)
        0.0

    References:
        Williams et al., *Generalized shape metrics on neural representations*, NeurIPS (2021).
    """
    first, second = normalized(a), normalized(b)
    if len(first) != len(second):
        raise ValueError(
            f"expected as many states of both networks, got {len(first)} and {len(second)}; "
            "run both on the same inputs"
        )
    return angle_of_shape(first, second)


def spectra_distance(
    a: FixedPoints, b: FixedPoints, *, n_modes: int = 10, price: float = 1.0
) -> float:
    r"""Return how much the spectra of two networks differ at matched fixed points.

    Each point is matched with one of the other network that has as many unstable modes. Two
    points are as far apart as their slowest modes in the plane of eigenvalues, matched one to
    one:

    .. math:: d(p, q)^2 = \min_\pi \frac1k \sum_i |\lambda_i(p) - \lambda_{\pi(i)}(q)|^2,
        \qquad D^2 = \frac1n \left( \min_\sigma \sum_j \min(d(p_j, q_{\sigma(j)}), c)^2
        + c^2 (n - m) \right)

    where the networks have :math:`m \le n` points. It is a metric of the dynamics: zero for
    networks that a change of coordinates turns into each other, whatever their geometry.

    Args:
        a: Fixed points.
        b: Fixed points of another network.
        n_modes: Number :math:`k` of modes of each point; fewer if a network has fewer. It is a
            metric among networks that all have so many.
        price: Price :math:`c` of a point without a partner, as a distance of eigenvalues.

    Returns:
        The distance, at most ``price``.

    Raises:
        TypeError: If these are no fixed points.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points
        >>> starts = torch.linspace(-1, 1, 20)[:, None]
        >>> two, three = (
        ...     find_fixed_points(lambda h, x: torch.tanh(gain * h), starts) for gain in (2, 3)
        ... )
        >>> spectra_distance(two, two), round(spectra_distance(two, three), 2)
        (0.0, 0.59)

    References:
        Schuhmacher, Vo & Vo, *A consistent metric for performance evaluation of multi-object
        filters*, IEEE Transactions on Signal Processing 56 (2008).
    """
    n_modes, price = (
        as_integer("n_modes", n_modes, low=1),
        as_number("price", price, above=0, high=HIGHEST_PRICE),
    )
    for points in (a, b):
        if not isinstance(points, FixedPoints):
            raise TypeError(f"expected fixed points, got {type(points).__name__}")
    k = min(n_modes, a.eigenvalues.shape[1], b.eigenvalues.shape[1])
    both = [
        Spectra(slowest(as_array(points.eigenvalues), k), points.n_unstable.tolist())
        for points in (a, b)
    ]
    return float(spectra_matrix(both, price)[0, 1])
