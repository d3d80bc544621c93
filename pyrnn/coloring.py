"""Colors of trajectories: by time, by speed, by condition or by any value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyrnn.arrays import Array, ArrayLike, as_array, as_numbers
from pyrnn.palette import CYCLE, TRACE, Scale, color_scale, rgb
from pyrnn.validate import as_number

__all__ = ["ColorBar", "Coloring", "color_trials"]

_MAX_CONDITIONS = len(CYCLE)  # if whole numbers have more values than this, they get a scale


class ColorBar(NamedTuple):
    """A scale of colors, and the name of what it measures.

    Example:
        >>> ColorBar("speed", Scale("plasma", 0.0, 1.5)).scale.ends
        ('0', '1.5')
    """

    label: str
    scale: Scale


class Coloring(NamedTuple):
    """Colors of all vertices, and their legend or scale.

    Example:
        >>> two = color_trials([np.zeros((3, 2)), np.zeros((5, 2))], ["go", "stop"])
        >>> two.of_trials(np.array([1]), [3, 5]).colors.shape
        (5, 3)
    """

    colors: Array  # (n_vertices, 3) from 0 to 255
    legend: tuple[tuple[str, str], ...] = ()
    bar: ColorBar | None = None

    def of_trials(self, kept: Array, lengths: list[int]) -> Coloring:
        """Return the colors of some trials, given the lengths of all trials."""
        mask = np.isin(np.arange(len(lengths)), kept).repeat(lengths)
        return self._replace(colors=self.colors[mask])


def color_trials(
    trials: list[Array],
    by: str | ArrayLike | Sequence[ArrayLike] | None,
    label: str = "",
    period: float | None = None,
) -> Coloring:
    """Choose the color of every state.

    Args:
        trials: States of each trial, ``(time, hidden_size)`` each.
        by: ``None`` for gray, ``"time"``, ``"speed"``, one value or condition for each trial
            ``(n_trials,)``, or one value for each state: ``(n_trials, time)``, a list with the
            values of each trial, or all of them one after the other.
        label: What the values are, written at the color scale.
        period: A full turn, if the values are angles.

    Returns:
        The colors, with a legend of conditions or a scale of values.

    Raises:
        TypeError: If the values are no numbers and no names.
        ValueError: If the values fit neither the trials nor the states, or are not finite.

    Example:
        >>> trials = [np.zeros((3, 2)), np.zeros((5, 2))]
        >>> color_trials(trials, ["go", "stop"]).legend
        (('go', '#0072B2'), ('stop', '#D55E00'))
        >>> color_trials(trials, "time").bar.label
        'time step'
    """
    lengths = [len(trial) for trial in trials]
    period = None if period is None else as_number("period", period, above=0)
    if by is None:
        return Coloring(np.tile(np.array(rgb(TRACE), np.uint8), (sum(lengths), 1)))
    if not trials:
        raise ValueError("expected states to color, got fixed points only; leave color out")
    if isinstance(by, str):
        return _by_name(trials, by, label, period)
    values = _as_values(by, lengths)
    if values.shape == (len(trials),):
        if period is None and _are_conditions(values):
            return _by_condition(values, lengths)
        return _by_value(values.repeat(lengths), label, period=period)
    if values.size == sum(lengths) and len(values) in (len(trials), sum(lengths)):
        return _by_value(values.reshape(-1), label, period=period)
    raise ValueError(
        f"expected color to hold one value for each of {len(trials)} trials or of {sum(lengths)} "
        f"states, got shape {values.shape}; use 'time', 'speed' or such values"
    )


def _as_values(by: ArrayLike | Sequence[ArrayLike], lengths: list[int]) -> Array:
    """Return values to color by, those of trials of unequal length one after the other."""
    advice = "use 'time', 'speed', or one value for each trial or each state"
    if isinstance(by, (list, tuple)) and len(by) == len(lengths):
        parts = [as_array(part, advice) for part in by]
        if [part.shape for part in parts] == [(n,) for n in lengths]:
            return np.concatenate(parts)
    return as_array(by, advice)  # type: ignore[arg-type]


def _by_name(trials: list[Array], by: str, label: str, period: float | None) -> Coloring:
    """Return colors by time or speed.

    Raises:
        ValueError: If the name is another one, or has no period.
    """
    if period is not None:
        raise ValueError(
            f"expected no period with color={by!r}, got {period:g}; it is for values that are "
            "angles"
        )
    if by == "time":
        steps = np.concatenate([np.arange(len(trial)) for trial in trials])
        return _by_value(steps, label or "time step", "viridis")
    if by == "speed":
        speeds = [_speeds(trial) for trial in trials]
        return _by_value(np.concatenate(speeds), label or "speed (per step)", "plasma")
    raise ValueError(
        f"expected color 'time', 'speed' or values, got {by!r}; pass one value for each trial or "
        "each state"
    )


def _speeds(trial: Array) -> Array:
    """Return how far a trial moves in a step, at each of its states."""
    if len(trial) < 2:
        return np.zeros(len(trial))
    return np.linalg.norm(np.gradient(trial, axis=0), axis=1)


def _are_conditions(values: Array) -> bool:
    """Return whether the values name groups of trials rather than measure something."""
    few = values.dtype.kind in "iub" and len(np.unique(values)) <= _MAX_CONDITIONS
    return few or values.dtype.kind in "US"


def _by_condition(values: Array, lengths: list[int]) -> Coloring:
    """Return one color for each condition.

    Raises:
        ValueError: If there are more conditions than colors.
    """
    names, index = np.unique(values, return_inverse=True)
    if len(names) > _MAX_CONDITIONS:
        raise ValueError(
            f"expected at most {_MAX_CONDITIONS} conditions, which can be told apart by color, "
            f"got {len(names)}; color by a number instead"
        )
    palette = CYCLE[: len(names)]
    colors = np.array([rgb(color) for color in palette], np.uint8)[index]
    legend = tuple((str(name), color) for name, color in zip(names, palette, strict=True))
    return Coloring(colors.repeat(lengths, axis=0), legend)


def _by_value(
    values: Array, label: str, name: str | None = None, period: float | None = None
) -> Coloring:
    """Return colors on a scale.

    Raises:
        ValueError: If a value is NaN or infinite.
    """
    values = as_numbers(values, "name whole trials, or color states by numbers")
    if not np.isfinite(values).all():
        raise ValueError(
            "expected finite values to color by, got NaN or infinity; give every trial a value"
        )
    scale, values = color_scale(values, period)
    scale = scale._replace(colormap=name or scale.colormap)
    colors = (scale(values)[:, :3] * 255).round().astype(np.uint8)
    return Coloring(colors, bar=ColorBar(label, scale))
