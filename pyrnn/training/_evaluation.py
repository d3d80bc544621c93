"""Evaluation: loss and metric of a network on a dataset, without learning."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyrnn.training._datasets import Dataset, HasLoss, HasMetric, check_dataset
from pyrnn.training._record import mean
from pyrnn.training.data import batches, check_finite, mask_of, prepare, weight_of
from pyrnn.training.losses import Loss, loss_function
from pyrnn.training.network import Trainable, as_trainable, in_mode
from pyrnn.validate import as_integer, check_callable

__all__ = ["choose_loss", "evaluate", "metric_of"]


def evaluate(
    rnn: nn.Module,
    dataset: Dataset,
    *,
    loss: str | Loss | None = None,
    task: HasMetric | None = None,
    batch_size: int = 64,
) -> dict[str, float]:
    """Return loss and metric of a network on a dataset, without noise and without learning.

    Args:
        rnn: A network, or any module that ``fit`` takes.
        dataset: A dataset that ``fit`` takes.
        loss: The loss, as for ``fit``; by default the one that ``fit`` would minimize.
        task: Task with the metric and, where the dataset names no loss, the loss; the dataset
            itself by default.
        batch_size: Number of trials run at once.

    Returns:
        ``loss``, the mean over all scored steps; and, by its name, the metric of all trials at
        once. Neither depends on ``batch_size``.

    Raises:
        ValueError: If the dataset scores nothing.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> evaluate(RNN(3, 8, 3), FlipFlop(n_trials=8, seed=0))["loss"]
        1.0
    """
    batch_size = as_integer("batch_size", batch_size, low=1)
    check_dataset(dataset)
    network, scorer = as_trainable(rnn), dataset if task is None else task
    criterion = choose_loss(loss, network, dataset if isinstance(dataset, HasLoss) else scorer)
    fields: list[tuple[Tensor, Tensor, Tensor]] = []
    losses, weights = [], []
    with in_mode(network, False), torch.no_grad():
        for raw in batches(dataset, batch_size):
            batch = prepare(raw, network)
            outputs = network(batch.inputs).outputs
            losses.append(float(criterion(outputs, batch.targets, batch.mask)))
            check_finite(batch, losses[-1])
            weights.append(float(weight_of(batch)))
            fields.append((outputs, batch.targets, mask_of(batch)))
    if not any(weights):
        raise ValueError(
            "expected a mask that scores some step, got zeros throughout; set it to 1 where the "
            "targets count"
        )
    metric = metric_of(scorer, *(_joined(parts) for parts in zip(*fields, strict=True)))
    return {"loss": mean(losses, weights), **metric}


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """Return trials of several batches, ``(trials, time, ...)``; short ones are padded."""
    n_steps = max(part.shape[1] for part in parts)
    whole = parts[0].new_zeros(sum(map(len, parts)), n_steps, *parts[0].shape[2:])
    for rows, part in zip(whole.split([len(part) for part in parts]), parts, strict=True):
        rows[:, : part.shape[1]] = part
    return whole


def choose_loss(loss: str | Loss | None, network: Trainable, dataset: object) -> Loss:
    """Return the loss that is given; else the network's own, the dataset's, or MSE.

    Args:
        loss: What the user gave.
        network: The network. Its loss counts if its class or the user has replaced it.
        dataset: The dataset, which may name a loss.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> choose_loss(None, RNN(3, 8, 3), FlipFlop()).__name__
        'mse'
    """
    is_own = type(network).loss is not Trainable.loss or "loss" in vars(network)
    if loss is not None:
        chosen = loss_function(loss)
    elif not is_own and isinstance(dataset, HasLoss) and isinstance(dataset.loss, str):
        chosen = loss_function(dataset.loss)
    else:
        chosen = network.loss
    check_callable("loss", chosen, "outputs", "targets", "mask")
    return chosen


def metric_of(task: object, outputs: Tensor, targets: Tensor, mask: Tensor) -> dict[str, float]:
    """Return the task's metric on some trials by its name; nothing if it has none.

    Args:
        task: What may have a metric.
        outputs: Outputs of the network.
        targets: Targets of the trials.
        mask: Weight of each step.

    Example:
        >>> from pyrnn.tasks import FlipFlop
        >>> inputs, targets, mask = FlipFlop().batch(4)
        >>> metric_of(FlipFlop(), targets, targets, mask)
        {'accuracy': 1.0}
    """
    if not isinstance(task, HasMetric) or not task.metric_name:
        return {}
    return {task.metric_name: float(task.metric(outputs, targets, mask))}
