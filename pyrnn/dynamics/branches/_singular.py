"""Folds and branch points to the last digits, and the normal form there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.branches._curve import Curve

__all__ = ["SingularPoints", "normal_form_of_fold", "solve_singular"]

_N_ITERATIONS = 12
_NUDGE = 1e-4
_WIDE = 1e-3
_SOLVED = 1e-12
_FLAT = 1e-5  # second derivative of a pitchfork, in units of the third and of the usual state
_STILL = 1e-8  # push along the critical mode at a branch point, in units of second derivatives
_ROUNDING = 1e-9


@dataclass(frozen=True)
class SingularPoints:
    r"""Points of curves where :math:`I - J` is singular.

    Attributes:
        z: States and parameters, ``(n, state_size + 1)``.
        is_solved: Whether Newton's method converged, ``(n,)``.
        is_symmetric: Whether the second derivative along the critical mode vanishes, ``(n,)``.
        is_crossing: Whether the parameter does not push along the critical mode, as it does at a
            fold, ``(n,)``.
        directions: Unit tangents of the two curves through a branch point,
            ``(n, 2, state_size + 1)``.
    """

    z: Tensor
    is_solved: Tensor
    is_symmetric: Tensor
    is_crossing: Tensor
    directions: Tensor


def solve_singular(curve: Curve, z: Tensor, is_branch_point: Tensor) -> SingularPoints:
    r"""Solve for folds and for branch points near some states.

    .. math:: F(h, p) - h + \mu w = 0, \qquad g(h, p) = 0, \qquad
        \begin{pmatrix} J - I & w \\ v^\top & 0 \end{pmatrix}
        \begin{pmatrix} \phi & y \\ g & m \end{pmatrix} =
        \begin{pmatrix} 0 & F_p \\ 1 & 0 \end{pmatrix}

    with :math:`\mu = 0` at a fold, where these are the equations of Moore and Spence with the
    null vector eliminated, and :math:`m = 0` at a branch point, where the parameter does not push
    along the critical mode; :math:`\mu` vanishes there by itself. Both systems are regular.

    Args:
        curve: The equations.
        z: States near them, ``(n, state_size + 1)``.
        is_branch_point: Which of them are branch points, ``(n,)``.

    Returns:
        The points.

    References:
        Moore & Spence, *SIAM Journal on Numerical Analysis* 17:567 (1980); Govaerts, *Numerical
        Methods for Bifurcations of Dynamical Equilibria* (2000), chapters 3 and 4.
    """
    border = _Border.at(curve, z)
    unfolding = z.new_zeros(len(z))
    for _ in range(_N_ITERATIONS):
        system, target = border.equations(z, unfolding, is_branch_point)
        change = torch.linalg.solve_ex(system, target[..., None])[0][..., 0]
        z, unfolding = z + change[:, :-1], unfolding + change[:, -1]
        size = change.norm(dim=-1)
        if (size < _SOLVED).all():
            break
    is_solved = (size < 1e-9) & (unfolding.abs() < 1e-9)
    return border.normal_form(z, is_solved)


def normal_form_of_fold(curve: Curve, z: Tensor) -> tuple[float, float]:
    r"""Return how a map changes along the critical mode next to a fold.

    .. math::
        y_{t+1} = y_t + a (s - s^*) + b y_t^2, \qquad
        a = l^\top F_s, \quad b = \tfrac12\, l^\top F_{hh}[r, r]

    with the null vectors :math:`r` of unit length and :math:`l^\top r = 1`, turned so that
    :math:`b > 0`.

    Args:
        curve: The equations.
        z: State and parameter of the fold, ``(state_size + 1,)``.

    Returns:
        The push :math:`a` and the curvature :math:`b`, in the units of the curve.

    References:
        Strogatz, *Nonlinear Dynamics and Chaos* (2015), section 4.3.
    """
    place = z[None]
    border = _Border.at(curve, place)
    derivative, null, _, across = border._solved(place)
    along = functional.normalize(null[:, :-1], dim=-1)
    across = across / (across * along).sum(-1, keepdim=True)
    along = functional.pad(along, (0, 1))
    bend = 0.5 * float((border._second(place, across, along) * along).sum())
    push = float((across * derivative[..., -1]).sum())
    return math.copysign(push, push * bend), abs(bend)


@dataclass(frozen=True)
class _Border:
    """The equations, bordered by the null vectors of the first guess."""

    curve: Curve
    left: Tensor
    right: Tensor

    @classmethod
    def at(cls, curve: Curve, z: Tensor) -> _Border:
        """Return the equations at a guess: any border that is not special shows the vectors."""
        any_border = functional.normalize(torch.cos(torch.arange(z.shape[1] - 1).to(z)), dim=0)
        border = cls(curve, any_border.expand(len(z), -1), any_border.expand(len(z), -1))
        _, null, _, across = border._solved(z)
        return cls(curve, *(functional.normalize(v, dim=-1) for v in (across, null[:, :-1])))

    def _solved(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the derivative, the null vector and that from the right, and the left one."""
        derivative = self.curve.derivative(z)
        n, size = derivative.shape[:2]
        system = z.new_zeros(n, size + 1, size + 1)
        system[:, :size, :size] = derivative[..., :-1]
        system[:, :size, size], system[:, size, :size] = self.left, self.right
        target = z.new_zeros(n, size + 1, 2)
        target[:, size, 0], target[:, :size, 1] = 1, derivative[..., -1]
        solution, _ = torch.linalg.solve_ex(system, target)
        across, _ = torch.linalg.solve_ex(system.mT, target[..., :1])
        return derivative, solution[..., 0], solution[..., 1], across[:, :size, 0]

    def equations(
        self, z: Tensor, unfolding: Tensor, is_branch_point: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the matrix and the right side of a Newton step."""
        derivative, null, push, across = self._solved(z)
        n, size = across.shape
        system = z.new_zeros(n, size + 2, size + 2)
        system[:, :size, :-1], system[:, :size, -1] = derivative, self.left
        along, beside = _directions(null, push)
        system[:, size, :-1] = -self._second(z, across, along)
        system[:, size + 1, :-1] = self._second(z, across, beside)
        system[:, size + 1, :-1] *= is_branch_point[:, None]
        system[:, size + 1, -1] = (~is_branch_point).to(z)
        residual = self.curve.residual(z) + unfolding[:, None] * self.left
        last = torch.where(is_branch_point, push[:, -1], unfolding)
        return system, -torch.cat([residual, null[:, -1:], last[:, None]], dim=-1)

    def _second(self, z: Tensor, across: Tensor, along: Tensor) -> Tensor:
        """Return the derivative of the residual's part along ``across``, taken twice."""
        length = along.norm(dim=-1, keepdim=True)
        nudge = _NUDGE * along / length
        change = self.curve.derivative(z + nudge) - self.curve.derivative(z - nudge)
        return (across[:, None] @ change)[:, 0] * (length / (2 * _NUDGE))

    def normal_form(self, z: Tensor, is_solved: Tensor) -> SingularPoints:
        """Return kinds and directions from the second and third derivatives."""
        _, null, push, across = self._solved(z)
        along, beside = (functional.normalize(q, dim=-1) for q in _directions(null, push))
        by_along, by_beside = (self._second(z, across, q) for q in (along, beside))
        a, b = (by_along * along).sum(-1), (by_along * beside).sum(-1)
        c = (by_beside * beside).sum(-1)
        is_crossing = push[:, -1].abs() <= _STILL * torch.maximum(a.abs(), b.abs())
        root = b + (b * b - a * c).clamp(min=0).sqrt().copysign(b)  # of a x² + 2 b x y + c y² = 0
        first = a[:, None] * beside - root[:, None] * along
        second = root[:, None] * beside - c[:, None] * along
        directions = functional.normalize(torch.stack([first, second], dim=1), dim=-1)
        is_symmetric = is_flat(self.curve, z, across, along)
        return SingularPoints(z, is_solved, is_symmetric, is_crossing, directions)


def is_flat(
    curve: Curve, z: Tensor, across: Tensor, along: Tensor, limit: float = _FLAT
) -> Tensor:
    """Return whether the second derivative vanishes, in comparison with the third one.

    Args:
        curve: The equations.
        z: Points, ``(n, state_size + 1)``.
        across: Left null vectors there, ``(n, state_size)``.
        along: Directions of unit length, ``(n, state_size + 1)``.
        limit: Largest ratio of both, in units of the usual state.
    """
    wide = _WIDE * along
    ahead, here, behind = (curve.derivative(z + nudge) for nudge in (wide, 0 * wide, -wide))
    second, third = (ahead - behind) / (2 * _WIDE), (ahead - 2 * here + behind) / _WIDE**2
    second, third = (
        (across[:, None] @ d @ along[..., None])[:, 0, 0].abs() for d in (second, third)
    )
    scale = across.norm(dim=-1) * here.norm(dim=(-2, -1))
    return second <= limit * third + _ROUNDING * scale


def _directions(null: Tensor, push: Tensor) -> tuple[Tensor, Tensor]:
    """Return the null vector of the Jacobian and a direction that the parameter moves along."""
    along, beside = null.clone(), -push
    along[:, -1], beside[:, -1] = 0, 1
    return along, beside
