"""Rounds of starts that look for every point that a step leaves in place."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TypeVar

import torch
from torch import Tensor
from torch.linalg import vector_norm

from pyrnn.dynamics.maps import Map, index_signs
from pyrnn.dynamics.points._newton import newton
from pyrnn.dynamics.points._record import SearchRecord
from pyrnn.dynamics.points._seeding import corners, midpoints, mixtures, spread, spread_out
from pyrnn.dynamics.points.points import FixedPoint, Points, SlowPoint
from pyrnn.progress import interruptible, track
from pyrnn.validate import as_rng

__all__ = ["Found", "Search", "measure"]

_INPUTS_AT_ONCE = 16
_QUIET, _MAX_QUIET = 2, 12  # sets of starts that brought nothing new
_RUN_STEPS, _RUN_MERGE = 32, 1e-2
_SPREAD = 0.5  # in standard deviations of the starts
_MOVING = 1, 2, 4, 8, 16  # all starts move on by a step, every second by two, …
_COARSE, _COARSE_MERGE = 1e-2, 1e-3
_APPROACH = 0.2  # a step that leaves so little of the distance to a known point leads there
_MAX_ELEMENTS = 2**24  # of all inverses, and of those looked up at a time
_FINE, _FINE_MERGE = 1e-13, 1e-6
_CONVERGED = 1e-9  # a residual above it, relative to the state, is that of a slow point at best

_Set = TypeVar("_Set", bound=Points[FixedPoint] | Points[SlowPoint])


@dataclass
class Found:
    """What is known so far for a few inputs; ``owner`` says whose input a point has.

    ``inverse`` holds the inverses of :math:`I - J`, at as many points as there is memory for.
    """

    h: Tensor
    owner: Tensor
    sign: Tensor
    quiet: Tensor
    inverse: Tensor

    @classmethod
    def nothing(cls, pool: Tensor, n_inputs: int) -> Found:
        """Return the state of knowledge before the first round."""
        nobody = torch.zeros(0, dtype=torch.long, device=pool.device)
        quiet = torch.zeros(n_inputs, dtype=torch.long)
        inverse = pool.new_zeros(0, pool.shape[-1], pool.shape[-1], dtype=torch.float32)
        return cls(pool[:0], nobody, pool.new_zeros(0), quiet, inverse)

    def add(self, h: Tensor, owner: Tensor, jacobians: Tensor) -> None:
        """Take in the points of a round; a continuum would bring new ones for ever."""
        sign = index_signs(jacobians)
        self.quiet[owner[sign != 0].cpu()] = 0
        self.h, self.owner = torch.cat([self.h, h]), torch.cat([self.owner, owner])
        self.sign = torch.cat([self.sign, sign])
        room = max(1, _MAX_ELEMENTS // h.shape[-1] ** 2) - len(self.inverse)
        a = -jacobians[:room].float()
        a.diagonal(dim1=-2, dim2=-1).add_(1)
        inverse, _ = torch.linalg.inv_ex(a)
        self.inverse = torch.cat([self.inverse, inverse])

    def draws(self, h: Tensor, residual: Tensor, owner: Tensor) -> Tensor:
        """Mark states that a Newton step with the Jacobian of the nearest point takes there."""
        n = len(self.inverse)
        points = self.h[:n].float()
        distance = torch.cdist(h, points)
        if len(self.quiet) > 1:
            distance.masked_fill_(owner[:, None] != self.owner[:n], torch.inf)
        before, nearest = distance.min(1)
        chunk = max(1, _MAX_ELEMENTS // h.shape[-1] ** 2)
        parts = zip(nearest.split(chunk), residual[..., None].split(chunk), strict=True)
        moves = torch.cat([self.inverse.index_select(0, i) @ r for i, r in parts])[..., 0]
        after = h + moves - points.index_select(0, nearest)
        return (after.norm(dim=-1) < _APPROACH * before) & (before < torch.inf)

    def active(self) -> list[int]:
        """Return the inputs that need another round."""
        return [k for k in range(len(self.quiet)) if not self._is_done(k)]

    def _is_done(self, k: int) -> bool:
        n_quiet = int(self.quiet[k])
        return n_quiet >= _MAX_QUIET or (
            n_quiet >= _QUIET and bool(self.sign[self.owner == k].sum() == 1)
        )


@dataclass
class Search:
    """A search with its options, see :func:`~pyrnn.dynamics.find_fixed_points`."""

    step: Map
    pool: Tensor
    tol: float
    round_size: int = 64
    max_rounds: int = 64
    rng: torch.Generator = field(default_factory=as_rng)
    progress: bool = False
    n_starts: int = field(default=0, init=False)
    n_converged: int = field(default=0, init=False)

    def run(self, inputs: Tensor) -> tuple[Tensor, Tensor, SearchRecord]:
        """Return points, their inputs, and what was done."""
        parts = inputs.split(_INPUTS_AT_ONCE)
        found, n_new, is_cut = [], [], False
        with interruptible() as interrupt:
            for part in track(parts, "searching", enabled=self.progress):
                known = Found.nothing(self.pool, len(part))
                for i in range(self.max_rounds):
                    active = known.active()
                    if not active or interrupt.pressed:
                        break
                    before = len(known.h)
                    self._round(known, active, part, is_first=i == 0)
                    n_new.append(len(known.h) - before)
                is_cut |= bool(known.active())
                found.append((known.h, part[known.owner]))
        h, x = (torch.cat(column) for column in zip(*found, strict=True))
        return h, x, SearchRecord(self.n_starts, self.n_converged, tuple(n_new), is_cut)

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
    def _scale(self) -> Tensor:
        return spread(self._sample)

    @cached_property
    def _cap(self) -> float:
        return 2 * max(1.0, self._sample_size) * self.pool.shape[-1] ** 0.5

    @cached_property
    def _sample_size(self) -> float:
        return _size(self._sample)

    def _starts(self, n: int, found: Tensor, n_quiet: int) -> Tensor:
        between = midpoints(found, n // 2, self.rng)
        starts = torch.cat([mixtures(self._rough, n - len(between), self.rng), between])
        if n > self.round_size:  # every other start goes farther out, every fourth anywhere
            reach = _SPREAD * (n_quiet + torch.arange(n) % 2).to(starts)
            starts = spread_out(starts, reach[:, None] * self._scale, self.rng)
            far = starts[3::4]
            far[:] = max(self._sample_size, _size(found)) * corners(far, self.rng)
        return starts

    def _round(self, known: Found, active: list[int], inputs: Tensor, *, is_first: bool) -> None:
        """Search coarsely, then polish what may be new."""
        n_sets = 1 if is_first else 2
        n = n_sets * self.round_size
        points = known.h.float()
        starts = [self._starts(n, points[known.owner == k], int(known.quiet[k])) for k in active]
        whose = torch.tensor(active, device=known.h.device).repeat_interleave(n)
        h = torch.cat(starts)
        if is_first:
            h, whose = self._settled(h, whose, inputs, known)
        known.quiet[active] += n_sets
        self.n_starts += len(h)
        h, kept = self._coarse_search(h, whose, inputs, known)
        if len(kept):
            self._polish(h, whose[kept], inputs, known)

    def _polish(self, h: Tensor, whose: Tensor, inputs: Tensor, known: Found) -> None:
        """Solve to the last digits, and add what is new."""
        h, residual = newton(self.step, h, inputs[whose], tol=_FINE, n_iterations=6, cap=self._cap)
        limit = (_CONVERGED * (1 + h.norm(dim=-1))).clamp(max=self.tol)
        order = residual.argsort()
        order = order[residual[order] < limit[order]]
        order = order[_is_new(h[order], whose[order], known, _FINE_MERGE)]
        h, whose = h[order], whose[order]
        known.add(h, whose, self.step.jacobian(h, inputs[whose]))

    def _settled(
        self, h: Tensor, whose: Tensor, inputs: Tensor, known: Found
    ) -> tuple[Tensor, Tensor]:
        """Follow the network, to the attractors, which mixtures miss; keep one start of each."""
        x = inputs[whose].float()
        for _ in range(_RUN_STEPS):
            h = self.coarse(h, x)
        is_new = _is_new(h.double(), whose, known, _RUN_MERGE)
        return h[is_new], whose[is_new]

    def _move_on(self, h: Tensor, x: Tensor) -> Tensor:
        """Return starts after a few steps of the network, most of them after one or none."""
        # those that move on save the search work; those that stay find the points that repel
        for every in _MOVING:
            before = h[::every]
            after = self.coarse(before, x[::every])
            left = vector_norm(self.coarse(after, x[::every]) - after, dim=-1)
            is_nearer = left < vector_norm(after - before, dim=-1)
            h[::every] = torch.where(is_nearer[:, None], after, before)
        return h

    def _coarse_search(
        self, starts: Tensor, whose: Tensor, inputs: Tensor, known: Found
    ) -> tuple[Tensor, Tensor]:
        """Return rough new points, and which starts they come from."""
        x = inputs[whose].float()
        h = self._move_on(starts, x)
        h, residual = newton(
            self.coarse,
            h,
            x,
            tol=1e-4,
            n_iterations=12,
            cap=self._cap,
            n_stragglers=len(starts) // 16,
            is_known=partial(self._is_known, known, whose),
        )
        kept = (residual < _COARSE).nonzero()[:, 0]
        self.n_converged += len(kept)
        kept = kept[residual[kept].argsort()]
        h = h[kept].double()
        is_new = _is_new(h, whose[kept], known, _COARSE_MERGE)
        return h[is_new], kept[is_new]

    def _is_known(
        self, known: Found, whose: Tensor, h: Tensor, residual: Tensor, starts: Tensor
    ) -> Tensor:
        if not len(known.h):
            return torch.zeros_like(starts, dtype=torch.bool)
        is_drawn = known.draws(h, residual, whose[starts])
        self.n_converged += int(is_drawn.sum())
        return is_drawn


def _size(states: Tensor) -> float:
    """Return how large the states of a unit are."""
    return float(states.square().mean().sqrt()) if len(states) else 0.0


def _is_new(h: Tensor, whose: Tensor, known: Found, radius: float) -> Tensor:
    """Mark states that repeat neither a known point nor an earlier state of their own input."""
    reach = radius * (0.1 + h.norm(dim=-1, keepdim=True))
    is_known = torch.cdist(h, known.h) < reach
    is_known &= whose[:, None] == known.owner
    is_repeat = torch.cdist(h, h) < reach  # in float64 good to 1e-7 of the state
    is_repeat &= whose[:, None] == whose
    return ~(is_known.any(1) | is_repeat.tril(-1).any(1))


def measure(
    kind: type[_Set], step: Map, h: Tensor, x: Tensor, pool: Tensor, record: SearchRecord | None
) -> _Set:
    """Take speed, Jacobian and distance at each point; sort by unstable modes, then by state."""
    speeds = (step(h, x) - h).norm(dim=-1)
    parts = zip(h.split(64), x.split(64), strict=True)
    jacobians = torch.cat([step.jacobian(*part) for part in parts])
    distances = _nearest(h, pool)
    points = kind(h, x, speeds, jacobians, distances, record)
    n_unstable = points.n_unstable.tolist()
    keys = list(zip(n_unstable, x.tolist(), h.round(decimals=6).tolist(), strict=True))
    order = sorted(range(len(h)), key=keys.__getitem__)
    chosen: _Set = points[torch.tensor(order, dtype=torch.long, device=h.device)]  # type: ignore[assignment]
    return chosen


def _nearest(h: Tensor, pool: Tensor) -> Tensor:
    """Return the distance to the nearest state of the pool, ``(n,)``."""
    rough, chunk = pool.float(), max(1, 2**24 // max(len(pool), 1))
    squares = rough.square().sum(-1)
    parts = [torch.addmm(squares, part, rough.mT, alpha=-2) for part in h.float().split(chunk)]
    nearest = torch.cat([part.min(1).indices for part in parts])  # argmin takes twice as long
    return (h - pool[nearest]).norm(dim=-1)
