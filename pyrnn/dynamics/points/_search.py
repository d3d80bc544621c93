"""Rounds of starts that look for every point that a step leaves in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.linalg import vector_norm

from pyrnn.dynamics.maps import DeformedMap, Map, ScaledMap, state_scale
from pyrnn.dynamics.points._kinks import find_kinks
from pyrnn.dynamics.points._known import Known
from pyrnn.dynamics.points._newton import newton
from pyrnn.dynamics.points._record import TELLING, SearchRecord
from pyrnn.dynamics.points._roots import resolve, uncertainty
from pyrnn.dynamics.points._seeding import (
    corners,
    evenly,
    midpoints,
    mixtures,
    neighbor_pairs,
    spread,
    spread_out,
)
from pyrnn.dynamics.points._settle import settle
from pyrnn.progress import interruptible, track
from pyrnn.validate import as_rng

__all__ = ["Found", "Search"]

_INPUTS_AT_ONCE = 16
_QUIET, _MAX_QUIET = 2, 12  # sets of starts that brought nothing new
_PER_POINT = 4  # quiet starts for each point found
_RUN_STEPS, _RUN_MERGE = 32, 1e-2
_SPREAD = 0.5  # in standard deviations of the starts
_MOVING = 1, 2, 4, 8, 16  # all starts move on by a step, every second by two, …
_STAYING = 1  # … but for every fourth, counted from this one
_COARSE, _COARSE_MERGE = 1e-2, 1e-3
_FINE, _FINE_MERGE = 1e-13, 1e-8
_SIMPLE = 1e-9  # largest distance to the root, in units of the state, of a simple root
_NEAR_ZERO = 1e-7  # residuals above it are no root, however degenerate
_ZERO = 2e-13  # residuals above it are no root once Newton's method has done what it can
_REACH = 4.0  # degenerate points farther out, in units of the largest start, do not count
_APART = 1e-3  # degenerate points closer than this are one
_N_PATHS, _N_DEFORMATIONS = 16, 20
_N_NEIGHBORS = 64  # stable points with which each is paired
_N_CONTINUUM = 100  # states that stand for a continuum
_BEYOND = 5.0  # doublings of the usual size to which starts go beyond it
_FAR = 1e3  # starts farther out than this, in units of the usual size, are not mixed with others
_FARTHEST = 1e30  # and those beyond this overflow in single precision


class Found(NamedTuple):
    """What a search found.

    Attributes:
        states: Points, ``(n, state_size)``.
        inputs: Their inputs, ``(n, input_size)``.
        jacobians: Jacobian at each, ``(n, state_size, state_size)``.
        eigenvalues: Its eigenvalues, ``(n, state_size)``.
        multiplicity: How many roots meet in each, ``(n,)``; zero where that is unknown.
        growth: Growth at kinks, ``(n,)``; NaN where the step is smooth.
        record: What the search did.
    """

    states: Tensor
    inputs: Tensor
    jacobians: Tensor
    eigenvalues: Tensor
    multiplicity: Tensor
    growth: Tensor
    record: SearchRecord


@dataclass
class Search:
    """A search with its options, see :func:`~pyrnn.dynamics.find_fixed_points`.

    It works in units of the states' usual size, so that its lengths are relative ones.

    Args:
        step: The map.
        pool: States to start from, ``(n, state_size)``.
        tol: Largest residual of a point, in units of the usual size of the states.
        round_size: Starts of a set.
        max_rounds: Most rounds.
        rng: Random generator.
        progress: Whether to show a progress bar.
    """

    step: Map
    pool: Tensor
    tol: float
    round_size: int = 64
    max_rounds: int = 64
    rng: torch.Generator = field(default_factory=as_rng)
    progress: bool = False
    n_starts: int = field(default=0, init=False)
    n_converged: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        sizes = self.pool.abs().amax(-1)
        self.scale = state_scale(sizes)
        if self.scale != 1:
            self.step, self.pool = ScaledMap(self.step, self.scale), self.pool / self.scale
            sizes = sizes / self.scale
        is_far = sizes > _FAR
        self.far = self.pool[is_far & (sizes < _FARTHEST)]
        if is_far.any() and not is_far.all():
            self.pool, sizes = self.pool[~is_far], sizes[~is_far]
        self._largest = max(1.0, float(sizes.max()))

    def run(self, inputs: Tensor) -> Found:
        """Return the points under some inputs.

        Args:
            inputs: Inputs to search under, ``(n_inputs, input_size)``.
        """
        parts, found, n_new, is_cut = inputs.split(_INPUTS_AT_ONCE), [], [], False
        n_rounds = self.max_rounds * len(parts)
        with interruptible() as interrupt:
            rounds = iter(track(range(n_rounds), "searching", enabled=self.progress))
            for part in parts:
                known = Known.nothing(self.pool, len(part))
                for i in range(self.max_rounds):
                    active = [k for k in range(len(part)) if not self._is_done(known, k)]
                    if not active or interrupt.pressed:
                        break
                    next(rounds, None)
                    before = len(known.h)
                    self._round(known, active, part, is_first=i == 0)
                    n_new.append(len(known.h) - before)
                is_cut |= not all(self._is_done(known, k) for k in range(len(part)))
                found.append((known, part))
        return self._results(found, tuple(n_new), is_cut)

    def _results(
        self, found: list[tuple[Known, Tensor]], n_new: tuple[int, ...], is_cut: bool
    ) -> Found:
        """Put the knowledge of all inputs together, in the user's units."""
        columns = []
        for known, part in found:
            kept = self._thinned(known)
            inputs = part[known.owner[kept]]
            about = known.jacobians, known.eigenvalues, known.multiplicity, known.growth
            columns.append((known.h[kept] * self.scale, inputs, *(each[kept] for each in about)))
        unseen = sum(known.unseen(k) for known, part in found for k in range(len(part)))
        n_unbalanced = sum(
            not known.is_balanced(k) for known, part in found for k in range(len(part))
        )
        record = SearchRecord(
            self.n_starts,
            self.n_converged,
            n_new,
            is_cut,
            n_unseen=unseen,
            n_unbalanced=n_unbalanced,
            dimension=max(int(known.continuum.max()) for known, _ in found),
            unit=self.scale,
        )
        h, x, jacobians, eigenvalues, multiplicity, growth = (
            torch.cat(column) for column in zip(*columns, strict=True)
        )
        return Found(h, x, jacobians, eigenvalues, multiplicity, growth, record)

    def _thinned(self, known: Known) -> Tensor:
        """Return the numbers of points to report: of a continuum no more than some."""
        is_kept = torch.ones_like(known.owner, dtype=torch.bool)
        for k in known.continuum.nonzero()[:, 0].tolist():
            its = ((known.owner == k) & (known.multiplicity != 1)).nonzero()[:, 0]
            is_kept[its] = False
            is_kept[its[evenly(known.h[its], _N_CONTINUUM)]] = True
        return is_kept.nonzero()[:, 0]

    def _is_done(self, known: Known, k: int) -> bool:
        n_quiet, n_points = int(known.quiet[k]), known.n_points(k)
        if known.continuum[k]:
            return n_quiet >= _QUIET * self.round_size
        enough = max(_QUIET * self.round_size, _PER_POINT * n_points)
        if n_quiet >= max(_MAX_QUIET * self.round_size, 4 * enough):
            return True
        is_whole = known.is_balanced(k) and known.unseen(k) < 0.5
        is_whole &= known.n_told(k) >= TELLING * enough
        return n_quiet >= enough and is_whole and self._pairs_left(known, k) == 0

    def _pairs_left(self, known: Known, k: int) -> int:
        n = int(((known.owner == k) & known.is_stable).sum())
        few = min(n, _N_NEIGHBORS + 1)
        n_pairs = few * (few - 1) // 2 + (n - few) * _N_NEIGHBORS
        return n_pairs - int(known.n_pairs[k])

    @cached_property
    def coarse(self) -> Map:
        """The map in float32."""
        return self.step.to(torch.float32)

    @cached_property
    def _rough(self) -> Tensor:
        return self.pool.float()

    @cached_property
    def _sample(self) -> Tensor:
        return self._rough[:: 1 + len(self.pool) // 1024]

    @cached_property
    def _widths(self) -> Tensor:
        return spread(self._sample)

    @cached_property
    def _sample_size(self) -> float:
        return _size(self._sample)

    @cached_property
    def _cap(self) -> float:
        return 2 * max(1.0, self._sample_size) * self.pool.shape[-1] ** 0.5

    # ------------------------------------------------------------------ starts

    def _starts(self, known: Known, k: int, x: Tensor, *, is_first: bool) -> Tensor:
        """Return the starts of the next round under one input."""
        if is_first:
            return torch.cat([mixtures(self._rough, self.round_size, self.rng), self.far.float()])
        n = max(2 * self.round_size, known.n_points(k))
        between = self._midpoints_of_stable(known, k, n // 2)
        found = known.h[known.owner == k].float()
        others = self._random_starts(n - len(between), found, int(known.quiet[k]))
        if known.quiet[k] < _QUIET * self.round_size or known.is_balanced(k):
            return torch.cat([between, others])
        return torch.cat([between, self._deformed(x), others])

    def _deformed(self, x: Tensor) -> Tensor:
        r"""Return where fixed points go while a constant map is deformed into the network's.

        .. math:: F_s(h) = s F(h) + (1 - s) c, \qquad 0 \le s \le 1

        Of a bounded network most of these paths end at a fixed point, however high its gain.
        """
        center = mixtures(self._rough, _N_PATHS - 2, self.rng)
        center = torch.cat([center, self._rough.mean(0)[None], torch.zeros_like(center[:1])])
        h, given = center, torch.cat([x.float().expand(len(center), -1), center], dim=-1)
        for share in torch.linspace(0, 1, _N_DEFORMATIONS + 1)[1:].tolist():
            step = DeformedMap(self.coarse, share)
            h = newton(step, h, given, tol=1e-4, n_iterations=3, cap=self._cap).states
        return h

    def _midpoints_of_stable(self, known: Known, k: int, n: int) -> Tensor:
        """Return midpoints of stable points that are near each other; saddles lie there."""
        if not self._pairs_left(known, k):
            return self._rough[:0]
        stable = known.stable(k)
        first, second = neighbor_pairs(stable, _N_NEIGHBORS)
        chosen = slice(int(known.n_pairs[k]), int(known.n_pairs[k]) + n)
        known.n_pairs[k] = min(len(first), chosen.stop)
        return ((stable[first[chosen]] + stable[second[chosen]]) / 2).float()

    def _random_starts(self, n: int, found: Tensor, n_quiet: int) -> Tensor:
        between = midpoints(found, n // 2, self.rng)
        starts = torch.cat([mixtures(self._rough, n - len(between), self.rng), between])
        # every other start goes farther out, every fourth anywhere, of these half far beyond
        reach = _SPREAD * (n_quiet / self.round_size + torch.arange(n) % 2).to(starts)
        starts = spread_out(starts, reach[:, None] * self._widths, self.rng)
        far = starts[3::4]
        far[:] = max(self._sample_size, _size(found)) * corners(far, self.rng)
        beyond = far[1::2]
        beyond *= torch.pow(2, _BEYOND * torch.rand(len(beyond), 1, generator=self.rng)).to(far)
        return starts

    # ------------------------------------------------------------------ a round

    def _round(self, known: Known, active: list[int], inputs: Tensor, *, is_first: bool) -> None:
        """Search coarsely, then polish what may be new."""
        starts = [self._starts(known, k, inputs[k], is_first=is_first) for k in active]
        counts = torch.tensor([len(start) for start in starts])
        whose = torch.tensor(active).repeat_interleave(counts).to(known.h.device)
        h = torch.cat(starts)
        if is_first:
            h, whose = self._settled(h, whose, inputs, known)
        known.quiet[active] += counts
        self.n_starts += len(h)
        h, kept = self._coarse_search(h, whose, inputs, known)
        if len(kept):
            self._polish(h, whose[kept], inputs, known)

    def _settled(
        self, h: Tensor, whose: Tensor, inputs: Tensor, known: Known
    ) -> tuple[Tensor, Tensor]:
        """Follow the network, to the attractors, which mixtures miss; keep one start of each."""
        h = settle(self.coarse, h, inputs[whose].float(), torch.full((len(h),), _RUN_STEPS))
        is_new = _is_new(h.double(), whose, known, _RUN_MERGE)
        return h[is_new], whose[is_new]

    def _move_on(self, h: Tensor, x: Tensor) -> Tensor:
        """Return starts after a few steps of the network, most of them after one or none."""
        # those that move on save the search work; those that stay find the points that repel
        place = torch.arange(len(h))
        moves = (place[:, None] % torch.tensor(_MOVING) == 0).sum(-1)
        moves[_STAYING::4] = 0
        return settle(self.coarse, h, x, moves, is_wary=True)

    def _coarse_search(
        self, starts: Tensor, whose: Tensor, inputs: Tensor, known: Known
    ) -> tuple[Tensor, Tensor]:
        """Return rough new points, and which starts they come from."""
        x = inputs[whose].float()
        h = self._move_on(starts, x)
        h, residual, point = newton(
            self.coarse,
            h,
            x,
            tol=1e-4,
            n_iterations=12,
            cap=self._cap,
            n_stragglers=len(starts) // 16,
            known=known,
            owner=whose,
        )
        known.hit(point[point >= 0])
        kept = (residual < _COARSE).nonzero()[:, 0]
        self.n_converged += len(kept) + int((point >= 0).sum())
        kept = kept[residual[kept].argsort()]
        h = h[kept].double()
        is_new = _is_new(h, whose[kept], known, _COARSE_MERGE)
        return h[is_new], kept[is_new]

    # ------------------------------------------------------------------ polishing

    def _polish(self, h: Tensor, whose: Tensor, inputs: Tensor, known: Known) -> None:
        """Solve to the last digits, and add what is new."""
        x = inputs[whose]
        h, residual, _ = newton(self.step, h, x, tol=_FINE, n_iterations=6, cap=self._cap)
        near = (residual < _NEAR_ZERO).nonzero()[:, 0]
        near = near[residual[near].argsort()]
        h, whose, residual = h[near], whose[near], residual[near]
        x = inputs[whose]
        roots = uncertainty(self.step, h, x)
        unit = _unit(h)
        is_simple = (roots.distance < _SIMPLE * unit) & (residual < self.tol * unit)
        for i in self._new(h, whose, known, is_simple).split(64):
            ones = torch.ones_like(i)
            kinks = find_kinks(self.step, h[i], x[i], roots.jacobians[i])
            known.add(h[i], whose[i], kinks, roots.inverses[i], ones)
        if not is_simple.all():
            self._add_degenerate(h[~is_simple], whose[~is_simple], inputs, known)

    def _new(self, h: Tensor, whose: Tensor, known: Known, is_simple: Tensor) -> Tensor:
        """Return which simple roots are new."""
        i = is_simple.nonzero()[:, 0]
        return i[_is_new(h[i], whose[i], known, _FINE_MERGE)]

    def _add_degenerate(self, h: Tensor, whose: Tensor, inputs: Tensor, known: Known) -> None:
        """Decide one by one what nearly degenerate states are, and add what they stand for."""
        for state, k in self._candidates(h, whose, inputs, known):
            n_quiet = known.quiet.clone()
            if known.continuum[k]:
                self._add(state[None], k, inputs, known, torch.zeros(1, dtype=torch.long))
                known.quiet = n_quiet  # more of a continuum is nothing new
                continue
            resolved = resolve(self.step, state, inputs[k])
            known.continuum[k] = resolved.dimension
            if len(resolved.states):
                self._add(resolved.states, k, inputs, known, resolved.multiplicity)
            if resolved.dimension:
                self._fill(k, inputs, known)

    def _candidates(
        self, h: Tensor, whose: Tensor, inputs: Tensor, known: Known
    ) -> Iterator[tuple[Tensor, int]]:
        """Yield states that may be degenerate, of those close together one."""
        h, residual, _ = newton(
            self.step, h, inputs[whose], tol=1e-16, n_iterations=12, cap=self._cap
        )
        order = residual.argsort()
        # gates that saturate far out hold any state, but no run gets there
        is_near = h.abs().amax(-1) <= _REACH * self._largest
        is_root = residual < _ZERO * (1 + vector_norm(h, dim=-1))
        order = order[(is_near & is_root)[order]]
        h, whose = h[order], whose[order]
        for i in range(len(h)):
            is_close = known.owner == whose[i]
            is_close &= vector_norm(known.h - h[i], dim=-1) < _APART
            if not is_close.any():
                yield h[i], int(whose[i])

    def _fill(self, k: int, inputs: Tensor, known: Known) -> None:
        """Add states all over a continuum: those that the pool relaxes to."""
        h = self.pool[:: 1 + len(self.pool) // 512]
        x = inputs[k].expand(len(h), -1)
        h, residual, _ = newton(self.step, h, x, tol=_FINE, n_iterations=20, cap=self._cap)
        h, x = h[residual < 1e-12], x[residual < 1e-12]
        is_isolated = uncertainty(self.step, h, x).distance < _SIMPLE * _unit(h)
        h = h[~is_isolated]
        h = h[evenly(h, _N_CONTINUUM)]
        self._add(h, k, inputs, known, torch.zeros(len(h), dtype=torch.long))

    def _add(self, h: Tensor, k: int, inputs: Tensor, known: Known, multiplicity: Tensor) -> None:
        owner = torch.full((len(h),), k, device=h.device)
        is_new = _is_new(h, owner, known, _FINE_MERGE)
        h, owner, multiplicity = h[is_new], owner[is_new], multiplicity.to(h.device)[is_new]
        if len(h):
            x = inputs[owner]
            roots = uncertainty(self.step, h, x)
            kinks = find_kinks(self.step, h, x, roots.jacobians)
            known.add(h, owner, kinks, roots.inverses, multiplicity)


def _unit(h: Tensor) -> Tensor:
    """Return the length that small ones are compared with, ``(n,)``."""
    return 0.1 + vector_norm(h, dim=-1)


def _size(states: Tensor) -> float:
    """Return how large the states of a unit are."""
    return float(states.square().mean().sqrt()) if len(states) else 0.0


def _is_new(h: Tensor, whose: Tensor, known: Known, radius: float) -> Tensor:
    """Mark states that repeat neither a known point nor an earlier state of their own input."""
    reach = radius * (0.1 + vector_norm(h, dim=-1, keepdim=True))
    is_known = _distances(h, known.h, radius) < reach
    is_known &= whose[:, None] == known.owner
    is_repeat = _distances(h, h, radius) < reach
    is_repeat &= whose[:, None] == whose
    return ~(is_known.any(1) | is_repeat.tril(-1).any(1))


def _distances(a: Tensor, b: Tensor, radius: float) -> Tensor:
    """Return the distances of all pairs; a product of matrices errs by 1e-7 of the states."""
    mode = (
        "donot_use_mm_for_euclid_dist" if radius < 1e-6 else "use_mm_for_euclid_dist_if_necessary"
    )
    return torch.cdist(a, b, compute_mode=mode)
