"""Figures of states: activity, trajectories, dimensionality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from pyrnn.arrays import Array, ArrayLike, States, as_array
from pyrnn.coloring import ColorBar, color_trials
from pyrnn.dynamics import participation_ratio
from pyrnn.palette import BLUE, CYCLE, GRAY, RULE, colormap
from pyrnn.plot.style import axes_or_new, color_bar, heading, ink, styled
from pyrnn.projection import Projection, as_states, as_trials
from pyrnn.validate import as_boolean, as_choice, as_integer, check_kind

__all__ = ["plot_explained_variance", "plot_states", "plot_trajectories"]

_N_LINES = 20  # units drawn as lines by default
_SHARE = 0.95  # of the variance; the number of components that explain it is written


@styled
def plot_states(
    states: States,
    *,
    style: str = "heat",
    sort: bool | None = None,
    n: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the activity of units over time, as a heat map or as lines.

    The heat map scales every unit to its own range, which shows when each unit is active. Lines
    are above each other, with one scale for all units.

    Args:
        states: States, ``(time, hidden_size)``, or ``(trials, time, hidden_size)``: their mean
            over trials; or what ``rnn.predict`` returned. NaN and masked states are left out of
            the mean; where no trial has a state, there is a gap.
        style: ``"heat"`` or ``"lines"``.
        sort: Whether units are in the order of their peaks; by default in a heat map only.
        n: How many units to draw, evenly spread over all; by default all in a heat map, 20 as
            lines.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        TypeError: If these are no states.
        ValueError: If they have no time axis, none is finite, or the style is unknown.

    Example:
        >>> ax = plot_states(np.eye(4)[:, [2, 0, 3]])
        >>> ax.images[0].get_array().argmax(axis=1).tolist()
        [0, 2, 3]
        >>> len(plot_states(np.zeros((50, 30)), style="lines", n=10).get_lines())
        10
    """
    is_heat = as_choice("style", style, ("heat", "lines")) == "heat"
    activity = _mean_over_trials(states)
    sort = is_heat if sort is None else as_boolean("sort", sort)
    peaks = np.nan_to_num(activity, nan=-np.inf).argmax(axis=0)
    order = peaks.argsort(kind="stable") if sort else np.arange(len(activity.T))
    n = (len(order) if is_heat else _N_LINES) if n is None else as_integer("n", n, low=1)
    chosen = order[np.unique(np.linspace(0, len(order) - 1, n).round().astype(int))]
    ax = axes_or_new(ax)
    if is_heat:
        _draw_heat(ax, activity[:, chosen])
    else:
        _draw_lines(ax, activity[:, chosen], chosen)
    heading(ax, "activity", "time step", "unit (by peak)" if sort else "unit")
    return ax


def _mean_over_trials(states: States) -> Array:
    """Return the mean activity over the trials that have one, ``(time, hidden_size)``.

    Raises:
        ValueError: If the states have no time axis, or none is finite.
    """
    activity = as_states(states)
    if activity.ndim < 2:
        raise ValueError(
            f"expected states of shape (time, hidden_size), got {activity.shape}; "
            "pass those of one trial, states[0], or of several"
        )
    trials = activity.reshape(math.prod(activity.shape[:-2]), *activity.shape[-2:])
    known = np.isfinite(trials)
    if not known.any():
        raise ValueError(
            f"expected states with numbers in them, got shape {activity.shape} without one finite "
            "number; the network may have diverged"
        )
    total, n_known = np.where(known, trials, 0).sum(axis=0, dtype=float), known.sum(axis=0)
    mean: Array = np.where(n_known > 0, total / np.maximum(n_known, 1), np.nan)
    return mean


def _draw_heat(ax: Axes, activity: Array) -> None:
    low, high = np.fmin.reduce(activity), np.fmax.reduce(activity)
    scaled = (activity - low) / np.where(high > low, high - low, 1)
    image = ax.imshow(scaled.T, aspect="auto", cmap="magma", vmin=0, vmax=1)
    color_bar(ax, image, "activity (of its range)")


