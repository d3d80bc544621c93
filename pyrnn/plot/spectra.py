"""Figures of eigenvalues and Lyapunov exponents: where modes grow, decay and turn."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, Union, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from pyrnn.arrays import Array, ArrayLike, as_array, as_numbers
from pyrnn.palette import GRAY, VERMILION
from pyrnn.plot.style import axes_or_new, heading, muted, styled
from pyrnn.validate import as_boolean, as_choice, as_integer

__all__ = ["HasEigenvalues", "plot_lyapunov", "plot_spectrum"]

_ADVICE = "pass a fixed point, a Jacobian, a matrix such as rnn.w_rec.weight, or eigenvalues"


@runtime_checkable
class HasEigenvalues(Protocol):
    """Something that knows its eigenvalues, such as fixed points.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import linearize
        >>> linearization = linearize(lambda h, x: 0.5 * h, torch.zeros(2))
        >>> isinstance(linearization, HasEigenvalues), linearization.eigenvalues.shape
        (True, torch.Size([2]))
    """

    @property
    def eigenvalues(self) -> Tensor:
        """Eigenvalues, ``(hidden_size,)`` or ``(n, hidden_size)``."""


Spectral: TypeAlias = Union[HasEigenvalues, nn.Linear, ArrayLike]  # noqa: UP007 (3.10)


@styled
def plot_spectrum(
    eigenvalues: Spectral,
    *,
    style: str = "plane",
    initial: Spectral | None = None,
    n: int | None = None,
    continuous: bool = False,
    zoom: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw eigenvalues in the complex plane, or their magnitudes in falling order.

    Modes that grow are drawn larger and in another color.

    Args:
        eigenvalues: Eigenvalues, ``(n,)``; a square matrix or a layer, whose eigenvalues are
            computed; or fixed points, whose eigenvalues are drawn together.
        style: ``"plane"`` or ``"magnitudes"``.
        initial: The same before training, drawn as circles.
        n: How many to draw, the largest ones; all by default.
        continuous: Whether modes grow to the right of the imaginary axis, as in differential
            equations, instead of outside the unit circle, as in maps.
        zoom: Whether to show the eigenvalues as large as possible instead of the whole circle.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, in units of 1/s where time is continuous.

    Raises:
        TypeError: If these are no numbers. A network has no eigenvalues of its own: its modes
            depend on the state.
        ValueError: If a matrix is not square, or if the magnitudes are those of several fixed
            points or of continuous time.

    Example:
        >>> ax = plot_spectrum([0.5, 1.2 + 0.1j, 1.2 - 0.1j])
        >>> ax.get_legend_handles_labels()[1]
        ['stable', 'unstable']
        >>> ax = plot_spectrum([0.5, -1.2, 0.9j], style="magnitudes", n=2)
        >>> [line.get_ydata().tolist() for line in ax.get_lines()[:2]]
        [[0.9], [1.2]]
    """
    is_plane = as_choice("style", style, ("plane", "magnitudes")) == "plane"
    continuous, zoom = as_boolean("continuous", continuous), as_boolean("zoom", zoom)
    values = _largest(eigenvalues, n)
    before = np.zeros(0) if initial is None else _largest(initial, n)
    if not is_plane:
        _check_magnitudes(eigenvalues, continuous)
        ax = axes_or_new(ax)
        _draw_magnitudes(ax, np.abs(values), np.abs(before))
        heading(ax, "eigenvalue magnitudes", "mode", "|λ|")
        return ax
    ax = axes_or_new(ax)
    _draw_border(ax, continuous)
    _draw_plane(ax, values, before, values.real > 0 if continuous else np.abs(values) > 1)
    _set_limits(ax, values, continuous, zoom)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.2, borderpad=0)
    unit = " (1/s)" if continuous else ""
    heading(ax, "spectrum", f"Re λ{unit}", f"Im λ{unit}")
    return ax


def _eigenvalues(source: Spectral) -> Array:
    """Return the eigenvalues of fixed points, of a matrix, or as they are given.

    Raises:
        ValueError: If a matrix is not square.
    """
    if isinstance(source, HasEigenvalues):
        return as_array(source.eigenvalues)
    values = as_array(source.weight if isinstance(source, nn.Linear) else source, _ADVICE)
    if values.ndim > 1 and (values.ndim > 2 or values.shape[0] != values.shape[1]):
        raise ValueError(
            f"expected a square matrix, or eigenvalues (n,), got {values.shape}; {_ADVICE}"
        )
    if not values.size or values.dtype.kind not in "iufc" or not np.isfinite(values).all():
        raise ValueError(
            f"expected finite eigenvalues, got {values.dtype} of shape {values.shape}; {_ADVICE}"
        )
    return np.linalg.eigvals(values) if values.ndim == 2 else np.atleast_1d(values)


