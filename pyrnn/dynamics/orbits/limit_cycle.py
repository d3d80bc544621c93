"""Limit cycles of the flow of which a leaky network's step is an Euler step."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps import Network, Spectrum, analysis, as_map
from pyrnn.dynamics.orbits._flow import Flow, Vector
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer, as_number

__all__ = ["LimitCycle", "find_limit_cycle"]

logger = logging.getLogger(__name__)

_NEWTON_STEPS = 20
_FINE, _COARSE = 1e-12, 1e-8  # errors of a step; their solutions differ by the error of the coarse
_CLOSED, _COARSE_CLOSED = (
    1e-9,
    100.0,
)  # an orbit with a smaller gap is closed, in units of its size
_NEAR = 0.2  # a return is a first guess, in units of the orbit's extent
_BEST = 10.0  # and the first that is nearly as close as the best one
_BACK = 1e-4  # or comes back so nearly, in units of the extent
_STILL = 1e-6  # a run that moves less, in units of its size, is at rest
_SHRUNK = 1e-2
_ALIKE = 1e-6  # directions that grow by less than this over a period are left as they are
_MARGINAL = 10.0  # times the error of the multiplier that is known to be 1


@dataclass(frozen=True, eq=False, repr=False)
class LimitCycle(Result):
    r"""A closed orbit of the flow, :math:`\Phi_T(h) = h` with the period :math:`T`.

    Args:
        states: States at even times over one period, ``(n, state_size)``.
        input: The constant input, ``(input_size,)``.
        period: In the unit of ``dt``, ms for the built-in networks.
        residual: Distance between start and end.
        jacobian: Derivative of the end with respect to the start (the monodromy matrix).
        error: Estimated error of the period.

    Example:
        >>> states, turn = torch.zeros(2, 2), torch.diag(torch.tensor([1.0, 0.2]))
        >>> cycle = LimitCycle(states, torch.zeros(1), 9.88, 0.0, turn)
        >>> cycle, cycle.multipliers.real, cycle.n_unstable, cycle.is_stable
        (LimitCycle(period=9.88, stable, residual=0.0e+00), tensor([0.2000]), 0, True)
        >>> cycle.stability
        'stable'
    """

    states: Tensor
    input: Tensor
    period: float
    residual: float
    jacobian: Tensor
    error: float = float("nan")

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
    def _margin(self) -> float:
        """How near to 1 the size of a multiplier cannot be told from 1."""
        error = float((Spectrum(self.jacobian).eigenvalues - 1).abs().min())
        return max(1e-9, _MARGINAL * error)

    @property
    def multipliers(self) -> Tensor:
        """Floquet multipliers without the one along the orbit, largest modulus first."""
        return self.spectrum.eigenvalues

    @property
    def n_unstable(self) -> int:
        """Number of directions in which orbits nearby move away."""
        return int((self.multipliers.abs() > 1 + self._margin).sum())

    @property
    def is_stable(self) -> bool:
        """Whether orbits nearby come closer."""
        return bool((self.multipliers.abs() < 1 - self._margin).all())

    @property
    def stability(self) -> str:
        """``"stable"``, ``"unstable"``, or ``"marginal"``, as for the orbits around a center."""
        return "stable" if self.is_stable else "unstable" if self.n_unstable else "marginal"

    @property
    def status(self) -> str:
        """Verdict in words."""
        return f"{self.stability}, error of the period {self.error:.1e}"

    def __repr__(self) -> str:
        return (
            f"LimitCycle(period={self.period:.6g}, {self.stability}, residual={self.residual:.1e})"
        )

    def _report(self) -> Report:
        rows = [
            ("period", f"{self.period:.10g} ± {self.error:.1e}"),
            ("stability", self.stability),
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
    r"""Find the limit cycle of the flow near which the run from a state returns.

    .. math:: \dot h = (F(h, x) - h)/\Delta t, \qquad \Phi_T(h) = h

    is the flow of which a leaky network's step is the Euler step. After a transient, a return to
    the same place gives a first guess, and Newton's method on state and period closes the orbit.
    The solver adapts its steps and its method, so stiff flows are no matter. A run that passes
    close by an unstable orbit may lead to that, see :attr:`LimitCycle.stability`; the log says so.

    Args:
        network: A network or ``step(h, x)`` that is an Euler step.
        start: State to start from, ``(state_size,)``.
        x: Constant input, ``(input_size,)``; by default zero.
        dt: Duration of the Euler step; by default the network's own, or 1.
        max_duration: Length of the transient, and longest period; by default ``2000 dt``.
        n_samples: States to return, at even times over a period.

    Returns:
        The cycle, or ``None`` if the state leads to none; the log says why.

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
    flow, first = Flow(step, inputs, dt), np.asarray(h.reshape(-1, h.shape[-1])[0].cpu())
    guess = _first_return(flow, first, longest)
    found = _close(flow, *guess, _FINE) if isinstance(guess, tuple) else guess
    if isinstance(found, str):
        logger.warning("no limit cycle found: %s", found)
        return None
    cycle = _measure(flow, *found, n_samples)
    if not cycle.is_stable:
        logger.warning(
            "the limit cycle that the run passes is %s: it does not attract", cycle.stability
        )
    return cycle


