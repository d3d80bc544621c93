"""State of a training: plain data from which a run goes on as if it had not stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TypedDict

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from pyrnn.training._datasets import Dataset, Trial
from pyrnn.training._order import check_repeatable, order_states, set_order_states
from pyrnn.training._record import Recorder

__all__ = [
    "Run",
    "TrainingState",
    "global_generator",
    "refuse_changes",
    "state_of",
    "take_up",
]


class _Needed(TypedDict):
    epoch: int
    step: int
    batch: int
    stage: int
    first_epoch: int
    seed: int
    batch_size: int
    lr: float
    shuffle: bool
    clip_norm: float | None
    clip_value: float | None
    sums: list[float]
    optimizer: tuple[str, list[list[int]], dict[str, Any]]
    scheduler: dict[str, Any] | None
    noise_rng: Tensor
    global_rng: Tensor


class TrainingState(_Needed, total=False):
    """What a file holds of a training. Files of version 0.1 lack the last two parts.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> rnn = RNN(3, 8, 3)
        >>> history = rnn.fit(FlipFlop(n_trials=8), epochs=2, lr=0.05, progress=False)
        >>> state: TrainingState = rnn.training_state
        >>> state["epoch"], state["step"], state["lr"]
        (2, 2, 0.05)
    """

    order_rng: list[Tensor]
    described: dict[str, object]


class Run(Protocol):
    """A training as its state is taken from it, and given back to it; ``Training`` is one.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> seen: list[Run] = []
        >>> task = FlipFlop(n_trials=8)
        >>> history = RNN(3, 8, 3).fit(task, epochs=1, callbacks=seen.append, progress=False)
        >>> seen[0].epoch, seen[0].is_seeded
        (1, False)
        >>> type(seen[0].generator).__name__
        'Generator'
    """

    epoch: int
    step: int
    batch: int
    stage: int
    first_epoch: int
    seed: int
    batch_size: int
    lr: float
    shuffle: bool
    clip_norm: float | None
    clip_value: float | None
    recorder: Recorder
    optimizer: Optimizer
    scheduler: LRScheduler | None
    parameters: list[nn.Parameter]
    is_seeded: bool
    global_rng: Tensor | None
    dataset: Dataset
    loader: DataLoader[Trial] | None
    order_rng: list[Tensor]
    described: dict[str, object]

    @property
    def generator(self) -> torch.Generator:
        """Source of the network's noise."""


def state_of(run: Run) -> TrainingState:
    """Return plain data from which a run goes on as if it had not stopped.

    Args:
        run: The training.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> seen, task = [], FlipFlop(n_trials=8)
        >>> history = RNN(3, 8, 3).fit(task, epochs=2, callbacks=seen.append, progress=False)
        >>> state_of(seen[0])["epoch"]
        2
    """
    optimizer, scheduler = run.optimizer, run.scheduler
    return TrainingState(
        epoch=run.epoch,
        step=run.step,
        batch=run.batch,
        stage=run.stage,
        first_epoch=run.first_epoch,
        seed=run.seed,
        batch_size=run.batch_size,
        lr=run.lr,
        shuffle=run.shuffle,
        clip_norm=run.clip_norm,
        clip_value=run.clip_value,
        sums=list(run.recorder.sums),
        optimizer=(type(optimizer).__name__, _sizes(optimizer), optimizer.state_dict()),
        scheduler=None if scheduler is None else scheduler.state_dict(),
        noise_rng=run.generator.get_state(),
        global_rng=torch.get_rng_state(),
        order_rng=_order(run),
        described=run.described,
    )


def _order(run: Run) -> list[Tensor]:
    """Return the generators of a loader: as they were when this epoch's order was drawn."""
    if run.loader is None:
        return []
    return run.order_rng if run.batch else order_states(run.loader)


