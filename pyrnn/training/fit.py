"""fit: train a network on a dataset."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, random_split

from pyrnn.progress import interruptible
from pyrnn.training.callbacks import Callback
from pyrnn.training.curriculum import Curriculum
from pyrnn.training.history import History
from pyrnn.training.loop import Training
from pyrnn.training.losses import Loss, loss_function
from pyrnn.training.optim import OptimizerSpec, SchedulerSpec
from pyrnn.training.penalties import Penalty, named_penalties
from pyrnn.training.resume import restore_from
from pyrnn.validate import as_integer, check_callable

__all__ = ["fit"]

logger = logging.getLogger(__name__)


def fit(
    rnn: nn.Module,
    dataset: Any,
    *,
    epochs: int = 10,
    batch_size: int | None = 64,
    lr: float = 0.01,
    loss: str | Loss | None = None,
    penalties: Mapping[str, Penalty] | Sequence[Penalty] | Penalty | None = None,
    optimizer: OptimizerSpec = "adam",
    scheduler: SchedulerSpec = None,
    clip_norm: float | None = 0.1,
    clip_value: float | None = None,
    shuffle: bool = True,
    validation: Any = None,
    curriculum: Curriculum | None = None,
    callbacks: Sequence[Callback] | Callback = (),
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    progress: bool = True,
    seed: int | None = None,
    device: str | torch.device | None = None,
) -> History:
    r"""Train a network; Ctrl-C stops it cleanly and keeps what was learned.

    Minimizes the mean loss over scored steps, plus penalties. The gradient's norm is clipped
    before every step, which is what makes recurrent networks train reliably (Pascanu et al.
    2013). A second call goes on where the first ended: same optimizer state, same history, and
    new trials of a task that makes them online. If a network with time constants has another
    ``dt`` than the task, a line in the log says so.

    Args:
        rnn: The network, e.g. a subclass of ``RNNBase``.
        dataset: Any torch ``Dataset`` of ``(inputs, targets)`` or ``(inputs, targets, mask)``,
            trials of ``(time, channels)`` that may differ in length; or a ``DataLoader``. A
            ``Task`` makes new trials in every epoch.
        epochs: Passes over the dataset.
        batch_size: Trials per step; ``None`` takes all at once, as Rprop and LBFGS want it.
        lr: Learning rate.
        loss: ``"mse"``, ``"cross_entropy"``, ``"binary_cross_entropy"`` or
            ``loss(outputs, targets, mask)``. By default the network's own ``loss`` if it
            overrides it, else the task's, else MSE.
        penalties: Terms ``penalty(rnn, rollout)`` to add, see ``pyrnn.training.penalties``.
        optimizer: ``adam, adamw, sgd, rmsprop, rprop, lbfgs``, or a function of
            ``(parameters, lr=...)`` such as a torch class.
        scheduler: ``cosine, linear, exponential, plateau``, or a function of the optimizer.
        clip_norm: Largest norm of the gradient; ``None`` for none. LBFGS, which measures
            curvature by gradients, never gets clipped ones.
        clip_value: Largest component of the gradient.
        shuffle: Whether to visit the trials in a new order in every epoch.
        validation: Dataset to measure loss and metric on after every epoch; or a share of the
            dataset, e.g. ``0.1``, to hold out.
        curriculum: Stages that change the task's parameters.
        callbacks: Functions of the ``Training``, called after every epoch; True ends it.
        checkpoint: File to write the network and the state of its training to, also at the end.
        checkpoint_every: Epochs between two checkpoints.
        resume: Go on with a run that was interrupted, from ``checkpoint`` if that file exists,
            up to ``epochs`` in all; the result is that of a run without interruption. Without
            ``checkpoint``, with the run of a network that was loaded.
        progress: Show a progress bar.
        seed: Seed of order and noise; the same seed gives the same numbers.
        device: Device to move the network to; its own by default.

    Returns:
        The history, of all calls so far; also kept as ``rnn.history``.

    Raises:
        ValueError: If a shape or value does not fit, the dataset is empty or holds NaN.
        TypeError: If an argument or the dataset is of the wrong kind.
        FloatingPointError: If the loss, or the norm of its gradient, becomes NaN or infinite. On
            the CPU the weights are those before it; other devices are asked ten times a second.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> rnn = RNN(3, 32, 3, seed=0)
        >>> history = rnn.fit(FlipFlop(n_trials=256), epochs=3, seed=0, progress=False)
        >>> history.n_steps, history.loss[-1] < history.loss[0]
        (12, True)

    References:
        Pascanu, Mikolov & Bengio, *ICML* (2013); Kingma & Ba, *ICLR* (2015).
    """
    _check_arguments(dataset, validation, curriculum)
    _check_numbers(epochs, checkpoint_every, batch_size, clip_norm, clip_value)
    seed = None if seed is None else as_integer("seed", seed)
    if device is not None:
        rnn.to(device)
    dataset, validation = _split(dataset, validation, seed)
    if resume and checkpoint is None and getattr(rnn, "training_state", None) is None:
        raise ValueError(
            "expected checkpoint=... for resume=True, got none, and a network without a training"
        )
    if resume and checkpoint is not None and Path(checkpoint).is_file():
        restore_from(rnn, checkpoint)
    loss = _choose_loss(loss, rnn, dataset)
    check_callable("loss", loss, "outputs", "targets", "mask")
    callbacks = [callbacks] if callable(callbacks) else list(callbacks)
    for callback in callbacks:
        check_callable("callback", callback, "training")
    _warn_of_other_dt(rnn, dataset)
    training = Training(
        rnn=rnn,
        dataset=dataset,
        batch_size=batch_size or _length(dataset),
        loss=loss,
        penalties=named_penalties(penalties),
        clip_norm=clip_norm,
        clip_value=clip_value,
        shuffle=shuffle,
        validation=validation,
        curriculum=curriculum,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
    )
    with interruptible(held=True) as interrupt:  # torch imports much here: cut, it stays broken
        training.start(optimizer, scheduler, lr, epochs, resume=resume, seed=seed)
    if interrupt.pressed:
        training.until, training.history.interrupted = training.epoch, True
    training.run(callbacks, progress=progress)
    return training.history


def _choose_loss(loss: str | Loss | None, rnn: Any, dataset: Any) -> Loss:
    if loss is not None:
        return loss_function(loss)
    named = getattr(dataset, "loss", None)
    if getattr(type(rnn).loss, "is_default", False) and isinstance(named, str):
        return loss_function(named)
    return rnn.loss


def _warn_of_other_dt(rnn: Any, dataset: Any) -> None:
    """Log that task and network disagree on the length of a step, where that matters."""
    dt = getattr(dataset, "dt", None)
    if dt is not None and hasattr(rnn, "tau") and not math.isclose(rnn.dt, dt):
        logger.warning(
            "the task makes steps of %g ms, the network of %g: its tau is not in the task's time; "
            "give both the same dt",
            dt,
            rnn.dt,
        )


def _split(dataset: Any, validation: Any, seed: int | None) -> tuple[Any, Any]:
    """Return what to train on and what to validate with."""
    if not isinstance(validation, float):
        return dataset, validation
    if isinstance(dataset, (DataLoader, IterableDataset)):
        raise TypeError("expected validation to be a dataset of its own for a loader, got a share")
    if hasattr(dataset, "split"):
        return dataset.split(validation)
    held_out = round(validation * len(dataset))
    if not 0 < held_out < len(dataset):
        raise ValueError(
            f"expected validation to leave trials in both parts, got {validation} of "
            f"{len(dataset)} trials"
        )
    generator = torch.Generator().manual_seed(seed or 0)
    return tuple(random_split(dataset, [len(dataset) - held_out, held_out], generator))  # type: ignore[return-value]


def _length(dataset: Any) -> int:
    """Return the number of trials, for a batch of all of them."""
    if isinstance(dataset, DataLoader) or not hasattr(dataset, "__len__"):
        raise TypeError(
            f"expected batch_size as a number for a {type(dataset).__name__}, got None; only a "
            "dataset with a length can be taken at once"
        )
    return len(dataset)


def _check_arguments(dataset: Any, validation: Any, curriculum: Curriculum | None) -> None:
    if isinstance(dataset, tuple) and any(hasattr(field, "shape") for field in dataset):
        raise TypeError(
            "expected a dataset, got a tuple of arrays; wrap them: "
            "torch.utils.data.TensorDataset(inputs, targets)"
        )
    if not _is_dataset(dataset):
        raise TypeError(
            "expected a torch Dataset or DataLoader of (inputs, targets) or (inputs, targets, "
            f"mask), got {type(dataset).__name__ if not isinstance(dataset, type) else dataset}"
        )
    if hasattr(dataset, "__len__") and len(dataset) == 0:
        raise ValueError("expected a dataset with at least one trial, got an empty one")
    if (
        validation is not None
        and not isinstance(validation, float)
        and not _is_dataset(validation)
    ):
        raise TypeError(
            "expected validation to be a dataset or a share such as 0.1, got "
            f"{type(validation).__name__}"
        )
    if curriculum is not None and not hasattr(dataset, "replace"):
        raise TypeError(
            f"expected a Task for a curriculum, got {type(dataset).__name__}, whose parameters "
            "can't be changed"
        )
    if curriculum is not None and curriculum.steps is None and not hasattr(dataset, "metric"):
        raise TypeError(
            f"expected a Task with a metric for a curriculum that follows it, got "
            f"{type(dataset).__name__}; use Curriculum(steps=[...], ...)"
        )


def _is_dataset(thing: Any) -> bool:
    is_sequence = hasattr(thing, "__getitem__") and hasattr(thing, "__len__")
    return isinstance(thing, (Dataset, DataLoader)) or (is_sequence and not isinstance(thing, str))


def _check_numbers(
    epochs: int,
    checkpoint_every: int,
    batch_size: int | None,
    clip_norm: float | None,
    clip_value: float | None,
) -> None:
    for name, value in {"epochs": epochs, "checkpoint_every": checkpoint_every}.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"expected {name} to be a whole number of at least 1, got {value!r}")
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise ValueError(
            f"expected batch_size of at least 1, or None for all trials, got {batch_size!r}"
        )
    for name, limit in {"clip_norm": clip_norm, "clip_value": clip_value}.items():
        if limit is not None and not limit > 0:
            raise ValueError(f"expected {name} > 0, or None for no clipping, got {limit}")
