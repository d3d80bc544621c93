"""All fixed points on a way of several legs: who survives each, who is born and who vanishes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.branches._census import Census
from pyrnn.dynamics.branches._curve import Curve, upwards
from pyrnn.dynamics.branches._pursuit import Pursuit
from pyrnn.dynamics.branches._singular import normal_form_of_fold
from pyrnn.dynamics.branches._tracker import Stop
from pyrnn.dynamics.branches._ways import End, Way, sampled, together

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import FamilyMap, Map

__all__ = ["Change", "Journey", "Leg"]

_TIGHTNESS = (1e-2, 1e-3, 1e-4)
_MOST_PARTNERS = 256
_N_MIRRORS = 8  # places at which the other branch of a fold is looked for
_UNEXPECTED = 0.25  # largest deviation across the way to the fold, in units of its length


@dataclass(frozen=True, eq=False)
class Leg:
    """A part of the way: a family of maps while its parameter goes from 0 to 1.

    Attributes:
        family: The maps.
        end: Map whose points are searched where the leg ends, and its input.
        times: Times of its first state, of those between and of its last one, ``(n,)``.
        shares: Parameter at each of these times, from 0 to 1, ``(n,)``.
    """

    family: FamilyMap
    end: tuple[Map, Tensor]
    times: Tensor
    shares: Tensor

    def time(self, share: float) -> float:
        """Return the time at which the parameter has a value."""
        i = int((self.shares < share).sum().clamp(1, len(self.shares) - 1))
        low, high = float(self.shares[i - 1]), float(self.shares[i])
        part = (share - low) / (high - low)
        return float(self.times[i - 1] + part * (self.times[i] - self.times[i - 1]))

    def pace(self, share: float) -> float:
        """Return how fast the parameter changes where it has a value, per unit of time."""
        i = int((self.shares < share).sum().clamp(1, len(self.shares) - 1))
        return float(self.shares.diff()[i - 1] / self.times.diff()[i - 1])


@dataclass(frozen=True, eq=False)
class Change:
    """Points that appear, or vanish, together.

    Attributes:
        kind: ``"birth"`` or ``"death"``.
        time: When.
        state: Where, ``(state_size,)``.
        branches: Numbers of the points.
        bifurcation: ``"fold"``, ``"pitchfork"``, or ``"unknown"``.
        push: Of the normal form of a fold, per unit of time; otherwise NaN.
        curvature: Of the normal form of a fold; otherwise NaN.
    """

    kind: str
    time: float
    state: Tensor
    branches: tuple[int, ...]
    bifurcation: str
    push: float = math.nan
    curvature: float = math.nan


@dataclass
class Journey:
    """Points followed leg by leg; those that are new at an end are followed backwards.

    Args:
        legs: The parts of the way.
        start: Points where it begins, ``(n, state_size)``.
        size: Usual length of the states.
        pool: States from which other points are searched, ``(n_states, state_size)``.
        searches: Whether to search for new points at the end of each leg.
        stop: Ends the work early.

    Attributes:
        states: States of each branch at the times of each leg: ``states[k]`` is
            ``(n_branches_then, n_times, state_size)``, NaN where it does not exist.
        changes: Births and deaths.
        remarks: What could not be decided.
        is_balanced: For each leg, whether all points at its ends are accounted for.
    """

    legs: list[Leg]
    start: Tensor
    size: float
    pool: Tensor
    searches: bool
    stop: Stop
    states: list[Tensor] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    is_balanced: list[bool] = field(default_factory=list)
    _pending: list[tuple[int, int, Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.census, self.n_branches = Census(self.pool, self.size), len(self.start)

    def run(self) -> Journey:
        """Follow all points along the way; return this journey."""
        alive, at = list(range(len(self.start))), self.start
        for k in range(len(self.legs)):
            followed = None if self._stops() else self._leg(k, alive, at)
            if followed is None:
                self.remarks.append("stopped early: later steps are missing")
                break
            alive, at = followed
        self._go_back()
        return self

    def _stops(self) -> bool:
        return self.stop() or self.census.was_stopped

    # ------------------------------------------------------------------ one leg

    def _leg(self, k: int, alive: list[int], at: Tensor) -> tuple[list[int], Tensor] | None:
        """Follow points along a leg, and new ones back along it.

        Returns:
            The numbers and states of those at its end; None if it was stopped on the way, as half
            a leg counts for nothing.
        """
        leg, n_before = self.legs[k], self.n_branches
        ends = self.census.at(*leg.end) if self.searches else None
        for tightness in _TIGHTNESS:
            self.n_branches = n_before
            forward = self._pursue(leg, at, 1.0, tightness)
            new = self.census.unmatched(ends, self._arrived(forward))
            backward = self._pursue(leg, new, 0.0, tightness)
            born = self._numbers(len(new))
            ways = [Way(forward, alive), Way(backward, born)]
            ways += self._partners(ways, tightness)
            is_right = self._is_balanced(at, ways)
            if is_right or self._stops():
                break
        if self._stops():
            return None
        self.is_balanced.append(is_right)
        self._record(k, ways)
        up = [pair for way in ways if way.goes_up for pair in self._at_goal(way)]
        down = [pair for way in ways if not way.goes_up for pair in self._at_goal(way)]
        self._pending += [(k, owner, h) for owner, h in down]
        up += list(zip(born, new, strict=True))
        return [owner for owner, _ in up], torch.stack([h for _, h in up]) if up else at[:0]

    def _numbers(self, n: int) -> list[int]:
        """Return numbers for new branches."""
        self.n_branches += n
        return list(range(self.n_branches - n, self.n_branches))

    def _at_goal(self, way: Way) -> list[tuple[int, Tensor]]:
        """Return the branches that reach the goal, and their states there."""
        here = (~way.pursuit.is_gone).nonzero()[:, 0].tolist()
        return [(way.owners[i], way.pursuit.z[i, :-1] * self.size) for i in here]

    def _partners(self, ways: list[Way], tightness: float) -> list[Way]:
        """Follow what meets a branch in its fold and exists at neither end of the leg."""
        more: list[Way] = []
        given_up = set()
        for _ in range(_MOST_PARTNERS):
            groups = together([*ways, *more])
            alone = [g[0] for g in groups if len(g) == 1 and g[0].is_solved and not g[0].is_branch]
            alone = [end for end in alone if (end.owner, end.kind) not in given_up]
            if not alone or self._stops():
                break
            way = self._partner(alone[0], tightness)
            if way is None:
                given_up.add((alone[0].owner, alone[0].kind))
            else:
                more.append(way)
        return more

    def _partner(self, end: End, tightness: float) -> Way | None:
        """Follow the other branch of a fold, away from it.

        It is looked for opposite to the nearest known state, and at places nearer and nearer to
        the fold. The way starts at the farthest one up to which it leads away from the fold.

        Returns:
            Its way; None if it is found at none of these places.
        """
        pursuit, goal = end.way.pursuit, 0.0 if end.kind == "death" else 1.0
        change = end.last - end.z
        way = torch.where(upwards(change[None])[0] > 0, 0.0, -change)
        moves = way * 2.0 ** torch.arange(1 - _N_MIRRORS, 1).to(way)[:, None]
        guess = end.z + moves
        z, is_good = pursuit.curve.correct(guess, functional.normalize(moves, dim=-1))
        off = (z - end.z - moves)[:, :-1].norm(dim=-1)
        is_good &= off < _UNEXPECTED * moves.norm(dim=-1)
        distance = (z - end.z)[:, -1] * change[-1].sign()
        is_good &= distance.diff(prepend=torch.zeros_like(distance[:1])) > 0
        n_good = int(is_good.long().cumprod(0).sum())
        if not n_good:
            return None
        first = z[n_good - 1 : n_good]
        partner = Pursuit(pursuit.curve, first, goal, tightness, self._stops).run()
        return Way(partner, self._numbers(1), end.z[None])

    def _pursue(self, leg: Leg, h: Tensor, goal: float, tightness: float) -> Pursuit:
        curve = Curve(leg.family, 0.0, 1.0, self.size)
        share = torch.full_like(h[:, :1], 1 - goal)
        z = torch.cat([h / self.size, share], dim=-1)
        z, _ = curve.correct(z, upwards(z))
        return Pursuit(curve, z, goal, tightness, self._stops).run()

    def _arrived(self, pursuit: Pursuit) -> Tensor:
        return pursuit.z[~pursuit.is_gone, :-1] * self.size

    def _is_balanced(self, at: Tensor, ways: list[Way]) -> bool:
        """Return whether survivors and new points are all different, and nothing was lost."""
        census = self.census
        arrived = torch.cat([self._arrived(way.pursuit) for way in ways if way.goes_up])
        back = torch.cat([self._arrived(way.pursuit) for way in ways if not way.goes_up])
        is_right = census.are_distinct(arrived) and census.are_distinct(back)
        is_right &= not bool(census.is_among(back, at).any())
        is_right &= all(len(group) == 2 or group[0].is_branch for group in together(ways))
        return is_right and all(
            not (way.pursuit.is_gone & ~way.pursuit.is_solved).any() for way in ways
        )

    # ------------------------------------------------------------------ what is kept

    def _record(self, k: int, ways: list[Way]) -> None:
        """Keep states at the times of a leg, and the changes on it."""
        leg, n = self.legs[k], len(self.legs[k].times)
        while len(self.states) <= k:
            self.states.append(self.start.new_full((0, n, self.start.shape[1]), torch.nan))
        shape = self.n_branches - len(self.states[k]), n, self.start.shape[1]
        self.states[k] = torch.cat([self.states[k], self.start.new_full(shape, torch.nan)])
        for way in ways:
            if way.owners:
                self.states[k][way.owners] = sampled(way, leg.shares) * self.size
        for group in together(ways):
            end = group[0]
            name = ("pitchfork" if end.is_branch else "fold") if end.is_solved else "unknown"
            owners = tuple(sorted(e.owner for e in group))
            share, state = float(end.z[-1]), end.z[:-1] * self.size
            push = bend = math.nan
            if name == "fold":
                push, bend = normal_form_of_fold(end.way.pursuit.curve, end.z)
                push, bend = push * self.size * leg.pace(share), bend / self.size
            change = Change(end.kind, leg.time(share), state, owners, name, push, bend)
            self.changes.append(change)

    # ------------------------------------------------------------------ earlier legs

    def _go_back(self) -> None:
        """Follow points that exist at the start of a leg though no branch leads there."""
        n_missing = 0
        while self._pending and not self._stops():
            k, owner, h = self._pending.pop()
            if k == 0:
                n_missing += 1
                continue
            pursuit = self._pursue(self.legs[k - 1], h[None], 0.0, _TIGHTNESS[1])
            way = Way(pursuit, [owner])
            self._record(k - 1, [way, *self._partners([way], _TIGHTNESS[1])])
            if not pursuit.is_gone[0]:
                self._pending.append((k - 1, owner, self._arrived(pursuit)[0]))
        if n_missing:
            plural = "s" if n_missing > 1 else ""
            self.remarks.append(f"{n_missing} point{plural} missing from those given at the start")
