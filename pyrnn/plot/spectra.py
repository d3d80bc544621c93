"""Figures of eigenvalues: where modes grow, decay and turn."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from pyrnn.palette import GRAY, SLATE, VERMILION
from pyrnn.plot.style import axes_or_new, heading, styled
from pyrnn.projection import Array, as_array


@styled
def plot_spectrum(
    eigenvalues: Any,
    initial: Any = None,
    *,
    continuous: bool = False,
    zoom: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw eigenvalues in the complex plane, growing ones in another color and larger.

    Args:
        eigenvalues: Eigenvalues, ``(n,)``, a square matrix or a layer to take them of, a fixed
            point, or several: theirs are drawn together.
        initial: The same before training, drawn hollow.
        continuous: Whether modes grow right of the imaginary axis, as in differential equations,
            instead of outside the unit circle, as in maps.
        zoom: Show the eigenvalues as large as possible instead of the whole circle.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, in units of 1/s where time is continuous.

    Raises:
        TypeError: If these are no numbers, such as a network: its modes depend on the state.
        ValueError: If a matrix is not square.

    Example:
        >>> ax = plot_spectrum([0.5, 1.2 + 0.1j, 1.2 - 0.1j])
        >>> ax.get_legend_handles_labels()[1]
        ['stable', 'unstable']
    """
    values = _eigenvalues(eigenvalues)
    ax = axes_or_new(ax)
    grows = values.real > 0 if continuous else np.abs(values) > 1
    guide: dict[str, Any] = {"color": GRAY, "linewidth": 1.0, "zorder": 1}
    if continuous:
        ax.axvline(0, linestyle="--", **guide)
    else:
        ax.add_patch(Circle((0, 0), 1, fill=False, edgecolor=GRAY, linewidth=1.0, zorder=1))
    if initial is not None:
        before = _eigenvalues(initial)
        hollow: dict[str, Any] = {
            "facecolors": "none",
            "edgecolors": GRAY,
            "linewidths": 0.8,
            "s": 14,
        }
        ax.scatter(before.real, before.imag, label="initial", **hollow)
    for mask, color, size, label in (
        (~grows, SLATE, 13, "stable"),
        (grows, VERMILION, 26, "unstable"),
    ):
        if mask.any():
            dots: dict[str, Any] = {"s": size, "color": color, "linewidths": 0, "zorder": 3}
            ax.scatter(values[mask].real, values[mask].imag, label=label, **dots)
    _frame(ax, values, continuous, zoom)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.2, borderpad=0)
    heading(ax, "spectrum", "Re λ" + " (1/s)" * continuous, "Im λ" + " (1/s)" * continuous)
    return ax


def _eigenvalues(source: Any) -> Array:
    """Return the eigenvalues of fixed points, of a matrix, or as given."""
    if hasattr(source, "eigenvalues"):
        return as_array(source.eigenvalues).ravel()
    advice = "pass a fixed point, a Jacobian, a matrix such as rnn.w_rec.weight, or eigenvalues"
    values = as_array(getattr(source, "weight", source), advice)
    if values.ndim > 1 and (values.ndim > 2 or values.shape[0] != values.shape[1]):
        raise ValueError(
            f"expected a square matrix, or eigenvalues (n,), got {values.shape}; {advice}"
        )
    return np.linalg.eigvals(values) if values.ndim == 2 else np.atleast_1d(values)


def _frame(ax: Axes, values: Array, continuous: bool, zoom: bool) -> None:
    """Choose the limits: equal scales, with room for the unit circle unless zoomed."""
    if continuous:
        ax.margins(0.08)
        return
    ax.set_aspect("equal", adjustable="box")
    if zoom:
        reach = 0.6 * max(np.ptp(values.real), np.ptp(values.imag), 1e-3)
        middle = (values.real.min() + values.real.max()) / 2
        ax.set_xlim(middle - reach, middle + reach)
        ax.set_ylim(-reach, reach)
        return
    reach = 1.1 * max(1.0, np.abs(values.real).max(), np.abs(values.imag).max())
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)


@styled
def plot_magnitudes(eigenvalues: Any, *, n: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw the magnitudes of eigenvalues in falling order, with the border of stability.

    Args:
        eigenvalues: Eigenvalues, ``(n,)``, a square matrix or a layer to take them of, or a fixed
            point.
        n: How many to draw; all by default.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        TypeError: If these are no numbers, such as a network: its modes depend on the state.
        ValueError: If a matrix is not square, or the modes are those of several fixed points.

    Example:
        >>> ax = plot_magnitudes([0.5, -1.2, 0.9j], n=2)
        >>> [line.get_ydata().tolist() for line in ax.get_lines()[:2]]
        [[0.9], [1.2]]
    """
    if len(getattr(eigenvalues, "jacobians", ())) > 1:
        raise ValueError(
            f"expected one fixed point, got {len(eigenvalues)}; choose one, as in "
            "plot_magnitudes(points[0]), or draw all with plot_spectrum(points)"
        )
    ax = axes_or_new(ax)
    sizes = np.sort(np.abs(_eigenvalues(eigenvalues)))[::-1][:n]
    modes = np.arange(1, len(sizes) + 1)
    bottom = max(0.0, float(sizes.min() - 0.15 * np.ptp([*sizes, 1.0])))
    ax.vlines(modes, bottom, sizes, color=GRAY, linewidth=1.2)
    for mask, color in ((sizes <= 1, SLATE), (sizes > 1, VERMILION)):
        ax.plot(modes[mask], sizes[mask], "o", color=color, markersize=4)
    ax.axhline(1, color=VERMILION, linestyle="--", linewidth=1.0)
    ax.set_ylim(bottom=bottom)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    heading(ax, "eigenvalue magnitudes", "mode", "|λ|")
    return ax


@styled
def plot_lyapunov(exponents: Any, *, ax: Axes | None = None) -> Axes:
    """Draw a Lyapunov spectrum: positive exponents mean chaos, zero a direction of neutral flow.

    Args:
        exponents: Exponents per step, ``(n,)`` in falling order; or ``(n_runs, n)``, drawn as
            mean with the range of runs.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        TypeError: If these are no numbers.

    Example:
        >>> ax = plot_lyapunov([0.0, -0.1, -0.4])
        >>> ax.get_ylabel()
        'exponent (per step)'
    """
    advice = "pass what lyapunov_spectrum(rnn, ...) returns"
    runs = np.atleast_2d(as_array(exponents, advice))
    ax = axes_or_new(ax)
    index, mean = np.arange(1, runs.shape[1] + 1), runs.mean(axis=0)
    ax.axhline(0, color=GRAY, linestyle="--", linewidth=1.0)
    if len(runs) > 1:
        ax.fill_between(index, runs.min(axis=0), runs.max(axis=0), color=GRAY, alpha=0.3, lw=0)
    ax.plot(index, mean, color=SLATE, linewidth=1.0, zorder=2)
    for mask, color in ((mean <= 0, SLATE), (mean > 0, VERMILION)):
        ax.plot(index[mask], mean[mask], "o", color=color, zorder=3)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    heading(ax, "Lyapunov spectrum", "index", "exponent (per step)")
    return ax
