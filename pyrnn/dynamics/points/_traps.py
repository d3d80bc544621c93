"""Neighborhoods of stable points that no run leaves: whoever is inside has arrived."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn.functional import normalize

from pyrnn.dynamics.maps import Map
from pyrnn.validate import as_rng

__all__ = ["Traps", "find_traps"]

_N_RANDOM, _N_SLOW = 24, 4
_N_SHELLS = 6  # each half as wide as the one before
_N_TRIES = 6
_MAX_DOUBLINGS = 60
_MAX_ELEMENTS = 2**22
_TINY = 1e-7


@dataclass(frozen=True)
class Traps:
    """Ellipsoids around stable fixed points of a map, from which every step leads inwards.

    Attributes:
        centers: Fixed points, ``(n, state_size)``.
        factors: Matrices :math:`U` of the metrics :math:`|v|_P = |U v|`, ``(n, state_size,
            state_size)``.
        radii: Radii in these metrics, ``(n,)``.
    """

    centers: Tensor
    factors: Tensor
    radii: Tensor

    def hold(self, h: Tensor, which: Tensor) -> Tensor:
        """Return whether each state is in the trap of the point given for it, ``(m,)``.

        Args:
            h: States, ``(m, state_size)``.
            which: Number of the point for each, ``(m,)``.
        """
        apart = (h - self.centers[which])[..., None]
        chunk = max(1, _MAX_ELEMENTS // h.shape[-1] ** 2)
        parts = [slice(i, i + chunk) for i in range(0, max(1, len(h)), chunk)]
        sizes = [vector_norm(self.factors[which[i]] @ apart[i], dim=(-2, -1)) for i in parts]
        return torch.cat(sizes) <= self.radii[which]


def find_traps(step: Map, h: Tensor, x: Tensor, jacobians: Tensor, reach: Tensor) -> Traps:
    r"""Find how far around stable fixed points every step leads nearer.

    .. math:: J^\top P J - P = -I, \qquad |F(h) - h^*|_P < |h - h^*|_P

    The metric :math:`P` (Lyapunov) turns the linear part into a contraction. The inequality is
    checked on shells, in random directions and along the slowest ones. The trap has half the
    radius of the largest shell up to which it holds, as directions in between are not checked.

    Args:
        step: The map.
        h: Stable fixed points, ``(n, state_size)``.
        x: Their inputs, ``(n, input_size)``.
        jacobians: Jacobians there, ``(n, state_size, state_size)``.
        reach: Largest distance of interest from each, ``(n,)``.

    Returns:
        The traps.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> h, x = torch.zeros(2, 1, 1).double()
        >>> step = as_map(lambda h, x: h**3, h)  # ±1 are the borders of the basin
        >>> traps = find_traps(step, h, x, torch.zeros(1, 1, 1).double(), torch.tensor([1.5]))
        >>> float(traps.radii)
        0.375

    References:
        Khalil, *Nonlinear Systems* (2002), section 8.2; Barraud, *IEEE Transactions on Automatic
        Control* 22:883 (1977), for the equation of a map.
    """
    if not len(h):
        return Traps(h, jacobians, h[:, 0])
    metric = _metric(jacobians)
    factors = torch.linalg.cholesky_ex(metric)[0].mT
    size = h.shape[-1]
    chunk = max(1, _MAX_ELEMENTS // (size * _N_SHELLS * 2 * (_N_RANDOM + _N_SLOW)))
    parts = [slice(i, i + chunk) for i in range(0, len(h), chunk)]
    radii = [_radii(step, h[i], x[i], metric[i], factors[i], reach[i].to(h)) for i in parts] or [
        h.new_zeros(0)
    ]
    return Traps(h, factors, torch.cat(radii))


def _metric(jacobians: Tensor) -> Tensor:
    """Solve Lyapunov's equation, ``P = sum of (Jᵀ)ᵏ Jᵏ``, by doubling."""
    power = jacobians
    metric = torch.eye(power.shape[-1]).to(power).expand_as(power).clone()
    for _ in range(_MAX_DOUBLINGS):
        metric = metric + power.mT @ metric @ power
        power = power @ power
        if not bool(power.abs().amax() > 1e-9):
            break
    is_finite = metric.isfinite().all(-1).all(-1)[:, None, None]
    return torch.where(is_finite, metric, torch.eye(power.shape[-1]).to(power))


def _radii(
    step: Map, h: Tensor, x: Tensor, metric: Tensor, factors: Tensor, reach: Tensor
) -> Tensor:
    """Return the radii of traps, none wider than what holds the ball of radius ``reach``."""
    values, vectors = torch.linalg.eigh(metric)
    radii, found = 2 * reach * values[:, -1].sqrt(), torch.zeros_like(reach)
    directions = _directions(factors, vectors)
    for _ in range(_N_TRIES):
        shells = radii[:, None] * 0.5 ** torch.arange(_N_SHELLS).to(h)
        apart = shells[..., None, None] * directions[:, None]
        moved = step(h[:, None, None] + apart, x[:, None, None]) - h[:, None, None]
        left = vector_norm(moved @ factors[:, None].mT, dim=-1)
        contracts = (left < shells[..., None]).all(-1)
        holds = contracts.flip(-1).cumprod(-1).flip(-1).bool()  # and all smaller shells, too
        widest = torch.where(holds, shells, 0.0).amax(-1)
        found = torch.where(found > 0, found, widest)
        if (found > 0).all():
            break
        radii = radii * 0.5**_N_SHELLS
    return torch.where(found > 0, found / 2, _TINY * reach)  # at a kink no metric may contract


def _directions(factors: Tensor, vectors: Tensor) -> Tensor:
    """Return directions of length 1 in the metric, both ways, ``(n, n_directions, size)``."""
    size = factors.shape[-1]
    random = torch.randn(_N_RANDOM, size, generator=as_rng(0), dtype=torch.float64).to(factors)
    inward = torch.linalg.solve_triangular(factors, normalize(random, dim=-1).mT, upper=True).mT
    slow = vectors[..., -min(_N_SLOW, size) :].mT
    slow = slow / vector_norm(slow @ factors.mT, dim=-1, keepdim=True)
    chosen = torch.cat([inward, slow], dim=1)
    return torch.cat([chosen, -chosen], dim=1)