def take_up(run: Run, saved: TrainingState | None, *, resume: bool) -> None:
    """Go on from an earlier run: where it stopped (``resume``), or after its end.

    Args:
        run: The run that is about to start.
        saved: State of the earlier run; None for a first run.
        resume: Whether counters, learning rates and scheduler go on, too. Other arguments than
            the run began with are refused then.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> task, rnn = FlipFlop(n_trials=8), RNN(3, 8, 3)
        >>> for _ in range(2):  # the second call takes up the state of the first
        ...     history = rnn.fit(task, epochs=2, progress=False)
        >>> rnn.training_state["epoch"]
        4
    """
    if not saved:
        return
    if resume:
        _check_same_run(run, saved)
    run.epoch, run.step = saved["epoch"], saved["step"]
    run.first_epoch = run.epoch
    _take_up_optimizer(run, saved, resume)
    if resume or (run.is_seeded and run.seed == saved["seed"]):
        run.is_seeded = True
        run.global_rng = saved["global_rng"]
        run.generator.set_state(saved["noise_rng"])
    if not resume:
        return
    run.batch, run.stage = saved["batch"], saved["stage"]
    run.first_epoch, run.seed = saved["first_epoch"], saved["seed"]
    run.recorder.sums = list(saved["sums"])
    _take_up_order(run, saved)
    if run.scheduler is not None and saved["scheduler"] is not None:
        run.scheduler.load_state_dict(saved["scheduler"])


def _take_up_order(run: Run, saved: TrainingState) -> None:
    """Go on with the order of a loader."""
    check_repeatable(run.dataset)
    if run.loader is None:
        return
    states = saved.get("order_rng")
    if states is None:
        raise ValueError(
            "expected a checkpoint that holds the order of the data loader for resume=True, got "
            "one of version 0.1; train anew with resume=False"
        )
    run.order_rng = states
    if not run.batch:
        now = torch.get_rng_state()
        set_order_states(run.loader, states)
        torch.set_rng_state(now)


def _check_same_run(run: Run, saved: TrainingState) -> None:
    """Refuse to go on with other arguments than those that the run began with."""
    changes: dict[str, tuple[object, object]] = {
        "batch_size": (saved["batch_size"], run.batch_size),
        "lr": (saved["lr"], run.lr),
        "shuffle": (saved["shuffle"], run.shuffle),
        "clip_norm": (saved["clip_norm"], run.clip_norm),
        "clip_value": (saved["clip_value"], run.clip_value),
        "optimizer": (saved["optimizer"][0], type(run.optimizer).__name__),
        "sizes of what the optimizer changes": (saved["optimizer"][1], _sizes(run.optimizer)),
    }
    for name in saved.get("described", {}).keys() & run.described.keys():
        changes[name] = saved["described"][name], run.described[name]
    if run.is_seeded:
        changes["seed"] = saved["seed"], run.seed
    refuse_changes(changes)


def refuse_changes(pairs: Mapping[str, tuple[object, object]]) -> None:
    """Refuse to resume a run if something has changed.

    Args:
        pairs: Values before and now, by name.

    Raises:
        ValueError: If values differ.

    Example:
        >>> refuse_changes({"lr": (0.01, 0.1)})
        Traceback (most recent call last):
        ...
        ValueError: expected to resume the run as it began, got lr=0.1 after 0.01; ...
    """
    changed = [f"{name}={new!r} after {old!r}" for name, (old, new) in pairs.items() if old != new]
    if changed:
        raise ValueError(
            f"expected to resume the run as it began, got {', '.join(changed)}; go on with the "
            "same arguments, or train anew with resume=False and another checkpoint"
        )


def _take_up_optimizer(run: Run, saved: TrainingState, resume: bool) -> None:
    """Load momenta if the optimizer is of the same kind; its learning rate only to resume."""
    name, sizes, state = saved["optimizer"]
    if (type(run.optimizer).__name__, _sizes(run.optimizer)) == (name, sizes):
        groups = (state if resume else run.optimizer.state_dict())["param_groups"]
        run.optimizer.load_state_dict({"state": state["state"], "param_groups": groups})


def _sizes(optimizer: Optimizer) -> list[list[int]]:
    return [[p.numel() for p in group["params"]] for group in optimizer.param_groups]


@contextmanager
def global_generator(run: Run) -> Iterator[None]:
    """Seed torch's global generator, for a user's own layers, and restore it afterwards.

    Args:
        run: The training.

    Yields:
        Nothing.

    Example:
        >>> from types import SimpleNamespace
        >>> weight = torch.nn.Parameter(torch.zeros(1))
        >>> run = SimpleNamespace(is_seeded=True, seed=0, global_rng=None, parameters=[weight])
        >>> before = torch.get_rng_state()
        >>> with global_generator(run):
        ...     draw = torch.rand(1)
        >>> torch.equal(before, torch.get_rng_state())
        True
    """
    if not run.is_seeded:
        yield
        return
    device = run.parameters[0].device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(run.seed)
        if run.global_rng is not None:
            torch.set_rng_state(run.global_rng)
        yield
