"""Dynamical systems with known answers, recomputed here with numpy and scipy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from scipy.linalg import block_diag
from scipy.optimize import brentq, root
from torch import Tensor

F64 = torch.float64
Step = Callable[[Tensor, Tensor], Tensor]


def seeded() -> torch.Generator:
    """Return a generator that does not depend on what was imported or run before."""
    return torch.Generator().manual_seed(0)


@dataclass(frozen=True, eq=False)
class System:
    """A map with its fixed points, known without any code of ours."""

    name: str
    step: Step
    starts: Tensor  # (n_starts, hidden_size)
    x: Tensor  # (input_size,)
    states: Tensor  # (n_points, hidden_size), by number of unstable modes
    jacobians: Tensor  # (n_points, hidden_size, hidden_size)

    @property
    def n_unstable(self) -> list[int]:
        moduli = np.abs(np.linalg.eigvals(self.jacobians.numpy()))
        return (moduli > 1).sum(-1).tolist()


def _system(name: str, step: Step, starts: Tensor, x: Tensor, points: list) -> System:
    """Collect (state, Jacobian) pairs, sorted by number of unstable modes."""
    points = sorted(points, key=lambda p: (np.abs(np.linalg.eigvals(p[1])) > 1).sum())
    states, jacobians = (torch.tensor(np.array(column)) for column in zip(*points, strict=True))
    return System(name, step, starts, x, states, jacobians)


def linear5() -> System:
    """h' = A h + b with A = Q D Qᵀ: one fixed point, one unstable mode."""
    v = np.arange(1.0, 6.0)
    reflection = np.eye(5) - 2 * np.outer(v, v) / (v @ v)
    turn = 0.9 * rotation_matrix(np.pi / 6)
    a = reflection @ block_diag(turn, 1.1, -0.5, 0.3) @ reflection.T
    b = np.array([0.1, -0.2, 0.3, 0.0, 0.05])
    matrix, offset = torch.tensor(a), torch.tensor(b)
    return _system(
        "linear5",
        lambda h, x: h @ matrix.to(h).T + offset.to(h) + x,
        torch.randn(40, 5, dtype=F64, generator=seeded()),
        torch.zeros(5, dtype=F64),
        [(np.linalg.solve(np.eye(5) - a, b), a)],
    )


def tanh1(w: float, b: float) -> System:
    """h' = tanh(w h + x) with x = b: one or three fixed points."""
    edges = np.linspace(-1.001, 1.001, 1001)  # an odd number of them: none at the origin
    edges = edges + 1e-4
    values = np.tanh(w * edges + b) - edges
    roots = [
        brentq(lambda h: np.tanh(w * h + b) - h, edges[i], edges[i + 1], xtol=1e-15)
        for i in np.flatnonzero(values[:-1] * values[1:] < 0)
    ]
    points = [(np.array([h]), np.array([[w * (1 - h**2)]])) for h in roots]
    starts = torch.linspace(-1, 1, 50, dtype=F64)[:, None]
    step = lambda h, x: torch.tanh(w * h + x)  # noqa: E731
    return _system(f"tanh1({w}, {b})", step, starts, torch.tensor([b], dtype=F64), points)


FLIP_FLOP_GAINS = (1.5, 2.0, 3.0)
FLIP_FLOP_SIGNS = np.array([[1, 1, -1, 1], [1, -1, -1, 1], [1, 1, 1, -1.0]])


def product_flip_flop() -> System:
    """Three bistable groups of four units, h' = tanh(W h): 3³ fixed points."""
    gains, signs = FLIP_FLOP_GAINS, FLIP_FLOP_SIGNS
    w = block_diag(*[g * np.outer(s, s) / 4 for g, s in zip(gains, signs, strict=True)])
    levels = [brentq(lambda m, g=g: np.tanh(g * m) - m, 0.1, 1, xtol=1e-15) for g in gains]
    points = []
    for bits in product((-1, 0, 1), repeat=3):
        h = np.concatenate([k * m * s for k, m, s in zip(bits, levels, signs, strict=True)])
        points.append((h, (1 - h**2)[:, None] * w))
    matrix = torch.tensor(w)
    starts = torch.empty(200, 12, dtype=F64).uniform_(-1, 1, generator=seeded())
    step = lambda h, x: torch.tanh(h @ matrix.to(h).T + x)  # noqa: E731
    return _system("product_flip_flop", step, starts, torch.zeros(12, dtype=F64), points)


