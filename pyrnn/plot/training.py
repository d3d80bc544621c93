"""Figures of a training: its loss, learning rate and gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import LogLocator, MaxNLocator

from pyrnn.palette import BLUE, CYCLE, INK, ORANGE, SLATE
from pyrnn.plot.style import axes_or_new, heading, styled
from pyrnn.projection import Array, as_array

NOT_LOSSES = {"learning_rate", "gradient_norm"}


@styled
def plot_loss(history: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the loss of every step, with its terms and the validation loss where there are any.

    Args:
        history: A :class:`~pyrnn.training.History` or the network that has one, a mapping of
            curves ``(n_steps,)`` by name, or one curve.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with a logarithmic scale where no loss is negative; zeros are left out.

    Raises:
        TypeError: If these are no numbers.
        ValueError: If the network has not been trained.

    Example:
        >>> plot_loss([1.0, 0.5, 0.2]).get_yscale()
        'log'
    """
    history = _history(history)
    curves = _curves(history)
    ax = axes_or_new(ax)
    for (name, values), color in zip(curves.items(), CYCLE * len(curves), strict=False):
        _curve(ax, values, name, color)
    epochs = getattr(history, "epochs", {})
    if "validation_loss" in epochs and "loss" in curves:
        steps = np.linspace(0, len(curves["loss"]), len(epochs["validation_loss"]) + 1)[1:]
        style: dict[str, Any] = {"marker": "o", "markersize": 3, "color": SLATE, "linewidth": 1.0}
        ax.plot(steps, epochs["validation_loss"], label="validation", **style)
    if _suits_logarithm(*curves.values()):
        ax.set_yscale("log", nonpositive="mask")
    if len(ax.get_legend_handles_labels()[1]) > 1:
        ax.legend()
    heading(ax, "training loss", "training step", "loss")
    return ax


