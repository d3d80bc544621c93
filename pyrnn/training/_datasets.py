"""What a dataset may offer to training, beyond trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import Any, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import DataLoader

__all__ = [
    "Adjustable",
    "Dataset",
    "GetsItems",
    "HasGoal",
    "HasLoss",
    "HasMetric",
    "HasTimeStep",
    "KeepsTrials",
    "MakesBatches",
    "MakesEpochs",
    "Splits",
    "Trial",
    "check_dataset",
    "is_dataset",
]

Trial: TypeAlias = "Sequence[Any]"
"""``(inputs, targets)`` or ``(inputs, targets, mask)``, tensors or arrays."""
Dataset: TypeAlias = "torch.utils.data.Dataset[Any] | DataLoader[Any] | Sequence[Trial]"
"""What ``fit`` trains on."""


@runtime_checkable
class MakesBatches(Protocol):
    """A dataset that makes several trials at once.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> task: MakesBatches = FlipFlop()
        >>> [field.shape[0] for field in task.batch(torch.tensor([3, 5]))]
        [2, 2, 2]
    """

    def batch(self, indices: Tensor, /) -> Sequence[Tensor]:
        """Return the fields of the trials with these indices."""


@runtime_checkable
class KeepsTrials(MakesBatches, Protocol):
    """A dataset that may have all its trials in memory, so that batches are parts of one.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> task: KeepsTrials = FlipFlop()
        >>> task.batches_are_parts, task.epoch(0).batches_are_parts
        (False, True)
    """

    batches_are_parts: bool


@runtime_checkable
class MakesEpochs(Protocol):
    """A dataset with other trials in every epoch.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> task: MakesEpochs = FlipFlop(n_trials=8)
        >>> len(task.epoch(3))
        8
    """

    def epoch(self, k: int, /) -> Dataset:
        """Return the dataset of epoch ``k``."""


@runtime_checkable
class Adjustable(Protocol):
    """A dataset with parameters, for a curriculum.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> task: Adjustable = FlipFlop()
        >>> task.replace(n_bits=2).input_size
        2
    """

    def replace(self, **changes: object) -> Dataset:
        """Return the dataset with other values of some parameters."""


@runtime_checkable
class HasMetric(Protocol):
    """A dataset that scores outputs.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> task: HasMetric = FlipFlop()
        >>> inputs, targets, mask = task.batch(4)
        >>> task.metric_name, task.metric(targets, targets, mask)
        ('accuracy', 1.0)
    """

    metric_name: str

    def metric(self, outputs: Tensor, targets: Tensor, mask: Tensor, /) -> float:
        """Return how good the outputs of a batch are."""


@runtime_checkable
class HasLoss(Protocol):
    """A dataset that names its loss.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> task: HasLoss = FlipFlop()
        >>> task.loss
        'mse'
    """

    loss: str


@runtime_checkable
class GetsItems(Protocol):
    """A dataset with the method by which torch gets many trials at once.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> task: GetsItems = FlipFlop()
        >>> len(task.__getitems__([3, 5]))
        2
    """

    def __getitems__(self, indices: list[int], /) -> Sequence[Trial]:
        """Return trials."""


@runtime_checkable
class HasGoal(Protocol):
    """A dataset that tells whether a larger metric is better.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> task: HasGoal = FlipFlop()
        >>> task.metric_goal
        'max'
    """

    metric_goal: str


@runtime_checkable
class HasTimeStep(Protocol):
    """A dataset whose time steps have a duration, in ms.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> task: HasTimeStep = FlipFlop()
        >>> task.dt
        10.0
    """

    dt: float


@runtime_checkable
class Splits(Protocol):
    """A dataset that splits itself into trials for training and for validation.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> task: Splits = FlipFlop(n_trials=10)
        >>> [len(part) for part in task.split(0.2)]
        [8, 2]
    """

    def split(self, validation: float, /) -> tuple[Dataset, Dataset]:
        """Return both parts."""


def check_dataset(dataset: object) -> None:
    """Refuse what is no dataset, or an empty one.

    Args:
        dataset: What was given.

    Raises:
        TypeError: If it is something else.
        ValueError: If it is empty.
    """
    is_tuple = isinstance(dataset, tuple) and any(isinstance(field, _Array) for field in dataset)
    if is_tuple or isinstance(dataset, _Array):
        raise TypeError(
            f"expected a dataset, got {'a tuple of arrays' if is_tuple else 'an array'}; wrap "
            "inputs and targets: "
            "torch.utils.data.TensorDataset(inputs, targets)"
        )
    if not is_dataset(dataset):
        raise TypeError(
            "expected a torch Dataset or DataLoader of (inputs, targets) or (inputs, targets, "
            f"mask), got {type(dataset).__name__ if not isinstance(dataset, type) else dataset}"
        )
    if _length(dataset) == 0:
        raise ValueError("expected a dataset with at least one trial, got an empty one")


def _length(dataset: object) -> int | None:
    """Return the number of trials or batches; None for a stream, and for a loader of one."""
    try:
        return len(dataset)  # type: ignore[arg-type]
    except TypeError:
        return None


def is_dataset(thing: object) -> bool:
    """Return whether trials can be taken from a thing: a dataset, a loader, a list.

    Args:
        thing: What was given.
    """
    if isinstance(thing, (torch.utils.data.Dataset, DataLoader)):
        return True
    return isinstance(thing, _Indexed) and not isinstance(thing, (str, type, Mapping))


@runtime_checkable
class _Array(Protocol):
    shape: tuple[int, ...]


@runtime_checkable
class _Indexed(Sized, Protocol):
    def __getitem__(self, index: int, /) -> object: ...
