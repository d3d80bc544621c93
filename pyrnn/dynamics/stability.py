"""What the eigenvalues of a Jacobian say about the point where it was taken."""

from __future__ import annotations

import torch
from torch import Tensor

MARGINAL = 1e-3
"""A mode is called marginal when its modulus is within this distance of one."""

_ROUNDING = 1e-9
_SINGULAR = 1e-9


def count_unstable(eigenvalues: Tensor) -> Tensor:
    r"""Count the modes that grow, :math:`|\lambda| > 1`.

    Args:
        eigenvalues: Eigenvalues of a step's Jacobian, ``(..., hidden_size)``.

    Returns:
        Counts, ``(...)``, integer.

    Example:
        >>> count_unstable(torch.tensor([[2.0, 0.5], [0.1, 0.5]]))
        tensor([1, 0])
    """
    return (eigenvalues.abs() > 1 + _ROUNDING).sum(-1)


def classify(eigenvalues: Tensor) -> str:
    r"""Name the kind of fixed point that a set of eigenvalues makes.

    ``"stable node"`` and ``"unstable node"`` have modes that all shrink or all grow without
    turning, a ``"focus"`` turns in its slowest mode (the leading one), and a ``"saddle"`` has both
    kinds and states how many grow. ``"marginal"`` is said when a mode neither shrinks nor grows,
    :math:`||\lambda| - 1| <` ``MARGINAL``: a line or ring attractor, or a bifurcation.

    Args:
        eigenvalues: Eigenvalues of a step's Jacobian, ``(hidden_size,)``.

    Returns:
        The name.

    Example:
        >>> classify(torch.tensor([0.5, 0.2])), classify(torch.tensor([1.5, 1.2, 0.2]))
        ('stable node', 'saddle with 2 unstable modes')

    References:
        Strogatz, *Nonlinear Dynamics and Chaos* (2015), section 5.2.
    """
    modulus = eigenvalues.abs()
    n_unstable = int(count_unstable(eigenvalues))
    if ((modulus - 1).abs() < MARGINAL).any():
        return "marginal" + (f" with {_unstable_modes(n_unstable)}" if n_unstable else "")
    if 0 < n_unstable < len(eigenvalues):
        return f"saddle with {_unstable_modes(n_unstable)}"
    leading = eigenvalues[(modulus - 1).abs().argmin()]
    turns = torch.is_complex(leading) and bool(leading.imag.abs() > _ROUNDING)
    return f"{'unstable' if n_unstable else 'stable'} {'focus' if turns else 'node'}"


def _unstable_modes(count: int) -> str:
    return f"{count} unstable mode{'s' if count > 1 else ''}"


def index_signs(jacobians: Tensor) -> Tensor:
    r"""Return the index of each fixed point, :math:`\mathrm{sign} \det(I - J)`.

    Over all fixed points of a map that sends a box into itself the indices add up to +1
    (Lefschetz), which tells an incomplete search: necessary, not sufficient.

    Args:
        jacobians: Jacobians at the points, ``(..., hidden_size, hidden_size)``.

    Returns:
        +1, -1, or 0 where the point is not isolated (the determinant vanishes), ``(...)``.

    Example:
        >>> index_signs(torch.tensor([[[0.5]], [[2.0]]]))
        tensor([ 1., -1.])
    """
    size = jacobians.shape[-1]
    eye = torch.eye(size, dtype=jacobians.dtype, device=jacobians.device)
    lu, pivots, _ = torch.linalg.lu_factor_ex(eye - jacobians)
    pivot = lu.diagonal(dim1=-2, dim2=-1)
    n_swaps = (pivots != torch.arange(1, size + 1, device=pivots.device)).sum(-1)
    sign = pivot.sign().prod(-1) * (1 - 2 * (n_swaps % 2))
    is_singular = pivot.abs().amin(-1) <= _SINGULAR * pivot.abs().amax(-1)
    return sign.masked_fill(is_singular, 0)
