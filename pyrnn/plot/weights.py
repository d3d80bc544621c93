"""Figures of parameters: weights and time constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias, Union, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from pyrnn.arrays import Array, ArrayLike, as_numbers
from pyrnn.base import RNNBase
from pyrnn.connectivity import Connectivity
from pyrnn.palette import BLUE, GRAY, VERMILION, colormap
from pyrnn.plot.style import axes_or_new, color_bar, heading, ink, styled

__all__ = ["HasTimeConstants", "plot_time_constants", "plot_weights"]

_ADVICE = "pass a layer, such as rnn.w_rec"
_BRIGHT = 0.995  # share of the weights that the colors tell apart


@runtime_checkable
class HasTimeConstants(Protocol):
    """A network with time constants.

    Example:
        >>> from pyrnn import CTRNN, RNN
        >>> CTRNN(3, 8, 2, tau=50.0).tau
        50.0
        >>> [isinstance(rnn, HasTimeConstants) for rnn in (CTRNN(3, 8, 2), RNN(3, 8, 2))]
        [True, False]
    """

    @property
    def tau(self) -> float | Tensor:
        """Time constants in ms, one number or ``(hidden_size,)``."""


Weights: TypeAlias = Union[RNNBase, nn.Linear, ArrayLike]  # noqa: UP007 (3.10)
Regions: TypeAlias = Union[Connectivity, Mapping[str, slice]]  # noqa: UP007
_Groups: TypeAlias = list[tuple[str, int]]  # name and size of units that are drawn together


@styled
def plot_weights(
    weights: Weights,
    *,
    signs: ArrayLike | None = None,
    regions: Regions | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a weight matrix: rows postsynaptic, columns presynaptic, zero white.

    Args:
        weights: A matrix ``(n_to, n_from)``; a layer; or a network, whose recurrent weights,
            signs and regions are drawn.
        signs: Sign of each unit, ``(hidden_size,)``. Excitatory units are drawn first, then
            inhibitory ones, with a border between them.
        regions: Slices of units by name, or a ``Connectivity``. Borders and names are drawn.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with colors symmetric about zero. Weights that are NaN are gray.

    Raises:
        TypeError: If these are no weights.
        ValueError: If they are not a matrix, if none is finite, or if neither side of the matrix
            has as many units as there are signs.

    Example:
        >>> import torch
        >>> ax = plot_weights(torch.randn(5, 5), signs=[1, 1, 1, -1, -1])
        >>> [label.get_text() for label in ax.get_xticklabels()]
        ['E', 'I']
    """
    if isinstance(weights, RNNBase):
        if signs is None and regions is None and isinstance(weights.connectivity, Connectivity):
            regions = weights.connectivity
        signs = weights.signs if signs is None else signs
    order, groups = _groups(signs, regions)
    layer = weights.w_rec if isinstance(weights, RNNBase) else weights
    matrix = _matrix(layer, len(order))
    rows, columns = (size == len(order) for size in matrix.shape)
    matrix = matrix[order] if rows else matrix
    matrix = matrix[:, order] if columns else matrix
    ax = axes_or_new(ax)
    _draw_matrix(ax, matrix)
    _name_groups(ax, groups if columns else [], "x")
    _name_groups(ax, groups if rows else [], "y")
    sources = "from unit" if columns or not groups else "from channel"
    heading(ax, "weights", sources, "to unit" if rows or not groups else "to channel")
    return ax


def _matrix(layer: nn.Linear | ArrayLike, n_units: int) -> Array:
    """Return weights as a matrix, with ``n_units`` on a side unless that is zero.

    Raises:
        ValueError: If it is no such matrix.
    """
    weight = layer.weight if isinstance(layer, nn.Linear) else layer
    matrix = as_numbers(weight, _ADVICE)
    if not np.isfinite(matrix).any():
        raise ValueError(
            f"expected weights, got shape {matrix.shape} without one finite number; {_ADVICE}"
        )
    if matrix.ndim != 2 or (n_units and n_units not in matrix.shape):
        wanted = f"with {n_units} units on a side" if n_units else "(n_to, n_from)"
        raise ValueError(
            f"expected a matrix {wanted}, got shape {matrix.shape}; "
            "signs and regions must be those of its units"
        )
    return matrix


