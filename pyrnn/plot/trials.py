"""Figures of trials and of behavior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from pyrnn.behavior import PsychometricCurve
from pyrnn.palette import CYCLE, GRAY, RULE
from pyrnn.plot.style import axes_or_new, heading, ink, legend_above, styled, text_size
from pyrnn.projection import Array, as_array
from pyrnn.tasks import Task, Trial
from pyrnn.validate import as_integer, as_number

__all__ = ["plot_psychometric", "plot_trial"]

_GAP = 0.35  # between channels, as a share of a channel's height
_TOP, _ROW = 0.12, 0.5  # where the channels end, and the height of a row of names above
_LETTER = 0.48  # mean width of a letter of these names, as a share of the labels' size


@styled
def plot_trial(
    trial: Task | Sequence[ArrayLike],
    outputs: ArrayLike | None = None,
    *,
    index: int = 0,
    dt: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one trial: inputs above, targets with the network's outputs below.

    Steps that are not scored are shaded. Epochs of the trial are marked where ``dt`` is known.
    What is no trial is refused with a ``TypeError``; an index that the batch lacks, and fields or
    outputs with another number of steps than the inputs, with a ``ValueError``.

    Args:
        trial: A task, a :class:`~pyrnn.tasks.Trial`, or ``(inputs, targets)`` or
            ``(inputs, targets, mask)``: ``(time, channels)`` each and ``(time,)``, or batches of
            them.
        outputs: The network's outputs, ``(time, output_size)``, or a batch of them.
        index: Which trial of the task or of the batch to draw.
        dt: Duration of a step in ms. The axis then counts ms instead of steps. A task knows it.
        ax: Axes to draw into; those of a new figure by default.

    Returns:
        The axes, with one row for each channel, inputs first; a task names them.

    Example:
        >>> from pyrnn.tasks import PerceptualDecision
        >>> ax = plot_trial(PerceptualDecision(), index=3)
        >>> ax.get_title(loc="left")
        'PerceptualDecision, trial 3'
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['fixation', 'left', 'right', 'fixate', 'left', 'right']
    """
    index = as_integer("index", index, low=0)
    answers = None if outputs is None else _answers(as_array(outputs), index)
    title = "trial"
    names: tuple[Sequence[str], Sequence[str]] = ((), ())
    if isinstance(trial, Task):
        title = f"{type(trial).__name__}, trial {index}"
        names = trial.input_names, trial.output_names
        dt = trial.dt if dt is None else dt
        trial, index = trial.batch([index]), 0
    dt = None if dt is None else as_number("dt", dt, above=0, unit="ms")
    shown = _shown(trial, answers, index)
    ax = axes_or_new(ax)
    rows = _Rows(ax, np.arange(len(shown.inputs)) * (dt or 1))
    _draw_inputs(rows, shown.inputs, names[0])
    _draw_answers(rows, shown, names[1])
    rows.finish()
    _shade(ax, rows.times, shown.mask)
    _name_epochs(ax, shown.epochs, dt)
    heading(ax, title, "time step" if dt is None else "time (ms)")
    return ax


@dataclass(frozen=True, eq=False)
class _Shown:
    """One trial, and the outputs for it, as arrays."""

    inputs: Array
    targets: Array
    mask: Array
    epochs: Mapping[str, Array]
    answers: Array | None

    def __post_init__(self) -> None:
        if self.inputs.ndim != 2:
            raise ValueError(
                f"expected inputs of shape (time, input_size), got {self.inputs.shape}; "
                "the last axis holds the input channels"
            )
        n_steps = len(self.inputs)
        fields = {"targets": self.targets, "mask": self.mask, "outputs": self.answers}
        for name, values in fields.items():
            if values is not None and len(values) != n_steps:
                raise ValueError(
                    f"expected {name} of {n_steps} steps, as the inputs have, got {len(values)}; "
                    "pass the outputs for this trial"
                )


