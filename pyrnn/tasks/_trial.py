"""A trial, or a batch of trials: inputs, targets and a mask of the steps that are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyrnn.validate import check_kind

__all__ = ["Trial", "join_batches", "stack_trials"]


class Trial(tuple[Tensor, Tensor, Tensor]):
    """A tuple ``(inputs, targets, mask)`` with metadata; a batch of trials has leading axes.

    Args:
        inputs: ``(..., time, input_size)``.
        targets: ``(..., time, output_size)``, real, or ``(..., time)``, classes as int64.
        mask: ``(..., time)``, the weight of each step in the loss; 0 means not scored. Ones by
            default.
        info: What was drawn, by name, such as ``{"coherence": 0.2}``; in a batch one row for
            each trial.
        epochs: Named spans of time, such as ``{"delay": (start, stop)}``, in ms, ``(..., 2)``.

    Raises:
        TypeError: If a field is of another kind.
        ValueError: If the shapes do not fit together.

    Example:
        >>> trial = Trial(torch.zeros(50, 3), torch.zeros(50, 1), info={"coherence": 0.2})
        >>> inputs, targets, mask = trial
        >>> trial.mask.shape, trial.info
        (torch.Size([50]), {'coherence': 0.2})
        >>> batch = stack_trials([trial, trial])
        >>> batch.inputs.shape, batch.targets.shape, len(batch.unbind())
        (torch.Size([2, 50, 3]), torch.Size([2, 50, 1]), 2)
        >>> batch.rows(torch.tensor([1, 1, 0])).inputs.shape
        torch.Size([3, 50, 3])
    """

    info: dict[str, Any]
    epochs: dict[str, Any]

    def __new__(
        cls,
        inputs: Tensor,
        targets: Tensor,
        mask: Tensor | None = None,
        info: Mapping[str, object] | None = None,
        epochs: Mapping[str, object] | None = None,
    ) -> Trial:
        """Return a trial of fields whose shapes fit together."""
        inputs, targets = _as_field("inputs", inputs), _as_field("targets", targets)
        weights = inputs.new_ones(inputs.shape[:-1]) if mask is None else _as_field("mask", mask)
        for name, about in (("info", info), ("epochs", epochs)):
            check_kind(name, about, (Mapping, type(None)))
        _check_shapes(inputs, targets, weights)
        self = super().__new__(cls, (inputs, targets, weights))
        self.info, self.epochs = dict(info or {}), dict(epochs or {})
        return self

    def __repr__(self) -> str:
        fields = zip(("inputs", "targets", "mask"), self, strict=True)
        shapes = ", ".join(f"{name} {tuple(field.shape)}" for name, field in fields)
        return f"Trial({shapes})"

    def __getnewargs__(self) -> tuple[object, ...]:  # for pickles, which workers send
        return (*self, self.info, self.epochs)

    @property
    def inputs(self) -> Tensor:
        """Inputs of the network, ``(..., time, input_size)``."""
        return self[0]

    @property
    def targets(self) -> Tensor:
        """Wanted outputs, ``(..., time, output_size)``, or classes ``(..., time)``."""
        return self[1]

    @property
    def mask(self) -> Tensor:
        """Weight of each step in the loss, ``(..., time)``."""
        return self[2]

    def to(
        self,
        *args: torch.device | str | int | torch.dtype | Tensor,
        **options: torch.device | str | int | torch.dtype | bool,
    ) -> Trial:
        """Return the trial on another device or in another precision, as ``torch.Tensor.to``.

        Classes stay integers. Metadata are moved to the device and keep their precision.

        Args:
            *args: A device, a dtype, both, or a tensor that has them.
            **options: The same by name, ``device`` and ``dtype``, or ``non_blocking``.

        Returns:
            The trial.

        Raises:
            TypeError: If the dtype is not one of real numbers.

        Example:
            >>> trial = Trial(torch.zeros(50, 3), torch.zeros(50, dtype=torch.int64))
            >>> [field.dtype for field in trial.to("cpu", torch.float64)]
            [torch.float64, torch.int64, torch.float64]
        """
        inputs, targets, mask = self
        moved = inputs.to(*args, **options)  # type: ignore[call-overload]
        if inputs.is_floating_point() and not moved.is_floating_point():
            raise TypeError(f"expected a dtype of real numbers, got {moved.dtype}")
        mask = mask.to(*args, **options)  # type: ignore[call-overload]
        if targets.is_floating_point():
            targets = targets.to(*args, **options)  # type: ignore[call-overload]
        if moved.device == inputs.device:
            return Trial(moved, targets, mask, self.info, self.epochs)
        info, epochs = _moved(self.info, moved.device), _moved(self.epochs, moved.device)
        return Trial(moved, targets.to(moved.device), mask, info, epochs)

    def unbind(self) -> list[Trial]:
        """Return the trials of a batch as a list."""
        fields = zip(*self, strict=True)
        return [
            Trial(*field, _rows(self.info, i), _rows(self.epochs, i))
            for i, field in enumerate(fields)
        ]

    def rows(self, which: Tensor) -> Trial:
        """Return some trials of a batch, as a batch.

        Args:
            which: Indices of the trials, ``(n,)``, int64.
        """
        inputs, targets, mask = (field.index_select(0, which) for field in self)
        info, epochs = _rows(self.info, which), _rows(self.epochs, which)
        return Trial(inputs, targets, mask, info, epochs)


def _rows(table: Mapping[str, Any], which: Tensor | int) -> dict[str, Any]:
    return {name: column[which] for name, column in table.items()}


def _moved(table: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    return {k: v.to(device) if isinstance(v, Tensor) else v for k, v in table.items()}


def join_batches(batches: Sequence[Trial]) -> Trial:
    """Return one batch of several; short trials are padded with zeros that are not scored.

    Args:
        batches: The batches.

    Example:
        >>> batches = [Trial(torch.ones(n, 10 * n, 3), torch.ones(n, 10 * n, 1)) for n in (2, 3)]
        >>> join_batches(batches).inputs.shape
        torch.Size([5, 30, 3])
    """
    first, n_steps = batches[0], max(batch.mask.shape[1] for batch in batches)
    inputs, targets, mask = (
        torch.cat([_padded(part, n_steps) for part in field])
        for field in zip(*batches, strict=True)
    )
    info = {name: _joined([batch.info[name] for batch in batches]) for name in first.info}
    epochs = {name: _joined([batch.epochs[name] for batch in batches]) for name in first.epochs}
    return Trial(inputs, targets, mask, info, epochs)


def _padded(field: Tensor, n_steps: int) -> Tensor:
    """Return a field of a batch with zeros behind, ``(n_trials, n_steps, ...)``."""
    missing = field.new_zeros(len(field), n_steps - field.shape[1], *field.shape[2:])
    return torch.cat([field, missing], dim=1) if missing.shape[1] else field


def _joined(columns: list[Tensor] | list[np.ndarray]) -> Tensor | np.ndarray:
    is_tensor = isinstance(columns[0], Tensor)
    return torch.cat(columns) if is_tensor else np.concatenate(columns)  # type: ignore[arg-type]


def stack_trials(trials: Sequence[Trial]) -> Trial:
    """Return trials as a batch; short ones are padded with zeros that are not scored.

    Args:
        trials: Trials of the same sizes. Their numbers of steps may differ.

    Returns:
        The batch; ``info`` and ``epochs`` have one row for each trial.

    Raises:
        ValueError: If there is no trial, or sizes or the names in ``info`` or ``epochs`` differ.

    Example:
        >>> short, long = (Trial(torch.ones(n, 3), torch.ones(n, 1)) for n in (20, 30))
        >>> stack_trials([short, long]).mask.sum(1)
        tensor([20., 30.])
    """
    check_kind("trials", trials, Sequence, "take a list of trials")  # type: ignore[type-abstract]
    if not trials:
        raise ValueError("expected at least one trial, got none")
    first = trials[0]
    for trial in trials:
        check_kind("every trial", trial, Trial)
    for trial in trials:
        _check_alike(first, trial)
    inputs, targets, mask = (
        torch.nn.utils.rnn.pad_sequence(list(field), batch_first=True)
        for field in zip(*trials, strict=True)
    )
    info = {name: _column([trial.info[name] for trial in trials]) for name in first.info}
    epochs = {name: _column([trial.epochs[name] for trial in trials]) for name in first.epochs}
    return Trial(inputs, targets, mask, info, epochs)


def _column(values: Sequence[object]) -> Tensor | np.ndarray:
    """Return metadata as a tensor where they are numbers, as an array of objects otherwise."""
    try:
        return torch.stack([torch.as_tensor(value) for value in values])
    except (TypeError, ValueError, RuntimeError):
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column


def _check_alike(first: Trial, other: Trial) -> None:
    for name in ("inputs", "targets"):
        expected, got = getattr(first, name), getattr(other, name)
        if expected.shape[1:] != got.shape[1:] or expected.dtype != got.dtype:
            raise ValueError(
                f"expected every trial to have {name} like the first, (time, "
                f"{', '.join(map(str, expected.shape[1:]))}) {expected.dtype}, got "
                f"{tuple(got.shape)} {got.dtype}; only the number of steps may differ"
            )
    if first.info.keys() != other.info.keys() or first.epochs.keys() != other.epochs.keys():
        raise ValueError(
            f"expected the same names in every trial's info and epochs, got {sorted(first.info)} "
            f"and {sorted(other.info)}, {sorted(first.epochs)} and {sorted(other.epochs)}"
        )


def _as_field(name: str, values: object) -> Tensor:
    """Return numbers as a tensor; booleans will do."""
    try:
        field = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(f"expected {name} to be a tensor or an array, got {values!r}") from error
    if field.is_complex() or field.layout is not torch.strided:
        raise TypeError(
            f"expected {name} to be a tensor of real numbers, got {field.dtype}, {field.layout}"
        )
    return field


def _check_shapes(inputs: Tensor, targets: Tensor, mask: Tensor) -> None:
    if inputs.ndim < 2:
        raise ValueError(
            f"expected inputs of shape (time, input_size), got {tuple(inputs.shape)}; "
            "a single channel still has an axis of its own"
        )
    steps = inputs.shape[:-1]
    if mask.shape != steps:
        raise ValueError(
            f"expected a mask of shape {tuple(steps)}, one weight per step, "
            f"got {tuple(mask.shape)}"
        )
    axes = (len(steps) + 1,) if targets.is_floating_point() else (len(steps), len(steps) + 1)
    if targets.shape[: len(steps)] != steps or targets.ndim not in axes:
        raise ValueError(
            f"expected targets of shape {(*steps, 'output_size')}, or integer classes of shape "
            f"{tuple(steps)}, got {tuple(targets.shape)} {targets.dtype}; "
            "inputs and targets share the time axis"
        )
