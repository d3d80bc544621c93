"""Following all fixed points along the inputs of a trial, or along a training."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.branches._journey import Journey, Leg
from pyrnn.dynamics.branches._seeds import simple_points, usual_size
from pyrnn.dynamics.branches.tracks import Event, Tracks, check_points
from pyrnn.dynamics.maps import (
    EquationJacobians,
    EquationMap,
    FamilyMap,
    Map,
    Network,
    analysis,
    as_map,
    line_between,
)
from pyrnn.progress import interruptible, track
from pyrnn.validate import as_boolean, as_list, as_tensor, check_finite

if TYPE_CHECKING:
    from pyrnn.dynamics.points import FixedPoints

__all__ = ["follow", "follow_training"]

_PARALLEL = 1e-9  # deviation of an input from a straight line, in units of its length
_MOST_ELEMENTS = 2**27  # of Jacobians that are kept
_SAME = 1e-6
_COMPLETE = "complete as far as the search tells"


@analysis
def follow(
    network: Network,
    points: FixedPoints,
    inputs: States,
    *,
    births: bool = True,
    progress: bool = True,
) -> Tracks:
    r"""Follow all fixed points while the input goes through a trial.

    .. math:: F(h, x(t)) = h

    At every step the input counts as constant. Where it changes from one step to the next it is
    moved along the straight line between both, and each fixed point moves with it, or vanishes
    in a fold, whose time is solved for to the last digits: 3.25 is a quarter of the way from step
    3 to step 4. Several steps along one line, such as a ramp, are followed as a whole.

    Where a line ends, the fixed points there are searched. Those to which no branch leads are
    followed backwards in time to the fold in which they were born. On each line all points must be
    accounted for: none may have two branches, and each end of a branch must have been found.
    Otherwise the line is followed again with smaller steps; ``tracks.balance`` tells whether it
    comes out right.

    Args:
        network: A network, or any batched ``step(h, x)``.
        points: Its fixed points under the first input, of
            :func:`~pyrnn.dynamics.find_fixed_points`.
        inputs: Inputs of one trial, ``(n_steps, input_size)``. Noise makes every step a line of
            its own; pass its mean over each epoch instead.
        births: Whether to look for points that appear on the way.
        progress: Whether to show a progress bar when it takes longer than a second. Ctrl-C ends
            it and keeps the steps that are done.

    Returns:
        The branches over the steps, with the events in which they appear and vanish.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`, or if ``points`` are no fixed points.
        ValueError: If there are no points, inputs have the wrong width or leading axes, or the
            points are not those of the first input.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(2 * h + x)
        >>> inputs = torch.linspace(-1, 1, 1001, dtype=torch.float64)[:, None]
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 9)[:, None], inputs[0])
        >>> for event in follow(step, points, inputs).events:
        ...     print(event.kind, round(event.time, 8))
        birth 233.58001232
        death 766.41998768

    References:
        Seydel, *Practical Bifurcation and Stability Analysis* (2010), chapters 4 and 5.
    """
    births, progress = as_boolean("births", births), as_boolean("progress", progress)
    check_points(points)
    step = as_map(network, points)
    x = _trial(step, inputs)
    h = step.states(points)
    _check_start(step, h, x[0])
    vertices = _vertices(x)
    legs = [_leg(step, x, a, b) for a, b in itertools.pairwise(vertices) if (x[a] != x[b]).any()]
    journey = _travel(legs, h, h, births=births, progress=progress)
    moment, states = _over_steps(journey, h, x, vertices)
    jacobians, rows = _jacobians(lambda k: step, states, x, moment)
    return _tracks(journey, states, x, rows, jacobians, "step")


def _trial(step: Map, inputs: States) -> Tensor:
    x = check_finite("inputs", as_tensor("inputs", inputs).detach()).to(step.device, step.dtype)
    width = step.input_size
    if x.dim() != 2 or len(x) < 1 or (width is not None and x.shape[1] != width):
        raise ValueError(
            f"expected the inputs of one trial, of shape (n_steps, {width or 'input_size'}), got "
            f"{tuple(x.shape)}; pass one of a batch, e.g. inputs[0]"
        )
    return x


def _check_start(step: Map, h: Tensor, x: Tensor) -> None:
    moved = (step(h, x.expand(len(h), -1)) - h).norm(dim=-1)
    if (moved > _SAME * (1 + h.norm(dim=-1))).any():
        raise ValueError(
            "expected the fixed points under the first input, got some that it moves by "
            f"{float(moved.max()):.2g}; search them with x=inputs[0]"
        )


def _vertices(x: Tensor) -> list[int]:
    """Return the steps at which a path starts, ends, stops, goes on, or turns."""
    kept = [0]
    for t in range(1, len(x) - 1):
        a, b, c = x[kept[-1]], x[t], x[t + 1]
        before, after = b - a, c - b
        product = before.norm() * after.norm()
        is_turn = product == 0 or (before @ after) < (1 - _PARALLEL) * product
        if is_turn and bool(before.any() or after.any()):
            kept.append(t)
    return [*kept, len(x) - 1] if len(x) > 1 else kept


def _leg(step: Map, x: Tensor, first: int, last: int) -> Leg:
    way = x[last] - x[first]
    times = torch.arange(first, last + 1, device=x.device).to(x)
    shares = ((x[first : last + 1] - x[first]) @ way) / (way @ way)
    shares[0], shares[-1] = 0, 1
    return Leg(FamilyMap(step, x[first], way), (step, x[last]), times, shares)


def _travel(legs: list[Leg], h: Tensor, pool: Tensor, *, births: bool, progress: bool) -> Journey:
    pulse = track(itertools.count(), "following", enabled=progress)
    with interruptible() as interrupt, closing(pulse):

        def stop() -> bool:
            next(pulse)
            return interrupt.pressed

        return Journey(legs, h, usual_size(h, pool), pool, births, stop).run()


def _over_steps(
    journey: Journey, start: Tensor, x: Tensor, vertices: list[int]
) -> tuple[Tensor, Tensor]:
    """Return, for each step, the first one with its input, and all states."""
    n_steps, n = len(x), journey.n_branches
    moment = torch.arange(n_steps)
    states = start.new_full((n, n_steps, start.shape[1]), math.nan)
    states[: len(start), 0] = start
    done = iter(zip(journey.states, journey.legs, strict=False))
    for a, b in itertools.pairwise(vertices):
        if (x[a] == x[b]).all():
            moment[a + 1 : b + 1] = moment[a]
            states[:, a + 1 : b + 1] = states[:, a : a + 1]
            continue
        part = next(done, None)
        if part is None:
            break
        own = part[0]
        states[: len(own), a : b + 1] = own
    return moment, states


def _jacobians(
    at: Callable[[int], Map], states: Tensor, x: Tensor, moment: Tensor
) -> tuple[EquationJacobians | Tensor, Tensor]:
    """Return Jacobians, or their factors, and the row of each branch and step."""
    rows = torch.full(states.shape[:2], -1, dtype=torch.long, device=states.device)
    parts, n = [], 0
    first, size = at(0), states.shape[-1]
    is_equation = isinstance(first, EquationMap) and at(-1) is first
    for t in range(states.shape[1]):
        m = int(moment[t])
        if m != t:
            rows[:, t] = rows[:, m]
            continue
        alive = states[:, t, 0].isfinite().nonzero()[:, 0]
        rows[alive, t] = torch.arange(n, n + len(alive), device=rows.device)
        n += len(alive)
        if not is_equation and n * size**2 > _MOST_ELEMENTS:
            raise ValueError(
                f"expected a trial whose Jacobians fit into memory, got more than {n} of "
                f"{size} x {size} numbers; pass fewer steps"
            )
        h, given, step = states[alive, t], x[t].expand(len(alive), -1), at(t)
        linear = step.slope(h, given) if is_equation else step.jacobian(h, given)  # type: ignore[attr-defined]
        parts.append(linear)
    joined = torch.cat(parts)
    return (first.jacobians_at(joined) if is_equation else joined), rows  # type: ignore[attr-defined]


def _tracks(
    journey: Journey,
    states: Tensor,
    x: Tensor,
    rows: Tensor,
    jacobians: EquationJacobians | Tensor,
    unit: str,
) -> Tracks:
    changes = sorted(journey.changes, key=lambda change: change.time)
    events = tuple(Event(**vars(change)) for change in changes)
    wrong = [str(k) for k, is_right in enumerate(journey.is_balanced) if not is_right]
    remarks = list(journey.remarks)
    if wrong:
        remarks.append(f"births and deaths do not balance on line {', '.join(wrong)}")
    verdict = "; ".join(remarks) or (_COMPLETE if journey.searches else "births were not searched")
    return Tracks(states, x, events, rows, jacobians, not wrong, unit, verdict)


@analysis
def follow_training(
    networks: Sequence[Network],
    states: States,
    x: States | None = None,
    *,
    progress: bool = True,
) -> Tracks:
    r"""Follow all fixed points of a network through the checkpoints of its training.

    .. math:: F_s(h, x) = h, \qquad W(s) = (1 - s)\, W_k + s\, W_{k+1}

    Between two checkpoints weights, biases and time constants go along a straight line; for
    networks other than the built-in equations, the maps themselves are mixed. The fixed points of
    both checkpoints are searched. Those of the first are followed forwards, to the second or to
    the fold in which they vanish, and new ones of the second backwards, to the fold in which they
    were born. The balance :math:`n_k - \text{deaths} = n_{k+1} - \text{births}` must hold, one to
    one; where it does not, the line is followed again with smaller steps.

    The same function dates what happens on the way between any two networks, and along the
    strength of a lesion, between the network with and without it.

    Args:
        networks: The checkpoints, at least two: networks, or steps.
        states: States from which points are searched, ``(..., state_size)``.
        x: Constant input, ``(input_size,)``; by default zero.
        progress: Whether to show a progress bar when it takes longer than a second.

    Returns:
        The branches over the checkpoints; an event at 2.25 happens a quarter of the way from
        checkpoint 2 to checkpoint 3.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`.
        ValueError: If there are fewer than two networks, or they differ in the width of states or
            inputs.

    Example:
        >>> weak, strong = (lambda h, x, w=w: torch.tanh(w * h + 0.05) for w in (0.5, 2.0))
        >>> tracks = follow_training([weak, strong], torch.linspace(-1, 1, 9)[:, None])
        >>> tracks, tracks.balance
        (Tracks(3 branches over 2 checkpoints, 1 event), True)

    References:
        Seydel, *Practical Bifurcation and Stability Analysis* (2010), chapter 5.
    """
    progress = as_boolean("progress", progress)
    networks = as_list("networks", networks, "networks", "pass the checkpoints of a training run")
    if len(networks) < 2:
        raise ValueError(
            f"expected at least two networks to follow points between, got {len(networks)}"
        )
    maps = [as_map(network, states, x) for network in networks]
    given = maps[0].one_input(x)[0]
    pool = maps[0].states(states).reshape(-1, maps[0].state_size or 1)
    start, _ = simple_points(maps[0], pool, given)
    ends = torch.arange(2.0, device=pool.device).to(pool)
    legs = [
        Leg(line_between(a, b, given), (b, given), k + ends, ends)
        for k, (a, b) in enumerate(itertools.pairwise(maps))
    ]
    journey = _travel(legs, start, pool, births=True, progress=progress)
    over = start.new_full((journey.n_branches, len(maps), start.shape[1]), math.nan)
    over[: len(start), 0] = start
    for k, part in enumerate(journey.states):
        over[: len(part), k : k + 2] = part
    inputs = given.expand(len(maps), -1)
    jacobians, rows = _jacobians(maps.__getitem__, over, inputs, torch.arange(len(maps)))
    return _tracks(journey, over, inputs, rows, jacobians, "checkpoint")
