"""Line and ring attractors: connected sets of slow points with a marginal mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyrnn.dynamics.inputs import one_input
from pyrnn.dynamics.jacobian import jacobian
from pyrnn.dynamics.slow_points import slow_manifold
from pyrnn.dynamics.step import Step, frozen_step, one_thread

_MIN_POINTS = 5
_GAP = 4.0  # in units of the usual spacing: what parts two manifolds


@dataclass(frozen=True, eq=False)
class Manifold:
    r"""A line or a ring of states along which the network hardly moves.

    .. math:: |F(h, x) - h| \approx 0, \qquad |\lambda_1| \approx 1 \text{ along it}

    Args:
        kind: ``"line"`` or ``"ring"``.
        states: States in their order along it, ``(n, hidden_size)``.
        input: The constant input, ``(input_size,)``.
        positions: Length of the way from the first state, ``(n,)``.
        speeds: Length of the step at each state, ``(n,)``.
        drift: Part of the step that goes along the manifold, positive onwards, ``(n,)``.
        eigenvalues: Of the Jacobian at each state, ``(n, hidden_size)``, the slow mode first.

    Example:
        >>> step = lambda h, x: h * torch.tensor([1.0, 0.5])
        >>> (line,) = find_manifolds(step, torch.rand(400, 2), n_points=50)
        >>> line.kind, line.is_attracting, bool(line.drift.abs().max() < 1e-9)
        ('line', True, True)

    References:
        Seung, *PNAS* 93:13339 (1996).
    """

    kind: str
    states: Tensor
    input: Tensor
    positions: Tensor
    speeds: Tensor
    drift: Tensor
    eigenvalues: Tensor

    @property
    def slow_modes(self) -> Tensor:
        """Eigenvalue nearest to 1 at each state, ``(n,)``, complex."""
        return self.eigenvalues[:, 0]

    @property
    def is_attracting(self) -> bool:
        """Whether all modes but the slow one shrink, everywhere along it."""
        return bool((self.eigenvalues[:, 1:].abs() < 1).all())

    @property
    def length(self) -> float:
        """Length of the line, or once around the ring."""
        closing = (self.states[0] - self.states[-1]).norm() if self.kind == "ring" else 0.0
        return float(self.positions[-1] + closing)

    def __len__(self) -> int:
        return len(self.states)

    def __repr__(self) -> str:
        worst = float((self.slow_modes.abs() - 1).abs().max())
        return f"Manifold({self.kind}, {len(self)} states, slow mode within {worst:.1e} of 1)"


def find_manifolds(
    rnn: Any,
    states: Any,
    x: Any = None,
    *,
    tolerance: float = 0.01,
    max_speed: float = 0.05,
    n_points: int = 100,
    damping: float = 0.05,
) -> list[Manifold]:
    r"""Find line and ring attractors near the states that a network visits.

    .. math:: |F(h, x) - h| < v_{max}, \qquad ||\lambda_1| - 1| < \epsilon

    States move onto the slow manifold (:func:`~pyrnn.dynamics.slow_manifold`), are thinned out
    evenly, and are kept where they are slow and a mode is marginal. What is connected makes one
    manifold, a ring if its two ends meet, ordered along its way.

    Give settled states: those of the task some time after the last pulse, or after a run under
    ``x``. From states on their way, the slow directions of the transient are found as well.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        states: Settled states of the task, ``(..., hidden_size)``.
        x: Constant input, ``(input_size,)``; by default zero.
        tolerance: Largest distance of the slow mode's modulus from 1.
        max_speed: Largest speed.
        n_points: Number of states, evenly spread over all manifolds.
        damping: See :func:`~pyrnn.dynamics.slow_manifold`.

    Returns:
        Manifolds, longest first; none found is an empty list.

    Raises:
        ValueError: As :func:`~pyrnn.dynamics.find_slow_points`.

    Example:
        >>> step = lambda h, x: h * torch.tensor([1.0, 0.5])
        >>> find_manifolds(step, torch.rand(400, 2), n_points=50)
        [Manifold(line, 50 states, slow mode within 0.0e+00 of 1)]

    References:
        Mante et al., *Nature* 503:78 (2013); Seung, *PNAS* 93:13339 (1996).
    """
    pool, inputs = one_input(rnn, states, x)
    pool = pool[:: 1 + len(pool) // 4096]
    on = slow_manifold(rnn, pool, inputs[0], damping=damping)
    with one_thread(), torch.no_grad():
        step = frozen_step(rnn, pool[:2], inputs.expand(len(pool[:2]), -1))
        speed = (step(on, inputs.expand(len(on), -1)) - on).norm(dim=-1)
        on = _evenly(on[on.isfinite().all(-1) & (speed < max_speed)], n_points)
        eigenvalues = _eigenvalues(step, on, inputs.expand(len(on), -1))
        is_marginal = (eigenvalues[:, 0].abs() - 1).abs() < tolerance
        on, eigenvalues = on[is_marginal], eigenvalues[is_marginal]
        paths = _paths(on.cpu().numpy()) if len(on) >= _MIN_POINTS else []
        found = [
            _manifold(step, kind, on[path], inputs[0], eigenvalues[path]) for kind, path in paths
        ]
    return sorted(found, key=lambda manifold: -manifold.length)


def _evenly(states: Tensor, n: int) -> Tensor:
    """Return ``n`` states spread evenly: each next one is the farthest from those before."""
    if len(states) <= n:
        return states
    chosen = [0]
    distance = (states - states[0]).norm(dim=-1)
    for _ in range(n - 1):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (states - states[chosen[-1]]).norm(dim=-1))
    return states[chosen]


def _eigenvalues(step: Step, h: Tensor, x: Tensor) -> Tensor:
    """Return eigenvalues, the one nearest to 1 first."""
    parts = zip(h.split(64), x.split(64), strict=True)
    values = [torch.linalg.eigvals(jacobian(step, *part)) for part in parts]
    joined = torch.cat(values)
    return joined.gather(-1, (joined - 1).abs().argsort(dim=-1))


def _paths(states: np.ndarray) -> list[tuple[str, list[int]]]:
    """Cut the shortest tree through all states at its gaps; order what is left along its way."""
    from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
    from scipy.spatial.distance import cdist

    tree = minimum_spanning_tree(cdist(states, states))
    usual = np.median(tree.data) if tree.nnz else 0.0
    tree.data[tree.data > _GAP * usual] = 0
    tree.eliminate_zeros()
    _, labels = connected_components(tree, directed=False)
    paths = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) >= _MIN_POINTS:
            paths.append(_order(states, tree + tree.T, members, _GAP * usual))
    return paths


def _order(
    states: np.ndarray, tree: Any, members: np.ndarray, gap: float
) -> tuple[str, list[int]]:
    """Return the longest way through a tree, and whether its ends meet."""
    from scipy.sparse.csgraph import dijkstra

    way = dijkstra(tree, directed=False, indices=members)[:, members]
    start, end = np.unravel_index(np.argmax(way), way.shape)
    length = way[start, end]
    is_on_it = np.isclose(way[start] + way[end], length, rtol=1e-9, atol=1e-12)
    path = members[is_on_it][np.argsort(way[start][is_on_it])]
    ends = np.linalg.norm(states[path[0]] - states[path[-1]])
    is_ring = len(path) > 2 * _GAP and ends <= gap
    return ("ring" if is_ring else "line"), path.tolist()


def _manifold(step: Step, kind: str, states: Tensor, x: Tensor, eigenvalues: Tensor) -> Manifold:
    moves = step(states, x.expand(len(states), -1)) - states
    steps = (states[1:] - states[:-1]).norm(dim=-1)
    positions = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
    if kind == "ring":
        tangents = states.roll(-1, 0) - states.roll(1, 0)
    else:
        tangents = torch.gradient(states, dim=0)[0]
    tangents = tangents / tangents.norm(dim=-1, keepdim=True)
    drift = (moves * tangents).sum(-1)
    return Manifold(kind, states, x, positions, moves.norm(dim=-1), drift, eigenvalues)
