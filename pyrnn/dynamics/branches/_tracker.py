"""Following curves of fixed points of any family of maps over one parameter, all in one batch."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

import torch
from torch import Tensor

from pyrnn.dynamics.branches._borders import step_across
from pyrnn.dynamics.branches._curve import Curve, upwards
from pyrnn.dynamics.branches._samples import Samples

__all__ = ["End", "Stop", "Tracker"]

_SHARPEST_TURN = 0.3  # largest difference of the unit tangents of neighboring samples
_USUAL_TURN = 0.2
_LARGEST_CORRECTION = 0.3  # in units of the step
_SMALLEST = 1e-7
_THROUGH = 1e-5  # longest step through a branch point
_FAR = 1e3  # in units of the usual length of the states
_SAME = 1e-6
_FEWEST, _LONGEST = 1000, 100.0  # limit on the number of steps, and on their length together
_OUTSIDE = 1e-12
_N_BETWEEN = 16


class End(IntEnum):
    """Why a curve ends."""

    RUNNING = 0
    BOUND = 1
    CLOSED = 2
    LOST = 3
    FAR = 4
    LONG = 5
    STOPPED = 6


class Stop(Protocol):
    """Something that is asked at every step whether to stop early."""

    def __call__(self) -> bool:
        """Return whether to stop."""


class Tracker:
    """Pseudo-arclength continuation of many curves, each with a step length of its own.

    Args:
        curve: The equations.
        start: One sample for each curve; each is followed along its tangent.
        max_step: Longest step. Beyond the usual length of the states it grows with them.
        stop: Ends the work early.

    Attributes:
        end: Why each curve ends, of ``End``.
    """

    def __init__(self, curve: Curve, start: Samples, max_step: float, stop: Stop) -> None:
        self.curve, self.start, self.max_step, self.stop = curve, start, max_step, stop
        self.head = Samples.cat([start])
        self.length = torch.full_like(start.place, max_step)
        self.end = torch.full_like(start.owner, End.RUNNING)
        self.found = [start]

    def run(self) -> Samples:
        """Return the samples of all curves, ordered, with the number of the curve as owner."""
        for _ in range(_FEWEST + int(_LONGEST / self.max_step)):
            active = (self.end == End.RUNNING).nonzero()[:, 0]
            if not len(active):
                break
            if self.stop():
                self.end[active] = End.STOPPED
                break
            self._advance(active)
        self.end[self.end == End.RUNNING] = End.LONG
        return Samples.cat(self.found).ordered()

    def _advance(self, active: Tensor) -> None:
        """Make one step on each active curve; shorten those that fail."""
        now = self.head[active]
        step = self.length[active] * _stretch(now)
        guess = now.z + step[:, None] * now.tangent
        z, is_good = self.curve.correct(guess, now.tangent)
        is_good &= (z - guess).norm(dim=-1) < _LARGEST_CORRECTION * step
        z, end, is_good = self._leave(now, step, z, is_good)
        z, end = self._close(now, z, end, is_good, self.start[active])
        tangent, orientation, jacobian = self.curve.frame(z, now.tangent)
        is_singular = ((end == End.BOUND) & ~tangent.isfinite().all(-1))[:, None]
        tangent = torch.where(is_singular, now.tangent, tangent)
        turn = (tangent - now.tangent).norm(dim=-1)
        is_good &= turn < _SHARPEST_TURN
        is_past_branch_point = is_good & (orientation * now.orientation < 0) & (step > _THROUGH)
        is_good &= ~is_past_branch_point
        end = torch.where(is_good, end, End.RUNNING)
        end[is_good & (z.norm(dim=-1) > _FAR)] = End.FAR
        factor = torch.where(is_good, (_USUAL_TURN / turn).clamp(0.5, 3), 0.5)
        factor[is_past_branch_point] = 0.25
        self.length[active] = (factor * self.length[active]).clamp(max=self.max_step)
        end[self.length[active] < _SMALLEST] = End.LOST
        self.end[active] = end
        if is_good.any():
            frame = z, tangent, orientation, jacobian
            self._keep(active[is_good], now[is_good], *(part[is_good] for part in frame))
        for i in [] if self.curve.family.is_smooth else active[end == End.LOST].tolist():
            self._cross(torch.tensor([i], device=z.device))

    def _keep(
        self, which: Tensor, now: Samples, z: Tensor, tangent: Tensor, sign: Tensor, jac: Tensor
    ) -> None:
        """Take states in."""
        place = now.place + (z - now.z).norm(dim=-1)
        new = self.curve.measured(now.owner, place, z, tangent, sign, jac)
        self.found.append(new)
        self.head.put(which, new)

    def _cross(self, which: Tensor) -> None:
        """Go on behind a kink, if that is what stopped a curve."""
        now = self.head[which]
        behind = step_across(self.curve, now.z, now.tangent)
        if behind is not None:
            z, ahead = behind
            self._keep(which, now, z, *self.curve.frame(z, ahead))
            self.length[which] = (z - now.z).norm()
            self.end[which] = End.RUNNING

    def _leave(
        self, now: Samples, step: Tensor, z: Tensor, is_good: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Stop on a bound the steps that go beyond it, though they may come back."""
        share = torch.arange(1, _N_BETWEEN + 1).to(z) / _N_BETWEEN
        straight = (step * now.tangent[:, -1])[:, None]
        bend = (z - now.z)[:, -1:] - straight
        parameter = now.z[:, -1:] + straight * share + bend * share.square()
        is_outside = (parameter < -_OUTSIDE) | (parameter > 1 + _OUTSIDE)
        end = torch.full_like(now.owner, End.RUNNING)
        leaves = (is_outside.any(1) & is_good).nonzero()[:, 0]
        if not len(leaves):
            return z, end, is_good
        first = is_outside[leaves].long().argmax(1)
        crossed = parameter[leaves, first]
        at = (share[first] - 0.5 / _N_BETWEEN)[:, None]
        move = step[leaves, None] * now.tangent[leaves]
        guess = now.z[leaves] + at * move + at**2 * (z[leaves] - now.z[leaves] - move)
        guess[:, -1] = (crossed > 0.5).to(z)
        on_bound, is_landed = self.curve.land(guess, upwards(guess))
        is_landed &= (on_bound - guess).norm(dim=-1) < step[leaves]
        z, is_good = z.clone(), is_good.clone()
        z[leaves[is_landed]] = on_bound[is_landed]
        end[leaves[is_landed]] = End.BOUND
        is_good[leaves] = is_landed | ~is_outside[leaves, -1]
        return z, end, is_good

    def _close(
        self, now: Samples, z: Tensor, end: Tensor, is_good: Tensor, start: Samples
    ) -> tuple[Tensor, Tensor]:
        """End on their starts the steps that come back there."""
        chord = z - now.z
        before = ((now.z - start.z) * start.tangent).sum(-1)
        after = ((z - start.z) * start.tangent).sum(-1)
        length = chord.norm(dim=-1)
        is_near = (before < 0) & (after >= 0) & ((z - start.z).norm(dim=-1) < 2 * length)
        i = (is_near & is_good & (end == End.RUNNING)).nonzero()[:, 0]
        if not len(i):
            return z, end
        share = (before / (before - after))[i, None]
        guess = now.z[i] + share * chord[i]
        back, has_converged = self.curve.correct(guess, start.tangent[i])
        has_converged &= (back - start.z[i]).norm(dim=-1) < _SAME
        z, end = z.clone(), end.clone()
        z[i[has_converged]] = start.z[i[has_converged]]
        end[i[has_converged]] = End.CLOSED
        return z, end


def _stretch(now: Samples) -> Tensor:
    """Return the length in which no more than 1 is added to the parameter or to the states.

    Beyond the usual length of the states it is their own length that counts.
    """
    size = now.z[:, :-1].norm(dim=-1).clamp(min=1)
    by_states = now.tangent[:, :-1].norm(dim=-1) / size
    return 1 / by_states.maximum(now.tangent[:, -1].abs())
