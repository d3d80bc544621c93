"""fit: train a network on a dataset."""

from __future__ import annotations

import inspect
import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, random_split

from pyrnn.progress import interruptible
from pyrnn.training._datasets import (
    Adjustable,
    Dataset,
    HasMetric,
    HasTimeStep,
    Splits,
    check_dataset,
    is_dataset,
)
from pyrnn.training._evaluation import choose_loss
from pyrnn.training._named import Penalty, named_penalties
from pyrnn.training._optim import OptimizerSpec, SchedulerSpec
from pyrnn.training.curriculum import Curriculum
from pyrnn.training.history import History
from pyrnn.training.loop import Callback, Training
from pyrnn.training.losses import Loss
from pyrnn.training.network import Trainable, as_trainable
from pyrnn.validate import (
    as_boolean,
    as_device,
    as_integer,
    as_number,
    as_path,
    as_seed,
    check_callable,
    check_kind,
)

__all__ = ["fit", "prepared"]

_logger = logging.getLogger(__name__)


def fit(
    rnn: nn.Module,
    dataset: Dataset,
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
    validation: Dataset | float | None = None,
    curriculum: Curriculum | None = None,
    callbacks: Sequence[Callback] | Callback = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    progress: bool = True,
    seed: int | None = None,
    device: str | torch.device | None = None,
) -> History:
    r"""Train a network; Ctrl-C stops it cleanly and keeps what was learned.

    Minimizes the mean loss over scored steps, plus penalties. The norm of the gradient is clipped
    before every step, which is what makes recurrent networks train reliably (Pascanu et al.
    2013). A second call continues the training of a network: same state of the optimizer, same
    history, and new trials of a task that generates them online. If a network with time constants
    has another ``dt`` than the task, a warning is logged.

    A loss, or a gradient, that becomes NaN or infinite raises ``FloatingPointError``. On the CPU
    the weights are those before it; other devices are checked ten times a second.

    Args:
        rnn: A network of pyrnn; or any ``nn.Module`` whose ``forward`` takes inputs ``(trials,
            time, channels)`` and returns outputs, or a pair ``(outputs, states)``. The training of
            such a module is not continued by a second call, and it has no checkpoint.
        dataset: Any torch ``Dataset`` of ``(inputs, targets)`` or ``(inputs, targets, mask)``,
            trials of ``(time, channels)`` that may differ in length; or a ``DataLoader``. A
            ``Task`` generates new trials in every epoch.
        epochs: Passes over the dataset.
        batch_size: Trials per step; ``None`` takes all at once, as Rprop and LBFGS need it.
        lr: Learning rate.
        loss: ``"mse"``, ``"cross_entropy"``, ``"binary_cross_entropy"``, ``"poisson"`` or
            ``loss(outputs, targets, mask)``. By default the network's own ``loss`` if it
            overrides it, else the task's, else MSE.
        penalties: Terms ``penalty(rnn, rollout)`` to add, see ``pyrnn.training.penalties``.
        optimizer: ``adam, adamw, sgd, rmsprop, rprop, lbfgs``, or a function of
            ``(parameters, lr=...)`` such as a torch class. Weight decay pulls a constrained weight
            to its admissible value nearest to zero, a learned time constant to its initial value.
        scheduler: ``cosine, linear, exponential, plateau``, or a function of the optimizer.
        clip_norm: Largest norm of the gradient; ``None`` does not limit it. LBFGS, which measures
            curvature by gradients, never gets clipped ones.
        clip_value: Largest component of the gradient; ``None`` does not limit it.
        shuffle: Whether to visit the trials in a new order in every epoch.
        validation: Dataset on which loss and metric are measured after every epoch; or a share of
            the dataset, e.g. ``0.1``, to hold out.
        curriculum: Stages that change the task's parameters.
        callbacks: Functions of the ``Training``, called after every epoch; True ends it.
        checkpoint: File for the network and the state of its training, also written at the end.
        checkpoint_every: Epochs between two checkpoints.
        resume: Continue a run that was interrupted, from ``checkpoint`` if that file exists, up to
            ``epochs`` in all; the result is that of a run without interruption. Without
            ``checkpoint``, continue the run of a network that was loaded.
        progress: Whether to show a progress bar.
        seed: Seed of order and noise; the same seed gives the same numbers.
        device: Device to move the network to; its own by default.

    Returns:
        The history of all calls so far, which is also kept as ``rnn.history``; for a module that
        is no network of pyrnn, the history of this call.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> rnn = RNN(3, 32, 3, seed=0)
        >>> history = rnn.fit(FlipFlop(n_trials=256), epochs=3, seed=0, progress=False)
        >>> history.n_steps, history.loss[-1] < history.loss[0]
        (12, True)
        >>> module = nn.GRU(3, 3, batch_first=True)
        >>> fit(module, FlipFlop(n_trials=256), epochs=3, progress=False).n_epochs
        3

    References:
        Pascanu, Mikolov & Bengio, *ICML* (2013); Kingma & Ba, *ICLR* (2015).
    """
    progress = as_boolean("progress", progress)
    training, calls = prepared(**locals())
    training.run(calls, progress=progress)
    return training.history


def prepared(
    rnn: nn.Module, dataset: Dataset, **options: object
) -> tuple[Training, list[Callback]]:
    """Return a training that is about to run, and its callbacks.

    Args:
        rnn: As for ``fit``.
        dataset: As for ``fit``.
        **options: The options of ``fit``.

    Raises:
        TypeError: If an option is none of ``fit``.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> training, callbacks = prepared(RNN(3, 8, 3), FlipFlop(n_trials=8), epochs=2)
        >>> training.until, callbacks
        (2, [])
    """
    given = inspect.signature(fit).bind(rnn, dataset, **options)  # type: ignore[arg-type]
    given.apply_defaults()
    return _prepared(given.arguments)


