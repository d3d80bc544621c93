"""What happens where modes cross or the parameter turns back: kinds and exact places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.branches._crossings import SHORTEST, halved, resolved, turns
from pyrnn.dynamics.branches._curve import Curve
from pyrnn.dynamics.branches._roots import find_roots
from pyrnn.dynamics.branches._samples import Samples, between
from pyrnn.dynamics.branches._singular import is_flat, solve_singular
from pyrnn.dynamics.branches._tracker import Stop

__all__ = ["Event", "EventFinder"]

_CRITICAL = 1e-6  # distance of critical modes from the border, in units of the largest |λ - 1|
_FLAT = 1e-3
_NO_PUSH = 1e-4
_N_LOOKS = 30
_COLUMNS = {"period doubling": 1, "Neimark-Sacker": 2, "Hopf": 2}  # of the counted modes


@dataclass(frozen=True, eq=False)
class Event:
    """A bifurcation on a curve.

    Attributes:
        kind: Its name.
        owner: Number of the curve.
        place: Length along the curve.
        z: State and parameter, ``(state_size + 1,)``.
        eigenvalues: Of the Jacobian there, ``(state_size,)``.
        multiplicity: How many modes, or pairs of them, cross at once.
        directions: Directions that curves through the point may have, ``(n, state_size + 1)``,
            if it is a branch point.
        turns: Whether the curve turns back there.
    """

    kind: str
    owner: int
    place: float
    z: Tensor
    eigenvalues: Tensor
    multiplicity: int = 1
    directions: Tensor | None = None
    turns: bool = False


@dataclass(frozen=True)
class EventFinder:
    """A search for the bifurcations of curves.

    Args:
        curve: The equations.
        spread: Largest distance of an eigenvalue from 1 anywhere, the unit of such distances.
        stop: Ends the work early.
    """

    curve: Curve
    spread: float
    stop: Stop

    def find(self, samples: Samples) -> tuple[Samples, list[Event]]:
        """Return samples with more of them between, and the bifurcations in order.

        An interval with a bifurcation that leaves other changes unexplained is halved.

        Args:
            samples: Samples of some curves, ordered.
        """
        origin = torch.arange(len(samples), device=samples.z.device)
        kept, events = [samples], []
        for n in range(_N_LOOKS):
            samples = resolved(self.curve, samples, self.stop)
            kept.append(samples.at(origin[samples.owner], samples.place))
            found = list(self._look(samples))
            doubtful = {
                i for i, event in found if n < _N_LOOKS - 1 and self._hides(event, samples, i)
            }
            clear = [event for i, event in found if i not in doubtful]
            events += [replace(event, owner=int(origin[event.owner])) for event in clear]
            if not doubtful or self.stop():
                break
            i = torch.tensor(sorted(doubtful), device=samples.z.device)
            origin, samples = origin[samples.owner[i]], self._pieces(samples, i)
        together = Samples.cat(kept).ordered()
        return together, sorted(events, key=lambda event: (event.owner, event.place))

    def _look(self, samples: Samples) -> Iterator[tuple[int, Event]]:
        """Yield bifurcations, each with the number of the sample before it."""
        i, counts = samples.intervals, samples.counts
        change = (counts[i + 1] - counts[i]).abs()
        change[(change[:, 2] == 1) & (change[:, :2].sum(1) == 2)] = 0  # two real modes pair up
        yield from self._singular(samples, i, change[:, 0], turns(samples, i))
        for kind in ("period doubling", "Hopf" if self.curve.is_flow else "Neimark-Sacker"):
            yield from self._crossing(samples, i, change[:, _COLUMNS[kind]], kind)

    def _hides(self, event: Event, samples: Samples, i: int) -> bool:
        """Return whether modes other than those of an event have crossed close to it."""
        if samples.place[i + 1] - samples.place[i] < 2 * SHORTEST:
            return False
        before, after = samples.counts[i], samples.counts[i + 1]
        limit = _CRITICAL * self.spread
        inside, beyond = (self.curve.count_modes(event.eigenvalues, at) for at in (-limit, limit))
        critical = torch.zeros_like(inside)
        critical[_COLUMNS.get(event.kind, 0)] = event.multiplicity
        surplus = torch.minimum(before, after) - beyond
        if torch.equal(before, after):  # critical modes that only touch the border
            surplus[0] -= surplus[0].clamp(0, event.multiplicity)
        return bool(surplus.any()) or not torch.equal(inside - beyond, critical)

    def _pieces(self, samples: Samples, i: Tensor) -> Samples:
        """Return the halved intervals after samples ``i``, as curves of their own."""
        own = torch.arange(len(i), device=i.device)
        ends = [end.at(own, end.place) for end in (samples[i], samples[i + 1])]
        return halved(self.curve, Samples.cat(ends).ordered(), 2 * own)

    def _crossing(
        self, samples: Samples, i: Tensor, n: Tensor, kind: str
    ) -> Iterator[tuple[int, Event]]:
        """Yield where modes cross that turn, or flip."""
        i, n = i[n > 0], n[n > 0]
        if not len(i):
            return
        at = find_roots(self.curve, samples, i, torch.zeros_like(i, dtype=torch.bool))
        rows = zip(
            at.owner.tolist(), at.place.tolist(), at.z, at.eigenvalues, n.tolist(), strict=True
        )
        for before, row in zip(i.tolist(), rows, strict=True):
            yield before, Event(kind, *row)

    def _singular(
        self, samples: Samples, i: Tensor, n: Tensor, is_turn: Tensor
    ) -> Iterator[tuple[int, Event]]:
        """Yield folds, pitchforks and transcritical points."""
        is_one = is_turn | (n > 0)
        i, n, is_turn = i[is_one], n[is_one], is_turn[is_one]
        if not len(i):
            return
        a, b = samples[i], samples[i + 1]
        length = b.place - a.place
        share = a.tangent[:, -1] / (a.tangent[:, -1] - b.tangent[:, -1])
        guess = between(a, b, torch.where(is_turn, share, 0.5))
        is_fold = is_turn & (n == 1)
        points = solve_singular(self.curve, guess, ~is_fold)
        is_solved = points.is_solved & (n <= 1)
        is_solved &= (points.z - guess).norm(dim=-1) < 2 * length + SHORTEST
        z, rest = torch.where(is_solved[:, None], points.z, guess), ~is_solved
        if rest.any():
            z[rest] = find_roots(self.curve, samples, i[rest], is_turn[rest]).z
        values = self.curve.spectrum(self.curve.jacobian(z)).eigenvalues
        along = ((z - a.z) * functional.normalize(b.z - a.z, dim=-1)).sum(-1)
        place = a.place + along.clamp(min=0).minimum(length)
        n_critical = ((values - 1).abs() < _CRITICAL * self.spread).sum(1).maximum(n).clamp(min=1)
        for k, n_modes in enumerate(n_critical.tolist()):
            if is_solved[k] and n_modes == 1:
                smooth = "pitchfork" if points.is_symmetric[k] else "transcritical"
                kind = "fold" if is_fold[k] else smooth
                directions = None if is_fold[k] else points.directions[k]
            else:
                own = samples.z[samples.owner == a.owner[k]]
                kind, directions = self._degenerate(own, z[k], n_modes, bool(is_turn[k]))
            where = int(a.owner[k]), float(place[k])
            yield (
                int(i[k]),
                Event(kind, *where, z[k], values[k], n_modes, directions, bool(is_turn[k])),
            )

    def _degenerate(
        self, own: Tensor, z: Tensor, n_modes: int, is_turn: bool
    ) -> tuple[str, Tensor | None]:
        """Return kind and directions where several modes are critical at once."""
        derivative = self.curve.derivative(z[None])[0]
        u, _, vh = torch.linalg.svd(derivative[:, :-1])
        left, right = u[:, -n_modes:], vh[-n_modes:]
        if is_turn:
            pushes = (self.curve.derivative(own)[..., -1] @ left).norm(dim=-1).max()
            if (derivative[:, -1] @ left).norm() > _NO_PUSH * pushes:
                return "fold", None
        weights = torch.arange(1, n_modes + 1).to(z).sqrt()  # of no special ratio
        across = (left @ weights)[None]
        along = functional.pad(functional.normalize((weights @ right)[None], dim=-1), (0, 1))
        is_symmetric = bool(is_flat(self.curve, z[None], across, along, _FLAT)[0])
        return "pitchfork" if is_symmetric else "transcritical", functional.pad(right, (0, 1))
