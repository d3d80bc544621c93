"""Figures of states: activity, trajectories, dimensionality."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from pyrnn.dynamics import participation_ratio
from pyrnn.palette import BLUE, CYCLE, GREY, INK, RULE, TRACE
from pyrnn.plot.style import axes_or_new, heading, styled
from pyrnn.projection import Array, Projection, as_array

SHARE = 0.95  # of the variance, whose number of components is written


@styled
def plot_states(states: Any, *, sort: bool = True, ax: Axes | None = None) -> Axes:
    """Draw the activity of all units over time as a heat map, units in the order of their peaks.

    Every unit is scaled to its own range, so that when it is active can be compared.

    Args:
        states: States, ``(time, hidden_size)``, or ``(trials, time, hidden_size)``: their mean
            over trials.
        sort: Whether units are ordered by the time of their peak.
        ax: Where to draw; a new figure by default.
    """
    ax = axes_or_new(ax)
    activity = _mean_over_trials(states)
    low, high = activity.min(axis=0), activity.max(axis=0)
    scaled = (activity - low) / np.where(high > low, high - low, 1)
    order = np.argsort(scaled.argmax(axis=0), kind="stable") if sort else slice(None)
    image = ax.imshow(scaled[:, order].T, aspect="auto", cmap="magma", vmin=0, vmax=1)
    ax.figure.colorbar(image, ax=ax, label="activity (of its range)", shrink=0.8)
    heading(ax, "activity", "time step", "unit (by peak)" if sort else "unit")
    return ax


@styled
def plot_state_lines(states: Any, *, n: int = 20, ax: Axes | None = None) -> Axes:
    """Draw the activity of some units as lines above each other, the first at the bottom.

    Args:
        states: States, ``(time, hidden_size)``, or ``(trials, time, hidden_size)``: their mean
            over trials.
        n: How many units to draw; they are spread evenly over all.
        ax: Where to draw; a new figure by default.
    """
    ax = axes_or_new(ax)
    activity = _mean_over_trials(states)
    chosen = np.unique(np.linspace(0, activity.shape[1] - 1, n).round().astype(int))
    height = 1.2 * float(np.quantile(np.ptp(activity[:, chosen], axis=0), 0.8)) or 1.0
    for row, unit in enumerate(chosen):
        line = activity[:, unit] - activity[:, unit].mean() + row * height
        ax.plot(line, color=CYCLE[row % 2], linewidth=1.0)
    ticks = np.arange(len(chosen))[:: max(1, len(chosen) // 8)]
    ax.set_yticks(ticks * height, [str(chosen[tick]) for tick in ticks])
    heading(ax, "activity", "time step", "unit")
    return ax


@styled
def plot_trajectories(
    states: Any,
    *,
    projection: Projection | None = None,
    color: Any = None,
    color_label: str = "",
    path: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw trajectories in the plane of two components.

    Args:
        states: States, ``(trials, time, hidden_size)``.
        projection: Which plane; that of the states' principal components by default.
        color: One value a trial, ``(trials,)``; grey by default.
        color_label: What the values are.
        path: States along a line attractor, ``(n, hidden_size)``, drawn on top.
        ax: Where to draw; a new figure by default.
    """
    ax = axes_or_new(ax)
    plane = projection or Projection.fit(states, n_components=2)
    lines = LineCollection(list(plane.transform(states)[..., :2]), linewidths=0.7, colors=TRACE)
    if color is not None:
        values = as_array(color)
        scale, name = _scale(values)
        lines.set_color(colormaps[name](scale(values)))
        bar = ScalarMappable(scale, name)
        ax.figure.colorbar(bar, ax=ax, label=color_label, shrink=0.8)
    ax.add_collection(lines)
    if path is not None:
        ax.plot(*plane.transform(path)[:, :2].T, color=INK, linewidth=3.5, solid_capstyle="round")
    ax.autoscale_view()
    heading(ax, "trajectories", *plane.labels[:2])
    return ax


@styled
def plot_explained_variance(states: Any, *, n: int = 15, ax: Axes | None = None) -> Axes:
    """Draw how much variance each principal component explains, alone and together.

    The number of components for 95 % and the participation ratio are written beside.

    Args:
        states: States, ``(..., hidden_size)``.
        n: How many components to draw.
        ax: Where to draw; a new figure by default.
    """
    ax = axes_or_new(ax)
    flat = as_array(states).reshape(-1, np.shape(states)[-1])
    shares = Projection.fit(flat, n_components=flat.shape[1]).explained_variance_ratio
    shares = np.zeros(1) if shares is None else shares
    together = np.cumsum(shares)
    index = np.arange(1, len(shares) + 1)
    ax.bar(index[:n], 100 * shares[:n], color=GREY, alpha=0.6, width=0.85)
    ax.plot(index[:n], 100 * together[:n], "o-", color=BLUE)
    ax.axhline(100 * SHARE, color=RULE, linestyle="--", linewidth=1.0, zorder=0)
    needed = int(np.searchsorted(together, SHARE - 1e-12) + 1)
    ratio = float(participation_ratio(_tensor(flat)))
    words = f"{needed} PCs for {SHARE:.0%}\nPR = {ratio:.1f}"
    ax.text(0.97, 0.5, words, transform=ax.transAxes, ha="right", va="center")
    ax.set_ylim(0, 104)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    heading(ax, "dimensionality", "principal component", "variance (%)")
    return ax


def _mean_over_trials(states: Any) -> Array:
    activity = as_array(states)
    mean: Array = activity.reshape(-1, *activity.shape[-2:]).mean(axis=0)
    return mean


def _scale(values: Array) -> tuple[Normalize, str]:
    """Return a scale and its colours: symmetric about zero where values have both signs."""
    low, high = float(values.min()), float(values.max())
    if low < 0 < high:
        reach = max(-low, high)
        return Normalize(-reach, reach), "coolwarm"
    return Normalize(low, high), "viridis"


def _tensor(array: Array) -> Any:
    import torch

    return torch.as_tensor(array)
