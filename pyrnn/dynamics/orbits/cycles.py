"""Orbits that come back to themselves after some steps."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

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
from pyrnn.dynamics.points import Search
from pyrnn.progress import interruptible
from pyrnn.result import Report, Result, Results
from pyrnn.validate import as_boolean, as_integer, as_list, as_number, as_rng

__all__ = ["Cycle", "Cycles", "cycles_through", "find_cycles"]

logger = logging.getLogger(__name__)

_SAME = 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class Cycle(Result):
    """States that the network visits in turn, for ever; a fixed point has period 1.

    Args:
        states: States in their order, ``(period, state_size)``.
        input: The constant input, ``(input_size,)``.
        residual: Distance between the first state and where it is after one period.
        jacobian: Jacobian of all steps of a period together, at the first state.

    Example:
        >>> (cycle,) = find_cycles(lambda h, x: torch.tanh(-2 * h), torch.ones(9, 1), periods=[2])
        >>> cycle.period, cycle.stability, round(float(cycle.multipliers.abs()), 4)
        (2, 'stable node', 0.0277)
        >>> cycle.n_unstable, cycle.is_stable
        (0, True)
        >>> bool((cycle.scaled(2.0).states == 2 * cycle.states).all())
        True
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
    def spectrum(self) -> Spectrum:
        """Spectrum of the Jacobian of a period.

        Example:
            >>> Cycle(torch.zeros(2, 1), torch.zeros(1), 0.0, torch.tensor([[0.5]])).spectrum
            Spectrum(stable node)
        """
        return Spectrum(self.jacobian)

    @property
    def multipliers(self) -> Tensor:
        """Floquet multipliers, ``(state_size,)``, complex, largest modulus first."""
        return self.spectrum.eigenvalues

    @property
    def n_unstable(self) -> int:
        """Number of modes that grow over a period."""
        return int(self.spectrum.n_unstable)

    @property
    def is_stable(self) -> bool:
        """Whether every mode shrinks over a period."""
        return bool(self.spectrum.is_stable)

    @property
    def stability(self) -> str:
        """Kind of cycle, see :attr:`Spectrum.stability`."""
        return str(self.spectrum.stability)

    def scaled(self, scale: float) -> Cycle:
        """Return the cycle with its states multiplied by a number."""
        return replace(self, states=self.states * scale, residual=self.residual * scale)

    def __repr__(self) -> str:
        return f"Cycle(period={self.period}, {self.stability}, residual={self.residual:.1e})"

    def _report(self) -> Report:
        rows = [
            ("period", str(self.period)),
            ("stability", self.stability),
            ("largest |λ|", f"{float(self.multipliers[0].abs()):.4f}"),
            ("residual", f"{self.residual:.1e}"),
        ]
        return Report("cycle", rows=rows)

    def _frame(self) -> dict[str, list[object]]:
        return {f"h{i}": unit.tolist() for i, unit in enumerate(self.states.T)}


@dataclass(frozen=True, eq=False, repr=False)
class Cycles(Results[Cycle]):
    """The cycles that a search found, by period and number of unstable modes.

    A sequence of :class:`Cycle`.

    Example:
        >>> find_cycles(lambda h, x: h / 2, torch.ones(9, 1)).status
        'no cycle of period 2, 3, 4 found; give other periods or more starts, or see ...'
    """

    def _report(self) -> Report:
        rows = [
            (
                str(cycle.period),
                cycle.stability,
                f"{float(cycle.multipliers[0].abs()):.4f}",
                f"{cycle.residual:.1e}",
            )
            for cycle in self
        ]
        title = f"{len(self)} cycle{'s' if len(self) != 1 else ''}"
        columns = ("period", "stability", "|λ|", "residual")
        return Report(title, columns, rows, [f"status: {self.status}"])

    def _frame(self) -> dict[str, list[object]]:
        return {
            "period": [cycle.period for cycle in self],
            "stability": [cycle.stability for cycle in self],
            "n_unstable": [cycle.n_unstable for cycle in self],
            "residual": [cycle.residual for cycle in self],
        }


