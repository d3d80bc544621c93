r"""Project states onto the few axes that can be drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyrnn.arrays import Array, ArrayLike, HasStates, States, as_array, as_numbers
from pyrnn.validate import as_integer, as_list

__all__ = ["Projection", "as_states", "as_trials"]

_ADVICE = "pass states, such as rnn.predict(inputs).states"


def as_states(states: States) -> Array:
    """Return states as an array.

    Args:
        states: States, ``(..., hidden_size)``, or what ``rnn.predict`` returned.

    Raises:
        TypeError: If these are no states, such as a network.

    Example:
        >>> import torch
        >>> from pyrnn import RNN
        >>> as_states(RNN(3, 16, 2)(torch.zeros(5, 20, 3))).shape
        (5, 20, 16)
    """
    return as_numbers(states.states if isinstance(states, HasStates) else states, _ADVICE)


def as_trials(states: States) -> list[Array]:
    """Return states as a list of trials, ``(time, hidden_size)`` each.

    Args:
        states: States, ``(..., time, hidden_size)``, or what ``rnn.predict`` returned; or a list
            of trials, which may differ in duration.

    Raises:
        TypeError: If these are no states.
        ValueError: If there are none, if they have no time axis or differ in size, or if one of
            them is NaN or infinite.

    Example:
        >>> [trial.shape for trial in as_trials([np.zeros((10, 3)), np.zeros((25, 3))])]
        [(10, 3), (25, 3)]
    """
    if isinstance(states, (list, tuple)) and not isinstance(states, HasStates):
        trials = [as_states(trial) for trial in states]
    else:
        array = as_states(states)
        n_trials = math.prod(array.shape[:-2])
        trials = list(array.reshape(n_trials, *array.shape[-2:])) if array.ndim > 1 else [array]
    widths = {trial.shape[-1:] for trial in trials}
    if len(widths) != 1 or any(trial.ndim != 2 or not trial.size for trial in trials):
        raise ValueError(
            "expected states of shape (trials, time, hidden_size), got "
            f"{[trial.shape for trial in trials[:3]]}; {_ADVICE}"
        )
    for index, trial in enumerate(trials):
        _check_finite(trial, f" in trial {index}")
    return trials


@dataclass(frozen=True, eq=False, repr=False)
class Projection:
    r"""An affine map from states to a few coordinates.

    .. math:: z = C\, (h - \mu)

    A state is shifted by the mean :math:`\mu`, see :meth:`transform`. A direction, such as an
    eigenvector, has no origin and is not shifted, see :meth:`directions`.

    Args:
        components: Axes :math:`C`, ``(n_components, hidden_size)``.
        mean: Origin :math:`\mu`, ``(hidden_size,)``.
        explained_variance_ratio: Share of the variance along each axis, ``(n_components,)``,
            where it is known.
        names: Names of the axes, ``(n_components,)``; "PC1" or "axis 1" and so on by default.

    Raises:
        ValueError: If there is not one name for each axis.

    Example:
        >>> states = np.random.default_rng(0).normal(size=(20, 50, 8)) * np.arange(8)
        >>> projection = Projection.fit(states, n_components=3)
        >>> projection.transform(states).shape
        (20, 50, 3)
        >>> projection.labels
        ('PC1 (34%)', 'PC2 (27%)', 'PC3 (17%)')
        >>> Projection(np.eye(3)[:2], np.zeros(3), names=("choice", "motion")).labels
        ('choice', 'motion')
    """

    components: Array
    mean: Array
    explained_variance_ratio: Array | None = None
    names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        names = None if self.names is None else as_list("names", self.names, "names of axes")
        if names is not None and len(names) != len(self.components):
            raise ValueError(
                f"expected one name for each of the {len(self.components)} axes, got {names}"
            )

    @classmethod
    def fit(cls, states: States, n_components: int = 3) -> Projection:
        """Find the principal components of states.

        Args:
            states: States, ``(..., hidden_size)``, or what ``rnn.predict`` returned.
            n_components: Number of axes; fewer are returned where the data has fewer.

        Returns:
            The projection onto the axes of largest variance. The largest loading of each axis is
            positive, so that fitting again never mirrors the picture.

        Raises:
            TypeError: If these are no states.
            ValueError: If there are fewer than two states, or one of them is NaN or infinite.

        Example:
            >>> line = np.outer(np.arange(10.0), [3.0, 4.0])
            >>> Projection.fit(line, n_components=1).components.round(3).tolist()
            [[0.6, 0.8]]
        """
        flat = _flat(states)
        n_components = min(as_integer("n_components", n_components, low=1), *flat.shape)
        if np.ptp(flat, axis=0).max() == 0:  # nothing varies: any axes will do
            axes = np.eye(flat.shape[1])[:n_components]
            return cls(axes, flat[0], np.zeros(n_components))
        mean = flat.mean(axis=0)
        centered = flat - mean
        if len(flat) > max(1000, 10 * flat.shape[1]):  # the covariance is far smaller
            values, vectors = np.linalg.eigh(centered.T @ centered)
            values, axes = values[::-1].clip(min=0), vectors.T[::-1]
        else:
            _, sizes, axes = np.linalg.svd(centered, full_matrices=False)
            values = sizes**2
        axes = axes[:n_components]
        return cls(axes * _signs(axes)[:, None], mean, values[:n_components] / values.sum())

    @classmethod
    def onto(cls, basis: ArrayLike) -> Projection:
        """Return the projection onto given axes, such as readout or selection vectors.

        Args:
            basis: One axis in each column, ``(hidden_size, n_components)``.

        Raises:
            TypeError: If these are no numbers.
            ValueError: If the basis is not a matrix.

        Example:
            >>> Projection.onto([[0.0], [1.0]]).transform([[3.0, 4.0]]).tolist()
            [[4.0]]
        """
        columns = as_numbers(basis, "pass a matrix (hidden_size, n_components)")
        if columns.ndim != 2:
            raise ValueError(
                f"expected a basis of shape (hidden_size, n_components), got {columns.shape}; "
                "write one axis in each column"
            )
        return cls(columns.T, np.zeros(len(columns)))

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of every axis, with its share of the variance where it is known."""
        if self.names is not None:
            return tuple(self.names)
        if self.explained_variance_ratio is None:
            return tuple(f"axis {i + 1}" for i in range(len(self.components)))
        shares = self.explained_variance_ratio
        return tuple(f"PC{i + 1} ({share:.0%})" for i, share in enumerate(shares))

    def __repr__(self) -> str:
        return f"Projection({', '.join(self.labels)})"

    def transform(self, states: States) -> Array:
        """Return coordinates ``(..., n_components)`` of states ``(..., hidden_size)``.

        Example:
            >>> plane = Projection(np.eye(3)[:2], mean=np.ones(3))
            >>> plane.transform([1.0, 2.0, 3.0]).tolist()
            [0.0, 1.0]
        """
        return self.directions(self._checked(states) - self.mean)

    def directions(self, vectors: ArrayLike) -> Array:
        """Return components ``(..., n_components)`` of directions ``(..., hidden_size)``.

        The mean is not subtracted, because a direction has no origin.

        Example:
            >>> plane = Projection(np.eye(3)[:2], mean=np.ones(3))
            >>> plane.directions([1.0, 2.0, 3.0]).tolist()
            [1.0, 2.0]
        """
        product: Array = self._checked(vectors) @ self.components.T
        return product

    def select(self, *labels: str) -> Projection:
        """Return the projection onto some of its axes.

        Args:
            *labels: Names of the axes, in order.

        Raises:
            ValueError: If there is no axis of a name.

        Example:
            >>> space = Projection(np.eye(3), np.zeros(3), names=("choice", "motion", "color"))
            >>> space.select("color", "choice").transform([1.0, 2.0, 3.0]).tolist()
            [3.0, 1.0]
        """
        missing = [label for label in labels if label not in self.labels]
        if missing or not labels:
            raise ValueError(f"expected names among {list(self.labels)}, got {list(labels)}")
        rows = [self.labels.index(label) for label in labels]
        return Projection(self.components[rows], self.mean, names=labels)

    def inverse(self, coordinates: ArrayLike) -> Array:
        """Return the states ``(..., hidden_size)`` at coordinates of the drawn plane.

        Example:
            >>> plane = Projection(np.eye(3)[:2], mean=np.ones(3))
            >>> plane.inverse([0.0, 1.0]).tolist()
            [1.0, 2.0, 1.0]
        """
        lifted: Array = as_array(coordinates) @ np.linalg.pinv(self.components).T
        return lifted + self.mean

    def _checked(self, states: States) -> Array:
        array, size = as_states(states), self.components.shape[1]
        if array.shape[-1:] != (size,):
            raise ValueError(
                f"expected states of shape (..., {size}), got {array.shape}; "
                "project the states of the network that the projection was fitted to"
            )
        return array


