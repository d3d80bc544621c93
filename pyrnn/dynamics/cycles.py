"""Orbits that come back to themselves after some steps."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pyrnn.dynamics.inputs import one_input
from pyrnn.dynamics.jacobian import IteratedMap
from pyrnn.dynamics.search import Search, steps_for_search
from pyrnn.dynamics.seeding import default_rng
from pyrnn.dynamics.stability import classify, count_unstable
from pyrnn.dynamics.step import Step, one_thread

logger = logging.getLogger(__name__)

_SAME = 1e-6


@dataclass(frozen=True, eq=False)
class Cycle:
    """States that the network visits in turn, for ever; a fixed point has period 1.

    Args:
        states: States in their order, ``(period, hidden_size)``.
        input: The constant input, ``(input_size,)``.
        residual: Distance between the first state and where it is after one period.
        jacobian: Jacobian of all steps of a period together, at the first state.

    Example:
        >>> (cycle,) = find_cycles(lambda h, x: torch.tanh(-2 * h), torch.ones(9, 1), periods=[2])
        >>> cycle.period, cycle.stability, round(float(cycle.multipliers.abs()), 4)
        (2, 'stable node', 0.0277)
    """

    states: Tensor
    input: Tensor
    residual: float
    jacobian: Tensor

    @property
    def period(self) -> int:
        """Number of steps until the cycle closes."""
        return len(self.states)

    @cached_property
    def multipliers(self) -> Tensor:
        """Floquet multipliers, ``(hidden_size,)``, complex, largest modulus first."""
        values = torch.linalg.eigvals(self.jacobian)
        return values[values.abs().argsort(dim=-1, descending=True, stable=True)]

    @property
    def n_unstable(self) -> int:
        """Number of modes that grow over a period."""
        return int(count_unstable(self.multipliers))

    @property
    def is_stable(self) -> bool:
        """Whether every mode shrinks over a period."""
        return bool((self.multipliers.abs() < 1).all())

    @property
    def stability(self) -> str:
        """Kind of cycle, see :func:`~pyrnn.dynamics.classify`."""
        return classify(self.multipliers)

    def __repr__(self) -> str:
        return f"Cycle(period={self.period}, {self.stability}, residual={self.residual:.1e})"


def find_cycles(
    rnn: Any,
    starts: Any,
    x: Any = None,
    *,
    periods: Iterable[int] = (2, 3, 4),
    tol: float = 1e-9,
    max_rounds: int = 64,
    rng: torch.Generator | int | None = None,
    progress: bool = False,
) -> list[Cycle]:
    r"""Find cycles, stable or not, as fixed points of several steps taken together.

    .. math:: F^k(h, x) = h, \qquad F^d(h, x) \ne h \text{ for } d < k

    by the search of :func:`~pyrnn.dynamics.find_fixed_points`. Trained networks often remember in
    cycles. To find only the stable ones, of any period, use
    :func:`~pyrnn.dynamics.find_attractors`.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        starts: States to start from, ``(..., hidden_size)``.
        x: Constant input, ``(input_size,)``; by default zero.
        periods: Periods to look for; 1 stands for fixed points.
        tol: Largest residual.
        max_rounds: Most rounds of each period.
        rng: Random generator on the CPU, or a seed; by default 0.
        progress: Whether to show progress bars.

    Returns:
        Cycles by period and number of unstable modes. None found is an empty list.

    Raises:
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if a period is not positive.

    Example:
        >>> found = find_cycles(lambda h, x: torch.tanh(-2 * h), torch.ones(9, 1), periods=[1, 2])
        >>> [(cycle.period, cycle.stability) for cycle in found]
        [(1, 'unstable node'), (2, 'stable node')]

    References:
        Strogatz, *Nonlinear Dynamics and Chaos* (2015), section 10.3.
    """
    pool, inputs = one_input(rnn, starts, x)
    periods = sorted(set(periods))
    if not periods or periods[0] < 1:
        raise ValueError(f"expected periods of at least one step, got {periods}; try (2, 3, 4)")
    rng = default_rng(rng)
    found: list[Cycle] = []
    with one_thread(), torch.no_grad():
        fine, coarse = steps_for_search(rnn, pool, inputs)
        for period in periods:
            whole, rough = IteratedMap(fine, period), IteratedMap(coarse, period)
            search = Search(whole, rough, pool, tol, 64, max_rounds, rng, progress)
            h, x, _ = search.run(inputs)
            found += cycles_through(fine, h, x, period)
    if not found:
        logger.warning("no cycle of period %s found", ", ".join(map(str, periods)))
    return sorted(found, key=lambda cycle: (cycle.period, cycle.n_unstable))


def cycles_through(step: Step, h: Tensor, x: Tensor, period: int) -> list[Cycle]:
    """Return the cycles of exactly this period through some states, each once.

    Args:
        step: Batched ``step(h, x)``.
        h: States on cycles whose periods divide ``period``, ``(n, hidden_size)``.
        x: Their input, ``(n, input_size)``.
        period: Number of steps.
    """
    orbits = IteratedMap(step, period).orbit(h, x).transpose(0, 1)
    reach = _SAME * (1 + h.norm(dim=-1))
    returns = (orbits[:, 1:] - h[:, None]).norm(dim=-1) < reach[:, None]
    cycles, left = [], (~returns.any(1)).nonzero()[:, 0]
    while len(left):
        first, orbit = left[:1], orbits[left[0]]
        residual = (step(orbit[-1:], x[first]) - orbit[:1]).norm()
        product = IteratedMap(step, period).jacobian(h[first], x[first])[0]
        cycles.append(Cycle(orbit, x[first[0]], float(residual), product))
        is_on_it = torch.cdist(h[left], orbit).amin(1) < reach[left]
        is_on_it[0] = True
        left = left[~is_on_it]
    return cycles
