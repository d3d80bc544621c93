"""What a polished state is: a simple root of F(h) = h, a degenerate one, of a continuum, none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray
from torch import Tensor

from pyrnn.threads import over_matrices

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import Map

__all__ = ["Resolved", "Roots", "resolve", "uncertainty"]

_ROUNDING = 16 * 2.0**-53  # of a residual, in units of the terms that it consists of
_ZERO = 2e-13  # a reduced residual below it is zero to rounding
_NULL = 1e-4  # singular values of I - J below it belong to the null space
_WINDOW = 0.02  # half width of the window in which roots along a null vector are resolved
_N_NODES = 17
_MAX_ORDER = 6


@dataclass(frozen=True)
class Roots:
    """Newton's own verdict on some states.

    Attributes:
        jacobians: Jacobians there, ``(n, state_size, state_size)``.
        inverses: Inverses of :math:`I - J`.
        distance: How far the true root is, by Newton's step and by rounding, ``(n,)``.
    """

    jacobians: Tensor
    inverses: Tensor
    distance: Tensor


def uncertainty(step: Map, h: Tensor, x: Tensor) -> Roots:
    r"""Estimate the distance from states to the roots near them.

    .. math:: |A^{-1} (F(h) - h)| + |A^{-1}|\,\rho, \qquad A = I - J

    with :math:`\rho` the rounding of the residual. It is small at a simple root only: where roots
    meet, :math:`A` is as good as singular, and rounding alone leaves the place open.

    Args:
        step: The map, in units of its states.
        h: States, ``(n, state_size)``.
        x: Their inputs, ``(n, input_size)``.

    Returns:
        Jacobians, inverses and distances.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> h, x = torch.tensor([[2.0]]).double(), torch.zeros(1, 1).double()
        >>> bool(uncertainty(as_map(lambda h, x: h / 2 + 1, h), h, x).distance < 1e-12)
        True
    """
    jacobians = step.jacobian(h, x)
    a = -jacobians
    a.diagonal(dim1=-2, dim2=-1).add_(1)
    inverses = over_matrices(lambda some: torch.linalg.inv_ex(some).inverse, a, cost=2)
    moved = step(h, x)
    size = h.abs() + moved.abs() + (jacobians.abs() @ h.abs()[..., None])[..., 0]
    newton = (inverses @ (moved - h)[..., None])[..., 0].abs()
    rounding = (inverses.abs() @ (_ROUNDING * size)[..., None])[..., 0]
    distance = (newton + rounding).amax(-1)
    return Roots(jacobians, inverses, distance.nan_to_num(nan=math.inf, posinf=math.inf))


@dataclass(frozen=True)
class Resolved:
    """What the neighborhood of a nearly degenerate state holds.

    Attributes:
        states: Fixed points there, ``(n, state_size)``.
        multiplicity: How many roots meet in each, ``(n,)``; zero where that is unknown.
        dimension: Dimension of the continuum of fixed points, zero if they are isolated.
    """

    states: Tensor
    multiplicity: Tensor
    dimension: int = 0


def resolve(step: Map, h: Tensor, x: Tensor) -> Resolved:
    r"""Decide what a state is whose :math:`I - J` is as good as singular.

    Along a null vector :math:`v` the fixed point equation reduces to one scalar equation,

    .. math:: a(z) = 0, \qquad F(h) - h = a\,u, \quad v \cdot (h - h_0) = z,

    (Lyapunov and Schmidt), solved on a small window. Its roots are the fixed points there: a
    double root, two simple ones, none, or all of the window, which is a continuum.

    Args:
        step: The map, in units of its states.
        h: The state, ``(state_size,)``.
        x: Its input, ``(input_size,)``.

    Returns:
        The fixed points there.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> zero = torch.zeros(1).double()
        >>> resolve(as_map(lambda h, x: torch.tanh(h), zero), zero + 1e-9, zero).multiplicity
        tensor([3])

    References:
        Golubitsky & Schaeffer, *Singularities and Groups in Bifurcation Theory I* (1985), chapter
        VII.
    """
    a = torch.eye(len(h)).to(h) - step.jacobian(h, x)
    u, sizes, vh = torch.linalg.svd(a)
    n_null = max(1, int((sizes <= _NULL * sizes[0].clamp(min=1)).sum()))
    if n_null > 1:
        return _several_null_vectors(step, h, x, vh[-n_null:])
    reduced = _reduce(step, h, x, u[:, -1], vh[-1])
    if reduced is None:
        return Resolved(h[None], torch.zeros(1, dtype=torch.long, device=h.device))
    states, values = reduced
    if np.abs(values).max() <= _ZERO:
        return Resolved(h[None], torch.zeros(1, dtype=torch.long, device=h.device), dimension=1)
    nodes = _nodes()
    series = Chebyshev.fit(nodes, values, 12, domain=[-1, 1])
    places, orders = _zeros(series)
    path = [Chebyshev.fit(nodes, column, 12, domain=[-1, 1]) for column in states.T]
    found = np.array([[curve(z) for curve in path] for z in places]).reshape(len(places), len(h))
    return Resolved(
        torch.from_numpy(found).to(h), torch.tensor(orders, dtype=torch.long, device=h.device)
    )


def _nodes() -> NDArray[np.float64]:
    return np.cos(np.pi * (np.arange(_N_NODES) + 0.5) / _N_NODES)


def _reduce(
    step: Map, h: Tensor, x: Tensor, left: Tensor, right: Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Solve the reduced equation on the nodes of a window; return states and values."""
    for width in (_WINDOW, _WINDOW / 4, _WINDOW / 16):
        places = torch.from_numpy(width * _nodes()).to(h)
        states = h + places[:, None] * right
        value = h.new_zeros(len(places))
        for _ in range(12):
            states, value, gap = _border(step, states, x, value, places, h, left, right)
            if gap <= 1e-15 * (1 + float(h.abs().max())):
                break
        if gap <= 1e-12 and bool(((states - h).norm(dim=-1) <= 4 * width).all()):
            return states.cpu().numpy(), value.cpu().numpy()
    return None


