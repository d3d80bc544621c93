"""Figures of interventions: which of them matter, and how much."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pyrnn.arrays import Array, as_array
from pyrnn.interventions import Effects
from pyrnn.palette import GRAY, VERMILION
from pyrnn.plot.style import axes_or_new, heading, muted, styled
from pyrnn.validate import as_boolean, as_choice, as_integer

__all__ = ["plot_effects"]

_MOST_LABELS = 24


@styled
def plot_effects(
    effects: Effects,
    *,
    by: str | None = None,
    n: int | None = None,
    ranked: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the effect of each intervention, the largest first, or over the strength.

    If all interventions act on one target, the effect is drawn over their strength. The dashed
    line is the intact network.

    Args:
        effects: The effects that ``lesion``, ``clamp`` or ``perturb`` return.
        by: ``"score"``, ``"change"`` of the outputs, or ``"survivors"``; by default the score, or
            the change if there is none.
        n: How many to draw, the largest ones; all by default.
        ranked: Whether the largest effects come first; otherwise they have the order of
            ``effects``.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        TypeError: If these are no effects.
        ValueError: If the effects do not hold what is asked for.

    Example:
        >>> import torch
        >>> from pyrnn import RNN
        >>> from pyrnn.interventions import lesion
        >>> effects = lesion(RNN(1, 4, 1, seed=0), torch.ones(2, 10, 1), "each")
        >>> ax = plot_effects(effects)
        >>> ax.get_ylabel(), len(ax.get_xticklabels())
        ('change of outputs', 4)
    """
    if not isinstance(effects, Effects):
        raise TypeError(f"expected effects of an intervention, got {type(effects).__name__}")
    values, intact, name = _values(effects, by)
    ax = axes_or_new(ax)
    ax.axhline(intact, color=GRAY, linestyle="--", linewidth=1.0, label="intact", zorder=1)
    if len(effects) > 1 and len(set(effects.labels)) == 1:
        _draw_over_strength(ax, as_array(effects.strengths), values)
        heading(ax, effects.labels[0], "strength", name)
        return ax
    order = np.argsort(-np.abs(values - intact), kind="stable")
    order = order[: len(order) if n is None else as_integer("n", n, low=1)]
    order = order if as_boolean("ranked", ranked) else np.sort(order)
    _draw_in_order(ax, values[order], intact, [effects.labels[i] for i in order])
    heading(ax, "effects", "" if len(order) <= _MOST_LABELS else "intervention", name)
    return ax


def _values(effects: Effects, by: str | None) -> tuple[Array, float, str]:
    """Return one number for each intervention, that of the intact network, and what it is."""
    known = {"change": (effects.changes, 0.0, "change of outputs")}
    if effects.score_name:
        known["score"] = effects.scores, effects.intact_score, effects.score_name
    if effects.survivors.shape[1]:
        n_points = float(effects.survivors.shape[1])
        known["survivors"] = effects.survivors.sum(1), n_points, "stable points that survive"
    default = "score" if effects.score_name else "change"
    values, intact, name = known[as_choice("by", default if by is None else by, list(known))]
    return as_array(values).astype(float), intact, name


def _draw_over_strength(ax: Axes, strengths: Array, values: Array) -> None:
    order = np.argsort(strengths, kind="stable")
    ax.plot(strengths[order], values[order], "o-", color=muted(), markersize=4)


def _draw_in_order(ax: Axes, values: Array, intact: float, labels: list[str]) -> None:
    """Draw a stem from the intact network to each value; the largest effect has a color."""
    ranks = np.arange(len(values))
    ax.vlines(ranks, intact, values, color=GRAY, linewidth=1.2)
    ax.plot(ranks, values, "o", color=muted(), markersize=4)
    top = int(np.abs(values - intact).argmax())
    ax.plot(ranks[top], values[top], "o", color=VERMILION, markersize=5)
    if len(values) <= _MOST_LABELS:
        ax.set_xticks(ranks, labels, rotation=60, ha="right")
    else:
        ax.annotate(
            labels[top], (top, values[top]), xytext=(6, 0), textcoords="offset points", va="center"
        )
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
