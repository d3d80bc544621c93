"""Figures of trials and of behavior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pyrnn.behavior import PsychometricCurve
from pyrnn.palette import CYCLE, GRAY, INK, RULE
from pyrnn.plot.style import axes_or_new, heading, legend_above, styled, text_size
from pyrnn.projection import Array, as_array

GAP = 0.35  # between channels, as a share of a channel's height
TOP, ROW = 0.12, 0.5  # where the channels end, and the height of a row of names above
LETTER = 0.48  # mean width of a letter of these names, as a share of the labels' size


@styled
def plot_trial(
    trial: Any, outputs: Any = None, *, dt: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw one trial: inputs above, targets with the network's outputs below.

    Steps that are not scored are shaded; epochs that the trial names are marked.

    Args:
        trial: A :class:`~pyrnn.tasks.Trial`, or ``(inputs, targets)`` or
            ``(inputs, targets, mask)``, ``(time, channels)`` each and ``(time,)``; the first trial
            of a batch, or of a task, is drawn.
        outputs: What the network answered, ``(time, output_size)``.
        dt: Duration of a step in ms; the axis then counts ms instead of steps. That of the task
            by default, where one is given.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes, one row a channel, inputs first.

    Raises:
        TypeError: If it is no trial.
        ValueError: If inputs, targets, mask and outputs differ in their number of steps.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> ax = plot_trial(FlipFlop(n_bits=2))
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['in 1', 'in 2', 'out 1', 'out 2']
    """
    if hasattr(trial, "batch"):
        dt = trial.dt if dt is None else dt
        trial = trial[0]
    inputs, targets, mask, epochs = _fields(trial)
    _check_steps(inputs, targets, mask, outputs)
    ax = axes_or_new(ax)
    answers = None if outputs is None else _one(as_array(outputs), 2)
    if targets.ndim == 1:  # classes: as lines of zeros and ones
        n_classes = int(targets.max()) + 1 if answers is None else answers.shape[1]
        targets = np.eye(max(n_classes, 1))[targets.astype(int)]
        answers = None if answers is None else _softmax(answers)
    times = np.arange(len(inputs)) * (dt or 1)
    rows = _Rows(ax, times)
    rows.fit(inputs)
    for i, channel in enumerate(inputs.T):
        rows.add(f"in {i + 1}", [(channel, {"color": CYCLE[i % len(CYCLE)], "linewidth": 1.2})])
    rows.rule()
    rows.fit(targets if answers is None else np.concatenate([targets, answers]))
    for i, target in enumerate(targets.T):
        curves = [(target, {"color": GRAY, "alpha": 0.55, "linewidth": 3.2, "label": "target"})]
        if answers is not None:
            style = {"color": CYCLE[i % len(CYCLE)], "linewidth": 1.4, "label": "output"}
            curves.append((answers[:, i], style))
        rows.add(f"out {i + 1}", curves)
    rows.finish()
    _shade(ax, times, mask)
    _name_epochs(ax, epochs, dt)
    heading(ax, "trial", "time step" if dt is None else "time (ms)")
    return ax


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
        self.level -= 1 + GAP

    def rule(self) -> None:
        """Draw a line between inputs and outputs."""
        self.ax.axhline(self.level + GAP / 2, color=RULE, linewidth=0.8)

    def finish(self) -> None:
        self.ax.set_yticks([y for y, _ in self.ticks], [name for _, name in self.ticks])
        self.ax.tick_params(axis="y", length=0)
        self.ax.spines["left"].set_visible(False)
        self.ax.set_ylim(self.level + GAP / 2, TOP)
        self.ax.margins(x=0.01)
        if len(self.ax.get_legend_handles_labels()[1]) > 1:
            legend_above(self.ax)


def _fields(trial: Any) -> tuple[Array, Array, Array, Mapping[str, Any]]:
    """Return inputs, targets, mask and epochs of the first trial."""
    if not isinstance(trial, Sequence) or len(trial) < 2:
        raise TypeError(
            f"expected a trial, (inputs, targets) or (inputs, targets, mask), got "
            f"{type(trial).__name__}; pass a task or one of its trials, task[0]"
        )
    inputs = as_array(trial[0])
    batched = inputs.ndim > 2
    inputs, targets = _one(inputs, 2), as_array(trial[1])
    targets = targets[0] if batched else targets
    mask = as_array(trial[2]) if len(trial) > 2 else np.ones(len(inputs))
    mask = mask[0] if batched else mask
    epochs = getattr(trial, "epochs", {})
    if batched:
        epochs = {name: as_array(span)[0] for name, span in epochs.items()}
    return inputs, targets, mask, epochs


def _check_steps(inputs: Array, targets: Array, mask: Array, outputs: Any) -> None:
    """Refuse inputs without channels, and what has another number of steps."""
    if inputs.ndim != 2:
        raise ValueError(
            f"expected inputs of shape (time, input_size), got {inputs.shape}; "
            "the last axis holds the input channels"
        )
    answers = inputs if outputs is None else _one(as_array(outputs), 2)
    for name, values in (("targets", targets), ("mask", mask), ("outputs", answers)):
        if len(values) != len(inputs):
            raise ValueError(
                f"expected {name} of {len(inputs)} steps, as the inputs have, got {len(values)}; "
                "pass the outputs of this trial"
            )


def _one(array: Array, ndim: int) -> Array:
    return array[(0,) * (array.ndim - ndim)]


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _shade(ax: Axes, times: Array, mask: Array) -> None:
    """Shade the steps that are not scored."""
    step = times[1] - times[0] if len(times) > 1 else 1.0
    unscored = np.concatenate([[0], mask == 0, [0]])
    starts, stops = np.flatnonzero(np.diff(unscored) == 1), np.flatnonzero(np.diff(unscored) == -1)
    for start, stop in zip(starts, stops, strict=True):
        left = times[0] + (start - 0.5) * step
        right = times[0] + (stop - 0.5) * step
        ax.axvspan(left, right, color=RULE, alpha=0.45, linewidth=0, zorder=0)


def _name_epochs(ax: Axes, epochs: Mapping[str, Any], dt: float | None) -> None:
    """Mark where named epochs begin; they are given in ms, so steps need no marks."""
    edges = {name: as_array(span).tolist() for name, span in epochs.items()}
    spans = {name: (start, stop) for name, (start, stop) in edges.items() if stop > start}
    if dt is None or not spans:
        return
    left, right = ax.get_xlim()
    inches = ax.get_window_extent().width / ax.figure.dpi
    letter = LETTER * text_size(ax) / 72 / inches * (right - left)
    ends = [left, left]  # where the names in the two rows end
    for name, (start, stop) in sorted(spans.items(), key=lambda item: item[1]):
        ax.axvline(start, color=GRAY, linewidth=0.8, linestyle=":")
        reach = letter * len(name) / 2
        middle = min(max((start + stop) / 2, left + reach), right - reach)
        row = 0 if middle - reach > ends[0] or ends[0] <= ends[1] else 1
        ends[row] = middle + reach
        style: dict[str, Any] = {"fontsize": "small", "color": INK, "ha": "center", "va": "center"}
        ax.text(middle, TOP + ROW * (row + 0.6), name, **style)
    ax.set_ylim(top=TOP + ROW * (1.2 if ends[1] == left else 2.2))


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
