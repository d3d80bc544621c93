"""Figures of flows on a plane, branches of fixed points, basins of attraction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, Union

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.lines import Line2D
from torch import Tensor

from pyrnn.arrays import Array, ArrayLike, as_array, as_numbers
from pyrnn.dynamics import Attractors, Branch, FixedPoint, FixedPoints, FlowField
from pyrnn.palette import BLUE, CYCLE, GRAY, VERMILION, colormap, stability_color
from pyrnn.plot.style import axes_or_new, heading, ink, muted, paper, styled
from pyrnn.projection import Projection
from pyrnn.validate import as_boolean, as_integer, check_callable, check_kind

__all__ = ["plot_basins", "plot_bifurcation", "plot_flow"]

_MARKS = {"fold": "s", "pitchfork": "D", "transcritical": "v", "period doubling": "^"}
_THIN = 0.7  # width of unstable stretches
_NEAR = 0.015  # share of the extent within which marks of one kind lie on each other
_SLOWEST = 1e-12  # added to all speeds, whose logarithm is drawn

Observable: TypeAlias = Union[int, Projection, Callable[[Tensor], ArrayLike]]  # noqa: UP007 (3.10)


@styled
def plot_flow(
    field: FlowField,
    *,
    points: Iterable[FixedPoint] | None = None,
    projection: Projection | None = None,
    nullclines: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw a flow on a plane: speed, streamlines, nullclines and fixed points.

    Stable fixed points are filled, unstable ones are hollow.

    Args:
        field: The flow.
        points: Fixed points to mark.
        projection: How states of fixed points come to the plane. By default the plane is that of
            the first two units.
        nullclines: Whether to draw the lines where one of the two coordinates stands still.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with equal scales.

    Raises:
        TypeError: If the first argument is not a ``FlowField``.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import flow_field
        >>> ax = plot_flow(flow_field(lambda h, x: torch.tanh(2 * h), torch.eye(2)))
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('h₁', 'h₂')
    """
    if not isinstance(field, FlowField):
        raise TypeError(
            f"expected a FlowField, got {type(field).__name__}; make one on a plane of states: "
            "flow_field(rnn, Projection.fit(states, 2).components)"
        )
    check_kind("points", points, (FixedPoints, Sequence, type(None)))
    check_kind("projection", projection, (Projection, type(None)))
    nullclines = as_boolean("nullclines", nullclines)
    ax = axes_or_new(ax)
    places, moves = as_array(field.points), as_array(field.vectors)
    x, y = places[..., 0], places[..., 1]
    shade = np.log10(as_array(field.speeds) + _SLOWEST)
    low = np.quantile(shade, 0.02)
    ax.pcolormesh(x, y, shade, cmap=_pale_blues(), vmin=low, shading="gouraud", rasterized=True)
    thin: dict[str, Any] = {"linewidth": 0.5, "arrowsize": 0.6, "density": 0.8}
    ax.streamplot(x[0], y[:, 0], moves[..., 0], moves[..., 1], color=muted(), **thin)
    if nullclines:
        for axis, color in enumerate((BLUE, VERMILION)):
            ax.contour(x, y, moves[..., axis], levels=[0.0], colors=color, linewidths=1.6)
    for point in [] if points is None else points:
        check_kind("every point", point, FixedPoint, "take those of find_fixed_points")
        _mark_point(ax, point, projection)
    ax.set_xlim(x.min(), x.max())
    ax.set_ylim(y.min(), y.max())
    ax.set_aspect("equal", adjustable="box")
    labels = ("h₁", "h₂") if projection is None else projection.labels[:2]
    heading(ax, "flow", *labels)
    return ax


