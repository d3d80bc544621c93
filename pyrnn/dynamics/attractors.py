"""Where runs end, and how much of state space leads there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import torch
from torch import Tensor

from pyrnn.dynamics.cycles import Cycle, cycles_through
from pyrnn.dynamics.inputs import one_input
from pyrnn.dynamics.jacobian import IteratedMap
from pyrnn.dynamics.newton import newton
from pyrnn.dynamics.step import Step, frozen_step, one_thread

_NONE = -1
_RETURNED = 1e-8
_SAME = 1e-3


@dataclass(frozen=True, eq=False)
class Attractors(Sequence[Cycle]):
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
    def __getitem__(self, index: slice) -> Sequence[Cycle]: ...
    def __getitem__(self, index: int | slice) -> Cycle | Sequence[Cycle]:
        """Return a cycle, or several."""
        return self.cycles[index]

    def __repr__(self) -> str:
        return f"Attractors({len(self)}, {self.aperiodic_share:.0%} of runs aperiodic)"

    def summary(self) -> str:
        """Return a small table: period and basin of each attractor."""
        lines = [f"{len(self)} attractor{'s' if len(self) != 1 else ''}"]
        lines += [
            f"  period {cycle.period:3d}  basin {share:6.1%} ± {error:.1%}  |λ| <= {radius:.4f}"
            for cycle, share, error in zip(self, self.shares, self.errors, strict=True)
            for radius in [float(cycle.multipliers[0].abs())]
        ]
        return "\n".join([*lines, f"  aperiodic   {self.aperiodic_share:6.1%}"])


def find_attractors(
    rnn: Any,
    starts: Any,
    x: Any = None,
    *,
    max_period: int = 32,
    n_steps: int = 5000,
) -> Attractors:
    r"""Run a network from many states and see in which fixed points and cycles it ends.

    .. math:: h_{t+1} = F(h_t, x), \qquad F^k(h_t, x) = h_t \text{ from some } t \text{ on}

    A run has ended when :math:`F^k(h, x) = h` for some :math:`k` up to ``max_period``. Its orbit
    is then polished by Newton's method. All runs go in one batch that shrinks as they end.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        starts: Where runs start, ``(..., hidden_size)``: the states of a task, or
            :func:`~pyrnn.dynamics.uniform_states` for shares of state space.
        x: Constant input, ``(input_size,)``; by default zero.
        max_period: Longest period to recognize.
        n_steps: Most steps of a run.

    Returns:
        Attractors and the share of the runs that ends in each.

    Raises:
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if an option is not positive.

    Example:
        >>> starts = torch.tensor([[-0.5], [0.1], [0.9], [0.2]])
        >>> print(find_attractors(lambda h, x: torch.tanh(2 * h), starts).summary())
        2 attractors
          period   1  basin  75.0% ± 21.7%  |λ| <= 0.1664
          period   1  basin  25.0% ± 21.7%  |λ| <= 0.1664
          aperiodic     0.0%

    References:
        Datseris & Wagemakers, *Chaos* 32:023104 (2022).
    """
    if max_period < 1 or n_steps < 1:
        raise ValueError(
            f"expected positive max_period and n_steps, got {max_period} and {n_steps}"
        )
    h, inputs = one_input(rnn, starts, x)
    inputs = inputs.expand(len(h), -1)
    with one_thread(), torch.no_grad():
        step = frozen_step(rnn, h[:2], inputs[:2])
        h, periods = _run(step, h.clone(), inputs, max_period, n_steps)
        cycles, ends = _collect(step, h, inputs, periods)
    order = torch.bincount(ends[ends >= 0], minlength=len(cycles)).argsort(descending=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    ends = torch.where(ends >= 0, torch.cat([rank, order.new_zeros(1)])[ends], ends)
    return Attractors(tuple(cycles[i] for i in order.tolist()), ends)


def _run(step: Step, h: Tensor, x: Tensor, max_period: int, n_steps: int) -> tuple[Tensor, Tensor]:
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


def _collect(step: Step, h: Tensor, x: Tensor, periods: Tensor) -> tuple[list[Cycle], Tensor]:
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


def _as_it_is(step: Step, h: Tensor, x: Tensor, period: int) -> Cycle:
    """Return an orbit that polishing would have moved to another, shorter one."""
    whole = IteratedMap(step, period)
    residual = float((whole(h, x) - h).norm())
    return Cycle(whole.orbit(h, x)[:, 0], x[0], residual, whole.jacobian(h, x)[0])
