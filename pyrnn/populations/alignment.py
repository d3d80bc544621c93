"""align: see the states of several networks from the same side."""

from __future__ import annotations

import numpy as np

from pyrnn.arrays import States
from pyrnn.populations._shapes import normalized
from pyrnn.projection import Projection, as_states
from pyrnn.validate import as_integer

__all__ = ["align"]


def align(states: States, reference: States, n_components: int = 3) -> Projection:
    r"""Return the projection in which states look most like those of another network.

    With states of both networks centered and of norm 1, in rows :math:`A` of the reference and
    :math:`B`, and the principal axes :math:`C` of the reference,

    .. math:: z = C Q^T (h - \mu), \qquad Q = \arg\min_Q |A - B Q|, \quad Q^T Q = I ,

    scaled to the size of the reference. :math:`Q` is the rotation of the shape distance, see
    :func:`~pyrnn.populations.shape_distance`; the networks may have different numbers of units.

    Args:
        states: States, ``(..., hidden_size)``.
        reference: States of the other network under the same inputs, ``(...,
            other_hidden_size)``.
        n_components: Number of axes.

    Returns:
        The projection, for ``Scene(states, points, projection=...)`` or ``plot_states``; that
        onto the principal components if both are the same network.

    Raises:
        ValueError: If the numbers of states differ, or all states of a network are the same.

    Example:
        >>> from pyrnn.projection import Projection
        >>> states = np.random.default_rng(0).normal(size=(5, 20, 8)) * np.arange(8)
        >>> turned = 3 * states[..., ::-1] + 1
        >>> places = Projection.fit(states, 3).transform(states)
        >>> bool(np.allclose(align(turned, states).transform(turned), places))
        True

    References:
        Schönemann, *Psychometrika* 31 (1966); Williams et al., NeurIPS (2021).
    """
    n_components = as_integer("n_components", n_components, low=1)
    axes = Projection.fit(reference, n_components)
    a, b = normalized(reference), normalized(states)
    if len(a) != len(b):
        raise ValueError(
            f"expected as many states of both networks, got {len(b)} and {len(a)}; run both on "
            "the same inputs"
        )
    left, _, right = np.linalg.svd(b.T @ a, full_matrices=False)
    flat = as_states(states).reshape(-1, b.shape[1])
    mean = flat.mean(axis=0, dtype=float)
    scale = _size(reference) / np.linalg.norm(flat - mean)
    names = [f"PC{i + 1}" for i in range(len(axes.components))]  # of the reference
    return Projection(scale * axes.components @ right.T @ left.T, mean, names=names)


def _size(states: States) -> float:
    flat = as_states(states)
    flat = flat.reshape(-1, flat.shape[-1])
    return float(np.linalg.norm(flat - flat.mean(axis=0, dtype=float)))
