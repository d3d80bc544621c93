"""Where runs under a constant input end."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyrnn.dynamics.maps import Map, Network, analysis, as_map
from pyrnn.dynamics.points import Attraction, FixedPoints

__all__ = ["LOST", "NEAR", "Arrivals", "arrivals", "check_points", "runs_from", "separations"]

LOST = -1
NEAR = 0.05  # of the distance to the next point
_CHECK_EVERY = 10
_AT_REST = 1e-7  # of that distance: no run passes a saddle so closely unless it ends there


class Arrivals(NamedTuple):
    """Where runs ended.

    Attributes:
        ends: Index of the point where each ended, ``LOST`` for none, ``(n_runs,)``.
        times: Steps that it took, to the next ten, ``(n_runs,)``.
        states: Last state of each, ``(n_runs, state_size)``.
    """

    ends: Tensor
    times: Tensor
    states: Tensor


def arrivals(step: Map, h: Tensor, x: Tensor, points: FixedPoints, n_steps: int) -> Arrivals:
    """Run states under constant input until each has arrived at a point.

    A run has arrived at a stable point when it is near and drawn in, see ``Attraction``; the time
    is that of coming near for good. It ends at a saddle only where symmetry takes it there.

    Args:
        step: The map.
        h: States, ``(n_runs, state_size)``.
        x: Inputs, ``(n_runs, input_size)``.
        points: Fixed points; only those under the input of a run can end it.
        n_steps: Most steps.

    Returns:
        Where the runs ended.

    Example:
        >>> from pyrnn.dynamics import as_map, find_fixed_points
        >>> step = as_map(lambda h, x: h / 2, torch.ones(1, 1))
        >>> points = find_fixed_points(step, torch.ones(1, 1))
        >>> arrivals(step, torch.ones(1, 1), torch.zeros(1, 1), points, 100)[:2]
        (tensor([0]), tensor([10]))
    """
    ends = torch.full((len(h),), LOST, device=h.device)
    times, last = torch.full_like(ends, n_steps), h.to(step.dtype, copy=True)
    places = _Places(step, points)
    running, near = torch.arange(len(h), device=h.device), ends
    for i in range(1, 1 + n_steps):
        h = step(h, x)
        if i % _CHECK_EVERY and i < n_steps:
            continue
        where, has_arrived = places.of(h, x)
        times[running[where != near]] = i  # since when it has been there
        last[running], ends[running[has_arrived]] = h, where[has_arrived]
        goes_on = ~has_arrived & h.isfinite().all(1)
        h, x, running, near = h[goes_on], x[goes_on], running[goes_on], where[goes_on]
        if not len(running):
            break
    times[ends == LOST] = n_steps
    return Arrivals(ends, times, last)


class _Places:
    """Neighborhoods of points, in which runs have arrived."""

    def __init__(self, step: Map, points: FixedPoints) -> None:
        self.points = points
        self.is_single_input = bool((points.inputs == points.inputs[:1]).all())
        reach = separations(points)
        self.is_stable = points.is_stable
        self.near = torch.where(self.is_stable, NEAR, _AT_REST) * reach
        self.stable = self.is_stable.nonzero()[:, 0]
        self.step = step
        stable = points[self.stable]
        unit = 1.0 if points.record is None else points.record.unit
        self.attraction = Attraction.of(stable.states, stable.jacobians, unit)
        self.rank = self.is_stable.cumsum(0) - 1  # of each stable point among these

    def of(self, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the point near each state, ``LOST`` for none, and whether it has arrived."""
        distance = torch.cdist(h, self.points.states)
        if not self.is_single_input:
            is_other = (x[:, None] != self.points.inputs).any(-1)
            distance = distance.masked_fill(is_other, torch.inf)
        nearest, which = distance.min(1)
        is_near = nearest < self.near[which]
        has_arrived = is_near.clone()
        at = (is_near & self.is_stable[which]).nonzero()[:, 0]
        has_arrived[at] = self.attraction.draws(self.step, h[at], x[at], self.rank[which[at]])
        return torch.where(is_near, which, LOST), has_arrived


def separations(points: FixedPoints) -> Tensor:
    """Return the distance from each point to the nearest other one under the same input.

    Args:
        points: Fixed points.

    Returns:
        The distances, ``(n,)``; of a point that is alone :math:`u + |h^*|`, with the usual size
        :math:`u` of the states that the search started from, rounded to 1 if it is of that order.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> starts = torch.linspace(-1, 1, 20)[:, None]
        >>> points = find_fixed_points(lambda h, x: torch.tanh(2 * h), starts)
        >>> separations(points).round(decimals=4).tolist()
        [0.9575, 0.9575, 0.9575]
    """
    distance = torch.cdist(points.states, points.states).fill_diagonal_(torch.inf)
    is_other = (points.inputs[:, None] != points.inputs).any(-1)
    nearest = distance.masked_fill(is_other, torch.inf).min(1).values
    unit = 1.0 if points.record is None else points.record.unit
    alone = unit + points.states.norm(dim=-1)
    return torch.where(nearest.isfinite(), nearest, alone)


def check_points(points: FixedPoints) -> None:
    """Refuse what are no fixed points.

    Args:
        points: What was given.

    Raises:
        TypeError: If they are something else.
        ValueError: If there are none.
    """
    if not isinstance(points, FixedPoints):
        raise TypeError(f"expected points of find_fixed_points, got {type(points).__name__}")
    if not len(points):
        raise ValueError(
            "expected at least one fixed point, got none; search again with other starts, "
            "or look for cycles"
        )


@analysis
def runs_from(network: Network, h: Tensor, x: Tensor, n_steps: int) -> Tensor:
    """Return the states of runs under constant input.

    Args:
        network: A network, or any batched ``step(h, x)``.
        h: Starts, ``(n_runs, state_size)``.
        x: Inputs, ``(n_runs, input_size)``.
        n_steps: Number of steps.

    Returns:
        States, ``(n_runs, n_steps + 1, state_size)``.

    Example:
        >>> runs_from(lambda h, x: h / 2, torch.ones(1, 1), torch.zeros(1, 1), 2).tolist()
        [[[1.0], [0.5], [0.25]]]
    """
    step = as_map(network, h, x)
    states = [h.to(step.dtype)]
    for _ in range(n_steps):
        states.append(step(states[-1], x))
    return torch.stack(states, dim=1)