@styled
def plot_bifurcation(
    branches: Branch | Iterable[Branch],
    *,
    observe: Observable = 0,
    label: str = "parameter",
    ax: Axes | None = None,
) -> Axes:
    """Draw branches of fixed points over a parameter, thin and dashed where they are unstable.

    Marks that would lie on each other are drawn once.

    Args:
        branches: Branches, as :func:`~pyrnn.dynamics.find_branches` returns them.
        observe: Which unit to draw; a ``Projection``, whose first axis is drawn; or a function of
            states ``(..., hidden_size)``.
        label: Name of the parameter, with its unit.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with a legend of the bifurcations that occur.

    Raises:
        TypeError: If the first argument holds no branches.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_branches
        >>> starts = torch.linspace(-1, 1, 9)[:, None]
        >>> branches = find_branches(lambda h, x: torch.tanh(2 * h + x), starts, (-1.0, 1.0))
        >>> plot_bifurcation(branches, label="input").get_xlabel()
        'input'
    """
    check_kind("branches", branches, (Branch, Iterable), "take those of find_branches")
    drawn = [branches] if isinstance(branches, Branch) else list(branches)
    if not isinstance(observe, Projection):
        if callable(observe):
            check_callable("observe", observe, "states")
        else:
            observe = as_integer("observe", observe, low=0)
    for branch in drawn:
        if not isinstance(branch, Branch):
            raise TypeError(
                f"expected branches, got {type(branch).__name__}; find_branches follows fixed "
                "points along a parameter"
            )
    ax = axes_or_new(ax)
    seen = {
        "stable": Line2D([], [], color=BLUE),
        "unstable": Line2D([], [], color=GRAY, linestyle="--", linewidth=_THIN),
    }
    for branch in drawn:
        _draw_branch(ax, branch, observe)
    seen |= _mark_bifurcations(ax, drawn, observe)
    ax.legend(seen.values(), seen.keys())
    name = observe.labels[0] if isinstance(observe, Projection) else f"unit {observe}"
    is_function = callable(observe) and not isinstance(observe, Projection)
    heading(ax, "bifurcations", label, "observed" if is_function else name)
    return ax


@styled
def plot_basins(
    ends: Attractors | ArrayLike, *, places: ArrayLike | None = None, ax: Axes | None = None
) -> Axes:
    """Draw how many starts lead to each attractor, or a map of which do.

    Args:
        ends: Attractors, as :func:`~pyrnn.dynamics.find_attractors` returns them; or the index of
            the attractor that each start led to, -1 for none, ``(n,)`` or ``(n_y, n_x)``.
        places: Where the starts were on a plane, ``(n_y, n_x, 2)``, to draw a map.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes. Bars have the standard error of a share.

    Raises:
        TypeError: If the first argument holds no indices.
        ValueError: If these are no indices, or there is not one place for each start.

    Example:
        >>> ax = plot_basins([0, 0, 1, -1])
        >>> [float(bar.get_height()) for bar in ax.patches]
        [0.5, 0.25]
    """
    advice = "pass what find_attractors(rnn, starts, x) returns"
    given = as_numbers(ends.ends if isinstance(ends, Attractors) else ends, advice)
    is_index = (given == np.round(given)) & (given >= -1) & (given < 2**31)
    if not given.size or not is_index.all():
        raise ValueError(
            "expected ends to be the index of an attractor for each start, or -1, got "
            f"{given.dtype} of shape {given.shape} with others; {advice}"
        )
    index = given.astype(int)
    ax = axes_or_new(ax)
    n = int(index.max()) + 1
    colors = list(CYCLE[:n])
    if n > len(CYCLE):
        colors = [to_hex(colormap("turbo")(i / (n - 1))) for i in range(n)]
    if places is None:
        share = np.bincount(index[index >= 0].ravel(), minlength=n) / index.size
        error = np.sqrt(share * (1 - share) / index.size)
        ax.bar(np.arange(n), share, yerr=error, color=colors, capsize=2.5, ecolor=ink())
        ax.set_xticks(np.arange(n))
        heading(ax, "basins", "attractor", "share of starts")
        return ax
    _draw_map(ax, index, as_array(places), colors)
    heading(ax, "basins", "first axis", "second axis")
    return ax


