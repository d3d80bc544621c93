"""The ways of several points along a leg: where they end, and where they are in between."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.branches._curve import upwards
from pyrnn.dynamics.branches._pursuit import Pursuit

__all__ = ["End", "Way", "sampled", "together"]

_ONE_PLACE = 1e-6  # ends closer together than this are one


@dataclass(frozen=True, eq=False)
class Way:
    """Points that were followed.

    Attributes:
        pursuit: How they were followed.
        owners: Number of the branch of each.
        origin: The fold from which each comes, ``(n, state_size + 1)``; None if they come from
            the end of the leg.
    """

    pursuit: Pursuit
    owners: list[int]
    origin: Tensor | None = None

    @property
    def goes_up(self) -> bool:
        """Whether they were followed forwards."""
        return self.pursuit.goal > 0.5

    def ends(self) -> list[End]:
        """Return where branches are born or die."""
        pursuit, found = self.pursuit, []
        for i in pursuit.is_gone.nonzero()[:, 0].tolist():
            kind = "death" if self.goes_up else "birth"
            flags = bool(pursuit.is_solved[i]), bool(pursuit.is_symmetric[i])
            found.append(End(kind, pursuit.z[i], pursuit.last[i], self.owners[i], self, *flags))
        if self.origin is not None:
            kind = "birth" if self.goes_up else "death"
            first = pursuit.nodes[0][1]
            for i, z in enumerate(self.origin):
                found.append(End(kind, z, first[i], self.owners[i], self, True, False))
        return found


@dataclass(frozen=True, eq=False)
class End:
    """Where a branch is born, or dies.

    Attributes:
        kind: ``"birth"`` or ``"death"``.
        z: State and parameter, ``(state_size + 1,)``.
        last: The nearest state of the branch that is known.
        owner: Number of the branch.
        way: The way that it belongs to.
        is_solved: Whether the place is known to the last digits.
        is_branch: Whether it is a branch point, such as a pitchfork.
    """

    kind: str
    z: Tensor
    last: Tensor
    owner: int
    way: Way
    is_solved: bool
    is_branch: bool


def together(ways: list[Way]) -> list[list[End]]:
    """Return the ends of branches in groups: those of one kind at one place.

    Args:
        ways: The ways of all branches along a leg.
    """
    left = [end for way in ways for end in way.ends()]
    groups = []
    while left:
        first = left[0]
        group = [
            end
            for end in left
            if end.kind == first.kind and bool((end.z - first.z).norm() < _ONE_PLACE)
        ]
        groups.append(group)
        left = [end for end in left if all(end is not other for other in group)]
    return groups


def sampled(way: Way, shares: Tensor) -> Tensor:
    """Return the states at some parameters, ``(n, n_shares, state_size)``, NaN beyond the ends.

    Args:
        way: The way of some points.
        shares: Parameters from 0 to 1, ``(n_shares,)``, in order.
    """
    z = way.pursuit.z
    result = z.new_full((len(way.owners), len(shares), z.shape[1] - 1), torch.nan)
    shares = shares.to(z)
    nodes = [torch.cat(parts) for parts in zip(*way.pursuit.nodes, strict=True)]
    for i in range(len(way.owners)):
        own = (nodes[0] == i).nonzero()[:, 0]
        own = own[nodes[1][own, -1].argsort(stable=True)]
        _fill(result[i], shares, way.pursuit, nodes[1][own], nodes[2][own])
    for end in way.ends():
        if end.is_solved:
            _fill_up_to(result[way.owners.index(end.owner)], shares, way.pursuit, end)
    return result


def _fill(states: Tensor, shares: Tensor, pursuit: Pursuit, z: Tensor, velocity: Tensor) -> None:
    """Write the states between the nodes of a branch, on the cubics and then corrected."""
    s = z[:, -1].contiguous()
    for place, node in ((0, z[0]), (-1, z[-1])):
        if shares[place] == node[-1]:
            states[place] = node[:-1]
    is_inside = (shares > s[0]) & (shares < s[-1])
    is_inside[[0, -1]] = False
    which = is_inside.nonzero()[:, 0]
    if len(which):
        j = torch.searchsorted(s, shares[which]).clamp(1, len(s) - 1)
        guess = _between(z[j - 1], z[j], velocity[j - 1], velocity[j], shares[which])
        states[which] = _corrected(pursuit, guess)


def _fill_up_to(states: Tensor, shares: Tensor, pursuit: Pursuit, end: End) -> None:
    """Write the states between the last node of a branch and its fold, where roots lead."""
    s, last = end.z[-1], end.last[-1]
    which = (((shares - s) * (shares - last)) <= 0).nonzero()[:, 0]
    which = which[(shares[which] != s) & (which > 0) & (which < len(shares) - 1)]
    if len(which):
        share = ((shares[which] - s) / (last - s)).sqrt()[:, None]
        guess = end.z + share * (end.last - end.z)
        guess[:, -1] = shares[which]
        states[which] = _corrected(pursuit, guess)


def _corrected(pursuit: Pursuit, guess: Tensor) -> Tensor:
    z, is_good = pursuit.curve.correct(guess, upwards(guess))
    return torch.where(is_good[:, None], z, torch.nan)[:, :-1]


def _between(a: Tensor, b: Tensor, v: Tensor, w: Tensor, s: Tensor) -> Tensor:
    """Return states on the cubics between nodes, at given parameters."""
    width = (b - a)[:, -1:]
    t = (s[:, None] - a[:, -1:]) / width
    h = (1 + 2 * t) * (1 - t) ** 2 * a[:, :-1] + t**2 * (3 - 2 * t) * b[:, :-1]
    h = h + width * t * (1 - t) * ((1 - t) * v - t * w)
    return torch.cat([h, s[:, None]], dim=-1)
