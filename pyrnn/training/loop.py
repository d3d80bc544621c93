"""The training loop: what fit runs, and what callbacks see."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pyrnn.progress import Interrupt, TrainingBar, interruptible
from pyrnn.training.callbacks import Callback
from pyrnn.training.curriculum import Curriculum
from pyrnn.training.data import Batch, batches, check_finite, n_batches, prepare
from pyrnn.training.evaluation import evaluate, metric_of
from pyrnn.training.flat import flatten
from pyrnn.training.history import History
from pyrnn.training.losses import Loss
from pyrnn.training.optim import OptimizerSpec, SchedulerSpec, make_optimizer, make_scheduler
from pyrnn.training.penalties import Penalty
from pyrnn.training.record import Recorder, weight_of
from pyrnn.training.resume import global_generator, state_of, take_up

__all__ = ["Training"]

logger = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class Training:
    """A running training: what callbacks see.

    The arguments are those of ``fit``, checked and with defaults filled in.

    Attributes:
        history: What happened so far.
        epoch: Epochs finished, over all calls of ``fit``.
        step: Optimizer steps made, likewise.
        batch: Batches seen in this epoch.
        stage: Stage of the curriculum.
        optimizer: The torch optimizer.
        metric_name: Name of the task's metric; empty if it has none.
        metric_goal: ``"max"`` or ``"min"``.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> def slow_down(training: Training) -> None:
        ...     if training.epoch == 2:
        ...         training.optimizer.param_groups[0]["lr"] = 0.001
        >>> task, rnn = FlipFlop(n_trials=8), RNN(3, 8, 3)
        >>> rnn.fit(task, epochs=3, callbacks=slow_down, progress=False).learning_rate
        [0.01, 0.01, 0.001]
    """

    rnn: Any
    dataset: Any
    batch_size: int
    loss: Loss
    penalties: Mapping[str, Penalty]
    clip_norm: float | None
    clip_value: float | None
    shuffle: bool
    validation: Any
    curriculum: Curriculum | None
    checkpoint: str | Path | None
    checkpoint_every: int

    def __post_init__(self) -> None:
        self.metric_name: str = getattr(self.dataset, "metric_name", "")
        self.metric_goal: str = getattr(self.dataset, "metric_goal", "max")
        self.parameters = [p for p in self.rnn.parameters() if p.requires_grad]
        self.history: History = getattr(self.rnn, "history", None) or History()
        self.history.n_parameters = sum(p.numel() for p in self.parameters)
        self.history.interrupted = False
        self.recorder = Recorder(self.history)
        self.epoch = self.step = self.batch = self.stage = self.first_epoch = 0
        self._is_stepping = False

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
        """Build optimizer and scheduler and take up the state of an earlier run; ``fit`` does.

        Args:
            optimizer: As ``fit`` takes it; so are the others.
            scheduler: Likewise.
            lr: Likewise.
            epochs: Likewise.
            resume: Likewise.
            seed: Likewise.

        Raises:
            ValueError: If there is no such optimizer or scheduler, or nothing to learn.

        Example:
            >>> from pyrnn import RNN
            >>> from pyrnn.tasks import FlipFlop
            >>> seen, task = [], FlipFlop(n_trials=8)
            >>> history = RNN(3, 8, 3).fit(task, epochs=2, callbacks=seen.append, progress=False)
            >>> seen[0].until, type(seen[0].optimizer).__name__
            (2, 'Adam')
        """
        per_epoch = n_batches(self.dataset, self.batch_size)
        self.n_steps = None if per_epoch is None else per_epoch * epochs
        self.flats = flatten(self.parameters)
        # a user's optimizer may treat layers differently; those known by name take numbers alike
        whole = [flat.whole for flat in self.flats] if isinstance(optimizer, str) else None
        self.optimizer = make_optimizer(optimizer, whole or self.parameters, lr)
        self.scheduler = make_scheduler(scheduler, self.optimizer, self.n_steps)
        self.is_seeded = seed is not None
        self.lr = lr
        self.seed = int(torch.randint(2**31, ())) if seed is None else seed
        self.global_rng: Tensor | None = None
        if seed is not None:
            self.rnn.generator.manual_seed(seed)
        take_up(self, getattr(self.rnn, "training_state", None), resume=resume)
        self.until = self.first_epoch + epochs

    def save(self, path: str | Path) -> None:
        """Write the network with the state of its training.

        Example:
            >>> import tempfile, pyrnn
            >>> from pyrnn.tasks import FlipFlop
            >>> path = Path(tempfile.mkdtemp()) / "run.pt"
            >>> rnn, save = pyrnn.RNN(3, 8, 3), lambda training: training.save(path)
            >>> history = rnn.fit(FlipFlop(n_trials=8), epochs=2, callbacks=save, progress=False)
            >>> pyrnn.load(path).training_state["epoch"]
            2
        """
        self._hand_over()
        self.rnn.save(path)

    def run(self, callbacks: Sequence[Callback], *, progress: bool) -> None:
        """Train until the last epoch, a callback's True, or Ctrl-C; ``fit`` calls it.

        Raises:
            ValueError: If the dataset does not fit the network, or scores nothing.
            FloatingPointError: If the loss or its gradient is NaN or infinite.

        Example:
            >>> from pyrnn import RNN
            >>> from pyrnn.tasks import FlipFlop
            >>> stop = lambda training: training.epoch == 2
            >>> task = FlipFlop(n_trials=8)
            >>> RNN(3, 8, 3).fit(task, epochs=9, callbacks=stop, progress=False).n_epochs
            2
        """
        was_training = self.rnn.training
        self.rnn.train()
        done = (self.epoch - self.first_epoch) * (n_batches(self.dataset, self.batch_size) or 0)
        bar = TrainingBar(self.n_steps, done + self.batch, enabled=progress)
        with global_generator(self):
            if self.checkpoint is not None:
                self.save(self.checkpoint)  # what can't be written fails now, not after an epoch
            try:
                with bar, interruptible() as interrupt:
                    self._run_epochs(callbacks, bar, interrupt)
            except KeyboardInterrupt:
                self.history.interrupted = True
            finally:
                self.rnn.train(was_training)
                for flat in self.flats:
                    flat.release()
                self._hand_over()
            if self._is_stepping:  # a second Ctrl-C cut a step in half
                self.rnn.training_state = None
                logger.warning(
                    "stopped within step %d: the weights are kept, a checkpoint stays as it was",
                    self.step,
                )
                return
            if self.checkpoint is not None:
                self.save(self.checkpoint)
        if self.history.interrupted:
            logger.warning("interrupted at step %d: what was learned is kept", self.step)

    # ------------------------------------------------------------------ the loops

    def _run_epochs(
        self, callbacks: Sequence[Callback], bar: TrainingBar, interrupt: Interrupt
    ) -> None:
        while self.epoch < self.until:
            with self.rnn.hot_loop():
                finished = self._run_epoch(bar, interrupt)
            # every callback is called, whatever the others say
            is_over = finished and any([callback(self) for callback in callbacks])
            if interrupt.pressed:
                self.history.interrupted = True
                return
            if is_over:
                return
            is_due = self.epoch % self.checkpoint_every == 0 and self.epoch < self.until
            if self.checkpoint is not None and is_due:
                self.save(self.checkpoint)

    def _run_epoch(self, bar: TrainingBar, interrupt: Interrupt) -> bool:
        """Run one epoch; return whether it was finished."""
        began = time.perf_counter()
        for flat in self.flats:
            flat.attach()  # a callback may have given the network other weights
        last: tuple[Batch, Tensor] | None = None
        for batch in self._batches():
            if interrupt.pressed:
                return False
            last = batch, self._make_step(batch)
            bar.done += 1
            if bar.is_due():
                check_finite(batch, self.recorder.latest)
                self._show(bar)
        if last is not None:
            check_finite(last[0], self.recorder.latest)
        self._end_epoch(last, time.perf_counter() - began)
        self._show(bar)
        return True

    def _batches(self) -> Iterator[Batch]:
        """Yield the batches of this epoch, of the task as the curriculum has it by now."""
        order_seed = (self.seed * 1_000_003 + self.epoch) % 2**63 if self.shuffle else None
        stage = None
        while stage != self.stage:
            stage = self._advance(None)
            for batch in batches(
                self._task(), self.batch_size, order_seed=order_seed, skip=self.batch
            ):
                yield prepare(batch, self.rnn)
                if self._advance(None) != stage:
                    break

    def _task(self) -> Any:
        task = self.dataset
        if self.curriculum is not None:
            task = task.replace(**self.curriculum.parameters(self.stage))
        make_epoch: Callable[[int], Any] | None = getattr(task, "epoch", None)
        return task if make_epoch is None else make_epoch(self.epoch)

    def _advance(self, metric: float | None) -> int:
        if self.curriculum is not None:
            self.stage = self.curriculum.stage(self.stage, self.step, metric)
        return self.stage

    def _make_step(self, batch: Batch) -> Tensor:
        """Make one optimizer step; return the network's outputs before it."""
        terms: dict[str, Tensor] = {}
        outputs: list[Tensor] = []

        def closure() -> Tensor:
            for flat in self.flats:
                flat.gradient.zero_()
            rollout, adjoint = self.rnn.forward_and_adjoint(batch.inputs)
            outputs[:] = [rollout.outputs.detach()]
            total = self._total(rollout, batch, terms)
            if total.device.type == "cpu":
                check_finite(batch, total.item())
            total.backward()
            adjoint()
            self._clip(batch, terms)
            return total

        self._is_stepping = True
        self.optimizer.step(closure)  # type: ignore[arg-type]
        for flat in self.flats:
            flat.hold()
        self.recorder.add(terms, self.optimizer.param_groups[0]["lr"], weight_of(batch))
        if self.scheduler is not None and not _is_plateau(self.scheduler):
            self.scheduler.step()
        self.step += 1
        self.batch += 1
        self._is_stepping = False
        return outputs[0]

    def _total(self, rollout: Any, batch: Batch, terms: dict[str, Tensor]) -> Tensor:
        """Return the loss with all penalties, and note each of these terms."""
        total = _scalar("loss", self.loss(rollout.outputs, batch.targets, batch.mask))
        if self.penalties:
            terms["task"] = total.detach()
            for name, penalty in self.penalties.items():
                term = _scalar(name, penalty(self.rnn, rollout))
                terms[name] = term.detach()
                total = total + term
        if not total.requires_grad:
            raise TypeError(
                "expected a loss that depends on what the network learns, got one without a "
                "gradient; make it of outputs or states, without .detach(), .item() or numpy"
            )
        terms["loss"] = total.detach()
        return total

    def _clip(self, batch: Batch, terms: dict[str, Tensor]) -> None:
        if isinstance(self.optimizer, torch.optim.LBFGS):
            return
        gradients = [flat.gradient for flat in self.flats]
        if self.clip_norm is not None:
            norm = terms["gradient_norm"] = _norm(gradients)
            if norm.device.type == "cpu":
                value = norm.item()
                check_finite(batch, value, "gradient")
                scale: float | Tensor = min(1.0, self.clip_norm / (value + 1e-6))
            else:  # nobody waits for the number
                scale = (self.clip_norm / (norm + 1e-6)).clamp(max=1.0)
            for gradient in gradients:
                gradient.mul_(scale)
        if self.clip_value is not None:
            for gradient in gradients:
                gradient.clamp_(-self.clip_value, self.clip_value)

    # ------------------------------------------------------------------ after an epoch

    def _end_epoch(self, last: tuple[Batch, Tensor] | None, seconds: float) -> None:
        record = {"loss": self.recorder.mean_loss(), "seconds": seconds}
        if last is not None:
            record |= metric_of(self._task(), last[1], last[0])
        if self.validation is not None:
            record |= self._validate()
        self.history.record_epoch(**record)
        if self.scheduler is not None and _is_plateau(self.scheduler):
            self.scheduler.step(record[self.history.monitored])
        self.epoch, self.batch = self.epoch + 1, 0
        self._advance(record.get(self.metric_name))

    def _validate(self) -> dict[str, float]:
        """Return loss and metric on the validation set."""
        task = self.validation if hasattr(self.validation, "metric") else self.dataset
        found = evaluate(
            self.rnn, self.validation, loss=self.loss, task=task, batch_size=self.batch_size
        )
        return {f"validation_{name}": value for name, value in found.items()}

    def _show(self, bar: TrainingBar) -> None:
        self.recorder.flush()
        numbers = {"loss": self.history.loss[-1], "lr": self.history.learning_rate[-1]}
        for name, values in self.history.epochs.items():
            if name == self.metric_name or name.startswith("validation_"):
                numbers[name.replace("validation_", "val ")] = values[-1]
        bar.show(f"epoch {min(self.epoch + 1, self.until)}/{self.until}", **numbers)

    def _hand_over(self) -> None:
        self.recorder.flush()
        self.rnn.history, self.rnn.training_state = self.history, state_of(self)


def _scalar(name: str, value: Any) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"{value!r}"
        raise TypeError(f"expected {name} to return a tensor with one number, got {got}")
    return value


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the norm of all numbers together."""
    norms = [torch.linalg.vector_norm(tensor) for tensor in tensors]
    return norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack(norms))


def _is_plateau(scheduler: Any) -> bool:
    return isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
