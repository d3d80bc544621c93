"""How fixed points move, appear and vanish as a parameter changes."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.branches._atlas import Traced
from pyrnn.dynamics.branches._curve import Curve
from pyrnn.dynamics.branches._events import Event
from pyrnn.dynamics.branches._seeds import Seeds
from pyrnn.dynamics.branches._survey import Survey
from pyrnn.dynamics.branches._verdict import curve_verdict, survey_verdict
from pyrnn.dynamics.branches.bifurcations import Bifurcation
from pyrnn.dynamics.branches.branch import Branch, Branches
from pyrnn.dynamics.maps import FamilyMap, Map, Network, analysis, as_map
from pyrnn.progress import interruptible, track
from pyrnn.validate import as_boolean, as_number, as_rng

__all__ = ["find_branches"]

logger = logging.getLogger(__name__)


@analysis
def find_branches(
    network: Network,
    starts: States,
    bounds: tuple[float, float],
    *,
    x: States | None = None,
    direction: States | None = None,
    max_step: float = 0.05,
    is_flow: bool = False,
    progress: bool = True,
) -> Branches:
    r"""Follow all fixed points while a parameter goes through an interval.

    .. math:: F(h, x_0 + p\, d) = h, \qquad p \in [p_{min}, p_{max}]

    by pseudo-arclength continuation from the fixed points at five values of :math:`p`, which goes
    around folds. The parameter is an input channel; for any other one, a gain say, write a step
    whose input is that parameter: ``lambda h, p: torch.tanh(p * (h @ W.T))``.

    Args:
        network: A network, or any batched ``step(h, x)``.
        starts: States to start searches from, ``(..., state_size)``.
        bounds: Smallest and largest parameter.
        x: Input :math:`x_0`, ``(input_size,)``; by default zero.
        direction: Direction :math:`d`, ``(input_size,)``; by default the first channel.
        max_step: Longest step along a curve, with the interval scaled to length 1.
        is_flow: Judge stability by the flow whose Euler step this is: a mode grows where the real
            part of its eigenvalue is above 1, and Hopf bifurcations are found.
        progress: Whether to show a progress bar when it takes longer than a second.

    Returns:
        Branches with their folds, pitchforks and transcritical, Neimark-Sacker (Hopf, for a flow)
        and period-doubling bifurcations, ready to plot.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if the bounds are no numbers.
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if the bounds are no finite
            interval, the direction is zero or not like ``x``, or ``max_step`` not in (0, 1].

    Example:
        >>> step = lambda h, x: torch.tanh(2 * h + x)
        >>> starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
        >>> (branch,) = find_branches(step, starts, (-1.0, 1.0))
        >>> branch.bifurcations
        (fold at 0.532840, fold at -0.532840)

    References:
        Kuznetsov, *Elements of Applied Bifurcation Theory* (2004), chapter 10.
    """
    low, high = _interval(bounds)
    max_step = as_number("max_step", max_step, above=0, high=1)
    is_flow, progress = as_boolean("is_flow", is_flow), as_boolean("progress", progress)
    step = as_map(network, starts, direction if x is None else x)
    pool = step.states(starts)
    pool = pool.reshape(-1, pool.shape[-1])
    family = FamilyMap(step, *_line(step, x, direction))
    seeds = Seeds(family, pool, low, high, as_rng(), progress)
    pulse = track(itertools.count(), "following branches", enabled=progress)
    with interruptible() as interrupt, contextlib.closing(pulse):

        def stop() -> bool:
            next(pulse)
            return interrupt.pressed or seeds.was_stopped

        survey = Survey(seeds, max_step, is_flow, stop)
        survey.run()
    branches = tuple(_branch(survey, curve) for curve in survey.curves)
    was_stopped = interrupt.pressed or seeds.was_stopped
    verdict = survey_verdict(survey, was_stopped)
    if not branches and not was_stopped:
        verdict = _nothing(seeds)
        logger.warning(verdict)
    return Branches(branches, verdict)


def _interval(bounds: Sequence[float]) -> tuple[float, float]:
    if not isinstance(bounds, (tuple, list, Tensor, np.ndarray)) or len(bounds) != 2:
        raise TypeError(f"expected two numbers as bounds (low, high), got {bounds}")
    low, high = as_number("bounds[0]", bounds[0]), as_number("bounds[1]", bounds[1])
    if not low < high:
        raise ValueError(f"expected bounds (low, high) with low < high, got {bounds}")
    return low, high


def _line(step: Map, x: States | None, direction: States | None) -> tuple[Tensor, Tensor]:
    """Return the input at parameter zero, and what one unit of the parameter adds to it."""
    if direction is None:
        origin = step.one_input(x)[0]
        return origin, torch.eye(len(origin)).to(origin)[0]
    along = step.one_input(direction)[0]
    origin = torch.zeros_like(along) if x is None else step.one_input(x)[0]
    if along.shape != origin.shape or not along.any():
        raise ValueError(
            f"expected a direction of shape {tuple(origin.shape)}, like x, that is not zero, got "
            f"{direction}; it says which input channels the parameter moves"
        )
    return origin, along


def _branch(survey: Survey, traced: Traced) -> Branch:
    """Return a curve in the user's units, from low to high parameters, with its bifurcations."""
    curve, samples, events = survey.curve, traced.samples, traced.events or []
    z, values, place = samples.z, samples.eigenvalues, samples.place
    if events:
        z = torch.cat([z, torch.stack([event.z for event in events])])
        values = torch.cat([values, torch.stack([event.eigenvalues for event in events])])
        place = torch.cat([place, place.new_tensor([event.place for event in events])])
    order = place.argsort(stable=True)
    if z[order[0], -1] > z[order[-1], -1]:
        order, events = order.flip(0), events[::-1]
    return Branch(
        curve.parameters(z[order]),
        curve.states(z[order]),
        values[order],
        tuple(_bifurcation(curve, event) for event in events),
        curve.is_flow,
        traced.is_closed,
        curve_verdict(survey, traced),
    )


def _bifurcation(curve: Curve, event: Event) -> Bifurcation:
    return Bifurcation(
        event.kind,
        float(curve.parameters(event.z)),
        curve.states(event.z),
        event.eigenvalues,
        event.multiplicity,
        event.turns,
    )


def _nothing(seeds: Seeds) -> str:
    """Say that there are no branches, and what was seen instead."""
    between = f"between {seeds.low:g} and {seeds.high:g}"
    if seeds.remarks:
        return f"no branch found {between}: {'; '.join(seeds.remarks)}"
    values = torch.linspace(seeds.low, seeds.high, 5).to(seeds.starts)
    speeds = [
        float((seeds.family(seeds.starts, value.view(1, 1)) - seeds.starts).norm(dim=-1).min())
        for value in values
    ]
    slowest = min(speeds)
    where = float(values[speeds.index(slowest)])
    return (
        f"no fixed point found {between}: the slowest of {len(seeds.starts)} starts moves by "
        f"{slowest:.3g} in a step, at {where:g}; give more starts"
    )