def _prepared(given: Mapping[str, Any]) -> tuple[Training, list[Callback]]:
    rnn, dataset, validation = given["rnn"], given["dataset"], given["validation"]
    network = as_trainable(rnn)
    _check_datasets(dataset, validation, given["curriculum"])
    seed = None if given["seed"] is None else as_seed("seed", given["seed"])
    resume = as_boolean("resume", given["resume"])
    epochs = as_integer("epochs", given["epochs"], low=1)
    lr = as_number("lr", given["lr"], above=0)
    calls = _checked_callbacks(given["callbacks"])
    dataset, validation = _split(dataset, validation, seed)
    checkpoint = given["checkpoint"]
    checkpoint = None if checkpoint is None else as_path("checkpoint", checkpoint)
    clips: dict[str, Any] = {
        name: None if given[name] is None else as_number(name, given[name], above=0)
        for name in ("clip_norm", "clip_value")
    }
    options: dict[str, Any] = {
        "batch_size": _checked_batch_size(given["batch_size"], dataset),
        "loss": choose_loss(given["loss"], network, dataset),
        "penalties": named_penalties(given["penalties"]),
        "shuffle": as_boolean("shuffle", given["shuffle"]),
        "checkpoint_every": as_integer("checkpoint_every", given["checkpoint_every"], low=1),
    }
    if given["device"] is not None:
        rnn.to(as_device("device", given["device"]))
    _restore(network, checkpoint, resume=resume)
    _warn_of_other_dt(network, dataset)
    training = Training(
        network=network,
        dataset=dataset,
        validation=validation,
        curriculum=given["curriculum"],
        checkpoint=checkpoint,
        **clips,
        **options,
    )
    with interruptible(held=True) as interrupt:  # torch imports modules here
        training.start(
            given["optimizer"], given["scheduler"], lr, epochs, resume=resume, seed=seed
        )
    if interrupt.pressed:
        training.until, training.history.interrupted = training.epoch, True
    return training, calls


def _restore(network: Trainable, checkpoint: Path | None, *, resume: bool) -> None:
    # load what an interrupted run has left
    if not resume:
        return
    if checkpoint is None and network.training_state is None:
        raise ValueError(
            "expected checkpoint=... for resume=True, because this network has not been trained "
            "before, got none"
        )
    if checkpoint is not None and checkpoint.is_file():
        network._restore(checkpoint)


def _checked_callbacks(callbacks: Sequence[Callback] | Callback) -> list[Callback]:
    if not callable(callbacks):
        check_kind("callbacks", callbacks, Iterable, "take functions of the training")  # type: ignore[type-abstract]
    found = [callbacks] if callable(callbacks) else list(callbacks)
    for callback in found:
        check_callable("callback", callback, "training")
    return found


def _checked_batch_size(batch_size: int | None, dataset: Dataset) -> int:
    # None takes all trials
    if batch_size is not None:
        return as_integer("batch_size", batch_size, low=1)
    if isinstance(dataset, DataLoader) or not isinstance(dataset, Sized):
        raise TypeError(
            f"expected batch_size as a number for a {type(dataset).__name__}, got None; only a "
            "dataset with a length can be taken at once"
        )
    return len(dataset)


def _warn_of_other_dt(network: Trainable, dataset: Dataset) -> None:
    """Log that task and network disagree on the duration of a step, where that matters."""
    dt = network._dt
    if dt is not None and isinstance(dataset, HasTimeStep) and not math.isclose(dt, dataset.dt):
        _logger.warning(
            "the task makes steps of %g ms, the network of %g: its tau is not in the task's time; "
            "give both the same dt",
            dataset.dt,
            dt,
        )


def _split(
    dataset: Dataset, validation: Dataset | float | None, seed: int | None
) -> tuple[Dataset, Dataset | None]:
    # the datasets for training and for validation
    if not isinstance(validation, (float, np.floating)):
        return dataset, validation  # type: ignore[return-value]
    share = as_number("validation", validation)
    if isinstance(dataset, (DataLoader, IterableDataset)):
        raise TypeError("expected validation to be a dataset of its own for a loader, got a share")
    if isinstance(dataset, Splits):
        return dataset.split(share)
    n = len(dataset)  # type: ignore[arg-type]
    held_out = round(share * n)
    if not 0 < held_out < n:
        raise ValueError(
            f"expected validation to leave trials in both parts, got {validation} of {n} trials"
        )
    generator = torch.Generator().manual_seed(seed or 0)
    train, rest = random_split(dataset, [n - held_out, held_out], generator)  # type: ignore[arg-type]
    return train, rest


def _check_datasets(
    dataset: Dataset, validation: Dataset | float | None, curriculum: Curriculum | None
) -> None:
    check_dataset(dataset)
    is_share = isinstance(validation, (float, np.floating))
    if validation is not None and not is_share and not is_dataset(validation):
        raise TypeError(
            "expected validation to be a dataset or a share such as 0.1, got "
            f"{type(validation).__name__}"
        )
    if curriculum is not None:
        _check_curriculum(curriculum, dataset)


def _check_curriculum(curriculum: Curriculum, dataset: Dataset) -> None:
    if not isinstance(curriculum, Curriculum):
        raise TypeError(f"expected a Curriculum, got {type(curriculum).__name__}")
    if not isinstance(dataset, Adjustable):
        raise TypeError(
            f"expected a Task for a curriculum, got {type(dataset).__name__}, whose parameters "
            "can't be changed"
        )
    if curriculum.steps is None and not isinstance(dataset, HasMetric):
        raise TypeError(
            f"expected a Task with a metric for a curriculum that follows it, got "
            f"{type(dataset).__name__}; use Curriculum(steps=[...], ...)"
        )