def tent() -> System:
    """z' = 1 - 1.9 |z|, a piecewise linear network of one unit: two unstable points."""
    points = [(np.array([1 / 2.9]), np.array([[-1.9]])), (np.array([-1 / 0.9]), np.array([[1.9]]))]
    starts = torch.linspace(-1.5, 1, 50, dtype=F64)[:, None]
    return _system(
        "tent", lambda h, x: 1 - 1.9 * h.abs() + x, starts, torch.zeros(1, dtype=F64), points
    )


def rotation_matrix(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def rotation_map(gain: float = 1.3) -> System:
    """h' = tanh(g R h) with R a turn by 2π/7: the origin, and a closed curve around it."""
    w = gain * rotation_matrix(2 * np.pi / 7)
    matrix = torch.tensor(w)
    starts = torch.empty(40, 2, dtype=F64).uniform_(-1, 1, generator=seeded())
    step = lambda h, x: torch.tanh(h @ matrix.to(h).T + x)  # noqa: E731
    return _system("rotation_map", step, starts, torch.zeros(2, dtype=F64), [(np.zeros(2), w)])


def beer2(diagonal: float = 4.5, dt: float = 0.1) -> System:
    """Two neurons of Beer (1995), dy/dt = -y + W σ(y + θ), by Euler steps of ``dt``."""
    w = np.array([[diagonal, 1.0], [-1.0, diagonal]])
    theta = np.array([-2.75, -1.75])
    y = root(lambda y: w @ _sigmoid(y + theta) - y, [2.7, 1.7], tol=1e-14).x
    s = _sigmoid(y + theta)
    flow = w * (s * (1 - s)) - np.eye(2)
    matrix, offset = torch.tensor(w), torch.tensor(theta)

    def step(h: Tensor, x: Tensor) -> Tensor:
        drive = torch.sigmoid(h + offset.to(h) + x) @ matrix.to(h).T
        return h + dt * (drive - h)

    starts = torch.empty(60, 2, dtype=F64).uniform_(0, 5, generator=seeded())
    return _system("beer2", step, starts, torch.zeros(2, dtype=F64), [(y, np.eye(2) + dt * flow)])


def _sigmoid(y: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-y))


def relu2() -> System:
    """h' = relu(W h + x) with mutual inhibition: two stable points and a saddle."""
    w, b = np.array([[0.5, -1.2], [-1.2, 0.5]]), np.array([1.0, 1.0])
    points = []
    for gate in product((0.0, 1.0), repeat=2):
        j = np.diag(gate) @ w
        h = np.linalg.solve(np.eye(2) - j, np.diag(gate) @ b)
        if np.allclose(np.maximum(w @ h + b, 0), h):
            points.append((h, j))
    matrix = torch.tensor(w)
    starts = torch.empty(40, 2, dtype=F64).uniform_(0, 3, generator=seeded())
    step = lambda h, x: torch.relu(h @ matrix.to(h).T + x)  # noqa: E731
    return _system("relu2", step, starts, torch.tensor(b), points)


def all_systems() -> list[System]:
    """Return every system."""
    cases = [(2.0, 0.0), (2.0, 0.2), (2.0, 0.55), (-2.0, 0.0), (0.5, 0.1)]
    return [
        linear5(),
        *[tanh1(w, b) for w, b in cases],
        product_flip_flop(),
        tent(),
        rotation_map(),
        beer2(),
        relu2(),
    ]