def _flat(states: States) -> Array:
    """Return states as ``(n_states, hidden_size)``.

    Raises:
        ValueError: If they have no principal components.
    """
    array = as_states(states)
    flat = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array[None]
    if len(flat) < 2:
        raise ValueError(
            f"expected at least two states to fit a projection, got shape {array.shape}; "
            "pass states of shape (..., hidden_size)"
        )
    return _check_finite(flat)


def _check_finite(states: Array, where: str = "") -> Array:
    """Return states ``(n, hidden_size)`` that are finite.

    Raises:
        ValueError: If one of them is not.
    """
    is_finite = np.isfinite(states).all(axis=-1)
    if not is_finite.all():
        raise ValueError(
            f"expected finite states, got NaN or infinity{where}, first at state "
            f"{int(is_finite.argmin())}; if trials were padded, pass them as a list of their own "
            "lengths, [states[i, :n[i]], ...]; else the network may have diverged: train it with "
            "a lower learning rate"
        )
    return states


def _signs(axes: Array) -> Array:
    """Return the sign of the largest loading of each axis; the first of equal ones."""
    loadings = np.abs(axes)
    largest = (loadings > (1 - 1e-6) * loadings.max(axis=1, keepdims=True)).argmax(axis=1)
    return np.sign(axes[np.arange(len(axes)), largest])
