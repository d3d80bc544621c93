"""Evaluation: loss and metric of a network on a dataset, without learning."""

from __future__ import annotations

from typing import Any

import torch

from pyrnn.training.data import batches, check_finite, prepare
from pyrnn.training.losses import Loss
from pyrnn.training.record import mean, weight_of
from pyrnn.validate import check_callable

__all__ = ["evaluate"]


@torch.no_grad()
def evaluate(
    rnn: Any, dataset: Any, *, loss: Loss | None = None, task: Any = None, batch_size: int = 64
) -> dict[str, float]:
    """Return loss and metric of a network on a dataset, without noise and without learning.

    Args:
        rnn: The network.
        dataset: What ``fit`` takes.
        loss: ``loss(outputs, targets, mask)``; the network's own by default.
        task: Whose ``metric`` to take, if it has one; the dataset itself by default.
        batch_size: Trials run at once.

    Returns:
        Means over all scored steps: ``loss``, and the metric by its name.

    Raises:
        ValueError: If a shape or value does not fit, the dataset is empty, holds NaN or scores
            nothing.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> evaluate(RNN(3, 8, 3), FlipFlop(n_trials=8, seed=0))["loss"]
        1.0
    """
    loss, task = loss or rnn.loss, dataset if task is None else task
    check_callable("loss", loss, "outputs", "targets", "mask")
    records: list[dict[str, float]] = []
    weights: list[float] = []
    was_training = rnn.training
    rnn.eval()
    for raw in batches(dataset, batch_size):
        batch = prepare(raw, rnn)
        outputs = rnn(batch.inputs).outputs
        records.append({"loss": float(loss(outputs, batch.targets, batch.mask))})
        check_finite(batch, records[-1]["loss"])
        records[-1] |= metric_of(task, outputs, batch)
        weights.append(float(weight_of(batch)))
    rnn.train(was_training)
    if not any(weights):
        raise ValueError(
            "expected a mask that scores some step, got zeros throughout; set it to 1 where the "
            "targets count"
        )
    return {name: mean([record[name] for record in records], weights) for name in records[0]}


def metric_of(task: Any, outputs: torch.Tensor, batch: Any) -> dict[str, float]:
    """Return the task's metric on a batch by its name; empty if it has none."""
    name = getattr(task, "metric_name", "")
    if batch.mask is None or not name:
        return {}
    return {name: float(task.metric(outputs, batch.targets, batch.mask))}
