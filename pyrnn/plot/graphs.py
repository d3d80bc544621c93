"""Figures of transition graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from pyrnn.palette import stability_color, stability_label
from pyrnn.plot.style import axes_or_new, heading, legend_below, styled
from pyrnn.projection import Array, Projection, as_array

if TYPE_CHECKING:
    from collections.abc import Mapping

NODE = 62  # area of a node, in square points


@styled
def plot_transition_graph(
    graph: networkx.DiGraph,
    *,
    layout: str = "layered",
    projection: Projection | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw which fixed points lead to which, arrows as wide as transitions are probable.

    Args:
        graph: As :func:`~pyrnn.dynamics.transition_graph` returns it.
        layout: ``"layered"``: one row for each number of unstable modes, attractors at the
            bottom; ``"pca"``: fixed points at their place in the plane of two components.
        projection: Which plane, for ``"pca"``; that of the fixed points by default.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with a legend that counts the points of each class.

    Raises:
        TypeError: If it is no graph.
        ValueError: If the layout is unknown.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points, transition_graph
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> ax = plot_transition_graph(transition_graph(step, points))
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['stable (2)', '1 unstable mode (1)']
    """
    if not hasattr(graph, "nodes"):
        raise TypeError(
            f"expected a graph, got {type(graph).__name__}; transition_graph(rnn, points) makes it"
        )
    ax = axes_or_new(ax)
    points = networkx.get_node_attributes(graph, "point")
    if layout == "layered":
        places = _layers(graph, points)
        ax.axis("off")
        heading(ax, "transition graph")
    elif layout == "pca":
        plane, labels = _plane(points, projection)
        places = dict(zip(points, plane, strict=True))
        heading(ax, "transition graph", *labels)
    else:
        raise ValueError(f"expected layout 'layered' or 'pca', got {layout!r}; choose one")
    for source, target, data in graph.edges(data=True):
        if source != target:
            color = stability_color(points[source].n_unstable)
            _arrow(ax, places[source], places[target], data.get("probability", 1.0), color)
    _nodes(ax, points, places)
    return ax


def _layers(graph: networkx.DiGraph, points: Mapping[int, Any]) -> dict[int, Array]:
    """Place nodes in rows by number of unstable modes, near those they are linked with."""
    rows: dict[int, list[int]] = {}
    for node, point in points.items():
        rows.setdefault(point.n_unstable, []).append(node)
    places: dict[int, Array] = {}
    for level in sorted(rows):
        row = rows[level]
        reached = {n: [places[m][0] for m in graph.successors(n) if m in places] for n in row}
        row.sort(key=lambda n: float(np.mean(reached[n])) if reached[n] else 0.0)
        for i, node in enumerate(row):
            places[node] = np.array([(i + 0.5) / len(row), float(level)])
    return places


def _plane(points: Mapping[int, Any], projection: Projection | None) -> tuple[Array, Any]:
    states = np.stack([as_array(point.state) for point in points.values()])
    chosen = projection or Projection.fit(states, n_components=2)
    flat = chosen.transform(states)[:, :2]
    missing = np.zeros((len(flat), 2 - flat.shape[1]))
    return np.concatenate([flat, missing], axis=1), (*chosen.labels, "", "")[:2]


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


def _nodes(ax: Axes, points: Mapping[int, Any], places: Mapping[int, Array]) -> None:
    """Draw the nodes, and a legend with how many there are of each class."""
    counts = np.bincount([min(p.n_unstable, 3) for p in points.values()] or [0], minlength=4)
    for node, point in points.items():
        x, y = places[node]
        color = stability_color(point.n_unstable)
        ax.scatter(x, y, s=NODE, color=color, edgecolors="white", linewidths=1.0, zorder=3)
    handles = [
        Line2D([], [], marker="o", linestyle="", color=stability_color(n), label=label)
        for n, label in ((n, f"{stability_label(n)} ({counts[n]})") for n in range(4))
        if counts[n] and points
    ]
    ax.margins(0.08)
    if handles:
        legend_below(ax, handles, labeled=ax.axison)
