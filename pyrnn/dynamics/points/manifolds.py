"""Line and ring attractors: connected sets of slow points with a marginal mode."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps import Map, Network, Spectrum, analysis, as_map, state_scale
from pyrnn.dynamics.points.slow_points import slow_manifold
from pyrnn.result import Report, Result, Results
from pyrnn.validate import as_integer, as_number

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Manifold", "Manifolds", "find_manifolds"]

logger = logging.getLogger(__name__)

_MIN_POINTS = 5
_PER_POINT = 4  # states that are moved onto the slow manifold for each that is kept
_GAP = 4.0  # in units of the usual spacing: what parts two manifolds


@dataclass(frozen=True, eq=False, repr=False)
class Manifold(Result):
    r"""A line or a ring of states along which the network hardly moves.

    .. math:: |F(h, x) - h| \approx 0, \qquad |\lambda_1| \approx 1 \text{ along it}

    Args:
        kind: ``"line"`` or ``"ring"``.
        states: States in their order along it, ``(n, state_size)``.
        input: The constant input, ``(input_size,)``.
        positions: Length of the way from the first state, ``(n,)``.
        speeds: Length of the step at each state, ``(n,)``.
        drift: Part of the step that goes along the manifold, positive onwards, ``(n,)``.
        eigenvalues: Of the Jacobian at each state, ``(n, state_size)``, the slow mode first.

    Example:
        >>> step = lambda h, x: h * torch.tensor([1.0, 0.5])
        >>> (line,) = find_manifolds(step, torch.rand(400, 2), n_points=50)
        >>> line.kind, line.is_attracting, bool(line.drift.abs().max() < 1e-9)
        ('line', True, True)
        >>> bool((line.slow_modes == 1).all()), 0.9 < line.length < 1
        (True, True)

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

    @cached_property
    def spectrum(self) -> Spectrum:
        """Spectra along the manifold, without the slow mode.

        Example:
            >>> step = lambda h, x: h * torch.tensor([1.0, 0.5])
            >>> (line,) = find_manifolds(step, torch.rand(400, 2), n_points=5)
            >>> line.spectrum.is_stable.tolist()
            [True, True, True, True, True]
        """
        return Spectrum.from_eigenvalues(self.eigenvalues[:, 1:])

    @property
    def slow_modes(self) -> Tensor:
        """Eigenvalue nearest to 1 at each state, ``(n,)``, complex."""
        return self.eigenvalues[:, 0]

    @property
    def is_attracting(self) -> bool:
        """Whether all modes but the slow one shrink, everywhere along it."""
        return bool(self.spectrum.is_stable.all())

    @property
    def length(self) -> float:
        """Length of the line, or once around the ring."""
        closing = (self.states[0] - self.states[-1]).norm() if self.kind == "ring" else 0.0
        return float(self.positions[-1] + closing)

    @property
    def _worst(self) -> float:
        """Largest distance of the slow mode's modulus from 1."""
        return float((self.slow_modes.abs() - 1).abs().max())

    def __len__(self) -> int:
        return len(self.states)

    def __repr__(self) -> str:
        return (
            f"Manifold({self.kind}, {len(self)} states, slow mode within {self._worst:.1e} of 1)"
        )

    def _report(self) -> Report:
        rows = [
            ("states", str(len(self))),
            ("length", f"{self.length:.4g}"),
            ("speed", f"<= {float(self.speeds.max()):.1e}"),
            ("slow mode", f"within {self._worst:.1e} of 1"),
            ("attracting", "yes" if self.is_attracting else "no"),
        ]
        return Report(self.kind, rows=rows)

    def _frame(self) -> dict[str, list[object]]:
        names = ("positions", "speeds", "drift", "slow_modes")
        return {name.removesuffix("s"): getattr(self, name).tolist() for name in names}


@dataclass(frozen=True, eq=False, repr=False)
class Manifolds(Results[Manifold]):
    """The manifolds that a search found, longest first: a sequence of :class:`Manifold`.

    Example:
        >>> find_manifolds(lambda h, x: h / 2, torch.rand(400, 2)).status
        'no manifold: ...'
    """

    def _report(self) -> Report:
        columns = ("kind", "states", "length", "slow mode", "attracting")
        rows = [
            (
                one.kind,
                str(len(one)),
                f"{one.length:.4g}",
                f"within {one._worst:.1e} of 1",
                "yes" if one.is_attracting else "no",
            )
            for one in self
        ]
        title = f"{len(self)} manifold{'s' if len(self) != 1 else ''}"
        return Report(title, columns, rows, [f"status: {self.status}"])

    def _frame(self) -> dict[str, list[object]]:
        return {
            "kind": [one.kind for one in self],
            "n_states": [len(one) for one in self],
            "length": [one.length for one in self],
            "is_attracting": [one.is_attracting for one in self],
        }


