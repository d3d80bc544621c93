"""Fixed points that move with the time slider, and points that belong to one input each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyrnn.arrays import Array, as_array
from pyrnn.dynamics import Event, FixedPoints, SlowPoints, Tracks
from pyrnn.palette import INK, rgb, stability_color, stability_label
from pyrnn.render._drawing import Balls, Card, Curves, Layer
from pyrnn.render._shapes import ball_radii, sorted_spectrum

__all__ = ["Motion", "by_input", "motion_layers", "motion_of"]

_KEY_FRAMES = 8  # whose spectra are on cards, beside those where something changes
_MOST_VALUES = 15_000  # eigenvalues on all cards together, so that pages stay small
_PATH, _EVENT = 0.0011, 0.0055  # radii, as shares of the diagonal
_PATH_ALPHA = 0.4
_NUMBER = ".4g"  # format of the inputs at the slider


@dataclass(frozen=True, eq=False)
class Motion:
    """The fixed points of tracks over time: each entry is one point that rests for some steps.

    Args:
        branch: Number of the branch of each, ``(n,)``, in order.
        spans: First and last step, ``(n, 2)``.
        states: Where it rests, ``(n, hidden_size)``.
        n_unstable: Number of its modes that grow, ``(n,)``.
        cards: What to show about it.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points, follow
        >>> step, inputs = lambda h, x: torch.tanh(h / 2 + x), torch.tensor([[0.0], [0.0], [1.0]])
        >>> tracks = follow(step, find_fixed_points(step, torch.ones(1, 1), inputs[0]), inputs)
        >>> motion = motion_of(tracks)
        >>> motion.spans.tolist(), motion.n_unstable.tolist(), motion.cards[1].tip
        ([[0, 1], [2, 2]], [0, 0], 'branch 0 · stable')
    """

    branch: Array
    spans: Array
    states: Array
    n_unstable: Array
    cards: tuple[Card, ...]

    def counts(self) -> list[str]:
        """Return how many points there are with 0, 1, 2, 3 or more unstable modes, over time.

        Example:
            >>> spans, states, cards = np.array([[0, 4], [5, 9], [5, 9]]), np.zeros((3, 2)), ()
            >>> Motion(np.array([0, 0, 1]), spans, states, np.array([0, 0, 1]), cards).counts()
            ['1', '0–1', '', '']
        """
        starts = np.unique(self.spans[:, 0])
        shown = (self.spans[:, 0] <= starts[:, None]) & (starts[:, None] <= self.spans[:, 1])
        classes = np.minimum(self.n_unstable, 3) == np.arange(4)[:, None]
        counts = shown.astype(int) @ classes.T
        low, high = counts.min(0), counts.max(0)
        return [
            "" if not b else str(b) if a == b else f"{a}–{b}"
            for a, b in zip(low, high, strict=True)
        ]


def motion_of(tracks: Tracks) -> Motion:
    """Return the fixed points of tracks over time, with their kinds.

    Args:
        tracks: What ``follow`` or ``follow_training`` returned.
    """
    rows, n_steps = as_array(tracks.rows), tracks.states.shape[1]
    starts = np.flatnonzero(np.r_[True, (rows[:, 1:] != rows[:, :-1]).any(0)])
    ends = np.r_[starts[1:], n_steps] - 1
    kinds = as_array(tracks.n_unstable)[:, starts]
    branch, frame = np.nonzero(kinds >= 0)
    latest, made = _cards(tracks, starts, kinds)
    return Motion(
        branch,
        np.stack([starts[frame], ends[frame]], axis=1),
        as_array(tracks.states)[branch, starts[frame]],
        kinds[branch, frame],
        tuple(made[b, latest[k]] for b, k in zip(branch, frame, strict=True)),
    )


def _cards(tracks: Tracks, starts: Array, kinds: Array) -> tuple[Array, dict[Any, Card]]:
    """Return the frame whose cards each frame shares, and cards by branch and frame."""
    changes = np.flatnonzero((kinds[:, 1:] != kinds[:, :-1]).any(0)) + 1
    keys = np.unique(np.r_[0, np.linspace(0, len(starts) - 1, _KEY_FRAMES).astype(int), changes])
    latest = keys[keys.searchsorted(np.arange(len(starts)), "right") - 1]
    most = max(2, _MOST_VALUES // max(1, int((kinds[:, keys] >= 0).sum())))
    made = {}
    for k in keys.tolist():
        values, moment = (
            as_array(tracks.at(int(starts[k])).eigenvalues),
            f"{tracks.unit} {starts[k]}",
        )
        for b, own in zip(np.flatnonzero(kinds[:, k] >= 0).tolist(), values, strict=True):
            made[b, k] = _card(b, int(kinds[b, k]), own, most, moment)
    return latest, made


def _card(branch: int, kind: int, values: Array, most: int, moment: str) -> Card:
    count = f"{most} of {len(values)} eigenvalues" if most < len(values) else "eigenvalues"
    return Card(
        f"branch {branch}",
        stability_label(kind),
        stability_color(kind),
        sorted_spectrum(values)[:most],
        (f"{count} at {moment}",),
    )


def motion_layers(
    tracks: Tracks,
    motion: Motion,
    project: Callable[[Array], Array],
    unit: float,
    sizes: Array | None = None,
) -> list[Layer | None]:
    """Return moving fixed points, their paths, and where they appear and vanish.

    Args:
        tracks: The tracks.
        motion: Their points over time.
        project: How states come into the picture.
        unit: Diagonal of the scene.
        sizes: Size of each branch, relative to the largest.
    """
    colors = _colors(motion.n_unstable)
    own = None if sizes is None else sizes[motion.branch]
    centers = project(motion.states)
    radii = ball_radii(motion.n_unstable, unit, own)
    balls = Balls("fixed points", centers, radii, colors, motion.cards, spans=motion.spans)
    events = [event for event in tracks.events if bool(event.state.isfinite().all())]
    paths = _paths(motion, events, project, unit)
    return [balls, paths, _events(events, tracks.unit, project, unit)]


def _paths(
    motion: Motion, events: list[Event], project: Callable[[Array], Array], unit: float
) -> Curves | None:
    """Return the way of each branch that moves, from birth to death, colored by stability."""
    ends = [(b, e) for e in events for b in e.branches if b in motion.branch]
    owner = np.array([b for b, _ in ends], int)
    sides = np.array([e.kind == "birth" for _, e in ends], bool)
    first, last = (motion.branch.searchsorted(owner, side) for side in ("left", "right"))
    branch = np.r_[motion.branch, owner]
    order = np.lexsort((np.r_[motion.spans[:, 0], [e.time for _, e in ends]], branch))
    kinds = np.r_[motion.n_unstable, motion.n_unstable[np.where(sides, first, last - 1)]]
    states = np.concatenate([motion.states, *(as_array(e.state)[None] for _, e in ends)])
    _, inverse, lengths = np.unique(branch[order], return_inverse=True, return_counts=True)
    kept, lengths = order[lengths[inverse] > 1], lengths[lengths > 1]
    if not len(kept):
        return None
    return Curves(
        "paths of points",
        project(states[kept]),
        lengths,
        _colors(kinds[kept]),
        np.full(len(lengths), _PATH * unit),
        alpha=_PATH_ALPHA,
    )


def _events(
    events: list[Event], clock: str, project: Callable[[Array], Array], unit: float
) -> Balls | None:
    """Return small dark spheres where points appear or vanish."""
    if not events:
        return None
    cards = [
        Card(
            f"{event.kind} at {clock} {event.time:.6g}",
            event.bifurcation,
            INK,
            facts=(f"branches {', '.join(map(str, event.branches))}",),
        )
        for event in events
    ]
    centers = project(np.stack([as_array(event.state) for event in events]))
    radii = np.full(len(events), _EVENT * unit)
    ink = np.tile(np.array(rgb(INK), np.uint8), (len(events), 1))
    return Balls("births and deaths", centers, radii, ink, tuple(cards))


def _colors(n_unstable: Array) -> Array:
    return np.array([rgb(stability_color(n)) for n in n_unstable], np.uint8).reshape(-1, 3)


def by_input(points: object) -> tuple[Array, tuple[str, ...]]:
    """Return the number of the input of each point, and the inputs in words.

    Args:
        points: Fixed points under one or more inputs.

    Returns:
        Numbers ``(n_points,)`` and names; none if all belong to one input, or if what is given
        does not tell its inputs.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step, x = lambda h, x: torch.tanh(h / 2 + x), torch.tensor([[0.5], [0.0]])
        >>> number, names = by_input(find_fixed_points(step, torch.zeros(1, 1), x))
        >>> number.tolist(), names
        ([0, 1], ('x = 0', 'x = 0.5'))
    """
    if not isinstance(points, (FixedPoints, SlowPoints)) or not len(points):
        return np.zeros(0, int), ()
    inputs, number = np.unique(as_array(points.inputs) + 0.0, axis=0, return_inverse=True)
    if len(inputs) < 2:
        return np.zeros(0, int), ()
    names = (", ".join(f"{value:{_NUMBER}}".replace("-", "−") for value in x) for x in inputs)
    return number.reshape(-1), tuple(f"x = {name}" for name in names)
