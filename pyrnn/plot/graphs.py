"""Figures of transition graphs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import networkx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from pyrnn.arrays import Array, as_array
from pyrnn.dynamics import FixedPoint
from pyrnn.palette import stability_color, stability_label
from pyrnn.plot.style import axes_or_new, heading, legend_below, paper, styled
from pyrnn.projection import Projection
from pyrnn.validate import as_choice

__all__ = ["draw_graph", "layers", "plot_transition_graph"]

_NODE = 62  # area of a node, in square points
_CLASSES = 4  # of stability: stable, one, two, and more unstable modes


@styled
def plot_transition_graph(
    graph: networkx.DiGraph,
    *,
    layout: str = "layered",
    projection: Projection | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw which fixed points lead to which.

    The more probable a transition is, the wider is its arrow.

    Args:
        graph: A graph, as :func:`~pyrnn.dynamics.transition_graph` returns it; or a skeleton, of
            :func:`~pyrnn.dynamics.skeleton`, in layers.
        layout: ``"layered"``: one row for each number of unstable modes, attractors at the
            bottom; or ``"pca"``: fixed points at their place in the plane of two components.
        projection: The plane, for ``"pca"``; by default the principal components of the fixed
            points.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with a legend that counts the points of each class.

    Raises:
        TypeError: If the first argument is not a graph.
        ValueError: If the layout is unknown, or the nodes are no fixed points.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points, transition_graph
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> ax = plot_transition_graph(transition_graph(step, points))
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['stable (2)', '1 unstable mode (1)']
    """
    if not isinstance(graph, networkx.DiGraph):
        raise TypeError(
            f"expected a graph, got {type(graph).__name__}; transition_graph(rnn, points) makes it"
        )
    layout = as_choice("layout", layout, ("layered", "pca"))
    ax = axes_or_new(ax)
    if layout == "layered":
        places, labels = layers(graph), ("", "")
        ax.axis("off")
    else:
        places, labels = _plane(_points(graph), projection)
    heading(ax, "transition graph", *labels)
    draw_graph(ax, graph, places)
    _explain(ax, list(_n_unstable(graph).values()))
    return ax


def draw_graph(
    ax: Axes, graph: networkx.DiGraph, places: Mapping[Hashable, Array], scale: float = 1.0
) -> None:
    """Draw arrows and nodes at given places.

    Args:
        ax: Where to draw.
        graph: The graph.
        places: Place of each node, ``(2,)``.
        scale: Size of nodes and arrows.

    Example:
        >>> graph = networkx.DiGraph([(1, 0)])
        >>> networkx.set_node_attributes(graph, {0: 0, 1: 1}, "n_unstable")
        >>> ax = axes_or_new(None)
        >>> draw_graph(ax, graph, layers(graph))
        >>> len(ax.collections), len(ax.patches)
        (2, 1)
    """
    n_unstable = _n_unstable(graph)
    for source, target, data in graph.edges(data=True):
        if source != target:
            color = stability_color(n_unstable[source])
            share = scale * data.get("probability", 1.0)
            _arrow(ax, places[source], places[target], share, color)
    for node, n in n_unstable.items():
        style: dict[str, Any] = {"edgecolors": paper(), "linewidths": scale, "zorder": 3}
        is_point = graph.nodes[node].get("kind", "point") == "point"
        marker = "o" if is_point else "D"
        color = stability_color(n)
        x, y = places[node]
        ax.scatter(x, y, s=_NODE * scale**2, color=color, marker=marker, **style)
    ax.margins(0.08)


def _n_unstable(graph: networkx.DiGraph) -> dict[Hashable, int]:
    """Return the number of unstable modes of each node."""
    known = networkx.get_node_attributes(graph, "n_unstable")
    if len(known) == len(graph):
        return dict(known)
    return {node: point.n_unstable for node, point in _points(graph).items()}


def _points(graph: networkx.DiGraph) -> dict[Hashable, FixedPoint]:
    """Return the fixed point of each node.

    Raises:
        ValueError: If a node has none.
    """
    points: dict[Hashable, FixedPoint] = networkx.get_node_attributes(graph, "point")
    if len(points) < len(graph):
        raise ValueError(
            f"expected a graph whose {len(graph)} nodes have a fixed point each, got "
            f"{len(points)} with one; transition_graph(rnn, points) makes such a graph"
        )
    return points


def layers(graph: networkx.DiGraph) -> dict[Hashable, Array]:
    """Return places in rows by number of unstable modes, near their successors.

    Args:
        graph: A transition graph or a skeleton.

    Example:
        >>> graph = networkx.DiGraph([(1, 0)])
        >>> networkx.set_node_attributes(graph, {0: 0, 1: 1}, "n_unstable")
        >>> {node: place.tolist() for node, place in layers(graph).items()}
        {0: [0.5, 0.0], 1: [0.5, 1.0]}
    """
    rows: dict[int, list[Hashable]] = {}
    for node, n in _n_unstable(graph).items():
        rows.setdefault(n, []).append(node)
    places: dict[Hashable, Array] = {}
    for level in sorted(rows):
        row = rows[level]
        reached = {n: [places[m][0] for m in graph.successors(n) if m in places] for n in row}
        row.sort(key=lambda n: float(np.mean(reached[n])) if reached[n] else 0.0)
        for i, node in enumerate(row):
            places[node] = np.array([(i + 0.5) / len(row), float(level)])
    return places


def _plane(
    points: Mapping[Hashable, FixedPoint], projection: Projection | None
) -> tuple[dict[Hashable, Array], tuple[str, str]]:
    """Return places on the plane of two components, and the names of its axes."""
    if not points:
        return {}, ("", "")
    states = np.stack([as_array(point.state) for point in points.values()])
    plane = projection or Projection.fit(states.repeat(2, 0), n_components=2)
    flat = plane.transform(states)[:, :2]
    missing = np.zeros((len(flat), 2 - flat.shape[1]))
    places = np.concatenate([flat, missing], axis=1)
    x, y, *_ = *plane.labels, "", ""
    return dict(zip(points, places, strict=True)), (x, y)


def _arrow(ax: Axes, start: Array, end: Array, probability: float, color: str) -> None:
    ax.add_patch(
        FancyArrowPatch(
            tuple(start),
            tuple(end),
            connectionstyle="arc3,rad=0.12",
            arrowstyle="-|>",
            mutation_scale=7 + 4 * probability,
            linewidth=0.4 + 2.0 * probability,
            color=color,
            shrinkA=4,
            shrinkB=5,
            alpha=0.9,
        )
    )


def _explain(ax: Axes, n_unstable: Sequence[int]) -> None:
    """Write a legend with the number of points in each class."""
    classes = [min(n, _CLASSES - 1) for n in n_unstable]
    handles = []
    for n in sorted(set(classes)):
        name = f"{stability_label(n)} ({classes.count(n)})"
        color = stability_color(n)
        handles.append(Line2D([], [], color=color, marker="o", linestyle="", label=name))
    if handles:
        legend_below(ax, handles, labeled=ax.axison)
