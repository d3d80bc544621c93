"""Figures of states: activity, trajectories, dimensionality."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from pyrnn.arrays import Array, ArrayLike, States, as_array, as_numbers
from pyrnn.dynamics import participation_ratio
from pyrnn.palette import BLUE, CYCLE, GRAY, INK, RULE, TRACE, Scale, color_scale, colormap
from pyrnn.plot.style import axes_or_new, heading, styled
from pyrnn.projection import Projection, as_states
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
            over trials; or what ``rnn.predict`` returned.
        style: ``"heat"`` or ``"lines"``.
        sort: Whether units are in the order of their peaks; by default in a heat map only.
        n: How many units to draw, evenly spread over all; by default all in a heat map, 20 as
            lines.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        TypeError: If these are no states.
        ValueError: If they have no time axis, or the style is unknown.

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
    order = activity.argmax(axis=0).argsort(kind="stable") if sort else np.arange(len(activity.T))
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
    """Return the mean activity, ``(time, hidden_size)``.

    Raises:
        ValueError: If the states have no time axis.
    """
    activity = as_states(states)
    if activity.ndim < 2:
        raise ValueError(
            f"expected states of shape (time, hidden_size), got {activity.shape}; "
            "pass those of one trial, states[0], or of several"
        )
    mean: Array = activity.reshape(-1, *activity.shape[-2:]).mean(axis=0)
    return mean


def _draw_heat(ax: Axes, activity: Array) -> None:
    low, high = activity.min(axis=0), activity.max(axis=0)
    scaled = (activity - low) / np.where(high > low, high - low, 1)
    image = ax.imshow(scaled.T, aspect="auto", cmap="magma", vmin=0, vmax=1)
    ax.figure.colorbar(image, ax=ax, label="activity (of its range)", shrink=0.8)


def _draw_lines(ax: Axes, activity: Array, units: Array) -> None:
    height = float(np.quantile(np.ptp(activity, axis=0), 0.6)) or 1.0
    for row, line in enumerate(activity.T):
        ax.plot(line - line.mean() + row * height, color=CYCLE[row % 2], linewidth=1.0)
    ticks = np.arange(len(units))[:: max(1, len(units) // 8)]
    ax.set_yticks(ticks * height, [str(units[tick]) for tick in ticks])


@styled
def plot_trajectories(
    states: States,
    *,
    projection: Projection | None = None,
    color: ArrayLike | None = None,
    color_label: str = "",
    period: float | None = None,
    path: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw trajectories in the plane of two components.

    Args:
        states: States, ``(trials, time, hidden_size)`` or ``(time, hidden_size)``, or what
            ``rnn.predict`` returned. A network of one unit is drawn along one axis.
        projection: The plane; by default that of the states' principal components.
        color: One value for each trial, ``(trials,)``, or for each state, ``(trials, time)``; gray
            by default.
        color_label: What the values are, with their unit.
        period: A full turn, such as 360, if the values are angles. The two ends of the scale then
            look alike.
        path: States along a line attractor, ``(n, hidden_size)``, drawn on top.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        TypeError: If these are no states.
        ValueError: If there is not one color for each trial or each state.

    Example:
        >>> states = np.random.default_rng(0).normal(size=(4, 50, 8)).cumsum(axis=1)
        >>> ax = plot_trajectories(states, color=[0.0, 90.0, 180.0, 270.0], period=360)
        >>> [label.get_text() for label in ax.figure.axes[-1].get_yticklabels()]
        ['−180', '0', '180']
    """
    trials = as_states(states)
    trials = trials.reshape(-1, *trials.shape[-2:]) if trials.ndim > 1 else trials
    check_kind("projection", projection, (Projection, type(None)))
    plane = projection or Projection.fit(trials, n_components=2)
    places = _in_plane(plane, trials)
    lines = LineCollection(list(places), linewidths=0.7, colors=TRACE)
    ax = axes_or_new(ax)
    if color is not None:
        scale, values = color_scale(
            as_numbers(color, "pass numbers, one for each trial or state"), period
        )
        lines = _colored(places, scale, values)
        _add_bar(ax, scale, color_label)
    ax.add_collection(lines)
    if path is not None:
        way = _in_plane(plane, as_array(path))
        ax.plot(*way.T, color=INK, linewidth=3.5, solid_capstyle="round")
    ax.autoscale_view()
    heading(ax, "trajectories", *(*plane.labels, "", "")[:2])
    return ax


def _in_plane(plane: Projection, states: Array) -> Array:
    """Return two coordinates of states, with zero for a missing axis."""
    places = plane.transform(states)[..., :2]
    missing = np.zeros((*places.shape[:-1], 2 - places.shape[-1]))
    return np.concatenate([places, missing], axis=-1)


def _colored(places: Array, scale: Scale, values: Array) -> LineCollection:
    """Return lines in the colors of trials, or in pieces in the colors of states.

    Raises:
        ValueError: If there is not one value for each trial or each state.
    """
    if values.shape == places.shape[:1]:
        return LineCollection(list(places), linewidths=0.7, colors=scale(values))
    if values.shape != places.shape[:2]:
        raise ValueError(
            f"expected color of shape ({len(places)},) or {places.shape[:2]}, got {values.shape}; "
            "pass one value for each trial or each state"
        )
    pieces = np.stack([places[:, :-1], places[:, 1:]], axis=2).reshape(-1, 2, 2)
    colors = scale(values[:, :-1].ravel())
    return LineCollection(list(pieces), linewidths=0.9, colors=colors, capstyle="round")


def _add_bar(ax: Axes, scale: Scale, label: str) -> None:
    measured = ScalarMappable(Normalize(scale.low, scale.high), colormap(scale.colormap))
    bar = ax.figure.colorbar(measured, ax=ax, label=label, shrink=0.8)
    if scale.colormap == "turn":
        bar.set_ticks([scale.low, 0, scale.high], labels=[scale.ends[0], "0", scale.ends[1]])


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
    flat = flat.reshape(-1, flat.shape[-1])
    shares = Projection.fit(flat, n_components=flat.shape[1]).explained_variance_ratio
    shares = np.zeros(1) if shares is None else shares
    ax = axes_or_new(ax)
    together = np.cumsum(shares)
    index = np.arange(1, len(shares) + 1)
    ax.bar(index[:n], 100 * shares[:n], color=GRAY, alpha=0.6, width=0.85)
    ax.plot(index[:n], 100 * together[:n], "o-", color=BLUE)
    ax.axhline(100 * _SHARE, color=RULE, linestyle="--", linewidth=1.0, zorder=0)
    needed = int(np.searchsorted(together, _SHARE - 1e-12) + 1)
    ratio = float(participation_ratio(torch.as_tensor(flat)))
    words = f"{needed} PCs for {_SHARE:.0%}\nPR = {ratio:.1f}"
    ax.text(0.97, 0.5, words, transform=ax.transAxes, ha="right", va="center")
    ax.set_ylim(0, 104)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    heading(ax, "dimensionality", "principal component", "variance (%)")
    return ax
