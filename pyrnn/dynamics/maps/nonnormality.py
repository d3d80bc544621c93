"""What eigenvalues leave out where modes are not orthogonal, or do not span the state space."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from pyrnn.dynamics.maps.spectrum import Spectrum
from pyrnn.threads import single_threaded
from pyrnn.validate import as_matrices, as_number

__all__ = ["departure_from_normality", "pseudospectral_radius", "schur_form"]

_N_ANGLES = 96
_N_HALVINGS = 40


def departure_from_normality(jacobians: Tensor) -> Tensor:
    r"""Return how far matrices are from normal, between 0 and 1.

    .. math:: \sqrt{1 - \sum_i |\lambda_i|^2 / \|J\|_F^2}

    Zero means orthogonal modes; with a large value even stable modes amplify for a while.

    Args:
        jacobians: Matrices, ``(..., state_size, state_size)``.

    Returns:
        Henrici's departure from normality, relative to the norm, ``(...)``.

    Example:
        >>> departure_from_normality(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        tensor(1.)

    References:
        Trefethen & Embree, *Spectra and Pseudospectra* (2005), chapter 48.
    """
    return Spectrum(as_matrices("jacobians", jacobians)).departure_from_normality


def schur_form(jacobian: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return the real Schur form of a matrix: directions that exist whatever the modes do.

    .. math:: J = Q T Q^\top, \qquad Q^\top Q = I

    :math:`T` is upper triangular but for 2 x 2 blocks of complex pairs on its diagonal. What
    stands above the diagonal feeds each direction from those after it: the feedforward structure
    that is hidden in a recurrent network.

    Args:
        jacobian: The matrix, ``(state_size, state_size)``.

    Returns:
        :math:`Q` and :math:`T`, float64.

    Raises:
        TypeError: If it is no real matrix.
        ValueError: If it is not square.

    Example:
        >>> q, t = schur_form(torch.tensor([[0.5, 0.0], [1.0, 0.5]]))
        >>> t.abs()
        tensor([[0.5000, 1.0000],
                [0.0000, 0.5000]], dtype=torch.float64)

    References:
        Goldman, *Neuron* 61:621 (2009).
    """
    from scipy import linalg

    matrix = as_matrices("jacobian", jacobian).detach().cpu().double()
    if matrix.dim() != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"expected one square matrix, got shape {tuple(matrix.shape)}")
    t, q = linalg.schur(matrix.numpy(), output="real")
    return torch.from_numpy(np.ascontiguousarray(q)), torch.from_numpy(np.ascontiguousarray(t))


def pseudospectral_radius(jacobians: Tensor, epsilon: float) -> Tensor:
    r"""Return how large an eigenvalue can become when a matrix changes a little.

    .. math:: \rho_\epsilon = \max \{|z| : \sigma_{min}(z I - J) \le \epsilon\}

    Powers of :math:`J` grow to at least :math:`(\rho_\epsilon - 1)/\epsilon` before they decay
    (Kreiss), even if all eigenvalues are small.

    Args:
        jacobians: Matrices, ``(..., state_size, state_size)``.
        epsilon: Size of the change, in the spectral norm.

    Returns:
        The radius, ``(...)``, with a relative error below 1e-3.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If ``epsilon`` is not positive.

    Example:
        >>> block = torch.tensor([[0.5, 1.0], [0.0, 0.5]])
        >>> float(pseudospectral_radius(block, 0.01)) > 0.5 + 0.01**0.5 - 0.01
        True

    References:
        Trefethen & Embree, *Spectra and Pseudospectra* (2005), chapters 14 to 16.
    """
    epsilon = as_number("epsilon", epsilon, above=0)
    matrices = as_matrices("jacobians", jacobians).double()
    shape = matrices.shape[:-2]
    radii = [_radius(matrix, epsilon) for matrix in matrices.reshape(-1, *matrices.shape[-2:])]
    return torch.stack(radii).reshape(shape)


def _radius(matrix: Tensor, epsilon: float) -> Tensor:
    """Find the outermost circle that touches the pseudospectrum, by halving an interval."""
    low = torch.linalg.eigvals(matrix).abs().max()
    high = torch.linalg.matrix_norm(matrix, 2) + epsilon  # beyond it nothing lies
    angles = torch.linspace(0, math.pi, _N_ANGLES, dtype=torch.float64, device=matrix.device)
    turns = torch.exp(1j * angles)[:, None, None] * torch.eye(len(matrix)).to(matrix)
    for _ in range(_N_HALVINGS):
        middle = (low + high) / 2
        with single_threaded():
            smallest = torch.linalg.svdvals(middle * turns - matrix)[..., -1].min()
        low, high = (middle, high) if smallest <= epsilon else (low, middle)
    return (low + high) / 2
