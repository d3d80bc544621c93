"""The random order of a data loader: where it comes from, and how it is drawn once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from pyrnn.training._datasets import Trial

__all__ = ["check_repeatable", "order_states", "set_order_states"]

_KNOWN = (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def order_states(loader: DataLoader[Trial]) -> list[Tensor]:
    """Return the states of the generators from which a loader draws its order.

    Args:
        loader: The loader.

    Returns:
        That of torch's global generator, and those of the loader's own.

    Example:
        >>> own = torch.Generator().manual_seed(0)
        >>> loader = DataLoader(range(4), batch_size=1, shuffle=True, generator=own)
        >>> states = order_states(loader)
        >>> first = [int(i) for i in loader]
        >>> set_order_states(loader, states)
        >>> [int(i) for i in loader] == first
        True
    """
    return [torch.get_rng_state(), *(own.get_state() for own in _generators(loader))]


def set_order_states(loader: DataLoader[Trial], states: Sequence[Tensor]) -> None:
    """Take the generators of a loader back to the states of ``order_states``.

    Args:
        loader: The loader.
        states: The states.
    """
    torch.set_rng_state(states[0])
    for own, state in zip(_generators(loader), states[1:], strict=True):
        own.set_state(state)


def check_repeatable(loader: DataLoader[Trial]) -> None:
    """Refuse to resume with a loader whose order cannot be drawn once more.

    Args:
        loader: The loader.

    Raises:
        ValueError: If its sampler is unknown, or if its workers keep random states of their own.
    """
    if loader.persistent_workers:
        raise ValueError(
            "expected a loader that can repeat its order for resume=True, got persistent workers, "
            "which keep random states of their own; take persistent_workers=False"
        )
    for sampler in _samplers(loader):
        if type(sampler) not in _KNOWN and not hasattr(sampler, "set_epoch"):
            raise ValueError(
                "expected a loader that can repeat its order for resume=True, got the sampler "
                f"{type(sampler).__name__}; give fit the dataset itself, which it shuffles"
            )


def _samplers(loader: DataLoader[Trial]) -> Iterator[Sampler[int] | BatchSampler]:
    found = [loader.batch_sampler, loader.sampler]
    for sampler in found:
        if isinstance(sampler, Sampler):
            yield sampler
            inner = vars(sampler).get("sampler")
            if isinstance(inner, Sampler) and inner not in found:
                yield inner


def _generators(loader: DataLoader[Trial]) -> list[torch.Generator]:
    """Return the generators of a loader and of its samplers, each once."""
    holders = [loader, *_samplers(loader)]
    own = {id(g): g for holder in holders if (g := vars(holder).get("generator")) is not None}
    return list(own.values())