def _first_return(flow: Flow, h: Vector, longest: float) -> tuple[Vector, float] | str:
    """Return a state after the transient, and the time until the run passes it again."""
    transient = flow.run(h, longest, _COARSE)
    if transient is None:
        return "the run diverges"
    h = transient.end
    normal = flow.velocity(h)
    size = np.linalg.norm(transient.states(transient.times), axis=0).max()
    run = flow.run(h, longest, _COARSE)
    if run is None or not np.isfinite(size):
        return "the run diverges"
    times = np.linspace(0, longest, 2000)
    apart = np.linalg.norm(run.states(times).T - h, axis=1)
    if apart.max() <= _STILL * size:
        return f"the run came to rest at a fixed point within {longest:g}"
    left = times[np.argmax(apart > _NEAR * apart.max())]
    times = run.crossings(lambda now: (now - h) @ normal)
    times = times[times > left]
    away = np.array([np.linalg.norm(run.states(time) - h) for time in times]) / apart.max()
    if not len(away) or away.min() > _NEAR:
        return (
            f"after a transient of {longest:g} the run comes back to no earlier state within "
            f"{longest:g}; a period may be longer: give a longer max_duration"
        )
    return h, float(times[away <= max(_BEST * away.min(), _BACK)][0])


def _close(flow: Flow, h: Vector, period: float, tol: float) -> tuple[Vector, float] | str:
    """Solve for a state and a period that close the orbit, across the flow at the state."""
    n, guess, closed = len(h), period, max(_CLOSED, _COARSE_CLOSED * tol)
    way = np.linalg.norm(flow.velocity(h)) * period  # about the length of the orbit
    unit, before = np.linalg.norm(h) + way, np.inf
    for _ in range(_NEWTON_STEPS):
        run = flow.run(h, period, tol)
        if run is None:
            break
        gap = np.linalg.norm(run.end - h) / unit
        if gap < closed and gap > before / 4:  # no nearer any more
            return h, period
        before = gap
        normal = flow.velocity(h)
        system = np.zeros((n + 1, n + 1))
        system[:n, :n] = flow.derivative(run) - np.eye(n)
        system[:n, n] = flow.velocity(run.end) / np.linalg.norm(normal)
        system[n, :n] = normal / np.linalg.norm(normal)
        change = np.linalg.lstsq(system, -np.append(run.end - h, 0.0), rcond=_ALIKE)[0]
        h, period = h + change[:n], period + change[n] / np.linalg.norm(normal)
        if not (np.isfinite(h).all() and guess / 3 < period < 3 * guess):
            break
        if np.linalg.norm(flow.velocity(h)) * period < _SHRUNK * way:
            break  # to a fixed point
    return (
        "no closed orbit lies next to where the run comes back: it may be a spiral into a fixed "
        "point, a torus or chaos"
    )


def _measure(flow: Flow, h: Vector, period: float, n: int) -> LimitCycle:
    run = flow.run(h, period, _FINE)
    assert run is not None  # it has just been closed
    other = _close(flow, h, period, _COARSE)
    error = abs(other[1] - period) if isinstance(other, tuple) else float("nan")
    states = run.states(np.arange(n) * (period / n)).T
    return LimitCycle(
        torch.from_numpy(states.copy()),
        flow.x[0].cpu(),
        float(period),
        float(np.linalg.norm(run.end - h)),
        torch.from_numpy(flow.derivative(run)),
        error,
    )