@analysis
def find_manifolds(
    network: Network,
    states: States,
    x: States | None = None,
    *,
    tol: float = 0.01,
    max_speed: float = 0.05,
    n_points: int = 100,
    damping: float = 0.05,
    progress: bool = True,
) -> Manifolds:
    r"""Find line and ring attractors near the states that a network visits.

    .. math:: |F(h, x) - h| < v_{max}, \qquad ||\lambda_1| - 1| < \epsilon

    States, of many ``4 n_points`` that are spread evenly, move onto the slow manifold
    (:func:`~pyrnn.dynamics.slow_manifold`), are thinned out evenly, and are kept where they are
    slow and a mode is nearly marginal. What is connected makes one manifold, a ring if its two
    ends meet, ordered along its way.

    Give settled states: those of the task some time after the last pulse, or after a run under
    ``x``. From states on their way, the slow directions of the transient are found as well.

    Args:
        network: A network, or any batched ``step(h, x)``.
        states: Settled states of the task, ``(..., state_size)``.
        x: Constant input, ``(input_size,)``; by default zero.
        tol: Largest distance :math:`\epsilon` of the slow mode's modulus from 1.
        max_speed: Largest speed, in units of the usual size of the states, rounded to 1 if it is
            of that order.
        n_points: Number of states, evenly spread over all manifolds.
        damping: See :func:`~pyrnn.dynamics.slow_manifold`.
        progress: Whether to show a progress bar.

    Returns:
        Manifolds, longest first. Where none is found, the status says what was seen.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.find_slow_points`.
        ValueError: As :func:`~pyrnn.dynamics.find_slow_points`.

    Example:
        >>> step = lambda h, x: h * torch.tensor([1.0, 0.5])
        >>> find_manifolds(step, torch.rand(400, 2), n_points=50)
        Manifolds([Manifold(line, 50 states, slow mode within 0.0e+00 of 1)])

    References:
        Mante et al., *Nature* 503:78 (2013); Seung, *PNAS* 93:13339 (1996).
    """
    tol, max_speed = as_number("tol", tol, above=0), as_number("max_speed", max_speed, above=0)
    n_points = as_integer("n_points", n_points, low=1)
    step = as_map(network, states, x)
    pool, inputs = step.states(states, "states"), step.one_input(x)
    pool = pool.reshape(-1, pool.shape[-1])
    pool = _evenly(pool[:: 1 + len(pool) // 4096], _PER_POINT * n_points)
    scale = state_scale(pool.abs().amax(-1))
    on = slow_manifold(step, pool, inputs[0], damping=damping, progress=progress)
    speed = (step(on, inputs.expand(len(on), -1)) - on).norm(dim=-1) / scale
    is_slow = on.isfinite().all(-1) & (speed < max_speed)
    on = _evenly(on[is_slow], n_points)
    eigenvalues = _eigenvalues(step, on, inputs.expand(len(on), -1))
    distance = (eigenvalues[:, 0].abs() - 1).abs()
    chosen = distance < tol
    kept = on[chosen]
    paths = _paths((kept / scale).cpu().numpy()) if len(kept) >= _MIN_POINTS else []
    found = [
        _manifold(step, kind, kept[path], inputs[0], eigenvalues[chosen][path])
        for kind, path in paths
    ]
    if found:
        return Manifolds(tuple(sorted(found, key=lambda manifold: -manifold.length)))
    reason = _reason(speed, is_slow, distance, int(chosen.sum()), tol, max_speed)
    logger.warning(reason)
    return Manifolds((), reason)


def _reason(
    speed: Tensor, is_slow: Tensor, distance: Tensor, n_kept: int, tol: float, max_speed: float
) -> str:
    """Say why no manifold was found."""
    if not is_slow.any():
        return (
            f"no manifold: the slowest of {len(speed)} states moves by {float(speed.min()):.2g} "
            f"per step, max_speed is {max_speed:g}; give settled states"
        )
    if n_kept < _MIN_POINTS:
        return (
            f"no manifold: at {len(distance)} slow states the mode nearest to 1 is "
            f"{float(distance.min()):.2g} or more away from it, tol is {tol:g}; isolated points "
            "are found by find_fixed_points"
        )
    return f"no manifold: {n_kept} marginal states lie too far apart to be connected"


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


def _eigenvalues(step: Map, h: Tensor, x: Tensor) -> Tensor:
    """Return eigenvalues, the one nearest to 1 first."""
    parts = zip(h.split(64), x.split(64), strict=True)
    values = [torch.linalg.eigvals(step.jacobian(*part)) for part in parts]
    joined = torch.cat(values)
    return joined.gather(-1, (joined - 1).abs().argsort(dim=-1))


def _paths(states: NDArray[np.float64]) -> list[tuple[str, list[int]]]:
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
    states: NDArray[np.float64], tree: csr_matrix, members: NDArray[np.intp], gap: float
) -> tuple[str, list[int]]:
    """Return the longest way through a tree, and whether its ends meet."""
    from scipy.sparse.csgraph import dijkstra

    way = dijkstra(tree, directed=False, indices=members)[:, members]
    start, end = np.unravel_index(np.argmax(way), way.shape)
    length = way[start, end]
    is_on_it = np.isclose(way[start] + way[end], length, rtol=1e-9, atol=0)
    path = members[is_on_it][np.argsort(way[start][is_on_it])]
    ends = np.linalg.norm(states[path[0]] - states[path[-1]])
    is_ring = len(path) > 2 * _GAP and ends <= gap
    return ("ring" if is_ring else "line"), path.tolist()


def _manifold(step: Map, kind: str, states: Tensor, x: Tensor, eigenvalues: Tensor) -> Manifold:
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
