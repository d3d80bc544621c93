"""Check what a scene is made of, and say what to do where it does not fit together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyrnn.projection import Projection, as_array, as_states
from pyrnn.render.layers import Array

PAGES, FILMS = (".html", ".htm"), (".gif", ".mp4")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
VECTORS, OPAQUE = (".svg", ".pdf", ".eps", ".ps"), (".jpg", ".jpeg")


def split_trials(states: Any) -> list[Array]:
    """Return states as a list of trials, ``(time, hidden_size)`` each.

    Args:
        states: ``(..., time, hidden_size)``, a sequence of trials of unequal duration, or what
            ``rnn.predict`` returned; no trial for ``None``.

    Raises:
        TypeError: If these are no states.
        ValueError: If there is no state, or the states have no time axis.
    """
    if states is None:
        return []
    if hasattr(states, "jacobians"):
        raise TypeError(
            f"expected states, got {type(states).__name__}; pass fixed points after the states, "
            "Scene(states, points), or alone, Scene(points=points)"
        )
    if isinstance(states, (list, tuple)) and not hasattr(states, "outputs"):
        trials = [as_states(trial) for trial in states]
    else:
        array = as_states(states)
        trials = list(array.reshape(-1, *array.shape[-2:])) if array.ndim > 1 else [array]
    widths = {trial.shape[-1:] for trial in trials}
    if len(widths) != 1 or any(trial.ndim != 2 or not trial.size for trial in trials):
        shape = [trial.shape for trial in trials[:3]]
        raise ValueError(
            f"expected states of shape (trials, time, hidden_size), got {shape}; "
            "pass the states that rnn.predict returns"
        )
    return trials


def split_points(points: Any, graph: Any) -> tuple[list[Any], Any]:
    """Return a list of fixed points and the graph of transitions among them, or ``None``.

    Args:
        points: Fixed points, or a graph that holds them, or ``None``.
        graph: A graph, whose nodes know their points, or ``None``.

    Raises:
        TypeError: If these are no fixed points.
        ValueError: If the graph was made from other points.
    """
    if hasattr(points, "nodes"):
        points, graph = None, points
    if points is None and graph is not None:
        points = [graph.nodes[node]["point"] for node in sorted(graph) if graph.nodes[node]]
    found = [] if points is None else list(points) if hasattr(points, "__len__") else [points]
    if not all(hasattr(point, "n_unstable") for point in found):
        raise TypeError(
            f"expected fixed points, as find_fixed_points returns them, got "
            f"{type(points).__name__}; their states alone do not tell which are stable"
        )
    if graph is not None and set(graph.nodes) != set(range(len(found))):
        raise ValueError(
            f"expected a graph with one node for each of {len(found)} fixed points, "
            f"got {graph.number_of_nodes()} nodes; pass the points that the graph was made from"
        )
    return found, graph


def as_projection(projection: Any, width: int) -> Projection | None:
    """Return the given projection if it is for states of some width; ``None`` for ``None``.

    Raises:
        TypeError: If it is neither a projection nor a matrix.
        ValueError: If it is for states of another size.
    """
    if projection is None:
        return None
    if not isinstance(projection, Projection):
        advice = "pass a Projection, a basis (hidden_size, 3), or nothing for PCA"
        basis = as_array(projection, advice)
        if basis.dtype.kind in "US":
            raise TypeError(f"expected a projection or a basis, got {projection!r}; {advice}")
        projection = Projection.onto(basis)
    size = projection.components.shape[1]
    if size != width:
        raise ValueError(
            f"expected a projection of states with {width} units, got one for {size}; "
            f"a basis has one axis a column, ({width}, 3)"
        )
    return projection


def check_sizes(sizes: Any, n_points: int) -> Array | None:
    """Return sizes of fixed points ``(n_points,)``, relative to the largest.

    Raises:
        ValueError: If there is not one for each point, or if one is negative or not finite.
    """
    if sizes is None:
        return None
    values = as_array(sizes, "pass one size for each fixed point")
    if values.shape != (n_points,) or not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(
            f"expected one size for each of {n_points} fixed points, finite and not negative, got "
            f"{_described(values, n_points)}; pass for instance the shares of their basins"
        )
    return values / (values.max(initial=0.0) or 1.0)


def _described(values: Array, n_points: int) -> str:
    if values.shape != (n_points,):
        return f"shape {values.shape}"
    return f"{values[~(values >= 0) | np.isinf(values)][0]}"


def check_suffix(
    path: str | Path, allowed: Sequence[str], named: Sequence[str] | None = None
) -> str:
    """Return the suffix of a file, which says what to write.

    Args:
        path: The file.
        allowed: All suffixes that can be written.
        named: Those that the message names; all by default.

    Raises:
        ValueError: If it is none of those allowed.
    """
    suffix = Path(path).suffix.lower()
    if suffix in allowed:
        return suffix
    advice = "the suffix says what to write"
    if suffix in VECTORS:
        advice = "a scene is made of pixels: write a .png as large as it will be printed"
    elif suffix in (*PAGES, *FILMS, *PICTURES):
        advice = "save() writes pages, pictures and films"
    *first, last = named or allowed
    names = f"{', '.join(first)} or {last}"
    raise ValueError(f"expected a path ending in {names}, got {str(path)!r}; {advice}")


def check_size(size: Any) -> tuple[int, int]:
    """Return width and height in pixels.

    Raises:
        ValueError: If these are not two positive numbers.
    """
    sides = np.ravel(as_array(size, "pass (width, height)"))
    if len(sides) != 2 or not (sides >= 1).all():
        raise ValueError(f"expected a size (width, height) in pixels, got {size}")
    return int(sides[0]), int(sides[1])
