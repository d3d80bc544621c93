"""Where a search for fixed points starts."""

from __future__ import annotations

import torch
from torch import Tensor

from pyrnn.validate import as_integer, as_rng, as_tensor

__all__ = [
    "corners",
    "distances_to",
    "evenly",
    "midpoints",
    "mixtures",
    "neighbor_pairs",
    "spread",
    "spread_out",
    "uniform_states",
]

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
    chosen = torch.randint(len(states), (n * _N_MIXED,), generator=rng).to(states.device)
    concentration = torch.full((n, 1, _N_MIXED), _CONCENTRATION, dtype=torch.float64)
    weights = torch._sample_dirichlet(concentration, generator=rng).to(states)
    return (weights @ states.index_select(0, chosen).view(n, _N_MIXED, -1))[:, 0]


def midpoints(states: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Draw midpoints of random pairs of states, no pair twice.

    Args:
        states: States to pair, ``(n_states, hidden_size)``.
        n: How many pairs to draw.
        rng: Random generator, on the CPU.

    Returns:
        Midpoints, at most ``n`` and fewer where pairs were drawn again, ``(_, hidden_size)``.

    Example:
        >>> midpoints(torch.tensor([[0.0], [2.0]]), 5, torch.Generator())
        tensor([[1.]])
    """
    n_states = len(states)
    if n_states < 2:
        return states[:0]
    first = torch.randint(n_states, (n,), generator=rng)
    second = (first + torch.randint(1, n_states, (n,), generator=rng)) % n_states
    pairs = torch.unique(torch.minimum(first, second) * n_states + torch.maximum(first, second))
    return (states[pairs // n_states] + states[pairs % n_states]) / 2


def uniform_states(states: Tensor, n: int, rng: torch.Generator | int | None = None) -> Tensor:
    """Draw states from the smallest box, along the units, that holds the states given.

    Args:
        states: States, ``(..., state_size)``.
        n: How many to draw.
        rng: Random generator on the CPU, or a seed; by default 0.

    Returns:
        States, ``(n, state_size)``.

    Raises:
        TypeError: If the states are no numbers, ``n`` is no whole number or ``rng`` neither a
            generator nor a seed.
        ValueError: If there are no states, or ``n`` is not positive.

    Example:
        >>> bool((uniform_states(torch.tensor([[-1.0], [1.0]]), 100).abs() <= 1).all())
        True
    """
    n, states = as_integer("n", n, low=1), as_tensor("states", states)
    if states.dim() < 1 or not states.numel():
        raise ValueError(f"expected states of shape (..., state_size), got {tuple(states.shape)}")
    states = states.reshape(-1, states.shape[-1])
    low, high = states.amin(0), states.amax(0)
    share = torch.rand(n, len(low), generator=as_rng(rng), dtype=torch.float64)
    return low + (high - low) * share.to(states)


def spread(states: Tensor) -> Tensor:
    """Return how far states lie apart along each unit, nowhere zero.

    Args:
        states: States, ``(n_states, hidden_size)``.

    Returns:
        Standard deviations plus a tenth of their mean, or 1 if there is one state, and nothing to
        go by, ``(hidden_size,)``.

    Example:
        >>> spread(torch.tensor([[-1.0], [1.0]])), spread(torch.zeros(1, 1))
        (tensor([1.1000]), tensor([1.]))
    """
    scale = (states - states.mean(0)).square().mean(0).sqrt()
    scale = scale + 0.1 * scale.square().mean().sqrt()
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def spread_out(states: Tensor, scale: Tensor, rng: torch.Generator) -> Tensor:
    """Move states at random, by ``scale`` along each unit.

    Args:
        states: States to move, ``(n, hidden_size)``.
        scale: Standard deviation of the move, ``(hidden_size,)`` or one for each state.
        rng: Random generator, on the CPU.

    Returns:
        Moved states, ``(n, hidden_size)``.

    Example:
        >>> spread_out(torch.ones(1, 2), torch.zeros(2), torch.Generator())
        tensor([[1., 1.]])
    """
    noise = torch.randn(states.shape, generator=rng, dtype=torch.float32)
    return states + scale * noise.to(states)


def corners(states: Tensor, rng: torch.Generator) -> Tensor:
    """Draw a corner of the box from -1 to 1 for each of some states, wherever these are.

    Args:
        states: States, ``(n, hidden_size)``, for their shape.
        rng: Random generator, on the CPU.

    Returns:
        States of -1 and 1, ``(n, hidden_size)``.

    Example:
        >>> corners(torch.zeros(1, 2), torch.Generator()).abs()
        tensor([[1., 1.]])
    """
    return 2.0 * torch.randint(2, states.shape, generator=rng).to(states) - 1


def neighbor_pairs(states: Tensor, n_neighbors: int) -> tuple[Tensor, Tensor]:
    """Pair each state with the nearest of those before it.

    More states make more pairs at the end and change none of the others.

    Args:
        states: States, ``(n_states, hidden_size)``.
        n_neighbors: With how many of them, at most.

    Returns:
        Indices of both states of each pair, two of ``(n_pairs,)``.

    Example:
        >>> neighbor_pairs(torch.tensor([[0.0], [3.0], [1.0]]), 1)
        (tensor([0, 0]), tensor([1, 2]))
    """
    n = len(states)
    distance = torch.cdist(states, states)
    distance = distance.masked_fill(torch.ones_like(distance).triu().bool(), torch.inf)
    nearest = distance.argsort(dim=1, stable=True)[:, : min(n_neighbors, n)]
    place = torch.arange(n, device=states.device)
    is_pair = torch.arange(nearest.shape[1], device=states.device) < place[:, None]
    return nearest[is_pair], place[:, None].expand_as(nearest)[is_pair]


def evenly(states: Tensor, n: int) -> Tensor:
    """Choose states spread evenly: each next one is the farthest from those before.

    Args:
        states: States, ``(n_states, hidden_size)``.
        n: How many to choose.

    Returns:
        Their indices, in the order in which they are chosen, at most ``n``.

    Example:
        >>> evenly(torch.tensor([[0.0], [0.1], [1.0]]), 2)
        tensor([0, 2])
    """
    if len(states) <= n:
        return torch.arange(len(states), device=states.device)
    chosen = [0]
    distance = (states - states[0]).norm(dim=-1)
    for _ in range(n - 1):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (states - states[chosen[-1]]).norm(dim=-1))
    return torch.tensor(chosen, device=states.device)


def distances_to(pool: Tensor, h: Tensor) -> Tensor:
    """Return the distance from states to the nearest state of a pool, ``(n,)``.

    Args:
        pool: The pool, ``(n_pool, state_size)``.
        h: States, ``(n, state_size)``.

    Example:
        >>> distances_to(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.75]]))
        tensor([0.2500])
    """
    rough, chunk = pool.float(), max(1, 2**24 // max(len(pool), 1))
    squares = rough.square().sum(-1)
    parts = [torch.addmm(squares, part, rough.mT, alpha=-2) for part in h.float().split(chunk)]
    nearest = torch.cat([part.min(1).indices for part in parts])  # argmin takes twice as long
    return (h - pool[nearest]).norm(dim=-1)
