"""Initial weights by name, their balance under Dale's law, and their spectral radius."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["INITIALIZATIONS", "balance", "initial_weight", "spectral_radius"]

INITIALIZATIONS = ("normal", "orthogonal", "identity", "spectral")


def initial_weight(
    name: str, n_units: int, gain: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    r"""Draw a recurrent weight matrix.

    ``"normal"``: :math:`w_{ij} \sim N(0, g^2/N)`, spectral radius about :math:`g` (Sompolinsky
    et al. 1988). ``"orthogonal"``: :math:`g` times a random orthogonal matrix (Saxe et al.
    2014). ``"identity"``: :math:`g I` (Le et al. 2015). ``"spectral"``: normal, scaled to a
    spectral radius of exactly :math:`g`.

    Args:
        name: One of ``INITIALIZATIONS``.
        n_units: Number of units :math:`N`.
        gain: :math:`g`.
        generator: Source of randomness; torch's global one by default.

    Returns:
        Weights, ``(n_units, n_units)``, rows postsynaptic.

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> initial_weight("identity", 2, gain=0.5).tolist()
        [[0.5, 0.0], [0.0, 0.5]]
    """
    if name not in INITIALIZATIONS:
        raise ValueError(f"expected init among {', '.join(INITIALIZATIONS)}, got {name!r}")
    if name == "identity":
        return gain * torch.eye(n_units)
    weight = torch.randn(n_units, n_units, generator=generator)
    if name == "orthogonal":
        q, r = torch.linalg.qr(weight)
        return gain * q * r.diagonal().sign()
    if name == "spectral":
        return weight * (gain / spectral_radius(weight))
    return weight * (gain / n_units**0.5)


def balance(weight: Tensor, signs: Tensor) -> Tensor:
    r"""Scale inhibition so that it cancels excitation in the input of every unit.

    .. math:: \sum_j w_{ij} = 0 \quad \text{for all } i .

    Otherwise, the mean of a matrix that obeys Dale's law makes one eigenvalue far larger than all
    others, and the activity grows without bounds.

    Args:
        weight: Weights that obey Dale's law, ``(n_units, n_units)``.
        signs: Sign of each presynaptic unit, ``(n_units,)``.

    Returns:
        Balanced weights. Rows without excitation or without inhibition are not changed.

    Example:
        >>> balance(torch.tensor([[1.0, 3.0, -1.0]]), torch.tensor([1, 1, -1])).tolist()
        [[1.0, 3.0, -4.0]]

    References:
        Rajan & Abbott, *Phys. Rev. Lett.* (2006).
    """
    excitation = weight[:, signs > 0].sum(1, keepdim=True)
    inhibition = -weight[:, signs < 0].sum(1, keepdim=True)
    both = (excitation > 0) & (inhibition > 0)
    ratio = torch.where(both, excitation / inhibition.clamp(min=1e-30), 1.0)
    return torch.where(signs < 0, weight * ratio, weight)


def spectral_radius(weight: Tensor) -> float:
    r"""Return the largest :math:`|\lambda|` of a square matrix.

    Args:
        weight: The matrix, ``(n, n)``.

    Example:
        >>> spectral_radius(torch.diag(torch.tensor([0.5, -2.0])))
        2.0
    """
    return float(torch.linalg.eigvals(weight.detach().double().cpu()).abs().max())