def _border(
    step: Map,
    states: Tensor,
    x: Tensor,
    value: Tensor,
    places: Tensor,
    origin: Tensor,
    left: Tensor,
    right: Tensor,
) -> tuple[Tensor, Tensor, float]:
    """Make one Newton step of the equation with its border."""
    n, size = states.shape
    inputs = x.expand(n, -1)
    system = states.new_zeros(n, size + 1, size + 1)
    system[:, :size, :size] = step.jacobian(states, inputs)
    system[:, :size, :size].diagonal(dim1=-2, dim2=-1).sub_(1)
    system[:, :size, size], system[:, size, :size] = -left, right
    gap = step(states, inputs) - states - value[:, None] * left
    along = (states - origin) @ right - places
    change, _ = torch.linalg.solve_ex(system, -torch.cat([gap, along[:, None]], dim=-1))
    moved = float(change.abs().nan_to_num(nan=math.inf).max())
    return states + change[:, :size], value + change[:, size], moved


def _zeros(series: Chebyshev) -> tuple[list[float], list[int]]:
    """Return the zeros of a reduced residual on the window, and how many meet in each."""
    derivatives = [series, *(series.deriv(j) for j in range(1, _MAX_ORDER + 1))]
    for order in range(_MAX_ORDER, 1, -1):
        place = _nearest_root(derivatives[order - 1])
        if place is not None and _meets(derivatives, order, place):
            return [place], [order]
    roots = series.roots()
    real = roots[np.abs(roots.imag) < 1e-9].real
    inside = np.sort(real[np.abs(real) <= 1])
    return inside.tolist(), [1] * len(inside)


def _nearest_root(series: Chebyshev) -> float | None:
    if np.abs(series.coef[1:]).max(initial=0) <= _ZERO:
        return None
    roots = series.trim(_ZERO * 0.01).roots()
    real = roots[np.abs(roots.imag) < 1e-4].real
    return float(real[np.abs(real).argmin()]) if len(real) and np.abs(real).min() <= 1 else None


def _meets(derivatives: list[Chebyshev], order: int, place: float) -> bool:
    """Return whether a residual vanishes to an order: all lower terms drown in rounding."""
    leading = abs(derivatives[order](place)) / math.factorial(order)
    if leading <= 1e3 * _ZERO:
        return False
    reach = (_ZERO / leading) ** (1 / order)
    lower = [abs(derivatives[j](place)) / math.factorial(j) * reach**j for j in range(order)]
    return max(lower) <= 10 * _ZERO


def _several_null_vectors(step: Map, h: Tensor, x: Tensor, null: Tensor) -> Resolved:
    """Tell a continuum of several dimensions from a point where many roots meet."""
    starts = h + _WINDOW * torch.cat([null, -null])
    inputs = x.expand(len(starts), -1)
    states = starts
    for _ in range(8):  # to the nearest fixed point, whatever lies along the null vectors
        a = -step.jacobian(states, inputs)
        a.diagonal(dim1=-2, dim2=-1).add_(1)
        gap = step(states, inputs) - states
        states = states + (torch.linalg.pinv(a, rtol=_NULL) @ gap[..., None])[..., 0]
    gap = (step(states, inputs) - states).abs().amax(-1)
    has_moved = (states - h).norm(dim=-1) > _WINDOW / 2
    stays = (gap <= _ZERO) & has_moved
    moves = (states - h)[stays]
    dimension = int(torch.linalg.matrix_rank(moves, rtol=0.1)) if len(moves) else 0
    return Resolved(h[None], torch.zeros(1, dtype=torch.long, device=h.device), dimension)