def _groups(signs: ArrayLike | None, regions: Regions | None) -> tuple[Array, _Groups]:
    """Return the order of the units, and the groups that are drawn together."""
    if regions is not None:
        slices = _slices(regions)
        order = np.concatenate([np.arange(units.start, units.stop) for units in slices.values()])
        return order, [(name, units.stop - units.start) for name, units in slices.items()]
    if signs is None:
        return np.arange(0), []
    kinds = as_numbers(signs, "pass rnn.signs").ravel()
    counts = [("E", int((kinds > 0).sum())), ("", int((kinds == 0).sum()))]
    counts.append(("I", int((kinds < 0).sum())))
    return np.argsort(-kinds, kind="stable"), [(name, n) for name, n in counts if n]


def _slices(regions: Regions) -> dict[str, slice]:
    """Return the units of each region.

    Raises:
        TypeError: If these are no regions.
    """
    if isinstance(regions, Connectivity):
        return {name: region.units for name, region in regions.regions.items()}
    named = dict(regions) if isinstance(regions, Mapping) else {}
    slices = {name: units for name, units in named.items() if isinstance(units, slice)}
    if not slices or len(slices) < len(named):
        raise TypeError(
            f"expected regions as slices by name, got {type(regions).__name__}; pass "
            "rnn.connectivity, or for instance {'cortex': slice(0, 10)}"
        )
    return slices


def _draw_matrix(ax: Axes, matrix: Array) -> None:
    """Draw a matrix, its colors symmetric about zero, and their scale."""
    sizes = np.abs(matrix[np.isfinite(matrix)].astype(float))
    limit = float(np.quantile(sizes, _BRIGHT)) or float(sizes.max()) or 1.0
    colors = colormap("RdBu_r").with_extremes(bad=GRAY)
    image = ax.imshow(matrix, cmap=colors, vmin=-limit, vmax=limit, aspect="auto")
    color_bar(ax, image, "weight")
    ax.spines[:].set_visible(True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator("auto", integer=True))


def _name_groups(ax: Axes, groups: _Groups, axis: Literal["x", "y"]) -> None:
    """Write the names of groups along an axis, with borders between them."""
    if not groups:
        return
    ends = np.cumsum([n for _, n in groups])
    middles = ends - np.array([n for _, n in groups]) / 2 - 0.5
    line = ax.axvline if axis == "x" else ax.axhline
    for end in ends[:-1]:
        line(end - 0.5, color=ink(), linewidth=0.8)
    choose = ax.set_xticks if axis == "x" else ax.set_yticks
    choose(middles, [name for name, _ in groups])
    ax.tick_params(axis=axis, length=0)


@styled
def plot_time_constants(
    tau: HasTimeConstants | ArrayLike,
    *,
    initial: HasTimeConstants | ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a histogram of time constants, with their median.

    Args:
        tau: Time constants in ms, ``(hidden_size,)``, or a network that has them.
        initial: The same before training, drawn behind.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes. Infinite time constants are left out.

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


def _finite(tau: HasTimeConstants | ArrayLike) -> Array:
    """Return the time constants that are finite.

    Raises:
        ValueError: If there are none.
    """
    advice = "pass rnn.tau of a leaky network, or timescales(eigenvalues, dt)"
    values = as_numbers(tau.tau if isinstance(tau, HasTimeConstants) else tau, advice)
    flat = values.reshape(-1).astype(float)
    if not np.isfinite(flat).any():
        raise ValueError(f"expected finite time constants, got {len(flat)} without one; {advice}")
    return flat[np.isfinite(flat)]
