"""Where a search for fixed points starts."""

from __future__ import annotations

import torch
from torch import Tensor

_N_MIXED = 8
_CONCENTRATION = 0.2


def mixtures(states: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Draw convex mixtures of eight states each, most of them dominated by a few.

    Args:
        states: States to mix, ``(n_states, hidden_size)``.
        n: How many mixtures.
        rng: Random generator, on the CPU.

    Returns:
        Mixtures, ``(n, hidden_size)``.

    Example:
        >>> mixtures(torch.ones(3, 2), 5, torch.Generator()).shape
        torch.Size([5, 2])
    """
    chosen = states[torch.randint(len(states), (n, _N_MIXED), generator=rng)]
    concentration = torch.full((n, _N_MIXED), _CONCENTRATION)
    weights = torch._sample_dirichlet(concentration.double(), generator=rng)
    return torch.einsum("nk,nkh->nh", weights.to(chosen), chosen)


def midpoints(states: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Draw midpoints of random pairs of states.

    Args:
        states: States to pair, ``(n_states, hidden_size)``.
        n: How many midpoints.
        rng: Random generator, on the CPU.

    Returns:
        Midpoints, ``(n, hidden_size)``.

    Example:
        >>> midpoints(torch.ones(3, 2), 5, torch.Generator()).shape
        torch.Size([5, 2])
    """
    return states[torch.randint(len(states), (n, 2), generator=rng)].mean(1)


def spread_out(states: Tensor, reach: float, around: Tensor, rng: torch.Generator) -> Tensor:
    """Move states at random, by ``reach`` times the spread of the states ``around``.

    Args:
        states: States to move, ``(n, hidden_size)``.
        reach: Size of the move; 0 leaves them where they are.
        around: States whose standard deviation sets the scale, ``(n_states, hidden_size)``.
        rng: Random generator, on the CPU.

    Returns:
        Moved states, ``(n, hidden_size)``.

    Example:
        >>> spread_out(torch.ones(1, 2), 0.0, torch.ones(3, 2), torch.Generator())
        tensor([[1., 1.]])
    """
    scale = around.std(0, correction=0)
    scale = scale + 0.1 * scale.norm() / len(scale) ** 0.5
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    noise = torch.randn(states.shape, generator=rng, dtype=torch.float64).to(states)
    return states + reach * scale * noise
