"""How many dimensions a set of states fills."""

from __future__ import annotations

import torch
from torch import Tensor

from pyrnn.validate import as_number, as_tensor, check_finite

__all__ = ["n_principal_components", "participation_ratio"]


def participation_ratio(states: Tensor) -> Tensor:
    r"""Return the effective number of dimensions of some states.

    .. math:: D = \left(\sum_i \sigma_i^2\right)^2 / \sum_i \sigma_i^4

    with :math:`\sigma_i^2` the variances along the principal components.

    Args:
        states: States, ``(..., hidden_size)``.

    Returns:
        A number between 1 and ``hidden_size``; 0 if the states are all the same.

    Raises:
        TypeError: If the states are no numbers.
        ValueError: If there are fewer than two.

    Example:
        >>> participation_ratio(torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]]))
        tensor(2.)

    References:
        Gao et al., *bioRxiv* 214262 (2017).
    """
    variances = _variances(states)
    total = variances.square().sum()
    return torch.where(total > 0, variances.sum().square() / total, total)


def n_principal_components(states: Tensor, share: float = 0.9) -> int:
    r"""Return how many principal components hold a share of the variance.

    .. math:: \min \{k : \sum_{i \le k} \sigma_i^2 \ge s \sum_i \sigma_i^2\}

    Args:
        states: States, ``(..., hidden_size)``.
        share: Share of the variance, in (0, 1].

    Returns:
        The number; 0 if the states are all the same.

    Raises:
        TypeError: If the states are no numbers.
        ValueError: If ``share`` is not in (0, 1], or there are fewer than two states.

    Example:
        >>> n_principal_components(torch.tensor([[1.0, 0], [-1, 0], [0, 0.1], [0, -0.1]]))
        1
    """
    share = as_number("share", share, above=0, high=1)
    variances = _variances(states)
    reached = variances.cumsum(0) >= (share - 1e-12) * variances.sum()
    return int(reached.int().argmax()) + 1 if variances.sum() > 0 else 0


def _variances(states: Tensor) -> Tensor:
    """Return the variances along the principal components, largest first."""
    states = check_finite("states", as_tensor("states", states))
    if states.dim() < 2 or states.shape[:-1].numel() < 2:
        raise ValueError(
            f"expected at least two states, (..., hidden_size), got {tuple(states.shape)}"
        )
    flat = states.reshape(-1, states.shape[-1])
    centered = flat - flat.mean(0)
    return torch.linalg.svdvals(centered).square() / (len(flat) - 1)
