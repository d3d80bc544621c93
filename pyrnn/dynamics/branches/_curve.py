"""The equations of a curve of fixed points over a parameter, without units."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.branches._samples import Samples
from pyrnn.dynamics.maps import FamilyMap, Spectrum, index_signs

__all__ = ["Curve", "upwards"]

_N_FACTORS, _N_USES = 5, 3  # factorizations of a correction, and steps with each
_CORRECTED = 1e-7  # a last step below it: the next one would be below rounding
_EXACT = 1e-14
_UNSIGNED = 1e-9
_SINGULAR = 1e-7
_REAL = 1e-6  # imaginary part of a real eigenvalue, in units of the largest |λ - 1|
_MAX_ELEMENTS = 2**22  # of the Jacobians of one batch


@dataclass(frozen=True, eq=False)
class Curve:
    r"""Fixed points :math:`z = (h / a, s)` of a family of maps over a parameter.

    .. math:: F_p(h) = h, \qquad p = p_{min} + s\,(p_{max} - p_{min})

    States are measured in units of their usual length :math:`a`, and the parameter goes from 0 to
    1, so that nothing depends on the units of either.

    Args:
        family: The maps, whose only input channel is the parameter.
        low: Smallest parameter.
        width: Length of the interval.
        size: Usual length of the states.
        is_flow: Whether stability is that of the flow.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> step, one = as_map(lambda h, p: h / 2 + p, torch.zeros(1)), torch.ones(1).double()
        >>> curve = Curve(FamilyMap(step, 0 * one, one), 0.0, 2.0)
        >>> z = torch.tensor([[2.0, 0.5]], dtype=torch.float64)
        >>> curve.residual(z), curve.parameters(z), curve.derivative(z)
        (tensor([[0.]], dtype=torch.float64), tensor([1.], dtype=torch.float64),
         tensor([[[-0.5000,  2.0000]]], dtype=torch.float64))
    """

    family: FamilyMap
    low: float
    width: float
    size: float = 1.0
    is_flow: bool = False

    def parameters(self, z: Tensor) -> Tensor:
        """Return the parameters in the user's unit, ``(n,)``."""
        return self.low + self.width * z[..., -1]

    def states(self, z: Tensor) -> Tensor:
        """Return the states in the user's unit, ``(n, state_size)``."""
        return z[..., :-1] * self.size

    def at(self, states: Tensor, parameters: Tensor) -> Tensor:
        """Return ``z`` of states and parameters in the user's units."""
        share = (parameters - self.low) / self.width
        return torch.cat([states / self.size, share[:, None]], dim=-1)

    def _given(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self.states(z), self.parameters(z)[:, None]

    def residual(self, z: Tensor) -> Tensor:
        """Return how far the map moves the states, ``(n, state_size)``."""
        h, p = self._given(z)
        return (self.family(h, p) - h) / self.size

    def jacobian(self, z: Tensor) -> Tensor:
        """Return the Jacobian of the map with respect to the state."""
        return self.family.jacobian(*self._given(z))

    def derivative(self, z: Tensor) -> Tensor:
        """Return the derivative of the residual, ``(n, state_size, state_size + 1)``."""
        h, p = self._given(z)
        derivative = self.family.derivative(h, p)
        derivative[..., -1] *= self.width / self.size
        derivative.diagonal(dim1=-2, dim2=-1).sub_(1)
        return derivative

    def correct(self, z: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
        """Go back onto the curve across ``normal``; return states and which have converged."""
        guess, before = z, torch.zeros_like(z[:, 0])
        target = torch.zeros_like(z)
        for n in range(_N_FACTORS * _N_USES):
            if n % _N_USES == 0:
                lu, pivots, _ = torch.linalg.lu_factor_ex(_bordered(self.derivative(z), normal))
            target[:, :-1] = -self.residual(z)
            move = torch.linalg.lu_solve(lu, pivots, target[..., None])[..., 0]
            z, size = z + move, move.norm(dim=-1)
            is_small = size <= _CORRECTED * z.norm(dim=-1).clamp(min=1)
            has_converged = is_small & (size * size / before <= _EXACT) | (size <= _EXACT)
            if has_converged.all():
                break
            before = size
        has_converged |= is_small
        return torch.where(has_converged[:, None], z, guess), has_converged

    def land(self, z: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
        """Do as :meth:`correct`, also where a branch point makes the equations singular."""
        corrected, has_converged = self.correct(z, normal)
        for i in (~has_converged).nonzero()[:, 0].tolist():
            at, target = z[i : i + 1], z.new_zeros(1, z.shape[1])
            for _ in range(_N_FACTORS):
                target[:, :-1] = -self.residual(at)
                system = _bordered(self.derivative(at), normal[i : i + 1])
                if not system.isfinite().all():
                    break
                move = (torch.linalg.pinv(system, rtol=_SINGULAR) @ target[..., None])[..., 0]
                at = at + move
                if move.norm() < _CORRECTED and self.residual(at).norm() < _EXACT:
                    corrected[i], has_converged[i] = at[0], True
                    break
        return corrected, has_converged

    def frame(self, z: Tensor, ahead: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return unit tangents, turned towards ``ahead``, orientations, and Jacobians.

        The orientation is the sign of the determinant of the derivative bordered by the tangent.
        It stays along a curve, around folds too, and changes at branch points.
        """
        derivative = self.derivative(z)
        lu, pivots, _ = torch.linalg.lu_factor_ex(_bordered(derivative, ahead))
        tangent = torch.linalg.lu_solve(lu, pivots, upwards(z)[..., None])[..., 0]
        expected = torch.arange(1, z.shape[1] + 1, device=z.device)
        n_swaps = (pivots != expected).sum(-1)
        pivot = lu.diagonal(dim1=-2, dim2=-1)
        sign = pivot.sign().prod(-1) * (1 - 2 * (n_swaps % 2))
        sign = sign.masked_fill(pivot.abs().amin(-1) <= _UNSIGNED * pivot.abs().amax(-1), 0)
        jacobian = derivative[..., :-1]
        jacobian.diagonal(dim1=-2, dim2=-1).add_(1)
        return functional.normalize(tangent, dim=-1), sign, jacobian

    def sample(self, z: Tensor, ahead: Tensor) -> Samples:
        """Return states with their tangents and spectra, each at the start of a curve."""
        chunk = max(1, _MAX_ELEMENTS // z.shape[1] ** 2)
        parts = []
        for rows in torch.arange(len(z), device=z.device).split(chunk):
            frame = self.frame(z[rows], ahead[rows])
            parts.append(self.measured(rows, z.new_zeros(len(rows)), z[rows], *frame))
        return Samples.cat(parts)

    def measured(
        self, owner: Tensor, place: Tensor, z: Tensor, tangent: Tensor, sign: Tensor, jac: Tensor
    ) -> Samples:
        """Return samples whose tangents and Jacobians are known, with their spectra."""
        spectrum = self.spectrum(jac)
        modes = spectrum.eigenvalues, self.count_modes(spectrum.eigenvalues), spectrum.n_marginal
        return Samples(owner, place, z, tangent, sign, *modes)

    def spectrum(self, jacobians: Tensor) -> Spectrum:
        """Return the spectra of Jacobians."""
        return Spectrum(jacobians, self.is_flow)

    def index_signs(self, z: Tensor) -> Tensor:
        """Return the sign of the index of the fixed point at each state."""
        return index_signs(self.jacobian(z))

    def count_modes(self, eigenvalues: Tensor, beyond: float | None = None) -> Tensor:
        """Count growing modes: real through +1, real through -1, turning pairs, ``(..., 3)``.

        Args:
            eigenvalues: Eigenvalues, ``(..., state_size)``. A real one has an imaginary part that
                is zero to rounding.
            beyond: How far from the border of stability a mode counts; by default the tolerance
                of the spectrum.

        Returns:
            The three numbers.
        """
        spectrum = Spectrum.from_eigenvalues(eigenvalues, is_flow=self.is_flow)
        values = spectrum.eigenvalues
        size = values.real if self.is_flow else values.abs()
        grows = spectrum.grows if beyond is None else size - 1 > beyond
        spread = (values - 1).abs().amax(-1, keepdim=True)
        is_pair = grows & (values.imag.abs() > _REAL * spread)
        is_real = grows & ~is_pair
        positive = values.real > 0
        counts = [is_real & positive, is_real & ~positive, is_pair]
        n_plus, n_minus, n_turning = (which.sum(-1) for which in counts)
        return torch.stack([n_plus, n_minus, n_turning // 2], dim=-1)


def upwards(z: Tensor) -> Tensor:
    """Return unit vectors along the parameter, as many as there are states."""
    along = torch.zeros_like(z)
    along[:, -1] = 1
    return along


def _bordered(derivative: Tensor, row: Tensor) -> Tensor:
    return torch.cat([derivative, row[:, None]], dim=1)
