"""Fixed points over the steps of a trial, or over the checkpoints of a training, as values."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.points import FixedPoints
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer, as_number, as_tensor

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import EquationJacobians

__all__ = ["Event", "Tracks", "check_points"]

_AIRY = 2.338107410459767  # first zero of the Airy function
_KEY_TIMES = 8  # at which all spectra are computed; others where something changes


@dataclass(frozen=True, eq=False, repr=False)
class Event(Result):
    r"""Fixed points that appear or vanish together.

    Next to a fold the network moves along one mode, in which it is

    .. math:: y_{t+1} = y_t + a\,(t - t^*) + b\,y_t^2

    On the side where there are no fixed points, their *ghost* still holds states for a while.

    Args:
        kind: ``"birth"`` or ``"death"``.
        time: When, in steps or checkpoints; between two of them if need be.
        state: Where they meet, ``(state_size,)``.
        branches: Numbers of their branches.
        bifurcation: ``"fold"`` or ``"pitchfork"``; ``"unknown"`` where the place could not be
            solved for.
        push: How fast the input, or the change of the weights, pushes along the mode, :math:`a`:
            states per step and unit of time. NaN unless it is a fold.
        curvature: How fast the speed grows away from the fold, :math:`b`: per state and step. NaN
            unless it is a fold.

    Example:
        >>> Event("death", 3.25, torch.zeros(2), (0, 4))
        death of branches 0 and 4 at 3.25 (fold)
        >>> event = Event("death", 3.25, torch.zeros(2), (0, 4), push=0.01, curvature=1.0)
        >>> print(f"{event.passage_time(3.5):.1f} {event.delay:.1f}")
        62.8 10.9

    References:
        Strogatz, *Nonlinear Dynamics and Chaos* (2015), section 4.3.
    """

    kind: str
    time: float
    state: Tensor
    branches: tuple[int, ...]
    bifurcation: str = "fold"
    push: float = math.nan
    curvature: float = math.nan

    def passage_time(self, time: float, width: float = math.inf) -> float:
        r"""Return how long the ghost of the fixed points holds a state.

        .. math::
            T = \frac{2}{\sqrt{\alpha b}} \arctan\left(w \sqrt{b / \alpha}\right),
            \qquad \alpha = a\,(t - t^*)

        which is :math:`\pi / \sqrt{\alpha b}` for a wide passage. The input stays as it is at
        time :math:`t`. The law holds near the fold, where a step is short in comparison with the
        passage.

        Args:
            time: Time at which the fixed points do not exist: after a death, before a birth.
            width: How far before and behind the fold the passage starts and ends,
                :math:`w`, in units of the state along the mode.

        Returns:
            Time in steps.

        Raises:
            TypeError: If these are no numbers.
            ValueError: If the points exist at that time, ``width`` is not positive, or this is no
                fold.
        """
        time, width = as_number("time", time), as_number("width", width, above=0, is_finite=False)
        force = self.push * (time - self.time)
        if not force > 0:
            side = "after" if self.kind == "death" else "before"
            raise ValueError(
                f"expected a fold and a time {side} {self.time:.6g}, when there are no points but "
                f"their ghost, got {time:.6g} for a {self.bifurcation}"
            )
        half = math.atan(width * math.sqrt(self.curvature / force))
        return 2 * half / math.sqrt(force * self.curvature)

    @property
    def delay(self) -> float:
        r"""How many steps later than the fixed points a state leaves that rested there.

        .. math:: \tau = -z_1 \, (a b)^{-1/3}, \qquad \mathrm{Ai}(z_1) = 0, \quad z_1 = -2.338

        while the input goes on changing as it does. The law holds for slow changes; it is NaN at a
        birth, and where times are checkpoints it means nothing.
        """
        if self.kind != "death":
            return math.nan
        return _AIRY * abs(self.push * self.curvature) ** (-1 / 3)

    def __repr__(self) -> str:
        names = " and ".join(map(str, self.branches))
        noun = "branches" if len(self.branches) > 1 else "branch"
        return f"{self.kind} of {noun} {names} at {self.time:.6g} ({self.bifurcation})"

    def _report(self) -> Report:
        rows = [
            ("time", f"{self.time:.9g}"),
            ("branches", ", ".join(map(str, self.branches))),
            ("bifurcation", self.bifurcation),
            ("push, curvature", f"{self.push:.4g}, {self.curvature:.4g}"),
        ]
        return Report(self.kind, rows=rows)

    def _frame(self) -> dict[str, list[object]]:
        return {
            "kind": [self.kind],
            "time": [self.time],
            "branches": [self.branches],
            "bifurcation": [self.bifurcation],
            "push": [self.push],
            "curvature": [self.curvature],
        }


@dataclass(frozen=True, eq=False, repr=False)
class Tracks(Result):
    """All fixed points over time; a branch is one of them, from its birth to its death.

    Args:
        states: Fixed points, ``(n_branches, n_times, state_size)``, NaN where one does not exist.
        inputs: Input at each time, ``(n_times, input_size)``.
        events: Births and deaths, in the order of their times.
        rows: For each branch and time the row of its Jacobian, -1 where there is none,
            ``(n_branches, n_times)``.
        jacobians: Jacobians, ``(n_rows, state_size, state_size)``, or their factors.
        balance: Whether on each part of the way all points at both ends are accounted for: those
            at its start without the deaths are those at its end without the births, one to one.
        unit: Unit of the times, ``"step"`` or ``"checkpoint"``.
        verdict: What could not be decided.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points, follow
        >>> step = lambda h, x: torch.tanh(2 * h + x)
        >>> inputs = torch.linspace(-1, 1, 11, dtype=torch.float64)[:, None]
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 9)[:, None], inputs[0])
        >>> tracks = follow(step, points, inputs)
        >>> tracks, tracks.n_points.tolist()
        (Tracks(3 branches over 11 steps, 2 events), [1, 1, 1, 3, 3, 3, 3, 3, 1, 1, 1])
        >>> tracks.events[0], tracks.is_alive.sum().item(), len(tracks.at(5)), tracks.status
        (..., 3, 'complete as far as the search tells')
        >>> sorted(tracks.n_unstable[:, 5].tolist())
        [0, 0, 1]
    """

    states: Tensor
    inputs: Tensor
    events: tuple[Event, ...]
    rows: Tensor
    jacobians: EquationJacobians | Tensor
    balance: bool = True
    unit: str = "step"
    verdict: str = "complete"

    @property
    def status(self) -> str:
        """Verdict in words."""
        return self.verdict

    @property
    def is_alive(self) -> Tensor:
        """Whether each branch exists at each time, ``(n_branches, n_times)``."""
        return self.states[..., 0].isfinite()

    @property
    def n_points(self) -> Tensor:
        """Number of fixed points at each time, ``(n_times,)``."""
        return self.is_alive.sum(0)

    @cached_property
    def n_unstable(self) -> Tensor:
        """Number of growing modes of each branch over time, ``(n_branches, n_times)``.

        It is -1 where a branch does not exist. Spectra are computed at some times only; where a
        branch has different numbers at two of them, the time in the middle is looked at, too.
        """
        alive, rows = self.is_alive, self.rows
        numbers = torch.full_like(rows, -1)
        n_times, last = rows.shape[1], rows.shape[1] - 1
        differs = (alive[:, 1:] != alive[:, :-1]).any(0).nonzero()[:, 0]
        wanted = {*range(0, n_times, math.ceil(n_times / _KEY_TIMES)), last}
        wanted |= {*differs.tolist(), *(differs + 1).tolist()}
        known: set[int] = set()
        while fresh := sorted(wanted - known):
            for t in fresh:
                numbers[alive[:, t], t] = self.at(t).n_unstable
            known |= wanted
            wanted |= {
                (a + b) // 2
                for a, b in itertools.pairwise(sorted(wanted))
                if b - a > 1 and (numbers[:, a] != numbers[:, b]).any()
            }
        times = torch.tensor(sorted(known), device=rows.device)
        everything = torch.arange(n_times, device=rows.device)
        return numbers[:, times[torch.searchsorted(times, everything, right=True) - 1]]

    def at(self, t: int) -> FixedPoints:
        """Return the fixed points at a time, in the order of their branches.

        Args:
            t: Number of the step, or of the checkpoint; negative ones count from the end.

        Raises:
            TypeError: If it is no whole number.
            ValueError: If there is no such time.
        """
        n_times = self.states.shape[1]
        t = as_integer("t", t)
        if not -n_times <= t < n_times:
            raise ValueError(
                f"expected a {self.unit} between 0 and {n_times - 1}, got {t}; events happen "
                "between them and have a state of their own"
            )
        alive = self.is_alive[:, t]
        h, rows = self.states[alive, t], self.rows[alive, t]
        linear = self.jacobians
        j = linear[rows] if isinstance(linear, Tensor) else linear[rows].dense()
        nowhere = torch.full_like(h[:, 0], math.nan)
        x = self.inputs[t].expand(len(h), -1)
        return FixedPoints(h, x, torch.zeros_like(nowhere), j, nowhere)

    def distances(self, states: States) -> Tensor:
        r"""Return how far states are from the nearest stable fixed point of their own time.

        A network whose distance is small tracks its attractor; a large one is a transient.

        Args:
            states: States of one or more trials with these inputs,
                ``(..., n_times, state_size)``.

        Returns:
            Distances, ``(..., n_times)``; infinite where there is no stable point.

        Raises:
            TypeError: If these are no real numbers.
            ValueError: If they do not have these times and this width.

        Example:
            >>> from pyrnn.dynamics import find_fixed_points, follow
            >>> step, inputs = lambda h, x: torch.tanh(h / 2 + x), torch.zeros(3, 1)
            >>> tracks = follow(step, find_fixed_points(step, torch.ones(1, 1)), inputs)
            >>> tracks.distances([[1.0], [0.5], [0.25]])
            tensor([1.0000, 0.5000, 0.2500], dtype=torch.float64)
        """
        given = as_tensor("states", states).to(self.states)
        if given.dim() < 2 or given.shape[-2:] != self.states.shape[1:]:
            raise ValueError(
                f"expected states of shape (..., {self.states.shape[1]}, "
                f"{self.states.shape[2]}), got {tuple(given.shape)}; pass the states of the "
                "trials with these inputs"
            )
        result, known = given.new_full(given.shape[:-1], math.inf), {}
        for t in range(given.shape[-2]):
            key = tuple(self.rows[:, t].tolist())
            if key not in known:
                points = self.at(t)
                known[key] = points.states[points.is_stable]
            if len(known[key]):
                gap = (given[..., t, None, :] - known[key]).norm(dim=-1)
                result[..., t] = gap.amin(-1)
        return result

    def __len__(self) -> int:
        return len(self.states)

    def __repr__(self) -> str:
        n, n_times, n_events = *self.states.shape[:2], len(self.events)
        parts = ((n, "branch", "es"), (n_times, self.unit, "s"), (n_events, "event", "s"))
        branches, times, events = (f"{n} {w}{s if n != 1 else ''}" for n, w, s in parts)
        return f"Tracks({branches} over {times}, {events})"

    def _report(self) -> Report:
        rows = [
            (e.kind, f"{e.time:.9g}", ", ".join(map(str, e.branches)), e.bifurcation)
            for e in self.events
        ]
        columns = ("event", self.unit, "branches", "bifurcation")
        counts = self.n_points
        notes = [f"status: {self.status}"]
        if counts.numel():
            notes.insert(0, f"{int(counts.min())} to {int(counts.max())} points at a time")
        return Report(repr(self)[7:-1], columns, rows, notes)

    def _frame(self) -> dict[str, list[object]]:
        return {
            "kind": [e.kind for e in self.events],
            "time": [e.time for e in self.events],
            "branches": [e.branches for e in self.events],
            "bifurcation": [e.bifurcation for e in self.events],
        }


def check_points(points: object) -> None:
    """Check that something is a set of fixed points, with at least one of them.

    Args:
        points: What was given.

    Raises:
        TypeError: If it is something else.
        ValueError: If it is empty.

    Example:
        >>> check_points(torch.zeros(3))
        Traceback (most recent call last):
        ...
        TypeError: expected the points of find_fixed_points, got Tensor; ...
    """
    if not isinstance(points, FixedPoints):
        raise TypeError(
            f"expected the points of find_fixed_points, got {type(points).__name__}; search them "
            "under the first input"
        )
    if not len(points):
        raise ValueError(
            "expected at least one fixed point to follow, got none; a network without fixed "
            "points may have cycles: see find_cycles"
        )
