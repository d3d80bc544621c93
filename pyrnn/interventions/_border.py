"""The border of a basin of attraction: where it is in a direction, and its nearest point."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from pyrnn.dynamics import Spectrum
from pyrnn.dynamics.maps import Map
from pyrnn.dynamics.points import Attraction

__all__ = ["AT_SADDLE", "Border", "Nearest"]

_NEAR = 0.05  # of the distance from attractor to saddle: a run this near has come back
_REACH = 4.0  # how far to look for the border, in units of that distance
_N_CELLS, _N_SECTIONS = 64, 128
_COARSE = 1e-10  # how exactly the border is found until the direction has converged
_WIDTH = 1e-3  # of the interval around a guess
_AT_REST = 1e-10  # a run that moves so little, away from the saddle, is at another attractor
AT_SADDLE = 0.2  # a run from the border that comes no nearer belongs to another saddle
_CLOSE, _CLOSE_AT_FIRST = 1e-7, 1e-3  # a run this near has arrived at the saddle
_FINER = 0.01  # of the angle that is left: how near it has to come until then
_TINY = 1e-300  # length of a vector that counts as zero
_N_KEPT = 5  # rounds from which the next direction is extrapolated
_CHECK_EVERY = 10
_ON_ARM = 0.95  # share of the way from the saddle, near it, that lies along its unstable mode
_AT_ONCE = 128  # Jacobians


class Nearest(NamedTuple):
    """The point of a border that is nearest to the attractor.

    Attributes:
        size: Its distance; infinite if no border was found.
        direction: Its direction, of unit length, ``(state_size,)``.
        estimate: What the linear part of the step at the saddle predicts for the size.
        angle: Angle between the direction and the normal of the border, in radians.
        nearest: How near the run from there comes to the saddle, as a share of the distance from
            attractor to saddle.
        n_rounds: Rounds of the iteration.
    """

    size: float
    direction: Tensor
    estimate: float
    angle: float
    nearest: float
    n_rounds: int


class Border:
    """The border of a basin that belongs to a saddle.

    Args:
        step: The map.
        a: The attractor.
        s: The saddle.
        x: The input.
        at_s: Spectrum there.
        n_steps: Most steps of a run.
    """

    def __init__(
        self, step: Map, a: Tensor, s: Tensor, x: Tensor, at_s: Spectrum, n_steps: int
    ) -> None:
        self.step, self.a, self.s, self.x = step, a, s, x
        left = normalize(at_s.left[0].real, dim=-1)
        self.left = left if left @ (s - a) >= 0 else -left
        self.right = at_s.right[:, 0].real
        self.n_steps = n_steps
        self.scale = float((s - a).norm())
        self.attraction = Attraction.of(a[None], step.jacobian(a, x)[None], self.scale)
        self.arms: Tensor | None = None  # whether they lead back: the near and the far one
        away = self.right if self.right @ self.left > 0 else -self.right
        nudge = 0.1 * _NEAR * self.scale * away
        self.arms = self.comes_back(torch.stack([s - nudge, s + nudge]))

    def nearest(self, tol: float, max_rounds: int) -> Nearest:
        """Turn the direction to the normal of the border until they are parallel."""
        d, guess, width, precision = self.left, math.inf, 0.0, _COARSE
        if not math.isfinite(self.distance(d, _WIDTH)):
            d = (self.s - self.a) / self.scale  # which leads to the border for sure
        angle = near = math.inf
        turns = _Turns()
        for n in range(1, max_rounds + 1):
            r = self.distance(d, precision, guess, width)
            if not math.isfinite(r):
                break
            p = self.a + r * d
            close = max(_CLOSE, min(_CLOSE_AT_FIRST, _FINER * angle))
            normal, near = self.normal(p, close)
            normal = normal * (1 if normal @ d >= 0 else -1)
            angle = 2 * math.asin(min(1.0, float((normal - d).norm()) / 2))
            if angle <= tol or n == max_rounds:
                break
            d = turns.next(d, normalize(d + normal, dim=-1))
            guess = float(normal @ (p - self.a)) / float(normal @ d)  # if the border were flat
            width, precision = min(_WIDTH, 3 * angle**2), max(_COARSE, 1e-4 * angle)
        r = self.distance(d, 0.0, r, 2 * precision)
        return Nearest(r, d, float(self.left @ (self.s - self.a)), angle, near, n)

    def distance(
        self, d: Tensor, precision: float, guess: float = math.inf, width: float = 0.0
    ) -> float:
        """Return how far the border is in a direction, infinite if it is not met.

        Args:
            d: The direction.
            precision: How exactly, in units of the distance from attractor to saddle.
            guess: Where to look first.
            width: How far to look on both sides of the guess, in the same units.
        """
        reach = (width + precision) * self.scale
        found = self._section(d, guess - reach, guess + reach) if math.isfinite(guess) else None
        if found is None:
            lengths = torch.linspace(0, _REACH * self.scale, _N_CELLS + 1).to(self.a)
            has_left = self._has_left(lengths[1:], d)
            if not has_left.any():
                return math.inf
            i = int(has_left.double().argmax())
            found = float(lengths[i]), float(lengths[i + 1])
        low, high = found
        while high - low > precision * self.scale and low < (low + high) / 2 < high:
            found = self._section(d, low, high)
            if found is None:  # rounding decides
                break
            low, high = found
        return high

    def _section(self, d: Tensor, low: float, high: float) -> tuple[float, float] | None:
        """Return the part of an interval that holds the border, None if the interval does not."""
        shares = torch.linspace(0, 1, _N_SECTIONS + 1, dtype=self.a.dtype)
        lengths = low + (high - low) * shares.to(self.a.device)
        has_left = self._has_left(lengths, d)
        if has_left[0] or not has_left[-1]:
            return None
        i = int(has_left.double().argmax())
        return float(lengths[i - 1]), float(lengths[i])

    def _has_left(self, lengths: Tensor, d: Tensor) -> Tensor:
        return ~self.comes_back(self.a + lengths[:, None] * d)

    def comes_back(self, h: Tensor) -> Tensor:
        """Return whether the network comes back to the attractor from each state.

        A run that leaves the saddle along its unstable mode goes where this arm of it leads.
        """
        back = torch.zeros(len(h), dtype=torch.bool, device=h.device)
        running, x = torch.arange(len(h), device=h.device), self.x.expand(len(h), -1)
        for i in range(1, self.n_steps + 1):
            h, before = self.step(h, x), h
            if i % _CHECK_EVERY:
                continue
            is_back = (h - self.a).norm(dim=-1) < _NEAR * self.scale
            near = is_back.nonzero()[:, 0]
            only = torch.zeros_like(near)
            is_back[near] = self.attraction.draws(self.step, h[near], x[near], only)
            back[running[is_back]] = True
            moved = (h - before).norm(dim=-1)
            is_far = (h - self.s).norm(dim=-1) > _NEAR * self.scale
            rests = is_far & (moved < _AT_REST * self.scale)  # elsewhere
            goes_on = ~is_back & ~rests & h.isfinite().all(-1)
            if self.arms is not None:
                along, is_on_arm = self._along_arms(h)
                back[running[is_on_arm]] = self.arms[(along[is_on_arm] > 0).long()]
                goes_on &= ~is_on_arm
            h, x, running = h[goes_on], x[goes_on], running[goes_on]
            if not len(running):
                break
        return back

    def _along_arms(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return how far states are along the unstable mode, and whether they leave with it."""
        away = h - self.s
        along, length = away @ self.left / (self.left @ self.right).abs(), away.norm(dim=-1)
        return along, (length < _NEAR * self.scale) & (along.abs() > _ON_ARM * length)

    def normal(self, p: Tensor, close: float) -> tuple[Tensor, float]:
        """Return the normal of the border at a point, and how near its run comes to the saddle.

        The run leaves the saddle, as the point is not exactly on the border. From where it is
        nearest, it goes on within the plane of the stable modes.

        Args:
            p: The point.
            close: How near the saddle this has to come, in units of its distance.
        """
        states = self._run(p, close, is_free=True)
        near = float((states[-1] - self.s).norm()) / self.scale
        states = torch.cat([states[:-1], self._run(states[-1], close, is_free=False)])
        normal = self.left
        for part in reversed(states[:-1].split(_AT_ONCE)):
            jacobians = self.step.jacobian(part, self.x.expand(len(part), -1)).flip(0)
            for few in jacobians.split(_CHECK_EVERY):
                for jacobian in few:
                    normal = jacobian.mT @ normal
                normal = normalize(normal, dim=-1, eps=_TINY)
        return normal, near

    def _run(self, h: Tensor, close: float, *, is_free: bool) -> Tensor:
        """Return the states of a run until it is at the saddle, or nearest to it."""
        run, distances = [h], [float((h - self.s).norm())]
        for _ in range(self.n_steps):
            h = self.step(h, self.x)
            if not is_free:
                h = h - (self.left @ (h - self.s)) / (self.left @ self.right) * self.right
            run.append(h)
            distances.append(float((h - self.s).norm()))
            has_passed = is_free and distances[-1] > max(AT_SADDLE * self.scale, min(distances))
            is_past = has_passed and min(distances) < AT_SADDLE * self.scale / 2
            if is_past or distances[-1] < close * self.scale:
                break
        n = min(range(len(run)), key=distances.__getitem__)
        return torch.stack(run[: n + 1])


class _Turns:
    """Directions of the last rounds, from which the next one is extrapolated (Anderson 1965)."""

    def __init__(self) -> None:
        self.moves: list[Tensor] = []
        self.targets: list[Tensor] = []

    def next(self, d: Tensor, target: Tensor) -> Tensor:
        """Return where the rounds lead.

        Args:
            d: The direction of this round.
            target: The one to which it would turn.
        """
        move = target - d
        if self.moves and move.norm() > self.moves[-1].norm():  # it does not converge so far
            self.moves, self.targets = [], []
        self.moves, self.targets = self.moves[1 - _N_KEPT :], self.targets[1 - _N_KEPT :]
        self.moves.append(move)
        self.targets.append(target)
        if len(self.moves) == 1:
            return target
        changes = torch.stack([move - other for other in self.moves[:-1]], -1)
        shares = torch.linalg.lstsq(changes, move[:, None], driver="gelsd").solution
        others = torch.stack([target - other for other in self.targets[:-1]], -1)
        return normalize(target - (others @ shares)[:, 0], dim=-1)