def _draw_lines(ax: Axes, activity: Array, units: Array) -> None:
    ranges = np.fmax.reduce(activity) - np.fmin.reduce(activity)
    height = float(np.nanquantile(ranges, 0.6)) or 1.0
    style: dict[str, Any] = {"linewidth": 1.0, "marker": "o" if len(activity) == 1 else ""}
    for row, line in enumerate(activity.T):
        middle = line[np.isfinite(line)].sum() / max(np.isfinite(line).sum(), 1)
        ax.plot(line - middle + row * height, color=CYCLE[row % 2], **style)
    ticks = np.arange(len(units))[:: max(1, len(units) // 8)]
    ax.set_yticks(ticks * height, [str(units[tick]) for tick in ticks])


@styled
def plot_trajectories(
    states: States,
    *,
    projection: Projection | None = None,
    color: str | ArrayLike | Sequence[ArrayLike] | None = None,
    color_label: str = "",
    period: float | None = None,
    path: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw trajectories in the plane of two components.

    Args:
        states: States, ``(trials, time, hidden_size)`` or ``(time, hidden_size)``; or a list of
            trials, which may differ in duration; or what ``rnn.predict`` returned. A network of
            one unit is drawn along one axis.
        projection: The plane; by default that of the states' principal components.
        color: ``"time"``, ``"speed"``, one value or condition for each trial, ``(trials,)``, or
            one value for each state, ``(trials, time)``; gray by default.
        color_label: What the values are, with their unit.
        period: A full turn, such as 360, if the values are angles. The two ends of the scale then
            look alike.
        path: States along a line attractor, ``(n, hidden_size)``, drawn on top.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        TypeError: If these are no states.
        ValueError: If there is not one finite value for each trial or each state, or a state is
            NaN or infinite.

    Example:
        >>> states = np.random.default_rng(0).normal(size=(4, 50, 8)).cumsum(axis=1)
        >>> ax = plot_trajectories(states, color=[0.0, 90.0, 180.0, 270.0], period=360)
        >>> [label.get_text() for label in ax.figure.axes[-1].get_yticklabels()]
        ['−180', '0', '180']
    """
    trials = as_trials(states)
    check_kind("projection", projection, (Projection, type(None)))
    plane = projection or Projection.fit(np.concatenate(trials).repeat(2, 0), n_components=2)
    coloring = color_trials(trials, color, color_label, period)
    places = [_in_plane(plane, trial) for trial in trials]
    ax = axes_or_new(ax)
    ax.add_collection(_lines(places, coloring.colors / 255))
    _mark_still(ax, places, coloring.colors / 255)
    if coloring.bar is not None:
        _add_bar(ax, coloring.bar)
    handles = [Line2D([], [], color=shade, label=name) for name, shade in coloring.legend]
    if handles:
        ax.legend(handles=handles)
    if path is not None:
        way = _in_plane(plane, as_array(path))
        ax.plot(*way.T, color=ink(), linewidth=3.5, solid_capstyle="round")
    ax.autoscale_view()
    heading(ax, "trajectories", *(*plane.labels, "", "")[:2])
    return ax


def _in_plane(plane: Projection, states: Array) -> Array:
    """Return two coordinates of states, with zero for a missing axis."""
    places = plane.transform(states)[..., :2]
    missing = np.zeros((*places.shape[:-1], 2 - places.shape[-1]))
    return np.concatenate([places, missing], axis=-1)


def _lines(places: list[Array], colors: Array) -> LineCollection:
    """Return one line for each trial, or pieces where the color changes along a trial."""
    parts = np.split(colors, np.cumsum([len(place) for place in places])[:-1])
    if all((part == part[0]).all() for part in parts):
        return LineCollection(places, linewidths=0.7, colors=[part[0] for part in parts])
    pieces = [np.stack([place[:-1], place[1:]], axis=1) for place in places]
    ends = np.concatenate([part[:-1] for part in parts])
    return LineCollection(
        list(np.concatenate(pieces)), linewidths=0.9, colors=ends, capstyle="round"
    )


def _mark_still(ax: Axes, places: list[Array], colors: Array) -> None:
    """Draw a dot for each trial that does not move, of which there is no line."""
    starts = np.cumsum([0, *(len(place) for place in places[:-1])])
    still = [i for i, place in enumerate(places) if np.ptp(place, axis=0).max() == 0]
    if still:
        dots = np.array([places[i][0] for i in still])
        ax.scatter(dots[:, 0], dots[:, 1], s=9, color=colors[starts[still]])


def _add_bar(ax: Axes, bar: ColorBar) -> None:
    scale = bar.scale
    measured = ScalarMappable(Normalize(scale.low, scale.high), colormap(scale.colormap))
    drawn = color_bar(ax, measured, bar.label)
    if scale.colormap == "turn":
        drawn.set_ticks([scale.low, 0, scale.high], labels=[scale.ends[0], "0", scale.ends[1]])


@styled
def plot_explained_variance(states: States, *, n: int = 15, ax: Axes | None = None) -> Axes:
    """Draw how much variance principal components explain, each and together.

    The axes also state the number of components for 95 % of the variance and the participation
    ratio.

    Args:
        states: States, ``(..., hidden_size)``, or what ``rnn.predict`` returned.
        n: How many components to draw.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, in percent.

    Raises:
        TypeError: If these are no states.
        ValueError: If there are fewer than two states, or one is NaN or infinite.

    Example:
        >>> ax = plot_explained_variance(np.random.default_rng(0).normal(size=(200, 3)))
        >>> round(ax.get_lines()[0].get_ydata()[-1])
        100
    """
    n = as_integer("n", n, low=1)
    flat = as_states(states)
    if flat.ndim < 2:
        raise ValueError(f"expected states (..., hidden_size), got shape {tuple(flat.shape)}")
    flat = flat.reshape(-1, flat.shape[-1]).astype(float)
    shares = Projection.fit(flat, n_components=flat.shape[1]).explained_variance_ratio
    shares = np.zeros(1) if shares is None else shares
    ax = axes_or_new(ax)
    together = np.cumsum(shares)
    index = np.arange(1, len(shares) + 1)
    ax.bar(index[:n], 100 * shares[:n], color=GRAY, alpha=0.6, width=0.85)
    ax.plot(index[:n], 100 * together[:n], "o-", color=BLUE)
    ax.axhline(100 * _SHARE, color=RULE, linestyle="--", linewidth=1.0, zorder=0)
    needed = int(np.searchsorted(together, _SHARE - 1e-12) + 1)
    words = "no variance"
    if together[-1] > 0:
        ratio = float(participation_ratio(torch.as_tensor(flat)))
        words = f"{needed} PCs for {_SHARE:.0%}\nPR = {ratio:.1f}"
    ax.text(0.97, 0.5, words, transform=ax.transAxes, ha="right", va="center")
    ax.set_ylim(0, 104)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    heading(ax, "dimensionality", "principal component", "variance (%)")
    return ax
