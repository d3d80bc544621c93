"""Per-step metrics, kept on the device until they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pyrnn.training.history import History

__all__ = ["Recorder", "mean"]


class Recorder:
    """Collect the terms of the loss, step by step.

    Args:
        history: History that the numbers are written to.

    Attributes:
        sums: Sum of the weighted losses and of the weights in this epoch.

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

    def __init__(self, history: History) -> None:
        self.history = history
        self.sums = [0.0, 0.0]
        self._terms: dict[str, list[Tensor | float]] = {}
        self._rates: list[float] = []
        self._weights: list[Tensor | float] = []

    def add(
        self,
        terms: Mapping[str, Tensor | float],
        learning_rate: float,
        weight: Tensor | float,
    ) -> None:
        """Record one step. No number is copied from the device yet.

        Args:
            terms: Loss and its terms by name, scalars.
            learning_rate: Learning rate of the step.
            weight: Weight of its batch in the mean of the epoch, a scalar.
        """
        for name, value in terms.items():
            self._terms.setdefault(name, []).append(value)
        self._rates.append(float(learning_rate))
        self._weights.append(weight)

    def flush(self) -> None:
        """Write the recorded numbers to the history."""
        if not self._rates:
            return
        columns = {name: _numbers(values) for name, values in self._terms.items()}
        for weight, loss in zip(_numbers(self._weights), columns["loss"], strict=True):
            self.sums[0] += weight * loss  # one by one: the sum must not depend on when it is made
            self.sums[1] += weight
        self.history.record_steps(columns | {"learning_rate": self._rates})
        self._terms, self._rates, self._weights = {}, [], []

    @property
    def latest(self) -> float:
        """Loss of the latest step; zero if it was written to the history already."""
        return float(self._terms["loss"][-1]) if self._rates else 0.0

    def mean_loss(self) -> float:
        """Return the mean loss over the scored steps of the epoch, and begin the next epoch.

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


def mean(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return the weighted mean.

    Args:
        values: The values.
        weights: Their weights.

    Example:
        >>> mean([1.0, 0.0], weights=[3.0, 1.0])
        0.75
    """
    total = sum(w * x for w, x in zip(weights, values, strict=True))
    return total / max(sum(weights), 1e-300)


def _numbers(values: Sequence[Tensor | float]) -> list[float]:
    tensors = [value for value in values if isinstance(value, Tensor)]
    if len(tensors) < len(values):  # the kernel, which returns numbers, is for the CPU
        return [float(value) for value in values]
    return torch.stack(tensors).to("cpu", torch.float64).tolist()