def _shown(trial: Sequence[ArrayLike], answers: Array | None, index: int) -> _Shown:
    if not isinstance(trial, Sequence) or len(trial) < 2:
        raise TypeError(
            f"expected a trial, (inputs, targets) or (inputs, targets, mask), got "
            f"{type(trial).__name__}; pass a task or one of its trials, task[0]"
        )
    inputs, targets = as_array(trial[0]), as_array(trial[1])
    weights = trial[2] if len(trial) > 2 else None
    mask = np.ones(inputs.shape[:-1]) if weights is None else as_array(weights)
    epochs = trial.epochs if isinstance(trial, Trial) else {}
    n_axes = max(inputs.ndim - 2, 0)  # of the batch
    inputs, targets, mask = (_item(field, n_axes, index) for field in (inputs, targets, mask))
    spans = {name: _item(as_array(span), n_axes, index) for name, span in epochs.items()}
    return _Shown(inputs, targets, mask, spans, answers)


def _item(batch: Array, n_axes: int, index: int) -> Array:
    # items are counted in order along all axes of the batch
    items = batch.reshape(-1, *batch.shape[n_axes:])
    if index >= len(items):
        raise ValueError(
            f"expected an index below {len(items)}, the number of trials, got {index}"
        )
    return items[index]


def _answers(outputs: Array, index: int) -> Array:
    """Return the outputs for a trial: all of them, the only ones, or those of its index."""
    if outputs.ndim < 2:
        raise ValueError(f"expected outputs (time, output_size), got shape {outputs.shape}")
    n_axes = outputs.ndim - 2
    is_one = outputs.shape[:n_axes].count(1) == n_axes
    return _item(outputs, n_axes, 0 if is_one else index)


def _draw_inputs(rows: _Rows, inputs: Array, names: Sequence[str]) -> None:
    rows.fit(inputs)
    for i, channel in enumerate(inputs.T):
        style = {"color": CYCLE[i % len(CYCLE)], "linewidth": 1.2}
        rows.add(names[i] if i < len(names) else f"in {i + 1}", [(channel, style)])
    rows.rule()


def _draw_answers(rows: _Rows, shown: _Shown, names: Sequence[str]) -> None:
    """Draw the targets below the outputs; classes as lines of zeros and ones."""
    targets, answers = shown.targets, shown.answers
    if targets.ndim == 1:
        n_named = len(names) if answers is None else answers.shape[1]
        targets = np.eye(max(n_named, int(targets.max()) + 1))[targets.astype(int)]
        answers = None if answers is None else _softmax(answers)
    rows.fit(targets if answers is None else np.concatenate([targets, answers]))
    for i, target in enumerate(targets.T):
        curves = [(target, {"color": GRAY, "alpha": 0.55, "linewidth": 3.2, "label": "target"})]
        if answers is not None:
            style = {"color": CYCLE[i % len(CYCLE)], "linewidth": 1.4, "label": "output"}
            curves.append((answers[:, i], style))
        rows.add(names[i] if i < len(names) else f"out {i + 1}", curves)


class _Rows:
    """Curves below each other, each channel in a row of its own."""

    def __init__(self, ax: Axes, times: Array) -> None:
        self.ax, self.times, self.level = ax, times, 0.0
        self.ticks: list[tuple[float, str]] = []
        self.low, self.height = 0.0, 1.0

    def fit(self, values: Array) -> None:
        """Give the rows that follow one scale, so that they can be compared."""
        self.low = float(min(np.nanmin(values), 0.0))
        self.height = float(np.nanmax(values) - self.low) or 1.0

    def add(self, name: str, curves: list[tuple[Array, dict[str, Any]]]) -> None:
        for curve, style in curves:
            first = not self.ax.get_legend_handles_labels()[1].count(style.get("label"))
            style = {**style, "label": style.get("label") if first else None}
            self.ax.plot(self.times, self.level - 1 + (curve - self.low) / self.height, **style)
        self.ticks.append((self.level - 0.5, name))
        self.level -= 1 + _GAP

    def rule(self) -> None:
        """Draw a line between inputs and outputs."""
        self.ax.axhline(self.level + _GAP / 2, color=RULE, linewidth=0.8)

    def finish(self) -> None:
        self.ax.set_yticks([y for y, _ in self.ticks], [name for _, name in self.ticks])
        self.ax.tick_params(axis="y", length=0)
        self.ax.spines["left"].set_visible(False)
        self.ax.set_ylim(self.level + _GAP / 2, _TOP)
        self.ax.margins(x=0.01)
        if len(self.ax.get_legend_handles_labels()[1]) > 1:
            legend_above(self.ax)


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _shade(ax: Axes, times: Array, mask: Array) -> None:
    """Shade the steps that are not scored."""
    step = times[1] - times[0] if len(times) > 1 else 1.0
    is_unscored = (mask.reshape(len(mask), -1) == 0).all(-1)
    unscored = np.concatenate([[0], is_unscored, [0]])
    starts, stops = np.flatnonzero(np.diff(unscored) == 1), np.flatnonzero(np.diff(unscored) == -1)
    for start, stop in zip(starts, stops, strict=True):
        left = times[0] + (start - 0.5) * step
        right = times[0] + (stop - 0.5) * step
        ax.axvspan(left, right, color=RULE, alpha=0.45, linewidth=0, zorder=0)


