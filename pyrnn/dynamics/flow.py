"""The flow in continuous time of which a leaky network's step is an Euler step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pyrnn.dynamics.inputs import as_inputs, as_states, one_input
from pyrnn.dynamics.jacobian import jacobian
from pyrnn.dynamics.step import Step, frozen_step, one_thread, step_of

_NEWTON_STEPS = 20
_CLOSED = 1e-12


def velocity(rnn: Any, h: Any, x: Any = None) -> Tensor:
    r"""Return how one step moves some states, :math:`F(h, x) - h`.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        h: States, ``(..., hidden_size)``.
        x: Inputs, ``(input_size,)`` or one for each state; by default zero.

    Returns:
        Moves per step, ``(..., hidden_size)``, float64; their norms are the speeds.

    Raises:
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`.

    Example:
        >>> velocity(lambda h, x: 0.5 * h, torch.ones(1, 2))
        tensor([[-0.5000, -0.5000]], dtype=torch.float64)
    """
    states = as_states(h, rnn, "states")
    inputs = as_inputs(x, states, rnn)
    flat = states.reshape(-1, states.shape[-1])
    inputs = inputs.reshape(-1, inputs.shape[-1])
    with torch.no_grad():
        moved = frozen_step(rnn, flat, inputs)(flat, inputs)
    return (moved - flat).reshape(states.shape)


@dataclass(frozen=True, eq=False)
class FlowField:
    r"""How a network moves on a plane through its state space, :math:`P (F(h, x) - h)`.

    Args:
        points: Coordinates on the plane, ``(n, n, 2)``; the first axis is the second coordinate,
            as ``matplotlib`` wants it.
        vectors: Moves per step, projected onto the plane, ``(n, n, 2)``.
        speeds: Length of the whole move, off the plane too, ``(n, n)``.

    Example:
        >>> flow_field(lambda h, x: 0.5 * h, torch.eye(2), n=3).points.shape
        torch.Size([3, 3, 2])
    """

    points: Tensor
    vectors: Tensor
    speeds: Tensor


def flow_field(
    rnn: Any, axes: Any, x: Any = None, *, origin: Any = None, extent: float = 1.0, n: int = 25
) -> FlowField:
    r"""Take the velocity on a grid of a plane, ready for a quiver plot.

    .. math:: v = P\, (F(h_0 + P^\top p, x) - h_0 - P^\top p)

    at the points :math:`p`, with the axes in the rows of :math:`P`.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        axes: Two directions that span the plane, ``(2, hidden_size)``; they are made orthonormal,
            the first keeping its direction.
        x: Constant input, ``(input_size,)``; by default zero.
        origin: State at the center, ``(hidden_size,)``; by default zero.
        extent: The grid goes from ``-extent`` to ``extent`` along both axes.
        n: Grid points along each axis.

    Returns:
        Points, moves and speeds on the grid.

    Raises:
        ValueError: If the axes are not two independent directions.

    Example:
        >>> field = flow_field(lambda h, x: 0.5 * h, torch.eye(2), n=3)
        >>> field.vectors[0, 0]
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    plane = as_states(axes, rnn, "axes")
    if plane.shape[:-1] != (2,) or torch.linalg.matrix_rank(plane) < 2:
        raise ValueError(
            f"expected two independent axes of shape (2, hidden_size), got {tuple(plane.shape)}; "
            "take e.g. the first two principal components"
        )
    q, r = torch.linalg.qr(plane.mT)
    q = (q * r.diagonal().sign()).mT
    center = plane.new_zeros(plane.shape[-1]) if origin is None else as_states(origin, rnn)
    ticks = torch.linspace(-extent, extent, n, dtype=plane.dtype, device=plane.device)
    points = torch.stack(torch.meshgrid(ticks, ticks, indexing="xy"), dim=-1)
    moves = velocity(rnn, center + points @ q, x)
    return FlowField(points, moves @ q.mT, moves.norm(dim=-1))


class RungeKuttaMap:
    r"""Solve :math:`\dot h = (F(h, x) - h)/\Delta t` over a duration, by classical Runge-Kutta.

    A step itself, for the analyses that want the exact flow in place of the Euler map.

    Args:
        rnn: A network or ``step(h, x)`` that is an Euler step of ``dt``.
        dt: Duration of the Euler step.
        duration: Duration of the new step; by default ``dt``.
        n_substeps: Runge-Kutta steps that it takes.

    Example:
        >>> exact = RungeKuttaMap(lambda h, x: h - 0.1 * h, dt=0.1, duration=1.0, n_substeps=50)
        >>> exact(torch.ones(1, dtype=torch.float64), torch.zeros(1))
        tensor([0.3679], dtype=torch.float64)
    """

    def __init__(
        self, rnn: Any, dt: float, duration: float | None = None, n_substeps: int = 1
    ) -> None:
        self.euler, self.dt = step_of(rnn), dt
        self.duration, self.n_substeps = dt if duration is None else duration, n_substeps

    def velocity(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the time derivative of the state."""
        return (self.euler(h, x) - h) / self.dt

    def __call__(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the state after the duration."""
        d = self.duration / self.n_substeps
        for _ in range(self.n_substeps):
            k1 = self.velocity(h, x)
            k2 = self.velocity(h + d / 2 * k1, x)
            k3 = self.velocity(h + d / 2 * k2, x)
            k4 = self.velocity(h + d * k3, x)
            h = h + d / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return h


@dataclass(frozen=True, eq=False)
class LimitCycle:
    r"""A closed orbit of the flow, :math:`\Phi_T(h) = h` with the period :math:`T`.

    Args:
        states: States at even times over one period, ``(n, hidden_size)``.
        input: The constant input, ``(input_size,)``.
        period: In the unit of ``dt``, ms for the built-in networks.
        residual: Distance between start and end.
        jacobian: Derivative of the end with respect to the start (the monodromy matrix).

    Example:
        >>> states, turn = torch.zeros(2, 2), torch.diag(torch.tensor([1.0, 0.2]))
        >>> LimitCycle(states, torch.zeros(1), 9.88, 0.0, turn)
        LimitCycle(period=9.88, stable, residual=0.0e+00)
    """

    states: Tensor
    input: Tensor
    period: float
    residual: float
    jacobian: Tensor

    @cached_property
    def multipliers(self) -> Tensor:
        """Floquet multipliers without the one along the orbit, largest modulus first."""
        values = torch.linalg.eigvals(self.jacobian)
        others = values[(values - 1).abs().argsort()[1:]]
        return others[others.abs().argsort(descending=True)]

    @property
    def is_stable(self) -> bool:
        """Whether orbits nearby come closer."""
        return bool((self.multipliers.abs() < 1).all())

    def __repr__(self) -> str:
        kind = "stable" if self.is_stable else "unstable"
        return f"LimitCycle(period={self.period:.6g}, {kind}, residual={self.residual:.1e})"


def find_limit_cycle(
    rnn: Any,
    start: Any,
    x: Any = None,
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
        rnn: A network or ``step(h, x)`` that is an Euler step.
        start: State to start from, ``(hidden_size,)``.
        x: Constant input, ``(input_size,)``; by default zero.
        dt: Duration of the Euler step; by default the network's own, or 1.
        max_duration: Length of the transient, and longest period; by default ``2000 dt``.
        n_samples: Runge-Kutta steps per period.

    Returns:
        The cycle, or ``None`` if the state leads to none.

    Raises:
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`.

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
    h, inputs = one_input(rnn, start, x)
    dt = float(getattr(getattr(rnn, "__self__", rnn), "dt", 1.0)) if dt is None else dt
    with one_thread(), torch.no_grad():
        step = frozen_step(rnn, h[:1], inputs)
        guess = _first_return(RungeKuttaMap(step, dt), h[:1], inputs, max_duration or 2000 * dt)
        return None if guess is None else _close(step, dt, *guess, inputs, n_samples)


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


def _close(
    step: Step, dt: float, h: Tensor, period: float, x: Tensor, n: int
) -> LimitCycle | None:
    """Solve for a state and a period that close the orbit, across the flow at the state."""
    size, normal = h.shape[-1], RungeKuttaMap(step, dt).velocity(h, x)[0]
    for _ in range(_NEWTON_STEPS):
        flow = RungeKuttaMap(step, dt, period / n)
        states = [h]
        for _ in range(n):
            states.append(flow(states[-1], x))
        end, samples = states.pop(), torch.cat(states)
        product = torch.eye(size, dtype=h.dtype, device=h.device)
        for factor in jacobian(flow, samples, x.expand(n, -1)):
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
