"""Figures of many networks: a map of them, and the matrix of their distances."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from pyrnn.arrays import Array
from pyrnn.palette import colormap
from pyrnn.plot.graphs import draw_graph, layers
from pyrnn.plot.style import axes_or_new, color_bar, heading, ink, legend_below, paper, styled
from pyrnn.populations import Classes, Distances
from pyrnn.populations._coloring import Colored, class_color, color_networks, labels_of
from pyrnn.populations.classes import UNDECIDED
from pyrnn.validate import check_kind

__all__ = ["plot_distances", "plot_population_map"]

_MOST_SKELETONS = 3
_ROOMY = 150  # networks whose dots have room; those of more are smaller
_NAMED = 0.05  # share of the networks of a class whose number has room


@styled
def plot_population_map(
    distances: Distances, *, color: Colored = None, ax: Axes | None = None
) -> Axes:
    """Draw networks as points of a plane: those that are alike are near each other.

    Places are those of :meth:`Distances.embedding`. The title has its stress: 0 if the plane shows
    every distance as it is, 0.2 if it shows little of them.

    Args:
        distances: Distances, of :func:`~pyrnn.populations.compare`.
        color: A setting or score by its name; or classes, whose skeletons are then drawn beside
            the map; or one value for each network.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        TypeError: If these are no distances.
        KeyError: If there is no such setting.
        ValueError: If there is not one value for each network.

    Example:
        >>> import torch
        >>> from pyrnn import RNN
        >>> from pyrnn.populations import compare
        >>> networks = [RNN(1, n, 1, seed=n) for n in (4, 8, 16)]
        >>> distances = compare(networks, inputs=torch.randn(8, 20, 1))
        >>> plot_population_map(distances, color=[4, 8, 16]).get_title(loc="left")
        'shape: 3 networks, stress 0.00'
    """
    check_kind("distances", distances, Distances, "take those of compare(population)")
    places = distances.embedding()
    coloring = color_networks(distances, color)
    ax = axes_or_new(ax)
    stress = f"stress {distances.stress(places):.2f}"
    heading(ax, f"{distances.measure}: {len(distances)} networks, {stress}")
    style: dict[str, Any] = {"edgecolors": paper(), "linewidths": 0.4, "zorder": 3}
    size = np.clip(34 * _ROOMY / len(places), 6, 34)
    ax.scatter(places[:, 0], places[:, 1], s=size, c=coloring.colors / 255, **style)
    _frame(ax, places)
    if coloring.legend:
        legend_below(ax, [_dot(*entry) for entry in coloring.legend], labeled=False)
    if coloring.bar is not None:
        scale = coloring.bar.scale
        norm = Normalize(scale.low, scale.high)
        color_bar(ax, ScalarMappable(norm, colormap(scale.colormap)), coloring.bar.label)
    if isinstance(color, Classes):
        _draw_skeletons(ax, color)
    return ax


@styled
def plot_distances(
    distances: Distances, classes: Classes | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw the matrix of distances, with networks that are alike side by side.

    Args:
        distances: Distances, of :func:`~pyrnn.populations.compare`.
        classes: Classes of the same networks, of :func:`~pyrnn.populations.find_classes`: the
            networks of a class stay together, with lines between the classes.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes. The scale beside it goes to the largest distance, and states floor and ceiling.

    Raises:
        TypeError: If these are no distances or no classes.
        ValueError: If the classes are those of other networks.

    Example:
        >>> import torch
        >>> from pyrnn import RNN
        >>> from pyrnn.populations import compare
        >>> networks = [RNN(1, n, 1, seed=n) for n in (4, 8, 16)]
        >>> ax = plot_distances(compare(networks, inputs=torch.randn(8, 20, 1)))
        >>> ax.images[0].get_array().shape
        (3, 3)
    """
    check_kind("distances", distances, Distances, "take those of compare(population)")
    order = distances.order()
    if classes is not None:
        check_kind("classes", classes, Classes, "take those of find_classes(population)")
        labels = labels_of(distances, classes)
        rank = np.where(labels == UNDECIDED, len(classes), labels)
        order = order[np.argsort(rank[order], kind="stable")]
    ax = axes_or_new(ax)
    heading(ax, f"{distances.measure} distances of {len(distances)} networks")
    matrix = distances.matrix[np.ix_(order, order)]
    top = float(matrix.max()) or 1.0
    image = ax.imshow(matrix, cmap="viridis", vmin=0, vmax=top, interpolation="nearest")
    expected = {"floor": distances.floor, "ceiling": distances.ceiling}
    known = [f"{name} {value:.2g}" for name, value in expected.items() if np.isfinite(value)]
    color_bar(ax, image, f"distance ({', '.join(known)})")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    if classes is not None:
        _mark_classes(ax, labels[order])
    return ax


def _dot(name: str, color: str) -> Line2D:
    return Line2D([], [], color=color, marker="o", linestyle="", label=name)


def _frame(ax: Axes, places: Array) -> None:
    """Show all places in a square, with a ruler of a round length in its corner."""
    center = (places.max(0) + places.min(0)) / 2
    span = 1.2 * float(np.ptp(places, axis=0).max()) or 1.0
    ax.set_aspect("equal", adjustable="box")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set(xlim=center[0] + span * np.array([-0.5, 0.5]))
    ax.set(ylim=center[1] + span * np.array([-0.5, 0.5]))
    decade = 10 ** np.floor(np.log10(span / 4))
    length = max(n * decade for n in (1, 2, 5) if n * decade <= span / 4)
    x, y = center - 0.47 * span
    ax.plot([x, x + length], [y, y], color=ink(), linewidth=1.5)
    ax.text(x + length / 2, y + 0.01 * span, f"{length:g}", ha="center", va="bottom")


def _draw_skeletons(ax: Axes, classes: Classes) -> None:
    """Draw the skeletons of the largest classes to the right of the axes."""
    shown = classes.skeletons[:_MOST_SKELETONS]
    height = 1 / _MOST_SKELETONS
    for i, graph in enumerate(shown):
        beside = ax.inset_axes((1.06, 1 - (i + 1) * height, 0.45, 0.7 * height))
        draw_graph(beside, graph, layers(graph), scale=0.55)
        beside.axis("off")
        beside.margins(0.12)
        place: dict[str, Any] = {"transform": beside.transAxes, "va": "bottom"}
        beside.text(0, 1.02, f"class {i}", color=class_color(i), **place)


def _mark_classes(ax: Axes, labels: Array) -> None:
    """Draw lines between the classes, and a strip with their colors and numbers."""
    borders = np.nonzero(np.diff(labels))[0] + 0.5
    for border in borders:
        ax.axhline(border, color=paper(), linewidth=1.2)
        ax.axvline(border, color=paper(), linewidth=1.2)
    ends = [-0.5, *borders, len(labels) - 0.5]
    width = 0.03 * len(labels)
    for low, high in itertools.pairwise(ends):
        label = int(labels[round(low + 0.5)])
        place = (-0.5 - 1.5 * width, low)
        strip = Rectangle(place, width, high - low, color=class_color(label), linewidth=0)
        ax.add_patch(strip).set_clip_on(False)
        if high - low >= _NAMED * len(labels):
            name = "?" if label == UNDECIDED else str(label)
            ax.text(place[0] - width / 2, (low + high) / 2, name, ha="right", va="center")
