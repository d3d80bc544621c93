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
_MAX_ELEMENTS = 2**22
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
        chunk = max(1, _MAX_ELEMENTS // h.shape[-1] ** 2)
        parts = [slice(i, i + chunk) for i in range(0, max(1, len(h)), chunk)]
        return torch.cat([self._draws(step, h[i], x[i], which[i]) for i in parts])

    def _draws(self, step: Map, h: Tensor, x: Tensor, which: Tensor) -> Tensor:
        apart = h - self.states[which]
        linear = (self.jacobians[which] @ apart[..., None])[..., 0]
        rest = step(h, x) - self.states[which] - linear
        both = torch.stack([apart, rest], dim=-1)
        size, left = vector_norm(self.factors[which] @ both, dim=-2).unbind(-1)
        is_drawn = left <= _MARGIN * (1 - self.gamma[which]) * size
        return is_drawn | (vector_norm(apart, dim=-1) <= _TINY * self.unit)
