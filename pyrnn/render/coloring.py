"""Color trajectories by time, speed, condition or any value."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pyrnn.palette import CYCLE, TRACE, color_scale, rgb
from pyrnn.projection import as_array
from pyrnn.render.layers import Array, ColorBar

MAX_CONDITIONS = len(CYCLE)  # more differing numbers than this are drawn as a scale


class Coloring(NamedTuple):
    """Colors of all vertices, and what explains them."""

    colors: Array  # (n_vertices, 3) from 0 to 255
    legend: tuple[tuple[str, str], ...] = ()
    bar: ColorBar | None = None

    def of_trials(self, kept: Array, lengths: list[int]) -> Coloring:
        """Return the colors of some trials, given the lengths of all."""
        mask = np.isin(np.arange(len(lengths)), kept).repeat(lengths)
        return self._replace(colors=self.colors[mask])


def color_trials(
    trials: list[Array], by: Any, label: str = "", period: float | None = None
) -> Coloring:
    """Choose the color of every state.

    Args:
        trials: States of each trial, ``(time, hidden_size)`` each.
        by: ``None`` for gray, ``"time"``, ``"speed"``, one value or label a trial ``(n_trials,)``,
            or one value a state ``(n_trials, time)``.
        label: What the values are, written at the color scale.
        period: A full turn, where the values are angles.

    Raises:
        ValueError: If the values fit neither the trials nor the states, or are not finite.
    """
    lengths = [len(trial) for trial in trials]
    if by is None:
        return Coloring(np.tile(np.array(rgb(TRACE), np.uint8), (sum(lengths), 1)))
    if isinstance(by, str):
        return _named(trials, by, label)
    values = as_array(by)
    if values.shape == (len(trials),):
        if period is None and _are_conditions(values):
            return _by_condition(values, lengths)
        return _by_value(values.repeat(lengths), label, period=period)
    if values.size == sum(lengths) and len(values) == len(trials):
        return _by_value(values.reshape(-1), label, period=period)
    raise ValueError(
        f"expected color to hold one value for each of {len(trials)} trials or of {sum(lengths)} "
        f"states, got shape {values.shape}; use 'time', 'speed' or such values"
    )


def _named(trials: list[Array], by: str, label: str) -> Coloring:
    if by == "time":
        steps = np.concatenate([np.arange(len(trial)) for trial in trials])
        return _by_value(steps, label or "time step", "viridis")
    if by == "speed":
        speeds = [np.linalg.norm(np.gradient(trial, axis=0), axis=1) for trial in trials]
        return _by_value(np.concatenate(speeds), label or "speed (per step)", "plasma")
    raise ValueError(
        f"expected color 'time', 'speed' or values, got {by!r}; pass one value a trial or a state"
    )


def _are_conditions(values: Array) -> bool:
    """Whether the values name groups of trials rather than measure something."""
    few = values.dtype.kind in "iub" and len(np.unique(values)) <= MAX_CONDITIONS
    return few or values.dtype.kind in "US"


def _by_condition(values: Array, lengths: list[int]) -> Coloring:
    names, index = np.unique(values, return_inverse=True)
    if len(names) > MAX_CONDITIONS:
        raise ValueError(
            f"expected at most {MAX_CONDITIONS} conditions, which can be told apart by color, "
            f"got {len(names)}; color by a number instead"
        )
    palette = [CYCLE[i % len(CYCLE)] for i in range(len(names))]
    colors = np.array([rgb(color) for color in palette], np.uint8)[index]
    legend = tuple((str(name), color) for name, color in zip(names, palette, strict=True))
    return Coloring(colors.repeat(lengths, axis=0), legend)


def _by_value(
    values: Array, label: str, name: str | None = None, period: float | None = None
) -> Coloring:
    """Color by a scale."""
    if not np.isfinite(values).all():
        raise ValueError(
            "expected finite values to color by, got NaN or infinity; give every trial a value"
        )
    scale, values = color_scale(values, period)
    scale = scale._replace(colormap=name or scale.colormap)
    colors = (scale(values)[:, :3] * 255).round().astype(np.uint8)
    return Coloring(colors, bar=ColorBar(label, scale))
