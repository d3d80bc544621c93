r"""Project states onto the few axes that can be drawn: their principal components, or a basis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def as_array(data: Any, advice: str = "pass the numbers themselves") -> Array:
    """Return tensors, arrays and nested lists as a NumPy array, detached and on the CPU.

    Args:
        data: Numbers, or names of conditions.
        advice: What to do instead, if it is something else.

    Raises:
        TypeError: If it is something else, such as a network.

    Example:
        >>> import torch
        >>> as_array(torch.ones(2, requires_grad=True)).tolist()
        [1.0, 1.0]
    """
    kind = type(data).__name__
    if hasattr(data, "detach"):
        data = data.detach().cpu().resolve_conj()
    try:
        array = np.asarray(data)
    except (TypeError, ValueError):  # lists of unequal length
        array = np.empty(0, object)
    if array.dtype == object:
        raise TypeError(f"expected a tensor, an array or numbers, got {kind}; {advice}")
    return array


def states_of(data: Any) -> Array:
    """Return states as an array: given as they are, or with the outputs that a run returns.

    Raises:
        TypeError: If these are no states.

    Example:
        >>> import torch
        >>> from pyrnn import RNN
        >>> states_of(RNN(3, 16, 2)(torch.zeros(5, 20, 3))).shape
        (5, 20, 16)
    """
    states = data.states if hasattr(data, "outputs") else data
    return as_array(states, "pass states, such as rnn.predict(inputs).states")


@dataclass(frozen=True, eq=False)
class Projection:
    r"""An affine map from states to a few coordinates.

    .. math:: z = C\, (h - \mu)

    Points are moved by the mean :math:`\mu`, directions are not: an eigenvector goes through
    :meth:`directions`, a state through :meth:`transform`.

    Args:
        components: Axes :math:`C`, ``(n_components, hidden_size)``.
        mean: Origin :math:`\mu`, ``(hidden_size,)``.
        explained_variance_ratio: Share of the variance along each axis, ``(n_components,)``,
            where it is known.

    Example:
        >>> states = np.random.default_rng(0).normal(size=(20, 50, 8)) * np.arange(8)
        >>> projection = Projection.fit(states, n_components=3)
        >>> projection.transform(states).shape
        (20, 50, 3)
        >>> projection.labels
        ('PC1 (34%)', 'PC2 (27%)', 'PC3 (17%)')
    """

    components: Array
    mean: Array
    explained_variance_ratio: Array | None = None

    @classmethod
    def fit(cls, states: Any, n_components: int = 3) -> Projection:
        """Find the principal components of states, by scikit-learn.

        Args:
            states: States, ``(..., hidden_size)``, or what ``rnn.predict`` returned.
            n_components: Number of axes; fewer are returned where the data has fewer.

        Returns:
            The projection onto the axes of largest variance, each pointing to the side of its
            largest loading so that refitting never mirrors the picture.

        Raises:
            ValueError: If there are fewer than two states or a state is not finite.
        """
        from sklearn.decomposition import PCA

        flat = _flat(states)
        n_components = min(n_components, *flat.shape)
        if np.ptp(flat, axis=0).max() == 0:  # nothing varies: any axes will do
            axes = np.eye(flat.shape[1])[:n_components]
            return cls(axes, flat[0], np.zeros(n_components))
        many = len(flat) > max(1000, 10 * flat.shape[1])  # eigenvectors of 16 x 16, not a huge SVD
        pca = PCA(n_components, svd_solver="covariance_eigh" if many else "full").fit(flat)
        loadings = np.abs(pca.components_)
        largest = (loadings > (1 - 1e-6) * loadings.max(axis=1, keepdims=True)).argmax(axis=1)
        signs = np.sign(pca.components_[np.arange(n_components), largest])
        return cls(pca.components_ * signs[:, None], pca.mean_, pca.explained_variance_ratio_)

    @classmethod
    def onto(cls, basis: Any) -> Projection:
        """Project onto given axes, such as readout or selection vectors.

        Args:
            basis: One axis a column, ``(hidden_size, n_components)``.

        Raises:
            ValueError: If ``basis`` is not a matrix.
        """
        columns = as_array(basis)
        if columns.ndim != 2:
            raise ValueError(
                f"expected a basis of shape (hidden_size, n_components), got {columns.shape}; "
                "give one axis a column"
            )
        return cls(columns.T, np.zeros(len(columns)))

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of every axis, with its share of the variance where it is known."""
        if self.explained_variance_ratio is None:
            return tuple(f"axis {i + 1}" for i in range(len(self.components)))
        shares = self.explained_variance_ratio
        return tuple(f"PC{i + 1} ({share:.0%})" for i, share in enumerate(shares))

    def transform(self, states: Any) -> Array:
        """Return coordinates ``(..., n_components)`` of states ``(..., hidden_size)``."""
        return self.directions(self._checked(states) - self.mean)

    def directions(self, vectors: Any) -> Array:
        """Return components ``(..., n_components)`` of directions ``(..., hidden_size)``.

        The mean is not subtracted: a direction has no origin.
        """
        product: Array = self._checked(vectors) @ self.components.T
        return product

    def inverse(self, coordinates: Any) -> Array:
        """Return the states ``(..., hidden_size)`` in the drawn plane at given coordinates."""
        lifted: Array = as_array(coordinates) @ np.linalg.pinv(self.components).T
        return lifted + self.mean

    def _checked(self, states: Any) -> Array:
        states, width = as_array(states), self.components.shape[1]
        if states.shape[-1:] != (width,):
            raise ValueError(
                f"expected states of shape (..., {width}), got {states.shape}; "
                "project the states of the network that the projection was fitted to"
            )
        return states


def _flat(states: Any) -> Array:
    """Return states as ``(n_states, hidden_size)``, refusing what has no principal components."""
    states = states_of(states)
    flat = states.reshape(-1, states.shape[-1]) if states.ndim > 1 else states[None]
    if len(flat) < 2:
        raise ValueError(
            f"expected at least two states to fit a projection, got shape {states.shape}; "
            "pass states of shape (..., hidden_size)"
        )
    if not np.isfinite(flat).all():
        raise ValueError(
            "expected finite states, got NaN or infinity; the network may have diverged: "
            "train it with a lower learning rate"
        )
    return flat
