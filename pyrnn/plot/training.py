"""Figures of a training: its loss, and any other number that its history holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, Union

import numpy as np
from matplotlib.axes import Axes

from pyrnn.arrays import Array, ArrayLike, as_array, as_numbers
from pyrnn.base import RNNBase
from pyrnn.palette import BLUE, CYCLE
from pyrnn.plot.style import axes_or_new, heading, muted, styled
from pyrnn.training import History
from pyrnn.validate import as_boolean, as_choice

__all__ = ["plot_history", "plot_loss"]

_NOT_LOSSES = {"learning_rate", "gradient_norm"}

Curves: TypeAlias = Union[History, RNNBase, Mapping[str, ArrayLike], ArrayLike]  # noqa: UP007


@styled
def plot_loss(history: Curves, *, ax: Axes | None = None) -> Axes:
    """Draw the loss of every step, with its terms and the validation loss.

    Args:
        history: A history, or the network that has one; a mapping of curves ``(n_steps,)`` by
            name; or one curve.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes. The scale is logarithmic if no loss is negative; zeros are then left out.

    Raises:
        TypeError: If these are no numbers.
        ValueError: If the network has not been trained.

    Example:
        >>> plot_loss([1.0, 0.5, 0.2]).get_yscale()
        'log'
    """
    curves = _losses(history)
    ax = axes_or_new(ax)
    for (name, values), color in zip(curves.items(), CYCLE * len(curves), strict=False):
        _draw_curve(ax, values, name, color)
    if isinstance(history, (History, RNNBase)):
        _draw_validation(ax, _history_of(history))
    if _suits_logarithm(curves.values()):
        ax.set_yscale("log", nonpositive="mask")
    if len(ax.get_legend_handles_labels()[1]) > 1:
        ax.legend()
    heading(ax, "training loss", "training step", "loss")
    return ax


@styled
def plot_history(
    history: History | RNNBase, name: str, *, log: bool | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a recorded number: of every training step, or else of every epoch.

    Args:
        history: A history, or the network that has one.
        name: Which number, such as ``"learning_rate"``, ``"gradient_norm"`` or ``"accuracy"``:
            a key of ``history.steps`` or of ``history.epochs``.
        log: Whether the scale is logarithmic; by default for gradient norms only.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        TypeError: If the first argument is neither a history nor a network.
        ValueError: If the network has not been trained, or the history has no such number.

    Example:
        >>> history = History(steps={"loss": [0.6, 0.4]}, epochs={"accuracy": [0.5, 0.8]})
        >>> plot_history(history, "accuracy").get_xlabel()
        'epoch'
    """
    record = _history_of(history)
    name = as_choice("name", name, {**record.steps, **record.epochs})
    ax = axes_or_new(ax)
    label = name.replace("_", " ")
    if name in record.steps:
        _draw_curve(ax, as_array(record.steps[name]), label, BLUE)
    else:
        values = record.epochs[name]
        ax.plot(np.arange(1, len(values) + 1), values, "o-", color=BLUE, markersize=3)
    if name == "learning_rate":
        ax.set_ylim(bottom=0)
    if name == "gradient_norm" if log is None else as_boolean("log", log):
        ax.set_yscale("log", nonpositive="mask")
    heading(ax, label, "training step" if name in record.steps else "epoch", label)
    return ax


def _history_of(source: History | RNNBase) -> History:
    """Return a history, or that of a network.

    Raises:
        TypeError: If the source is neither.
        ValueError: If the network has not been trained.
    """
    if isinstance(source, History):
        return source
    if not isinstance(source, RNNBase):
        raise TypeError(
            f"expected a history or a network, got {type(source).__name__}; pass what "
            "rnn.fit(task) returns"
        )
    if source.history is None or not source.history.n_steps:
        raise ValueError(
            f"expected a trained network, got {type(source).__name__} without a history; "
            "call rnn.fit(task) first"
        )
    return source.history


def _losses(source: Curves) -> dict[str, Array]:
    """Return curves by name; of a history the loss and its terms, the loss first."""
    if isinstance(source, Mapping):
        return {name: as_array(values) for name, values in source.items()}
    if not isinstance(source, (History, RNNBase)):
        return {"loss": np.atleast_1d(as_numbers(source, "pass what rnn.fit(task) returns"))}
    steps = _history_of(source).steps
    terms = {name: as_array(v) for name, v in steps.items() if name not in _NOT_LOSSES}
    return {"loss": terms.pop("loss", np.zeros(0)), **terms}


def _draw_curve(ax: Axes, values: Array, label: str, color: str) -> None:
    """Draw a curve; if it is long, pale as it is and bold as a running median."""
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


def _draw_validation(ax: Axes, history: History) -> None:
    """Draw the validation loss, if there is one, at the last step of each epoch."""
    losses = history.epochs.get("validation_loss", [])
    if losses and history.n_steps:
        steps = np.linspace(0, history.n_steps, len(losses) + 1)[1:]
        style: dict[str, Any] = {
            "marker": "o",
            "markersize": 3,
            "color": muted(),
            "linewidth": 1.0,
        }
        ax.plot(steps, losses, label="validation", **style)


def _suits_logarithm(curves: Iterable[Array]) -> bool:
    """Return whether no number is negative, and not all of them are zero."""
    values = np.concatenate([np.zeros(0), *(np.ravel(curve) for curve in curves)]).astype(float)
    return bool((values > 0).any() and not (values < 0).any())
