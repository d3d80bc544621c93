"""Limit cycles of the flow of which a leaky network's step is an Euler step."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps import Map, Network, RungeKuttaMap, Spectrum, analysis, as_map
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer, as_number

__all__ = ["LimitCycle", "find_limit_cycle"]

logger = logging.getLogger(__name__)

_NEWTON_STEPS = 20
_CLOSED = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class LimitCycle(Result):
    r"""A closed orbit of the flow, :math:`\Phi_T(h) = h` with the period :math:`T`.

    Args:
        states: States at even times over one period, ``(n, state_size)``.
        input: The constant input, ``(input_size,)``.
        period: In the unit of ``dt``, ms for the built-in networks.
        residual: Distance between start and end.
        jacobian: Derivative of the end with respect to the start (the monodromy matrix).

    Example:
        >>> states, turn = torch.zeros(2, 2), torch.diag(torch.tensor([1.0, 0.2]))
        >>> cycle = LimitCycle(states, torch.zeros(1), 9.88, 0.0, turn)
        >>> cycle, cycle.multipliers.real, cycle.n_unstable, cycle.is_stable
        (LimitCycle(period=9.88, stable, residual=0.0e+00), tensor([0.2000]), 0, True)
    """

    states: Tensor
    input: Tensor
    period: float
    residual: float
    jacobian: Tensor

    @cached_property
    def spectrum(self) -> Spectrum:
        """Floquet spectrum without the multiplier along the orbit, which is 1.

        Example:
            >>> turn = torch.diag(torch.tensor([1.0, 0.2]))
            >>> LimitCycle(torch.zeros(2, 2), torch.zeros(1), 9.88, 0.0, turn).spectrum
            Spectrum(stable node)
        """
        values = Spectrum(self.jacobian).eigenvalues
        return Spectrum.from_eigenvalues(values[(values - 1).abs().argsort()[1:]])

    @property
    def multipliers(self) -> Tensor:
        """Floquet multipliers without the one along the orbit, largest modulus first."""
        return self.spectrum.eigenvalues

    @property
    def n_unstable(self) -> int:
        """Number of directions in which orbits nearby move away."""
        return int(self.spectrum.n_unstable)

    @property
    def is_stable(self) -> bool:
        """Whether orbits nearby come closer."""
        return bool(self.spectrum.is_stable)

    def __repr__(self) -> str:
        kind = "stable" if self.is_stable else "unstable"
        return f"LimitCycle(period={self.period:.6g}, {kind}, residual={self.residual:.1e})"

    def _report(self) -> Report:
        rows = [
            ("period", f"{self.period:.6g}"),
            ("stable", "yes" if self.is_stable else "no"),
            ("residual", f"{self.residual:.1e}"),
        ]
        return Report("limit cycle", rows=rows)

    def _frame(self) -> dict[str, list[object]]:
        times = torch.arange(len(self.states)) * (self.period / max(len(self.states), 1))
        units = {f"h{i}": unit.tolist() for i, unit in enumerate(self.states.T)}
        return {"time": times.tolist()} | units


@analysis
def find_limit_cycle(
    network: Network,
    start: States,
    x: States | None = None,
    *,
    dt: float | None = None,
    max_duration: float | None = None,
    n_samples: int = 1000,
) -> LimitCycle | None:
    r"""Find the stable limit cycle of the flow to which a state leads.

    .. math:: \dot h = (F(h, x) - h)/\Delta t, \qquad \Phi_T(h) = h

    is the flow of which a leaky network's step is the Euler step. After a transient, a return to
    the same place gives a first guess, and Newton's method on state and period closes the orbit.

    Args:
        network: A network or ``step(h, x)`` that is an Euler step.
        start: State to start from, ``(state_size,)``.
        x: Constant input, ``(input_size,)``; by default zero.
        dt: Duration of the Euler step; by default the network's own, or 1.
        max_duration: Length of the transient, and longest period; by default ``2000 dt``.
        n_samples: Runge-Kutta steps per period.

    Returns:
        The cycle, or ``None`` if the state leads to none; the log says so.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.find_fixed_points`.
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if a duration is not positive.

    Example:
        >>> w = torch.tensor([[1.5, -1.0], [1.0, 1.5]], dtype=torch.float64)
        >>> step = lambda h, x: h + 0.1 * (torch.tanh(h @ w.to(h).T) - h)
        >>> start = torch.tensor([0.5, 0.1])
        >>> cycle = find_limit_cycle(step, start, dt=0.1, max_duration=40.0, n_samples=200)
        >>> round(cycle.period, 4), cycle.is_stable
        (9.8832, True)

    References:
        Strogatz, *Nonlinear Dynamics and Chaos* (2015), section 8.7.
    """
    step = as_map(network, start, x)
    h, inputs = step.states(start, "start"), step.one_input(x)
    dt = step.dt if dt is None else as_number("dt", dt, above=0, unit="ms")
    longest = (
        2000 * dt if max_duration is None else as_number("max_duration", max_duration, above=0)
    )
    n_samples = as_integer("n_samples", n_samples, low=1)
    guess = _first_return(RungeKuttaMap(step, dt), h.reshape(-1, h.shape[-1])[:1], inputs, longest)
    cycle = None if guess is None else _close(step, dt, *guess, inputs, n_samples)
    if cycle is None:
        logger.warning(
            "no limit cycle found within %g of time after a transient of %g", longest, longest
        )
    return cycle


def _first_return(
    flow: RungeKuttaMap, h: Tensor, x: Tensor, max_duration: float
) -> tuple[Tensor, float] | None:
    """Return a state after the transient, and the time until the run passes it again."""
    n_steps = int(max_duration / flow.dt)
    for _ in range(n_steps):
        h = flow(h, x)
    normal, states = flow.velocity(h, x)[0], [h[0]]
    for _ in range(n_steps):
        states.append(flow(states[-1][None], x)[0])
    run = torch.stack(states) - h[0]
    ahead, away = run @ normal, run.norm(dim=-1)
    passes = (ahead[:-1] < 0) & (ahead[1:] >= 0) & (away[1:] < 0.2 * away.max())
    if not passes.any() or not normal.norm() * flow.dt > 1e-9 * (1 + h.norm()):
        return None
    i = int(passes.nonzero()[0])
    share = float(ahead[i] / (ahead[i] - ahead[i + 1]))
    return h, (i + share) * flow.dt


def _close(step: Map, dt: float, h: Tensor, period: float, x: Tensor, n: int) -> LimitCycle | None:
    """Solve for a state and a period that close the orbit, across the flow at the state."""
    size, normal = h.shape[-1], RungeKuttaMap(step, dt).velocity(h, x)[0]
    for _ in range(_NEWTON_STEPS):
        flow = RungeKuttaMap(step, dt, period / n)
        states = [h]
        for _ in range(n):
            states.append(flow(states[-1], x))
        end, samples = states.pop(), torch.cat(states)
        product = torch.eye(size, dtype=h.dtype, device=h.device)
        for factor in flow.jacobian(samples, x.expand(n, -1)):
            product = factor @ product
        gap = (end - h)[0]
        if gap.norm() < _CLOSED * (1 + h.norm()):
            return LimitCycle(samples, x[0], period, float(gap.norm()), product)
        system = torch.zeros(size + 1, size + 1, dtype=h.dtype, device=h.device)
        system[:size, :size] = product - torch.eye(size).to(h)
        system[:size, size], system[size, :size] = flow.velocity(end, x)[0], normal
        change = torch.linalg.solve(system, -torch.cat([gap, gap.new_zeros(1)]))
        h, period = h + change[:size], period + float(change[size])
        if not period > 0 or not h.isfinite().all():
            return None
    return None