def _pale_blues() -> ListedColormap:
    """Return colors from blue, for slow states, to white; pale enough to draw on."""
    blues = colormap("Blues_r")(np.linspace(0, 1, 256))
    return ListedColormap(1 - 0.55 * (1 - blues[:, :3]))


def _draw_map(ax: Axes, index: Array, places: Array, colors: list[str]) -> None:
    """Draw the basins over the plane; starts that lead to no attractor stay white.

    Raises:
        ValueError: If there is not one place for each start.
    """
    if places.shape != (*index.shape, 2) or index.ndim != 2:
        raise ValueError(
            f"expected places of shape (n_y, n_x, 2) for ends (n_y, n_x), got {places.shape} for "
            f"{index.shape}; pass the points of a flow_field"
        )
    shades = ListedColormap(["#FFFFFF", *colors])
    style: dict[str, Any] = {"cmap": shades, "vmin": -1.5, "vmax": len(colors) - 0.5}
    ax.pcolormesh(*np.moveaxis(places, -1, 0), index, alpha=0.6, shading="nearest", **style)
    ax.set_aspect("equal", adjustable="box")


def _mark_point(ax: Axes, point: FixedPoint, projection: Projection | None) -> None:
    state = as_array(point.state)
    left, up = state[:2] if projection is None else projection.transform(state)[:2]
    color = stability_color(point.n_unstable)
    fill = color if point.n_unstable == 0 else paper()
    style: dict[str, Any] = {"markersize": 7, "markeredgewidth": 1.8, "zorder": 5}
    ax.plot(left, up, "o", markerfacecolor=fill, markeredgecolor=color, **style)


def _observed(states: Tensor, observe: Observable) -> Array:
    """Return the value of each state that is drawn."""
    if isinstance(observe, Projection):
        first: Array = observe.transform(states)[..., 0]
        return first
    seen = as_array(observe(states) if callable(observe) else states[..., observe])
    if seen.shape != states.shape[:-1]:
        raise ValueError(
            "expected observe to return one number for each state, of shape "
            f"{tuple(states.shape[:-1])}, got {seen.shape}"
        )
    return seen


def _draw_branch(ax: Axes, branch: Branch, observe: Observable) -> None:
    """Draw a curve in stretches of equal stability, which share their ends."""
    parameters, heights = as_array(branch.parameters), _observed(branch.states, observe)
    stable = as_array(branch.n_unstable) == 0
    changes = np.flatnonzero(np.diff(stable)) + 1
    starts, stops = [0, *changes], [*(changes + 1), len(stable)]
    for start, stop in zip(starts, stops, strict=True):
        look: dict[str, Any] = {
            "color": GRAY,
            "linestyle": "--",
            "linewidth": _THIN,
            "zorder": 1.5,
        }
        if stable[start]:
            look = {"color": BLUE}
        ax.plot(parameters[start:stop], heights[start:stop], **look)


def _mark_bifurcations(
    ax: Axes, branches: Sequence[Branch], observe: Observable
) -> dict[str, Line2D]:
    """Mark all bifurcations, and return an entry of the legend for each kind."""
    events = [event for branch in branches for event in branch.bifurcations]
    heights = [float(_observed(event.state, observe)) for event in events]
    places = np.array([(event.parameter, y) for event, y in zip(events, heights, strict=True)])
    extent = np.ptp(ax.dataLim.get_points(), axis=0)
    style: dict[str, Any] = {"color": VERMILION, "markersize": 6, "zorder": 4}
    entries: dict[str, Line2D] = {}
    drawn: list[tuple[str, Array]] = []
    for event, place in zip(events, places, strict=True):
        near = (
            kind == event.kind and (np.abs(place - other) < _NEAR * extent).all()
            for kind, other in drawn
        )
        if any(near):
            continue
        mark = _MARKS.get(event.kind, "o")
        ax.plot(*place, mark, **style)
        entries[event.kind] = Line2D([], [], marker=mark, linestyle="", **style)
        drawn.append((event.kind, place))
    return entries
