"""The flow of which a step is an Euler step, integrated by an adaptive solver."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from scipy.integrate import OdeSolution

    from pyrnn.dynamics.maps import Map

__all__ = ["Flow", "Run"]

Vector = NDArray[np.float64]

_N_SPLITS = 400  # least number of steps over which the derivative of a run is taken
_MAX_ELEMENTS = 2**22


class Run:
    """The solution from a start over some time.

    Args:
        states: The solution as a function of time.
        times: Times of the solver's steps.
    """

    def __init__(self, states: OdeSolution, times: Vector) -> None:
        self.states, self.times = states, times

    @property
    def end(self) -> Vector:
        """Last state."""
        return np.asarray(self.states(self.times[-1]))

    def crossings(self, section: Callable[[Vector], Vector]) -> Vector:
        """Return the times at which a function of the states passes zero upwards.

        Args:
            section: Function of states ``(n, state_size)``.
        """
        from scipy.optimize import brentq

        values = section(self.states(self.times).T)
        at = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
        times = [
            brentq(
                lambda t: float(section(self.states(t)[None])[0]), self.times[i], self.times[i + 1]
            )
            for i in at
        ]
        return np.array(times)


class Flow:
    r"""The flow :math:`\dot h = (F(h, x) - h) / \Delta t` of a map under a constant input.

    Args:
        step: The map.
        x: The input, ``(1, input_size)``.
        dt: Duration of the Euler step.

    References:
        Petzold, *SIAM Journal on Scientific and Statistical Computing* 4:136 (1983): LSODA, which
        changes to an implicit method where the flow is stiff.
    """

    def __init__(self, step: Map, x: Tensor, dt: float) -> None:
        self.step, self.x, self.dt = step, x, dt

    def velocity(self, h: Vector) -> Vector:
        """Return the time derivative of a state, ``(state_size,)``."""
        now = self._tensor(h[None])
        return np.asarray(((self.step(now, self.x) - now)[0] / self.dt).cpu())

    def jacobian(self, h: Vector) -> Vector:
        """Return the derivative of the velocity, ``(n, state_size, state_size)``."""
        return np.asarray(self._generators(h).cpu())

    def _generators(self, h: Vector) -> Tensor:
        now = self._tensor(h)
        matrix = self.step.jacobian(now, self.x.expand(len(now), -1))
        matrix = matrix - torch.eye(matrix.shape[-1]).to(matrix)
        return matrix / self.dt

    def _tensor(self, h: Vector) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(h)).to(self.x)

    def run(self, h: Vector, duration: float, tol: float) -> Run | None:
        """Integrate from a state, ``None`` if that fails.

        Args:
            h: Start, ``(state_size,)``.
            duration: For how long.
            tol: Relative error per step.

        Returns:
            The run.
        """
        from scipy.integrate import solve_ivp

        size = max(float(np.abs(h).max()), float(np.abs(self.velocity(h)).max()) * self.dt)
        found = solve_ivp(
            lambda _, h: self.velocity(h),
            (0.0, duration),
            h,
            method="LSODA",
            jac=lambda _, h: self.jacobian(h[None])[0],
            rtol=tol,
            atol=tol * max(size, np.finfo(float).tiny),
            dense_output=True,
        )
        if not found.success or not np.isfinite(found.y).all():
            return None
        return Run(found.sol, found.t)

    def derivative(self, run: Run) -> Vector:
        r"""Return the derivative of a run's end with respect to its start.

        .. math:: \dot M = A(t) M, \qquad M \approx \prod_k \exp \Omega_k

        with Magnus' exponents of fourth order over short times, which never overshoot, however
        stiff the flow is.

        Args:
            run: The run.

        References:
            Blanes, Casas, Oteo & Ros, *Physics Reports* 470:151 (2009).
        """
        n = max(1, -(-_N_SPLITS // (len(run.times) - 1)))
        grid = np.concatenate(
            [np.linspace(a, b, n, endpoint=False) for a, b in zip(run.times, run.times[1:])]  # noqa: B905
            + [run.times[-1:]]
        )
        product = torch.eye(len(run.end), dtype=torch.float64)
        chunk = max(1, _MAX_ELEMENTS // len(run.end) ** 2)
        for i in range(0, len(grid) - 1, chunk):
            for factor in self._factors(run, grid[i : i + chunk + 1]):
                product = factor @ product
        return product.numpy()

    def _factors(self, run: Run, grid: Vector) -> Tensor:
        """Return the derivative over each piece of a grid of times."""
        length = np.diff(grid)
        middle, aside = (grid[1:] + grid[:-1]) / 2, length * np.sqrt(3) / 6
        first, second = (
            self._generators(run.states(times).T).cpu()
            for times in (middle - aside, middle + aside)
        )
        h = torch.from_numpy(length)[:, None, None]
        turn = second @ first - first @ second
        return torch.linalg.matrix_exp(h / 2 * (first + second) + np.sqrt(3) / 12 * h**2 * turn)
