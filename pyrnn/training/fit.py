"""fit: train a network on a dataset."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, random_split

from pyrnn.training.callbacks import Callback
from pyrnn.training.curriculum import Curriculum
from pyrnn.training.data import Batch, batches, n_batches, prepare
from pyrnn.training.history import History
from pyrnn.training.losses import Loss, loss_function
from pyrnn.training.optim import OptimizerSpec, SchedulerSpec, make_optimizer, make_scheduler
from pyrnn.training.penalties import Penalty, named_penalties
from pyrnn.training.progress import TrainingBar, interruptible

__all__ = ["Training", "fit"]

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
    r"""Train a network; Ctrl-C stops it cleanly and keeps what was learnt.

    Minimises the mean loss over scored steps, plus penalties. The gradient's norm is clipped
    before every step, which is what makes recurrent networks train reliably (Pascanu et al.
    2013). A second call goes on where the first ended: same optimiser state, same history, and
    new trials of a task that makes them online.

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
        scheduler: ``cosine, linear, exponential, plateau``, or a function of the optimiser.
        clip_norm: Largest norm of the gradient; ``None`` for none.
        clip_value: Largest component of the gradient.
        shuffle: Whether to visit the trials in a new order in every epoch.
        validation: Dataset to measure loss and metric on after every epoch; or a share of the
            dataset, e.g. ``0.1``, to hold out.
        curriculum: Stages that change the task's parameters.
        callbacks: Functions of the ``Training``, called after every epoch; True ends it.
        checkpoint: File to write the network and the state of its training to.
        checkpoint_every: Epochs between two checkpoints.
        resume: Go on with a run that was interrupted, from ``checkpoint`` if that file exists,
            up to ``epochs`` in all; the result is that of a run without interruption.
        progress: Show a progress bar.
        seed: Seed of order and noise; the same seed gives the same numbers.
        device: Device to move the network to; its own by default.

    Returns:
        The history, of all calls so far; also kept as ``rnn.history``.

    Raises:
        ValueError: If a shape or value does not fit, the dataset is empty or holds NaN.
        TypeError: If an argument or the dataset is of the wrong kind.
        FloatingPointError: If the loss becomes NaN or infinite; weights are those before it.

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
    _check_arguments(dataset, epochs, batch_size, clip_norm, checkpoint_every)
    if device is not None:
        rnn.to(device)
    dataset, validation = _split(dataset, validation, seed)
    if resume and checkpoint is not None and Path(checkpoint).is_file():
        _restore_from(rnn, checkpoint)
    size = batch_size or len(dataset)
    training = Training(
        rnn=rnn,
        dataset=dataset,
        batch_size=size,
        loss=_choose_loss(loss, rnn, dataset),
        penalties=named_penalties(penalties),
        clip=(clip_norm, clip_value),
        shuffle=shuffle,
        validation=validation,
        curriculum=curriculum,
    )
    training.start(optimizer, scheduler, lr, epochs, resume=resume, seed=seed)
    calls = [callbacks] if callable(callbacks) else list(callbacks)
    if checkpoint is not None:
        calls.append(_checkpointer(checkpoint, checkpoint_every, training.until))
    training.run(calls, progress=progress)
    return training.history


