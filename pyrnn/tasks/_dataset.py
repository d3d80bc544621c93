"""Trials by index: batches, epochs and splits."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.data import Dataset

from pyrnn.serialize import register
from pyrnn.tasks._trial import Trial, join_batches
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.validate import as_boolean, as_integer, as_number, as_tensor

__all__ = ["TrialDataset"]

_Own = TypeVar("_Own", bound="TrialDataset")

_HELD_OUT = 2**48  # first index of online validation trials; those of training stay below it
_IN_BULK = 1024  # trials made at once for an epoch: with more of them only memory grows
_LARGEST_EPOCH = 2**24  # numbers that may be kept of it


@dataclass(kw_only=True, eq=False)
class TrialDataset(Dataset[Trial]):
    """A dataset whose trial ``i`` of a seed is always the same, made when it is asked for.

    Args:
        n_trials: Number of trials in the dataset, hence in an epoch.
        seed: Seed of the trials.
        online: Whether each epoch has trials of its own.

    Subclassing:
        Write ``trials(draws)``.

    Example:
        >>> class Noise(TrialDataset):
        ...     def trials(self, draws):
        ...         inputs = draws.normal(20, 1)
        ...         return Trial(inputs, inputs)
        >>> noise = Noise(n_trials=100, seed=1)
        >>> torch.equal(noise.batch([8, 5]).inputs[1], noise[5].inputs)
        True
        >>> noise.trials(TrialRandom(seed=1, indices=[5])).inputs.shape
        torch.Size([1, 20, 1])
    """

    n_trials: int = 1024
    seed: int = 0
    online: bool = True

    _first = 0  # index of the first trial; a view of the same dataset begins elsewhere
    _is_kept = False  # whether all trials are made at once and kept, as in a view of an epoch

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        register(cls)

    def __post_init__(self) -> None:
        self.n_trials = as_integer("n_trials", self.n_trials, low=1)
        self.seed = as_integer("seed", self.seed)
        self.online = as_boolean("online", self.online)

    @property
    def _is_vectorized(self) -> bool:
        return True

    @property
    def batches_are_parts(self) -> bool:
        """Whether a batch of many trials consists of the batches of some, without other padding.

        Example:
            >>> from pyrnn.tasks import FlipFlop
            >>> FlipFlop().epoch(0).batches_are_parts
            True
        """
        return self._is_kept and type(self).batch is TrialDataset.batch

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials, one for each row of random numbers.

        Args:
            draws: Random numbers of the trials.

        Raises:
            NotImplementedError: If the class does not write it.
        """
        raise NotImplementedError(f"{type(self).__name__} must write trials(draws)")

    def batch(self, trials: int | Sequence[int] | Tensor, *, start: int = 0) -> Trial:
        """Return many trials at once.

        Args:
            trials: Number of trials, or their indices, which may be ``n_trials`` and above.
            start: Index of the first trial, if ``trials`` is a number.

        Returns:
            A batch in torch's default precision: inputs ``(n, time, input_size)`` and so on.
        """
        indices = _as_indices(trials, start)
        if self._is_kept and int(indices.max()) < self.n_trials:
            return self._all.rows(indices)
        return self._make(indices)

    def _make(self, indices: Tensor) -> Trial:
        made = self.trials(TrialRandom(self.seed, indices + self._first))
        return made.to(torch.get_default_dtype())

    @cached_property
    def _all(self) -> Trial:
        """All trials of an epoch, made in bulk, which takes a fraction of the time."""
        parts = torch.arange(self.n_trials).split(_IN_BULK)
        return join_batches([self._make(part) for part in parts])

    def __len__(self) -> int:
        return self.n_trials

    def __getitem__(self, index: int) -> Trial:
        index = as_integer("index", index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"expected an index below {len(self)}, got {index}")
        return self.batch([index % len(self)]).unbind()[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Trial]:
        """Return a list of trials; a torch ``DataLoader`` calls this."""
        return self.batch(indices).unbind()

    def epoch(self: _Own, k: int) -> _Own:
        """Return the task with the trials of epoch ``k`` of training.

        Trials of a vectorized task are made in bulk and kept as long as the epoch is.

        Args:
            k: Number of the epoch, from 0.

        Returns:
            New trials in each epoch if the task is online, else always the same.

        Example:
            >>> from pyrnn.tasks import FlipFlop
            >>> task = FlipFlop(n_trials=100)
            >>> torch.equal(task.epoch(2)[0].inputs, task.batch([200]).inputs[0])
            True
        """
        first = self._first + as_integer("k", k, low=0) * self.n_trials * self.online
        size = self.n_trials * sum(field.numel() for field in self._example)
        return self._view(first, _is_kept=self._is_vectorized and size <= _LARGEST_EPOCH)

    def split(self: _Own, validation: float = 0.1) -> tuple[_Own, _Own]:
        """Split into a task to train on and one to validate with, without common trials.

        Args:
            validation: Share of the trials to hold out, between 0 and 1.

        Returns:
            Training and validation task; the latter has the same trials in every epoch.

        Raises:
            ValueError: If a part would be empty.

        Example:
            >>> from pyrnn.tasks import FlipFlop
            >>> [len(part) for part in FlipFlop(n_trials=100).split(0.2)]
            [80, 20]
        """
        n_held_out = round(self.n_trials * as_number("validation", validation))
        if not 0 < n_held_out < self.n_trials:
            raise ValueError(
                f"expected validation to leave trials in both parts, got {validation} of "
                f"{self.n_trials} trials"
            )
        train = self._view(self._first, n_trials=self.n_trials - n_held_out)
        after = _HELD_OUT if self.online else train.n_trials
        return train, self._view(self._first + after, n_trials=n_held_out, online=False)

    def _view(self: _Own, first: int, **changes: object) -> _Own:
        view = copy.copy(self)
        vars(view).pop("_all", None)
        vars(view).update({"_first": first, "_is_kept": False, **changes})
        return view

    @cached_property
    def _example(self) -> Trial:
        return self.batch(1)


def _as_indices(trials: int | Sequence[int] | Tensor, start: int) -> Tensor:
    if isinstance(trials, int):
        indices = torch.arange(start, start + trials)
    else:
        indices = as_tensor("trials", trials, "pass a number of trials or a list of indices")
        if indices.ndim == 0:  # a whole number of NumPy or torch
            return _as_indices(as_integer("trials", trials), start)
    is_list = indices.ndim == 1 and len(indices) > 0 and not indices.is_floating_point()
    if not is_list or int(indices.min()) < 0:
        raise ValueError(
            "expected trials to be a positive number of trials or a list of indices >= 0, got "
            f"{trials}"
        )
    return indices.to(torch.int64)
