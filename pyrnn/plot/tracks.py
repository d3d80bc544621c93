"""Figures of fixed points over the steps of a trial, or over a training."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from torch import Tensor

from pyrnn.arrays import Array, ArrayLike, as_array
from pyrnn.dynamics import Tracks
from pyrnn.palette import INK, stability_color, stability_label
from pyrnn.plot.style import axes_or_new, heading, legend_below, styled
from pyrnn.projection import Projection
from pyrnn.validate import as_integer, check_callable, check_kind

__all__ = ["plot_tracks"]


@styled
def plot_tracks(
    tracks: Tracks,
    *,
    observe: int | Callable[[Tensor], ArrayLike] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw fixed points over time, colored by stability, with their births and deaths.

    Args:
        tracks: What :func:`~pyrnn.dynamics.follow` or :func:`~pyrnn.dynamics.follow_training`
            returned.
        observe: Which unit to draw, or a function of states ``(..., hidden_size)``; by default
            their first principal component.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes. Each line is a branch; dots are where two of them meet.

    Raises:
        TypeError: If the first argument is something else.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points, follow
        >>> step = lambda h, x: torch.tanh(2 * h + x)
        >>> inputs = torch.linspace(0, 1, 11)[:, None]
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 9)[:, None], inputs[0])
        >>> ax = plot_tracks(follow(step, points, inputs), observe=0)
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['stable', '1 unstable mode', 'birth or death']
    """
    check_kind("tracks", tracks, Tracks, "take those of follow or follow_training")
    look, name = _observable(tracks, observe)
    ax = axes_or_new(ax)
    kinds = as_array(tracks.n_unstable)
    for branch in range(len(tracks)):
        _draw_branch(ax, *_path(tracks, branch, kinds[branch], look))
    entries = [
        Line2D([], [], color=stability_color(n), label=stability_label(n))
        for n in sorted(set(np.minimum(kinds[kinds >= 0], 3).tolist()))
    ]
    if tracks.events:
        heights = look(torch.stack([event.state for event in tracks.events]))
        dots: dict[str, Any] = {"marker": "o", "color": INK, "markersize": 3.5, "linestyle": ""}
        ax.plot([event.time for event in tracks.events], heights, **dots)
        entries.append(Line2D([], [], label="birth or death", **dots))
    ax.autoscale_view()
    legend_below(ax, entries)
    heading(ax, "fixed points over time", tracks.unit, name)
    return ax


def _observable(
    tracks: Tracks, observe: int | Callable[[Tensor], ArrayLike] | None
) -> tuple[Callable[[Tensor], Array], str]:
    """Return what is drawn of states ``(n, hidden_size)``, and its name."""
    if observe is None:
        projection = Projection.fit(tracks.states[tracks.is_alive])
        return lambda states: projection.transform(states)[..., 0], projection.labels[0]
    if callable(observe):
        check_callable("observe", observe, "states")
        return lambda states: as_array(observe(states)), "observed"
    unit = as_integer("observe", observe, low=0)
    return lambda states: as_array(states[..., unit]), f"unit {unit}"


def _path(
    tracks: Tracks, branch: int, kinds: Array, look: Callable[[Tensor], Array]
) -> tuple[Array, Array, Array]:
    """Return times, heights and kinds of a branch from birth to death, in order of time.

    Kinds are -1 at the birth and the death.
    """
    steps = np.flatnonzero(kinds >= 0)
    ends = [event for event in tracks.events if branch in event.branches]
    states = [tracks.states[branch, steps], *(event.state[None] for event in ends)]
    times = np.r_[steps, [event.time for event in ends]]
    order = np.argsort(times, kind="stable")
    own = np.r_[kinds[steps], np.full(len(ends), -1)]
    return times[order], look(torch.cat(states))[order], own[order]


def _draw_branch(ax: Axes, times: Array, heights: Array, kinds: Array) -> None:
    """Draw a branch whose color is that of its kind; its ends have that of their neighbors."""
    places = np.stack([times, heights], axis=1)
    segments = np.stack([places[:-1], places[1:]], axis=1)
    colors = [stability_color(max(a, b if a < 0 else a)) for a, b in itertools.pairwise(kinds)]
    ax.add_collection(LineCollection(list(segments), colors=colors, linewidths=1.6))
