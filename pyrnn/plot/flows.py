"""Figures of flows on a plane: nullclines, basins, bifurcations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D

from pyrnn.palette import BLUE, CYCLE, GRAY, INK, SLATE, VERMILION, colormap, stability_color
from pyrnn.plot.style import axes_or_new, heading, styled
from pyrnn.projection import Array, Projection, as_array

MARKS = {"fold": "s", "pitchfork": "D", "transcritical": "v", "period doubling": "^"}


@styled
def plot_flow(
    field: Any,
    *,
    points: Any = None,
    projection: Projection | None = None,
    nullclines: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw a flow on a plane: speed in color, streamlines, nullclines, fixed points.

    Stable fixed points are filled, unstable ones hollow.

    Args:
        field: A :class:`~pyrnn.dynamics.FlowField`.
        points: Fixed points to be marked.
        projection: Takes their states to the plane; by default the state's two coordinates are
            the plane itself.
        nullclines: Whether to draw where a coordinate stands still.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with equal scales.

    Raises:
        TypeError: If it is no flow field.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import flow_field
        >>> ax = plot_flow(flow_field(lambda h, x: torch.tanh(2 * h), torch.eye(2)))
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('h₁', 'h₂')
    """
    if not hasattr(field, "vectors"):
        raise TypeError(
            f"expected a FlowField, got {type(field).__name__}; make one on a plane of states: "
            "flow_field(rnn, Projection.fit(states, 2).components)"
        )
    ax = axes_or_new(ax)
    places, moves = as_array(field.points), as_array(field.vectors)
    x, y = places[..., 0], places[..., 1]
    shade = np.log10(as_array(field.speeds) + 1e-12)
    low = np.quantile(shade, 0.02)
    ax.pcolormesh(x, y, shade, cmap=_pale_blues(), vmin=low, shading="gouraud", rasterized=True)
    thin: dict[str, Any] = {"linewidth": 0.5, "arrowsize": 0.6, "density": 0.8}
    ax.streamplot(x[0], y[:, 0], moves[..., 0], moves[..., 1], color=SLATE, **thin)
    if nullclines:
        for axis, color in enumerate((BLUE, VERMILION)):
            ax.contour(x, y, moves[..., axis], levels=[0.0], colors=color, linewidths=1.6)
    for point in [] if points is None else points:
        _mark_point(ax, point, projection)
    ax.set_xlim(x.min(), x.max())
    ax.set_ylim(y.min(), y.max())
    ax.set_aspect("equal", adjustable="box")
    labels = ("h₁", "h₂") if projection is None else projection.labels[:2]
    heading(ax, "flow", *labels)
    return ax


@styled
def plot_bifurcation(
    branches: Any,
    *,
    observe: int | Callable[[Any], Any] = 0,
    label: str = "parameter",
    ax: Axes | None = None,
) -> Axes:
    """Draw branches of fixed points over a parameter, unstable stretches dashed.

    Args:
        branches: As :func:`~pyrnn.dynamics.find_branches` returns them.
        observe: Which unit is drawn, or a function of states ``(n, hidden_size)``.
        label: Name of the parameter, with its unit.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with a legend of the bifurcations that occur.

    Raises:
        TypeError: If these are no branches.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_branches
        >>> starts = torch.linspace(-1, 1, 9)[:, None]
        >>> branches = find_branches(lambda h, x: torch.tanh(2 * h + x), starts, (-1.0, 1.0))
        >>> plot_bifurcation(branches, label="input").get_xlabel()
        'input'
    """
    for branch in branches:
        if not hasattr(branch, "parameters") or not hasattr(branch, "bifurcations"):
            raise TypeError(
                f"expected branches, got {type(branch).__name__}; find_branches follows fixed "
                "points along a parameter"
            )
    ax = axes_or_new(ax)
    look = observe if callable(observe) else lambda states: states[..., observe]
    seen: dict[str, Any] = {}
    for branch in branches:
        _branch(ax, as_array(branch.parameters), as_array(look(branch.states)), branch)
        for event in branch.bifurcations:
            mark = MARKS.get(event.kind, "o")
            height = float(as_array(look(event.state)))
            style: dict[str, Any] = {"color": VERMILION, "markersize": 6, "zorder": 4}
            ax.plot(event.parameter, height, mark, **style)
            seen[event.kind] = Line2D([], [], marker=mark, linestyle="", **style)
    unstable = Line2D([], [], color=GRAY, linestyle="--")
    seen = {"stable": Line2D([], [], color=BLUE), "unstable": unstable, **seen}
    ax.legend(seen.values(), seen.keys())
    name = "observed" if callable(observe) else f"unit {observe}"
    heading(ax, "bifurcations", label, name)
    return ax


