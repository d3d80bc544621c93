"""Whether a run that comes near a stable point is drawn into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.linalg import vector_norm

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import Map

__all__ = ["Attraction"]

_MARGIN = 0.9  # of the contraction may be spent on what is not linear
_MAX_DOUBLINGS = 60
_TINY = 1e-9  # so near to a point nothing matters but its linear part


@dataclass(frozen=True)
class Attraction:
    r"""How strongly stable fixed points of a map attract.

    .. math::
        |v|_P^2 = v^\top P v, \qquad |J v|_P \le \gamma |v|_P, \qquad \gamma = (1 + \rho) / 2

    with :math:`P = \sum_k (J^\top / \gamma)^k (J / \gamma)^k` and the spectral radius
    :math:`\rho` of :math:`J`: in this metric (Lyapunov) the linear part of the step is a
    contraction, whatever its modes are. A state is drawn in if what is not linear in its next step
    is less than the contraction.

    Attributes:
        states: Stable fixed points, ``(n, state_size)``.
        jacobians: Jacobians there, ``(n, state_size, state_size)``.
        factors: Matrices :math:`U` with :math:`P = U^\top U`, ``(n, state_size, state_size)``.
        gamma: Contraction of the linear part, ``(n,)``.
        unit: Usual size of the states.

    References:
        Khalil, *Nonlinear Systems* (2002), section 4.3; Stein, *Journal of Research of the
        National Bureau of Standards* 48:82 (1952), for the equation of a map.
    """

    states: Tensor
    jacobians: Tensor
    factors: Tensor
    gamma: Tensor
    unit: float

    @classmethod
    def of(cls, states: Tensor, jacobians: Tensor, unit: float = 1.0) -> Attraction:
        """Return the attraction of some stable fixed points.

        Args:
            states: Fixed points, ``(n, state_size)``.
            jacobians: Jacobians there, ``(n, state_size, state_size)``.
            unit: Usual size of the states.

        Example:
            >>> from pyrnn.dynamics import as_map
            >>> zero = torch.zeros(1, 1).double()
            >>> attraction = Attraction.of(zero, zero[..., None])
            >>> step, h = as_map(lambda h, x: h**3, zero), torch.tensor([[0.5], [0.9]]).double()
            >>> attraction.draws(step, h, zero.expand(2, 1), torch.zeros(2).long())
            tensor([ True, False])
        """
        eye = torch.eye(states.shape[-1]).to(jacobians)
        if not len(states):
            return cls(states, jacobians, jacobians, states[:, 0], unit)
        gamma = (1 + torch.linalg.eigvals(jacobians).abs().amax(-1)) / 2
        power = jacobians / gamma[:, None, None]
        metric = eye.expand_as(power)
        for _ in range(_MAX_DOUBLINGS):
            metric = metric + power.mT @ metric @ power
            power = power @ power
            if not bool(power.abs().amax() > _TINY):
                break
        factors, failure = torch.linalg.cholesky_ex(metric)
        factors = torch.where(failure[:, None, None] == 0, factors.mT, eye)
        return cls(states, jacobians, factors, gamma, unit)

    def draws(self, step: Map, h: Tensor, x: Tensor, which: Tensor) -> Tensor:
        """Return whether each state is drawn into the point given for it, ``(m,)``.

        Args:
            step: The map.
            h: States, ``(m, state_size)``.
            x: Their inputs, ``(m, input_size)``.
            which: Number of the point for each, ``(m,)``.
        """
        apart = h - self.states[which]
        rest = step(h, x) - self.states[which] - _applied(self.jacobians, which, apart)
        size, left = (vector_norm(_applied(self.factors, which, v), dim=-1) for v in (apart, rest))
        is_drawn = left <= _MARGIN * (1 - self.gamma[which]) * size
        return is_drawn | (vector_norm(apart, dim=-1) <= _TINY * self.unit)


def _applied(matrices: Tensor, which: Tensor, vectors: Tensor) -> Tensor:
    """Return ``matrices[which] @ vectors``, each matrix read once for all of its vectors."""
    if not len(which):
        return vectors
    counts = torch.bincount(which, minlength=len(matrices))
    order = which.argsort()
    owner = which[order]
    place = torch.arange(len(which), device=which.device) - (counts.cumsum(0) - counts)[owner]
    padded = vectors.new_zeros(len(matrices), int(counts.max()), vectors.shape[-1])
    padded[owner, place] = vectors[order]
    products = torch.empty_like(vectors)
    products[order] = (padded @ matrices.mT)[owner, place]
    return products
