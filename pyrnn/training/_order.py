"""The random order of a data loader: where it comes from, and how it is drawn once more."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from pyrnn.training._datasets import Dataset, MakesBatches, Trial

__all__ = ["check_repeatable", "may_draw", "order_states", "set_order_states"]

_GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
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


def may_draw(dataset: Dataset) -> bool:
    """Return whether a dataset may draw from torch's global generator when trials are taken.

    Args:
        dataset: The dataset.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> may_draw(FlipFlop())  # whose trials depend on its seed only
        False
    """
    return not isinstance(dataset, MakesBatches) and type(dataset) is not TensorDataset


def check_repeatable(dataset: Dataset) -> None:
    """Refuse to resume with trials that cannot be drawn once more.

    Args:
        dataset: The dataset, or a loader.

    Raises:
        ValueError: If the dataset has a generator of its own, if the sampler of a loader is
            unknown, or if its workers keep random states of their own.
    """
    trials = dataset.dataset if isinstance(dataset, DataLoader) else dataset
    own = [v for v in getattr(trials, "__dict__", {}).values() if isinstance(v, _GENERATORS)]
    if own and may_draw(trials):
        raise ValueError(
            "expected a dataset that can repeat its trials for resume=True, got one with a "
            f"{type(own[0]).__name__} of its own; draw from torch's global generator, whose state "
            "a checkpoint holds"
        )
    if isinstance(dataset, DataLoader):
        _check_loader(dataset)


def _check_loader(loader: DataLoader[Trial]) -> None:
    if loader.persistent_workers:
        raise ValueError(
            "expected a loader that can repeat its order for resume=True, got persistent workers, "
            "which keep random states of their own; take persistent_workers=False"
        )
    if isinstance(loader.dataset, IterableDataset):  # which has an order of its own
        return
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
