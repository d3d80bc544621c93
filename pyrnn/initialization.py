"""Initial weights by name, their balance under Dale's law, and their spectral radius."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from pyrnn.validate import as_choice, as_integer, as_matrices, as_number, as_tensor, check_kind

__all__ = [
    "INITIALIZATIONS",
    "are_weights_drawn",
    "balance",
    "initial_weight",
    "spectral_radius",
    "with_radius",
    "without_initial_weights",
]

INITIALIZATIONS = ("normal", "orthogonal", "identity", "spectral")

_LEAST_SHARE = 0.05  # of the squared weights, on loops, for loops to set the scale
_LEAST_RADIUS = 0.1  # of loops, in root mean square singular values of their own

_are_drawn: ContextVar[bool] = ContextVar("_are_drawn", default=True)


@contextmanager
def without_initial_weights() -> Iterator[None]:
    """Build networks without initial weights, as those of a file will replace them.

    Nothing is drawn from torch's global generator.

    Yields:
        Nothing.

    Example:
        >>> with without_initial_weights():
        ...     are_weights_drawn()
        False
    """
    token = _are_drawn.set(False)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        _are_drawn.reset(token)


def are_weights_drawn() -> bool:
    """Return whether a network that is built needs initial weights.

    Example:
        >>> are_weights_drawn()
        True
    """
    return _are_drawn.get()


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
    as_choice("init", name, INITIALIZATIONS)
    n_units, gain = as_integer("n_units", n_units, low=1), as_number("gain", gain)
    check_kind("generator", generator, (torch.Generator, type(None)))
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

    Raises:
        TypeError: If these are no real numbers.
        ValueError: If there is not one sign for each column.

    Example:
        >>> balance(torch.tensor([[1.0, 3.0, -1.0]]), torch.tensor([1, 1, -1])).tolist()
        [[1.0, 3.0, -4.0]]

    References:
        Rajan & Abbott, *Phys. Rev. Lett.* (2006).
    """
    weight, signs = as_tensor("weight", weight), as_tensor("signs", signs)
    if weight.ndim != 2 or signs.shape != weight.shape[-1:]:
        raise ValueError(
            "expected weights (n_units, n_units) and a sign for each column, got shapes "
            f"{tuple(weight.shape)} and {tuple(signs.shape)}"
        )
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
    weight = as_matrices("weight", weight)
    return float(torch.linalg.eigvals(weight.detach().double().cpu()).abs().max())


def with_radius(weight: Tensor, radius: float) -> Tensor:
    r"""Scale a matrix to a spectral radius, if its loops are strong enough to set the scale.

    Only connections on loops matter for the spectral radius. Where nearly all connections lead
    forward, as from region to region, a weak loop would need a huge factor, and all other weights
    would grow with it. Such a matrix keeps its scale: if less than 5 % of :math:`\sum w^2` lies on
    loops, or if the radius of the loops is below a tenth of their root mean square singular value.

    Args:
        weight: Weights, ``(n_units, n_units)``.
        radius: The spectral radius.

    Returns:
        The weights, scaled or as they were.

    Example:
        >>> with_radius(torch.tensor([[0.0, 2.0], [0.5, 0.0]]), 0.5)
        tensor([[0.0000, 1.0000],
                [0.2500, 0.0000]])
        >>> with_radius(torch.tensor([[1e-3, 2.0], [0.0, 0.0]]), 0.5)
        tensor([[1.0000e-03, 2.0000e+00],
                [0.0000e+00, 0.0000e+00]])
    """
    weight, radius = as_matrices("weight", weight), as_number("radius", radius, low=0)
    on_loop = _on_loop(weight)
    power, total = weight[on_loop].square().sum(), weight.square().sum()
    if power <= _LEAST_SHARE * total:
        return weight
    n_looping = int(on_loop.any(1).sum())
    present = spectral_radius(weight)
    if present < _LEAST_RADIUS * float(power / n_looping) ** 0.5:
        return weight
    return weight * (radius / present)


def _on_loop(weight: Tensor) -> Tensor:
    """Return which connections lie on a loop: those within a strongly connected component."""
    from scipy.sparse.csgraph import connected_components

    exists = weight != 0
    _, labels = connected_components(exists.cpu().numpy(), connection="strong")
    component = torch.from_numpy(labels).to(weight.device)
    return exists & (component[:, None] == component)
