"""Arguments of scenes, checked at once, with advice in every message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias, Union, runtime_checkable

import networkx
import numpy as np

from pyrnn.arrays import Array, ArrayLike, States, as_array, as_numbers
from pyrnn.dynamics import Boxes, FixedPoints, Proof, SlowPoints, Tracks
from pyrnn.projection import Projection, as_states, as_trials

__all__ = [
    "Point",
    "Points",
    "as_hidden_size",
    "as_path",
    "as_point_sizes",
    "as_points",
    "as_projection",
    "as_scene_trials",
    "as_text",
    "as_tracks",
]


@runtime_checkable
class Point(Protocol):
    """What a scene has to know about a fixed or slow point.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points
        >>> (point,) = find_fixed_points(lambda h, x: 0.5 * h, torch.zeros(1, 3))
        >>> isinstance(point, Point), isinstance(point.state, Point)
        (True, False)
        >>> point.n_unstable, round(point.speed), point.eigenvalues.shape, point.eigenvectors.shape
        (0, 0, torch.Size([3]), torch.Size([3, 3]))
    """

    @property
    def state(self) -> ArrayLike:
        """The point, ``(hidden_size,)``."""

    @property
    def speed(self) -> float:
        """Length of the step that the network makes there."""

    @property
    def eigenvalues(self) -> ArrayLike:
        """Eigenvalues of the Jacobian, ``(hidden_size,)``."""

    @property
    def eigenvectors(self) -> ArrayLike:
        """Right eigenvectors in the columns, ``(hidden_size, hidden_size)``."""

    @property
    def n_unstable(self) -> int:
        """Number of modes that grow."""


Points: TypeAlias = Union[  # noqa: UP007 (3.10)
    FixedPoints, SlowPoints, Proof, Tracks, Iterable[Point], Point
]


def as_scene_trials(states: States | None) -> list[Array]:
    """Return a list of trials, ``(time, hidden_size)`` each; none for ``None``.

    Raises:
        TypeError: If these are no states.
        ValueError: As :func:`~pyrnn.projection.as_trials`.

    Example:
        >>> [trial.shape for trial in as_scene_trials(np.zeros((2, 10, 3)))]
        [(10, 3), (10, 3)]
    """
    if isinstance(states, (FixedPoints, SlowPoints, Proof, Tracks, Point)):
        raise TypeError(
            f"expected states, got {type(states).__name__}; pass fixed points after the states, "
            "Scene(states, points), or alone, Scene(points=points)"
        )
    return [] if states is None else as_trials(states)


def as_path(states: States) -> Array:
    """Return states along one path, ``(n, hidden_size)``.

    Raises:
        TypeError: If these are no states.
        ValueError: If there are several paths, or as :func:`~pyrnn.projection.as_trials`.

    Example:
        >>> as_path([[0.0, 0.0], [1.0, 0.0]]).shape
        (2, 2)
    """
    trials = as_trials(as_states(states))
    if len(trials) != 1:
        raise ValueError(
            f"expected states along one path, (n, hidden_size), got {len(trials)} paths; add each"
        )
    return trials[0]


def as_points(
    points: Points | networkx.DiGraph | None, graph: networkx.DiGraph | None
) -> tuple[list[Point], networkx.DiGraph | None]:
    """Return a list of fixed points, and the graph of transitions if there is one.

    Args:
        points: Fixed points, or the graph that holds them; by default those of the graph.
        graph: Transitions among them.

    Raises:
        TypeError: If these are no fixed points, or no graph.
        ValueError: If the graph was made from other points.

    Example:
        >>> as_points(None, None)
        ([], None)
    """
    if isinstance(points, networkx.DiGraph):
        points, graph = None, points
    if graph is not None and not isinstance(graph, networkx.DiGraph):
        raise TypeError(
            f"expected a graph, got {type(graph).__name__}; transition_graph(rnn, points) makes it"
        )
    if isinstance(points, Tracks) and graph is not None:
        raise ValueError(
            "expected tracks without a graph, got both; the points of a graph do not move: pass "
            "tracks.at(step) with the graph of that step"
        )
    found = _points_of(graph) if points is None else _listed(points)
    if graph is not None and set(graph.nodes) != set(range(len(found))):
        raise ValueError(
            f"expected a graph with one node for each of {len(found)} fixed points, "
            f"got {graph.number_of_nodes()} nodes; pass the points that the graph was made from"
        )
    return found, graph


def _points_of(graph: networkx.DiGraph | None) -> list[Point]:
    """Return the fixed points that a graph holds."""
    held = {} if graph is None else networkx.get_node_attributes(graph, "point")
    return [held[node] for node in sorted(held)]


def _listed(points: Points) -> list[Point]:
    """Return fixed points as a list.

    Raises:
        TypeError: If these are no fixed points.
    """
    if isinstance(points, Tracks):
        return []  # they move, see Motion
    if isinstance(points, Point):
        return [points]
    points = points.points if isinstance(points, Proof) else points
    has_rows = isinstance(points, Iterable) and getattr(points, "ndim", 1) > 0
    found = list(points) if has_rows else []  # type: ignore[arg-type]
    if not has_rows or not all(isinstance(point, Point) for point in found):
        raise TypeError(
            f"expected fixed points, as find_fixed_points returns them, got "
            f"{type(points).__name__}; their states alone do not tell which are stable"
        )
    return found


def as_hidden_size(
    trials: Sequence[Array],
    points: Sequence[Point],
    tracks: Tracks | None = None,
    boxes: Boxes | None = None,
) -> int:
    """Return the number of units that states and fixed points have in common.

    Raises:
        ValueError: If there are neither, or if they are of different networks.

    Example:
        >>> as_hidden_size([np.zeros((10, 3))], [])
        3
    """
    sizes = [trial.shape[-1] for trial in trials[:1]]
    sizes += [len(as_array(point.state)) for point in points]
    sizes += [tracks.states.shape[-1]] if tracks else []
    sizes += [boxes.low.shape[-1]] if boxes else []
    if not sizes:
        raise ValueError("expected states or fixed points, got neither; pass one of them")
    for size in sizes:
        if size != sizes[0]:
            raise ValueError(
                f"expected states and fixed points of one network, got {sizes[0]} and {size} "
                "units; pass the states that the fixed points were searched from"
            )
    return sizes[0]


def as_tracks(points: object, trials: Sequence[Array]) -> Tracks | None:
    """Return fixed points that move, if what is given are such.

    Raises:
        ValueError: If they do not have the steps of the trials.

    Example:
        >>> as_tracks(None, []) is None
        True
    """
    if not isinstance(points, Tracks):
        return None
    longest = max(map(len, trials), default=0)
    n_times = points.states.shape[1]
    if trials and longest != n_times:
        raise ValueError(
            f"expected tracks over the {longest} steps of the trials, got {n_times} "
            f"{points.unit}s; follow the points along the inputs of a trial, or show the tracks "
            "alone: Scene(points=tracks)"
        )
    return points


def as_projection(
    projection: Projection | ArrayLike | None, hidden_size: int
) -> Projection | None:
    """Return a projection, or the projection onto a basis; ``None`` for ``None``.

    Args:
        projection: A projection, or a basis ``(hidden_size, n_components)``.
        hidden_size: Number of units that it must have.

    Raises:
        TypeError: If it is neither a projection nor a matrix.
        ValueError: If it is for another number of units.

    Example:
        >>> as_projection(np.eye(4)[:, :3], 4).labels
        ('axis 1', 'axis 2', 'axis 3')
    """
    if projection is None:
        return None
    if not isinstance(projection, Projection):
        advice = "pass a Projection, a basis (hidden_size, 3), or nothing for PCA"
        projection = Projection.onto(as_numbers(projection, advice))
    size = projection.components.shape[1]
    if size != hidden_size:
        raise ValueError(
            f"expected a projection of states with {hidden_size} units, got one for {size}; "
            f"a basis has one axis in each column, ({hidden_size}, 3)"
        )
    return projection


def as_point_sizes(sizes: ArrayLike | None, n_points: int) -> Array | None:
    """Return sizes of fixed points ``(n_points,)``, relative to the largest.

    Raises:
        TypeError: If these are no numbers.
        ValueError: If there is not one for each point, or if one is negative or not finite.

    Example:
        >>> as_point_sizes([1.0, 4.0], 2).tolist()
        [0.25, 1.0]
    """
    if sizes is None:
        return None
    values = as_numbers(sizes, "pass one size for each fixed point")
    if values.shape != (n_points,) or not np.isfinite(values).all() or (values < 0).any():
        is_wrong = ~(values >= 0) | np.isinf(values)
        got = f"shape {values.shape}" if values.shape != (n_points,) else values[is_wrong][0]
        raise ValueError(
            f"expected one size for each of {n_points} fixed points, finite and not negative, got "
            f"{got}; pass for instance the shares of their basins"
        )
    return values / (values.max(initial=0.0) or 1.0)


def as_text(name: str, value: object) -> str:
    """Return a value that is text.

    Raises:
        TypeError: If it is something else.

    Example:
        >>> as_text("title", 3)
        Traceback (most recent call last):
        ...
        TypeError: expected title to be text, got 3
    """
    if not isinstance(value, str):
        raise TypeError(f"expected {name} to be text, got {value!r}")
    return value
