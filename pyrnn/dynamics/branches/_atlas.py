"""All curves of fixed points that were found, each of them once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from pyrnn.dynamics.branches._curve import Curve
from pyrnn.dynamics.branches._events import Event
from pyrnn.dynamics.branches._samples import Samples
from pyrnn.dynamics.branches._tracker import End, Stop, Tracker

__all__ = ["Atlas", "Traced"]

_SAME = 1e-6
_N_NEAREST = 4
_MEETS = 1e-3  # farthest apart of two ends that meet at a kink
_TATTER = 1e-2  # longest curve that is dropped if it was lost at both ends


@dataclass(frozen=True, eq=False)
class Traced:
    """A curve that was followed.

    Attributes:
        samples: Its states, in order.
        first: Why it ends where it begins.
        last: Why it ends where it ends.
        events: Its bifurcations, in order; None before they are looked for.
    """

    samples: Samples
    first: End
    last: End
    events: list[Event] | None = None

    @property
    def ends(self) -> list[tuple[Tensor, End]]:
        """Both ends, each with the reason."""
        return [(self.samples.z[0], self.first), (self.samples.z[-1], self.last)]

    @property
    def is_closed(self) -> bool:
        """Whether it comes back to where it begins."""
        return self.last == End.CLOSED

    @property
    def is_tatter(self) -> bool:
        """Whether it could not be followed from where it was entered."""
        length = self.samples.place[-1] - self.samples.place[0]
        return self.first == self.last == End.LOST and bool(length < _TATTER)

    def reversed(self) -> Traced:
        """Return the same curve, walked from its other end."""
        return Traced(self.samples.reversed().ordered(), self.last, self.first)

    def followed_by(self, other: Traced) -> Traced:
        """Return this curve and, behind its end, another one."""
        end, start = self.samples, other.samples
        shift = end.place[-1] + (start.z[0] - end.z[-1]).norm() - start.place[0]
        moved = start.at(end.owner[:1].expand(len(start)), start.place + shift)
        return Traced(Samples.cat([end, moved]), self.first, other.last)


class Atlas:
    """Curves, followed from seeds; one that is known is not followed again.

    Args:
        curve: The equations.
        max_step: Longest step.
        stop: Ends the work early.

    Attributes:
        curves: The curves found.
    """

    def __init__(self, curve: Curve, max_step: float, stop: Stop) -> None:
        self.curve, self.max_step, self.stop = curve, max_step, stop
        self.curves: list[Traced] = []

    def enter_at_bounds(self, z: Tensor) -> None:
        """Follow the curves that begin at fixed points on the bounds.

        Curves have an orientation: some of their ends are departures, the others arrivals. From
        all departures each curve is followed once. Branch points break the rule, and what is then
        left over is followed backwards.
        """
        ahead = torch.zeros_like(z)
        ahead[:, -1] = 1 - 2 * (z[:, -1] > 0.5).to(z)
        is_departure = self.curve.index_signs(z) * ahead[:, -1] > 0
        for group in (is_departure, ~is_departure):
            left = group & ~self._is_end(z)
            if left.any() and not self.stop():
                new = self._followed(z[left], ahead[left])
                self.curves += [c for k, c in enumerate(new) if not _is_repeat(c, new[:k])]

    def enter(self, z: Tensor, ahead: Tensor | None = None) -> None:
        """Follow the curves through some states, both ways.

        Args:
            z: States, ``(n, state_size + 1)``.
            ahead: Directions of the curves there, if known.
        """
        if ahead is None:
            ahead = torch.full_like(z, 0.1)
            ahead[:, -1] = 1
        n_at_once = 1
        while not self.stop():
            is_new = ~self.holds(z)
            z, ahead = z[is_new], ahead[is_new]
            if not len(z):
                break
            for new in self._both_ways(z[:n_at_once], ahead[:n_at_once]):
                some = new.samples.z[[0, len(new.samples) // 2, -1]]
                if not new.is_tatter and not self.holds(some).any():
                    self.curves.append(new)
            z, ahead, n_at_once = z[n_at_once:], ahead[n_at_once:], 2 * n_at_once

    def join_at_corners(self) -> None:
        """Make one curve of two that were lost at the same place, at a kink."""
        while True:
            lost = [
                (k, side, z)
                for k, curve in enumerate(self.curves)
                for side, (z, end) in enumerate(curve.ends)
                if end == End.LOST
            ]
            pairs = [(a, b) for a, b in combinations(lost, 2) if a[0] != b[0]]
            gaps = [float((a[2] - b[2]).norm()) for a, b in pairs]
            if min(gaps, default=1.0) > _MEETS:
                return
            (k, side, _), (m, other, _) = pairs[gaps.index(min(gaps))]
            before = self.curves[k] if side == 1 else self.curves[k].reversed()
            after = self.curves[m] if other == 0 else self.curves[m].reversed()
            rest = [curve for n, curve in enumerate(self.curves) if n not in (k, m)]
            self.curves = [*rest, before.followed_by(after)]

    def _followed(self, z: Tensor, ahead: Tensor) -> list[Traced]:
        """Follow curves one way."""
        tracker = Tracker(self.curve, self.curve.sample(z, ahead), self.max_step, self.stop)
        samples = tracker.run()
        return [
            Traced(samples[samples.owner == k], End.BOUND, End(int(end)))
            for k, end in enumerate(tracker.end)
        ]

    def _both_ways(self, z: Tensor, ahead: Tensor) -> list[Traced]:
        """Follow curves ahead, and back those that do not close."""
        start = self.curve.sample(z, ahead)
        forward = Tracker(self.curve, start, self.max_step, self.stop)
        parts, first = [forward.run()], torch.full_like(forward.end, End.CLOSED)
        is_open = forward.end != End.CLOSED
        if is_open.any():
            backward = Tracker(self.curve, start[is_open].reversed(), self.max_step, self.stop)
            before = backward.run().reversed()
            parts.append(before[before.place < 0])
            first[is_open] = backward.end
        samples = Samples.cat(parts).ordered()
        ends = zip(first.tolist(), forward.end.tolist(), strict=True)
        return [
            Traced(samples[samples.owner == k], End(begin), End(end))
            for k, (begin, end) in enumerate(ends)
        ]

    def holds(self, z: Tensor) -> Tensor:
        """Return whether states lie on a known curve, ``(n,)``."""
        is_held = torch.zeros(len(z), dtype=torch.bool, device=z.device)
        if not self.curves or not len(z):
            return is_held
        known = Samples.cat([curve.samples for curve in self.curves])
        distance = torch.cdist(z, known.z, compute_mode="donot_use_mm_for_euclid_dist")
        near, which = distance.topk(min(_N_NEAREST, len(known)), largest=False)
        size = z.norm(dim=-1).clamp(min=1)
        for n in range(which.shape[1]):
            i = (~is_held & (near[:, n] < 2 * self.max_step * size)).nonzero()[:, 0]
            if not len(i):
                break
            foot, tangent = known.z[which[i, n]], known.tangent[which[i, n]]
            guess = foot + ((z[i] - foot) * tangent).sum(-1, keepdim=True) * tangent
            at, has_converged = self.curve.correct(guess, tangent)
            is_held[i] = has_converged & ((at - z[i]).norm(dim=-1) < _SAME * size[i])
        return is_held

    def _is_end(self, z: Tensor) -> Tensor:
        """Return whether states are ends of known curves, ``(n,)``."""
        ends = [at for curve in self.curves for at, end in curve.ends if end == End.BOUND]
        if not ends:
            return torch.zeros(len(z), dtype=torch.bool, device=z.device)
        return _are_same(z, torch.stack(ends)).any(1)


def _are_same(a: Tensor, b: Tensor) -> Tensor:
    """Return whether states of two sets are the same, ``(n, m)``."""
    distance = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    return distance < _SAME * a.norm(dim=-1, keepdim=True).clamp(min=1)


def _is_repeat(curve: Traced, others: list[Traced]) -> bool:
    """Return whether a curve is another one, followed from its other end."""
    z = curve.samples.z
    for other in others:
        ends = other.samples.z
        if _are_same(z[:1], ends[-1:]).all() and _are_same(z[-1:], ends[:1]).all():
            return True
    return False