@styled
def plot_learning_rate(history: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the learning rate of every step.

    Args:
        history: A :class:`~pyrnn.training.History` or the network that has one, or one number a
            step, ``(n_steps,)``.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes; the scale starts at zero.

    Raises:
        TypeError: If these are no numbers.
        ValueError: If the network has not been trained.

    Example:
        >>> plot_learning_rate([0.01, 0.01, 0.001]).get_ylabel()
        'learning rate'
    """
    history = _history(history)
    rates = as_array(getattr(history, "learning_rate", history))
    ax = axes_or_new(ax)
    ax.plot(rates, color=BLUE)
    ax.set_ylim(bottom=0)
    heading(ax, "learning rate", "training step", "learning rate")
    return ax


def _history(source: Any) -> Any:
    """Return the history of a network, or what was given."""
    if not hasattr(source, "fit"):
        return source
    history = getattr(source, "history", None)
    if history is None or not history.n_steps:
        raise ValueError(
            f"expected a trained network, got {type(source).__name__} without a history; "
            "call rnn.fit(task) first"
        )
    return history


def _suits_logarithm(*curves: Array) -> bool:
    """Whether numbers are positive, or zero in places, such as a penalty that is not in use."""
    values = np.concatenate([np.ravel(curve) for curve in curves]).astype(float)
    return bool((values > 0).any() and not (values < 0).any())


def _curves(history: Any) -> dict[str, Array]:
    """Return the curves of a history by name, the total first."""
    if isinstance(history, Mapping):
        return {name: as_array(values) for name, values in history.items()}
    if not hasattr(history, "steps"):
        return {"loss": as_array(history)}
    terms = {name: as_array(v) for name, v in history.steps.items() if name not in NOT_LOSSES}
    return {"loss": terms.pop("loss"), **terms}


def _curve(ax: Axes, values: Sequence[float] | Array, label: str, color: str) -> None:
    """Draw a noisy curve: faint as it is, bold as a running median."""
    values = np.asarray(values, float)
    window = max(1, len(values) // 40)
    steps = np.arange(len(values))
    if window == 1:
        ax.plot(steps, values, color=color, label=label)
        return
    ax.plot(steps, values, color=color, alpha=0.3, linewidth=0.7)
    padded = np.pad(values, window // 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, window), axis=1)
    ax.plot(steps, smooth[: len(values)], color=color, label=label)


@styled
def plot_gradient_norm(norms: Any, *, ax: Axes | None = None) -> Axes:
    r"""Draw how large gradients are: over the steps of a trial, or of a training.

    Args:
        norms: :math:`\|\partial L / \partial h_t\|`, ``(time,)``, counted back from the end of the
            trial; a mapping of such curves by name; or a :class:`~pyrnn.training.History`, or the
            network that has one.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with a logarithmic scale: exploding and vanishing gradients are straight lines.

    Raises:
        TypeError: If these are no numbers.
        ValueError: If the network has not been trained.

    Example:
        >>> ax = plot_gradient_norm({"exploding": [8.0, 4.0, 2.0], "vanishing": [0.5, 1.0, 2.0]})
        >>> ax.get_yscale(), ax.get_lines()[0].get_xdata().tolist()
        ('log', [-2, -1, 0])
    """
    norms = _history(norms)
    ax = axes_or_new(ax)
    if hasattr(norms, "steps"):
        _curve(ax, as_array(norms.steps["gradient_norm"]), "gradient norm", BLUE)
        heading(ax, "gradient norm", "training step", "gradient norm")
    else:
        curves = norms if isinstance(norms, Mapping) else {"": norms}
        for name, values in curves.items():
            values = as_array(values)
            ax.plot(np.arange(1 - len(values), 1), values, label=name)
        if any(curves):
            ax.legend()
        heading(ax, "gradient norm", "time step relative to the end", "‖∂L/∂h‖")
    ax.set_yscale("log", nonpositive="mask")
    return ax


@styled
def plot_loss_surface(
    x: Any, y: Any, losses: Any, *, path: Any = None, points: Any = None, ax: Axes | None = None
) -> Axes:
    """Draw the loss over two parameters, with the way that an optimizer took.

    Args:
        x: Values of the first parameter, ``(n_x,)``.
        y: Values of the second, ``(n_y,)``.
        losses: Loss at each pair, ``(n_y, n_x)``.
        path: Parameters on the way, ``(n_steps, 2)``; it starts at a ring and ends at a star.
        points: Parameters to be marked, ``(n, 2)``.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes; colors are logarithmic where no loss is negative, and a loss of zero has the
        color of the smallest that is not.

    Raises:
        ValueError: If losses, path or points have another shape.

    Example:
        >>> x, y = np.linspace(-1, 1, 5), np.linspace(0, 2, 7)
        >>> ax = plot_loss_surface(x, y, x**2 + y[:, None] ** 2, path=[[1.0, 2.0], [0.0, 0.0]])
        >>> float(ax.get_ylim()[1])
        2.0
    """
    values = as_array(losses).astype(float)
    _check_surface(values, np.shape(x), np.shape(y), path, points)
    ax = axes_or_new(ax)
    _fill(ax, as_array(x), as_array(y), values)
    if path is not None:
        way = as_array(path)
        ax.plot(*way.T, color="white", marker="o", markersize=2.0, linewidth=1.1)
        ax.plot(*way[0], "o", markersize=8, markerfacecolor="none", markeredgecolor="white")
        ax.plot(*way[-1], "*", markersize=12, color=ORANGE, markeredgecolor=INK)
    for i, (left, up) in enumerate([] if points is None else as_array(points)):
        color = CYCLE[i % len(CYCLE)]
        ax.plot(left, up, "o", markersize=7, color=color, markeredgecolor="white")
    ax.set_xlim(as_array(x).min(), as_array(x).max())
    ax.set_ylim(as_array(y).min(), as_array(y).max())
    heading(ax, "loss surface", "first parameter", "second parameter")
    return ax


def _fill(ax: Axes, x: Array, y: Array, values: Array) -> None:
    """Draw filled contours and their scale."""
    logarithmic = _suits_logarithm(values)
    if logarithmic:
        values = np.maximum(values, values[values > 0].min())
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if high <= low:  # a flat surface has no contours
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    levels = (np.geomspace if logarithmic else np.linspace)(low, high, 30)
    values = np.clip(values, levels[0], levels[-1])  # rounding must not cut off the ends
    norm = LogNorm(low, high) if logarithmic else None
    filled = ax.contourf(x, y, values, levels=levels, norm=norm)
    bar = ax.figure.colorbar(filled, ax=ax, label="loss", shrink=0.8)
    bar.locator = LogLocator(numticks=6) if logarithmic else MaxNLocator(5)
    bar.update_ticks()


def _check_surface(values: Array, x: Any, y: Any, path: Any, points: Any) -> None:
    if values.shape != (*y, *x):
        raise ValueError(
            f"expected losses of shape (n_y, n_x) = {(*y, *x)}, got {values.shape}; "
            "one row for each value of y"
        )
    for name, places in (("path", path), ("points", points)):
        if places is not None and as_array(places).shape[1:] != (2,):
            raise ValueError(
                f"expected {name} of shape (n, 2), got {as_array(places).shape}; "
                "give one pair of parameters a row"
            )
