"""A scene whose content is known: three independent flip-flops have 27 fixed points."""

from __future__ import annotations

from dataclasses import dataclass

import networkx
import numpy as np

BETAS, MEMORIES = (1.5, 2.0, 3.0), (0.85855963664, 0.95750402408, 0.99490152845)
PATTERNS = np.array([(1, 1, -1, 1), (1, -1, -1, 1), (1, 1, 1, -1)], float)
COUNTS = {0: 8, 1: 12, 2: 6, 3: 1}  # fixed points by number of unstable modes


@dataclass(frozen=True)
class Point:
    """What a scene needs to know of a fixed point."""

    state: np.ndarray
    speed: float
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray

    @property
    def n_unstable(self) -> int:
        return int((np.abs(self.eigenvalues) > 1).sum())


def weights() -> np.ndarray:
    """The product flip-flop h' = tanh(W h)."""
    matrix = np.zeros((12, 12))
    for k, (beta, pattern) in enumerate(zip(BETAS, PATTERNS, strict=True)):
        block = slice(4 * k, 4 * k + 4)
        matrix[block, block] = beta * np.outer(pattern, pattern) / 4
    return matrix


def state(corner: tuple[int, ...]) -> np.ndarray:
    return np.concatenate([s * m * p for s, m, p in zip(corner, MEMORIES, PATTERNS, strict=True)])


def corners() -> list[tuple[int, ...]]:
    return [(a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)]


def points() -> list[Point]:
    found = []
    for corner in corners():
        h = state(corner)
        jacobian = (1 - np.tanh(weights() @ h) ** 2)[:, None] * weights()
        values, vectors = np.linalg.eig(jacobian)
        found.append(Point(h, 0.0, values.astype(complex), vectors.astype(complex)))
    return found


def graph() -> networkx.DiGraph:
    """Saddles lead to the corners that agree with their non-zero bits, equally often."""
    built = networkx.DiGraph()
    built.add_nodes_from(range(27))
    for i, source in enumerate(corners()):
        free = source.count(0)
        for j, target in enumerate(corners()):
            agrees = all(s in (0, t) for s, t in zip(source, target, strict=True))
            if free and 0 not in target and agrees:
                built.add_edge(i, j, probability=0.5**free, count=32)
    return built


def trials(n: int = 40, n_steps: int = 120) -> np.ndarray:
    """States that wander from corner to corner, ``(n, n_steps, 12)``."""
    rng = np.random.default_rng(0)
    h = np.stack([state(tuple(rng.choice((-1, 1), 3))) for _ in range(n)])
    kick, states = np.zeros((n, 12)), []
    for step in range(n_steps):
        if step % 15 == 0:
            bits = rng.choice((-1.0, 0.0, 1.0), size=(n, 3), p=(0.3, 0.4, 0.3))
            kick = (bits[:, :, None] * PATTERNS * 0.8).reshape(n, 12)
        pulse = kick if step % 15 < 6 else 0.0
        h = 0.75 * h + 0.25 * np.tanh(h @ weights().T + pulse)
        states.append(h)
    return np.stack(states, axis=1)