class Training:
    """A running training: what callbacks see.

    Attributes:
        rnn: The network.
        dataset: What it learns from.
        history: What happened so far.
        epoch: Epochs finished, over all calls of ``fit``.
        step: Optimiser steps made, likewise.
        optimizer: The torch optimiser.
        metric_name: Name of the task's metric; empty if it has none.
        metric_goal: ``"max"`` or ``"min"``.
    """

    def __init__(
        self,
        *,
        rnn: nn.Module,
        dataset: Any,
        batch_size: int,
        loss: Loss,
        penalties: Mapping[str, Penalty],
        clip: tuple[float | None, float | None],
        shuffle: bool,
        validation: Any,
        curriculum: Curriculum | None,
    ):
        self.rnn, self.dataset, self.validation = rnn, dataset, validation
        self.batch_size, self.loss, self.penalties = batch_size, loss, penalties
        self.clip_norm, self.clip_value = clip
        self.shuffle, self.curriculum = shuffle, curriculum
        self.metric_name: str = getattr(dataset, "metric_name", "")
        self.metric_goal: str = getattr(dataset, "metric_goal", "max")
        self.parameters = [p for p in rnn.parameters() if p.requires_grad]
        self.history: History = getattr(rnn, "history", None) or History()
        self.history.n_parameters = sum(p.numel() for p in self.parameters)
        self.history.interrupted = False
        self.epoch = self.step = self.batch = self.stage = self.first_epoch = 0
        self.sums = [0.0, 0.0]  # of weighted losses and of weights in this epoch
        self._pending: dict[str, list[Tensor]] = {}

    # ------------------------------------------------------------------ start, resume, save

    def start(
        self,
        optimizer: OptimizerSpec,
        scheduler: SchedulerSpec,
        lr: float,
        epochs: int,
        *,
        resume: bool,
        seed: int | None,
    ) -> None:
        """Build optimiser and scheduler and take up the state of an earlier run."""
        saved: dict[str, Any] = getattr(self.rnn, "training_state", None) or {}
        self.epoch, self.step = saved.get("epoch", 0), saved.get("step", 0)
        resume = resume and bool(saved)
        self.first_epoch = saved["first_epoch"] if resume else self.epoch
        self.until = self.first_epoch + epochs
        self.seed: int = int(torch.randint(2**31, ())) if seed is None else seed
        self.is_seeded = seed is not None or resume
        if resume:
            self.seed, self.batch, self.stage = saved["seed"], saved["batch"], saved["stage"]
            self.sums = list(saved["sums"])
        elif seed is not None:
            self.rnn.generator.manual_seed(seed)  # type: ignore[union-attr, operator]
        self.optimizer = make_optimizer(optimizer, self.parameters, lr)
        per_epoch = n_batches(self.dataset, self.batch_size)
        self.n_steps = None if per_epoch is None else per_epoch * epochs
        self.scheduler = make_scheduler(scheduler, self.optimizer, self.n_steps)
        self._global_rng = saved.get("global_rng") if resume else None
        if saved:
            self._take_up(saved, resume)

    def _take_up(self, saved: dict[str, Any], resume: bool) -> None:
        name, state = saved["optimizer"]
        mine = self.optimizer.state_dict()
        fits = name == type(self.optimizer).__name__ and [
            len(group["params"]) for group in state["param_groups"]
        ] == [len(group["params"]) for group in mine["param_groups"]]
        if fits:
            groups = state["param_groups"] if resume else mine["param_groups"]
            self.optimizer.load_state_dict({"state": state["state"], "param_groups": groups})
        if resume:
            self.rnn.generator.set_state(saved["noise_rng"])  # type: ignore[union-attr, operator]
            if self.scheduler is not None and saved["scheduler"] is not None:
                self.scheduler.load_state_dict(saved["scheduler"])

    def state(self) -> dict[str, Any]:
        """Return plain data from which a run goes on as if it had not stopped."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "batch": self.batch,
            "first_epoch": self.first_epoch,
            "sums": list(self.sums),
            "stage": self.stage,
            "seed": self.seed,
            "optimizer": (type(self.optimizer).__name__, self.optimizer.state_dict()),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "noise_rng": self.rnn.generator.get_state(),  # type: ignore[union-attr, operator]
            "global_rng": torch.get_rng_state(),
        }

    def save(self, path: str | Path) -> None:
        """Write the network with the state of its training."""
        self._hand_over()
        self.rnn.save(path)  # type: ignore[operator]

    def _hand_over(self) -> None:
        self._flush()
        self.rnn.history, self.rnn.training_state = self.history, self.state()  # type: ignore[assignment]

    # ------------------------------------------------------------------ the loops

    def run(self, callbacks: Sequence[Callback], *, progress: bool) -> None:
        """Train until the last epoch, a callback's True, or Ctrl-C."""
        was_training = self.rnn.training
        self.rnn.train()
        done = (self.epoch - self.first_epoch) * (n_batches(self.dataset, self.batch_size) or 0)
        bar = TrainingBar(self.n_steps, done + self.batch, enabled=progress)
        try:
            with self._global_generator(), bar, interruptible() as interrupt:
                while self.epoch < self.until and not self.history.interrupted:
                    self._run_epoch(bar, interrupt)
                    if not self.history.interrupted and self._is_over(callbacks):
                        break
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            self.rnn.train(was_training)
            self._hand_over()
        if self.history.interrupted:
            logger.warning("interrupted at step %d: what was learnt is kept", self.step)

    def _is_over(self, callbacks: Sequence[Callback]) -> bool:
        """Call every callback, and return whether one of them ends the training."""
        return any([callback(self) for callback in callbacks])

    def _run_epoch(self, bar: TrainingBar, interrupt: Any) -> None:
        began = time.perf_counter()
        for batch in self._batches():
            rollout = self._make_step(batch)
            bar.done += 1
            if bar.is_due():
                self._check_finite(batch)
                bar.show(f"epoch {self.epoch + 1}/{self.until}", **self._numbers())
            if interrupt.pressed:
                self.history.interrupted = True
                return
        self._check_finite(batch)
        self._end_epoch(batch, rollout, time.perf_counter() - began)
        bar.show(f"epoch {self.epoch}/{self.until}", **self._numbers())

    def _batches(self) -> Iterator[Batch]:
        """Yield the batches of this epoch, of the task as the curriculum has it by now."""
        order_seed = (self.seed * 1_000_003 + self.epoch) % 2**63 if self.shuffle else None
        while True:
            self._advance(None)
            stage = self.stage
            task = self._task()
            for batch in batches(task, self.batch_size, order_seed=order_seed, skip=self.batch):
                yield prepare(batch, self.rnn)
                self._advance(None)
                if self.stage != stage:
                    break
            else:
                return

    def _task(self) -> Any:
        task = self.dataset
        if self.curriculum is not None:
            task = task.replace(**self.curriculum.parameters(self.stage))
        make_epoch: Callable[[int], Any] | None = getattr(task, "epoch", None)
        return task if make_epoch is None else make_epoch(self.epoch)

    def _advance(self, metric: float | None) -> None:
        if self.curriculum is not None:
            self.stage = self.curriculum.stage(self.stage, self.step, metric)

    def _make_step(self, batch: Batch) -> Any:
        """Make one optimiser step; return what the network did before it."""
        kept: dict[str, Any] = {}

        def closure() -> Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            rollout = kept["rollout"] = self.rnn(batch.inputs)
            terms = {"task": self.loss(rollout.outputs, batch.targets, batch.mask)}
            terms |= {name: p(self.rnn, rollout) for name, p in self.penalties.items()}
            total = sum(terms.values(), start=torch.zeros_like(terms["task"]))
            if total.device.type == "cpu" and not math.isfinite(total.item()):
                self._refuse(batch, total.item())
            total.backward()
            kept["terms"] = {"loss": total.detach()}
            if self.penalties:
                kept["terms"] |= {name: term.detach() for name, term in terms.items()}
            norm = self._clip()
            if norm is not None:
                kept["terms"]["gradient_norm"] = norm
            return total

        self.optimizer.step(closure)  # type: ignore[arg-type]
        self._record(kept["terms"], batch)
        if self.scheduler is not None and not _is_plateau(self.scheduler):
            self.scheduler.step()
        self.step += 1
        self.batch += 1
        return kept["rollout"]

    def _clip(self) -> Tensor | None:
        norm = None
        if self.clip_norm is not None:
            norm = nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        if self.clip_value is not None:
            nn.utils.clip_grad_value_(self.parameters, self.clip_value)
        return norm

    # ------------------------------------------------------------------ the record

    def _record(self, terms: dict[str, Tensor], batch: Batch) -> None:
        rate = torch.tensor(float(self.optimizer.param_groups[0]["lr"]))
        for name, value in {**terms, "learning_rate": rate}.items():
            self._pending.setdefault(name, []).append(value)
        self._pending.setdefault("_weight", []).append(_weight(batch))

    def _flush(self) -> None:
        """Move what was recorded on the device into the history."""
        if not self._pending:
            return
        columns = {
            name: torch.stack([value.to("cpu", torch.float64) for value in values]).tolist()
            for name, values in self._pending.items()
        }
        self._pending = {}
        weights = columns.pop("_weight")
        self.sums[0] += sum(w * x for w, x in zip(weights, columns["loss"], strict=True))
        self.sums[1] += sum(weights)
        self.history.record_steps(columns)

    def _numbers(self) -> dict[str, float]:
        """Return what the progress bar shows."""
        self._flush()
        numbers = {"loss": self.history.loss[-1], "lr": self.history.learning_rate[-1]}
        for name, values in self.history.epochs.items():
            if name == self.metric_name or name.startswith("validation_"):
                numbers[name.replace("validation_", "val ")] = values[-1]
        return numbers

    def _end_epoch(self, batch: Batch, rollout: Any, seconds: float) -> None:
        self._flush()
        record = {"loss": self.sums[0] / max(self.sums[1], 1e-300), "seconds": seconds}
        metric = self._metric(self.dataset, rollout.outputs.detach(), batch)
        if metric is not None:
            record[self.metric_name] = metric
        if self.validation is not None:
            record |= self._validate()
        self.history.record_epoch(**record)
        if self.scheduler is not None and _is_plateau(self.scheduler):
            self.scheduler.step(record[self.history.monitored])
        self.epoch, self.batch, self.sums = self.epoch + 1, 0, [0.0, 0.0]
        self._advance(metric)

    def _metric(self, task: Any, outputs: Tensor, batch: Batch) -> float | None:
        if not self.metric_name or batch.mask is None:
            return None
        return float(task.metric(outputs, batch.targets, batch.mask))

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Return loss and metric on the validation set."""
        self.rnn.eval()
        losses, metrics, weights = [], [], []
        for raw in batches(self.validation, self.batch_size):
            batch = prepare(raw, self.rnn)
            outputs = self.rnn(batch.inputs).outputs
            losses.append(float(self.loss(outputs, batch.targets, batch.mask)))
            metrics.append(self._metric(self.validation, outputs, batch))
            weights.append(float(_weight(batch)))
        self.rnn.train()
        record = {"validation_loss": _mean(losses, weights)}
        if None not in metrics:
            record[f"validation_{self.metric_name}"] = _mean(metrics, weights)  # type: ignore[arg-type]
        return record

    def _check_finite(self, batch: Batch) -> None:
        """Look at the latest loss where looking at each one would stall the device."""
        latest = float(self._pending["loss"][-1]) if self._pending else 0.0
        if not math.isfinite(latest):
            self._refuse(batch, latest)

    def _refuse(self, batch: Batch, value: float) -> None:
        for name, tensor in zip(("inputs", "targets", "mask"), batch, strict=True):
            if tensor is not None and not tensor.isfinite().all():
                at = (~tensor.isfinite()).nonzero()[0].tolist()
                raise ValueError(
                    f"expected finite {name}, got {tensor[tuple(at)]} at trial, time, channel "
                    f"{at} of a batch; clean the dataset, or mask these steps"
                )
        raise FloatingPointError(
            f"expected a finite loss, got {value} at step {self.step}; try a smaller lr than "
            f"{self.optimizer.param_groups[0]['lr']:g} or a smaller clip_norm"
        )

    @contextmanager
    def _global_generator(self) -> Iterator[None]:
        """Seed torch's global generator, for a user's own layers, and put it back afterwards."""
        if not self.is_seeded:
            yield
            return
        device = self.parameters[0].device
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices) if device.type != "mps" else nullcontext():
            torch.manual_seed(self.seed)
            if self._global_rng is not None:
                torch.set_rng_state(self._global_rng)
            yield


def _weight(batch: Batch) -> Tensor:
    """Return how much a batch weighs in the mean of an epoch."""
    if batch.mask is None:
        return torch.tensor(float(batch.inputs.shape[0] * batch.inputs.shape[1]))
    return batch.mask.sum()


def _mean(values: list[float], weights: list[float]) -> float:
    total = sum(w * x for w, x in zip(weights, values, strict=True))
    return total / max(sum(weights), 1e-300)


def _is_plateau(scheduler: Any) -> bool:
    return isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)


def _checkpointer(path: str | Path, every: int, until: int) -> Callback:
    def save(training: Training) -> None:
        if training.epoch % every == 0 or training.epoch == until:
            training.save(path)

    return save


def _restore_from(rnn: Any, path: str | Path) -> None:
    """Give a network the weights, history and training state of a checkpoint."""
    saved = type(rnn).load(path)
    try:
        rnn.load_state_dict(saved.state_dict())
    except RuntimeError as error:
        raise ValueError(
            f"expected {path} to hold a network like this one, got: {error}; use another "
            "checkpoint, or resume=False"
        ) from error
    rnn.history, rnn.training_state = saved.history, saved.training_state


def _choose_loss(loss: str | Loss | None, rnn: Any, dataset: Any) -> Loss:
    if loss is not None:
        return loss_function(loss)
    named = getattr(dataset, "loss", None)
    if getattr(type(rnn).loss, "is_default", False) and isinstance(named, str):
        return loss_function(named)
    return rnn.loss


def _split(dataset: Any, validation: Any, seed: int | None) -> tuple[Any, Any]:
    """Return what to train on and what to validate with."""
    if not isinstance(validation, float):
        if validation is not None and not hasattr(validation, "__getitem__"):
            raise TypeError(
                "expected validation to be a dataset or a share such as 0.1, got "
                f"{type(validation).__name__}"
            )
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


def _check_arguments(
    dataset: Any, epochs: int, batch_size: int | None, clip_norm: float | None, every: int
) -> None:
    if not isinstance(dataset, (Dataset, DataLoader)) and not (
        hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
    ):
        raise TypeError(
            "expected a torch Dataset or DataLoader of (inputs, targets) or (inputs, targets, "
            f"mask), got {type(dataset).__name__}"
        )
    if hasattr(dataset, "__len__") and len(dataset) == 0:
        raise ValueError("expected a dataset with at least one trial, got an empty one")
    for name, value in {"epochs": epochs, "checkpoint_every": every}.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"expected {name} to be a whole number of at least 1, got {value!r}")
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise ValueError(
            f"expected batch_size of at least 1, or None for all trials, got {batch_size!r}"
        )
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"expected clip_norm > 0, or None for no clipping, got {clip_norm}")