def _name_epochs(ax: Axes, epochs: Mapping[str, Array], dt: float | None) -> None:
    """Mark the onsets of epochs, which are in ms, unless the axis counts steps."""
    spans = {name: tuple(span.tolist()) for name, span in epochs.items() if span[1] > span[0]}
    if dt is None or not spans:
        return
    left, right = ax.get_xlim()
    inches = ax.get_window_extent().width / ax.figure.dpi
    letter = _LETTER * text_size(ax) / 72 / inches * (right - left)
    ends = [left, left]  # where the names in the two rows end
    for name, (start, stop) in sorted(spans.items(), key=lambda item: item[1]):
        ax.axvline(start, color=GRAY, linewidth=0.8, linestyle=":")
        reach = letter * len(name) / 2
        middle = min(max((start + stop) / 2, left + reach), right - reach)
        row = 0 if middle - reach > ends[0] or ends[0] <= ends[1] else 1
        ends[row] = middle + reach
        style: dict[str, Any] = {
            "fontsize": "small",
            "color": ink(),
            "ha": "center",
            "va": "center",
        }
        ax.text(middle, _TOP + _ROW * (row + 0.6), name, **style)
    ax.set_ylim(top=_TOP + _ROW * (1.2 if ends[1] == left else 2.2))


@styled
def plot_psychometric(
    curves: PsychometricCurve | Mapping[str, PsychometricCurve],
    *,
    label: str = "evidence",
    ax: Axes | None = None,
) -> Axes:
    """Draw the share of positive choices at each level of evidence, with the fit.

    Args:
        curves: A :class:`~pyrnn.behavior.PsychometricCurve`, or a mapping of several by name.
        label: What the evidence is, with its unit.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, with shares from 0 to 1.

    Raises:
        TypeError: If these are no psychometric curves.

    Example:
        >>> curve = PsychometricCurve.fit([-1, -1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1])
        >>> plot_psychometric(curve, label="coherence (%)").get_xlabel()
        'coherence (%)'
    """
    named = curves if isinstance(curves, Mapping) else {"": curves}
    for curve in named.values():
        if not isinstance(curve, PsychometricCurve):
            raise TypeError(
                f"expected a PsychometricCurve, got {type(curve).__name__}; "
                "PsychometricCurve.fit(evidence, choices) returns one"
            )
    ax = axes_or_new(ax)
    ax.axhline(0.5, color=RULE, linewidth=0.9, zorder=0)
    ax.axvline(0, color=RULE, linewidth=0.9, zorder=0)
    for (name, curve), color in zip(named.items(), CYCLE * len(named), strict=False):
        levels = np.linspace(curve.evidence.min(), curve.evidence.max(), 200)
        bars = np.maximum([curve.share - curve.low, curve.high - curve.share], 0)
        ax.plot(levels, curve(levels), color=color, label=name)
        ax.errorbar(curve.evidence, curve.share, bars, fmt="o", color=color, linewidth=1.2)
    if any(named):
        ax.legend(loc="upper left")
    ax.set_ylim(-0.03, 1.03)
    heading(ax, "psychometric curve", label, "P(positive choice)")
    return ax
