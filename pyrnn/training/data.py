"""Batches of any torch dataset: padded, masked, checked, in an order that a seed fixes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from pyrnn.training._datasets import Dataset, GetsItems, KeepsTrials, MakesBatches, Trial
from pyrnn.training.losses import refuse_negative
from pyrnn.training.network import Trainable
from pyrnn.validate import as_list, check_kind

__all__ = [
    "Batch",
    "batches",
    "check_finite",
    "collate",
    "loader_batches",
    "loader_of",
    "mask_of",
    "n_batches",
    "pieces",
    "prepare",
    "split",
    "weight_of",
]


class Batch(NamedTuple):
    """Trials to learn from.

    Attributes:
        inputs: ``(trials, time, input_size)``.
        targets: ``(trials, time, output_size)``, or classes ``(trials, time)``.
        mask: Weights of the steps, ``(trials, time)`` or shaped like the targets; ``None`` gives
            all the same weight.

    Example:
        >>> Batch(torch.zeros(4, 10, 3), torch.zeros(4, 10, 2)).mask is None
        True
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor | None = None


def n_batches(dataset: Dataset, batch_size: int) -> int | None:
    """Return the number of batches in an epoch, or None if the dataset has no length.

    Args:
        dataset: The dataset.
        batch_size: Trials per batch.

    Example:
        >>> n_batches(range(10), batch_size=4)
        3
    """
    try:
        n = len(dataset)  # type: ignore[arg-type]
    except TypeError:
        return None
    return n if isinstance(dataset, DataLoader) else -(-n // batch_size)


def batches(
    dataset: Dataset, batch_size: int, *, order_seed: int | None = None, skip: int = 0
) -> Iterator[Batch]:
    """Yield the batches of one epoch.

    Args:
        dataset: A dataset of ``(inputs, targets)`` or ``(inputs, targets, mask)``; or a
            ``DataLoader``, which has a batch size and an order of its own.
        batch_size: Trials per batch.
        order_seed: Seed of the order of trials; ``None`` keeps the order of the dataset.
        skip: Number of batches to leave out at the start.

    Yields:
        The batches.

    Raises:
        ValueError: If the dataset is empty.

    Example:
        >>> trials = [(torch.zeros(5, 2), torch.zeros(5, 1))] * 10
        >>> [len(batch.inputs) for batch in batches(trials, batch_size=4)]
        [4, 4, 2]
    """
    loader = loader_of(dataset, batch_size)
    if loader is not None:
        yield from loader_batches(loader, skip)
        return
    for piece in pieces(dataset, batch_size, order_seed=order_seed, skip=skip):
        yield from split(piece, batch_size)


def pieces(
    dataset: Dataset, batch_size: int, *, order_seed: int | None = None, skip: int = 0
) -> Iterator[Batch]:
    """Yield the batches of one epoch, several in one piece where they are in memory.

    Args:
        dataset: A dataset that is no loader.
        batch_size: Trials per batch.
        order_seed: Seed of the order of trials; ``None`` keeps the order of the dataset.
        skip: Number of batches to leave out at the start.

    Yields:
        The pieces; ``split`` makes batches of them.

    Raises:
        ValueError: If the dataset is empty.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> [len(piece.inputs) for piece in pieces(FlipFlop(n_trials=10).epoch(0), batch_size=4)]
        [10]
    """
    n = len(dataset)  # type: ignore[arg-type]
    if n == 0:
        raise ValueError("expected a dataset with at least one trial, got an empty one")
    if order_seed is None:
        order = torch.arange(n)
    else:
        order = torch.randperm(n, generator=torch.Generator().manual_seed(order_seed))
    fetch = _fetcher(dataset)
    is_whole = isinstance(dataset, KeepsTrials) and dataset.batches_are_parts
    for indices in order[skip * batch_size :].split(n if is_whole else batch_size):
        if len(indices):
            yield fetch(indices)


def split(piece: Batch, batch_size: int) -> list[Batch]:
    """Return the batches of a piece.

    Args:
        piece: Trials.
        batch_size: Trials per batch.

    Example:
        >>> piece = Batch(torch.zeros(10, 5, 3), torch.zeros(10, 5, 1))
        >>> [len(batch.inputs) for batch in split(piece, batch_size=4)]
        [4, 4, 2]
    """
    if len(piece.inputs) <= batch_size:
        return [piece]
    inputs, targets = piece.inputs.split(batch_size), piece.targets.split(batch_size)
    masks = [None] * len(inputs) if piece.mask is None else piece.mask.split(batch_size)
    return [Batch(*fields) for fields in zip(inputs, targets, masks, strict=True)]


def loader_of(dataset: Dataset, batch_size: int) -> DataLoader[Trial] | None:
    """Return the loader that a dataset is, or that a stream of trials needs; None for others.

    Args:
        dataset: The dataset.
        batch_size: Trials per batch of a stream.

    Example:
        >>> loader_of([(torch.zeros(5, 2), torch.zeros(5, 1))], 8) is None
        True
    """
    if isinstance(dataset, IterableDataset):
        return DataLoader(dataset, batch_size, collate_fn=collate)
    return dataset if isinstance(dataset, DataLoader) else None


def loader_batches(
    loader: Iterable[Trial], skip: int = 0, after_skip: Callable[[], object] | None = None
) -> Iterator[Batch]:
    """Yield the batches of a data loader.

    Args:
        loader: The loader.
        skip: Number of batches to leave out at the start.
        after_skip: Called when they have been left out.

    Yields:
        The batches.

    Raises:
        ValueError: If there is none, or if the loader cannot stack its trials.
        RuntimeError: As the loader.

    Example:
        >>> trials = TensorDataset(torch.zeros(4, 5, 2), torch.zeros(4, 5, 1))
        >>> [len(batch.inputs) for batch in loader_batches(DataLoader(trials, batch_size=3))]
        [3, 1]
    """
    rows, is_empty = iter(loader), True
    try:
        for _ in itertools.islice(rows, skip):
            is_empty = False
        if after_skip is not None:
            after_skip()
        for items in rows:
            is_empty = False
            yield _as_batch(items)
    except RuntimeError as error:
        if "stack expects each tensor to be equal size" not in str(error):
            raise
        raise ValueError(
            "expected a data loader that can stack its trials, got trials of different shapes; "
            "where only the durations differ, DataLoader(..., collate_fn=pyrnn.training.collate) "
            "pads them"
        ) from error
    if is_empty:
        raise ValueError("expected a data loader with at least one batch, got an empty one")


def _fetcher(dataset: Dataset) -> Callable[[Tensor], Batch]:
    # the fastest way to get some trials that the dataset offers
    if isinstance(dataset, MakesBatches):
        return lambda indices: _as_batch(dataset.batch(indices))
    if type(dataset) is TensorDataset:
        return lambda indices: _as_batch([tensor[indices] for tensor in dataset.tensors])
    if isinstance(dataset, GetsItems):
        return lambda indices: collate(dataset.__getitems__(indices.tolist()))
    return lambda indices: collate([dataset[i] for i in indices.tolist()])  # type: ignore[index]


def collate(trials: Sequence[Trial]) -> Batch:
    """Stack trials into a batch; shorter ones are padded with zeros that are never scored.

    Args:
        trials: ``(inputs, targets)`` or ``(inputs, targets, mask)`` each, tensors or arrays:
            inputs ``(time, input_size)``, targets ``(time, output_size)`` or ``(time,)``. Trials
            that differ in anything but the number of steps are refused.

    Returns:
        The batch.

    Raises:
        TypeError: If a trial is of another kind.
        ValueError: If there is none, or the shapes do not fit together.

    Example:
        >>> trials = [(torch.ones(n, 3), torch.ones(n, 1)) for n in (4, 2)]
        >>> collate(trials).mask.tolist()
        [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]]
    """
    check_kind("trials", trials, Iterable, "take a list of (inputs, targets)")  # type: ignore[type-abstract]
    rows = [_as_trial(trial) for trial in as_list("trials", trials, "trials")]
    if not rows:
        raise ValueError("expected at least one trial, got none")
    for row in rows:
        _check_alike(rows[0], row)
    columns = list(zip(*rows, strict=True))
    lengths = {len(inputs) for inputs in columns[0]}
    if len(lengths) > 1 and len(columns) == 2:
        columns.append(tuple(x.new_ones(len(x)) for x in columns[0]))
    return Batch(*(pad_sequence(list(column), batch_first=True) for column in columns))


def _as_trial(trial: Trial) -> tuple[Tensor, ...]:
    fields = _as_tensors(trial)
    shapes = [tuple(field.shape) for field in fields]
    if fields[0].ndim != 2 or any(shape[:1] != shapes[0][:1] for shape in shapes):
        raise ValueError(
            "expected a trial of inputs (time, input_size) and targets and mask of as many time "
            f"steps, got shapes {shapes}"
        )
    return fields


def _check_alike(first: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> None:
    # trials of a batch may differ only in the number of steps
    if len(first) != len(other):
        raise ValueError(
            "expected a mask with every trial or with none, got one with some of them only; give "
            "the others a mask of ones"
        )
    for name, a, b in zip(("inputs", "targets", "mask"), first, other, strict=False):
        if a.shape[1:] != b.shape[1:]:
            raise ValueError(
                f"expected {name} of the same channels in every trial, got shapes "
                f"{tuple(a.shape)} and {tuple(b.shape)}; only the number of steps may differ"
            )


def _as_batch(items: Trial) -> Batch:
    return items if isinstance(items, Batch) else Batch(*_as_tensors(items))


def _as_tensors(fields: Trial) -> tuple[Tensor, ...]:
    if not isinstance(fields, (tuple, list)) or len(fields) not in (2, 3):
        got = (
            f"{len(fields)} fields" if isinstance(fields, (tuple, list)) else type(fields).__name__
        )
        raise TypeError(
            f"expected a dataset of (inputs, targets) or (inputs, targets, mask), got {got}"
        )
    try:
        tensors = tuple(torch.as_tensor(field) for field in fields)
    except (TypeError, ValueError, RuntimeError) as error:
        kinds = ", ".join(type(field).__name__ for field in fields)
        raise TypeError(f"expected tensors or arrays of numbers, got {kinds}") from error
    if any(tensor.is_complex() for tensor in tensors):
        raise TypeError(f"expected real numbers, got {', '.join(str(t.dtype) for t in tensors)}")
    return tensors


def prepare(batch: Batch, network: Trainable) -> Batch:
    """Check a batch against a network and convert it to the network's device and dtype.

    Args:
        batch: Trials.
        network: The network. A size that is None is not checked. A shape that does not fit, a
            scored class that is unknown, or a negative weight is refused.

    Returns:
        The batch.

    Example:
        >>> from pyrnn import RNN
        >>> batch = Batch(torch.zeros(4, 10, 3), torch.zeros(4, 10, 2, dtype=torch.long))
        >>> prepare(batch, RNN(3, 8, 2)).targets.is_floating_point()
        True
    """
    are_classes = _check_shapes(batch, network.input_size, network.output_size)
    like = network._like
    return Batch(
        batch.inputs.to(like),
        batch.targets.to(like.device if are_classes else like),
        None if batch.mask is None else batch.mask.to(like),
    )


def _check_shapes(batch: Batch, n_in: int | None, n_out: int | None) -> bool:
    # returns whether the targets are classes
    inputs, targets, mask = batch
    if inputs.ndim != 3 or n_in not in (None, inputs.shape[-1]):
        raise ValueError(
            f"expected inputs of shape (trials, time, {n_in or 'channels'}), got "
            f"{tuple(inputs.shape)}; the last axis holds the network's input channels"
        )
    steps = inputs.shape[:2]
    are_classes = targets.shape == steps and not targets.is_floating_point()
    fits = targets.ndim == 3 and targets.shape[:2] == steps and n_out in (None, targets.shape[2])
    if not are_classes and not fits:
        raise ValueError(
            f"expected targets of shape ({steps[0]}, {steps[1]}, {n_out or 'channels'}), or "
            f"integer classes of shape {tuple(steps)}, got {tuple(targets.shape)} of "
            f"{targets.dtype}"
        )
    if mask is not None and mask.shape not in (steps, targets.shape):
        raise ValueError(
            f"expected a mask of shape {tuple(steps)} or {tuple(targets.shape)}, got "
            f"{tuple(mask.shape)}"
        )
    if mask is not None:
        refuse_negative(mask)
    if are_classes:
        _check_classes(targets if mask is None else targets[mask > 0], n_out)
    return are_classes


def _check_classes(classes: Tensor, n_classes: int | None) -> None:
    if n_classes is None or classes.numel() == 0:
        return
    low, high = int(classes.min()), int(classes.max())
    if not 0 <= low <= high < n_classes:
        raise ValueError(
            f"expected classes in 0..{n_classes - 1} (output_size), got {low}..{high}"
        )


def mask_of(batch: Batch) -> Tensor:
    """Return the mask of a batch; ones if it has none.

    Args:
        batch: Trials.

    Example:
        >>> mask_of(Batch(torch.zeros(4, 10, 3), torch.zeros(4, 10, 2))).shape
        torch.Size([4, 10])
    """
    return batch.inputs.new_ones(batch.inputs.shape[:2]) if batch.mask is None else batch.mask


def weight_of(batch: Batch) -> Tensor:
    """Return the weight of a batch in the mean over an epoch: its number of scored steps.

    Args:
        batch: Trials.

    Example:
        >>> weight_of(Batch(torch.zeros(4, 10, 3), torch.zeros(4, 10, 2))).item()
        40.0
    """
    if batch.mask is None:
        return batch.inputs.new_full((), batch.inputs.shape[0] * batch.inputs.shape[1])
    return batch.mask.sum()


def check_finite(batch: Batch, value: float, what: str = "loss") -> None:
    """Refuse a loss or a gradient that is NaN or infinite; tell bad data from large weights.

    Args:
        batch: Trials that it comes from.
        value: Loss, or norm of the gradient.
        what: Name of the number, for the message.

    Raises:
        ValueError: If the batch holds such numbers.
        FloatingPointError: If it does not, so that the weights are too large.

    Example:
        >>> batch = Batch(torch.full((1, 2, 1), torch.nan), torch.zeros(1, 2, 1))
        >>> check_finite(batch, torch.nan)
        Traceback (most recent call last):
        ...
        ValueError: expected finite inputs, got nan at [0, 0, 0] (trial, time, channel) ...
    """
    if math.isfinite(value):
        return
    for name, tensor in zip(("inputs", "targets", "mask"), batch, strict=True):
        is_bad = None if tensor is None else ~tensor.isfinite()
        if is_bad is not None and name == "targets" and batch.mask is not None:
            is_scored = batch.mask > 0  # other targets may be anything
            is_bad &= is_scored if is_scored.ndim == is_bad.ndim else is_scored[..., None]
        if tensor is not None and is_bad is not None and is_bad.any():
            at = is_bad.nonzero()[0].tolist()
            advice = "clean the dataset"
            if name == "targets":
                advice = "a mask of the shape of the targets that is 0 there leaves them out"
            raise ValueError(
                f"expected finite {name}, got {tensor[tuple(at)]} at {at} (trial, time, "
                f"channel) of a batch, and a {what} of {value}; {advice}"
            )
    raise FloatingPointError(
        f"expected a finite {what}, got {value}: the weights have grown too large; try a smaller "
        "lr or a smaller clip_norm"
    )
