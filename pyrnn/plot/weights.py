"""Figures of parameters: weights, biases, time constants."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from pyrnn.palette import BLUE, GREY, INK, RULE, VERMILION
from pyrnn.plot.style import axes_or_new, heading, styled
from pyrnn.projection import Array, as_array

BRIGHT = 0.995  # share of the weights that the colours tell apart


@styled
def plot_weights(
    weights: Any, *, signs: Any = None, regions: Any = None, ax: Axes | None = None
) -> Axes:
    """Draw a weight matrix, rows postsynaptic and columns presynaptic, zero in white.

    Args:
        weights: A matrix, or a layer that has a ``weight``: recurrent, input or readout.
        signs: Sign of each unit, ``(hidden_size,)``: excitatory units are drawn first, then
            inhibitory ones, with a border between them.
        regions: Slices of units by name, or a ``Connectivity``: borders and names are drawn.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with colours symmetric about zero.

    Example:
        >>> import torch
        >>> ax = plot_weights(torch.randn(5, 5), signs=[1, 1, 1, -1, -1])
        >>> [label.get_text() for label in ax.get_xticklabels()]
        ['E', 'I']
    """
    ax = axes_or_new(ax)
    matrix = as_array(getattr(weights, "weight", weights))
    order, groups = _groups(signs, regions)
    rows, columns = (size == len(order) for size in matrix.shape)
    matrix = matrix[order] if rows else matrix
    matrix = matrix[:, order] if columns else matrix
    limit = float(np.quantile(np.abs(matrix), BRIGHT)) or float(np.abs(matrix).max()) or 1.0
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    ax.figure.colorbar(image, ax=ax, label="weight", shrink=0.8)
    ax.spines[:].set_visible(True)
    _name_groups(ax, groups, columns, "x")
    _name_groups(ax, groups, rows, "y")
    sources = "from unit" if columns or not groups else "from channel"
    heading(ax, "weights", sources, "to unit" if rows or not groups else "to channel")
    return ax


@styled
def plot_stems(values: Any, *, label: str = "value", ax: Axes | None = None) -> Axes:
    """Draw one stem for each value: biases, or a column of weights.

    Args:
        values: The values, ``(n,)``.
        label: What they are.
        ax: Where to draw; a new figure by default.
    """
    ax = axes_or_new(ax)
    heights = as_array(values).reshape(-1)
    units = np.arange(len(heights))
    ax.vlines(units, 0, heights, color=GREY, linewidth=1.2)
    ax.axhline(0, color=RULE, linewidth=0.8, zorder=0)
    ax.plot(units, heights, "o", color=BLUE, markersize=3.5)
    heading(ax, label, "unit", label)
    return ax


@styled
def plot_time_constants(tau: Any, initial: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw histograms of time constants, before and after training.

    Args:
        tau: Time constants in ms, ``(hidden_size,)``.
        initial: The same before training.
        ax: Where to draw; a new figure by default.
    """
    ax = axes_or_new(ax)
    after = _finite(tau)
    before = after if initial is None else _finite(initial)
    edges = np.histogram_bin_edges(np.concatenate([after, before]), bins=24).tolist()
    if initial is not None:
        ax.hist(before, edges, color=GREY, alpha=0.45, label="initial")
    ax.hist(after, edges, color=BLUE, alpha=0.85, label="trained")
    median = float(np.median(after))
    ax.axvline(median, color=VERMILION, linewidth=1.4, label=f"median {median:.0f} ms")
    ax.legend(loc="upper right")
    heading(ax, "time constants", "τ (ms)", "units")
    return ax


def _finite(values: Any) -> Array:
    flat = as_array(values).reshape(-1)
    return flat[np.isfinite(flat)]


def _groups(signs: Any, regions: Any) -> tuple[Array, list[tuple[str, int]]]:
    """Return the order of units, and the name and size of each group that is drawn together."""
    if regions is not None:
        named = getattr(regions, "regions", regions)
        slices = {name: getattr(region, "units", region) for name, region in named.items()}
        sizes = [(name, each.stop - each.start) for name, each in slices.items()]
        return np.concatenate([np.arange(s.start, s.stop) for s in slices.values()]), sizes
    if signs is None:
        return np.arange(0), []
    kinds = as_array(signs)
    order = np.argsort(-kinds, kind="stable")
    counts = [("E", int((kinds > 0).sum())), ("", int((kinds == 0).sum()))]
    counts.append(("I", int((kinds < 0).sum())))
    return order, [(name, n) for name, n in counts if n]


def _name_groups(
    ax: Axes, groups: list[tuple[str, int]], named: bool, axis: Literal["x", "y"]
) -> None:
    """Write the names of groups at their middles, with borders between them."""
    if not (named and groups):
        return
    ends = np.cumsum([n for _, n in groups])
    middles = ends - np.array([n for _, n in groups]) / 2 - 0.5
    line = ax.axvline if axis == "x" else ax.axhline
    for end in ends[:-1]:
        line(end - 0.5, color=INK, linewidth=0.8)
    choose = ax.set_xticks if axis == "x" else ax.set_yticks
    choose(middles, [name for name, _ in groups])
    ax.tick_params(axis=axis, length=0)
