"""Where curves are entered: fixed points at some parameters, and states near any curve."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pyrnn.dynamics.branches._curve import Curve
from pyrnn.dynamics.points import Search

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import FamilyMap, Map

__all__ = ["Seeds", "simple_points", "states_near_curves", "usual_size"]

_NEGLIGIBLE = 1e-6
_USUAL = 0.75
_NUDGE = 1.618e-3  # from a bound at which a point is degenerate
_N_ITERATIONS = 12
_LONGEST = 0.5
_SMALL = 1e-10


def usual_size(points: Tensor, starts: Tensor) -> float:
    """Return the usual length of states: of the points found, of the starts if these are zero.

    Args:
        points: Fixed points, ``(n, state_size)``.
        starts: States that the search started from, ``(n_starts, state_size)``.

    Example:
        >>> usual_size(torch.tensor([[0.0], [1.0], [-1.0]]), torch.full((2, 1), 5.0))
        1.0
    """
    for states in (points, starts):
        length = states.norm(dim=-1)
        length = length[length > _NEGLIGIBLE * starts.norm(dim=-1).median()]
        if len(length):
            return float(length.quantile(_USUAL, interpolation="higher"))
    return 1.0


def simple_points(step: Map, pool: Tensor, x: Tensor) -> tuple[Tensor, bool]:
    """Return the fixed points under an input that are not degenerate, and if Ctrl-C cut it short.

    Args:
        step: The map.
        pool: States to start from, ``(n_states, state_size)``.
        x: The input, ``(input_size,)``.
    """
    search = Search(step, pool, 1e-9)
    found = search.run(x[None])
    record = found.record
    was_stopped = record.was_stopped and record.n_rounds < search.max_rounds
    return found.states[found.multiplicity == 1], was_stopped


@dataclass
class Seeds:
    """Searches for fixed points at some parameters.

    Args:
        family: The maps, whose input is the parameter.
        starts: States to start from.
        low: Smallest parameter.
        high: Largest parameter.
        rng: Random generator.
        progress: Whether to show a progress bar.

    Attributes:
        remarks: What the searches could not decide.
        was_stopped: Whether Ctrl-C ended one of them.
    """

    family: FamilyMap
    starts: Tensor
    low: float
    high: float
    rng: torch.Generator
    progress: bool
    remarks: list[str] = field(default_factory=list)
    was_stopped: bool = False

    def at(self, values: list[float]) -> tuple[Tensor, Tensor]:
        """Return the simple fixed points at some parameters, and the parameters of each."""
        search = Search(self.family, self.starts, 1e-9, rng=self.rng, progress=self.progress)
        found = search.run(torch.tensor(values).to(self.starts)[:, None])
        h, p, record = found.states, found.inputs, found.record
        is_simple = found.multiplicity == 1
        if record.was_stopped and record.n_rounds < search.max_rounds:
            self.was_stopped = True
        elif record.was_stopped:
            self.remarks.append(f"the search {record.status}")
        at_bound = set(p[~is_simple, 0].tolist())
        if record.dimension:
            where = min(at_bound)
            kind = f"a continuum of fixed points of dimension {record.dimension}"
            self.remarks = [*self.remarks, f"{kind}, at {where:g} for one"][:1]
        elif at_bound and not self.was_stopped:
            inside, at = self.at([self._inwards(value) for value in at_bound])
            return torch.cat([h[is_simple], inside]), torch.cat([p[is_simple, 0], at])
        return h[is_simple], p[is_simple, 0]

    def _inwards(self, value: float) -> float:
        nudge = _NUDGE * (self.high - self.low)
        return value + nudge if value < (self.low + self.high) / 2 else value - nudge


def states_near_curves(curve: Curve, starts: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Return the nearest states on any curve, from random states all over the interval.

    Args:
        curve: The equations.
        starts: States to mix, ``(n_starts, state_size)``.
        n: How many states to start from.
        rng: Random generator.

    Returns:
        States and parameters on curves, at most ``n``.
    """
    first, second = torch.randint(len(starts), (2, n), generator=rng).to(starts.device)
    share, noise = torch.rand(n, 1, generator=rng), torch.randn(n, starts.shape[1], generator=rng)
    h = torch.lerp(starts[first], starts[second], share.to(starts)) / curve.size
    width = (starts / curve.size).std(0, correction=0)
    h = h + 0.5 * width * noise.to(h) * (torch.arange(n) % 2)[:, None].to(h)
    z = torch.cat([h, (torch.arange(n).to(h)[:, None] + 0.5) / n], dim=-1)
    for _ in range(_N_ITERATIONS):
        a = curve.derivative(z)
        along = torch.linalg.solve_ex(a @ a.mT, curve.residual(z)[..., None])[0]
        move = (a.mT @ along)[..., 0].nan_to_num()
        length = move.norm(dim=-1, keepdim=True)
        z = z - move * (_LONGEST / length.clamp(min=_LONGEST))
        if length.median() < _SMALL:
            break
    is_inside = (z[:, -1] > 0) & (z[:, -1] < 1)
    is_near = curve.residual(z).norm(dim=-1) < _SMALL
    return z[is_inside & is_near & (length[:, 0] < _SMALL)]