@styled
def plot_basins(ends: Any, places: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw basins of attraction: as a map, or as the share of starts that each one holds.

    Args:
        ends: Index of the attractor that each start reached, -1 for none, ``(n_y, n_x)`` or
            ``(n,)``; or :class:`~pyrnn.dynamics.Attractors`.
        places: Where the starts were on a plane, ``(n_y, n_x, 2)``: draws a map.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes; bars have the standard error of a share.

    Raises:
        TypeError: If these are no indices.

    Example:
        >>> ax = plot_basins([0, 0, 1, -1])
        >>> [float(bar.get_height()) for bar in ax.patches]
        [0.5, 0.25]
    """
    advice = "pass what find_attractors(rnn, starts, x) returns"
    index = as_array(getattr(ends, "ends", ends), advice).astype(int)
    ax = axes_or_new(ax)
    n = int(index.max()) + 1
    if places is None:
        share = np.bincount(index[index >= 0].ravel(), minlength=n) / index.size
        error = np.sqrt(share * (1 - share) / index.size)
        colors = [CYCLE[i % len(CYCLE)] for i in range(n)]
        ax.bar(np.arange(n), share, yerr=error, color=colors, capsize=2.5, ecolor=INK)
        ax.set_xticks(np.arange(n))
        heading(ax, "basins", "attractor", "share of starts")
        return ax
    spots = as_array(places)
    colors = ["#FFFFFF", *(CYCLE[i % len(CYCLE)] for i in range(n))]
    style: dict[str, Any] = {"cmap": ListedColormap(colors), "vmin": -1.5, "vmax": n - 0.5}
    ax.pcolormesh(spots[..., 0], spots[..., 1], index, alpha=0.6, shading="nearest", **style)
    ax.set_aspect("equal", adjustable="box")
    heading(ax, "basins", "first axis", "second axis")
    return ax


def _pale_blues() -> ListedColormap:
    """Return colors from blue, where it is slow, to white, pale enough to draw upon."""
    blues = colormap("Blues_r")(np.linspace(0, 1, 256))
    return ListedColormap(1 - 0.55 * (1 - blues[:, :3]))


def _mark_point(ax: Axes, point: Any, projection: Projection | None) -> None:
    state = as_array(point.state)
    left, up = state[:2] if projection is None else projection.transform(state)[:2]
    color = stability_color(point.n_unstable)
    fill = color if point.n_unstable == 0 else "white"
    style: dict[str, Any] = {"markersize": 7, "markeredgewidth": 1.8, "zorder": 5}
    ax.plot(left, up, "o", markerfacecolor=fill, markeredgecolor=color, **style)


def _branch(ax: Axes, parameters: Array, heights: Array, branch: Any) -> None:
    """Draw a curve in stretches of equal stability, which share their ends."""
    stable = as_array(branch.n_unstable) == 0
    changes = np.flatnonzero(np.diff(stable)) + 1
    starts, stops = [0, *changes], [*(changes + 1), len(stable)]
    for start, stop in zip(starts, stops, strict=True):
        color, dash = (BLUE, "-") if stable[start] else (GRAY, "--")
        ax.plot(parameters[start:stop], heights[start:stop], dash, color=color)