def _largest(source: Spectral, n: int | None) -> Array:
    """Return the eigenvalues of largest magnitude, largest first."""
    values = _eigenvalues(source).ravel()
    n = len(values) if n is None else as_integer("n", n, low=1)
    return values[np.argsort(-np.abs(values), kind="stable")][:n]


def _check_magnitudes(source: Spectral, continuous: bool) -> None:
    """Check that the eigenvalues can be ordered by magnitude.

    Raises:
        ValueError: If these are several spectra, or of continuous time.
    """
    if continuous:
        raise ValueError(
            "expected style='plane' for continuous eigenvalues, got style='magnitudes'; "
            "their real parts tell which modes grow"
        )
    shape = source.eigenvalues.shape if isinstance(source, HasEigenvalues) else ()
    if len(shape) > 1 and shape[0] > 1:
        raise ValueError(
            f"expected one fixed point, got {shape[0]}; choose one, as in "
            "plot_spectrum(points[0], style='magnitudes'), or draw all of them with "
            "plot_spectrum(points)"
        )


def _draw_border(ax: Axes, continuous: bool) -> None:
    """Draw the border of stability: the imaginary axis or the unit circle."""
    guide: dict[str, Any] = {"color": GRAY, "linewidth": 1.0, "zorder": 1}
    if continuous:
        ax.axvline(0, linestyle="--", **guide)
    else:
        ax.add_patch(Circle((0, 0), 1, fill=False, **guide))


def _draw_plane(ax: Axes, values: Array, before: Array, grows: Array) -> None:
    """Draw eigenvalues as dots, those before training as circles."""
    if len(before):
        hollow: dict[str, Any] = {"facecolors": "none", "edgecolors": GRAY, "linewidths": 0.8}
        ax.scatter(before.real, before.imag, s=14, label="initial", **hollow)
    for mask, color, size, label in (
        (~grows, muted(), 13, "stable"),
        (grows, VERMILION, 26, "unstable"),
    ):
        if mask.any():
            dots: dict[str, Any] = {"s": size, "color": color, "linewidths": 0, "zorder": 3}
            ax.scatter(values[mask].real, values[mask].imag, label=label, **dots)


def _set_limits(ax: Axes, values: Array, continuous: bool, zoom: bool) -> None:
    """Set limits of equal scale, with room for the unit circle unless zoomed."""
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


def _draw_magnitudes(ax: Axes, sizes: Array, before: Array) -> None:
    """Draw one stem for each mode, and the border of stability."""
    modes = np.arange(1, len(sizes) + 1)
    bottom = max(0.0, float(sizes.min() - 0.15 * np.ptp([*sizes, 1.0])))
    ax.vlines(modes, bottom, sizes, color=GRAY, linewidth=1.2)
    for mask, color in ((sizes <= 1, muted()), (sizes > 1, VERMILION)):
        ax.plot(modes[mask], sizes[mask], "o", color=color, markersize=4)
    ax.axhline(1, color=VERMILION, linestyle="--", linewidth=1.0)
    if len(before):
        hollow: dict[str, Any] = {"color": GRAY, "markersize": 4, "fillstyle": "none"}
        ax.plot(np.arange(1, len(before) + 1), before, "o", label="initial", **hollow)
        ax.legend()
    ax.set_ylim(bottom=bottom)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


@styled
def plot_lyapunov(exponents: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw a Lyapunov spectrum, in which a positive exponent means chaos.

    Args:
        exponents: Exponents per step, ``(n,)`` in falling order; or those of several runs,
            ``(..., n)``, drawn as their mean with the range of the runs.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        TypeError: If these are no numbers.
        ValueError: If there are none.

    Example:
        >>> ax = plot_lyapunov([0.0, -0.1, -0.4])
        >>> ax.get_ylabel()
        'exponent (per step)'
    """
    advice = "pass what lyapunov_spectrum(rnn, ...) returns"
    values = np.atleast_1d(as_numbers(exponents, advice))
    if not values.size:
        raise ValueError(f"expected one or more exponents, got none; {advice}")
    runs = values.reshape(-1, values.shape[-1])
    ax = axes_or_new(ax)
    index, mean = np.arange(1, runs.shape[1] + 1), runs.mean(axis=0)
    ax.axhline(0, color=GRAY, linestyle="--", linewidth=1.0)
    if len(runs) > 1:
        ax.fill_between(index, runs.min(axis=0), runs.max(axis=0), color=GRAY, alpha=0.3, lw=0)
    ax.plot(index, mean, color=muted(), linewidth=1.0, zorder=2)
    for mask, color in ((mean <= 0, muted()), (mean > 0, VERMILION)):
        ax.plot(index[mask], mean[mask], "o", color=color, zorder=3)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    heading(ax, "Lyapunov spectrum", "index", "exponent (per step)")
    return ax
