"""Where runs end, and how much of state space leads there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps import IteratedMap, Map, Network, analysis, as_map
from pyrnn.dynamics.orbits.cycles import Cycle, cycles_through
from pyrnn.dynamics.points import newton
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer

__all__ = ["Attractors", "find_attractors"]

_NONE = -1
_RETURNED = 1e-8
_SAME = 1e-3


@dataclass(frozen=True, eq=False, repr=False)
class Attractors(Result, Sequence[Cycle]):
    r"""The attractors that runs reached, and their basins, largest first.

    Args:
        cycles: Fixed points (period 1) and cycles.
        ends: Index of the attractor where each run ended, -1 if it never came back to itself
            (a closed curve, chaos, or too few steps), ``(n_runs,)``.

    The share :math:`p` of :math:`n` runs has the standard error :math:`\sqrt{p (1 - p) / n}`.

    Example:
        >>> starts = torch.linspace(-1, 1, 100)[:, None]
        >>> attractors = find_attractors(lambda h, x: torch.tanh(2 * h), starts)
        >>> attractors.shares, attractors.errors
        (tensor([0.5000, 0.5000]), tensor([0.0500, 0.0500]))
        >>> attractors.aperiodic_share
        0.0
    """

    cycles: tuple[Cycle, ...]
    ends: Tensor

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
    def aperiodic_share(self) -> float:
        """Share of the runs that ended in no fixed point or cycle."""
        return float((self.ends == _NONE).float().mean())

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
        return f"Attractors({len(self)}, {self.aperiodic_share:.0%} of runs aperiodic)"

    @property
    def status(self) -> str:
        """Verdict in words."""
        if not self.aperiodic_share:
            return "complete"
        return f"{self.aperiodic_share:.1%} of the runs ended in no fixed point or cycle"

    def _report(self) -> Report:
        rows = [
            (
                str(cycle.period),
                f"{share:.1%} ± {error:.1%}",
                f"{float(cycle.multipliers[0].abs()):.4f}",
            )
            for cycle, share, error in zip(self, self.shares, self.errors, strict=True)
        ]
        rows.append(("aperiodic", f"{self.aperiodic_share:.1%}", ""))
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

    A run has ended when :math:`F^k(h, x) = h` for some :math:`k` up to ``max_period``. Its orbit
    is then polished by Newton's method. All runs go in one batch that shrinks as they end.

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
          period     basin          |λ|
          1          75.0% ± 21.7%  0.1664
          1          25.0% ± 21.7%  0.1664
          aperiodic  0.0%

    References:
        Datseris & Wagemakers, *Chaos* 32:023104 (2022).
    """
    max_period = as_integer("max_period", max_period, low=1)
    n_steps = as_integer("n_steps", n_steps, low=1)
    step = as_map(network, starts, x)
    h = step.states(starts)
    h = h.reshape(-1, h.shape[-1]).clone()
    inputs = step.one_input(x).expand(len(h), -1)
    h, periods = _run(step, h, inputs, max_period, n_steps)
    cycles, ends = _collect(step, h, inputs, periods)
    order = torch.bincount(ends[ends >= 0], minlength=len(cycles)).argsort(descending=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    ends = torch.where(ends >= 0, torch.cat([rank, order.new_zeros(1)])[ends], ends)
    return Attractors(tuple(cycles[i] for i in order.tolist()), ends)


def _run(step: Map, h: Tensor, x: Tensor, max_period: int, n_steps: int) -> tuple[Tensor, Tensor]:
    """Return the last state of each run, and its period, 0 for none."""
    periods = torch.zeros(len(h), dtype=torch.long, device=h.device)
    running = torch.arange(len(h), device=h.device)
    wait = done = 0
    while done < n_steps and len(running):
        for _ in range(wait):
            h[running] = step(h[running], x[running])
        anchor, moved = h[running], h[running]
        period = torch.zeros_like(running)
        for k in range(1, max_period + 1):
            moved = step(moved, x[running])
            has_returned = (moved - anchor).norm(dim=-1) < _RETURNED * (1 + anchor.norm(dim=-1))
            period[has_returned & (period == 0)] = k
        h[running], periods[running] = moved, period
        running = running[(period == 0) & moved.isfinite().all(-1)]
        done += wait + max_period
        wait = min(max(wait, max_period) * 2, 512)
    return h, periods


def _collect(step: Map, h: Tensor, x: Tensor, periods: Tensor) -> tuple[list[Cycle], Tensor]:
    """Polish orbits one by one, and give each the runs that ended on it."""
    ends = torch.full_like(periods, _NONE)
    cycles: list[Cycle] = []
    left = (periods > 0).nonzero()[:, 0]
    while len(left):
        first, period = left[:1], int(periods[left[0]])
        whole = IteratedMap(step, period)
        state, _ = newton(whole, h[first], x[first], tol=1e-13, n_iterations=6, cap=0.1)
        cycles += cycles_through(step, state, x[first], period) or [
            _as_it_is(step, h[first], x[first], period)
        ]
        distance = torch.cdist(h[left], cycles[-1].states).amin(1)
        is_there = distance < _SAME * (1 + h[left].norm(dim=-1))
        is_there[0] = True
        ends[left[is_there]] = len(cycles) - 1
        left = left[~is_there]
    return cycles, ends


def _as_it_is(step: Map, h: Tensor, x: Tensor, period: int) -> Cycle:
    """Return an orbit that polishing would have moved to another, shorter one."""
    whole = IteratedMap(step, period)
    residual = float((whole(h, x) - h).norm())
    return Cycle(whole.orbit(h, x)[:, 0], x[0], residual, whole.jacobian(h, x)[0])
