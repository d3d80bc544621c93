"""Batches of any torch dataset: padded, masked, checked, in an order that a seed fixes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

__all__ = ["Batch", "batches", "check_finite", "collate", "n_batches", "prepare"]


class Batch(NamedTuple):
    """Trials to learn from.

    Attributes:
        inputs: ``(trials, time, input_size)``.
        targets: ``(trials, time, output_size)``, or classes ``(trials, time)``.
        mask: Weights of the steps, ``(trials, time)`` or like the targets; None weighs all alike.

    Example:
        >>> Batch(torch.zeros(4, 10, 3), torch.zeros(4, 10, 2)).mask is None
        True
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor | None = None


def n_batches(dataset: Any, batch_size: int) -> int | None:
    """Return the number of batches in an epoch, or None if the dataset doesn't tell.

    Example:
        >>> n_batches(range(10), batch_size=4)
        3
    """
    try:
        n = len(dataset)
    except TypeError:
        return None
    return n if isinstance(dataset, DataLoader) else -(-n // batch_size)


def batches(
    dataset: Any, batch_size: int, *, order_seed: int | None = None, skip: int = 0
) -> Iterator[Batch]:
    """Yield the batches of one epoch.

    Args:
        dataset: A dataset of ``(inputs, targets)`` or ``(inputs, targets, mask)``; or a
            ``DataLoader``, which then decides on size and order itself.
        batch_size: Trials per batch.
        order_seed: Seed of the order of trials; ``None`` keeps the dataset's own.
        skip: How many batches to leave out at the start.

    Raises:
        ValueError: If the dataset is empty.

    Example:
        >>> trials = [(torch.zeros(5, 2), torch.zeros(5, 1))] * 10
        >>> [len(batch.inputs) for batch in batches(trials, batch_size=4)]
        [4, 4, 2]
    """
    if isinstance(dataset, IterableDataset):
        dataset = DataLoader(dataset, batch_size, collate_fn=collate)
    if isinstance(dataset, DataLoader):
        yield from _loader_batches(dataset, skip)
        return
    n = len(dataset)
    if n == 0:
        raise ValueError("expected a dataset with at least one trial, got an empty one")
    if order_seed is None:
        order = torch.arange(n)
    else:
        order = torch.randperm(n, generator=torch.Generator().manual_seed(order_seed))
    for indices in order.split(batch_size)[skip:]:
        yield _fetch(dataset, indices)


def _loader_batches(loader: Iterable[Any], skip: int) -> Iterator[Batch]:
    empty = True
    try:
        for i, items in enumerate(loader):
            empty = False
            if i >= skip:
                yield _as_batch(items)
    except RuntimeError as error:
        if "stack expects each tensor to be equal size" not in str(error):
            raise
        raise ValueError(
            "expected a data loader that can stack its trials, got trials of different shapes; "
            "where only the durations differ, DataLoader(..., collate_fn=pyrnn.training.collate) "
            "pads them"
        ) from error
    if empty:
        raise ValueError("expected a data loader with at least one batch, got an empty one")


def _fetch(dataset: Dataset[Any], indices: Tensor) -> Batch:
    """Get some trials, by the fastest way that the dataset offers."""
    if callable(getattr(dataset, "batch", None)):
        return _as_batch(dataset.batch(indices))  # type: ignore[attr-defined]
    if type(dataset) is TensorDataset:
        return _as_batch([tensor[indices] for tensor in dataset.tensors])
    wanted = indices.tolist()
    if hasattr(dataset, "__getitems__"):
        return collate(dataset.__getitems__(wanted))
    return collate([dataset[i] for i in wanted])


def collate(trials: Sequence[Any]) -> Batch:
    """Stack trials into a batch; shorter ones are padded with zeros that are never scored.

    Args:
        trials: ``(inputs, targets)`` or ``(inputs, targets, mask)`` each, tensors or arrays:
            inputs ``(time, input_size)``, targets ``(time, output_size)`` or ``(time,)``.

    Raises:
        ValueError: If a trial's fields don't fit each other, or trials don't fit into a batch.

    Example:
        >>> trials = [(torch.ones(n, 3), torch.ones(n, 1)) for n in (4, 2)]
        >>> collate(trials).mask.tolist()
        [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]]
    """
    rows = [_as_trial(trial) for trial in trials]
    for row in rows:
        _check_alike(rows[0], row)
    columns = list(zip(*rows, strict=True))
    lengths = {len(inputs) for inputs in columns[0]}
    if len(lengths) > 1 and len(columns) == 2:
        columns.append(tuple(x.new_ones(len(x)) for x in columns[0]))
    return Batch(*(pad_sequence(list(column), batch_first=True) for column in columns))


def _as_trial(trial: Any) -> tuple[Tensor, ...]:
    fields = _as_tensors(trial)
    shapes = [tuple(field.shape) for field in fields]
    if fields[0].ndim != 2 or any(shape[:1] != shapes[0][:1] for shape in shapes):
        raise ValueError(
            "expected a trial of inputs (time, input_size) and targets and mask of as many time "
            f"steps, got shapes {shapes}"
        )
    return fields


def _check_alike(first: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> None:
    """Refuse trials that can't share a batch."""
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


def _as_batch(items: Any) -> Batch:
    return items if isinstance(items, Batch) else Batch(*_as_tensors(items))


def _as_tensors(fields: Any) -> tuple[Tensor, ...]:
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


def prepare(batch: Batch, rnn: nn.Module) -> Batch:
    """Check a batch against a network and bring it to its device and dtype.

    Raises:
        ValueError: If a shape does not fit.

    Example:
        >>> from pyrnn import RNN
        >>> batch = Batch(torch.zeros(4, 10, 3), torch.zeros(4, 10, 2, dtype=torch.long))
        >>> prepare(batch, RNN(3, 8, 2)).targets.is_floating_point()
        True
    """
    inputs, targets, mask = batch
    sizes: tuple[int, int] = (rnn.input_size, rnn.output_size)  # type: ignore[assignment]
    if inputs.ndim != 3 or inputs.shape[-1] != sizes[0]:
        raise ValueError(
            f"expected inputs of shape (trials, time, {sizes[0]}), got {tuple(inputs.shape)}; "
            "the last axis holds the network's input channels"
        )
    leading = inputs.shape[:2]
    classes = targets.shape == leading and not targets.is_floating_point()
    if not classes and targets.shape != (*leading, sizes[1]):
        raise ValueError(
            f"expected targets of shape {(*leading, sizes[1])}, or integer classes of shape "
            f"{tuple(leading)}, got {tuple(targets.shape)} of {targets.dtype}"
        )
    if (
        classes
        and targets.numel()
        and not 0 <= int(targets.min()) <= int(targets.max()) < sizes[1]
    ):
        raise ValueError(
            f"expected classes in 0..{sizes[1] - 1} (output_size), got "
            f"{int(targets.min())}..{int(targets.max())}"
        )
    if mask is not None and mask.shape not in (leading, targets.shape):
        raise ValueError(
            f"expected a mask of shape {tuple(leading)} or {tuple(targets.shape)}, got "
            f"{tuple(mask.shape)}"
        )
    like: Tensor = rnn.h0  # type: ignore[assignment]
    return Batch(
        inputs.to(like),
        targets.to(like.device) if classes else targets.to(like),
        None if mask is None else mask.to(like),
    )


def check_finite(batch: Batch, value: float, what: str = "loss") -> None:
    """Refuse a loss or gradient that is NaN or infinite, and say whose fault it is.

    Raises:
        ValueError: If the batch holds such numbers itself.
        FloatingPointError: If it doesn't: the weights are too large.

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
        if tensor is not None and not tensor.isfinite().all():
            at = (~tensor.isfinite()).nonzero()[0].tolist()
            raise ValueError(
                f"expected finite {name}, got {tensor[tuple(at)]} at {at} (trial, time, "
                f"channel) of a batch, and a {what} of {value}; clean the dataset"
            )
    raise FloatingPointError(
        f"expected a finite {what}, got {value}: the weights have grown too large; try a smaller "
        "lr or a smaller clip_norm"
    )