@analysis
def find_cycles(
    network: Network,
    starts: States,
    x: States | None = None,
    *,
    periods: Iterable[int] = (2, 3, 4),
    tol: float = 1e-9,
    max_rounds: int = 64,
    rng: torch.Generator | int | None = None,
    progress: bool = True,
) -> Cycles:
    r"""Find cycles, stable or not, as fixed points of several steps taken together.

    .. math:: F^k(h, x) = h, \qquad F^d(h, x) \ne h \text{ for } d < k

    by the search of :func:`~pyrnn.dynamics.find_fixed_points`. Trained networks often remember in
    cycles. To find only the stable ones, of any period, use
    :func:`~pyrnn.dynamics.find_attractors`.

    Args:
        network: A network, or any batched ``step(h, x)``.
        starts: States to start from, ``(..., state_size)``.
        x: Constant input, ``(input_size,)``; by default zero.
        periods: Periods to look for; 1 stands for fixed points.
        tol: Largest residual ``|F^k(h, x) - h|``, relative to the usual size of the states.
        max_rounds: Most rounds of each period.
        rng: Random generator on the CPU, or a seed; by default 0.
        progress: Whether to show progress bars when the search takes longer than a second.

    Returns:
        Cycles by period and number of unstable modes.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.find_fixed_points`.
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if a period is not positive.

    Example:
        >>> found = find_cycles(lambda h, x: torch.tanh(-2 * h), torch.ones(9, 1), periods=[1, 2])
        >>> [(cycle.period, cycle.stability) for cycle in found]
        [(1, 'unstable node'), (2, 'stable node')]

    References:
        Strogatz, *Nonlinear Dynamics and Chaos* (2015), section 10.3.
    """
    tol, max_rounds = as_number("tol", tol, above=0), as_integer("max_rounds", max_rounds, low=1)
    rng, progress = as_rng(rng), as_boolean("progress", progress)
    listed = as_list("periods", periods, "whole numbers", "try periods=(2, 3, 4)")
    periods = sorted({as_integer("every period", period, low=1) for period in listed})
    if not periods:
        raise ValueError("expected at least one period, got none; try periods=(2, 3, 4)")
    step = as_map(network, starts, x)
    pool, inputs = step.states(starts), step.one_input(x)
    scale = state_scale(pool.abs().max(-1).values.flatten())
    step, pool = ScaledMap(step, scale), pool.reshape(-1, pool.shape[-1]) / scale
    found: list[Cycle] = []
    was_stopped = False
    with interruptible() as interrupt:
        for period in periods:
            if interrupt.pressed:
                was_stopped = True
                break
            search = Search(IteratedMap(step, period), pool, tol, 64, max_rounds, rng, progress)
            points = search.run(inputs)
            was_stopped |= points.record.was_stopped
            found += cycles_through(step, points.states, points.inputs, period)
    verdict = "stopped early" if was_stopped else "complete as far as the search tells"
    if not found:
        verdict = (
            f"no cycle of period {', '.join(map(str, periods))} found; give other periods or more "
            "starts, or see what runs lead to with find_attractors"
        )
        logger.warning(verdict)
    found = [cycle.scaled(scale) for cycle in found]
    return Cycles(tuple(sorted(found, key=lambda c: (c.period, c.n_unstable))), verdict)


def cycles_through(step: Map, h: Tensor, x: Tensor, period: int) -> list[Cycle]:
    """Return the cycles of exactly this period through some states, each once.

    Args:
        step: The map, in units of its states.
        h: States on cycles whose periods divide ``period``, ``(n, state_size)``.
        x: Their input, ``(n, input_size)``.
        period: Number of steps.

    Example:
        >>> step = as_map(lambda h, x: -h, torch.ones(1, 1))
        >>> h, x = torch.ones(1, 1).double(), torch.zeros(1, 1).double()
        >>> cycles_through(step, h, x, 2)
        [Cycle(period=2, marginal, residual=0.0e+00)]
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
