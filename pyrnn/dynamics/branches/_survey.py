"""Finding every curve: from the bounds, from inside, from branch points, where indices fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.branches._atlas import Atlas, Traced
from pyrnn.dynamics.branches._borders import find_borders
from pyrnn.dynamics.branches._curve import Curve, upwards
from pyrnn.dynamics.branches._events import Event, EventFinder
from pyrnn.dynamics.branches._samples import Samples
from pyrnn.dynamics.branches._seeds import Seeds, states_near_curves, usual_size
from pyrnn.dynamics.branches._tracker import Stop

__all__ = ["Survey"]

_INSIDE = (0.5257, 0.2764, 0.7639, 0.1123, 0.9047)  # searched as well; of no special ratio
_EFFORT = 50  # units of all the networks searched inside the interval
_N_NEAR = 96  # states inside the interval from which the nearest curve is looked for
_ON_BOUND = 1e-9
_ONE = 1e-5  # kinks closer together than this are one
_N_ROUNDS = 4
_OFF = (1e-2, 1e-3)  # how far from a branch point its curves are entered
_MOST_MODES = 3
_N_SLICES, _N_SEARCHED = 32, 2


class Survey:
    """All curves of fixed points over an interval.

    Args:
        seeds: Searches at some parameters.
        max_step: Longest step.
        is_flow: Whether stability is that of the flow.
        stop: Ends the work early.

    Attributes:
        curve: The equations.
        is_balanced: Whether the indices of all points add up to the same number everywhere.
    """

    def __init__(self, seeds: Seeds, max_step: float, is_flow: bool, stop: Stop) -> None:
        self.seeds, self.stop, self.is_balanced = seeds, stop, True
        h, p = seeds.at([seeds.low, seeds.high])
        size = usual_size(h, seeds.starts)
        self.curve = Curve(seeds.family, seeds.low, seeds.high - seeds.low, size, is_flow)
        self.atlas = Atlas(self.curve, max_step, stop)
        self._enter(h, p)

    @property
    def curves(self) -> list[Traced]:
        """The curves found."""
        return self.atlas.curves

    def run(self) -> None:
        """Find the curves that the bounds do not show, and what happens on all of them."""
        self._search(_INSIDE[: _EFFORT // self.seeds.starts.shape[1]])
        if not self.stop():
            near = states_near_curves(self.curve, self.seeds.starts, _N_NEAR, self.seeds.rng)
            self.atlas.enter(near)
        self._chart()
        self._search(self._unbalanced()[:_N_SEARCHED])
        self._chart()
        self.is_balanced = not self._unbalanced()

    def _search(self, shares: tuple[float, ...]) -> None:
        """Follow the curves through the fixed points at some parameters, from 0 to 1."""
        if shares and not self.stop():
            width = self.seeds.high - self.seeds.low
            self._enter(*self.seeds.at([self.seeds.low + share * width for share in shares]))

    def _enter(self, h: Tensor, p: Tensor) -> None:
        z = self.curve.at(h, p)
        z, _ = self.curve.correct(z, upwards(z))
        is_on_bound = (z[:, -1] < _ON_BOUND) | (z[:, -1] > 1 - _ON_BOUND)
        z[is_on_bound, -1] = z[is_on_bound, -1].round()
        self.atlas.enter_at_bounds(z[is_on_bound])
        self.atlas.enter(z[~is_on_bound])

    def _chart(self) -> None:
        """Find the bifurcations of new curves, and follow the curves that cross there."""
        for _ in range(_N_ROUNDS):
            if not self.curve.family.is_smooth:
                self.atlas.join_at_corners()
            new = [k for k, curve in enumerate(self.curves) if curve.events is None]
            if not new or self.stop():
                return
            for event in self._bifurcations(new):
                for z, ahead in self._ways_out(event):
                    self.atlas.enter(z, ahead)

    def _bifurcations(self, new: list[int]) -> list[Event]:
        """Return the bifurcations of some curves, which get samples where they need them."""
        parts = [self.curves[k].samples for k in new]
        owner = torch.arange(len(parts)).repeat_interleave(torch.tensor([len(p) for p in parts]))
        samples = Samples.cat(parts)
        samples = samples.at(owner.to(samples.owner), samples.place)
        pieces, origin, found = self._pieces(samples)
        spread = float((samples.eigenvalues - 1).abs().max())
        finder = EventFinder(self.curve, spread, self.stop)
        clear, crossings = finder.find(pieces[pieces.is_decided])
        found += [replace(event, owner=int(origin[event.owner])) for event in crossings]
        found.sort(key=lambda event: event.place)
        parts = [part.at(origin[part.owner], part.place) for part in (clear, pieces)]
        samples = Samples.cat(parts).ordered()
        for n, k in enumerate(new):
            events = [event for event in found if event.owner == n]
            own = samples[samples.owner == n]
            self.curves[k] = replace(self.curves[k], samples=own, events=events)
        return found

    def _pieces(self, samples: Samples) -> tuple[Samples, Tensor, list[Event]]:
        """Return smooth pieces of curves, the curve of each, and the kinks between them."""
        if self.curve.family.is_smooth:
            return samples, torch.arange(len(samples), device=samples.z.device), []
        borders = find_borders(self.curve, samples)
        at = borders.before
        kinks: list[Event] = []
        for k in at.place.argsort().tolist():
            owner, place, turns = int(at.owner[k]), float(at.place[k]), bool(borders.turns[k])
            twin = next((e for e in kinks if e.owner == owner and place - e.place < _ONE), None)
            if twin:  # several units at once
                kinks.remove(twin)
                turns ^= twin.turns
            where = owner, place, borders.z[k], at.eigenvalues[k]
            kinks.append(Event("border collision", *where, turns=turns))
        return borders.pieces, borders.origin, kinks

    def _ways_out(self, event: Event) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield states near a branch point on the curves through it, with their directions."""
        directions = event.directions
        if directions is None or len(directions) > _MOST_MODES:
            return
        weights = [w for w in product((-1.0, 0.0, 1.0), repeat=len(directions)) if any(w)]
        if event.multiplicity == 1 and len(directions) == 2:
            weights = [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
        ahead = functional.normalize(torch.tensor(weights).to(event.z) @ directions, dim=-1)
        for off in _OFF:
            z, is_found = self.curve.correct(event.z + off * ahead, ahead)
            is_found &= ((z - event.z).norm(dim=-1) < 2 * off) & (z[:, -1] > 0) & (z[:, -1] < 1)
            yield z[is_found], ahead[is_found]
            ahead = ahead[~is_found]

    def _unbalanced(self) -> tuple[float, ...]:
        """Return where the indices of all points add up to another number than elsewhere."""
        at = (torch.arange(_N_SLICES).to(self.seeds.starts) + 0.4331) / _N_SLICES
        total = torch.zeros_like(at)
        for curve in self.curves:
            is_above = (curve.samples.z[:, -1:] > at).to(total)
            total += (curve.samples.orientation[:-1, None] * is_above.diff(dim=0)).sum(0)
        return tuple(at[total != total.mode().values].tolist())
