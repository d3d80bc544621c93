"""The flow of which a leaky network's step is an Euler step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.maps.as_map import as_map
from pyrnn.dynamics.maps.map import Map, Network
from pyrnn.validate import as_integer, as_number

__all__ = ["RungeKuttaMap"]


@dataclass(frozen=True, eq=False, init=False, repr=False)
class RungeKuttaMap(Map):
    r"""Solve :math:`\dot h = (F(h, x) - h)/\Delta t` over a duration, by classical Runge-Kutta.

    A map itself, for analyses of the exact flow instead of its Euler steps.

    Args:
        network: A network or ``step(h, x)`` that is an Euler step of ``dt``.
        dt: Duration of the Euler step; by default the network's own.
        duration: Duration of the new step; by default ``dt``.
        n_substeps: Runge-Kutta steps that it takes.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`, or if an argument is no number.
        ValueError: As :func:`~pyrnn.dynamics.as_map`, or if a duration is not positive.

    Example:
        >>> exact = RungeKuttaMap(lambda h, x: h - 0.1 * h, dt=0.1, duration=1.0, n_substeps=50)
        >>> exact(torch.ones(1, dtype=torch.float64), torch.zeros(1))
        tensor([0.3679], dtype=torch.float64)
        >>> exact.velocity(torch.ones(1), torch.zeros(1))
        tensor([-1.0000], dtype=torch.float64)

    References:
        Hairer, Nørsett & Wanner, *Solving Ordinary Differential Equations I* (1993), section II.1.
    """

    euler: Map
    duration: float
    n_substeps: int

    def __init__(
        self,
        network: Network,
        dt: float | None = None,
        duration: float | None = None,
        n_substeps: int = 1,
    ) -> None:
        euler = as_map(network)
        dt = euler.dt if dt is None else as_number("dt", dt, above=0, unit="ms")
        names = ("state_size", "input_size", "parts", "is_smooth", "dtype", "device", "is_checked")
        known = {name: getattr(euler, name) for name in names} | {
            "euler": euler,
            "dt": dt,
            "duration": dt if duration is None else as_number("duration", duration, above=0),
            "n_substeps": as_integer("n_substeps", n_substeps, low=1),
        }
        for name, value in known.items():
            object.__setattr__(self, name, value)

    def velocity(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the time derivative of the states, ``(..., state_size)``."""
        return (self.euler(h, x) - h) / self.dt

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the states after the duration, ``(..., state_size)``."""
        d = self.duration / self.n_substeps
        for _ in range(self.n_substeps):
            k1 = self.velocity(h, x)
            k2 = self.velocity(h + d / 2 * k1, x)
            k3 = self.velocity(h + d / 2 * k2, x)
            k4 = self.velocity(h + d * k3, x)
            h = h + d / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return h

    def to(self, dtype: torch.dtype) -> RungeKuttaMap:
        """Return the same map in another dtype."""
        return RungeKuttaMap(self.euler.to(dtype), self.dt, self.duration, self.n_substeps)

    def tried_on(self, h: Tensor, x: Tensor) -> RungeKuttaMap:
        """Return this map after a try on a few states."""
        euler = self.euler.tried_on(h, x)
        return RungeKuttaMap(euler, self.dt, self.duration, self.n_substeps)
