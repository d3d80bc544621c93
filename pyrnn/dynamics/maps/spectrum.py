"""What the eigenvalues of a Jacobian say: one spectrum, one tolerance, for every analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pyrnn.threads import over_matrices, single_threaded
from pyrnn.validate import as_number

__all__ = ["TOLERANCE", "Spectrum", "index_signs"]

TOLERANCE = 1e-9
"""A mode is marginal when its modulus is this close to 1, in units of the largest |λ - 1|."""

_ROUNDING = 1e-14  # error of an eigenvalue, in units of the largest one
_SINGULAR = 64.0  # a pivot is zero to rounding below this, in units of the last digit
_DIGITS = 1e10
_PARALLEL = 1e-7  # vectors with a smaller angle between them are one to rounding


@dataclass(frozen=True, eq=False)
class Spectrum:
    r"""Eigenvalues of Jacobians with their vectors, and what follows from them.

    .. math:: J v_i = \lambda_i v_i, \qquad u_i J = \lambda_i u_i, \qquad u_i v_j = \delta_{ij}

    A mode grows where :math:`|\lambda| > 1 + \epsilon`, shrinks where
    :math:`|\lambda| < 1 - \epsilon` and is marginal in between. The tolerance is as small as
    rounding allows and does not depend on the unit of time:

    .. math:: \epsilon = 10^{-9} \min(1, \max_i |\lambda_i - 1|), \qquad
        \epsilon \ge 10^{-14} \max(1, \max_i |\lambda_i|)

    Args:
        jacobians: Jacobians, ``(..., n, n)``; ``None`` where only the eigenvalues are kept, see
            :meth:`from_eigenvalues`.
        is_flow: Whether modes are those of the flow whose Euler step has these Jacobians: a mode
            then grows where the real part of :math:`\lambda` exceeds 1.

    Example:
        >>> spectrum = Spectrum(torch.diag(torch.tensor([0.5, 1.5, 1.0])).double())
        >>> spectrum.eigenvalues.real.tolist(), spectrum.stability
        ([1.5, 1.0, 0.5], 'marginal with 1 unstable mode')
        >>> int(spectrum.n_unstable), int(spectrum.n_marginal), bool(spectrum.is_stable)
        (1, 1, False)
        >>> spectrum.grows.tolist(), spectrum.is_marginal.tolist(), float(spectrum.tolerance)
        ([True, False, False], [False, True, False], 5e-10)
        >>> spectrum.right.shape, spectrum.left.shape, float(spectrum.departure_from_normality)
        (torch.Size([3, 3]), torch.Size([3, 3]), 0.0)
        >>> Spectrum(torch.tensor([[0.5]])).timescales(dt=10.0)
        tensor([14.4270])
        >>> Spectrum(torch.tensor([[0.0, -0.5], [0.5, 0.0]])).frequencies(dt=10.0)
        tensor([25., 25.])
        >>> Spectrum(torch.tensor([[[0.5]], [[2.0]]])).index
        tensor([ 1., -1.])
        >>> Spectrum(torch.tensor([[0.5, 1.0], [0.0, 0.5]])).is_defective
        tensor(True)

    References:
        Strogatz, *Nonlinear Dynamics and Chaos* (2015), sections 5.2 and 10.1.
    """

    jacobians: Tensor | None
    is_flow: bool = False

    @classmethod
    def from_eigenvalues(cls, eigenvalues: Tensor, *, is_flow: bool = False) -> Spectrum:
        """Return a spectrum of known eigenvalues, without vectors.

        Args:
            eigenvalues: Eigenvalues in any order, ``(..., n)``, real or complex.
            is_flow: As for the class.

        Example:
            >>> Spectrum.from_eigenvalues(torch.tensor([0.5, 1.2])).stability
            'saddle with 1 unstable mode'
        """
        spectrum = cls(None, is_flow)
        values = eigenvalues if eigenvalues.is_complex() else eigenvalues + 0j
        vars(spectrum)["eigenvalues"] = values.gather(-1, spectrum._order(values))
        return spectrum

    @cached_property
    def eigenvalues(self) -> Tensor:
        """Eigenvalues, ``(..., n)``, complex, largest modulus (of a flow: real part) first."""
        values = over_matrices(torch.linalg.eigvals, self._matrices, cost=25)
        return values.gather(-1, self._order(values))

    @property
    def _matrices(self) -> Tensor:
        if self.jacobians is None:
            raise ValueError(
                "expected a spectrum with its Jacobians, got one of eigenvalues alone; linearize "
                "the network at the state: linearize(network, state)"
            )
        return self.jacobians

    @cached_property
    def right(self) -> Tensor:
        """Right eigenvectors in the columns, of unit length, ``(..., n, n)``: where modes lie."""
        with single_threaded():
            values, vectors = torch.linalg.eig(self._matrices)
        columns = self._order(values)[..., None, :].expand_as(vectors)
        return vectors.gather(-1, columns)

    @cached_property
    def left(self) -> Tensor:
        """Left eigenvectors in the rows, ``(..., n, n)``: what drives modes.

        NaN for modes that share their direction with another, see :attr:`is_defective`.
        """
        with single_threaded():
            rows, _ = torch.linalg.inv_ex(self.right)
        if self.is_defective.any():
            right = self.right.reshape(-1, *rows.shape[-2:])
            flat, matrices = rows.reshape(right.shape), self._matrices.reshape(right.shape)
            for i in self.is_defective.flatten().nonzero()[:, 0].tolist():
                flat[i] = self._left_of(matrices[i], right[i])
            rows = flat.reshape(rows.shape)
        return rows

    @cached_property
    def is_defective(self) -> Tensor:
        """Whether modes share a direction to rounding, so that they do not span, ``(...)``."""
        with single_threaded():
            return torch.linalg.svdvals(self.right)[..., -1] < _PARALLEL

    def _left_of(self, matrix: Tensor, right: Tensor) -> Tensor:
        """Return left vectors of a defective matrix, one by one."""
        from scipy import linalg

        values, vectors = linalg.eig(matrix.cpu().double().numpy(), left=True, right=False)
        order = self._order(torch.from_numpy(values))
        rows = torch.from_numpy(vectors).to(right).mH[order]
        overlap = (rows * right.mT).sum(-1, keepdim=True)
        return torch.where(overlap.abs() > _PARALLEL, rows / overlap, torch.nan)

    def _order(self, values: Tensor) -> Tensor:
        """Sort by size; equal sizes by real and then imaginary part, whatever their last digit."""
        size = values.real if self.is_flow else values.abs()
        if not size.shape[-1]:
            return torch.zeros_like(size, dtype=torch.long)
        unit = size.abs().amax(-1, keepdim=True).clamp(min=torch.finfo(size.dtype).tiny) / _DIGITS
        order = values.imag.argsort(dim=-1, descending=True, stable=True)
        for key in (values.real, size):
            rank = (key / unit).round().gather(-1, order)
            order = order.gather(-1, rank.argsort(dim=-1, descending=True, stable=True))
        return order

    @cached_property
    def _excess(self) -> Tensor:
        """How far each mode is beyond the border of stability, ``(..., n)``."""
        return (self.eigenvalues.real if self.is_flow else self.eigenvalues.abs()) - 1

    @property
    def tolerance(self) -> Tensor:
        """Distance from the border of stability within which a mode is marginal, ``(...)``."""
        values = self.eigenvalues
        if not values.shape[-1]:
            return values.real.new_zeros(values.shape[:-1])
        reach = TOLERANCE * (values - 1).abs().amax(-1).clamp(max=1)
        return torch.maximum(reach, _ROUNDING * values.abs().amax(-1).clamp(min=1))

    @property
    def grows(self) -> Tensor:
        """Whether each mode grows, ``(..., n)``."""
        return self._excess > self.tolerance[..., None]

    @property
    def is_marginal(self) -> Tensor:
        """Whether each mode neither grows nor shrinks, ``(..., n)``."""
        return self._excess.abs() <= self.tolerance[..., None]

    @property
    def n_unstable(self) -> Tensor:
        """Number of modes that grow, ``(...)``."""
        return self.grows.sum(-1)

    @property
    def n_marginal(self) -> Tensor:
        """Number of modes that neither grow nor shrink, ``(...)``."""
        return self.is_marginal.sum(-1)

    @property
    def is_stable(self) -> Tensor:
        """Whether every mode shrinks, ``(...)``."""
        return (self._excess < -self.tolerance[..., None]).all(-1)

    @property
    def stability(self) -> str | list[str]:
        """Kind of point, or a list of kinds for several Jacobians.

        ``"stable node"`` and ``"unstable node"`` have modes that all shrink or all grow, without a
        turn in the leading mode (that nearest to the border); a ``"focus"`` has such a turn; a
        ``"saddle"`` has both kinds of modes. ``"marginal"`` has a marginal mode: a line or ring
        attractor, or a bifurcation.
        """
        if self.eigenvalues.dim() == 1:
            return self._kind(())
        return [self._kind((i,)) for i in range(len(self.eigenvalues))]

    def _kind(self, at: tuple[int, ...]) -> str:
        n_unstable, size = int(self.n_unstable[at]), self.eigenvalues.shape[-1]
        grown = f"{n_unstable} unstable mode{'s' if n_unstable > 1 else ''}"
        if self.n_marginal[at]:
            return f"marginal with {grown}" if n_unstable else "marginal"
        if 0 < n_unstable < size:
            return f"saddle with {grown}"
        leading = self.eigenvalues[at][self._excess[at].abs().argmin()]
        turns = bool(leading.imag.abs() > self.tolerance[at])
        return f"{'unstable' if n_unstable else 'stable'} {'focus' if turns else 'node'}"

    def timescales(self, dt: float) -> Tensor:
        r"""Return time constants :math:`\tau = -\Delta t / \ln |\lambda|` in ms, ``(..., n)``.

        They are negative for growing modes and infinite for marginal ones.

        Args:
            dt: Duration of one step, in ms.

        Raises:
            TypeError: If ``dt`` is no number.
            ValueError: If it is not positive.
        """
        dt = as_number("dt", dt, above=0, unit="ms")
        rate = self._excess if self.is_flow else self.eigenvalues.abs().log()
        return -dt / rate

    def frequencies(self, dt: float) -> Tensor:
        r"""Return frequencies :math:`|\arg \lambda| / (2 \pi \Delta t)` in Hz, ``(..., n)``.

        Args:
            dt: Duration of one step, in ms.

        Raises:
            TypeError: If ``dt`` is no number.
            ValueError: If it is not positive.
        """
        dt = as_number("dt", dt, above=0, unit="ms")
        turn = self.eigenvalues.imag if self.is_flow else self.eigenvalues.angle()
        return turn.abs() / (2 * math.pi * dt) * 1000

    @property
    def departure_from_normality(self) -> Tensor:
        r"""Henrici's departure from normality, between 0 and 1, ``(...)``.

        .. math:: \sqrt{1 - \sum_i |\lambda_i|^2 / \|J\|_F^2}

        Zero means orthogonal modes; with a large value even stable modes amplify for a while
        (Trefethen & Embree, *Spectra and Pseudospectra*, 2005, chapter 48).
        """
        modes = self.eigenvalues.abs().square().sum(-1)
        size = self._matrices.square().sum((-2, -1))
        tiny = torch.finfo(size.dtype).tiny
        return (1 - modes / size.clamp(min=tiny)).clamp(min=0).sqrt() * (size > 0)

    @property
    def index(self) -> Tensor:
        r"""Index of a fixed point, :math:`\mathrm{sign} \det(I - J)`, ``(...)``.

        Zero where the determinant vanishes: the point is not isolated, or a bifurcation. Over all
        fixed points of a map that sends a box into itself indices add up to +1 (Lefschetz).
        """
        return index_signs(self._matrices)

    def __getitem__(self, index: int | slice | Tensor) -> Spectrum:  # type: ignore[explicit-any]
        """Return the spectra of some of the Jacobians, with the eigenvalues that are known."""
        chosen = None if self.jacobians is None else self.jacobians[index]
        some = Spectrum(chosen, self.is_flow)
        for name in ("eigenvalues", "right", "left"):
            if name in vars(self):
                vars(some)[name] = vars(self)[name][index]
        return some

    def __repr__(self) -> str:
        kinds = self.stability
        return f"Spectrum({kinds if isinstance(kinds, str) else ', '.join(kinds)})"


def index_signs(jacobians: Tensor) -> Tensor:
    r"""Return :math:`\mathrm{sign} \det(I - J)` of Jacobians.

    Args:
        jacobians: Jacobians, ``(..., n, n)``.

    Returns:
        +1, -1, or 0 where rounding hides the sign of the determinant, ``(...)``.

    Example:
        >>> index_signs(torch.tensor([[[0.5]], [[2.0]]]))
        tensor([ 1., -1.])
    """
    return over_matrices(_index_signs, jacobians, cost=1)


def _index_signs(jacobians: Tensor) -> Tensor:
    size = jacobians.shape[-1]
    eye = torch.eye(size, dtype=jacobians.dtype, device=jacobians.device)
    lu, pivots, _ = torch.linalg.lu_factor_ex(eye - jacobians)
    pivot = lu.diagonal(dim1=-2, dim2=-1)
    n_swaps = (pivots != torch.arange(1, size + 1, device=pivots.device)).sum(-1)
    sign = pivot.sign().prod(-1) * (1 - 2 * (n_swaps % 2))
    unit = 1 + jacobians.abs().amax((-2, -1)) if size else pivot.abs().amax(-1)
    is_singular = pivot.abs().amin(-1) <= _SINGULAR * torch.finfo(lu.dtype).eps * size * unit
    return sign.masked_fill(is_singular, 0)
