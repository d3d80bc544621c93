"""Following fixed points forwards or backwards along a parameter, up to where they vanish."""

from __future__ import annotations

import torch
from torch import Tensor

from pyrnn.dynamics.branches._curve import Curve, upwards
from pyrnn.dynamics.branches._singular import solve_singular
from pyrnn.dynamics.branches._tracker import Stop

__all__ = ["Pursuit"]

_FIRST, _LONGEST, _SHORTEST = 0.05, 0.25, 1e-10
_SHORT = 1e-3  # a step that is unusual, but near places where curves meet
_FARTHEST = 0.3  # longest move in a step, in units of the usual length of the states
_STEEP = 0.35  # the parameter's share of a unit tangent below which a fold may be near
_BEHIND = 1e-3  # how far behind a branch point a curve is followed again
_UNEXPECTED = 0.25  # largest deviation from the way to a fold, in units of its length
_LOOSE = 1e-6  # of a position where a fold was solved


class Pursuit:
    r"""Fixed points :math:`F_s(h) = h` of a curve while :math:`s` goes from one end to the other.

    Each point has a step of its own. A step is cubic, by the last two states and their velocities,
    and then Newton's. It is halved where Newton's method moves the state too far, or where the
    sign of the index changes, which says that it landed on another curve. Where two points meet
    and vanish, their fold is solved for.

    Args:
        curve: The equations.
        z: States at one end, ``(n, state_size + 1)``.
        goal: The other end, 0 or 1.
        tightness: Largest correction, in units of the usual length of the states.
        stop: Ends the work early.

    Attributes:
        z: Where each point is: at the goal, at its fold, or where it was lost.
        last: The last state of each on its way, ``(n, state_size + 1)``.
        is_gone: Whether it vanished, ``(n,)``.
        is_solved: Whether the place where it vanished is known to the last digits, ``(n,)``.
        is_symmetric: Whether that is a branch point, such as a pitchfork, ``(n,)``.
        nodes: States on the way, with owner and velocity, one entry for each step.
    """

    def __init__(self, curve: Curve, z: Tensor, goal: float, tightness: float, stop: Stop) -> None:
        self.curve, self.goal, self.tightness, self.stop = curve, goal, tightness, stop
        self.z, self.before, self.last = z.clone(), z.clone(), z.clone()
        self.sign, self.velocity, self.share = self._frame(z)
        self.last_velocity = self.velocity.clone()
        self.length = torch.full_like(z[:, 0], _FIRST)
        self.is_gone = torch.zeros_like(self.length, dtype=torch.bool)
        self.is_solved, self.is_symmetric = self.is_gone.clone(), self.is_gone.clone()
        everyone = torch.arange(len(z), device=z.device)
        self.nodes = [(everyone, z.clone(), self.velocity.clone())]

    def run(self) -> Pursuit:
        """Follow all points to the goal, or to where they vanish; return this pursuit."""
        while not self.stop():
            is_active = ~self.is_gone & (self.z[:, -1] != self.goal)
            active = is_active.nonzero()[:, 0]
            if not len(active):
                break
            self._advance(active)
        return self

    def _frame(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return index signs, velocities and the parameter's share of the unit tangents."""
        tangent, sign, _ = self.curve.frame(z, upwards(z))
        share = tangent[:, -1]
        return sign, tangent[:, :-1] / share[:, None], share

    def _advance(self, active: Tensor) -> None:
        now, before = self.z[active], self.before[active]
        left = self.goal - now[:, -1]
        step = torch.minimum(self.length[active], left.abs()) * left.sign()
        guess = torch.cat([self._predicted(active, now, before, step), now[:, -1:]], dim=-1)
        guess[:, -1] = torch.where(step.abs() >= left.abs(), self.goal, guess[:, -1] + step)
        z, is_good = self.curve.correct(guess, upwards(guess))
        correction = (z - guess).norm(dim=-1) / z.norm(dim=-1).clamp(min=1)
        is_good &= correction < self.tightness
        is_good &= (z - now)[:, :-1].norm(dim=-1) < _FARTHEST * z.norm(dim=-1).clamp(min=1)
        sign, velocity, share = self._frame(z)
        is_good &= sign == self.sign[active]
        self.length[active] *= torch.where(is_good, self._growth(correction), 0.5)
        self.length[active] = self.length[active].clamp(max=_LONGEST)
        moved = active[is_good]
        self.before[moved], self.last_velocity[moved] = self.z[moved], self.velocity[moved]
        self.z[moved], self.velocity[moved] = z[is_good], velocity[is_good]
        self.share[moved], self.last[moved] = share[is_good], z[is_good]
        self.nodes.append((moved, z[is_good], velocity[is_good]))
        self._look_for_folds(active[~is_good])

    def _growth(self, correction: Tensor) -> Tensor:
        """Return by how much to change the length of a step: corrections go with its 4th power."""
        ratio = 0.3 * self.tightness / correction.clamp(min=1e-12)
        return ratio.pow(0.25).clamp(0.5, 2.0)

    def _predicted(self, active: Tensor, now: Tensor, before: Tensor, step: Tensor) -> Tensor:
        """Return states ahead on the cubic through the last two states, or on the tangent."""
        velocity, earlier = self.velocity[active], self.last_velocity[active]
        past = (now - before)[:, -1]
        has_past = (past != 0)[:, None]
        past = torch.where(past != 0, past, 1.0)[:, None]
        t = step[:, None]
        linear = now[:, :-1] + t * velocity
        chord = (now - before)[:, :-1] / past
        bend = (velocity - chord) / past
        twist = (velocity - 2 * chord + earlier) / past**2
        cubic = linear + t**2 * bend + t**2 * (t + past) * twist
        return torch.where(has_past, cubic, linear)

    def _look_for_folds(self, stuck: Tensor) -> None:
        """Solve for the folds of points that cannot go on; give up those that are stuck."""
        is_short = self.length[stuck] < _SHORT
        stuck = stuck[(self.share[stuck].abs() < _STEEP) | is_short]
        for is_branch_point in (False, True):
            if is_branch_point:  # they are rare
                stuck = stuck[self.length[stuck] < _SHORT]
            if not len(stuck):
                return
            guess = self._extrapolated(stuck)
            kind = torch.full_like(stuck, is_branch_point, dtype=torch.bool)
            points = solve_singular(self.curve, guess, kind)
            is_passing = kind & (self.share[stuck].abs() > _STEEP)
            is_here = points.is_solved & self._is_ahead(stuck, points.z, is_passing)
            if is_branch_point:
                is_here &= ~self._crossed(stuck, points.z, is_here & is_passing)
            else:
                # Newton's method finds branch points, too
                is_here &= ~points.is_symmetric & ~points.is_crossing
            found = stuck[is_here]
            self.z[found], self.is_gone[found] = points.z[is_here], True
            self.is_solved[found], self.is_symmetric[found] = True, is_branch_point
            stuck = stuck[~is_here]
        self.is_gone[stuck[self.length[stuck] < _SHORTEST]] = True

    def _crossed(self, stuck: Tensor, at: Tensor, is_passing: Tensor) -> Tensor:
        """Go on behind branch points on the curves that pass them; return which succeed."""
        which = stuck[is_passing]
        if not len(which):
            return is_passing
        way = 1.0 if self.goal > 0.5 else -1.0
        ahead = (way * (self.goal - at[is_passing, -1:])).clamp(max=_BEHIND) * way
        change = torch.cat([ahead * self.velocity[which], ahead], dim=-1)
        guess = at[is_passing] + change
        z, is_good = self.curve.correct(guess, upwards(guess))
        is_good &= (z - guess).norm(dim=-1) < 0.5 * change.norm(dim=-1)
        which, z = which[is_good], z[is_good]
        self.z[which] = self.before[which] = self.last[which] = z
        self.sign[which], self.velocity[which], self.share[which] = self._frame(z)
        self.length[which] = _BEHIND
        self.nodes.append((which, z, self.velocity[which]))
        crossed = torch.zeros_like(is_passing)
        crossed[is_passing] = is_good
        return crossed

    def _extrapolated(self, stuck: Tensor) -> Tensor:
        r"""Return where velocities become infinite, as :math:`1/\sqrt{s^* - s}`."""
        now, before = self.z[stuck], self.before[stuck]
        q, q_before = (v[stuck].square().sum(-1) for v in (self.velocity, self.last_velocity))
        q, q_before = 1 / q, 1 / q_before
        ahead = (q / (q_before - q)).nan_to_num(0.0, 0.0, 0.0).clamp(0, 10)
        ahead = ahead * (now - before)[:, -1]
        move = 2 * ahead[:, None] * self.velocity[stuck]
        return torch.cat([now[:, :-1] + move, (now[:, -1] + ahead)[:, None]], dim=-1)

    def _is_ahead(self, stuck: Tensor, fold: Tensor, is_passing: Tensor) -> Tensor:
        r"""Return whether folds lie where the points that are stuck are going.

        Towards a fold states go with the root of the distance, :math:`h - h^* = 2 (s - s^*) v`;
        through a branch point a curve goes straight.
        """
        now = self.z[stuck]
        way = 1.0 if self.goal > 0.5 else -1.0
        ahead = (fold - now)[:, -1:]
        expected = torch.where(is_passing[:, None], 1.0, 2.0) * ahead * self.velocity[stuck]
        gap = (fold - now)[:, :-1]
        is_near = (gap - expected).norm(dim=-1) <= _UNEXPECTED * expected.norm(dim=-1) + _LOOSE
        is_near &= gap.norm(dim=-1) < _FARTHEST * now.norm(dim=-1).clamp(min=1)
        is_inside = way * (self.goal - fold[:, -1]) >= 0
        return is_near & is_inside & (way * ahead[:, 0] > -(_LOOSE**2))
