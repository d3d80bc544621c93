"""Where runs end, and how much of state space leads there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor
from torch.linalg import vector_norm

from pyrnn.arrays import States
from pyrnn.dynamics.maps import (
    IteratedMap,
    Map,
    Network,
    ScaledMap,
    Spectrum,
    analysis,
    as_map,
    state_scale,
)
from pyrnn.dynamics.orbits.cycles import Cycle
from pyrnn.dynamics.points import Attraction, find_kinks, newton, uncertainty
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer

__all__ = ["FATES", "Attractors", "find_attractors"]

FATES = ("aperiodic", "not settled", "marginal", "unstable", "diverged")
"""What runs came to that ended in no attractor; the first is numbered -1, the next -2, …"""

_APERIODIC, _NOT_SETTLED, _MARGINAL, _UNSTABLE, _DIVERGED = -1, -2, -3, -4, -5
_NEAR_RETURN = 1e-3  # runs that come back so closely may be on a cycle, in units of the states
_SLOW, _STILL_SLOW = 1e-4, 1e-2  # those that do, and again after more periods, have not settled
_AT_REST = 1e-12
_SOLVED, _SIMPLE = 1e-11, 1e-8
_FAR = 1e9
_SAME = 1e-6
_BEST = 10.0  # periods that bring a run back nearly as closely as the best one


@dataclass(frozen=True, eq=False, repr=False)
class Attractors(Result, Sequence[Cycle]):
    r"""The attractors that runs reached, and their basins, largest first.

    Args:
        cycles: Fixed points (period 1) and cycles.
        ends: Index of the attractor where each run ended, ``(n_runs,)``, or what else became of
            it: -1 aperiodic (a closed curve or chaos), -2 not settled after the last step, -3 at
            rest at a marginal point, -4 at rest at an unstable one, -5 diverged.
        n_steps: Most steps of a run.

    The share :math:`p` of :math:`n` runs has the standard error :math:`\sqrt{p (1 - p) / n}`.

    Example:
        >>> starts = torch.linspace(-1, 1, 100)[:, None]
        >>> attractors = find_attractors(lambda h, x: torch.tanh(2 * h), starts)
        >>> attractors.shares, attractors.errors
        (tensor([0.5000, 0.5000]), tensor([0.0500, 0.0500]))
        >>> attractors.aperiodic_share, attractors.fates
        (0.0, {})
    """

    cycles: tuple[Cycle, ...]
    ends: Tensor
    n_steps: int = 0

    @property
    def shares(self) -> Tensor:
        """Share of the runs that ended in each attractor: its basin, ``(n,)``."""
        counts = torch.bincount(self.ends[self.ends >= 0], minlength=len(self.cycles))
        return counts / max(len(self.ends), 1)

    @property
    def errors(self) -> Tensor:
        """Standard error of each share, by the binomial distribution, ``(n,)``."""
        return (self.shares * (1 - self.shares) / max(len(self.ends), 1)).sqrt()

    @property
    def fates(self) -> dict[str, float]:
        """Shares of the runs that ended in no attractor, by what became of them."""
        shares = [float((self.ends == -1 - i).double().mean()) for i in range(len(FATES))]
        return {fate: share for fate, share in zip(FATES, shares, strict=True) if share}

    @property
    def aperiodic_share(self) -> float:
        """Share of the runs that move on without coming back: a closed curve or chaos."""
        return self.fates.get("aperiodic", 0.0)

    def __len__(self) -> int:
        return len(self.cycles)

    @overload
    def __getitem__(self, index: int) -> Cycle: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Cycle]: ...  # type: ignore[explicit-any]
    def __getitem__(  # type: ignore[explicit-any]
        self, index: int | slice
    ) -> Cycle | Sequence[Cycle]:
        """Return a cycle, or several."""
        return self.cycles[index]

    def __repr__(self) -> str:
        return f"Attractors({', '.join([str(len(self)), *self._fates()])})"

    @property
    def status(self) -> str:
        """Verdict in words."""
        return ", ".join(self._fates()) or "complete"

    def _fates(self) -> list[str]:
        after = {"not settled": f" after {self.n_steps} steps"}
        return [f"{p:.1%} of runs {fate}{after.get(fate, '')}" for fate, p in self.fates.items()]

    def _report(self) -> Report:
        rows = [
            (
                str(cycle.period),
                f"{share:.1%} ± {error:.1%}",
                f"{float(cycle.multipliers[0].abs()):.4f}",
            )
            for cycle, share, error in zip(self, self.shares, self.errors, strict=True)
        ]
        rows += [(fate, f"{share:.1%}", "") for fate, share in self.fates.items()]
        title = f"{len(self)} attractor{'s' if len(self) != 1 else ''}"
        return Report(title, ("period", "basin", "|λ|"), rows)

    def _frame(self) -> dict[str, list[object]]:
        return {
            "period": [cycle.period for cycle in self],
            "share": self.shares.tolist(),
            "error": self.errors.tolist(),
            "is_stable": [cycle.is_stable for cycle in self],
        }


@analysis
def find_attractors(
    network: Network,
    starts: States,
    x: States | None = None,
    *,
    max_period: int = 32,
    n_steps: int = 5000,
) -> Attractors:
    r"""Run a network from many states and see in which fixed points and cycles it ends.

    .. math:: h_{t+1} = F(h_t, x), \qquad F^k(h_t, x) = h_t \text{ from some } t \text{ on}

    A run has arrived when a stable fixed point or cycle draws it in: what is not linear in its
    steps is less than the contraction of the linear part. Such orbits are found by Newton's method
    from runs that come back to themselves, with the shortest true period. What is unstable or
    marginal is no attractor. All runs go in one batch
    that shrinks as they end; :attr:`Attractors.fates` says what became of the others.

    Args:
        network: A network, or any batched ``step(h, x)``.
        starts: Where runs start, ``(..., state_size)``: the states of a task, or
            :func:`~pyrnn.dynamics.uniform_states` for shares of state space.
        x: Constant input, ``(input_size,)``; by default zero.
        max_period: Longest period to recognize.
        n_steps: Most steps of a run.

    Returns:
        Attractors and the share of the runs that ends in each.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.find_fixed_points`.
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if an option is not positive.

    Example:
        >>> starts = torch.tensor([[-0.5], [0.1], [0.9], [0.2]])
        >>> print(find_attractors(lambda h, x: torch.tanh(2 * h), starts).summary())
        2 attractors
          period  basin          |λ|
          1       75.0% ± 21.7%  0.1664
          1       25.0% ± 21.7%  0.1664

    References:
        Datseris & Wagemakers, *Chaos* 32:023104 (2022).
    """
    max_period = as_integer("max_period", max_period, low=1)
    n_steps = as_integer("n_steps", n_steps, low=1)
    step = as_map(network, starts, x)
    h = step.states(starts)
    h = h.reshape(-1, h.shape[-1]).clone()
    inputs = step.one_input(x).expand(len(h), -1)
    scale = state_scale(h.abs().amax(-1))
    basins = _Basins(ScaledMap(step, scale), max_period)
    ends = basins.follow(h / scale, inputs, n_steps)
    order = torch.bincount(ends[ends >= 0], minlength=len(basins.cycles)).argsort(descending=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    ends = torch.where(ends >= 0, torch.cat([rank, order.new_zeros(1)])[ends.clamp(min=-1)], ends)
    cycles = (basins.cycles[i] for i in order.tolist())
    return Attractors(tuple(cycle.scaled(scale) for cycle in cycles), ends, n_steps)


class _Basins:
    """Runs on their way, and the attractors that some of them have reached, in units of states."""

    def __init__(self, step: Map, max_period: int) -> None:
        self.step, self.max_period = step, max_period
        self.cycles: list[Cycle] = []
        self.attractions: list[Attraction] = []  # of all states of each cycle

    def follow(self, h: Tensor, x: Tensor, n_steps: int) -> Tensor:
        """Return the fate of each run, ``(n_runs,)``."""
        ends = torch.full((len(h),), _NOT_SETTLED, device=h.device)
        running = torch.arange(len(h), device=h.device)
        wait = done = 0
        while done < n_steps and len(running):
            for _ in range(wait):
                h = self.step(h, x)
            done += wait + 2 * self.max_period
            wait = min(max(wait, self.max_period) * 2, 512)
            fate, h = self._look(h, x)
            is_over = (fate >= 0) | (fate <= _MARGINAL)
            ends[running] = fate
            h, x, running = h[~is_over], x[~is_over], running[~is_over]
        return ends

    def _look(self, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the fate of runs as far as it can be told, and the states some steps later."""
        period, is_slow, is_fixed, moved = self._returns(h, x)
        fate = self._drawn(h, moved, x)
        for k in period[(fate == _APERIODIC) & (period > 0)].unique().tolist():
            self._add(h[(fate == _APERIODIC) & (period == k)], x[:1], k)
        fate = torch.where(fate == _APERIODIC, self._drawn(h, moved, x), fate)
        fate[(fate == _APERIODIC) & is_slow] = _NOT_SETTLED
        is_at_rest = (fate == _NOT_SETTLED) & is_fixed
        for k in period[is_at_rest].unique().tolist():
            these = is_at_rest & (period == k)
            spectrum = Spectrum(IteratedMap(self.step, k).jacobian(h[these], x[these]))
            fate[these] = torch.where(spectrum.n_unstable > 0, _UNSTABLE, _MARGINAL)
        is_lost = ~(vector_norm(moved, dim=-1) < _FAR)
        return torch.where(is_lost, _DIVERGED, fate), moved

    def _returns(self, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Run on, and see after how many steps runs come back.

        Returns:
            The period for which each run nearly closes, 0 for none; whether it goes on to do so;
            whether it closes to the last digit; and the last states.
        """
        size, moved, apart = 1 + vector_norm(h, dim=-1), h, []
        for _ in range(2 * self.max_period):
            moved = self.step(moved, x)
            apart.append(vector_norm(moved - h, dim=-1) / size)
        back = torch.stack(apart, dim=-1)
        nearly = back[:, : self.max_period]
        best = nearly.min(-1).values
        period = 1 + (nearly <= (_BEST * best + _AT_REST)[:, None]).int().argmax(-1)
        period = torch.where(best < _NEAR_RETURN, period, 0)
        # chaos that comes near an earlier state by chance has left it again after more periods
        last = period * (2 * self.max_period // period.clamp(min=1)) - 1
        later = back.gather(-1, last.clamp(min=0)[:, None])[:, 0]
        return period, (best < _SLOW) & (later < _STILL_SLOW), (period > 0) & (best == 0), moved

    def _drawn(self, before: Tensor, after: Tensor, x: Tensor) -> Tensor:
        """Return the attractor that draws each run in, both before and after some steps."""
        ends = torch.full((len(before),), _APERIODIC, device=before.device)
        if not self.cycles:
            return ends
        apart = [torch.cdist(after, attraction.states) for attraction in self.attractions]
        nearest = torch.stack([each.amin(-1) for each in apart]).argmin(0)
        for i in nearest.unique().tolist():
            runs = (nearest == i).nonzero()[:, 0]
            attraction, whole = self.attractions[i], IteratedMap(self.step, self.cycles[i].period)
            is_drawn = torch.ones_like(runs, dtype=torch.bool)
            for h in (before[runs], after[runs]):
                which = torch.cdist(h, attraction.states).argmin(-1)
                is_drawn &= attraction.draws(whole, h, x[runs], which)
            ends[runs[is_drawn]] = i
        return ends

    def _add(self, h: Tensor, x: Tensor, period: int) -> None:
        """Solve for the cycles next to runs that came back, and keep those that attract."""
        whole, x = IteratedMap(self.step, period), x.expand(len(h), -1)
        root, residual, _ = newton(whole, h, x, tol=1e-14, n_iterations=20, cap=1.0)
        root = root[residual < _SOLVED * (1 + vector_norm(root, dim=-1))]
        root = root[uncertainty(whole, root, x[: len(root)]).distance < _SIMPLE]
        root = root[_first_of_each(root, _SAME)]
        for state in root:
            k = self._shortest(state, x[0], period)
            states = IteratedMap(self.step, k).orbit(state, x[0])
            known = [float(torch.cdist(state[None], cycle.states).min()) for cycle in self.cycles]
            if min(known, default=torch.inf) < _SAME:
                continue
            self._add_if_stable(states, x)

    def _shortest(self, state: Tensor, x: Tensor, period: int) -> int:
        """Return the shortest period of a cycle that closes after ``period`` steps."""
        orbit = IteratedMap(self.step, period).orbit(state, x)
        is_back = vector_norm(orbit[1:] - state, dim=-1) < _SAME * (1 + vector_norm(state))
        closes = [k for k in range(1, period) if not period % k and bool(is_back[k - 1])]
        return min(closes, default=period)

    def _add_if_stable(self, states: Tensor, x: Tensor) -> None:
        whole, x = IteratedMap(self.step, len(states)), x[:1].expand(len(states), -1)
        jacobians = whole.jacobian(states, x)
        kinks = find_kinks(whole, states, x, jacobians)
        residual = float(vector_norm(whole(states[:1], x[:1]) - states[:1]))
        cycle = Cycle(states, x[0], residual, kinks.jacobians[0])
        if not cycle.is_stable or bool((kinks.growth >= 1).any()):
            return
        self.cycles.append(cycle)
        self.attractions.append(Attraction.of(states, kinks.jacobians))


def _first_of_each(h: Tensor, radius: float) -> Tensor:
    """Return the numbers of states that repeat no earlier one."""
    is_repeat = torch.cdist(h, h, compute_mode="donot_use_mm_for_euclid_dist") < radius
    return (~is_repeat.tril(-1).any(1)).nonzero()[:, 0]
