"""Record: numbers of every step, left on the device until somebody looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyrnn.training.data import Batch
from pyrnn.training.history import History

__all__ = ["Recorder", "mean", "weight_of"]


class Recorder:
    """Collect the terms of the loss, step by step.

    Args:
        history: Where they end up.

    Attributes:
        sums: Of weighted losses and of weights in this epoch.

    Example:
        >>> recorder = Recorder(History())
        >>> for loss, weight in ((1.0, 3.0), (0.0, 1.0)):
        ...     recorder.add({"loss": torch.tensor(loss)}, 0.01, torch.tensor(weight))
        >>> recorder.latest, recorder.history.loss
        (0.0, [])
        >>> recorder.flush()
        >>> recorder.history.loss, recorder.mean_loss()
        ([1.0, 0.0], 0.75)
    """

    def __init__(self, history: History):
        self.history = history
        self.sums = [0.0, 0.0]
        self._pending: dict[str, list[Any]] = {}

    def add(self, terms: dict[str, Tensor], learning_rate: Any, weight: Tensor) -> None:
        """Note one step; nothing is moved from the device yet."""
        for name, value in terms.items():
            self._pending.setdefault(name, []).append(value)
        self._pending.setdefault("learning_rate", []).append(float(learning_rate))
        self._pending.setdefault("_weight", []).append(weight)

    def flush(self) -> None:
        """Move what was noted into the history."""
        if not self._pending:
            return
        columns = {name: _numbers(values) for name, values in self._pending.items()}
        self._pending = {}
        weights = columns.pop("_weight")
        for weight, loss in zip(weights, columns["loss"], strict=True):
            self.sums[0] += weight * loss  # one by one: when it's flushed must not matter
            self.sums[1] += weight
        self.history.record_steps(columns)

    @property
    def latest(self) -> float:
        """Loss of the latest step; zero if it's in the history already."""
        return float(self._pending["loss"][-1]) if self._pending else 0.0

    def mean_loss(self) -> float:
        """Return the mean loss of the epoch, every scored step alike, and start the next one.

        Raises:
            ValueError: If no step was scored.
        """
        self.flush()
        total, weight = self.sums
        if weight == 0:
            raise ValueError(
                "expected a mask that scores some step, got zeros for a whole epoch: nothing can "
                "be learned from them; set the mask to 1 where the targets count"
            )
        self.sums = [0.0, 0.0]
        return total / weight


def weight_of(batch: Batch) -> Tensor:
    """Return how much a batch weighs in the mean of an epoch: its scored steps.

    Example:
        >>> weight_of(Batch(torch.zeros(4, 10, 3), torch.zeros(4, 10, 2))).item()
        40.0
    """
    if batch.mask is None:
        return batch.inputs.new_full((), batch.inputs.shape[0] * batch.inputs.shape[1])
    return batch.mask.sum()


def mean(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return the weighted mean.

    Example:
        >>> mean([1.0, 0.0], weights=[3.0, 1.0])
        0.75
    """
    total = sum(w * x for w, x in zip(weights, values, strict=True))
    return total / max(sum(weights), 1e-300)


def _numbers(values: list[Any]) -> list[float]:
    if isinstance(values[0], float):
        return values
    return torch.stack(values).to("cpu", torch.float64).tolist()
