"""Figures of parameters: weights, biases, time constants."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pyrnn.palette import BLUE, GRAY, INK, RULE, VERMILION
from pyrnn.plot.style import axes_or_new, heading, styled
from pyrnn.projection import Array, as_array

BRIGHT = 0.995  # share of the weights that the colors tell apart


@styled
def plot_weights(
    weights: Any, *, signs: Any = None, regions: Any = None, ax: Axes | None = None
) -> Axes:
    """Draw a weight matrix, rows postsynaptic and columns presynaptic, zero in white.

    Args:
        weights: A matrix ``(n_to, n_from)``, a layer that has a ``weight``: recurrent, input or
            readout; or a network, whose recurrent weights, signs and regions are drawn.
        signs: Sign of each unit, ``(hidden_size,)``: excitatory units are drawn first, then
            inhibitory ones, with a border between them.
        regions: Slices of units by name, or a ``Connectivity``: borders and names are drawn.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with colors symmetric about zero.

    Raises:
        TypeError: If it is neither.
        ValueError: If it is not a matrix, or neither side has as many units as there are signs.

    Example:
        >>> import torch
        >>> ax = plot_weights(torch.randn(5, 5), signs=[1, 1, 1, -1, -1])
        >>> [label.get_text() for label in ax.get_xticklabels()]
        ['E', 'I']
    """
    if hasattr(weights, "w_rec"):
        found = getattr(weights.connectivity, "regions", None)
        regions = found if signs is None and regions is None else regions
        signs = weights.signs if signs is None else signs
        weights = weights.w_rec
    matrix = as_array(getattr(weights, "weight", weights), "pass a layer, such as rnn.w_rec")
    order, groups = _groups(signs, regions)
    _check_matrix(matrix, len(order))
    ax = axes_or_new(ax)
    rows, columns = (size == len(order) for size in matrix.shape)
    matrix = matrix[order] if rows else matrix
    matrix = matrix[:, order] if columns else matrix
    limit = float(np.quantile(np.abs(matrix), BRIGHT)) or float(np.abs(matrix).max()) or 1.0
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    ax.figure.colorbar(image, ax=ax, label="weight", shrink=0.8)
    ax.spines[:].set_visible(True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator("auto", integer=True))
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

    Returns:
        The axes.

    Raises:
        TypeError: If these are no numbers.

    Example:
        >>> plot_stems([0.5, -1.0, 0.2], label="bias").get_ylabel()
        'bias'
    """
    heights = as_array(values, "pass values, such as rnn.w_rec.bias").reshape(-1)
    ax = axes_or_new(ax)
    units = np.arange(len(heights))
    ax.vlines(units, 0, heights, color=GRAY, linewidth=1.2)
    ax.axhline(0, color=RULE, linewidth=0.8, zorder=0)
    ax.plot(units, heights, "o", color=BLUE, markersize=3.5)
    if not heights.any():
        ax.set_ylim(-1, 1)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    heading(ax, label, "unit", label)
    return ax


@styled
def plot_time_constants(tau: Any, initial: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw histograms of time constants, before and after training.

    Args:
        tau: Time constants in ms, ``(hidden_size,)``, or a network that has them.
        initial: The same before training.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes; infinite time constants are left out.

    Raises:
        TypeError: If these are no numbers, or the network has no time constants.
        ValueError: If none is finite.

    Example:
        >>> ax = plot_time_constants([40.0, 60.0, 110.0], initial=[100.0, 100.0, 100.0])
        >>> ax.get_legend_handles_labels()[1]
        ['initial', 'trained', 'median 60 ms']
    """
    after = _finite(tau)
    before = after if initial is None else _finite(initial)
    ax = axes_or_new(ax)
    edges = np.histogram_bin_edges(np.concatenate([after, before]), bins=24).tolist()
    if initial is not None:
        ax.hist(before, edges, color=GRAY, alpha=0.45, label="initial")
    ax.hist(after, edges, color=BLUE, alpha=0.85, label="trained")
    median = float(np.median(after))
    ax.axvline(median, color=VERMILION, linewidth=1.4, label=f"median {median:.0f} ms")
    ax.yaxis.set_major_locator(MaxNLocator("auto", integer=True))
    ax.legend(loc="best")
    heading(ax, "time constants", "τ (ms)", "units")
    return ax


def _finite(values: Any) -> Array:
    advice = "pass rnn.tau of a leaky network, or timescales(eigenvalues, dt)"
    values = getattr(values, "tau", values)
    flat = as_array(values, advice).reshape(-1).astype(float)
    if not np.isfinite(flat).any():
        raise ValueError(f"expected finite time constants, got {len(flat)} without one; {advice}")
    return flat[np.isfinite(flat)]


def _check_matrix(matrix: Array, n_units: int) -> None:
    if matrix.ndim != 2 or (n_units and n_units not in matrix.shape):
        wanted = f"with {n_units} units on a side" if n_units else "(n_to, n_from)"
        raise ValueError(
            f"expected a matrix {wanted}, got shape {matrix.shape}; "
            "signs and regions must be those of its units"
        )


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
