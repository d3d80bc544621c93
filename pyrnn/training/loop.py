"""The training loop: what ``fit`` runs, and what callbacks see."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import LBFGS, Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from pyrnn.progress import Interrupt, TrainingBar, interruptible
from pyrnn.training._datasets import (
    Adjustable,
    Dataset,
    HasGoal,
    HasMetric,
    MakesEpochs,
)
from pyrnn.training._described import (
    described,
    described_contents,
    described_dataset,
    described_options,
)
from pyrnn.training._evaluation import evaluate, metric_of
from pyrnn.training._flat import flatten
from pyrnn.training._kernel import KernelStep, Made, obstacle
from pyrnn.training._lockstep import Lane, Steps, run_lanes
from pyrnn.training._named import Penalty
from pyrnn.training._optim import OptimizerSpec, SchedulerSpec, make_optimizer, make_scheduler
from pyrnn.training._order import may_draw, order_states, set_order_states
from pyrnn.training._record import Recorder
from pyrnn.training._step import clip_gradient, total_loss
from pyrnn.training.curriculum import Curriculum
from pyrnn.training.data import (
    Batch,
    check_finite,
    loader_batches,
    loader_of,
    mask_of,
    n_batches,
    pieces,
    prepare,
    split,
    weight_of,
)
from pyrnn.training.history import History
from pyrnn.training.losses import Loss
from pyrnn.training.network import Trainable, in_mode
from pyrnn.training.state import global_generator, state_of, take_up

__all__ = ["Callback", "Training"]

_logger = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class Training:
    """A running training: what callbacks see.

    The arguments are those of ``fit``, checked and with defaults filled in.

    Attributes:
        rnn: The network, or the module that ``fit`` was given.
        history: Record of the training so far.
        epoch: Number of finished epochs, over all calls of ``fit``.
        step: Number of optimizer steps, over all calls of ``fit``.
        batch: Number of batches in this epoch so far.
        stage: Stage of the curriculum.
        optimizer: The torch optimizer.
        metric_name: Name of the task's metric; empty if it has none.
        metric_goal: ``"max"`` if a larger metric is better, else ``"min"``.

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

    network: Trainable
    dataset: Dataset
    batch_size: int
    loss: Loss
    penalties: Mapping[str, Penalty]
    clip_norm: float | None
    clip_value: float | None
    shuffle: bool
    validation: Dataset | None
    curriculum: Curriculum | None
    checkpoint: str | os.PathLike[str] | None
    checkpoint_every: int

    def __post_init__(self) -> None:
        dataset, module = self.dataset, self.network._module
        self.rnn: nn.Module = module
        self.metric_name = dataset.metric_name if isinstance(dataset, HasMetric) else ""
        self.metric_goal = dataset.metric_goal if isinstance(dataset, HasGoal) else "max"
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.history = self.network.history or History()
        self.history.n_parameters = sum(p.numel() for p in self.parameters)
        self.history.interrupted = False
        self.recorder = Recorder(self.history)
        self.epoch = self.step = self.batch = self.stage = self.first_epoch = 0
        self.global_rng: Tensor | None = None
        self.loader = loader_of(self.dataset, self.batch_size)
        self.order_rng: list[Tensor] = []
        self._is_stepping = False
        self.kernel: KernelStep | None = None

    @property
    def monitored(self) -> str:
        """Name of the loss by which epochs of this run are compared.

        Example:
            >>> from pyrnn import RNN
            >>> from pyrnn.tasks import FlipFlop
            >>> seen, task = [], FlipFlop(n_trials=8)
            >>> history = RNN(3, 8, 3).fit(task, epochs=1, callbacks=seen.append, progress=False)
            >>> seen[0].monitored
            'loss'
        """
        return "loss" if self.validation is None else "validation_loss"

    @property
    def generator(self) -> torch.Generator:
        """Source of the network's noise.

        Example:
            >>> from pyrnn import RNN
            >>> from pyrnn.tasks import FlipFlop
            >>> def repeat_noise(training: Training) -> None:
            ...     training.generator.manual_seed(0)
            >>> rnn = RNN(3, 8, 3, noise=0.1)
            >>> history = rnn.fit(FlipFlop(n_trials=8), callbacks=repeat_noise, progress=False)
        """
        return self.network.generator

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
            optimizer: Name or function, see ``fit``.
            scheduler: Name, function or None, see ``fit``.
            lr: Learning rate.
            epochs: Number of epochs.
            resume: Whether to go on with a run that was interrupted.
            seed: Seed of order and noise, None to draw one.

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
        self.flats = flatten(self.parameters, is_joint=self.rnn is self.network)
        # a function may treat layers differently; the optimizers known by name treat all alike
        whole = [flat.whole for flat in self.flats] if isinstance(optimizer, str) else None
        self.optimizer: Optimizer = make_optimizer(optimizer, whole or self.parameters, lr)
        self.scheduler = make_scheduler(scheduler, self.optimizer, self.n_steps)
        self.is_seeded, self.lr = seed is not None, lr
        self.described: dict[str, object] = {
            "loss": described(self.loss),
            "penalties": {name: described(term) for name, term in self.penalties.items()},
            "scheduler": described(scheduler),
            "options of the optimizer": described_options(self.optimizer),
            "dataset": described_dataset(self.dataset),
            "contents of the dataset": described_contents(self.dataset),
            "curriculum": described(self.curriculum),
        }
        if isinstance(scheduler, str) and scheduler != "plateau":
            self.described["epochs"] = epochs
        self.seed = int(torch.randint(2**31, ())) if seed is None else seed
        if seed is not None:
            self.generator.manual_seed(seed)
        take_up(self, self.network.training_state, resume=resume)
        self.until = self.first_epoch + epochs

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network with the state of its training.

        A module that is no network of pyrnn is refused.

        Args:
            path: Where to write.

        Example:
            >>> import pyrnn
            >>> from pyrnn.tasks import FlipFlop
            >>> path = getfixture("tmp_path") / "run.pt"
            >>> rnn, save = pyrnn.RNN(3, 8, 3), lambda training: training.save(path)
            >>> history = rnn.fit(FlipFlop(n_trials=8), epochs=2, callbacks=save, progress=False)
            >>> pyrnn.load(path).training_state["epoch"]
            2
        """
        self._check_weights()
        self._hand_over()
        self.network.save(path)

    def run(self, callbacks: Sequence[Callback], *, progress: bool) -> None:
        """Train until the last epoch, a callback's True, or Ctrl-C; ``fit`` calls it.

        Args:
            callbacks: Functions of the training, called after every epoch.
            progress: Whether to show a progress bar.

        Raises:
            Exception: What a step, a callback or the dataset has raised.

        Example:
            >>> from pyrnn import RNN
            >>> from pyrnn.tasks import FlipFlop
            >>> stop = lambda training: training.epoch == 2
            >>> task = FlipFlop(n_trials=8)
            >>> RNN(3, 8, 3).fit(task, epochs=9, callbacks=stop, progress=False).n_epochs
            2
        """
        with interruptible() as interrupt:
            lane = Lane(self, self._steps(callbacks, interrupt, progress=progress))
            run_lanes([lane])
        if lane.error is not None:
            raise lane.error

    def _steps(
        self, callbacks: Sequence[Callback], interrupt: Interrupt, *, progress: bool
    ) -> Steps:
        """Train like ``run``, where another one makes the steps."""
        done = (self.epoch - self.first_epoch) * (n_batches(self.dataset, self.batch_size) or 0)
        bar = TrainingBar(self.n_steps, done + self.batch, enabled=progress)
        with global_generator(self):
            if self.checkpoint is not None:
                self.save(self.checkpoint)  # what can't be written fails now, not after an epoch
            try:
                with in_mode(self.rnn, True), bar:
                    yield from self._run_epochs(callbacks, bar, interrupt)
            except KeyboardInterrupt:
                self.history.interrupted = True
            finally:
                for flat in self.flats:
                    flat.release()
                self._hand_over()
            self._finish()

    def _finish(self) -> None:
        if self._is_stepping:  # a second Ctrl-C cut a step in half
            self.network.training_state = None
            _logger.warning(
                "stopped within step %d: the weights are kept, a checkpoint stays as it was",
                self.step,
            )
            return
        if self.checkpoint is not None:
            self.save(self.checkpoint)
        if self.history.interrupted:
            _logger.warning("interrupted at step %d: what was learned is kept", self.step)

    # ------------------------------------------------------------------ the loops

    def _run_epochs(
        self, callbacks: Sequence[Callback], bar: TrainingBar, interrupt: Interrupt
    ) -> Steps:
        while self.epoch < self.until:
            with self.network.training_loop() as self._forward:
                is_finished = yield from self._run_epoch(bar, interrupt)
            # every callback is called, whatever the others return
            is_over = is_finished and any([callback(self) for callback in callbacks])
            if interrupt.pressed:
                self.history.interrupted = True
                return
            if is_over:
                return
            is_due = self.epoch % self.checkpoint_every == 0 and self.epoch < self.until
            if self.checkpoint is not None and is_due:
                self.save(self.checkpoint)

    def _run_epoch(self, bar: TrainingBar, interrupt: Interrupt) -> Generator[Batch, Made, bool]:
        """Return whether the epoch was finished."""
        began = time.perf_counter()
        for flat in self.flats:
            flat.attach()  # a callback may have replaced weights
        self._choose_engine()
        last: tuple[Batch, Tensor] | None = None
        for batch in self._batches():
            if interrupt.pressed:
                return False
            self._is_stepping = True
            last = batch, self._record((yield batch))
            bar.done += 1
            if bar.is_due():
                check_finite(batch, self.recorder.latest)
                self._show(bar)
        if last is not None:
            check_finite(last[0], self.recorder.latest)
            self._check_weights()
        self._end_epoch(last, time.perf_counter() - began)
        self._show(bar)
        return True

    def _check_weights(self) -> None:
        """Refuse weights that a step or a callback has made NaN or infinite: no loss saw them."""
        if not all(bool(p.detach().isfinite().all()) for p in self.parameters):
            raise FloatingPointError(
                f"expected finite weights after step {self.step}, got others: the step was too "
                "long, or a callback has changed them; try a smaller lr"
            )

    def _batches(self) -> Iterator[Batch]:
        """Yield the batches of this epoch, of the task as the curriculum has changed it."""
        order_seed = (self.seed * 1_000_003 + self.epoch) % 2**63 if self.shuffle else None
        stage, draws = None, may_draw(self.dataset)
        while stage != self.stage:
            stage = self._advance(None)
            before = torch.get_rng_state() if draws else None
            for batch in self._fetched(order_seed):
                try:
                    yield batch
                except GeneratorExit:  # nothing was learned from it, so it will be drawn again
                    if before is not None:
                        torch.set_rng_state(before)
                    raise
                if self._advance(None) != stage:
                    break
                before = torch.get_rng_state() if draws else None

    def _fetched(self, order_seed: int | None) -> Iterator[Batch]:
        """Yield the batches of this epoch; the rest of them if it was cut."""
        loader, size = self.loader, self.batch_size
        if loader is None:
            for piece in pieces(self._task(), size, order_seed=order_seed, skip=self.batch):
                yield from split(prepare(piece, self.network), size)
            return
        go_on = None
        if self.batch:  # draw the order again, and leave out what was seen
            go_on = partial(torch.set_rng_state, torch.get_rng_state())
            set_order_states(loader, self.order_rng)
        else:
            self.order_rng = order_states(loader)
        for batch in loader_batches(loader, self.batch, go_on):
            yield prepare(batch, self.network)

    def _task(self) -> Dataset:
        task = self.dataset
        if self.curriculum is not None and isinstance(task, Adjustable):
            task = task.replace(**self.curriculum.parameters(self.stage))
        return task.epoch(self.epoch) if isinstance(task, MakesEpochs) else task

    def _advance(self, metric: float | None) -> int:
        if self.curriculum is not None:
            self.stage = self.curriculum.stage(self.stage, self.step, metric)
        return self.stage

    def _choose_engine(self) -> None:
        """Decide whether the kernel or torch makes the steps of an epoch."""
        reason = obstacle(self)
        self.kernel = KernelStep(self) if reason is None else None
        self.history.engine = "kernel" if reason is None else f"torch: {reason}"

    def _step_of_torch(self, batch: Batch) -> Made:
        """Make a step that the kernel cannot make."""
        if self.kernel is not None:
            self.history.engine = "torch: a batch that is too large for one call of the kernel"
        terms: dict[str, Tensor | float] = {}
        outputs: list[Tensor] = []

        def closure() -> Tensor | float:
            outputs[:] = [self._compute_gradient(batch, terms)]
            return terms["loss"]

        self.optimizer.step(closure)  # type: ignore[arg-type]
        for flat in self.flats:
            flat.hold()
        return Made(outputs[0], terms, weight_of(batch))

    def _record(self, made: Made) -> Tensor:
        """Note a step, go on with the schedule, and return the network's outputs."""
        self.recorder.add(made.terms, self.optimizer.param_groups[0]["lr"], made.weight)
        if self.scheduler is not None:
            self.optimizer._opt_called = True  # type: ignore[attr-defined]  # else it warns
        if self.scheduler is not None and not isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step()
        self.step += 1
        self.batch += 1
        self._is_stepping = False
        return made.outputs

    def _compute_gradient(self, batch: Batch, terms: dict[str, Tensor | float]) -> Tensor:
        """Return the network's outputs; fill in the gradient and the terms of the loss."""
        for flat in self.flats:
            flat.gradient.zero_()
        rollout, backward = self._forward(batch.inputs)
        outputs = rollout.outputs.detach()  # before a loss may work in place
        found = total_loss(self.rnn, rollout, batch, self.loss, self.penalties)
        total = found["loss"]
        terms.update(found, loss=total.detach())
        if total.device.type == "cpu":
            check_finite(batch, total.item())
        backward(total)
        if not isinstance(self.optimizer, LBFGS):
            terms.update(clip_gradient(self.flats, batch, self.clip_norm, self.clip_value))
        return outputs

    # ------------------------------------------------------------------ after an epoch

    def _end_epoch(self, last: tuple[Batch, Tensor] | None, seconds: float) -> None:
        record = {"loss": self.recorder.mean_loss(), "seconds": seconds}
        if last is not None:
            batch, outputs = last
            record |= metric_of(self._task(), outputs, batch.targets, mask_of(batch))
        if self.validation is not None:
            record |= self._validate(self.validation)
        self.history.record_epoch(**record)
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(record[self.monitored])
        self.epoch, self.batch = self.epoch + 1, 0
        self._advance(record.get(self.metric_name))

    def _validate(self, validation: Dataset) -> dict[str, float]:
        """Return loss and metric on the validation set."""
        scorers = [data for data in (validation, self.dataset) if isinstance(data, HasMetric)]
        task = scorers[0] if scorers else None
        found = evaluate(
            self.network, validation, loss=self.loss, task=task, batch_size=self.batch_size
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
        self.network.history, self.network.training_state = self.history, state_of(self)


Callback: TypeAlias = Callable[[Training], "bool | None"]
"""A function of the training that is called after every epoch; True ends the training."""
